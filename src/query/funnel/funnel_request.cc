#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/funnel/funnel.h"
#include "query/goal.h"
#include "query/passes/passes.h"
#include "query/request_reader.h"

namespace footfall::query {
namespace {

using simdjson::dom::element;

constexpr std::array<std::pair<std::string_view, FunnelStep::Of>, 3> kKinds = {
    {{"page", FunnelStep::Of::kPage}, {"event", FunnelStep::Of::kEvent}, {"goal", FunnelStep::Of::kGoal}}};

Result<FunnelStep> read_step(element value, const std::string& path, FilterReader& filters) {
    FunnelStep step;
    std::size_t kinds = 0;
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
    for (const auto& [name, of] : kKinds)
        members.push_back({name, [&, name = name, of = of](element v) -> Status {
                               TRY(step.value, read_text(v, fmt::format("{}.{}", path, name)));
                               step.of = of;
                               ++kinds;
                               return {};
                           }});
    TRY_STATUS(read_object(value, path, "a step", members));
    if (kinds != 1) return refuse("invalid_step", path, "a step has one of 'page', 'event' and 'goal', and its value");
    if (step.value.empty())
        return refuse("invalid_value", fmt::format("{}.{}", path, kKinds[static_cast<std::size_t>(step.of)].first),
                      "say which");
    if (step.name.empty()) step.name = step.value;
    return step;
}

Result<std::vector<FunnelStep>> read_steps(element value, FilterReader& filters) {
    simdjson::dom::array list;
    if (value.get(list) != simdjson::SUCCESS) return wrong_type("steps", "an array of steps");
    if (list.size() > kFunnelStepsMax) return beyond_limit("steps", "steps", kFunnelStepsMax);
    std::vector<FunnelStep> steps;
    for (const element item : list) {
        TRY(auto step, read_step(item, fmt::format("steps[{}]", steps.size()), filters));
        steps.push_back(std::move(step));
    }
    return steps;
}

Result<FunnelBy> read_by(element value) {
    TRY(const std::string by, read_text(value, "by"));
    constexpr std::array<std::string_view, 2> kNames = {"visitor", "session"};
    if (by == kNames[0]) return FunnelBy::kVisitor;
    if (by == kNames[1]) return FunnelBy::kSession;
    return refuse("invalid_value", "by", fmt::format("a funnel is by 'visitor' or by 'session', not by '{}'", by),
                  nearest(by, kNames));
}

}  // namespace

Result<FunnelRequest> parse_funnel(std::string_view body) {
    FunnelRequest request;
    FilterReader filters;
    std::vector<Member> members = {
        {"steps",
         [&](element value) -> Status {
             TRY(request.steps, read_steps(value, filters));
             return {};
         }},
        {"window_seconds",
         [&](element value) -> Status {
             TRY(request.window_seconds, read_integer(value, "window_seconds", 1, kFunnelWindowMax));
             return {};
         }},
        {"by",
         [&](element value) -> Status {
             TRY(request.by, read_by(value));
             return {};
         }},
        {"breakdown",
         [&](element value) -> Status {
             TRY(request.breakdown, read_text(value, "breakdown"));
             return {};
         }},
        {"limit",
         [&](element value) -> Status {
             TRY(request.of.limit, read_integer(value, "limit", 1, kFunnelValuesMax));
             return {};
         }},
    };
    for (const std::string_view name : {"website_id", "date_range", "time_range", "filters", "include_bots", "explain"})
        members.push_back(member_of(name, request.of, filters));
    request.of.limit = kFunnelValuesDefault;
    TRY_STATUS(read_body(body, "a funnel", members, request.of));
    if (request.steps.empty()) return refuse("missing", "steps", "name at least one step");
    return request;
}

namespace {

/// As a filter is lowered; `where` is the path that errors have.
Result<Condition> lowered(const PlanContext& context, std::vector<Filter> filters) {
    Request request;
    request.filters = std::move(filters);
    Plan plan;
    TRY_STATUS(lower_filters({.request = request,
                              .site = context.site,
                              .zone = context.zone,
                              .vocabulary = context.vocabulary,
                              .now_ms = context.now_ms},
                             plan));
    if (plan.condition) return std::move(*plan.condition);
    return Condition{.kind = Condition::Kind::kAnd, .children = {}, .column = {}, .values = {}};
}

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

Result<FunnelPlan::Step> planned(const FunnelStep& step, std::size_t place, const PlanContext& context) {
    FunnelPlan::Step result{.name = step.name, .event_type = {}, .condition = {}};
    if (step.of == FunnelStep::Of::kGoal) {
        TRY(PlanGoal goal, goal_named(step.value, fmt::format("steps[{}].goal", place), context));
        TRY(result.condition, lowered(context, step.filters));
        result.event_type = goal.event_type;
        result.condition.children.insert(result.condition.children.begin(), std::move(goal.condition));
        return result;
    }
    const bool is_page = step.of == FunnelStep::Of::kPage;
    result.event_type = is_page ? "pageview" : "event";
    std::vector<Filter> filters = step.filters;
    filters.insert(filters.begin(), Filter{.kind = Filter::Kind::kTest,
                                           .children = {},
                                           .dimension = is_page ? "page" : "event_name",
                                           .op = Operator::kIs,
                                           .values = {step.value},
                                           .field = fmt::format("steps[{}].{}", place, is_page ? "page" : "event")});
    TRY(result.condition, lowered(context, std::move(filters)));
    return result;
}

Status add_breakdown(const std::string& name, const PlanContext& context, Plan& plan) {
    if (name.empty()) return {};
    TRY(DimensionColumn column, resolve_dimension(context.vocabulary, name, "breakdown"));
    if (is_goal(*column.dimension) || !column.dimension->granularity.empty())
        return refuse("unsupported_dimension", "breakdown",
                      fmt::format("a funnel is broken down by what an event or its session has, not by '{}'", name));
    plan.dimensions.push_back(std::move(column));
    return {};
}

}  // namespace

Result<FunnelPlan> make_funnel_plan(const FunnelRequest& request, const PlanContext& context) {
    FunnelPlan funnel;
    funnel.by = request.by;
    funnel.window_ms = request.window_seconds * 1'000;
    Plan& plan = funnel.plan;
    plan.website_id = context.site.id;
    plan.currency = context.site.currency;
    plan.limit = request.of.limit;
    plan.include_bots = request.of.include_bots;
    TRY_STATUS(resolve_range(context, plan));
    TRY(Condition filters, lowered(context, request.of.filters));
    funnel.filters = std::move(filters.children);
    for (const FunnelStep& step : request.steps) {
        TRY(auto made, planned(step, funnel.steps.size(), context));
        funnel.steps.push_back(std::move(made));
    }
    TRY_STATUS(add_breakdown(request.breakdown, context, plan));

    plan.condition = Condition{.kind = Condition::Kind::kAnd, .children = funnel.filters, .column = {}, .values = {}};
    for (const FunnelPlan::Step& step : funnel.steps) plan.condition->children.push_back(step.condition);
    bool asks_of_goals = false;
    std::string of_session;
    for_each_column(plan, [&](const DimensionColumn& column) {
        asks_of_goals = asks_of_goals || is_goal(*column.dimension);
        if (find_source(column.dimension->sources, "events") == nullptr) of_session = column.name;
    });
    if (asks_of_goals)
        for (const GoalDeclaration& declared : context.site.goals) {
            TRY(auto goal, goal_named(declared.name, "goal", context));
            plan.goals.push_back(std::move(goal));
        }
    funnel.is_joined = request.by == FunnelBy::kSession || !of_session.empty();
    plan.reasons.push_back(!funnel.is_joined
                               ? "source 'events': what meets a step, by visitor"
                               : fmt::format("source 'events', joined with 'sessions'{}: what meets a step, by {}",
                                             of_session.empty() ? "" : ", which alone have '" + of_session + "'",
                                             request.by == FunnelBy::kSession ? "session" : "visitor"));
    plan.reasons.push_back(fmt::format("a step is reached within {} s of the first", request.window_seconds));
    plan.reasons.emplace_back(plan.include_bots == Toggle::kOn ? "bots are counted, as asked" : "bots are left out");
    plan.reasons.emplace_back("exact: no sampling, no sketches");
    return funnel;
}

}  // namespace footfall::query
