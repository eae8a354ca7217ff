#pragma once

#include <cstdint>
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

/// A funnel: how many visitors, or sessions, went through steps in their order (POST /api/v1/funnel).
///
/// Events are in the order of their time, those of one millisecond in the order in which they were received. Somebody
/// reaches a step by an event that meets it, comes after one by which the step before was reached, and is no later than
/// the window after the one that met the first step; what happens between does not matter, nor how often one begins:
/// what counts is how far one came at best. Each step is met by an event of its own. All events are of the range.
///
///     parse_funnel() ─▶ make_funnel_plan() ─▶ compose_funnel() ─▶ store ─▶ write_funnel()
namespace footfall::query {

inline constexpr std::size_t kFunnelStepsMax = 16;
inline constexpr std::int64_t kFunnelWindowDefault = 7 * 86'400;  // seconds
inline constexpr std::int64_t kFunnelWindowMax = 366 * std::int64_t{86'400};
inline constexpr std::int64_t kFunnelValuesDefault = 10;  // of a breakdown
inline constexpr std::int64_t kFunnelValuesMax = 1'000;

/// Within whose events the steps follow each other.
enum class FunnelBy : std::uint8_t { kVisitor, kSession };

struct FunnelRequest {
    Request of;  ///< site, range, filters (of each event), include_bots, limit (of the breakdown's values), explain
    std::vector<Step> steps;
    std::int64_t window_seconds = kFunnelWindowDefault;
    FunnelBy by = FunnelBy::kVisitor;
    std::string breakdown;  ///< a dimension; empty: none
};

/// Errors as parse_request().
Result<FunnelRequest> parse_funnel(std::string_view body);

struct FunnelPlan {
    /// `condition` has all that is asked of any event, for what has to be read; `dimensions` the breakdown.
    Plan plan;
    std::vector<Condition> filters;  ///< of each event
    std::vector<PlanStep> steps;
    std::int64_t window_ms = 0;
    FunnelBy by = FunnelBy::kVisitor;
    bool is_joined = false;  ///< events with their sessions
};

/// Of `context`, whose request is that of `request`. Errors as make_plan(), and "unknown_goal".
Result<FunnelPlan> make_funnel_plan(const FunnelRequest& request, const PlanContext& context);

/// Of these visitors. Columns: the breakdown's value where there is one, then for each step the visitors that reached
/// it, by session then for each step the sessions, and with a breakdown `is_total`: the first row is over all values.
/// A visitor or session is of the value that the event has which met the first step first. Of a part of the visitors
/// all values, in no order: order_funnel() makes one answer of them.
store::Statement compose_funnel(const FunnelPlan& funnel, const Zone& zone, const Shard& shard, int timeout_ms);
/// The columns that are no numbers.
std::vector<std::size_t> funnel_keys(const FunnelPlan& funnel);
void order_funnel(const FunnelPlan& funnel, store::Answer& answer);

/// {"steps": […], "breakdown": null or [{"value", "steps"}], "meta"}. kInternal where the store's columns are not the
/// plan's.
Result<std::string> write_funnel(const FunnelPlan& funnel, const Zone& zone, const AnswerParts& parts);

}  // namespace footfall::query
