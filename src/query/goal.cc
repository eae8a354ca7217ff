#include "query/goal.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "query/passes/passes.h"
#include "query/zone.h"

namespace footfall::query {
namespace {

/// Whether all that it asks for is an event's own, whenever that was.
Status check_columns(const Condition& condition) {  // NOLINT(misc-no-recursion): as deep as a filter may be
    if (condition.kind == Condition::Kind::kDone)
        return refuse("unsupported_filter", "filters",
                      "a goal is a condition on one event, and 'has_done' is of all that a visitor did");
    if (condition.kind == Condition::Kind::kTest) {
        const Dimension& dimension = *condition.column.dimension;
        if (is_goal(dimension) || !dimension.granularity.empty() || find_source(dimension.sources, "events") == nullptr)
            return refuse("unsupported_dimension", "filters",
                          fmt::format("a goal is a condition on one event, and '{}' is not an event's own",
                                      condition.column.name));
    }
    for (const Condition& child : condition.children) TRY_STATUS(check_columns(child));
    return {};
}

}  // namespace

// What was done is the visitor's, whatever the row that is asked for met.
bool mentions_goals(const Condition& condition) {  // NOLINT(misc-no-recursion): as deep as a filter may be
    if (condition.kind == Condition::Kind::kDone) return false;
    if (condition.kind == Condition::Kind::kTest) return is_goal(*condition.column.dimension);
    return std::any_of(condition.children.begin(), condition.children.end(), mentions_goals);
}

bool is_of_goals_alone(const Condition& condition) {  // NOLINT(misc-no-recursion): as deep as a filter may be
    if (condition.kind == Condition::Kind::kDone) return false;
    if (condition.kind == Condition::Kind::kTest) return is_goal(*condition.column.dimension);
    return std::all_of(condition.children.begin(), condition.children.end(), is_of_goals_alone);
}

bool is_kept_by_day(const PlanGoal& goal) { return !asks_for_numbers(goal.condition); }

bool is_rolled_by_goal(const Plan& plan) {
    return std::any_of(plan.bases.begin(), plan.bases.end(),
                       [](const BaseMetric& base) { return is_rolled_by_goal(*base.metric); });
}

Result<PlanGoal> lower_goal(const GoalDeclaration& declared, const Vocabulary& vocabulary) {
    const bool is_page = declared.of == GoalDeclaration::Of::kPage;
    TRY(auto filters, parse_filters(declared.filters));
    if (!declared.is_of_any)
        filters.insert(filters.begin(), Filter{.kind = Filter::Kind::kTest,
                                               .children = {},
                                               .dimension = is_page ? "page" : "event_name",
                                               .op = declared.op,
                                               .values = {declared.value},
                                               .field = is_page ? "page" : "event"});
    if (filters.empty())
        return refuse("missing", "filters",
                      fmt::format("a goal of any {} says by filters which it is", is_page ? "page" : "event"));
    Request request;
    request.filters = std::move(filters);
    TRY(const Zone zone, Zone::load("UTC"));
    const SiteInfo site;
    Plan plan;
    TRY_STATUS(
        lower_filters({.request = request, .site = site, .zone = zone, .vocabulary = vocabulary, .now_ms = 0}, plan));
    TRY_STATUS(check_columns(*plan.condition));
    return PlanGoal{
        .name = declared.name, .event_type = is_page ? "pageview" : "event", .condition = std::move(*plan.condition)};
}

Status check_goal(const GoalDeclaration& declared) {
    TRY([[maybe_unused]] const PlanGoal goal, lower_goal(declared, vocabulary()));
    return {};
}

}  // namespace footfall::query
