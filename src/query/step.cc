#include "query/step.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/goal.h"
#include "query/names.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

using simdjson::dom::element;

constexpr std::array<std::pair<std::string_view, Step::Of>, 3> kKinds = {
    {{"page", Step::Of::kPage}, {"event", Step::Of::kEvent}, {"goal", Step::Of::kGoal}}};

Result<PlanGoal> goal_named(const std::string& name, const std::string& field, const PlanContext& context) {
    std::vector<std::string_view> names;
    for (const GoalDeclaration& declared : context.site.goals) {
        if (declared.name == name) {
            auto goal = lower_goal(declared, context.vocabulary);
            if (goal) return goal;
            return refuse("invalid_goal", field,
                          fmt::format("the goal '{}' is not understood: {}", name, goal.error().message));
        }
        names.push_back(declared.name);
    }
    return refuse("unknown_goal", field, fmt::format("the site has no goal '{}'", name), nearest(name, names));
}

/// `kinds` counts those that are named.
std::vector<Member> members_of(Step& step, std::size_t& kinds, const std::string& path, FilterReader& filters) {
    std::vector<Member> members = {
        {"name",
         [&](element v) -> Status {
             TRY(step.name, read_text(v, path + ".name"));
             return {};
         }},
        {"filters",
         [&](element v) -> Status {
             TRY(step.filters, filters.read(v, path + ".filters"));
             return {};
         }},
    };
    for (const auto& kind : kKinds)
        members.push_back({kind.first, [&](element v) -> Status {
                               TRY(step.value, read_text(v, fmt::format("{}.{}", path, kind.first)));
                               step.of = kind.second;
                               ++kinds;
                               return {};
                           }});
    return members;
}

}  // namespace

std::vector<std::string_view> step_member_names() {
    Step step;
    std::size_t kinds = 0;
    FilterReader filters;
    return names_of(members_of(step, kinds, {}, filters));
}

Result<Step> read_step(element value, const std::string& path, FilterReader& filters) {
    Step step;
    std::size_t kinds = 0;
    TRY_STATUS(read_object(value, path, "a step", members_of(step, kinds, path, filters)));
    if (kinds != 1) return refuse("invalid_step", path, "a step has one of 'page', 'event' and 'goal', and its value");
    if (step.value.empty())
        return refuse("invalid_value", fmt::format("{}.{}", path, kKinds[static_cast<std::size_t>(step.of)].first),
                      "say which");
    if (step.name.empty()) step.name = step.value;
    return step;
}

Result<std::vector<Condition>> lower_all_of(const std::vector<Filter>& filters, const PlanContext& context) {
    Request request;
    request.filters = filters;
    Plan plan;
    TRY_STATUS(lower_filters({.request = request,
                              .site = context.site,
                              .zone = context.zone,
                              .vocabulary = context.vocabulary,
                              .now_ms = context.now_ms},
                             plan));
    if (!plan.condition) return std::vector<Condition>{};
    return std::move(plan.condition->children);
}

Result<std::vector<Condition>> lower_filters_of_request(const PlanContext& context, Plan& plan) {
    TRY_STATUS(lower_filters(context, plan));
    if (!plan.condition) return std::vector<Condition>{};
    return std::move(plan.condition->children);
}

Result<PlanStep> plan_step(const Step& step, const std::string& path, const PlanContext& context) {
    PlanStep result{.name = step.name,
                    .event_type = {},
                    .condition = {.kind = Condition::Kind::kAnd, .children = {}, .column = {}, .values = {}}};
    if (step.of == Step::Of::kGoal) {
        TRY(PlanGoal goal, goal_named(step.value, path + ".goal", context));
        TRY(result.condition.children, lower_all_of(step.filters, context));
        result.event_type = goal.event_type;
        result.condition.children.insert(result.condition.children.begin(), std::move(goal.condition));
        return result;
    }
    const bool is_page = step.of == Step::Of::kPage;
    result.event_type = is_page ? "pageview" : "event";
    std::vector<Filter> filters = step.filters;
    filters.insert(filters.begin(), Filter{.kind = Filter::Kind::kTest,
                                           .children = {},
                                           .dimension = is_page ? "page" : "event_name",
                                           .op = Operator::kIs,
                                           .values = {step.value},
                                           .field = path + (is_page ? ".page" : ".event")});
    TRY(result.condition.children, lower_all_of(filters, context));
    return result;
}

Status add_goals_asked_for(const PlanContext& context, Plan& plan) {
    bool asks_of_goals = false;
    for_each_column(
        plan, [&](const DimensionColumn& column) { asks_of_goals = asks_of_goals || is_goal(*column.dimension); });
    if (plan.condition) asks_of_goals = asks_of_goals || asks_for_goals_done(*plan.condition);
    if (!asks_of_goals) return {};
    for (const GoalDeclaration& declared : context.site.goals) {
        TRY(auto goal, goal_named(declared.name, "goal", context));
        plan.goals.push_back(std::move(goal));
    }
    return {};
}

}  // namespace footfall::query
