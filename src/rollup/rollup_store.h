#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/plan.h"
#include "query/sql.h"
#include "rollup/registry.h"
#include "store/client.h"

namespace footfall::rollup {

/// With more of them a day counts for none of its properties: names that somebody makes up fill no memory.
inline constexpr std::size_t kPropertiesLeftOutMax = 20;

/// footfall.rollup_days and footfall.rollup_made. What a call writes is durable when it returns. Errors are those of
/// store::Client. Thread-safe.
class RollupStore {
public:
    explicit RollupStore(store::Client& store) : store_(store) {}

    struct SiteZone {
        std::string site_id;
        query::Zone zone;
    };

    /// Fills an empty registry with the days of these sites that the tables have whole, and with what touched them
    /// since it was written down last. `highest` becomes the highest generation there is.
    Status load(Registry& registry, std::span<const SiteZone> sites, std::uint64_t& highest);

    struct DaySize {
        query::Day day;
        std::uint64_t events = 0;
    };
    /// Days of [from_ms, to_ms) that have at least `events_min` events which count, by site; all of one zone.
    Result<std::map<std::string, std::vector<DaySize>>> sizes(std::span<const std::string> sites,
                                                              const query::Zone& zone, std::int64_t from_ms,
                                                              std::int64_t to_ms, std::uint64_t events_min);
    /// Writes the rows of whole days of a site. They count only when say_made() says so.
    Status fill(const query::RollupFill& fill, const query::Zone& zone);
    /// Writes the conversions of whole days, of a plan by query::make_goal_plan().
    Status fill_goals(const query::Plan& plan, std::uint64_t generation, const query::Zone& zone);
    /// Of the properties of these days those that the rows of that generation have not, by day. Of a day with more than
    /// kPropertiesLeftOutMax one more than these.
    Result<std::map<query::Day, std::vector<std::string>>> properties_left_out(const query::RollupFill& fill,
                                                                               const query::Zone& zone);
    /// The names of properties that these days have rows of, whether those count or not.
    Result<std::vector<std::string>> properties(const std::string& site_id, query::Day first, query::Day last);
    struct Rows {
        std::uint64_t count = 0;
        std::uint64_t dimensions = 0;  ///< that have any, as MadeDay says them
    };
    /// Of that generation, by day.
    Result<std::map<query::Day, Rows>> rows(const std::string& site_id, query::Day first, query::Day last,
                                            std::uint64_t generation);
    Status say_made(const std::string& site_id, const query::Zone& zone, std::span<const MadeDay> made);
    /// Up to this offset of the log what touched which day is written down.
    Status say_known_up_to(std::uint64_t offset, std::uint64_t version);
    /// Deletes everything of a site from that day on; all of all sites where it is empty.
    Status forget(const std::string& site_id, query::Day from);

private:
    store::Client& store_;
};

}  // namespace footfall::rollup
