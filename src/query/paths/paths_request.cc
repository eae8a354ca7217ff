#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/names.h"
#include "query/passes/passes.h"
#include "query/paths/paths.h"
#include "query/request_reader.h"

namespace footfall::query {
namespace {

using simdjson::dom::element;

constexpr std::array<std::string_view, 3> kNodes = {"pages", "events", "both"};

Result<PathNodes> read_nodes(element value) {
    TRY(const std::string nodes, read_text(value, "nodes"));
    for (std::size_t i = 0; i < kNodes.size(); ++i)
        if (nodes == kNodes[i]) return static_cast<PathNodes>(i);
    return refuse("invalid_value", "nodes",
                  fmt::format("the nodes of a path are 'pages', 'events' or 'both', not '{}'", nodes),
                  nearest(nodes, kNodes));
}

std::vector<Member> members_of(PathsRequest& request, FilterReader& filters) {
    const auto step = [&filters](std::optional<Step>& into, const char* name) {
        return Member{name, [&into, &filters, name](element value) -> Status {
                          TRY(into, read_step(value, name, filters));
                          return {};
                      }};
    };
    const auto number = [](std::int64_t& into, const char* name, std::int64_t least, std::int64_t most) {
        return Member{name, [&into, name, least, most](element value) -> Status {
                          TRY(into, read_integer(value, name, least, most));
                          return {};
                      }};
    };
    std::vector<Member> members = {
        step(request.from, "from"),
        step(request.to, "to"),
        number(request.depth, "depth", kPathDepthMin, kPathDepthMax),
        number(request.of.limit, "limit", 1, kPathNodesMax),
        number(request.paths_limit, "paths_limit", 1, kPathsMax),
        {"nodes",
         [&request](element value) -> Status {
             TRY(request.nodes, read_nodes(value));
             return {};
         }},
        {"collapse",
         [&request](element value) -> Status {
             TRY(request.collapse, read_toggle(value, "collapse"));
             return {};
         }},
    };
    for (const std::string_view name :
         {"website_id", "date_range", "time_range", "filters", "segment", "include_bots", "explain"})
        members.push_back(member_of(name, request.of, filters));
    return members;
}

}  // namespace

std::span<const std::string_view> path_nodes_names() { return kNodes; }

std::vector<std::string_view> paths_member_names() {
    PathsRequest request;
    FilterReader filters;
    return names_of(members_of(request, filters));
}

Result<PathsRequest> parse_paths(std::string_view body) {
    PathsRequest request;
    FilterReader filters;
    request.of.limit = kPathNodesDefault;
    TRY_STATUS(read_body(body, "a question of paths", members_of(request, filters), request.of));
    if (request.from && request.to)
        return refuse("invalid_value", "to", "paths go from a step or to one: name either 'from' or 'to'");
    return request;
}

}  // namespace footfall::query
