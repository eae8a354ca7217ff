#pragma once

#include <span>
#include <vector>

#include "query/plan.h"
#include "store/client.h"

namespace footfall::query {

/// Both ends of a 95 % interval, in the type of the metric; null where the value is.
struct Interval {
    store::Value lower;
    store::Value upper;
};

/// How far the numbers of a row may be off that rolled days gave a part of (ADR 12): of each of the plan's metrics, in
/// their order, of which `values` are the row's. A distinct count that was put together from sketches is off by their
/// standard error (schema/metrics.json), a quotient of two by both of theirs in quadrature; what both sets have in
/// common makes it less, which is not taken into account. Whole numbers are rounded outwards; nothing is below 0, and
/// no share above 100 %. What is exact has its own value at both ends: numbers that add up, and distinct counts that
/// are so small that their sets were kept as they are. Of a quotient that is known where one of its parts is among the
/// plan's metrics, which with the quotient gives the other one.
std::vector<Interval> intervals_of_sketches(const Plan& plan, std::span<const store::Value> values);

}  // namespace footfall::query
