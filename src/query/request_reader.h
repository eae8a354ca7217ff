#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "base/result.h"
#include "query/query.h"

/// From a body's JSON to a request, member by member. Errors are as parse_request() has them. Of request.cc and what
/// asks in the same manner (funnel/).
namespace footfall::query {

Error wrong_type(std::string field, std::string_view expected);
Error beyond_limit(std::string field, std::string_view what, std::size_t limit);

Result<std::string> read_text(simdjson::dom::element value, std::string field);
Result<Toggle> read_toggle(simdjson::dom::element value, std::string field);
Result<std::int64_t> read_integer(simdjson::dom::element value, std::string field, std::int64_t least,
                                  std::int64_t most);

/// Reads filters, and counts conditions and values over all that it reads.
class FilterReader {
public:
    /// `value` is an array of filters; `field` its path.
    Result<std::vector<Filter>> read(simdjson::dom::element value, const std::string& field);

private:
    Result<std::vector<Filter>> read_list(simdjson::dom::array list, std::string_view field, std::size_t depth);
    Result<Filter> read_one(simdjson::dom::element value, std::string field, std::size_t depth);
    Result<Filter> read_group(Filter::Kind kind, simdjson::dom::array parts, std::string field, std::size_t depth);
    Result<Filter> read_test(simdjson::dom::array parts, std::string field);
    Result<std::vector<std::string>> values_of(simdjson::dom::element value, const std::string& field);

    std::size_t filters_ = 0;
    std::size_t values_ = 0;
};

/// A member of a body, and what reads it.
struct Member {
    std::string_view name;
    std::function<Status(simdjson::dom::element value)> read;
};
/// A member that a query has, by its name: what reads it into `request`, which outlives it. And all of them.
Member member_of(std::string_view name, Request& request, FilterReader& filters);
std::vector<Member> query_members(Request& request, FilterReader& filters);
std::vector<std::string_view> names_of(std::span<const Member> members);

/// Reads an object, which errors call `what`. A null is the same as none; a member of another name is an error.
Status read_object(simdjson::dom::element value, std::string_view path, std::string_view what,
                   std::span<const Member> members);
/// The same of a body, of which it has the site, and not both date_range and time_range.
Status read_body(std::string_view body, std::string_view what, std::span<const Member> members, const Request& request);

}  // namespace footfall::query
