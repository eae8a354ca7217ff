#include "query/sql.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/composer.h"
#include "query/goal.h"
#include "query/rolled_sql.h"
#include "query/statement_parts.h"
#include "query/touch_sql.h"

namespace footfall::query {
namespace {

std::string order_text(const Plan& plan) {
    std::vector<std::string> terms;
    if (plan.has_total) terms.emplace_back("is_total DESC");
    for (const OrderKey& key : plan.order)
        terms.push_back(fmt::format("{}{}{}", key.of == OrderKey::Of::kDimension ? 'd' : 'm', key.index + 1,
                                    key.direction == Direction::kDescending ? " DESC" : ""));
    return fmt::format("{}", fmt::join(terms, ", "));
}

/// Names of the request's values, bound once for all parts of the statement.
struct Parameters {
    std::string site;
    std::string from;
    std::string to;
};

/// Whether a distinct count is made as its value or as a state, which others can be put together with.
enum class Counts : std::uint8_t { kAsValues, kAsStates };

class Statements {
public:
    Statements(const Plan& plan, const Cover& cover, const Zone& zone)
        : plan_(plan),
          cover_(cover),
          composer_(zone, plan),
          of_(hull()),
          keys_(names("d", plan.dimensions.size())),
          rolled_(composer_, plan, cover, of_.site),
          counts_(cover.days.empty() ? Counts::kAsValues : Counts::kAsStates) {
        if (!cover.ranges.empty())
            composer_.count_what_is_of({.from_ms = cover.ranges.front().from_ms, .to_ms = cover.ranges.back().to_ms});
        composer_.read_sessions_from(
            sessions_with_touches(plan, {.site = of_.site, .from = of_.from, .to = of_.to, .touching = touching()}));
    }

    /// The groups, and the total of a plan that has one: neither in order nor within the limit.
    std::string groups() {
        const bool is_of_events = plan_.events == Branch::kAlone && plan_.sessions == Branch::kNone &&
                                  plan_.conversions == Branch::kNone && plan_.all_sessions == Branch::kNone;
        return is_of_events && has_no_quotient() && cover_.days.empty() ? of_one_table() : of_branches();
    }
    std::string whole() {
        std::string sql = groups();
        if (keys_.empty()) return sql;
        const std::string order = order_text(plan_);
        const auto natural = [this](const char* name, std::int64_t value) {
            return composer_.bind_as(name, "UInt64", std::to_string(value));
        };
        if (plan_.has_total && plan_.offset > 0)
            sql += fmt::format("\nQUALIFY is_total = 1 OR row_number() OVER (ORDER BY {}) > 1 + {}", order,
                               natural("offset", plan_.offset));
        sql += fmt::format("\nORDER BY {}\nLIMIT {}{}", order, plan_.has_total ? "1 + " : "",
                           natural("limit", plan_.limit));
        if (!plan_.has_total && plan_.offset > 0) sql += fmt::format(" OFFSET {}", natural("offset", plan_.offset));
        return sql;
    }
    std::string candidates() {
        std::string sql;
        if (cover_.days.empty()) {
            sql = bounds_of_events(
                std::vector<std::string>{plan_.top_rows->at_most + " AS bound", "grouping(d1) AS is_total"});
        } else {
            sql = fmt::format("SELECT\n    d1,\n    sum(part) AS bound,\n    grouping(d1) AS is_total\nFROM\n(\n{}\n)",
                              bounds_of_cover());
        }
        return fmt::format("{}\nGROUP BY d1 WITH ROLLUP\nORDER BY is_total DESC, bound DESC, d1\nLIMIT 1 + {}", sql,
                           composer_.bind_as("candidates", "UInt64", std::to_string(plan_.top_rows->candidates + 1)));
    }
    std::string bound() {
        if (!cover_.days.empty()) return fmt::format("SELECT sum(part) AS bound FROM\n(\n{}\n)", bounds_of_cover());
        composer_.enter(Scope::kEvents);
        return select({plan_.top_rows->at_most + " AS bound"}, "footfall.events", event_conditions());
    }
    std::string top_rows(std::span<const std::string> candidates, const std::string& rest) {
        candidates_ = candidates;
        rolled_.read_only(candidates);
        if (plan_.has_total) rest_ = composer_.bind_as("rest", "String", rest);
        return whole();
    }
    /// By day: how many rows compose_rollup() writes, and the sum of their hashes.
    std::string recount() {
        counts_ = Counts::kAsStates;
        is_recount_ = true;
        std::vector<std::string> hashed;
        for (const std::string& key : std::span(keys_).subspan(1)) hashed.push_back(fmt::format("toString({})", key));
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i)
            hashed.push_back(number_of(*plan_.metrics[i].metric, fmt::format("m{}", i + 1)));
        return by_day("d1", hashed, fmt::format("(\n{}\n)", of_branches()));
    }
    /// The plan's rows, with states for distinct counts, into the table that keeps them.
    std::string insert_into_rollup(std::uint64_t generation) {
        counts_ = Counts::kAsStates;
        is_recount_ = true;
        std::vector<std::string> into = {"website_id", "dimension", "value", "day", "generation"};
        std::vector<std::string> given = {of_.site, composer_.bind_as("dimension", "String", "goal"),
                                          keys_.size() > 1 ? "d2" : "''", "d1",
                                          composer_.bind_as("generation", "UInt64", std::to_string(generation))};
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i) {
            into.push_back(plan_.metrics[i].metric->rollup->column);
            given.push_back(fmt::format("m{}", i + 1));
        }
        return fmt::format("INSERT INTO footfall.rollup_days ({})\nSELECT\n    {}\nFROM\n(\n{}\n)",
                           fmt::join(into, ", "), fmt::join(given, ",\n    "), of_branches());
    }
    /// The same of the rows that are there.
    std::string recount_of_rollup() {
        composer_.enter(Scope::kRollup);
        std::vector<std::string> hashed;
        for (const DimensionColumn& column : std::span(plan_.dimensions).subspan(1))
            hashed.push_back(fmt::format("toString({})", composer_.dimension(column)));
        for (const MetricColumn& column : plan_.metrics)
            hashed.push_back(number_of(*column.metric, composer_.metric(column.metric->rollup->value)));
        return by_day("day", hashed, rolled_.rows_as_they_are());
    }
    std::vector<std::pair<std::string, std::string>> parameters() const { return composer_.parameters(); }

private:
    using Scope = Composer::Scope;

    /// Of each group of events the bound, or what else is given of it.
    std::string bounds_of_events(std::span<const std::string> given) {
        composer_.enter(Scope::kEvents);
        std::vector<std::string> columns = composer_.dimension_columns();
        columns.insert(columns.end(), given.begin(), given.end());
        return select(columns, "footfall.events", event_conditions());
    }
    /// Of each group what the rolled days and the rest of the range add to its bound, as `part`.
    std::string bounds_of_cover() {
        std::string sql = rolled_.bounds();
        if (!cover_.ranges.empty())
            sql += fmt::format("\nUNION ALL\n{}\nGROUP BY d1",
                               bounds_of_events(std::vector{plan_.top_rows->at_most + " AS part"}));
        return sql;
    }

    static std::string number_of(const Metric& metric, std::string_view of) {
        if (metric.type == ValueType::kDecimal) return fmt::format("toInt64({} * 10000)", of);
        if (!metric.rollup->is_sketch()) return fmt::format("toInt64({})", of);
        // Of 512 different ones uniqCombined64(14) says 512, or, where one of them came again, what it estimates for
        // more than that: by how they came, which is another way each time. Four standard errors of it are taken alike.
        constexpr int kExactMax = 512;
        constexpr int kApart = 17;
        return fmt::format("if(finalizeAggregation({0}) BETWEEN {1} AND {2}, {3}, toInt64(finalizeAggregation({0})))",
                           of, kExactMax - kApart, kExactMax + kApart, kExactMax);
    }
    static std::string by_day(std::string_view day, const std::vector<std::string>& hashed, std::string_view from) {
        return fmt::format("SELECT toString({0}) AS of_day, count(), sum(cityHash64({1}))\nFROM {2}\nGROUP BY of_day",
                           day, fmt::join(hashed, ", "), from);
    }

    std::string rows_of_site() { return composer_.rows_of_site(); }

    static constexpr std::string_view kInstant = "DateTime64(3, 'UTC')";
    std::string instant(std::int64_t ms) { return composer_.bind(kInstant, utc_text(ms)); }

    /// From the first of the ranges to the last.
    Parameters hull() {
        Parameters of{.site = composer_.bind_as("site", "String", plan_.website_id), .from = {}, .to = {}};
        if (cover_.ranges.empty()) return of;
        of.from = composer_.bind_as("from", kInstant, utc_text(cover_.ranges.front().from_ms));
        of.to = composer_.bind_as("to", kInstant, utc_text(cover_.ranges.back().to_ms));
        return of;
    }
    std::vector<std::string> range_conditions(std::string_view column) {
        std::vector<std::string> conditions = within(column, of_.from, of_.to);
        if (cover_.ranges.size() > 1)
            conditions.push_back(any_range([&](const std::string& from, const std::string& to) {
                return fmt::format("{}", fmt::join(within(column, from, to), " AND "));
            }));
        return conditions;
    }
    template <class Condition>
    std::string any_range(const Condition& condition) {
        std::vector<std::string> each;
        for (const Range& range : cover_.ranges)
            each.push_back(condition(instant(range.from_ms), instant(range.to_ms)));
        return fmt::format("({})", fmt::join(each, "\n        OR "));
    }

    bool has_no_quotient() const {
        return std::all_of(plan_.metrics.begin(), plan_.metrics.end(),
                           [](const MetricColumn& column) { return column.metric->quotient.empty(); });
    }

    std::vector<std::string> event_conditions() { return conditions_of_events(plan_.event_types); }
    std::vector<std::string> conditions_of_events(const std::vector<std::string>& types) {
        std::vector<std::string> where = {rows_of_site()};
        for (std::string& bound : range_conditions("timestamp")) where.push_back(std::move(bound));
        where.push_back(fmt::format("event_type IN ('{}')", fmt::join(types, "', '")));
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        composer_.add_conditions(where);
        return where;
    }
    std::string of_one_table() {
        composer_.enter(Scope::kEvents);
        const bool is_with_rest = !candidates_.empty() && plan_.has_total;
        std::vector<std::string> columns =
            is_with_rest ? std::vector{candidate_or_rest()} : composer_.dimension_columns();
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i)
            columns.push_back(
                fmt::format("{} AS m{}", composer_.metric(plan_.metrics[i].metric->sources.front().expression), i + 1));
        if (plan_.has_total) columns.emplace_back("grouping(d1) AS is_total");
        std::vector<std::string> where = event_conditions();
        if (is_with_rest) {
            columns.push_back(fmt::format("{} AS bound", plan_.top_rows->at_most));
        } else if (!candidates_.empty()) {
            where.push_back(is_candidate());
        }
        std::string sql = select(columns, "footfall.events" + joined_pings(), where) + grouping(plan_);
        if (is_with_rest) sql += fmt::format("\nHAVING is_total = 1 OR d1 != {}", rest_);
        return sql;
    }
    std::string is_candidate() { return composer_.is_one_of(plan_.dimensions.front(), candidates_); }
    std::string candidate_or_rest() {
        return fmt::format("if({}, {}, {}) AS d1", is_candidate(), composer_.dimension(plan_.dimensions.front()),
                           rest_);
    }

    /// Each table gives its metrics, with nothing for those of the other, and the rows of both are put together.
    std::string of_branches() {
        std::vector<std::string> branches = rolled_.branches();
        if (!cover_.ranges.empty()) add_branches_of_tables(branches);
        if (counts_all_beside_goals()) return of_branches_beside_all(branches);
        std::vector<std::string> columns = keys_;
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i)
            columns.push_back(fmt::format("{} AS m{}", merged(*plan_.metrics[i].metric), i + 1));
        if (plan_.has_total) columns.emplace_back("is_total");
        std::string sql = fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)", fmt::join(columns, ",\n    "),
                                      fmt::join(branches, "\nUNION ALL\n"));
        // Sessions that changed leave groups of which nothing is left.
        if (plan_.has_total)
            sql += fmt::format("\nGROUP BY {}, is_total\nHAVING is_total = 1 OR max(has_rows) = 1",
                               fmt::join(keys_, ", "));
        else if (!keys_.empty()) sql += fmt::format("\nGROUP BY {}\nHAVING max(has_rows) = 1", fmt::join(keys_, ", "));
        return sql;
    }
    void add_branches_of_tables(std::vector<std::string>& branches) {
        if (plan_.events == Branch::kBySessions || plan_.events == Branch::kBySessionsWithMixed)
            branches.push_back(of_events_by_sessions());
        else if (plan_.events != Branch::kNone) branches.push_back(of_events());
        if (plan_.sessions == Branch::kAlone) branches.push_back(of_sessions());
        if (plan_.sessions == Branch::kJoined) branches.push_back(of_sessions_by_events());
        if (plan_.sessions == Branch::kWithMixed) branches.push_back(of_sessions_with_mixed());
        if (plan_.conversions != Branch::kNone) branches.push_back(of_conversions());
        if (plan_.all_sessions != Branch::kNone) branches.push_back(of_all_sessions());
    }

    /// Whether the sessions that conversions are a share of stand in a group of their own: they are of no goal.
    bool counts_all_beside_goals() const {
        return plan_.all_sessions != Branch::kNone &&
               std::any_of(plan_.dimensions.begin(), plan_.dimensions.end(),
                           [](const DimensionColumn& column) { return is_goal(*column.dimension); });
    }
    /// That group gives its number to all others that differ in the goal alone, and is left out.
    std::string of_branches_beside_all(const std::vector<std::string>& branches) {
        std::vector<std::string> columns = keys_;
        std::vector<std::string> outer = keys_;
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i) {
            columns.push_back(fmt::format("{} AS m{}", merged(*plan_.metrics[i].metric), i + 1));
            outer.push_back(fmt::format("m{}", i + 1));
        }
        std::string groups = fmt::format("{}", fmt::join(keys_, ", "));
        if (plan_.has_total) {
            columns.emplace_back("is_total");
            outer.emplace_back("is_total");
            groups += ", is_total";
        }
        columns.emplace_back("max(has_rows) AS is_group");
        return fmt::format(
            "SELECT\n    {}\nFROM\n(\nSELECT\n    {}\nFROM\n(\n{}\n)\nGROUP BY {}\n)\nWHERE {}is_group = 1",
            fmt::join(outer, ",\n    "), fmt::join(columns, ",\n    "), fmt::join(branches, "\nUNION ALL\n"), groups,
            plan_.has_total ? "is_total = 1 OR " : "");
    }

    std::size_t base_of(const Metric& metric) const {
        const auto found = std::find_if(plan_.bases.begin(), plan_.bases.end(),
                                        [&](const BaseMetric& base) { return base.metric == &metric; });
        FOOTFALL_CHECK(found != plan_.bases.end());
        return static_cast<std::size_t>(found - plan_.bases.begin()) + 1;
    }
    std::string merged(const Metric& metric) const {
        if (!metric.quotient.empty()) {
            const std::string over = part_of(*vocabulary().metric(metric.quotient[0]));
            const std::string under = part_of(*vocabulary().metric(metric.quotient[1]));
            const std::string times = metric.times == 1 ? "" : fmt::format("{} * ", metric.times);
            const std::string per = metric.per == 1 ? "" : fmt::format(" / {}", metric.per);
            return fmt::format("if({1} = 0, NULL, {2}{0}{3} / {1})", over, under, times, per);
        }
        if (metric.totals == TotalsRule::kRatio) return fmt::format("any(b{})", base_of(metric));
        return part_of(metric);
    }
    /// A metric over the branches' rows: their sum, or what their states make together.
    std::string part_of(const Metric& metric) const {
        const std::size_t base = base_of(metric);
        const bool is_of_all = plan_.bases[base - 1].source->source == kAllSessions && counts_all_beside_goals();
        if (is_recount_ && is_state(metric)) return fmt::format("{}(b{})", metric.rollup->merge_state, base);
        const std::string_view added = is_state(metric) ? std::string_view(metric.rollup->merge) : "sum";
        if (!is_of_all) return fmt::format("{}(b{})", added, base);
        std::vector<std::string> alike;
        for (std::size_t i = 0; i < keys_.size(); ++i)
            if (!is_goal(*plan_.dimensions[i].dimension)) alike.push_back(keys_[i]);
        if (plan_.has_total) alike.emplace_back("is_total");
        const std::string_view of_group = is_state(metric) ? std::string_view(metric.rollup->merge_state) : "sum";
        return fmt::format("{}({}(b{})) OVER ({}{})", added, of_group, base, alike.empty() ? "" : "PARTITION BY ",
                           fmt::join(alike, ", "));
    }
    bool is_state(const Metric& metric) const {
        return counts_ == Counts::kAsStates && metric.rollup && metric.rollup->is_sketch();
    }
    /// b1, b2, …: the metrics of one table, and nothing for the others'.
    void add_bases(std::vector<std::string>& columns, std::string_view table) {
        for (std::size_t i = 0; i < plan_.bases.size(); ++i) {
            const BaseMetric& base = plan_.bases[i];
            const bool is_state = this->is_state(*base.metric);
            const std::string nothing = is_state                                    ? base.metric->rollup->nothing
                                        : base.metric->totals == TotalsRule::kRatio ? "NULL"
                                        : base.metric->type == ValueType::kDecimal  ? "toDecimal128(0, 4)"
                                                                                    : "0";
            std::string counted = nothing;
            if (base.source->source == table)
                counted = composer_.metric(is_state ? base.metric->rollup->state : base.source->expression);
            columns.push_back(fmt::format("{} AS b{}", counted, i + 1));
        }
    }

    std::string of_events() {
        const bool is_joined = plan_.events == Branch::kJoined;
        composer_.enter(is_joined ? Scope::kEventsFirst : Scope::kEvents);
        std::vector<std::string> columns = composer_.dimension_columns();
        add_bases(columns, "events");
        columns.emplace_back("1 AS has_rows");
        if (plan_.has_total) columns.emplace_back("grouping(d1) AS is_total");
        std::vector<std::string> where = event_conditions();
        if (!candidates_.empty()) where.push_back(is_candidate());
        std::string from =
            is_joined ? "footfall.events " + composer_.joined_sessions({}, touching()) : "footfall.events";
        from += joined_pings();
        return select(columns, from, where) + grouping(plan_);
    }
    /// What pings told of each event, where a metric asks for that.
    std::string joined_pings() {
        if (std::none_of(plan_.bases.begin(), plan_.bases.end(),
                         [](const BaseMetric& base) { return base.source->with_pings; }))
            return {};
        // Of the visitor's own event, as sessions have it: nobody else's ping says anything of it.
        return fmt::format(
            "\nLEFT JOIN\n(\n{}\nGROUP BY of_event, of_visitor, of_bot\n) AS of_pings\n"
            "ON event_key = of_event AND visitor_id = of_visitor AND is_bot = of_bot",
            select({"event_key AS of_event", "visitor_id AS of_visitor", "is_bot AS of_bot",
                    "max(time_on_page) AS engaged_time", "max(scroll_depth) AS deepest_scroll"},
                   "footfall.events", composer_.pings_where()));
    }

    /// Metrics of events over the sessions that have one in the range. A row counts unless a later one cancels it:
    /// where the table is merged there are none to compare with, and no group has to be made of each session. What a
    /// row says of where its events were stays true, also when more came and another row says more: only what is of the
    /// session as a whole has to be the last row's.
    std::string of_events_by_sessions() {
        const bool is_with_mixed = plan_.events == Branch::kBySessionsWithMixed;
        composer_.enter(Scope::kSessions);
        std::vector<std::string> columns = is_with_mixed ? keys_ : composer_.dimension_columns();
        add_bases(columns, "events");
        columns.emplace_back("1 AS has_rows");
        if (plan_.has_total) columns.emplace_back("grouping(d1) AS is_total");
        std::vector<std::string> where = {rows_of_site(), fmt::format("toDate(started_at) <= toDate({})", of_.to),
                                          "started_at < " + of_.to, "ended_at >= " + of_.from};
        if (cover_.ranges.size() > 1)
            where.push_back(any_range([](const std::string& from, const std::string& to) {
                return fmt::format("started_at < {} AND ended_at >= {}", to, from);
            }));
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        if (is_with_mixed) where.emplace_back("NOT is_mixed");
        composer_.add_conditions(where);
        if (is_asked_of_sessions_alone()) add_not_cancelled(where, of_.site);
        if (!is_with_mixed) return select(columns, composer_.sessions(), where) + grouping(plan_);
        std::vector<std::string> given = composer_.dimension_columns();
        given.emplace_back("visitor_id");
        return fmt::format("SELECT\n    {}\nFROM\n(\n{}\nUNION ALL\n{}\n){}", fmt::join(columns, ",\n    "),
                           select(given, composer_.sessions(), where), events_of_mixed_sessions(), grouping(plan_));
    }
    bool is_asked_of_sessions_alone() const {
        bool found = false;
        for_each_column(plan_, [&](const DimensionColumn& column) { found |= !column.dimension->varies_in_session; });
        return found;
    }
    std::string events_of_mixed_sessions() {
        composer_.enter(Scope::kEventsFirst);
        std::vector<std::string> columns = composer_.dimension_columns();
        columns.emplace_back("visitor_id");
        std::vector<std::string> where = event_conditions();
        where.emplace_back("timestamp <= last_mixed");
        std::vector<std::string> mixed = touching();
        mixed.emplace_back("is_mixed");
        return with_last_of(mixed, select(columns, "footfall.events " + composer_.joined_sessions({}, mixed), where));
    }
    /// The sessions that met a goal, each once in a group, and once in the total: those that started in the range, by
    /// what they have, or by what events have those with such an event in the range.
    std::string of_conversions() {
        const bool is_by_start = plan_.conversions == Branch::kAlone;
        const bool is_found_by_events = !is_by_start && rows_are_of_events();
        composer_.enter(is_by_start          ? Scope::kSessionsFirst
                        : is_found_by_events ? Scope::kEvents
                                             : Scope::kEventsFirst);
        std::vector<std::string> columns = composer_.dimension_columns();
        std::vector<std::string> where = is_by_start ? conditions_of_all_events() : conditions_of_events(kOfSessions);
        if (is_by_start) composer_.add_conditions(where);
        where.push_back(composer_.met_goal());
        if (is_found_by_events) return of_found_sessions(std::move(columns), where, {}, kConversions);
        columns.emplace_back("toInt8(1) AS sign");
        if (counts_visitors(kConversions)) columns.emplace_back(kVisitorOfSession);
        if (plan_.has_total) columns.emplace_back("grouping(d1) AS of_total");
        const std::vector<std::string> which = is_by_start ? started_sessions() : touching();
        std::string once = select(columns, "footfall.events " + composer_.joined_sessions({}, which), where);
        if (is_by_start) once = with_last_of(which, once);
        return each_once(once, kConversions);
    }
    /// What conversions are a share of: the same sessions, whatever they met.
    std::string of_all_sessions() {
        composer_.ignore_goals(true);
        sessions_ = kAllSessions;
        std::string sql = plan_.all_sessions == Branch::kJoined      ? of_sessions_by_events()
                          : plan_.all_sessions == Branch::kWithMixed ? of_sessions_with_mixed()
                                                                     : of_sessions();
        sessions_ = "sessions";
        composer_.ignore_goals(false);
        return sql;
    }
    std::string has_rows(std::string_view condition) const {
        const bool is_beside = sessions_ == kAllSessions && counts_all_beside_goals();
        return fmt::format("{} AS has_rows", is_beside ? "0" : condition);
    }

    std::string of_sessions() {
        composer_.enter(Scope::kSessions);
        std::vector<std::string> columns = composer_.dimension_columns();
        add_bases(columns, sessions_);
        columns.push_back(has_rows("sum(sign) != 0"));
        if (plan_.has_total) columns.emplace_back("grouping(d1) AS is_total");
        std::vector<std::string> where = started_sessions();
        composer_.add_conditions(where);
        if (counts_visitors(sessions_)) add_not_cancelled(where, of_.site);
        return select(columns, composer_.sessions(), where) + grouping(plan_);
    }
    /// Whether visitors are counted over those sessions. They have no sign that adds up: of rows that were cancelled
    /// and not merged yet nothing may be read.
    bool counts_visitors(std::string_view source) const {
        return std::any_of(plan_.bases.begin(), plan_.bases.end(), [&](const BaseMetric& base) {
            return base.source->source == source && base.source->expression.find("{visitor}") != std::string::npos;
        });
    }
    /// b1, b2, … over rows of which each has whose session it is as `visitor`.
    void add_bases_of_sessions(std::vector<std::string>& columns, std::string_view source) {
        composer_.count_visitors_by("visitor");
        add_bases(columns, source);
        composer_.count_visitors_by("visitor_id");
    }
    std::vector<std::string> started_sessions() {
        std::vector<std::string> where = {rows_of_site()};
        for (std::string& bound : range_conditions("started_at")) where.push_back(std::move(bound));
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        return where;
    }

    /// The sessions that have such events, each once in a group, and once in the total.
    std::string of_sessions_by_events() {
        const bool is_found_by_events = rows_are_of_events();
        composer_.enter(is_found_by_events ? Scope::kEvents : Scope::kEventsFirst);
        std::vector<std::string> columns = composer_.dimension_columns();
        const std::vector<std::string> where = conditions_of_events(kOfSessions);
        if (is_found_by_events) return of_found_sessions(std::move(columns), where, kCounted, sessions_);
        if (counts_visitors(sessions_)) columns.emplace_back(kVisitorOfSession);
        add_counted(columns);
        if (plan_.has_total) columns.emplace_back("grouping(d1) AS of_total");
        return each_once(select(columns, "footfall.events " + composer_.joined_sessions(kCounted, touching()), where),
                         sessions_);
    }
    bool rows_are_of_events() const { return first_missing(plan_, "events").empty(); }
    /// The same where events say which, or sets of keys: first each key once, then the sessions to the keys,
    /// which takes half of the time or less, since no column of a session is carried through the groups of the events.
    /// `columns` are the dimensions.
    std::string of_found_sessions(std::vector<std::string> columns, const std::vector<std::string>& where,
                                  std::span<const std::string_view> counted, std::string_view source) {
        columns.push_back(fmt::format("{} AS key", kKeyNow));
        std::vector<std::string> found = keys_;
        found.emplace_back("key");
        if (plan_.has_total) found.emplace_back("grouping(d1) AS of_total");
        std::vector<std::string> given = {"session_key", "toInt8(1) AS sign"};
        if (counts_visitors(source)) given.emplace_back("visitor_id AS visitor");
        given.insert(given.end(), counted.begin(), counted.end());
        std::vector<std::string> which = touching();
        add_not_cancelled(which, of_.site);
        return counted_once(
            fmt::format("(\nSELECT\n    {}\nFROM\n(\n{}\n){}\n) AS found\nINNER JOIN\n(\n{}\n) AS of_session ON "
                        "session_key = key",
                        fmt::join(found, ",\n    "), select(columns, events_with_keys_now(of_.site), where),
                        group_by_key(), select(given, "footfall.sessions", which)),
            source);
    }
    /// Rows of sessions by group and, as `of_total` says, of all, each once.
    std::string each_once(const std::string& once, std::string_view source) {
        return counted_once(fmt::format("(\n{}{}\n)", once, group_by_key()), source);
    }
    std::string group_by_key() const {
        const std::string all_keys = fmt::format("{}", fmt::join(keys_, ", "));
        if (keys_.empty()) return "\nGROUP BY key";
        return plan_.has_total
                   ? fmt::format("\nGROUP BY GROUPING SETS (({}, key), ({}key))", all_keys, keys_of_total(plan_))
                   : fmt::format("\nGROUP BY {}, key", all_keys);
    }
    /// What each of such rows has once, counted by group.
    std::string counted_once(std::string_view rows, std::string_view source) {
        std::vector<std::string> outer = keys_;
        add_bases_of_sessions(outer, source);
        outer.push_back(has_rows("1"));
        if (plan_.has_total) outer.emplace_back("of_total AS is_total");
        std::string sql = fmt::format("SELECT\n    {}\nFROM\n{}", fmt::join(outer, ",\n    "), rows);
        if (!keys_.empty())
            sql += fmt::format("\nGROUP BY {}{}", fmt::join(keys_, ", "), plan_.has_total ? ", of_total" : "");
        return sql;
    }

    /// The sessions that started in the range, each once in every group that an event of it is in, and once in the
    /// total. Where a session's events are alike its row says which group that is; of the few that are mixed the events
    /// are looked at.
    std::string of_sessions_with_mixed() {
        std::vector<std::string> columns = keys_;
        add_bases_of_sessions(columns, sessions_);
        columns.push_back(has_rows("sum(sign) != 0"));
        if (plan_.has_total) columns.emplace_back("grouping(d1) AS is_total");
        std::string sql = fmt::format("SELECT\n    {}\nFROM\n(\n{}\nUNION ALL\n{}\n)", fmt::join(columns, ",\n    "),
                                      sessions_that_are_alike(), sessions_that_are_mixed());
        // A session's second group and each further one is taken back in a group of its own, which is left out.
        if (plan_.has_total)
            return sql + fmt::format("\nGROUP BY GROUPING SETS (({}, is_again), ({}))\nHAVING is_again = 0",
                                     fmt::join(keys_, ", "), fmt::join(std::span(keys_).last(plan_.total_keeps), ", "));
        if (!keys_.empty()) sql += fmt::format("\nGROUP BY {}", fmt::join(keys_, ", "));
        return sql;
    }
    std::string sessions_that_are_alike() {
        composer_.enter(Scope::kSessions);
        std::vector<std::string> columns = composer_.dimension_columns();
        if (counts_visitors(sessions_)) columns.emplace_back("visitor_id AS visitor");
        columns.insert(columns.end(), kCounted.begin(), kCounted.end());
        columns.emplace_back("sign");
        if (plan_.has_total) columns.emplace_back("0 AS is_again");
        std::vector<std::string> where = started_sessions();
        where.emplace_back("NOT is_mixed");
        composer_.add_conditions(where);
        if (counts_visitors(sessions_)) add_not_cancelled(where, of_.site);
        return select(columns, composer_.sessions(), where);
    }
    std::string sessions_that_are_mixed() {
        composer_.enter(Scope::kSessionsFirst);
        std::vector<std::string> columns = composer_.dimension_columns();
        if (counts_visitors(sessions_)) columns.emplace_back(kVisitorOfSession);
        add_counted(columns);
        if (plan_.has_total) columns.emplace_back("key");
        std::vector<std::string> mixed = started_sessions();
        mixed.emplace_back("is_mixed");
        std::vector<std::string> where = conditions_of_all_events();
        composer_.add_conditions(where);
        std::vector<std::string> groups = keys_;
        groups.emplace_back("key");
        std::string sql =
            with_last_of(mixed,
                         select(columns, "footfall.events " + composer_.joined_sessions(kCounted, mixed), where)) +
            fmt::format("\nGROUP BY {}", fmt::join(groups, ", "));
        if (!plan_.has_total) return sql;
        std::vector<std::string> counted = keys_;
        if (counts_visitors(sessions_)) counted.emplace_back("visitor");
        counted.insert(counted.end(), kCounted.begin(), kCounted.end());
        counted.emplace_back("toInt8(if(is_again = 1, -1, 1)) AS sign");
        counted.emplace_back("arrayJoin(if(row_number() OVER (PARTITION BY key) = 1, [0], [0, 1])) AS is_again");
        return fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)", fmt::join(counted, ",\n    "), sql);
    }

    /// All events of sessions that started in the range, also those after it; see with_last_of().
    std::vector<std::string> conditions_of_all_events() {
        return {rows_of_site(), fmt::format("toDate(timestamp) BETWEEN toDate({}) AND toDate(last_mixed)", of_.from),
                "timestamp >= " + of_.from, "timestamp <= last_mixed", "event_type IN ('event', 'pageview')"};
    }

    /// The sessions that may have an event in the range.
    std::vector<std::string> touching() {
        std::vector<std::string> where = {rows_of_site(), "started_at < " + of_.to, "ended_at >= " + of_.from};
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        return where;
    }
    /// Columns of footfall.sessions that metrics are made of.
    static constexpr std::array<std::string_view, 6> kCounted = {"pageviews", "events",     "interactions",
                                                                 "engaged",   "started_at", "ended_at"};

    /// What a session's metrics are made of, and that it counts once.
    static void add_counted(std::vector<std::string>& columns) {
        for (const std::string_view column : kCounted)
            columns.push_back(fmt::format("any(session_{0}) AS {0}", column));
        columns.emplace_back("toInt8(1) AS sign");
    }

    static constexpr std::string_view kVisitorOfSession = "any(visitor_id) AS visitor";
    /// A session counts where it has a pageview or a custom event that the request asks for.
    inline static const std::vector<std::string> kOfSessions = {"event", "pageview"};

    const Plan& plan_;
    const Cover& cover_;
    Composer composer_;
    const Parameters of_;
    std::string_view sessions_ = "sessions";  ///< the source of metrics that is composed now
    const std::vector<std::string> keys_;
    RolledRows rolled_;
    Counts counts_;
    bool is_recount_ = false;
    std::span<const std::string> candidates_;  ///< where these groups alone are asked for
    std::string rest_;
};

store::Statement finished(std::string sql, const Statements& statements, int timeout_ms) {
    return statement_of(std::move(sql), statements.parameters(), timeout_ms);
}

}  // namespace

store::Statement compose(const Plan& plan, const Cover& cover, const Zone& zone, int timeout_ms) {
    Statements statements(plan, cover, zone);
    std::string sql = statements.whole();
    store::Statement statement = finished(std::move(sql), statements, timeout_ms);
    for (auto& setting : touch_settings(plan)) statement.settings.push_back(std::move(setting));
    return statement;
}

store::Statement compose_groups(const Plan& plan, const Range& range, const Zone& zone, int timeout_ms) {
    const Cover cover{.ranges = {range}, .days = {}};
    Statements statements(plan, cover, zone);
    std::string sql = statements.groups();
    store::Statement statement = finished(std::move(sql), statements, timeout_ms);
    for (auto& setting : touch_settings(plan)) statement.settings.push_back(std::move(setting));
    return statement;
}

store::Statement compose_rollup_of_goals(const Plan& plan, std::uint64_t generation, const Zone& zone, int timeout_ms) {
    const Cover cover{.ranges = {plan.range}, .days = {}};
    Statements statements(plan, cover, zone);
    std::string sql = statements.insert_into_rollup(generation);
    return finished(std::move(sql), statements, timeout_ms);
}

store::Statement compose_candidates(const Plan& plan, const Cover& cover, const Zone& zone, int timeout_ms) {
    Statements statements(plan, cover, zone);
    std::string sql = statements.candidates();
    return finished(std::move(sql), statements, timeout_ms);
}

store::Statement compose_top_rows(const Plan& plan, const Cover& cover, const Zone& zone,
                                  std::span<const std::string> candidates, const std::string& rest, int timeout_ms) {
    Statements statements(plan, cover, zone);
    std::string sql = statements.top_rows(candidates, rest);
    return finished(std::move(sql), statements, timeout_ms);
}

store::Statement compose_bound(const Plan& plan, const Cover& cover, const Zone& zone, int timeout_ms) {
    Statements statements(plan, cover, zone);
    std::string sql = statements.bound();
    return finished(std::move(sql), statements, timeout_ms);
}

store::Statement compose_recount(const Plan& plan, const Zone& zone, int timeout_ms) {
    const Cover cover{.ranges = {plan.range}, .days = {}};
    Statements statements(plan, cover, zone);
    std::string sql = statements.recount();
    return finished(std::move(sql), statements, timeout_ms);
}

store::Statement compose_recount_of_rollup(const Plan& plan, const std::vector<RolledDay>& days, const Zone& zone,
                                           int timeout_ms) {
    const Cover cover{.ranges = {}, .days = days};
    Statements statements(plan, cover, zone);
    std::string sql = statements.recount_of_rollup();
    return finished(std::move(sql), statements, timeout_ms);
}

store::Statement compose_size(int timeout_ms) {
    return {.sql = "SELECT count() FROM footfall.events", .parameters = {}, .settings = {}, .timeout_ms = timeout_ms};
}

store::Statement compose_estimate(store::Statement statement) {
    statement.sql.insert(0, "EXPLAIN ESTIMATE\n");
    // Or each set is made, to find granules by it or as a condition that is read first, which may cost what the
    // question does.
    statement.settings.emplace_back("use_index_for_in_with_subqueries", "0");
    statement.settings.emplace_back("optimize_move_to_prewhere", "0");
    return statement;
}

}  // namespace footfall::query
