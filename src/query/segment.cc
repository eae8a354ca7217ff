#include "query/segment.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/passes/passes.h"
#include "query/vocabulary.h"
#include "query/zone.h"

namespace footfall::query {
namespace {

/// A filter that names a goal which is gone would hold for nothing, or with `is_not` for everything: numbers that look
/// like an answer.
Status check_goals(const std::vector<Filter>& filters, const SiteInfo& site) {  // NOLINT(misc-no-recursion)
    std::vector<std::string_view> names;
    for (const GoalDeclaration& goal : site.goals) names.push_back(goal.name);
    for (const Filter& filter : filters) {
        TRY_STATUS(check_goals(filter.children, site));
        const bool names_goals = filter.op == Operator::kIs || filter.op == Operator::kIsNot;
        if (filter.kind != Filter::Kind::kTest || filter.dimension != "goal" || !names_goals) continue;
        for (const std::string& value : filter.values)
            if (std::find(names.begin(), names.end(), value) == names.end())
                return refuse("unknown_goal", filter.field + "[2]", fmt::format("the site has no goal '{}'", value),
                              nearest(value, names));
    }
    return {};
}

Error not_understood(const std::string& name, const Error& why) {
    return refuse("invalid_segment", std::string(kSegment),
                  fmt::format("the segment '{}' is not understood: {}", name, why.message));
}

}  // namespace

bool is_of_segment(const Filter& filter) { return filter.field.starts_with(kSegment); }

Error of_segment(const Request& request, const Error& error) {
    return request.segment && error.field.starts_with(kSegment) ? not_understood(*request.segment, error) : error;
}

Status apply_segment(Request& request, const SiteInfo& site) {
    if (!request.segment) return {};
    const auto found = std::find_if(site.segments.begin(), site.segments.end(),
                                    [&](const SegmentDeclaration& one) { return one.name == *request.segment; });
    if (found == site.segments.end()) {
        std::vector<std::string_view> names;
        for (const SegmentDeclaration& one : site.segments) names.push_back(one.name);
        return refuse("unknown_segment", std::string(kSegment),
                      fmt::format("the site has no segment '{}'", *request.segment), nearest(*request.segment, names));
    }
    auto filters = parse_filters(found->filters, std::string(kSegment));
    if (!filters) return not_understood(found->name, filters.error());
    if (const Status known = check_goals(*filters, site); !known) return not_understood(found->name, known.error());
    std::move(filters->begin(), filters->end(), std::back_inserter(request.filters));
    return {};
}

Status check_segment(std::string_view filters, const SiteInfo& site) {
    Request request;
    TRY(request.filters, parse_filters(filters));
    if (request.filters.empty()) return refuse("missing", "filters", "a segment has at least one filter");
    TRY(const Zone zone, Zone::load(site.timezone));
    Plan plan;
    TRY_STATUS(
        lower_filters({.request = request, .site = site, .zone = zone, .vocabulary = vocabulary(), .now_ms = 0}, plan));
    return check_goals(request.filters, site);
}

}  // namespace footfall::query
