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

constexpr std::uint64_t kUnusedBodyMax = 64 * 1024;

/// The answer where no route takes a request: the path is unknown, or takes other methods.
Response no_route(const std::string& allowed) {
    if (allowed.empty()) return error_response(Error(Code::kNotFound, "there is nothing at this path"));
    Response response = error_response(Error(Code::kInvalidArgument, "this path takes " + allowed));
    response.status = 405;
    response.headers.emplace_back("Allow", allowed);
    return response;
}

}  // namespace

void Router::add(Method method, std::string pattern, Handler handler, HeaderCheck check) {
    add(method, false, std::move(pattern), std::move(handler), std::move(check));
}
void Router::add_all(std::string pattern, Handler handler, HeaderCheck check) {
    add(Method::kOther, true, std::move(pattern), std::move(handler), std::move(check));
}

void Router::add(Method method, bool all_methods, std::string pattern, Handler handler, HeaderCheck check) {
    const std::size_t segments = count_segments(pattern);
    const bool has_parameters = pattern.find('{') != std::string::npos;
    routes_.push_back(
        {method, all_methods, std::move(pattern), segments, has_parameters, std::move(handler), std::move(check)});
}

Router::Found Router::find(const Request& request) const {
    const std::size_t segments = count_segments(request.path);
    std::array<bool, kMethods.size() + 1> takes{};
    const Route* get = nullptr;
    for (const Route& route : routes_) {
        if (route.segments != segments) continue;
        if (route.has_parameters ? !matches(route.pattern, request.path) : route.pattern != request.path) continue;
        if (route.all_methods || route.method == request.method) return {.route = &route};
        if (route.method == Method::kGet && get == nullptr) get = &route;
        takes[static_cast<std::size_t>(route.method)] = true;
    }
    if (request.method == Method::kHead && get != nullptr) return {.route = get};
    takes[static_cast<std::size_t>(Method::kHead)] = takes[static_cast<std::size_t>(Method::kHead)] || get != nullptr;
    Found nothing;
    for (const auto& [method, name] : kMethods) {
        if (!takes[static_cast<std::size_t>(method)]) continue;
        if (!nothing.allowed.empty()) nothing.allowed += ", ";
        nothing.allowed += name;
    }
    return nothing;
}

void Router::handle(Exchange& exchange) const {
    const Found found = find(exchange.request());
    if (found.route == nullptr) return exchange.respond(no_route(found.allowed));
    found.route->handler(exchange);
}

std::optional<Response> Router::check(const Request& request) const {
    const Found found = find(request);
    if (found.route == nullptr) return no_route(found.allowed);
    // What has no meaning (RFC 9110, section 9.3.1) is read past, so that the connection goes on, but not any amount.
    const bool is_unused = request.method == Method::kGet || request.method == Method::kHead;
    if (is_unused && request.content_length > kUnusedBodyMax)
        return error_response(Error(Code::kTooLarge, "a GET takes no body"));
    return found.route->check ? found.route->check(request) : std::nullopt;
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
