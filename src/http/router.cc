#include "http/router.h"

#include <algorithm>

namespace footfall::http {
namespace {

std::string_view take_segment(std::string_view& path) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    return segment;
}

bool matches(std::string_view pattern, std::string_view path) {
    if (std::count(pattern.begin(), pattern.end(), '/') != std::count(path.begin(), path.end(), '/')) return false;
    while (!pattern.empty() || !path.empty()) {
        const std::string_view expected = take_segment(pattern);
        const std::string_view actual = take_segment(path);
        const bool is_parameter = expected.size() > 2 && expected.front() == '{';
        if (is_parameter ? actual.empty() : expected != actual) return false;
    }
    return true;
}

std::string_view method_text(Method method) {
    switch (method) {
        case Method::kGet: return "GET, HEAD";
        case Method::kHead: return "HEAD";
        case Method::kPost: return "POST";
        case Method::kPut: return "PUT";
        case Method::kPatch: return "PATCH";
        case Method::kDelete: return "DELETE";
        case Method::kOptions: return "OPTIONS";
        case Method::kOther: return "";
    }
    return "";
}

}  // namespace

void Router::add(Method method, std::string pattern, Handler handler) { routes_.push_back({method, false, std::move(pattern), std::move(handler)}); }
void Router::add_all(std::string pattern, Handler handler) { routes_.push_back({Method::kOther, true, std::move(pattern), std::move(handler)}); }

void Router::handle(Exchange& exchange) const {
    const Request& request = exchange.request();
    std::string allowed;
    for (const Route& route : routes_) {
        if (!matches(route.pattern, request.path)) continue;
        if (route.all_methods || route.method == request.method || (route.method == Method::kGet && request.method == Method::kHead))
            return route.handler(exchange);
        allowed += (allowed.empty() ? "" : ", ") + std::string(method_text(route.method));
    }
    if (allowed.empty()) return exchange.respond(error_response(Error(Code::kNotFound, "there is nothing at this path")));
    Response response = error_response(Error(Code::kInvalidArgument, "this path takes " + allowed));
    response.status = 405;
    response.headers.emplace_back("Allow", allowed);
    exchange.respond(std::move(response));
}

std::string_view path_parameter(std::string_view pattern, std::string_view path, std::string_view name) {
    while (!pattern.empty()) {
        const std::string_view expected = take_segment(pattern);
        const std::string_view actual = take_segment(path);
        if (expected == name) return actual;
    }
    return {};
}

}  // namespace footfall::http
