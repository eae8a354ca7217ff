#include "query/shards.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "query/cells.h"

namespace footfall::query {
namespace {

/// Each time all is asked again: few steps, and the last so small that what does not fit then is no question of size.
constexpr std::uint64_t kCounts[] = {1, 8, 64};

class Sum {
public:
    explicit Sum(std::span<const std::size_t> keys) : keys_(keys) {}

    void add(store::Answer part) {
        const std::uint64_t rows_read = part.rows_read + (is_first_ ? 0 : sum_.rows_read);
        if (is_first_) sum_.columns = std::move(part.columns);
        is_first_ = false;
        sum_.rows_read = rows_read;
        for (auto& row : part.rows) {
            // Without numbers there is nothing to add up: two that are alike are two.
            if (keys_.size() == row.size()) {
                sum_.rows.push_back(std::move(row));
                continue;
            }
            std::vector<store::Value> key;
            for (const std::size_t column : keys_) key.push_back(row.at(column));
            const auto [known, is_new] = places_.emplace(std::move(key), sum_.rows.size());
            if (is_new) sum_.rows.push_back(std::move(row));
            else add_numbers(sum_.rows[known->second], row);
        }
    }
    store::Answer take() && { return std::move(sum_); }

private:
    void add_numbers(std::vector<store::Value>& into, const std::vector<store::Value>& row) const {
        for (std::size_t column = 0; column < row.size(); ++column)
            if (std::find(keys_.begin(), keys_.end(), column) == keys_.end())
                into[column] = natural_of(into[column]) + natural_of(row[column]);
    }

    const std::span<const std::size_t> keys_;
    std::map<std::vector<store::Value>, std::size_t> places_;
    store::Answer sum_;
    bool is_first_ = true;
};

Result<store::Answer> ask_all(Execution& execution, const std::function<store::Statement(const Shard&)>& compose,
                              std::uint64_t count, std::span<const std::size_t> keys) {
    if (count == 1) {
        if (failpoint("query.too_large_at_once") == Fault::kError)
            return Error(Code::kTooLarge, "failpoint query.too_large_at_once");
        return execution.ask_on_all_cores(compose({}));
    }
    Sum sum(keys);
    for (std::uint64_t place = 0; place < count; ++place) {
        TRY(store::Answer part, execution.ask_on_all_cores(compose({.place = place, .count = count})));
        sum.add(std::move(part));
    }
    return std::move(sum).take();
}

}  // namespace

void Shard::add_to(std::vector<std::string>& where, Composer& composer) const {
    if (count == 1) return;
    const std::uint64_t width = ~std::uint64_t{0} / count + 1;
    where.push_back(
        fmt::format("visitor_id >= {}", composer.bind_as("visitors_from", "UInt64", std::to_string(place * width))));
    if (place + 1 < count)
        where.push_back(fmt::format("visitor_id < {}",
                                    composer.bind_as("visitors_to", "UInt64", std::to_string((place + 1) * width))));
}

Result<ShardedAnswer> ask_by_shards(Execution& execution, const std::function<store::Statement(const Shard&)>& compose,
                                    std::span<const std::size_t> keys, std::uint64_t parts_least) {
    for (const std::uint64_t count : kCounts) {
        if (count < parts_least) continue;
        auto answer = ask_all(execution, compose, count, keys);
        if (answer) return ShardedAnswer{.answer = std::move(*answer), .count = count};
        if (answer.error().code != Code::kTooLarge || count == kCounts[std::size(kCounts) - 1]) return answer.error();
    }
    return Error(Code::kTooLarge, "the question needs more memory than the store may take");
}

}  // namespace footfall::query
