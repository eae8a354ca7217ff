#include <algorithm>

#include <fmt/format.h>

#include "query/goal.h"
#include "query/passes/passes.h"
#include "query/segment.h"

namespace footfall::query {
namespace {

bool has_base_of(const Plan& plan, std::string_view source) {
    return std::any_of(plan.bases.begin(), plan.bases.end(),
                       [&](const BaseMetric& base) { return base.source->source == source; });
}

/// What is asked for beside goals.
struct Asked {
    bool of_goals = false;
    bool of_events = false;   ///< of what events alone have
    bool of_varying = false;  ///< of what differs between a session's events
};

Asked asked_by(const Plan& plan) {
    Asked asked;
    for_each_column(plan, [&](const DimensionColumn& column) {
        if (is_goal(*column.dimension)) asked.of_goals = true;
        else if (find_source(column.dimension->sources, "sessions") == nullptr) asked.of_events = true;
        else asked.of_varying = asked.of_varying || column.dimension->varies_in_session;
    });
    return asked;
}

}  // namespace

// Conversions are the sessions that started in the range and met a goal, at whatever time; where events are asked for,
// those with such an event in the range that met it. What they are a share of is found in the same way, goals left
// out.
Status resolve_goals(const PlanContext& context, Plan& plan) {
    const Asked asked = asked_by(plan);
    const bool has_conversions = has_base_of(plan, kConversions);
    const bool has_all_sessions = has_base_of(plan, kAllSessions);
    const bool is_done = plan.condition && asks_for_goals_done(*plan.condition);
    if (!asked.of_goals && !is_done && !has_conversions && !has_all_sessions) return {};
    for (const GoalDeclaration& declared : context.site.goals) {
        auto goal = lower_goal(declared, context.vocabulary);
        if (!goal)
            return refuse("invalid_goal", "goal",
                          fmt::format("the goal '{}' is not understood: {}", declared.name, goal.error().message));
        plan.goals.push_back(std::move(*goal));
    }
    if (has_conversions) plan.conversions = asked.of_events ? Branch::kJoined : Branch::kAlone;
    if (has_all_sessions) {
        plan.all_sessions = asked.of_events ? Branch::kJoined : asked.of_varying ? Branch::kWithMixed : Branch::kAlone;
        for (std::size_t i = 0; plan.condition && i < plan.condition->children.size(); ++i) {
            const Condition& child = plan.condition->children[i];
            if (mentions_goals(child) && !is_of_goals_alone(child))
                return refuse("unsupported_filter",
                              is_of_segment(context.request.filters[i]) ? std::string(kSegment) : "filters",
                              "for a share of all sessions, a filter on 'goal' stands by itself, not in one with "
                              "others");
        }
    }
    plan.reasons.push_back(fmt::format("goals: {}", plan.goals.size()));
    if (has_conversions)
        plan.reasons.emplace_back(asked.of_events ? "conversions: sessions with such an event that met a goal"
                                                  : "conversions: sessions that started in the range and met a goal");
    return {};
}

}  // namespace footfall::query
