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

Result<std::vector<Step>> read_steps(element value, FilterReader& filters) {
    simdjson::dom::array list;
    if (value.get(list) != simdjson::SUCCESS) return wrong_type("steps", "an array of steps");
    if (list.size() > kFunnelStepsMax) return beyond_limit("steps", "steps", kFunnelStepsMax);
    std::vector<Step> steps;
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
    TRY(funnel.filters, lower_all_of(request.of.filters, context));
    for (const Step& step : request.steps) {
        TRY(auto made, plan_step(step, fmt::format("steps[{}]", funnel.steps.size()), context));
        funnel.steps.push_back(std::move(made));
    }
    TRY_STATUS(add_breakdown(request.breakdown, context, plan));

    plan.condition = Condition{.kind = Condition::Kind::kAnd, .children = funnel.filters, .column = {}, .values = {}};
    for (const PlanStep& step : funnel.steps) plan.condition->children.push_back(step.condition);
    TRY_STATUS(add_goals_asked_for(context, plan));
    std::string of_session;
    for_each_column(plan, [&](const DimensionColumn& column) {
        if (find_source(column.dimension->sources, "events") == nullptr) of_session = column.name;
    });
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
