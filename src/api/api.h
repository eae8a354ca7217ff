#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "http/http.h"
#include "http/router.h"

namespace footfall::api {

/// A part that keeps the server from being ready, and why.
struct NotReady {
    std::string part;
    std::string reason;
};

/// The member "not_ready" of an object.
void write_not_ready(json::Writer& writer, const std::vector<NotReady>& parts);

/// What the routes that tell about the server itself need.
struct Health {
    std::function<std::vector<NotReady>()> not_ready;  ///< empty: events would be accepted and queries answered
    std::function<std::string()> status_json;          ///< as web/lib/status.d.ts
};

/// GET /healthz (the process lives), /readyz (200 only when ready; names what is not), /metrics (Prometheus text),
/// /api/v1/status (for the page).
void add_health_routes(http::Router& router, Health health);

/// GET / and the page's other files, with their encodings, caching and the headers that confine them. /setup and
/// /sign-in are the page too: one-time links lead there.
void add_page_routes(http::Router& router);
/// Whether add_page_routes() adds this path.
bool is_page(std::string_view path);

/// What every answer of the server carries, its early errors included, where it doesn't say otherwise itself: not
/// stored, not sniffed, not framed, not embedded elsewhere, no referrer, nothing loaded or run.
std::vector<std::pair<std::string, std::string>> security_headers();

}  // namespace footfall::api
