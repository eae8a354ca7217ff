#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace footfall::process {

/// What was paid, by currency: exact sums that do not depend on the order in which they are made. In ten-thousandths of
/// a unit, 128 bits each, which no number of events can exhaust. Currencies are not converted, since nobody here knows
/// the rates; an empty one is that of amounts that were sent without. 24 bytes where there is none.
class Revenue {
public:
    /// An amount of 0 is none.
    void add(std::string_view currency, std::int64_t ten_thousandths);
    void add(const Revenue& other);

    /// "=3,EUR=19.99,USD=-0.5": by currency, as toString() of the store prints the amounts. Empty where nothing was
    /// paid.
    std::string text() const;
    /// The same as pairs of currency and amount.
    std::vector<std::pair<std::string, std::string>> texts() const;
    /// Of what text() gives; nothing for all else.
    static std::optional<Revenue> parse(std::string_view text);

    bool operator==(const Revenue&) const = default;

private:
    __extension__ using Amount = __int128;

    void add_amount(std::string_view currency, Amount amount);

    std::vector<std::pair<std::string, Amount>> sums_;  // by currency
};

}  // namespace footfall::process
