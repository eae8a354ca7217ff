#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/answer.h"
#include "query/cohorts/cohorts.h"
#include "query/plan.h"
#include "query/shards.h"
#include "query/step.h"
#include "query/zone.h"
#include "store/client.h"

/// Of the cohorts' own files.
namespace footfall::query {

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

/// Columns: the cohort's and a period's first day, as text, and how many visitors of the one came
/// again in the other; only where there are any. Where both are the same it is the cohort's size.
store::Statement compose_cohorts(const CohortPlan& cohorts, const Zone& zone, const Shard& shard, int timeout_ms);

/// {"granularity", "running", "cohorts": [{"date", "visitors", "periods": [{"visitors", "rate"}, …]}, …], "meta"}: the
/// first of a cohort's periods is its own. Of "all" from the first cohort on.
Result<std::string> write_cohorts(const CohortPlan& cohorts, const Zone& zone, const AnswerParts& parts);

}  // namespace footfall::query
