#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/answer.h"
#include "query/funnel/funnel.h"
#include "query/plan.h"
#include "query/shards.h"
#include "query/step.h"
#include "query/zone.h"
#include "store/client.h"

/// Of the funnel's own files.
namespace footfall::query {

struct FunnelPlan {
    /// `condition` has all that is asked of any event, for what has to be read; `dimensions` the breakdown.
    Plan plan;
    std::vector<Condition> filters;  ///< of each event
    std::vector<PlanStep> steps;
    std::int64_t window_ms = 0;
    FunnelBy by = FunnelBy::kVisitor;
    bool is_joined = false;          ///< events with their sessions
    std::int64_t dropped_limit = 0;  ///< who dropped off at a step, at most; 0: nobody is named

    bool has_breakdown() const { return !plan.dimensions.empty(); }
    /// Columns that count: for each step the visitors, by session then for each step the sessions.
    std::size_t counts() const { return steps.size() * (by == FunnelBy::kSession ? 2 : 1); }
};

/// Columns: the breakdown's value where there is one, those of counts(), and with a breakdown `is_total`: the first row
/// is over all values. A visitor or session is of the value that the event has which met the first step first. Of a
/// part of the visitors all values, in no order: arrange_funnel() makes one answer of them.
store::Statement compose_funnel(const FunnelPlan& funnel, const Zone& zone, const Shard& shard, int timeout_ms);
void arrange_funnel(const FunnelPlan& funnel, store::Answer& answer);

/// Who reached a step and not the next: columns `reached` (the number of the step, from 1), `who` and `at`
/// (milliseconds, of the last event of theirs that met any step). Of each step the `dropped_limit` who came latest, in
/// that order; of a part of the visitors too, so that arrange_dropped() makes one list of several parts'.
store::Statement compose_dropped(const FunnelPlan& funnel, const Zone& zone, const Shard& shard, int timeout_ms);
void arrange_dropped(const FunnelPlan& funnel, store::Answer& dropped);

/// {"steps": […], "breakdown": null or [{"value", "steps"}], "meta"}, with `dropped` in the steps over all where it was
/// asked for. kInternal where the store's columns are not the
/// plan's.
Result<std::string> write_funnel(const FunnelPlan& funnel, const Zone& zone, const AnswerParts& parts,
                                 const store::Answer& dropped);

}  // namespace footfall::query
