#include <utility>

#include "query/cohorts/cohorts.h"
#include "query/names.h"
#include "query/request_reader.h"

namespace footfall::query {
namespace {

std::vector<Member> members_of(CohortRequest& request, FilterReader& filters) {
    const auto step = [&filters](std::optional<Step>& into, const char* name) {
        return Member{name, [&into, &filters, name](simdjson::dom::element value) -> Status {
                          TRY(into, read_step(value, name, filters));
                          return {};
                      }};
    };
    std::vector<Member> members = {step(request.first, "first"), step(request.again, "again")};
    for (const std::string_view name :
         {"website_id", "date_range", "time_range", "granularity", "filters", "segment", "include_bots", "explain"})
        members.push_back(member_of(name, request.of, filters));
    return members;
}

}  // namespace

std::vector<std::string_view> cohort_member_names() {
    CohortRequest request;
    FilterReader filters;
    return names_of(members_of(request, filters));
}

Result<CohortRequest> parse_cohorts(std::string_view body) {
    CohortRequest request;
    request.of.granularity = "week";
    FilterReader filters;
    TRY_STATUS(read_body(body, "a question of retention", members_of(request, filters), request.of));
    return request;
}

}  // namespace footfall::query
