#include "http/router.h"

#include <algorithm>
#include <array>

namespace footfall::http {
namespace {

std::string_view take_segment(std::string_view& path) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    return segment;
}

std::size_t count_segments(std::string_view path) {
    return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

bool is_parameter(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// Both have as many segments.
bool matches(std::string_view pattern, std::string_view path) {
    while (!pattern.empty() || !path.empty()) {
        const std::string_view expected = take_segment(pattern);
        const std::string_view actual = take_segment(path);
        if (is_parameter(expected) ? actual.empty() : expected != actual) return false;
    }
    return true;
}

struct MethodName {
    Method method;
    std::string_view name;
};
constexpr std::array<MethodName, 7> kMethods = {{{Method::kGet, "GET"},
                                                 {Method::kHead, "HEAD"},
                                                 {Method::kPost, "POST"},
                                                 {Method::kPut, "PUT"},
                                                 {Method::kPatch, "PATCH"},
                                                 {Method::kDelete, "DELETE"},
                                                 {Method::kOptions, "OPTIONS"}}};

}  // namespace

void Router::add(Method method, std::string pattern, Handler handler) {
    add(method, false, std::move(pattern), std::move(handler));
}
void Router::add_all(std::string pattern, Handler handler) {
    add(Method::kOther, true, std::move(pattern), std::move(handler));
}

void Router::add(Method method, bool all_methods, std::string pattern, Handler handler) {
    const std::size_t segments = count_segments(pattern);
    const bool has_parameters = pattern.find('{') != std::string::npos;
    routes_.push_back({method, all_methods, std::move(pattern), segments, has_parameters, std::move(handler)});
}

void Router::handle(Exchange& exchange) const {
    const Request& request = exchange.request();
    const std::size_t segments = count_segments(request.path);
    std::array<bool, kMethods.size() + 1> takes{};
    const Route* get = nullptr;
    for (const Route& route : routes_) {
        if (route.segments != segments) continue;
        if (route.has_parameters ? !matches(route.pattern, request.path) : route.pattern != request.path) continue;
        if (route.all_methods || route.method == request.method) return route.handler(exchange);
        if (route.method == Method::kGet && get == nullptr) get = &route;
        takes[static_cast<std::size_t>(route.method)] = true;
    }
    if (request.method == Method::kHead && get != nullptr) return get->handler(exchange);
    takes[static_cast<std::size_t>(Method::kHead)] = takes[static_cast<std::size_t>(Method::kHead)] || get != nullptr;
    std::string allowed;
    for (const auto& [method, name] : kMethods) {
        if (!takes[static_cast<std::size_t>(method)]) continue;
        if (!allowed.empty()) allowed += ", ";
        allowed += name;
    }
    if (allowed.empty())
        return exchange.respond(error_response(Error(Code::kNotFound, "there is nothing at this path")));
    Response response = error_response(Error(Code::kInvalidArgument, "this path takes " + allowed));
    response.status = 405;
    response.headers.emplace_back("Allow", allowed);
    exchange.respond(std::move(response));
}

std::vector<Router::Known> Router::routes() const {
    std::vector<Known> known;
    for (const Route& route : routes_) known.push_back({route.method, route.pattern});
    return known;
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
