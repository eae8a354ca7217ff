#include "query/plan.h"

#include "query/passes/passes.h"

namespace footfall::query {

const std::vector<Pass>& passes() {
    static const std::vector<Pass> in_order = {
        {"resolve_names", resolve_names}, {"resolve_range", resolve_range}, {"lower_filters", lower_filters},
        {"choose_source", choose_source}, {"order_rows", order_rows},       {"find_top_rows", find_top_rows},
    };
    return in_order;
}

Result<Plan> make_plan(const PlanContext& context) {
    Plan plan;
    for (const Pass& pass : passes()) TRY_STATUS(pass.run(context, plan));
    return plan;
}

}  // namespace footfall::query
