#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/paths/paths_plan.h"
#include "query/visitor_statement.h"

namespace footfall::query {
namespace {

/// By which a path that is told is found again: as long as a parameter may be, not as its pages make it.
std::string hash_of(std::string_view path_as_json) { return fmt::format("lower(hex(sipHash128({})))", path_as_json); }

class PathsStatement {
public:
    PathsStatement(const PathsPlan& paths, const Zone& zone, const Shard& shard)
        : paths_(paths),
          is_part_(shard.count > 1),
          parts_(paths.plan, paths.filters, zone, shard, VisitorStatement::Since::kRange),
          depth_(parts_.composer().bind_as("depth", "UInt64", std::to_string(paths.depth))) {}

    store::Statement told(int timeout_ms) {
        const std::size_t rows =
            is_part_ ? kPathRowsOfPart : std::max(paths_.paths_limit, static_cast<std::size_t>(paths_.plan.limit));
        std::string sql = fmt::format(
            "SELECT\n    depth,\n    toJSONString(nodes) AS text,\n    {} AS hash,\n    count() AS sessions\nFROM\n(\n"
            "SELECT\n    arrayJoin(arrayPushFront(arrayMap((node, d) -> (toUInt64(d), [node]), path, "
            "arrayEnumerate(path)), (toUInt64(0), path))) AS one,\n    one.1 AS depth,\n    one.2 AS "
            "nodes\nFROM\n(\n{}\n)\n)\n"
            "GROUP BY depth, nodes\nORDER BY depth, sessions DESC, nodes\nLIMIT {} BY depth",
            hash_of("text"), each_path(), parts_.composer().bind_as("rows", "UInt64", std::to_string(rows)));
        return parts_.made_of(std::move(sql), timeout_ms);
    }

    store::Statement counted(const PathsTold& told, int timeout_ms) {
        std::vector<std::string> codes;
        for (std::size_t d = 1; d <= paths_.depth; ++d)
            codes.push_back(fmt::format("{} + indexOf({}, path[{}])", kPathCodeOther,
                                        parts_.composer().bind_as(fmt::format("nodes_{}", d), "Array(String)",
                                                                  store::array_literal(told.nodes[d - 1])),
                                        d));
        const std::string hash = hash_of("toJSONString(path)");
        std::string sql = fmt::format(
            "SELECT\n    depth,\n    node,\n    next,\n    count() AS sessions\nFROM\n(\n"
            "SELECT\n    [{}] AS codes,\n"
            "    arrayMap(d -> (d, codes[d], if(d < length(path), codes[d + 1], {})), arrayEnumerate(path)) AS steps,\n"
            "    arrayJoin(arrayPushFront(steps, (toUInt64(0), indexOf({}, {}), toUInt64(0)))) AS one,\n"
            "    one.1 AS depth,\n    one.2 AS node,\n    one.3 AS next\nFROM\n(\n{}\n)\n)\n"
            "GROUP BY depth, node, next\nORDER BY depth, node, next",
            fmt::join(codes, ",\n        "),
            fmt::format("if(goes_deeper, toUInt64({}), toUInt64({}))", kPathCodeDeeper, kPathCodeEnded),
            parts_.composer().bind_as("paths", "Array(String)", store::array_literal(told.path_hashes)), hash,
            each_path());
        return parts_.made_of(std::move(sql), timeout_ms);
    }

private:
    bool is_of_other_kind() const {
        return paths_.first && !(paths_.first->event_type == "pageview" ? paths_.has_pages() : paths_.has_events());
    }

    /// Events that may be nodes: of which session, when, and which node.
    std::string events() {
        Composer& composer = parts_.composer();
        composer.enter(paths_.needs_sessions ? Composer::Scope::kEventsFirst : Composer::Scope::kEvents);
        std::vector<std::string> columns = {
            paths_.needs_sessions ? "key AS whose" : fmt::format("{} AS whose", kKeyNow),
            "toUnixTimestamp64Milli(timestamp) AS at", "log_offset",
            fmt::format("if(event_type = 'pageview', concat('{}', page), concat('{}', event_name)) AS node",
                        kPageLetter, kEventLetter)};
        if (paths_.first)
            columns.push_back(fmt::format("toUInt8(event_type = '{}' AND {}) AS is_first", paths_.first->event_type,
                                          composer.condition(paths_.first->condition)));
        std::vector<std::string> where = parts_.events_where();
        if (paths_.nodes != PathNodes::kBoth) {
            const std::string_view type = paths_.has_pages() ? "pageview" : "event";
            where.push_back(is_of_other_kind() ? fmt::format("(event_type = '{}' OR is_first)", type)
                                               : fmt::format("event_type = '{}'", type));
        }
        return select(columns, paths_.needs_sessions ? parts_.events(true) : parts_.events_of_sessions(), where);
    }

    /// The path of each session that has one.
    std::string each_path() {
        std::vector<std::string> columns;
        columns.push_back(
            fmt::format("arraySort(groupArray((at, log_offset, node{}))) AS met", paths_.first ? ", is_first" : ""));
        std::string nodes = "met.3";
        if (paths_.first)
            nodes = paths_.is_backwards ? "arrayReverse(arraySlice(met.3, 1, indexOf(met.4, 1)))"
                                        : "arraySlice(met.3, indexOf(met.4, 1))";
        columns.push_back(nodes + " AS in_order");
        nodes = "in_order";
        if (is_of_other_kind())
            nodes = fmt::format(
                "arrayFilter((node, d) -> d = 1 OR startsWith(node, '{}'), in_order, "
                "arrayEnumerate(in_order))",
                paths_.has_pages() ? kPageLetter : kEventLetter);
        if (paths_.is_collapsed) nodes = fmt::format("arrayCompact({})", nodes);
        columns.push_back(nodes + " AS all_nodes");
        columns.push_back(fmt::format("arraySlice(all_nodes, 1, {}) AS path", depth_));
        columns.push_back(fmt::format("length(all_nodes) > {} AS goes_deeper", depth_));
        return fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)\nGROUP BY whose{}", fmt::join(columns, ",\n    "), events(),
                           paths_.first ? "\nHAVING has(met.4, 1)" : "");
    }

    const PathsPlan& paths_;
    const bool is_part_;  ///< of the visitors
    VisitorStatement parts_;
    const std::string depth_;
};

}  // namespace

store::Statement compose_paths_told(const PathsPlan& paths, const Zone& zone, const Shard& shard, int timeout_ms) {
    return PathsStatement(paths, zone, shard).told(timeout_ms);
}
std::vector<std::size_t> paths_told_keys() { return {0, 1, 2}; }

store::Statement compose_paths(const PathsPlan& paths, const PathsTold& told, const Zone& zone, const Shard& shard,
                               int timeout_ms) {
    return PathsStatement(paths, zone, shard).counted(told, timeout_ms);
}
std::vector<std::size_t> paths_keys() { return {0, 1, 2}; }

}  // namespace footfall::query
