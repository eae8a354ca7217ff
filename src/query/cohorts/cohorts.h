#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "query/step.h"
#include "query/visitor_question.h"

/// Retention: of the visitors who came first in a period, how many came again in each later one (POST
/// /api/v1/retention). A cohort is of a day, week or month of the site's calendar, and of everything that is kept: who
/// came before the range is in none of its cohorts.
///
/// Somebody comes by a session, in the period in which it started; where what events have is asked for, by a step or a
/// filter, by each such event. `first` says by which events one comes first, `again` by which again; filters hold for
/// both.
namespace footfall::query {

inline constexpr std::int64_t kCohortsMax = 400;

struct CohortRequest final : VisitorRequest {
    std::optional<Step> first;
    std::optional<Step> again;

    Result<std::unique_ptr<VisitorQuestion>> plan(const PlanContext& context) const override;
};

/// Errors as parse_request().
Result<CohortRequest> parse_cohorts(std::string_view body);

}  // namespace footfall::query
