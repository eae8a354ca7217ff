#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http.h"

namespace footfall::http {

/// Finds the handler of a request by path and method. A path is compared segment by segment as it was sent, case
/// counts; "{id}" in a pattern takes one segment, which is not empty and which path_parameter() gives. HEAD falls back
/// to GET. No such path: 404; another method: 405 with Allow. Routes are tried in the order in which they were added.
/// Filled before the server starts, then read only.
class Router {
public:
    /// `check` says what can be said by the headers alone. The handler says it too: a request without a body is not
    /// checked.
    void add(Method method, std::string pattern, Handler handler, HeaderCheck check = {});
    /// For all methods: the handler looks at the method itself.
    void add_all(std::string pattern, Handler handler, HeaderCheck check = {});
    void handle(Exchange& exchange) const;
    /// For the server's HeaderCheck: 404, 405 and what the route's check says.
    std::optional<Response> check(const Request& request) const;

    struct Known {
        Method method;  ///< kOther: all
        std::string_view pattern;
    };
    /// Every route, in the order in which they are tried.
    std::vector<Known> routes() const;

private:
    struct Route {
        Method method;
        bool all_methods;
        std::string pattern;
        std::size_t segments;
        bool has_parameters;
        Handler handler;
        HeaderCheck check;
    };
    struct Found {
        const Route* route = nullptr;
        std::string allowed{};  ///< without a route, the methods that the path takes; empty: there is no such path
    };
    void add(Method method, bool all_methods, std::string pattern, Handler handler, HeaderCheck check);
    Found find(const Request& request) const;
    std::vector<Route> routes_;
};

/// The segment of `path` that stands where `name` ("{id}") stands in the pattern, still percent-encoded; empty where
/// there is none.
std::string_view path_parameter(std::string_view pattern, std::string_view path, std::string_view name);

}  // namespace footfall::http
