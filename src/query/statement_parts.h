#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/plan.h"
#include "store/client.h"

/// What the statements over events, sessions and rolled days have in common. Of sql.cc and rollup_sql.cc.
namespace footfall::query {

/// Rows that the engine takes at once. The store's own setting is for inserts and small questions; a scan of a million
/// rows with uniqExact takes a fifth to a third less CPU with these (bench/query).
inline constexpr std::string_view kBlockRows = "65409";

/// The days (in UTC, as in the table's key) say nothing new, but the engine does not derive them: since the time itself
/// stands later in the key, a bound on it alone is held against that column, and every day of the site is read (41
/// granules instead of 6 for a day of 30).
inline std::vector<std::string> within(std::string_view column, std::string_view from, std::string_view to) {
    return {fmt::format("toDate({}) BETWEEN toDate({}) AND toDate({})", column, from, to),
            fmt::format("{} >= {}", column, from), fmt::format("{} < {}", column, to)};
}

/// Events that count, of people.
inline std::vector<std::string> counted_events(std::string_view site, std::string_view from, std::string_view to) {
    std::vector<std::string> where = {fmt::format("website_id = {}", site)};
    for (std::string& bound : within("timestamp", from, to)) where.push_back(std::move(bound));
    where.emplace_back("event_type IN ('event', 'pageview')");
    where.emplace_back("NOT is_bot");
    return where;
}

inline std::vector<std::string> names(std::string_view letter, std::size_t count) {
    std::vector<std::string> result;
    for (std::size_t i = 1; i <= count; ++i) result.push_back(fmt::format("{}{}", letter, i));
    return result;
}

inline std::string select(const std::vector<std::string>& columns, std::string_view from,
                          const std::vector<std::string>& where) {
    return fmt::format("SELECT\n    {}\nFROM {}\nWHERE {}", fmt::join(columns, ",\n    "), from,
                       fmt::join(where, "\n    AND "));
}

/// Rows of footfall.sessions that no later row cancels, as they are before a merge takes both away. Of whatever time:
/// merges leave few of those that cancel, and to find them by the sign alone costs a third.
inline void add_not_cancelled(std::vector<std::string>& where, std::string_view site) {
    where.emplace_back("sign = 1");
    where.push_back(fmt::format(
        "(session_key, version) NOT IN\n(\n{}\n)",
        select({"session_key", "version"}, "footfall.sessions", {fmt::format("website_id = {}", site), "sign = -1"})));
}

/// Which key sessions have now that late events joined to another one: old_key, new_key.
inline std::string keys_that_moved(std::string_view site) {
    return fmt::format(
        "SELECT old_key, argMax(new_key, log_offset) AS new_key FROM footfall.session_alias\n"
        "WHERE website_id = {} GROUP BY old_key",
        site);
}

/// Events with the key that their session has now, which is kKeyNow: late events join sessions. Where nothing else of
/// the session is asked for; the sessions themselves are not read.
inline std::string events_with_keys_now(std::string_view site) {
    return fmt::format("footfall.events LEFT JOIN\n(\n{}\n) AS alias ON alias.old_key = session_key",
                       keys_that_moved(site));
}
inline constexpr std::string_view kKeyNow = "if(new_key = 0, session_key, new_key)";

/// No event is later than these sessions; where there are none, no event is read.
inline std::string with_last_of(const std::vector<std::string>& sessions, const std::string& sql) {
    return fmt::format("WITH ({}) AS last_mixed\n{}", select({"max(ended_at)"}, "footfall.sessions", sessions), sql);
}

/// The dimensions of a total, each followed by a comma.
inline std::string keys_of_total(const Plan& plan) {
    std::string keys;
    for (std::size_t i = plan.dimensions.size() - plan.total_keeps; i < plan.dimensions.size(); ++i)
        keys += fmt::format("d{}, ", i + 1);
    return keys;
}

/// The groups and their total. A rollup makes the total from the groups' states, GROUPING SETS from a second look at
/// every row: of 10 million events by country 480 ms against 710. Of several dimensions a rollup has levels between.
inline std::string grouping(const Plan& plan) {
    const std::vector<std::string> keys = names("d", plan.dimensions.size());
    if (keys.empty()) return {};
    if (!plan.has_total) return fmt::format("\nGROUP BY {}", fmt::join(keys, ", "));
    if (keys.size() == 1) return fmt::format("\nGROUP BY {} WITH ROLLUP", keys.front());
    const std::span<const std::string> of_total = std::span(keys).last(plan.total_keeps);
    return fmt::format("\nGROUP BY GROUPING SETS (({}), ({}))", fmt::join(keys, ", "), fmt::join(of_total, ", "));
}

inline store::Statement statement_of(std::string sql, std::vector<std::pair<std::string, std::string>> parameters,
                                     int timeout_ms) {
    store::Statement statement = {.sql = std::move(sql),
                                  .parameters = std::move(parameters),
                                  .settings = {{"max_block_size", std::string(kBlockRows)}},
                                  .timeout_ms = timeout_ms};
    // The engine makes the set of a subquery first, to find granules by it, and on one core. Of all that these
    // statements have sets of, a table's key has the visitor alone.
    if (statement.sql.find("visitor_id IN") == std::string::npos)
        statement.settings.emplace_back("use_index_for_in_with_subqueries", "0");
    return statement;
}

}  // namespace footfall::query
