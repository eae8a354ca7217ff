#include "api/goal_routes.h"

#include <string_view>
#include <utility>

#include "api/bodies.h"
#include "api/change.h"
#include "query/site_info.h"

namespace footfall::api {
namespace {

using http::Method;

constexpr std::string_view kGoals = "/api/v1/sites/{id}/goals";
constexpr std::string_view kGoal = "/api/v1/sites/{id}/goals/{goal}";

/// The goal that a body describes.
Result<catalog::Goal> goal_of(std::string_view body) {
    TRY(const Fields fields, Fields::parse(body, kGoalBody));
    catalog::Goal goal{.name = fields.get("name")};
    if (fields.has("page") == fields.has("event"))
        return Error(Code::kInvalidArgument, "say either which 'page' it is or which 'event'", "page");
    goal.kind = fields.has("page") ? catalog::Goal::Kind::kPage : catalog::Goal::Kind::kEvent;
    goal.value = fields.get(catalog::goal_kind_name(goal.kind));
    if (fields.has("match")) {
        const auto match = catalog::parse_goal_match(fields.get("match"));
        if (!match) return Error(Code::kInvalidArgument, "'match' must be is, contains, matches or any", "match");
        goal.match = *match;
    }
    if (fields.has("filters")) goal.filters = fields.get("filters");
    return goal;
}

}  // namespace

Result<catalog::Goal> save_checked_goal(catalog::Catalog& catalog, catalog::Goal goal) {
    if (!goal.value.empty() || goal.match == catalog::Goal::Match::kAny)
        TRY_STATUS(query::check_goal(query::declaration_of(goal)));
    return goal.id.empty() ? catalog.add_goal(std::move(goal)) : catalog.change_goal(std::move(goal));
}

void write_goal(json::Writer& writer, const catalog::Goal& goal) {
    writer.begin_object();
    writer.member("id", goal.id);
    writer.member("name", goal.name);
    writer.member(catalog::goal_kind_name(goal.kind), goal.value);
    writer.member("match", catalog::goal_match_name(goal.match));
    writer.key("filters");
    writer.raw(goal.filters);
    writer.end_object();
}

void GoalRoutes::add_to(http::Router& router, const Gate& gate) {
    gate.add(router, Method::kGet, kGoals,
             [this](http::Exchange& exchange, const Caller& caller) { list(exchange, caller); });
    gate.add(router, Method::kPost, kGoals, [this](http::Exchange& exchange, const Caller& caller) {
        save(exchange, caller, path_text(exchange, kGoals, "{id}"), {});
    });
    gate.add(router, Method::kPut, kGoal, [this](http::Exchange& exchange, const Caller& caller) {
        save(exchange, caller, path_text(exchange, kGoal, "{id}"), path_text(exchange, kGoal, "{goal}"));
    });
    gate.add(router, Method::kDelete, kGoal, [this](http::Exchange& exchange, const Caller&) { remove(exchange); });
}

void GoalRoutes::list(http::Exchange& exchange, const Caller& caller) const {
    const auto snapshot = catalog_.snapshot();
    const auto site = caller.readable_site(path_text(exchange, kGoals, "{id}"), *snapshot);
    if (!site) return exchange.respond(refusal(site.error()));
    http::Response response;
    json::Writer writer(response.body);
    writer.begin_object();
    writer.key("goals");
    writer.begin_array();
    for (const catalog::Goal& goal : snapshot->goals_of((*site)->id)) write_goal(writer, goal);
    writer.end_array();
    writer.end_object();
    exchange.respond(std::move(response));
}

void GoalRoutes::save(http::Exchange& exchange, const Caller& caller, std::string site_id, std::string id) {
    const auto snapshot = catalog_.snapshot();
    if (const auto site = caller.readable_site(site_id, *snapshot); !site)
        return exchange.respond(refusal(site.error()));
    auto goal = goal_of(exchange.request().body);
    if (!goal) return exchange.respond(refusal(goal.error()));
    goal->id = std::move(id);
    goal->site_id = std::move(site_id);
    answer_from(pool_, exchange, [this, goal = std::move(*goal)]() -> Result<http::Response> {
        TRY(const auto saved, save_checked_goal(catalog_, goal));
        http::Response response;
        response.status = goal.id.empty() ? 201 : 200;
        json::Writer writer(response.body);
        write_goal(writer, saved);
        return response;
    });
}

void GoalRoutes::remove(http::Exchange& exchange) {
    answer_from(pool_, exchange,
                [this, site_id = path_text(exchange, kGoal, "{id}"), id = path_text(exchange, kGoal, "{goal}")] {
                    return removed_or(catalog_.remove_goal(site_id, id));
                });
}

}  // namespace footfall::api
