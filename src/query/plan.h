#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/query.h"
#include "query/vocabulary.h"
#include "query/zone.h"
#include "store/client.h"

namespace footfall::query {

/// A dimension of the request with its declaration. `key` is the property's name in "property:plan".
struct DimensionColumn {
    std::string name;  ///< as asked
    const Dimension* dimension = nullptr;
    std::string key;
};

struct MetricColumn {
    std::string name;  ///< as asked
    const Metric* metric = nullptr;
};

/// A condition over events. Only positive tests remain: "is_not" is kNot over kIs, so that an operator has one meaning
/// and one place.
struct Condition {
    /// kDone: the visitor has an event or a session in the range, whatever else is asked of it, that meets the only
    /// child.
    enum class Kind : std::uint8_t { kTest, kAnd, kOr, kNot, kDone };
    Kind kind = Kind::kTest;
    std::vector<Condition> children;
    DimensionColumn column;
    Operator op = Operator::kIs;
    std::vector<std::string> values;  ///< checked, in the form that the column's type takes in SQL
};

/// A goal of the site: events of the type that meet the condition.
struct PlanGoal {
    std::string name;
    std::string event_type;
    Condition condition;
};

/// Milliseconds since 1970, `from` included, `to` not.
struct Range {
    enum class Unit : std::uint8_t { kInstants, kDays, kEverything };
    std::int64_t from_ms = 0;
    std::int64_t to_ms = 0;
    Unit unit = Unit::kInstants;
};

/// Where the rows of a range come from: days of footfall.rollup_days, and for the rest of it the tables. Both in the
/// order of time, and apart.
struct Cover {
    std::vector<Range> ranges;
    std::vector<RolledDay> days;
};

/// How footfall.rollup_days answers a plan for the days that it has.
struct RollupUse {
    std::string dimension;      ///< of its rows: the one that the request groups or filters by, or ""
    double standard_error = 0;  ///< the largest of the metrics asked for, relative; 0 where all are exact
};

/// A metric that a table gives, from which the metrics asked for are made: themselves, or the parts of a quotient.
struct BaseMetric {
    const Metric* metric = nullptr;
    const SourceExpression* source = nullptr;
};

/// How rows of a table are found: from it alone, or from events joined with the sessions that they belong to, because
/// the request asks of the one what only the other has. kBySessions: metrics of events from the sessions alone.
/// kWithMixed, kBySessionsWithMixed: from the sessions, but for those whose events differ in what the request asks for.
enum class Branch : std::uint8_t { kNone, kAlone, kJoined, kBySessions, kWithMixed, kBySessionsWithMixed };

/// A column of the answer to order by: a place in `dimensions`, or in `metrics`.
struct OrderKey {
    enum class Of : std::uint8_t { kDimension, kMetric };
    Of of = Of::kDimension;
    std::size_t index = 0;
    Direction direction = Direction::kAscending;
};

/// How the first rows by a metric are found without counting it for each of many groups: of the groups with the highest
/// bound as many are counted as can be among the rows. They are the answer where the last row has more than any other
/// group's bound.
struct TopRows {
    std::string at_most;         ///< the bound, an expression
    std::string rolled_at_most;  ///< the same over rows of footfall.rollup_days; empty: they do not tell
    std::size_t candidates = 0;  ///< how many groups are counted at most
    bool is_second = false;      ///< only where counting all groups at once takes too much memory
};

/// Which visitors an estimate is made of: one in `one_in`, by the hash that their id is, so that it is the same ones
/// everywhere and all that each of them did.
struct Sample {
    std::uint64_t one_in = 10;
    /// Ids below it are in the sample.
    std::uint64_t below() const { return UINT64_MAX / one_in; }
    double rate() const { return 1.0 / static_cast<double>(one_in); }
};

/// What a request becomes, pass by pass. Each pass fills its part from the parts before it.
struct Plan {
    std::string website_id;
    std::string currency;                     ///< the site's, where it has set one
    std::vector<DimensionColumn> dimensions;  // resolve_names
    std::vector<MetricColumn> metrics;
    Range range;  // resolve_range
    std::int64_t now_ms = 0;
    std::optional<Range> previous;
    std::string running;  ///< the value of the first time bucket that is not over yet; empty: none of the range is
    std::optional<Condition> condition;  // lower_filters
    std::vector<BaseMetric> bases;       // choose_source
    Branch events = Branch::kNone;
    Branch sessions = Branch::kNone;
    Branch conversions = Branch::kNone;   // resolve_goals; kAlone: sessions that started in the range
    Branch all_sessions = Branch::kNone;  ///< the same sessions, whatever they met
    std::vector<PlanGoal> goals;
    std::vector<std::string> event_types;
    Toggle include_bots = Toggle::kOff;
    std::optional<RollupUse> rollup;  // choose_rollup; none where only the tables answer
    std::vector<OrderKey> order;      // order_rows
    std::int64_t limit = 0;
    std::int64_t offset = 0;
    bool has_total = false;           ///< a row of its own, the first; without dimensions the only row is the total
    std::size_t total_keeps = 0;      ///< by how many dimensions, the last ones, there is a total each
    std::optional<TopRows> top_rows;  // find_top_rows
    bool may_be_sampled = false;      // allow_sampling
    std::optional<Sample> sample{};   ///< the statement reads these visitors alone; see sampled_sql.h
    /// Why the plan is as it is, a sentence each; shown by `explain`.
    std::vector<std::string> reasons;
};

/// Calls for each dimension that the request groups or filters by; not for those of what visitors have done, which no
/// row has to have.
void for_each_column(const Plan& plan, const std::function<void(const DimensionColumn&)>& call);

/// Whether the condition, or a part of it, asks for what visitors have done; and whether any of that is of goals.
bool asks_what_was_done(const Condition& condition);
bool asks_for_goals_done(const Condition& condition);
/// Whether any of it is a number of events (Dimension::is_filter_only).
bool asks_for_numbers(const Condition& condition);
/// Whether all that a condition asks for is in that table.
bool is_of_table(const Condition& condition, std::string_view table);

/// Whether it asks for what sessions alone have, and for nothing else: then a set of their keys stands for it where
/// events are read.
bool is_of_sessions_alone(const Condition& condition);
/// Whether that is so of it or of a part of it.
bool has_part_of_sessions_alone(const Condition& condition);
/// Calls for each dimension that the request groups by, or filters by where no such set stands for the filter.
void for_each_column_of_rows(const Plan& plan, const std::function<void(const DimensionColumn&)>& call);
/// The name of the first column that a table has not, of those that the request groups or filters by; of events, where
/// no such set stands for it. Empty where it has all.
std::string first_missing(const Plan& plan, std::string_view table);

/// What the passes may look at besides the plan.
struct PlanContext {
    const Request& request;
    const SiteInfo& site;
    const Zone& zone;
    const Vocabulary& vocabulary;
    std::int64_t now_ms = 0;
};

/// One step from request to plan. It reads what earlier passes filled in, fills in its own part, and gives its reasons.
struct Pass {
    std::string_view name;
    Status (*run)(const PlanContext& context, Plan& plan);
};

/// The passes in their order; the one place that knows it.
const std::vector<Pass>& passes();

/// What footfall.rollup_days keeps of whole days of a range, asked of the tables: dimensions are the day and, where it
/// is not null, `dimension`; metrics those that the rollup keeps by it, distinct counts where they are kept as
/// sketches.
Plan make_rollup_plan(const SiteInfo& site, const Zone& zone, const Dimension* dimension, const Range& range,
                      bool has_sketches);

/// The same of a property: by day, event name and value.
Plan make_property_plan(const SiteInfo& site, const Zone& zone, std::string_view property, const Range& range,
                        bool has_sketches);
/// The same of conversions: by day and goal, or by day, of those that met any goal, and the sessions that they are a
/// share of. Errors as make_plan() for goals that can't be asked for.
enum class GoalRows : std::uint8_t { kOfEach, kOfAny };
Result<Plan> make_goal_plan(const SiteInfo& site, const Zone& zone, GoalRows rows, const Range& range,
                            bool has_sketches);

/// Runs the passes. Errors are kInvalidArgument, named and with a field, as query.h says.
Result<Plan> make_plan(const PlanContext& context);

}  // namespace footfall::query
