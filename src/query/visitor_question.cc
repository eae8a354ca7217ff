#include "query/visitor_question.h"

#include "query/goal.h"
#include "query/passes/passes.h"
#include "query/step.h"

namespace footfall::query {

Result<Plan> begin_visitor_plan(const Request& request, const PlanContext& context) {
    Plan plan;
    plan.website_id = context.site.id;
    plan.currency = context.site.currency;
    plan.limit = request.limit;
    plan.include_bots = request.include_bots;
    TRY_STATUS(resolve_range(context, plan));
    TRY(std::vector<Condition> filters, lower_filters_of_request(context, plan));
    plan.condition =
        Condition{.kind = Condition::Kind::kAnd, .children = std::move(filters), .column = {}, .values = {}};
    return plan;
}

Status end_visitor_plan(const PlanContext& context, Plan& plan) {
    TRY_STATUS(add_goals_asked_for(context, plan));
    plan.reasons.emplace_back(plan.include_bots == Toggle::kOn ? "bots are counted, as asked" : "bots are left out");
    plan.reasons.emplace_back("exact: no sampling, no sketches");
    return {};
}

TablesNeeded tables_needed(const Plan& plan) {
    TablesNeeded needed;
    for_each_column_of_rows(plan, [&](const DimensionColumn& column) {
        if (find_source(column.dimension->sources, "events") == nullptr) needed.of_session = column.name;
    });
    for_each_column(plan, [&](const DimensionColumn& column) {
        if (column.dimension->varies_in_session || find_source(column.dimension->sources, "sessions") == nullptr)
            needed.of_event = column.name;
    });
    return needed;
}

}  // namespace footfall::query
