#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/answer.h"
#include "query/plan.h"
#include "query/query.h"
#include "query/shards.h"
#include "query/step.h"
#include "query/zone.h"
#include "store/client.h"

/// Retention: of the visitors who came first in a period, how many came again in each later one (POST
/// /api/v1/retention). A cohort is of a day, week or month of the site's calendar, and of everything that is kept: who
/// came before the range is in none of its cohorts.
///
/// Somebody comes by a session, in the period in which it started; where what events have is asked for, by a step or a
/// filter, by each such event. `first` says by which events one comes first, `again` by which again; filters hold for
/// both.
///
///     parse_cohorts() ─▶ make_cohort_plan() ─▶ compose_cohorts() ─▶ store ─▶ write_cohorts()
namespace footfall::query {

inline constexpr std::int64_t kCohortsMax = 400;

struct CohortRequest {
    Request of;  ///< site, range, granularity (day, week or month; week), filters, include_bots, explain
    std::optional<Step> first;
    std::optional<Step> again;
};

/// Errors as parse_request().
Result<CohortRequest> parse_cohorts(std::string_view body);

enum class Period : std::uint8_t { kDay, kWeek, kMonth };
std::string_view period_name(Period period);
Day period_start(Period period, Day day);
Day next_period(Period period, Day start);

struct CohortPlan {
    /// `range` is that of whole periods; `condition` has all that is asked of anything, for what has to be read.
    Plan plan;
    Period period = Period::kWeek;
    std::vector<Condition> filters;
    std::optional<PlanStep> first;
    std::optional<PlanStep> again;
    bool is_of_events = false;  ///< one comes by events, not by sessions
    bool is_joined = false;     ///< events with their sessions
    std::int64_t now_ms = 0;

    /// The first days of the periods from that day's on, up to now or the range's end. "limit_exceeded".
    Result<std::vector<Day>> starts(const Zone& zone, Day from) const;
};

/// Errors as make_plan(), and "limit_exceeded" for too many periods.
Result<CohortPlan> make_cohort_plan(const CohortRequest& request, const PlanContext& context);

/// Of these visitors. Columns: the cohort's and a period's first day, as text, and how many visitors of the one came
/// again in the other; only where there are any. Where both are the same it is the cohort's size.
store::Statement compose_cohorts(const CohortPlan& cohorts, const Zone& zone, const Shard& shard, int timeout_ms);

/// {"granularity", "running", "cohorts": [{"date", "visitors", "periods": [{"visitors", "rate"}, …]}, …], "meta"}: the
/// first of a cohort's periods is its own. Of "all" from the first cohort on.
Result<std::string> write_cohorts(const CohortPlan& cohorts, const Zone& zone, const AnswerParts& parts);

}  // namespace footfall::query
