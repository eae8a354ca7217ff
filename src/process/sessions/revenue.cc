#include "process/sessions/revenue.h"

#include <algorithm>

namespace footfall::process {
namespace {

constexpr std::size_t kDecimals = 4;
/// Digits that fit into 128 bits whatever they are; the column has as many.
constexpr std::size_t kDigitsMax = 38;

template <class Amount>
std::string amount_text(Amount amount) {
    const bool is_negative = amount < 0;
    std::string digits;
    // Digit by digit from the end: the smallest number has no positive counterpart.
    for (; amount != 0 || digits.size() <= kDecimals; amount /= 10) {
        const int digit = static_cast<int>(amount % 10);
        digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    }
    std::reverse(digits.begin(), digits.end());
    std::string decimals = digits.substr(digits.size() - kDecimals);
    digits.resize(digits.size() - kDecimals);
    decimals.erase(decimals.find_last_not_of('0') + 1);
    return (is_negative ? "-" : "") + digits + (decimals.empty() ? "" : "." + decimals);
}

template <class Amount>
std::optional<Amount> parse_amount(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    if (is_negative) text.remove_prefix(1);
    const std::size_t point = std::min(text.find('.'), text.size());
    std::string digits(text.substr(0, point));
    std::string decimals(point < text.size() ? text.substr(point + 1) : std::string_view());
    if (digits.empty() || decimals.size() > kDecimals) return std::nullopt;
    decimals.resize(kDecimals, '0');
    digits += decimals;
    if (digits.size() > kDigitsMax) return std::nullopt;
    Amount amount = 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') return std::nullopt;
        amount = amount * 10 + (digit - '0');
    }
    return is_negative ? -amount : amount;
}

}  // namespace

void Revenue::add_amount(std::string_view currency, Amount amount) {
    const auto at = std::lower_bound(sums_.begin(), sums_.end(), currency,
                                     [](const auto& sum, std::string_view name) { return sum.first < name; });
    if (at != sums_.end() && at->first == currency) at->second += amount;
    else sums_.emplace(at, currency, amount);
}

void Revenue::add(std::string_view currency, std::int64_t ten_thousandths) {
    if (ten_thousandths != 0) add_amount(currency, ten_thousandths);
}

void Revenue::add(const Revenue& other) {
    for (const auto& [currency, amount] : other.sums_) add_amount(currency, amount);
}

std::vector<std::pair<std::string, std::string>> Revenue::texts() const {
    std::vector<std::pair<std::string, std::string>> out;
    out.reserve(sums_.size());
    for (const auto& [currency, amount] : sums_) out.emplace_back(currency, amount_text(amount));
    return out;
}

std::string Revenue::text() const {
    std::string out;
    for (const auto& [currency, amount] : texts()) {
        if (!out.empty()) out += ',';
        out += currency;
        out += '=';
        out += amount;
    }
    return out;
}

std::optional<Revenue> Revenue::parse(std::string_view text) {
    Revenue revenue;
    while (!text.empty()) {
        const std::string_view sum = text.substr(0, text.find(','));
        text.remove_prefix(std::min(sum.size() + 1, text.size()));
        const std::size_t equals = sum.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const auto amount = parse_amount<Amount>(sum.substr(equals + 1));
        if (!amount) return std::nullopt;
        revenue.add_amount(sum.substr(0, equals), *amount);
    }
    return revenue;
}

}  // namespace footfall::process
