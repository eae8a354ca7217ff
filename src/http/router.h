#pragma once

#include <cstddef>
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
    void add(Method method, std::string pattern, Handler handler);
    /// For all methods: the handler looks at the method itself.
    void add_all(std::string pattern, Handler handler);
    void handle(Exchange& exchange) const;

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
    };
    void add(Method method, bool all_methods, std::string pattern, Handler handler);
    std::vector<Route> routes_;
};

/// The segment of `path` that stands where `name` ("{id}") stands in the pattern, still percent-encoded; empty where
/// there is none.
std::string_view path_parameter(std::string_view pattern, std::string_view path, std::string_view name);

}  // namespace footfall::http
