#include "query/funnel/funnel_plan.h"

#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "query/goal.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

Status add_breakdown(const std::string& name, const PlanContext& context, Plan& plan) {
    if (name.empty()) return {};
    TRY(DimensionColumn column, resolve_dimension(context.vocabulary, name, "breakdown"));
    if (is_goal(*column.dimension) || !column.dimension->granularity.empty())
        return refuse("unsupported_dimension", "breakdown",
                      fmt::format("a funnel is broken down by what an event or its session has, not by '{}'", name));
    plan.dimensions.push_back(std::move(column));
    return {};
}

Result<FunnelPlan> make_plan_of(const FunnelRequest& request, const PlanContext& context) {
    FunnelPlan funnel;
    funnel.by = request.by;
    funnel.window_ms = request.window_seconds * 1'000;
    funnel.dropped_limit = request.dropped_limit;
    Plan& plan = funnel.plan;
    TRY(plan, begin_visitor_plan(request.of, context));
    funnel.filters = plan.condition->children;
    for (const Step& step : request.steps) {
        TRY(auto made, plan_step(step, fmt::format("steps[{}]", funnel.steps.size()), context));
        plan.condition->children.push_back(made.condition);
        funnel.steps.push_back(std::move(made));
    }
    TRY_STATUS(add_breakdown(request.breakdown, context, plan));
    const std::string of_session = tables_needed(plan).of_session;
    funnel.is_joined = request.by == FunnelBy::kSession || !of_session.empty();
    plan.reasons.push_back(!funnel.is_joined
                               ? "source 'events': what meets a step, by visitor"
                               : fmt::format("source 'events', joined with 'sessions'{}: what meets a step, by {}",
                                             of_session.empty() ? "" : ", which alone have '" + of_session + "'",
                                             request.by == FunnelBy::kSession ? "session" : "visitor"));
    plan.reasons.push_back(fmt::format("a step is reached within {} s of the first", request.window_seconds));
    TRY_STATUS(end_visitor_plan(context, plan));
    return funnel;
}

class FunnelQuestion final : public VisitorQuestion {
public:
    FunnelQuestion(FunnelPlan funnel, const Zone& zone) : funnel_(std::move(funnel)), zone_(zone) {}

    const Plan& plan() const override { return funnel_.plan; }
    bool is_of_all_before() const override { return false; }
    store::Statement compose(const Shard& shard, int timeout_ms) const override {
        return compose_funnel(funnel_, zone_, shard, timeout_ms);
    }
    std::vector<std::size_t> keys() const override {
        if (!funnel_.has_breakdown()) return {};
        return {0, 1 + funnel_.counts()};
    }
    void arrange(store::Answer& answer) const override { arrange_funnel(funnel_, answer); }
    std::optional<Aside> after() const override {
        if (funnel_.dropped_limit == 0) return std::nullopt;
        return Aside{.compose = [this](const Shard& shard,
                                       int timeout_ms) { return compose_dropped(funnel_, zone_, shard, timeout_ms); },
                     .keys = {0, 1, 2}};
    }
    Status learn_after(store::Answer dropped) override {
        dropped_ = std::move(dropped);
        arrange_dropped(funnel_, dropped_);
        return {};
    }
    Result<std::string> write(const AnswerParts& parts) const override {
        return write_funnel(funnel_, zone_, parts, dropped_);
    }

private:
    const FunnelPlan funnel_;
    const Zone& zone_;
    store::Answer dropped_;
};

}  // namespace

Result<std::unique_ptr<VisitorQuestion>> FunnelRequest::plan(const PlanContext& context) const {
    TRY(auto funnel, make_plan_of(*this, context));
    return std::unique_ptr<VisitorQuestion>(std::make_unique<FunnelQuestion>(std::move(funnel), context.zone));
}

}  // namespace footfall::query
