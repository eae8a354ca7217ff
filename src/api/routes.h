#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/router.h"

namespace footfall::api {

/// Who may use a route.
enum class Access : std::uint8_t {
    kAnyone,   ///< or the route has rules of its own
    kSession,  ///< a signed-in user
    kReader,   ///< a signed-in user, or a read or admin key
    kEditor,   ///< a signed-in owner, admin or editor
    kManager,  ///< a signed-in owner or admin
};

/// What a route does to the catalog. Gate asks more of the requests that change something.
enum class Effect : std::uint8_t {
    kReads,
    kChanges,
    kConnects,  ///< opens a WebSocket, or prepares it; no browser keeps foreign pages from that
};

struct RouteRule {
    http::Method method = http::Method::kOther;  ///< kOther: the route looks at the method itself
    std::string_view path;                       ///< as http::Router takes it
    Access access = Access::kAnyone;
    Effect effect = Effect::kReads;
};

/// Every route of the server but the page's files, which are for anyone. The one place that says who may do what.
std::span<const RouteRule> route_rules();
std::string_view method_name(http::Method method);  ///< "*" for kOther
std::string_view access_name(Access access);
/// nullptr where there is none.
const RouteRule* find_rule(http::Method method, std::string_view path);
/// kInternal, naming the route, where a router has one that neither stands in route_rules() nor is a file of the page:
/// nobody has said who may use it.
Status check_routes(const http::Router& router);
/// What `footfall routes` prints: a line, or a member of a JSON array, for each rule.
std::string routes_text();
std::string routes_json();

}  // namespace footfall::api
