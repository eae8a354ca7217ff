#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/step.h"
#include "query/visitor_question.h"

/// A funnel: how many visitors, or sessions, went through steps in their order (POST /api/v1/funnel).
///
/// Events are in the order of their time, those of one millisecond in the order in which they were received. Somebody
/// reaches a step by an event that meets it, comes after one by which the step before was reached, and is no later than
/// the window after the one that met the first step; what happens between does not matter, nor how often one begins:
/// what counts is how far one came at best. Each step is met by an event of its own. All events are of the range.
namespace footfall::query {

inline constexpr std::size_t kFunnelStepsMax = 16;
inline constexpr std::int64_t kFunnelWindowDefault = 7 * 86'400;  // seconds
inline constexpr std::int64_t kFunnelWindowMax = 366 * std::int64_t{86'400};
inline constexpr std::int64_t kFunnelValuesDefault = 10;  // of a breakdown
inline constexpr std::int64_t kFunnelValuesMax = 1'000;
inline constexpr std::int64_t kFunnelDroppedMax = 1'000;  // visitors of each step

/// Within whose events the steps follow each other.
enum class FunnelBy : std::uint8_t { kVisitor, kSession };

struct FunnelRequest final : VisitorRequest {
    std::vector<Step> steps;
    std::int64_t window_seconds = kFunnelWindowDefault;
    FunnelBy by = FunnelBy::kVisitor;
    std::int64_t dropped_limit = 0;  ///< visitors of each step who are named because they did not reach it
    std::string breakdown;           ///< a dimension, of whose values `of.limit` are told; empty: none

    Result<std::unique_ptr<VisitorQuestion>> plan(const PlanContext& context) const override;
};

/// Errors as parse_request().
Result<FunnelRequest> parse_funnel(std::string_view body);

}  // namespace footfall::query
