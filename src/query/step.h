#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <simdjson.h>

#include "base/result.h"
#include "query/plan.h"
#include "query/query.h"
#include "query/request_reader.h"

/// What an event has to be for a funnel's step, or for a cohort: a pageview of that page, a custom event of that name,
/// or a goal of the site; and filters of its own.
namespace footfall::query {

struct Step {
    enum class Of : std::uint8_t { kPage, kEvent, kGoal };
    Of of = Of::kPage;
    std::string value;
    std::string name;  ///< as shown; the value where none is given
    std::vector<Filter> filters{};
};

struct PlanStep {
    std::string name;
    std::string event_type;
    Condition condition;  ///< an "and" of at least one
};

/// `path` is the step's in the request. Errors as parse_request().
Result<Step> read_step(simdjson::dom::element value, const std::string& path, FilterReader& filters);
/// Errors as make_plan(), and "unknown_goal".
Result<PlanStep> plan_step(const Step& step, const std::string& path, const PlanContext& context);

/// Filters → conditions, all of which must hold.
Result<std::vector<Condition>> lower_all_of(const std::vector<Filter>& filters, const PlanContext& context);
/// The same of all that the request has, its segment's too, which is a reason of the plan.
Result<std::vector<Condition>> lower_filters_of_request(const PlanContext& context, Plan& plan);
/// The site's goals, where a column of the plan asks for them.
Status add_goals_asked_for(const PlanContext& context, Plan& plan);

}  // namespace footfall::query
