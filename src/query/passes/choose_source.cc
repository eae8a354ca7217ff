#include <algorithm>

#include <fmt/format.h>

#include "query/passes/passes.h"

namespace footfall::query {

// One source so far: the raw events, which have every column. Rollups and the live store add a choice here, and the
// passes after it already ask the declarations by source.
Status choose_source(const PlanContext& context, Plan& plan) {
    plan.source = "events";
    for (const MetricColumn& column : plan.metrics) {
        const SourceExpression* source = find_source(column.metric->sources, plan.source);
        FOOTFALL_CHECK(source != nullptr);
        for (const std::string& type : source->event_types)
            if (std::find(plan.event_types.begin(), plan.event_types.end(), type) == plan.event_types.end())
                plan.event_types.push_back(type);
    }
    std::sort(plan.event_types.begin(), plan.event_types.end());
    plan.reasons.push_back(fmt::format("source 'events': the raw events answer every column; types read: {}",
                                       fmt::join(plan.event_types, ", ")));
    plan.include_bots = context.request.include_bots;
    plan.reasons.push_back(plan.include_bots == Toggle::kOn ? "bots are counted, as asked" : "bots are left out");
    plan.reasons.push_back("exact: no sampling, no sketches");
    for (const MetricColumn& column : plan.metrics)
        if (column.metric->totals != TotalsRule::kSum && !plan.dimensions.empty())
            plan.reasons.push_back(
                fmt::format("the total of '{}' is over the whole range; the rows do not add up to it", column.name));
    return {};
}

}  // namespace footfall::query
