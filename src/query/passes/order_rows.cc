#include <algorithm>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

bool contains(const std::vector<OrderKey>& order, OrderKey::Of of, std::size_t index) {
    return std::any_of(order.begin(), order.end(),
                       [&](const OrderKey& key) { return key.of == of && key.index == index; });
}

Result<OrderKey> asked_key(const OrderTerm& term, std::string field, const PlanContext& context, const Plan& plan) {
    for (std::size_t i = 0; i < plan.dimensions.size(); ++i)
        if (plan.dimensions[i].name == term.name) return OrderKey{OrderKey::Of::kDimension, i, term.direction};
    const Metric* metric = context.vocabulary.metric(term.name);
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < plan.metrics.size(); ++i) {
        if (metric != nullptr && plan.metrics[i].metric == metric)
            return OrderKey{OrderKey::Of::kMetric, i, term.direction};
        names.emplace_back(plan.metrics[i].name);
    }
    for (const auto& column : plan.dimensions) names.emplace_back(column.name);
    return refuse(
        "unknown_order", std::move(field),
        fmt::format("'{}' is no column of this request; order by one of {}", term.name, fmt::join(names, ", ")),
        nearest(term.name, names));
}

}  // namespace

Status order_rows(const PlanContext& context, Plan& plan) {
    const auto& terms = context.request.order_by;
    for (std::size_t i = 0; i < terms.size(); ++i) {
        TRY(const OrderKey key, asked_key(terms[i], fmt::format("order_by[{}]", i), context, plan));
        if (!contains(plan.order, key.of, key.index)) plan.order.push_back(key);
    }
    plan.limit = context.request.limit;
    plan.offset = context.request.offset;
    if (plan.dimensions.empty()) return {};
    plan.has_total = context.request.totals == Toggle::kOn;
    if (plan.order.empty()) {
        const bool by_time = !plan.dimensions.front().dimension->granularity.empty();
        plan.order.push_back(by_time ? OrderKey{OrderKey::Of::kDimension, 0, Direction::kAscending}
                                     : OrderKey{OrderKey::Of::kMetric, 0, Direction::kDescending});
        plan.reasons.emplace_back(by_time ? "ordered by time, since a time dimension comes first"
                                          : "ordered by the first metric, largest first");
    }
    for (std::size_t i = 0; i < plan.dimensions.size(); ++i)
        if (!contains(plan.order, OrderKey::Of::kDimension, i))
            plan.order.push_back({OrderKey::Of::kDimension, i, Direction::kAscending});
    return {};
}

}  // namespace footfall::query
