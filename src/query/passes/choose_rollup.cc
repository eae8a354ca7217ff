#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "query/goal.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

/// Of conversions, which are kept by day and goal, and as a whole.
std::string why_not_by_goal(const Plan& plan, RollupUse& use) {
    for (const BaseMetric& base : plan.bases)
        if (!is_rolled_by_goal(*base.metric))
            return fmt::format("conversions and '{}' are not kept together", base.metric->name);
    if (plan.goals.empty()) return "the site has no goals";
    if (!std::all_of(plan.goals.begin(), plan.goals.end(), is_kept_by_day))
        return "a goal asks for revenue, engaged_seconds or scroll_percent, of which no days are kept";
    bool is_by_goal = false;
    for (const DimensionColumn& column : plan.dimensions) {
        is_by_goal |= is_goal(*column.dimension);
        const SourceExpression* source = find_source(column.dimension->sources, "rollup");
        if (source == nullptr || !source->rows_of.empty() ||
            (column.dimension->granularity.empty() && !is_goal(*column.dimension)))
            return fmt::format("conversions are not kept by '{}'", column.name);
    }
    if (plan.condition) {
        // Of two goals a session may have met both.
        const std::vector<Condition>& all = plan.condition->children;
        const bool is_one_goal = all.size() == 1 && all[0].kind == Condition::Kind::kTest &&
                                 is_goal(*all[0].column.dimension) && all[0].op == Operator::kIs &&
                                 all[0].values.size() == 1 && !all[0].values[0].empty();
        if (!is_one_goal || is_by_goal) return "of filters on conversions it answers one, on one goal";
    }
    use.dimension = "goal";
    return {};
}

/// Whether rows that meet it all have the same value of the dimension.
bool leaves_one_value(const Condition& condition, const Dimension& dimension) {
    if (condition.kind == Condition::Kind::kAnd)
        return std::any_of(condition.children.begin(), condition.children.end(),
                           [&](const Condition& child) { return leaves_one_value(child, dimension); });
    return condition.kind == Condition::Kind::kTest && condition.column.dimension == &dimension &&
           condition.op == Operator::kIs && condition.values.size() == 1;
}

/// Why the rollup's days can't answer; empty where they can. `use` is how.
std::string why_not(const PlanContext& context, const Plan& plan, RollupUse& use) {
    if (plan.include_bots == Toggle::kOn) return "it leaves bots out";
    if (plan.condition && asks_what_was_done(*plan.condition)) return "it does not keep what each visitor has done";
    bool has_sessions = false;
    for (const BaseMetric& base : plan.bases) {
        if (!base.metric->rollup) return fmt::format("it does not keep '{}'", base.metric->name);
        use.standard_error = std::max(use.standard_error, base.metric->rollup->standard_error);
        has_sessions |= base.source->source == "sessions";
    }
    if (use.standard_error > 0 && context.request.exact == Toggle::kOn) return "exact distinct counts are asked for";
    if (plan.sessions == Branch::kJoined) return "sessions by what is of events do not add up over days";

    if (is_rolled_by_goal(plan)) return why_not_by_goal(plan, use);

    const DimensionColumn* of = nullptr;
    const DimensionColumn* event_name = nullptr;
    std::string missing;
    DimensionColumn bucket;
    for_each_column(plan, [&](const DimensionColumn& column) {
        const DimensionColumn* rows_of = &column;
        const SourceExpression* source = find_source(column.dimension->sources, "rollup");
        if (source == nullptr) {
            missing = fmt::format("'{}'", column.name);
            return;
        }
        if (!column.dimension->granularity.empty()) {
            if (source->rows_of.empty()) return;
            bucket = {.name = column.name, .dimension = context.vocabulary.dimension(source->rows_of), .key = {}};
            rows_of = &bucket;
        }
        if (rows_of->dimension->name == "event_name") {
            event_name = rows_of;
            return;
        }
        const bool is_another = of != nullptr && (of->dimension != rows_of->dimension || of->key != rows_of->key);
        if (is_another && missing.empty()) missing = fmt::format("'{}' and '{}' together", of->name, column.name);
        of = rows_of;
    });
    // The rows of a property say of which event names they are.
    if (of != nullptr && event_name != nullptr && !of->dimension->takes_key() && missing.empty())
        missing = fmt::format("'{}' and '{}' together", of->name, event_name->name);
    if (of == nullptr) of = event_name;
    if (!missing.empty()) return fmt::format("it does not keep {}", missing);
    if (of == nullptr) return {};
    const Dimension& dimension = *of->dimension;
    if (is_goal(dimension))
        return fmt::format("by 'goal' it keeps conversions, not '{}'", plan.bases.front().metric->name);
    // The total is of the site as a whole, or, with a filter, of the rows of what the filter leaves.
    if (has_sessions && dimension.varies_in_session && plan.condition && !leaves_one_value(*plan.condition, dimension))
        return fmt::format(
            "a session may have more than one '{}' of those that the filter leaves, and counts once in the total",
            dimension.name);
    use.dimension = dimension.name + of->key;
    return {};
}

}  // namespace

// Whole days that are closed and made stand for their rows; what is left of the range is read from the tables (ADR 12).
Status choose_rollup(const PlanContext& context, Plan& plan) {
    RollupUse use;
    const std::string why = why_not(context, plan, use);
    if (why.empty()) plan.rollup = std::move(use);
    else plan.reasons.push_back("no rollup: " + why);
    return {};
}

}  // namespace footfall::query
