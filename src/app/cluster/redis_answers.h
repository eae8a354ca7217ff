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
/// more. A node that has not heard yet may find one for as long as it would its own, a quarter of a second. `state` is
/// another text where rows were changed otherwise than by new events: a loader took a partition over, and may have
/// taken rows out and written them again, or somebody was erased. Nothing where that can't be told.
class RedisAnswers final : public query::SharedAnswers {
public:
    RedisAnswers(store::redis::Endpoint endpoint, std::string prefix, Clock& clock,
                 std::function<std::optional<std::string>()> state)
        : client_(std::move(endpoint), clock), prefix_(std::move(prefix)), clock_(clock), state_(std::move(state)) {}

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
    const std::function<std::optional<std::string>()> state_;
};

}  // namespace footfall::app::cluster
