#pragma once

#include <string_view>

#include "base/result.h"
#include "query/plan.h"
#include "query/query.h"

namespace footfall::query {

/// Sources of metrics over goals: the sessions that met one, and those that they are a share of.
inline constexpr std::string_view kConversions = "conversions";
inline constexpr std::string_view kAllSessions = "all_sessions";

/// Whether it is the dimension of the goals that an event met, of which it may have several.
inline bool is_goal(const Dimension& dimension) { return dimension.name == "goal"; }

/// Whether goals are asked for anywhere in it, and nowhere anything else.
bool mentions_goals(const Condition& condition);
bool is_of_goals_alone(const Condition& condition);

/// Whether the rollup keeps the metric in the rows of goals alone; and whether a plan has such metrics.
inline bool is_rolled_by_goal(const Metric& metric) { return metric.rollup && metric.rollup->by == "goal"; }
bool is_rolled_by_goal(const Plan& plan);

/// Whether days that are summed up can say how often a goal was met. Not of an amount, which is by the site's currency
/// whenever that is set, nor of what pings tell, which may come after the day was summed up.
bool is_kept_by_day(const PlanGoal& goal);

/// A goal → a condition on events. kInvalidArgument, with the path in `field`, for filters that are none, or ask for
/// what is not an event's own.
Result<PlanGoal> lower_goal(const GoalDeclaration& declared, const Vocabulary& vocabulary);

}  // namespace footfall::query
