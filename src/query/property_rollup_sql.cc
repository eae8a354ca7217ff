#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/composer.h"
#include "query/sql.h"
#include "query/statement_parts.h"

namespace footfall::query {
namespace {

/// Properties of which rows are made; where a site has more, those that the most events have.
constexpr std::string_view kPropertiesMax = "100";

/// An event counts by its name and by each property that any event of that name has: with the empty value where it has
/// none itself, as a question by the property sees it. Events of names that never have a property are in the rows of
/// event names. The rows of `key` '' count events, to say how many rows are worth their bytes: the properties with the
/// fewest come first.
class PropertyRows {
public:
    PropertyRows(const RollupFill& fill, const Zone& zone)
        : fill_(fill),
          composer_(zone, plan_),
          site_(composer_.bind_as("site", "String", fill.website_id)),
          from_(composer_.bind_as("from", "DateTime64(3, 'UTC')", utc_text(fill.range.from_ms))),
          to_(composer_.bind_as("to", "DateTime64(3, 'UTC')", utc_text(fill.range.to_ms))) {}

    std::string insert() {
        std::vector<std::string> into = {"website_id", "dimension", "event_name", "value", "day", "generation"};
        std::vector<std::string> given = {
            site_,  "concat('property:', key)",
            "name", "value",
            "day",  composer_.bind_as("generation", "UInt64", std::to_string(fill_.generation))};
        std::vector<std::string> sums = {"day", "name", "key", "value"};
        for (const Metric& metric : vocabulary().metrics()) {
            if (!metric.rollup || !metric.rollup->by.empty()) continue;
            const RollupColumn& column = *metric.rollup;
            if (column.is_sketch() ? !fill_.has_sketches : column.of_event.empty()) continue;
            into.push_back(column.column);
            given.push_back(fmt::format("t_{}", column.column));
            sums.push_back(fmt::format("{} AS t_{}", total(column), column.column));
        }
        sums.emplace_back("count() AS counted");
        const std::string by_value = fmt::format("{}\nGROUP BY day, name, key, value",
                                                 select_from(sums, fmt::format("(\n{}\n)", of_each_event())));
        const std::string sized = select_from({"*", "count() OVER (PARTITION BY day, key) AS rows_of_key",
                                               "sumIf(counted, key = '') OVER (PARTITION BY day) AS events_of_day"},
                                              fmt::format("(\n{}\n)", by_value));
        return fmt::format(
            "INSERT INTO footfall.rollup_days ({})\n{}\n"
            "QUALIFY key != '' AND count() OVER (PARTITION BY day ORDER BY rows_of_key, key) * {} <= events_of_day",
            fmt::join(into, ", "), select_from(given, fmt::format("(\n{}\n)", sized)),
            composer_.bind_as("row_events_min", "UInt64", std::to_string(fill_.property_row_events_min)));
    }
    std::vector<std::pair<std::string, std::string>> parameters() const { return composer_.parameters(); }

private:
    static std::string select_from(const std::vector<std::string>& columns, std::string_view from) {
        return fmt::format("SELECT\n    {}\nFROM {}", fmt::join(columns, ",\n    "), from);
    }
    static std::string total(const RollupColumn& column) {
        if (column.is_sketch()) return column.state;
        if (column.sum == "sum") return fmt::format("sum(toInt64({}))", column.of_event);
        FOOTFALL_CHECK(!column.where.empty());
        return fmt::format("{}(if({}, {}, {}))", column.sum, column.where, column.of_event, column.nothing);
    }

    std::vector<std::string> events_of_days() const { return counted_events(site_, from_, to_); }
    std::string of_each_event() {
        const DimensionColumn day{.name = "date", .dimension = vocabulary().dimension("date"), .key = {}};
        composer_.enter(Composer::Scope::kEvents);
        const std::string keys = fmt::format(
            "{}\nGROUP BY key ORDER BY count() DESC, key LIMIT {}",
            select({"arrayJoin(mapKeys(properties)) AS key"}, "footfall.events", events_of_days()), kPropertiesMax);
        std::vector<std::string> with = events_of_days();
        with.emplace_back("notEmpty(mapKeys(properties))");
        const std::string names = fmt::format(
            "{}\nGROUP BY event_name",
            select({"event_name AS name", fmt::format("arrayIntersect(groupUniqArrayArray(mapKeys(properties)), "
                                                      "(SELECT groupArray(key) FROM (\n{}\n))) AS keys",
                                                      keys)},
                   "footfall.events", with));
        return select(
            {composer_.dimension(day) + " AS day", "name", "arrayJoin(arrayPushFront(keys, '')) AS key",
             "if(key = '', '', properties[key]) AS value", "event_type", "visitor_id", "revenue", "currency"},
            fmt::format("footfall.events\nINNER JOIN\n(\n{}\n) AS with_properties ON event_name = name", names),
            events_of_days());
    }

    const RollupFill& fill_;
    const Plan plan_{};
    Composer composer_;
    const std::string site_;
    const std::string from_;
    const std::string to_;
};

}  // namespace

store::Statement compose_rollup_of_properties(const RollupFill& fill, const Zone& zone, int timeout_ms) {
    PropertyRows rows(fill, zone);
    std::string sql = rows.insert();
    return statement_of(std::move(sql), rows.parameters(), timeout_ms);
}

}  // namespace footfall::query
