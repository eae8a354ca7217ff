#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/funnel/funnel.h"
#include "query/names.h"
#include "query/passes/passes.h"
#include "query/request_reader.h"

namespace footfall::query {
namespace {

using simdjson::dom::element;

Result<std::vector<Step>> read_steps(element value, FilterReader& filters) {
    simdjson::dom::array list;
    if (value.get(list) != simdjson::SUCCESS) return wrong_type("steps", "an array of steps");
    if (list.size() > kFunnelStepsMax) return beyond_limit("steps", "steps", kFunnelStepsMax);
    std::vector<Step> steps;
    for (const element item : list) {
        TRY(auto step, read_step(item, fmt::format("steps[{}]", steps.size()), filters));
        steps.push_back(std::move(step));
    }
    return steps;
}

constexpr std::array<std::string_view, 2> kBy = {"visitor", "session"};

Result<FunnelBy> read_by(element value) {
    TRY(const std::string by, read_text(value, "by"));
    if (by == kBy[0]) return FunnelBy::kVisitor;
    if (by == kBy[1]) return FunnelBy::kSession;
    return refuse("invalid_value", "by", fmt::format("a funnel is by 'visitor' or by 'session', not by '{}'", by),
                  nearest(by, kBy));
}

std::vector<Member> members_of(FunnelRequest& request, FilterReader& filters) {
    std::vector<Member> members = {
        {"steps",
         [&](element value) -> Status {
             TRY(request.steps, read_steps(value, filters));
             return {};
         }},
        {"window_seconds",
         [&](element value) -> Status {
             TRY(request.window_seconds, read_integer(value, "window_seconds", 1, kFunnelWindowMax));
             return {};
         }},
        {"by",
         [&](element value) -> Status {
             TRY(request.by, read_by(value));
             return {};
         }},
        {"breakdown",
         [&](element value) -> Status {
             TRY(request.breakdown, read_text(value, "breakdown"));
             return {};
         }},
        {"dropped_limit",
         [&](element value) -> Status {
             TRY(request.dropped_limit, read_integer(value, "dropped_limit", 0, kFunnelDroppedMax));
             return {};
         }},
        {"limit",
         [&](element value) -> Status {
             TRY(request.of.limit, read_integer(value, "limit", 1, kFunnelValuesMax));
             return {};
         }},
    };
    for (const std::string_view name :
         {"website_id", "date_range", "time_range", "filters", "segment", "include_bots", "explain"})
        members.push_back(member_of(name, request.of, filters));
    return members;
}

}  // namespace

std::span<const std::string_view> funnel_by_names() { return kBy; }

std::vector<std::string_view> funnel_member_names() {
    FunnelRequest request;
    FilterReader filters;
    return names_of(members_of(request, filters));
}

Result<FunnelRequest> parse_funnel(std::string_view body) {
    FunnelRequest request;
    FilterReader filters;
    request.of.limit = kFunnelValuesDefault;
    TRY_STATUS(read_body(body, "a funnel", members_of(request, filters), request.of));
    if (request.steps.empty()) return refuse("missing", "steps", "name at least one step");
    return request;
}

}  // namespace footfall::query
