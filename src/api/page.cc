#include "api/api.h"
#include "api/assets.h"

namespace footfall::api {
namespace {

// Text of visitors is shown to administrators: nothing inline runs, nothing foreign loads, and a string never becomes
// markup.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src "
    "'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'";

bool accepts(std::string_view list, std::string_view coding) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        std::string_view item = list.substr(0, end);
        list.remove_prefix(std::min(end + 1, list.size()));
        while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
        if (item.substr(0, item.find_first_of("; ")) == coding)
            return item.find("q=0") == std::string_view::npos || item.find("q=0.") != std::string_view::npos;
    }
    return false;
}

http::Response serve(const Asset& asset, const http::Request& request) {
    http::Response response;
    response.content_type = asset.content_type;
    response.headers.emplace_back("ETag", asset.etag);
    response.headers.emplace_back("Cache-Control",
                                  asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response.headers.emplace_back("Content-Security-Policy", kContentSecurityPolicy);
    add_security_headers(response);
    if (request.header("if-none-match").find(asset.etag) != std::string_view::npos) {
        response.status = 304;
        return response;
    }
    const std::string_view accepted = request.header("accept-encoding");
    if (!asset.brotli.empty() && accepts(accepted, "br")) {
        response.headers.emplace_back("Content-Encoding", "br");
        response.static_body = asset.brotli;
    } else if (!asset.gzip.empty() && accepts(accepted, "gzip")) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.static_body = asset.gzip;
    } else {
        response.static_body = asset.identity;
    }
    return response;
}

}  // namespace

void add_security_headers(http::Response& response) {
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
    response.headers.emplace_back("X-Frame-Options", "DENY");
    response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
}

void add_page_routes(http::Router& router) {
    for (const Asset& asset : assets())
        router.add(http::Method::kGet, std::string(asset.path),
                   [&asset](http::Exchange& exchange) { exchange.respond(serve(asset, exchange.request())); });
}

}  // namespace footfall::api
