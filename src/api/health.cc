#include "api/api.h"
#include "base/json.h"
#include "base/metrics.h"

namespace footfall::api {
namespace {

http::Response answer(std::string_view content_type, std::string body) {
    http::Response response;
    response.content_type = content_type;
    response.body = std::move(body);
    return response;
}

std::string readiness(const std::vector<NotReady>& parts) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("ready", parts.empty());
    write_not_ready(writer, parts);
    writer.end_object();
    return out;
}

}  // namespace

void write_not_ready(json::Writer& writer, const std::vector<NotReady>& parts) {
    writer.key("not_ready");
    writer.begin_array();
    for (const NotReady& part : parts) {
        writer.begin_object();
        writer.member("part", part.part);
        writer.member("reason", part.reason);
        writer.end_object();
    }
    writer.end_array();
}

void add_health_routes(http::Router& router, Health health) {
    router.add(http::Method::kGet, "/healthz",
               [](http::Exchange& exchange) { exchange.respond(answer("application/json", R"({"status":"ok"})")); });
    router.add(http::Method::kGet, "/readyz", [not_ready = std::move(health.not_ready)](http::Exchange& exchange) {
        const auto parts = not_ready();
        http::Response response = answer("application/json", readiness(parts));
        response.status = parts.empty() ? 200 : 503;
        exchange.respond(std::move(response));
    });
    router.add(http::Method::kGet, "/metrics", [](http::Exchange& exchange) {
        exchange.respond(answer("text/plain; version=0.0.4; charset=utf-8", metrics::render()));
    });
    router.add(http::Method::kGet, "/api/v1/status",
               [status = std::move(health.status_json)](http::Exchange& exchange) {
                   exchange.respond(answer("application/json", status()));
               });
}

}  // namespace footfall::api
