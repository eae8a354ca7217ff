#include "api/routes.h"

#include <algorithm>

#include "api/api.h"
#include "base/json.h"

namespace footfall::api {
namespace {

using http::Method;

constexpr RouteRule kRules[] = {
    // Judges keys by itself: an event needs none, and a wrong one is told before the body is read.
    {Method::kOther, "/api/v1/events", Access::kAnyone, Effect::kReads},
    {Method::kGet, "/api/v1/pixel.gif", Access::kAnyone, Effect::kReads},
    {Method::kGet, "/healthz", Access::kAnyone, Effect::kReads},
    {Method::kGet, "/readyz", Access::kAnyone, Effect::kReads},
    {Method::kGet, "/metrics", Access::kAnyone, Effect::kReads},
    {Method::kGet, "/api/v1/status", Access::kAnyone, Effect::kReads},
    {Method::kGet, "/api/v1/openapi.json", Access::kAnyone, Effect::kReads},
    {Method::kGet, "/api/v1/setup", Access::kAnyone, Effect::kReads},
    {Method::kPost, "/api/v1/setup", Access::kAnyone, Effect::kChanges},
    {Method::kPost, "/api/v1/session", Access::kAnyone, Effect::kChanges},
    {Method::kGet, "/api/v1/session", Access::kSession, Effect::kReads},
    {Method::kDelete, "/api/v1/session", Access::kSession, Effect::kChanges},
    {Method::kPut, "/api/v1/account/password", Access::kSession, Effect::kChanges},
    {Method::kGet, "/api/v1/sites", Access::kReader, Effect::kReads},
    {Method::kPost, "/api/v1/sites", Access::kManager, Effect::kChanges},
    {Method::kPatch, "/api/v1/sites/{id}", Access::kManager, Effect::kChanges},
    {Method::kGet, "/api/v1/sites/{id}/goals", Access::kReader, Effect::kReads},
    {Method::kPost, "/api/v1/sites/{id}/goals", Access::kEditor, Effect::kChanges},
    {Method::kPut, "/api/v1/sites/{id}/goals/{goal}", Access::kEditor, Effect::kChanges},
    {Method::kDelete, "/api/v1/sites/{id}/goals/{goal}", Access::kEditor, Effect::kChanges},
    {Method::kGet, "/api/v1/sites/{id}/segments", Access::kReader, Effect::kReads},
    {Method::kPost, "/api/v1/sites/{id}/segments", Access::kEditor, Effect::kChanges},
    {Method::kPut, "/api/v1/sites/{id}/segments/{segment}", Access::kEditor, Effect::kChanges},
    {Method::kDelete, "/api/v1/sites/{id}/segments/{segment}", Access::kEditor, Effect::kChanges},
    {Method::kGet, "/api/v1/sites/{id}/annotations", Access::kReader, Effect::kReads},
    {Method::kPost, "/api/v1/sites/{id}/annotations", Access::kEditor, Effect::kChanges},
    {Method::kPut, "/api/v1/sites/{id}/annotations/{annotation}", Access::kEditor, Effect::kChanges},
    {Method::kDelete, "/api/v1/sites/{id}/annotations/{annotation}", Access::kEditor, Effect::kChanges},
    {Method::kGet, "/api/v1/sites/{id}/rejected", Access::kEditor, Effect::kReads},
    {Method::kGet, "/api/v1/rejected", Access::kManager, Effect::kReads},
    {Method::kPost, "/api/v1/query", Access::kReader, Effect::kReads},
    {Method::kPost, "/api/v1/query/batch", Access::kReader, Effect::kReads},
    {Method::kPost, "/api/v1/funnel", Access::kReader, Effect::kReads},
    {Method::kPost, "/api/v1/retention", Access::kReader, Effect::kReads},
    {Method::kPost, "/api/v1/paths", Access::kReader, Effect::kReads},
    {Method::kGet, "/api/v1/live", Access::kReader, Effect::kConnects},  // or with a ticket
    {Method::kPost, "/api/v1/live/ticket", Access::kReader, Effect::kConnects},
};

}  // namespace

std::string_view method_name(Method method) {
    switch (method) {
        case Method::kGet: return "GET";
        case Method::kHead: return "HEAD";
        case Method::kPost: return "POST";
        case Method::kPut: return "PUT";
        case Method::kPatch: return "PATCH";
        case Method::kDelete: return "DELETE";
        case Method::kOptions: return "OPTIONS";
        case Method::kOther: return "*";
    }
    return "*";
}

std::string_view access_name(Access access) {
    switch (access) {
        case Access::kAnyone: return "anyone";
        case Access::kSession: return "session";
        case Access::kReader: return "reader";
        case Access::kEditor: return "editor";
        case Access::kManager: return "manager";
    }
    return "anyone";
}

std::span<const RouteRule> route_rules() { return kRules; }

const RouteRule* find_rule(http::Method method, std::string_view path) {
    const auto* found = std::find_if(std::begin(kRules), std::end(kRules),
                                     [&](const RouteRule& rule) { return rule.method == method && rule.path == path; });
    return found == std::end(kRules) ? nullptr : found;
}

Status check_routes(const http::Router& router) {
    for (const http::Router::Known& route : router.routes()) {
        if (find_rule(route.method, route.pattern) != nullptr) continue;
        if (route.method == Method::kGet && is_page(route.pattern)) continue;
        return Error(Code::kInternal, "the route " + std::string(method_name(route.method)) + " " +
                                          std::string(route.pattern) +
                                          " has no row in src/api/routes.cc that says who may use it");
    }
    return {};
}

std::string routes_text() {
    std::string out =
        "Who may use which route of the HTTP interface: anyone; a session; a reader (a session, or a read or admin "
        "key); an\neditor (a session of an owner, admin or editor); a manager (a session of an owner or admin). The "
        "page's "
        "files are for anyone.\n\n";
    for (const RouteRule& rule : kRules) {
        std::string line(method_name(rule.method));
        line.resize(8, ' ');
        line += rule.path;
        line.resize(std::max<std::size_t>(40, line.size() + 1), ' ');
        out.append(line).append(access_name(rule.access)).append("\n");
    }
    return out;
}

std::string routes_json() {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const RouteRule& rule : kRules) {
        writer.begin_object();
        writer.member("method", method_name(rule.method));
        writer.member("path", rule.path);
        writer.member("access", access_name(rule.access));
        writer.member("changes", rule.effect == Effect::kChanges);
        writer.end_object();
    }
    writer.end_array();
    return out + "\n";
}

}  // namespace footfall::api
