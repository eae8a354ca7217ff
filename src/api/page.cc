#include <algorithm>

#include "api/api.h"
#include "api/assets.h"
#include "http/encoding.h"

namespace footfall::api {
namespace {

// Text of visitors is shown to administrators: nothing inline runs, nothing foreign loads, and a string never becomes
// markup.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src "
    "'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'";

std::string_view cache_control(const Asset& asset) {
    if (asset.immutable) return "public, max-age=31536000, immutable";
    // A site's visitors do not ask for the script with every page; a new release reaches them within the hour.
    return asset.audience == Audience::kAnySite ? "public, max-age=3600, stale-while-revalidate=86400" : "no-cache";
}

http::Response serve(const Asset& asset, const http::Request& request) {
    http::Response response;
    response.content_type = asset.content_type;
    response.headers.emplace_back("ETag", asset.etag);
    response.headers.emplace_back("Vary", "Accept-Encoding");
    if (asset.audience == Audience::kAnySite) {
        // Sites load it without credentials, and with an integrity attribute only where its origin lets them read it.
        response.headers.emplace_back("Access-Control-Allow-Origin", "*");
        response.headers.emplace_back("Cross-Origin-Resource-Policy", "cross-origin");
    } else {
        response.headers.emplace_back("Content-Security-Policy", kContentSecurityPolicy);
    }
    response.headers.emplace_back("Cache-Control", cache_control(asset));
    if (request.header("if-none-match").find(asset.etag) != std::string_view::npos) {
        response.status = 304;
        return response;
    }
    if (!asset.brotli.empty() && http::accepts_encoding(request, "br")) {
        response.headers.emplace_back("Content-Encoding", "br");
        response.static_body = asset.brotli;
    } else if (!asset.gzip.empty() && http::accepts_encoding(request, "gzip")) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.static_body = asset.gzip;
    } else {
        response.static_body = asset.identity;
    }
    return response;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> security_headers() {
    return {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Frame-Options", "DENY"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}};
}

void add_page_routes(http::Router& router) {
    const auto add = [&router](const Asset& asset, std::string_view path) {
        router.add(http::Method::kGet, std::string(path),
                   [&asset](http::Exchange& exchange) { exchange.respond(serve(asset, exchange.request())); });
    };
    for (const Asset& asset : assets()) add(asset, asset.path);
}

bool is_page(std::string_view path) {
    const auto all = assets();
    return std::any_of(all.begin(), all.end(), [path](const Asset& asset) { return asset.path == path; });
}

}  // namespace footfall::api
