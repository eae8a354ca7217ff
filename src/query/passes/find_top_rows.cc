#include <algorithm>

#include <fmt/format.h>

#include "query/passes/passes.h"

namespace footfall::query {
namespace {

// Four times the rows that are asked for, since the order by the bound is not that of the metric; and no fewer than
// cost nothing more. Beyond the last, the candidates are too many to gain by.
constexpr std::int64_t kCandidatesPerRow = 4;
constexpr std::int64_t kCandidatesMin = 40;
constexpr std::int64_t kCandidatesMax = 200;

/// Whether a value has to be there, as one of few: then the rows that are left are few more often than not, and
/// counting all their groups takes less than reading them again.
bool leaves_few(const Condition& condition) {  // NOLINT(misc-no-recursion)
    if (condition.kind == Condition::Kind::kAnd)
        return std::any_of(condition.children.begin(), condition.children.end(), leaves_few);
    return condition.kind == Condition::Kind::kTest &&
           (condition.op == Operator::kIs || condition.op == Operator::kContains || condition.op == Operator::kMatches);
}

}  // namespace

// The idea is that of the threshold algorithm (Fagin, Lotem, Naor: "Optimal aggregation algorithms for middleware",
// 2001): nothing that was not looked at can be better than the bound.
Status find_top_rows(const PlanContext&, Plan& plan) {
    if (plan.dimensions.size() != 1 || !plan.dimensions.front().dimension->has_many_values ||
        plan.events != Branch::kAlone || plan.sessions != Branch::kNone)
        return {};
    // Who comes into what was done, or is told of by a ping, between the statements may bring any number of events; so
    // may a session that comes to meet a condition.
    if (plan.condition && (asks_what_was_done(*plan.condition) || asks_for_numbers(*plan.condition) ||
                           has_part_of_sessions_alone(*plan.condition)))
        return {};
    const OrderKey& first = plan.order.front();
    if (first.of != OrderKey::Of::kMetric || first.direction != Direction::kDescending) return {};
    const Metric& metric = *plan.metrics[first.index].metric;
    if (metric.sources.empty() || metric.sources.front().at_most.empty()) return {};
    const std::int64_t candidates = std::max(kCandidatesMin, kCandidatesPerRow * (plan.limit + plan.offset));
    if (plan.limit == 0 || candidates > kCandidatesMax) return {};
    // The total of rolled days is a row of its own, and a filter there leaves few groups or another dimension's rows.
    const bool can_be_rolled = plan.rollup && metric.rollup && !plan.has_total && !plan.condition;
    plan.top_rows = {.at_most = metric.sources.front().at_most,
                     .rolled_at_most = can_be_rolled ? metric.rollup->at_most : std::string(),
                     .candidates = static_cast<std::size_t>(candidates),
                     .is_second = plan.condition && leaves_few(*plan.condition)};
    plan.reasons.push_back(
        plan.top_rows->is_second
            ? fmt::format("all groups are counted at once, since the filter leaves few rows; where the store has no "
                          "memory for that, of the {} groups with the highest {} only those that can be among the rows",
                          candidates, plan.top_rows->at_most)
            : fmt::format("of the {} groups with the highest {} only those are counted that can be among the rows, "
                          "where no other can; the answer is that of this statement, which explain runs",
                          candidates, plan.top_rows->at_most));
    return {};
}

}  // namespace footfall::query
