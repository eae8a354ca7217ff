#include <fmt/format.h>

#include "query/passes/passes.h"

namespace footfall::query {

// Whatever adds up over visitors, or is the quotient of two such numbers, has an estimate whose error is known
// (sampled_sql.h). How many rows would be read is known when the range is asked, which is when it is decided.
Status allow_sampling(const PlanContext& context, Plan& plan) {
    if (context.request.exact == Toggle::kOn) return {};
    for (const BaseMetric& base : plan.bases)
        if (base.metric->totals == TotalsRule::kRatio) {
            plan.reasons.push_back(
                fmt::format("no sampling, however many rows: '{}' does not add up over visitors", base.metric->name));
            return {};
        }
    plan.may_be_sampled = true;
    return {};
}

}  // namespace footfall::query
