#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "query/shared_answers.h"
#include "store/redis/client.h"

namespace footfall::app::cluster {

/// Answers in Redis, for five minutes. Their place is made of the question and of when rows of each day of its time
/// came last, which every node writes there as it hears of it (StoreWatch): an answer from before is not found any
/// more. A node that has not heard yet may find one for as long as it would its own, a quarter of a second. `claims` is
/// the sum of the loaders' claims: another one took a partition over, and may have taken rows out and written them
/// again.
class RedisAnswers final : public query::SharedAnswers {
public:
    RedisAnswers(store::redis::Endpoint endpoint, std::string prefix, Clock& clock,
                 std::function<std::optional<std::uint64_t>()> claims)
        : client_(std::move(endpoint), clock), prefix_(std::move(prefix)), clock_(clock), claims_(std::move(claims)) {}

    std::optional<std::string> place_of(std::string_view key, std::string_view site_id, std::int64_t from_ms,
                                        std::int64_t to_ms) override;
    std::optional<std::string> get(const std::string& place) override;
    void put(const std::string& place, std::string_view answer) override;

    /// Hours since 1970 (UTC) in which rows came, by site.
    void touch(const std::map<std::string, std::set<std::int64_t>, std::less<>>& hours);

private:
    std::string days_of(std::string_view site_id) const { return prefix_ + "touched:" + std::string(site_id); }

    store::redis::Client client_;
    const std::string prefix_;
    Clock& clock_;
    const std::function<std::optional<std::uint64_t>()> claims_;
};

}  // namespace footfall::app::cluster
