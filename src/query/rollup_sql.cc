#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/composer.h"
#include "query/sql.h"
#include "query/statement_parts.h"

namespace footfall::query {
namespace {

/// The statement that makes all rows of whole days from one reading of their events and sessions. The planner's own
/// statements say the same dimension by dimension (compose_recount()), and read everything once for each: 8 µs an event
/// against 3.2.
///
/// Most sessions lie within a day and their events are alike, so that a session's row says what all of its events add
/// up to, by all that it has. What a row can't say comes from the events themselves: those of sessions that go over
/// midnight or whose events differ, what is of events alone, and what only a few events have.
class RollupRows {
public:
    RollupRows(const RollupFill& fill, const Zone& zone)
        : fill_(fill),
          plan_(plan_of(fill)),
          composer_(zone, plan_),
          day_{.name = "date", .dimension = vocabulary().dimension("date"), .key = {}},
          site_(composer_.bind_as("site", "String", fill.website_id)),
          from_(composer_.bind_as("from", "DateTime64(3, 'UTC')", utc_text(fill.range.from_ms))),
          to_(composer_.bind_as("to", "DateTime64(3, 'UTC')", utc_text(fill.range.to_ms))) {
        for (const Metric& metric : vocabulary().metrics())
            if (metric.rollup && metric.rollup->by.empty()) columns_.push_back(&*metric.rollup);
        for (const Dimension* dimension : rolled_dimensions())
            dimensions_.push_back(
                {.name = dimension == nullptr ? "" : dimension->name, .dimension = dimension, .key = {}});
        for (const DimensionColumn& column : dimensions_) kind(column.dimension).push_back(&column);
    }

    std::string insert() {
        std::vector<std::string> into = {"website_id", "dimension", "value", "day", "generation"};
        std::vector<std::string> given = {site_, "dimension", "value", "day",
                                          composer_.bind_as("generation", "UInt64", std::to_string(fill_.generation))};
        std::vector<std::string> summed = {"day", "dimension", "value"};
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            into.push_back(columns_[i]->column);
            given.push_back(fmt::format("t{}", i + 1));
            summed.push_back(fmt::format("{} AS t{}", total(i), i + 1));
        }
        const std::string rows =
            fmt::format("{}", fmt::join(std::vector{of_whole_sessions(), of_events(), of_events_of_odd_sessions(),
                                                    of_mixed_sessions(), of_few_events()},
                                        "\nUNION ALL\n"));
        const std::string sums =
            fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)\nGROUP BY day, dimension, value\nHAVING {}",
                        fmt::join(summed, ",\n    "), rows, presence());
        const std::string events = fmt::format("t{}", place_of("events"));
        return fmt::format(
            "INSERT INTO footfall.rollup_days ({})\nSELECT\n    {}\nFROM\n(\n{}\n)\n"
            "QUALIFY dimension IN ({}) OR\n"
            "    count() OVER (PARTITION BY day, dimension) * {} <= sumIf({}, dimension = '') OVER (PARTITION BY day)",
            fmt::join(into, ", "), fmt::join(given, ",\n    "), sums, fmt::join(always_kept(), ", "),
            composer_.bind_as("row_events_min", "UInt64", std::to_string(fill_.row_events_min)), events);
    }
    std::vector<std::pair<std::string, std::string>> parameters() const { return composer_.parameters(); }

private:
    using Scope = Composer::Scope;

    static Plan plan_of(const RollupFill& fill) {
        Plan plan;
        plan.website_id = fill.website_id;
        plan.range = fill.range;
        return plan;
    }

    using Columns = std::vector<const DimensionColumn*>;

    Columns& kind(const Dimension* dimension) {
        if (dimension == nullptr || dimension->is_internal) return of_time_;
        if (find_source(dimension->sources, "events") == nullptr) return of_sessions_;
        return dimension->varies_in_session ? varying_ : of_events_alone_;
    }
    std::vector<std::string> always_kept() const {
        std::vector<std::string> kept;
        for (const DimensionColumn* column : of_time_) kept.push_back(fmt::format("'{}'", column->name));
        return kept;
    }

    std::size_t place_of(std::string_view column) const {
        const auto found = std::find_if(columns_.begin(), columns_.end(),
                                        [&](const RollupColumn* one) { return one->column == column; });
        FOOTFALL_CHECK(found != columns_.end());
        return static_cast<std::size_t>(found - columns_.begin()) + 1;
    }
    std::string total(std::size_t i) const {
        const RollupColumn& column = *columns_[i];
        if (!column.is_sketch()) return fmt::format("{}(c{})", column.sum, i + 1);
        if (!fill_.has_sketches) return column.nothing;
        constexpr std::string_view kPresent = "{present}";
        std::string state = column.state_if;
        const std::size_t at = state.find(kPresent);
        FOOTFALL_CHECK(at != std::string::npos);
        return state.replace(at, kPresent.size(), fmt::format("c{}", place_of(column.present)));
    }
    std::string presence() const {
        return fmt::format("t{} != 0 OR t{} != 0", place_of("events"), place_of("sessions"));
    }

    /// [(name, value), …] of these dimensions in the columns of the scope, with what else is in each tuple.
    std::string values_of(const Columns& dimensions, std::string_view also = "") {
        std::vector<std::string> values;
        for (const DimensionColumn* column : dimensions) {
            const std::string value =
                column->dimension == nullptr ? "''" : fmt::format("toString({})", composer_.dimension(*column));
            values.push_back(fmt::format("('{}', {}{})", column->name, value, also));
        }
        return fmt::format("[{}]", fmt::join(values, ", "));
    }
    /// `count` says what of a column these rows add; "" for nothing.
    template <class Count>
    std::vector<std::string> columns(std::string day, std::string_view values, const Count& count) const {
        std::vector<std::string> result = {std::move(day) + " AS day", fmt::format("arrayJoin({}) AS cell", values),
                                           "cell.1 AS dimension", "cell.2 AS value", "visitor_id"};
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const RollupColumn& column = *columns_[i];
            std::string counted = column.is_sketch() ? std::string() : count(column);
            if (counted.empty()) counted = column.is_sketch() ? "0" : column.nothing;
            result.push_back(column.sum == "sum" ? fmt::format("toInt64({}) AS c{}", counted, i + 1)
                                                 : fmt::format("{} AS c{}", counted, i + 1));
        }
        return result;
    }

    std::vector<std::string> started_sessions() const {
        std::vector<std::string> where = {"website_id = " + site_};
        for (std::string& bound : within("started_at", from_, to_)) where.push_back(std::move(bound));
        where.emplace_back("NOT is_bot");
        return where;
    }
    /// Those that may have an event in the days.
    std::vector<std::string> touching_sessions() const {
        return {"website_id = " + site_, "started_at < " + to_, "ended_at >= " + from_, "NOT is_bot"};
    }
    std::vector<std::string> events_of_days() const { return counted_events(site_, from_, to_); }
    std::string day_in(Scope scope) {
        composer_.enter(scope);
        return composer_.dimension(day_);
    }
    /// In rows of sessions: whether some of its events are of another day than its start. The day of its start says so
    /// where the end is put in its place.
    std::string goes_over_midnight(std::string_view started, std::string_view ended) {
        std::string start = find_source(day_.dimension->sources, "sessions")->expression;
        constexpr std::string_view kStart = "started_at";
        constexpr std::string_view kZone = "{zone}";
        start.replace(start.find(kZone), kZone.size(), composer_.bind_as("zone", "String", zone_name()));
        std::string end = start;
        start.replace(start.find(kStart), kStart.size(), started);
        end.replace(end.find(kStart), kStart.size(), ended);
        return fmt::format("({} != {})", start, end);
    }
    const std::string& zone_name() const { return composer_.zone().name(); }

    /// A session's row stands for its events, but for those that the other branches count. A row that a later one
    /// cancels has the same key, and so lies among these.
    std::string of_whole_sessions() {
        const std::string day = day_in(Scope::kSessions);
        const std::string values = fmt::format("arrayConcat({}, {}, if(is_mixed, [], {}))", values_of(of_time_, ", 0"),
                                               values_of(of_sessions_, ", 1"), values_of(varying_, ", 1"));
        const std::string counts_events =
            fmt::format("cell.3 AND NOT {}", goes_over_midnight("started_at", "ended_at"));
        const auto count = [&](const RollupColumn& column) {
            if (column.of_session.empty()) return std::string();
            if (column.of_event.empty()) return column.of_session;
            return fmt::format("if({}, {}, 0)", counts_events, column.of_session);
        };
        std::vector<std::string> cancelled = started_sessions();
        cancelled.emplace_back("sign = -1");
        std::vector<std::string> where = started_sessions();
        where.emplace_back("sign = 1");
        where.push_back(fmt::format("(session_key, version) NOT IN\n(\n{}\n)",
                                    select({"session_key", "version"}, "footfall.sessions", cancelled)));
        return select(columns(day, values, count), "footfall.sessions", where);
    }
    /// What is of events alone.
    std::string of_events() {
        const std::string day = day_in(Scope::kEvents);
        Columns dimensions = of_time_;
        dimensions.insert(dimensions.end(), of_events_alone_.begin(), of_events_alone_.end());
        return select(columns(day, values_of(dimensions), of_each_event), "footfall.events", events_of_days());
    }
    /// By what sessions have, the events of those that have some of another day or that differ.
    std::string of_events_of_odd_sessions() {
        const std::string day = day_in(Scope::kEvents);
        composer_.enter(Scope::kSessionsFirst);
        const std::string values =
            fmt::format("arrayConcat(if({}, {}, []), {})", goes_over_midnight("session_started_at", "session_ended_at"),
                        values_of(of_sessions_), values_of(varying_));
        std::vector<std::string> odd = touching_sessions();
        odd.push_back(fmt::format("(is_mixed OR {})", goes_over_midnight("started_at", "ended_at")));
        std::vector<std::string> where = events_of_days();
        return select(columns(day, values, of_each_event), "footfall.events " + composer_.joined_sessions(kTimes, odd),
                      where);
    }
    /// A session whose events differ counts once by each value that one of them has, also one after these days.
    std::string of_mixed_sessions() {
        composer_.enter(Scope::kSessionsFirst);
        const std::string day = composer_.dimension(day_);
        std::vector<std::string> once = {day + " AS day", fmt::format("arrayJoin({}) AS cell", values_of(varying_)),
                                         "key"};
        for (const std::string_view column : kCounted) once.push_back(fmt::format("any(session_{0}) AS {0}", column));
        std::vector<std::string> mixed = started_sessions();
        mixed.emplace_back("is_mixed");
        const std::vector<std::string> where = {
            "website_id = " + site_, fmt::format("toDate(timestamp) BETWEEN toDate({}) AND toDate(last_mixed)", from_),
            "timestamp >= " + from_, "timestamp <= last_mixed", "event_type IN ('event', 'pageview')"};
        std::string sql =
            with_last_of(mixed, select(once, "footfall.events " + composer_.joined_sessions(kCounted, mixed), where));
        std::vector<std::string> outer = {"day", "cell", "cell.1 AS dimension", "cell.2 AS value",
                                          "toUInt64(0) AS visitor_id"};
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const RollupColumn& column = *columns_[i];
            const bool counts = column.of_event.empty() && !column.of_session.empty();
            const std::string counted = counts ? column.of_session : column.is_sketch() ? "0" : column.nothing;
            outer.push_back(column.sum == "sum" ? fmt::format("toInt64({}) AS c{}", counted, i + 1)
                                                : fmt::format("{} AS c{}", counted, i + 1));
        }
        return fmt::format("SELECT\n    {}\nFROM\n(\n{}\nGROUP BY day, cell, key\n)", fmt::join(outer, ",\n    "), sql);
    }
    /// What only a few events have, by everything.
    std::string of_few_events() {
        std::vector<std::string> those;
        for (const RollupColumn* column : columns_)
            if (!column->where.empty() && std::find(those.begin(), those.end(), column->where) == those.end())
                those.push_back(column->where);
        const std::string few = fmt::format("({})", fmt::join(those, " OR "));
        const std::string day = day_in(Scope::kEvents);
        std::string values = fmt::format("arrayConcat({}, {}, ", values_of(of_time_), values_of(of_events_alone_));
        composer_.enter(Scope::kSessionsFirst);
        values += fmt::format("{}, {})", values_of(of_sessions_), values_of(varying_));
        const auto count = [](const RollupColumn& column) {
            return column.where.empty() ? std::string()
                                        : fmt::format("if({}, {}, {})", column.where, column.of_event, column.nothing);
        };
        std::vector<std::string> where = events_of_days();
        where.push_back(few);
        const std::string keys = select({"session_key"}, "footfall.events", where);
        return select(columns(day, values, count),
                      "footfall.events " + composer_.joined_sessions({}, touching_sessions(), keys), where);
    }

    static std::string of_each_event(const RollupColumn& column) {
        return column.where.empty() ? column.of_event : std::string();
    }

    static constexpr std::array<std::string_view, 2> kTimes = {"started_at", "ended_at"};
    /// Columns of footfall.sessions that metrics are made of.
    static constexpr std::array<std::string_view, 6> kCounted = {"pageviews", "events",     "interactions",
                                                                 "engaged",   "started_at", "ended_at"};

    const RollupFill& fill_;
    const Plan plan_;
    Composer composer_;
    const DimensionColumn day_;
    const std::string site_;
    const std::string from_;
    const std::string to_;
    std::vector<const RollupColumn*> columns_;
    std::vector<DimensionColumn> dimensions_;
    Columns of_time_;  ///< the whole, and what is of an instant: a session's its start
    Columns of_sessions_;
    Columns varying_;
    Columns of_events_alone_;
};

}  // namespace

std::vector<const Dimension*> rolled_dimensions() {
    std::vector<const Dimension*> dimensions = {nullptr};
    for (const Dimension& dimension : vocabulary().dimensions())
        if (dimension.granularity.empty() && !is_goal(dimension) && !dimension.takes_key() &&
            find_source(dimension.sources, "rollup") != nullptr)
            dimensions.push_back(&dimension);
    return dimensions;
}

store::Statement compose_rollup(const RollupFill& fill, const Zone& zone, int timeout_ms) {
    RollupRows rows(fill, zone);
    std::string sql = rows.insert();
    return statement_of(std::move(sql), rows.parameters(), timeout_ms);
}

}  // namespace footfall::query
