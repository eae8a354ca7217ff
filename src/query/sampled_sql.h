#pragma once

#include "query/plan.h"
#include "query/zone.h"
#include "store/client.h"

namespace footfall::query {

/// Estimates of a plan with `may_be_sampled` over a range, from one in Sample::one_in visitors: the rows in the plan's
/// order and limit, behind their total where the plan has one and any visitor is in the sample; of a plan without
/// dimensions the total alone. Columns: the dimensions, the metrics, and of each metric, in their order, the lower ends
/// and then the upper ends of its 95 % intervals, NULL where there is none; `is_total` last, where there is a total.
///
/// Visitors are the unit that is drawn, by a hash that says nothing of what they do, so that a number that adds up over
/// visitors is estimated by the sample's times `one_in`. Its error is told by random groups ("replicates": Wolter,
/// Introduction to Variance Estimation, chapter 2): the sample falls into 32 parts by other bits of the hash, each a
/// sample itself, and what they differ by is what another sample would have given; this holds for counts, distinct
/// visitors, sums of money and, by the residuals of a quotient, for rates, whatever a visitor's events have to do with
/// each other. The interval is of Student's t with 31 degrees; its upper end is the one of the logarithm, since what is
/// estimated too low is so because a visitor with very much is missing, who is also missing in the error. A number is
/// no less than what the sample itself has. There is none below about 30 visitors who add something (at least 20 of
/// the 32 parts then have one, by linear counting), nor where all parts agree, which says nothing of those outside.
store::Statement compose_sampled(const Plan& plan, const Range& range, const Zone& zone, int timeout_ms);

}  // namespace footfall::query
