#include "query/plan.h"

#include <algorithm>
#include <utility>

#include "query/goal.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

void for_each_column(
    const Condition& condition,  // NOLINT(misc-no-recursion): as deep as parse_request lets a filter be
    const std::function<void(const DimensionColumn&)>& call) {
    if (condition.kind == Condition::Kind::kDone) return;
    if (condition.kind == Condition::Kind::kTest) call(condition.column);
    for (const Condition& child : condition.children) for_each_column(child, call);
}

void for_each_column_of_rows(const Condition& condition,  // NOLINT(misc-no-recursion)
                             const std::function<void(const DimensionColumn&)>& call) {
    if (condition.kind == Condition::Kind::kDone || is_of_sessions_alone(condition)) return;
    if (condition.kind == Condition::Kind::kTest) call(condition.column);
    for (const Condition& child : condition.children) for_each_column_of_rows(child, call);
}

bool asks_for_goals(const Condition& condition) {  // NOLINT(misc-no-recursion)
    if (condition.kind == Condition::Kind::kTest) return is_goal(*condition.column.dimension);
    return std::any_of(condition.children.begin(), condition.children.end(), asks_for_goals);
}

/// The metrics that the rollup keeps by each dimension, by day and these.
Plan plan_by_day(const SiteInfo& site, const Zone& zone, std::vector<DimensionColumn> by, const Range& range,
                 bool has_sketches) {
    Plan plan;
    plan.website_id = site.id;
    plan.currency = site.currency;
    plan.range = range;
    // By what is of events alone a session counts wherever it has one, so that its days do not add up.
    const bool has_sessions = std::all_of(by.begin(), by.end(), [](const DimensionColumn& column) {
        return find_source(column.dimension->sources, "sessions") != nullptr;
    });
    plan.dimensions = std::move(by);
    plan.dimensions.insert(plan.dimensions.begin(), {"date", vocabulary().dimension("date"), {}});
    for (const Metric& metric : vocabulary().metrics())
        if (metric.rollup && metric.rollup->by.empty() && (has_sketches || !metric.rollup->is_sketch()) &&
            (has_sessions || find_source(metric.sources, "sessions") == nullptr))
            plan.metrics.push_back({metric.name, &metric});
    Request request;
    request.totals = Toggle::kOff;
    const Status chosen =
        choose_source({.request = request, .site = site, .zone = zone, .vocabulary = vocabulary()}, plan);
    FOOTFALL_CHECK(chosen);
    return plan;
}

}  // namespace

void for_each_column(const Plan& plan, const std::function<void(const DimensionColumn&)>& call) {
    for (const DimensionColumn& column : plan.dimensions) call(column);
    if (plan.condition) for_each_column(*plan.condition, call);
}

bool is_of_sessions_alone(const Condition& condition) {  // NOLINT(misc-no-recursion)
    if (condition.kind == Condition::Kind::kDone) return false;
    if (condition.kind == Condition::Kind::kTest) {
        const auto& sources = condition.column.dimension->sources;
        return find_source(sources, "events") == nullptr && find_source(sources, "sessions") != nullptr;
    }
    return !condition.children.empty() &&
           std::all_of(condition.children.begin(), condition.children.end(), is_of_sessions_alone);
}

bool has_part_of_sessions_alone(const Condition& condition) {  // NOLINT(misc-no-recursion)
    return is_of_sessions_alone(condition) ||
           (condition.kind != Condition::Kind::kDone &&
            std::any_of(condition.children.begin(), condition.children.end(), has_part_of_sessions_alone));
}

void for_each_column_of_rows(const Plan& plan, const std::function<void(const DimensionColumn&)>& call) {
    for (const DimensionColumn& column : plan.dimensions) call(column);
    if (plan.condition) for_each_column_of_rows(*plan.condition, call);
}

std::string first_missing(const Plan& plan, std::string_view table) {
    std::string missing;
    const auto look = [&](const DimensionColumn& column) {
        if (missing.empty() && find_source(column.dimension->sources, table) == nullptr) missing = column.name;
    };
    if (table == "events") for_each_column_of_rows(plan, look);
    else for_each_column(plan, look);
    return missing;
}

bool asks_what_was_done(const Condition& condition) {  // NOLINT(misc-no-recursion)
    return condition.kind == Condition::Kind::kDone ||
           std::any_of(condition.children.begin(), condition.children.end(), asks_what_was_done);
}

bool asks_for_goals_done(const Condition& condition) {  // NOLINT(misc-no-recursion)
    if (condition.kind == Condition::Kind::kDone) return asks_for_goals(condition);
    return std::any_of(condition.children.begin(), condition.children.end(), asks_for_goals_done);
}

bool asks_for_numbers(const Condition& condition) {  // NOLINT(misc-no-recursion)
    if (condition.kind == Condition::Kind::kTest) return condition.column.dimension->is_filter_only;
    return std::any_of(condition.children.begin(), condition.children.end(), asks_for_numbers);
}

bool is_of_table(const Condition& condition, std::string_view table) {  // NOLINT(misc-no-recursion)
    if (condition.kind == Condition::Kind::kTest)
        return find_source(condition.column.dimension->sources, table) != nullptr;
    return std::all_of(condition.children.begin(), condition.children.end(),
                       [&](const Condition& child) { return is_of_table(child, table); });
}

const std::vector<Pass>& passes() {
    static const std::vector<Pass> in_order = {
        {"resolve_names", resolve_names}, {"resolve_range", resolve_range}, {"lower_filters", lower_filters},
        {"choose_source", choose_source}, {"resolve_goals", resolve_goals}, {"choose_rollup", choose_rollup},
        {"order_rows", order_rows},       {"find_top_rows", find_top_rows}, {"allow_sampling", allow_sampling},
    };
    return in_order;
}

Plan make_rollup_plan(const SiteInfo& site, const Zone& zone, const Dimension* dimension, const Range& range,
                      bool has_sketches) {
    std::vector<DimensionColumn> by;
    if (dimension != nullptr) by.push_back({dimension->name, dimension, {}});
    return plan_by_day(site, zone, std::move(by), range, has_sketches);
}

Plan make_property_plan(const SiteInfo& site, const Zone& zone, std::string_view property, const Range& range,
                        bool has_sketches) {
    const Dimension* const dimension = vocabulary().dimension(kProperty);
    return plan_by_day(site, zone,
                       {{"event_name", vocabulary().dimension("event_name"), {}},
                        {dimension->name + std::string(property), dimension, std::string(property)}},
                       range, has_sketches);
}

Result<Plan> make_goal_plan(const SiteInfo& site, const Zone& zone, GoalRows rows, const Range& range,
                            bool has_sketches) {
    const bool is_of_each = rows == GoalRows::kOfEach;
    Plan plan;
    plan.website_id = site.id;
    plan.range = range;
    plan.dimensions.push_back({"date", vocabulary().dimension("date"), {}});
    if (is_of_each) plan.dimensions.push_back({"goal", vocabulary().dimension("goal"), {}});
    for (const Metric& metric : vocabulary().metrics())
        if (is_rolled_by_goal(metric) && (has_sketches || !metric.rollup->is_sketch()) &&
            (!is_of_each || find_source(metric.sources, kConversions) != nullptr))
            plan.metrics.push_back({metric.name, &metric});
    Request request;
    request.totals = Toggle::kOff;
    const PlanContext context{.request = request, .site = site, .zone = zone, .vocabulary = vocabulary()};
    TRY_STATUS(choose_source(context, plan));
    TRY_STATUS(resolve_goals(context, plan));
    return plan;
}

Result<Plan> make_plan(const PlanContext& context) {
    Plan plan;
    for (const Pass& pass : passes()) TRY_STATUS(pass.run(context, plan));
    return plan;
}

}  // namespace footfall::query
