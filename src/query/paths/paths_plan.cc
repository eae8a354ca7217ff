#include "query/paths/paths_plan.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "query/passes/passes.h"

namespace footfall::query {
namespace {

Result<PathsPlan> make_plan_of(const PathsRequest& request, const PlanContext& context) {
    PathsPlan paths;
    paths.is_backwards = request.to.has_value();
    paths.depth = static_cast<std::size_t>(request.depth);
    paths.nodes = request.nodes;
    paths.is_collapsed = request.collapse == Toggle::kOn;
    paths.paths_limit = static_cast<std::size_t>(request.paths_limit);
    Plan& plan = paths.plan;
    TRY(plan, begin_visitor_plan(request.of, context));
    paths.filters = plan.condition->children;
    if (request.from) {
        TRY(paths.first, plan_step(*request.from, "from", context));
    } else if (request.to) {
        TRY(paths.first, plan_step(*request.to, "to", context));
    }
    if (paths.first) plan.condition->children.push_back(paths.first->condition);
    const std::string of_session = tables_needed(plan).of_session;
    paths.needs_sessions = !of_session.empty();
    plan.reasons.push_back(
        of_session.empty()
            ? "source 'events': those of each session in their order"
            : fmt::format("source 'events', joined with 'sessions', which alone have '{}': those of each session in "
                          "their order",
                          of_session));
    plan.reasons.emplace_back(
        "which nodes and paths are told, those with most sessions, was asked by a statement before this one");
    TRY_STATUS(end_visitor_plan(context, plan));
    return paths;
}

class PathsQuestion final : public VisitorQuestion {
public:
    PathsQuestion(PathsPlan paths, const Zone& zone) : paths_(std::move(paths)), zone_(zone) {
        told_.nodes.resize(paths_.depth);
    }

    const Plan& plan() const override { return paths_.plan; }
    bool is_of_all_before() const override { return false; }
    std::optional<Aside> before() const override {
        return Aside{.compose = [this](const Shard& shard,
                                       int timeout_ms) { return compose_paths_told(paths_, zone_, shard, timeout_ms); },
                     .keys = paths_told_keys()};
    }
    Status learn(const store::Answer& answer) override {
        TRY(told_, read_paths_told(paths_, answer));
        return {};
    }
    store::Statement compose(const Shard& shard, int timeout_ms) const override {
        return compose_paths(paths_, told_, zone_, shard, timeout_ms);
    }
    std::vector<std::size_t> keys() const override { return paths_keys(); }
    Result<std::string> write(const AnswerParts& parts) const override {
        return write_paths(paths_, told_, zone_, parts);
    }

private:
    const PathsPlan paths_;
    const Zone& zone_;
    PathsTold told_;
};

}  // namespace

Result<std::unique_ptr<VisitorQuestion>> PathsRequest::plan(const PlanContext& context) const {
    TRY(auto paths, make_plan_of(*this, context));
    return std::unique_ptr<VisitorQuestion>(std::make_unique<PathsQuestion>(std::move(paths), context.zone));
}

}  // namespace footfall::query
