#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/http.h"
#include "http/router.h"

namespace footfall::api {

/// A part that keeps the server from being ready, and why.
struct NotReady {
    std::string part;
    std::string reason;
};

/// What the routes that tell about the server itself need.
struct Health {
    std::function<std::vector<NotReady>()> not_ready;  ///< empty: events would be accepted and queries answered
    std::function<std::string()> status_json;          ///< as web/lib/status.d.ts
};

/// GET /healthz (the process lives), /readyz (200 only when ready; names what is not), /metrics (Prometheus text),
/// /api/v1/status (for the page).
void add_health_routes(http::Router& router, Health health);

/// GET / and the page's other files, with their encodings, caching and the headers that confine them.
void add_page_routes(http::Router& router);

/// Sets what every answer of ours carries: no sniffing, no referrer, no framing. On top of what the response has.
void add_security_headers(http::Response& response);

}  // namespace footfall::api
