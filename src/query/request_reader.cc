#include "query/request_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_reader.h"
#include "base/nearest.h"
#include "query/names.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::array kOperators = {
    std::pair<std::string_view, Operator>{"is", Operator::kIs},
    std::pair<std::string_view, Operator>{"is_not", Operator::kIsNot},
    std::pair<std::string_view, Operator>{"contains", Operator::kContains},
    std::pair<std::string_view, Operator>{"contains_not", Operator::kContainsNot},
    std::pair<std::string_view, Operator>{"matches", Operator::kMatches},
    std::pair<std::string_view, Operator>{"matches_not", Operator::kMatchesNot},
    std::pair<std::string_view, Operator>{"gt", Operator::kGt},
    std::pair<std::string_view, Operator>{"lt", Operator::kLt},
    std::pair<std::string_view, Operator>{"between", Operator::kBetween},
    std::pair<std::string_view, Operator>{"is_set", Operator::kIsSet},
};
// What the visitor did beside what is counted: ["goal", "has_done", ["Signup"]], or ["has_done", filter, …] for more
// that is asked of one event.
constexpr std::string_view kHasDone = "has_done";
constexpr std::string_view kHasNotDone = "has_not_done";
constexpr std::array kGroups = {
    std::pair<std::string_view, Filter::Kind>{"and", Filter::Kind::kAnd},
    std::pair<std::string_view, Filter::Kind>{"or", Filter::Kind::kOr},
    std::pair<std::string_view, Filter::Kind>{"not", Filter::Kind::kNot},
    std::pair<std::string_view, Filter::Kind>{kHasDone, Filter::Kind::kDone},
    std::pair<std::string_view, Filter::Kind>{kHasNotDone, Filter::Kind::kDone},
};
constexpr std::array<std::string_view, 2> kCompareModes = {"previous_period", "previous_year"};

/// For kHasDone or kHasNotDone.
Filter done_of(std::string_view op, std::vector<Filter> children, const std::string& field) {
    Filter done{
        .kind = Filter::Kind::kDone, .children = std::move(children), .dimension = {}, .values = {}, .field = field};
    if (op == kHasDone) return done;
    Filter negation{.kind = Filter::Kind::kNot, .children = {}, .dimension = {}, .values = {}, .field = field};
    negation.children.push_back(std::move(done));
    return negation;
}

Result<Operator> operator_of(std::string_view name, std::string field) {
    for (const auto& [known, op] : kOperators)
        if (known == name) return op;
    const std::vector<std::string_view> names = operator_names();
    return refuse("unknown_operator", std::move(field),
                  fmt::format("there is no operator '{}'; one of {}", name, fmt::join(names, ", ")),
                  nearest(name, names));
}

// A value of a filter as text: numbers and booleans as JSON writes them.
Result<std::string> scalar_of(element value, std::string field) {
    std::string text;
    switch (value.type()) {
        case element_type::STRING: return read_text(value, std::move(field));
        case element_type::INT64: json::append_number(text, value.get_int64().value_unsafe()); return text;
        case element_type::UINT64: json::append_number(text, value.get_uint64().value_unsafe()); return text;
        case element_type::DOUBLE: json::append_number(text, value.get_double().value_unsafe()); return text;
        case element_type::BOOL: return std::string(value.get_bool().value_unsafe() ? "true" : "false");
        default: return wrong_type(std::move(field), "a string, number or boolean");
    }
}

Result<std::vector<std::string>> texts_of(element value, std::string_view field, std::size_t limit) {
    array list;
    if (value.get(list) != simdjson::SUCCESS) return wrong_type(std::string(field), "an array of strings");
    if (list.size() > limit) return beyond_limit(std::string(field), field, limit);
    std::vector<std::string> texts;
    for (const element item : list) {
        TRY(auto text, read_text(item, fmt::format("{}[{}]", field, texts.size())));
        texts.push_back(std::move(text));
    }
    return texts;
}

Result<std::vector<OrderTerm>> order_of(element value) {
    array list;
    if (value.get(list) != simdjson::SUCCESS)
        return wrong_type("order_by", R"(an array of ["column", "asc" or "desc"])");
    if (list.size() > kOrderTermsMax) return beyond_limit("order_by", "columns", kOrderTermsMax);
    std::vector<OrderTerm> terms;
    for (const element item : list) {
        const std::string field = fmt::format("order_by[{}]", terms.size());
        array pair;
        if (item.get(pair) != simdjson::SUCCESS || pair.size() != 2)
            return wrong_type(field, R"(["column", "asc" or "desc"])");
        TRY(auto name, read_text(pair.at(0).value_unsafe(), field + "[0]"));
        TRY(const std::string direction, read_text(pair.at(1).value_unsafe(), field + "[1]"));
        if (direction != "asc" && direction != "desc")
            return refuse("invalid_order", field + "[1]", "order 'asc' or 'desc'");
        terms.push_back({std::move(name), direction == "asc" ? Direction::kAscending : Direction::kDescending});
    }
    return terms;
}

Result<RangeRequest> pair_of(element value, RangeRequest::Kind kind, const std::string& field) {
    array pair;
    if (value.get(pair) != simdjson::SUCCESS || pair.size() != 2)
        return wrong_type(field, field == "compare" ? R"(a name or ["first day", "last day"])"
                                 : kind == RangeRequest::Kind::kDays
                                     ? R"(["first day", "last day"]; names go into time_range)"
                                     : R"(a name or ["instant", "instant"])");
    RangeRequest range{.kind = kind, .from = {}, .to = {}};
    TRY(range.from, read_text(pair.at(0).value_unsafe(), field + "[0]"));
    TRY(range.to, read_text(pair.at(1).value_unsafe(), field + "[1]"));
    return range;
}

Status read_date_range(element value, Request& request) {
    TRY(request.range, pair_of(value, RangeRequest::Kind::kDays, "date_range"));
    return {};
}

Status read_time_range(element value, Request& request) {
    if (value.is_string()) {
        TRY(auto name, read_text(value, "time_range"));
        request.range = {.kind = RangeRequest::Kind::kNamed, .from = std::move(name), .to = {}};
        return {};
    }
    TRY(request.range, pair_of(value, RangeRequest::Kind::kInstants, "time_range"));
    return {};
}

Status read_compare(element value, Request& request) {
    if (!value.is_string()) {
        TRY(request.compare_days, pair_of(value, RangeRequest::Kind::kDays, "compare"));
        request.compare = Compare::kDays;
        return {};
    }
    TRY(const std::string mode, read_text(value, "compare"));
    if (mode != kCompareModes[0] && mode != kCompareModes[1])
        return refuse("unknown_compare", "compare",
                      fmt::format("cannot compare with '{}'; with 'previous_period', 'previous_year' or "
                                  R"(["first day", "last day"])",
                                  mode),
                      nearest(mode, kCompareModes));
    request.compare = mode == kCompareModes[0] ? Compare::kPreviousPeriod : Compare::kPreviousYear;
    return {};
}

template <class Target, class T>
Status into(Target& target, Result<T> value) {
    TRY(target, std::move(value));
    return {};
}

Error malformed(std::string field) {
    return refuse(
        "invalid_filter", std::move(field),
        R"(a filter is ["dimension", "operator", value or [values]], or ["and"|"or"|"not"|"has_done"|"has_not_done", filter, ...])");
}

struct QueryMember {
    std::string_view name;
    Status (*read)(element value, Request& request, FilterReader& filters);
};

// The members of a query, each with its reader.
constexpr std::array<QueryMember, 16> kMembers = {{
    {"website_id", [](element v, Request& r, FilterReader&) { return into(r.website_id, read_text(v, "website_id")); }},
    {"metrics",
     [](element v, Request& r, FilterReader&) { return into(r.metrics, texts_of(v, "metrics", kMetricsMax)); }},
    {"dimensions", [](element v, Request& r,
                      FilterReader&) { return into(r.dimensions, texts_of(v, "dimensions", kDimensionsMax)); }},
    {"date_range", [](element v, Request& r, FilterReader&) { return read_date_range(v, r); }},
    {"time_range", [](element v, Request& r, FilterReader&) { return read_time_range(v, r); }},
    {"granularity",
     [](element v, Request& r, FilterReader&) { return into(r.granularity, read_text(v, "granularity")); }},
    {"filters", [](element v, Request& r, FilterReader& f) { return into(r.filters, f.read(v, "filters")); }},
    {"segment", [](element v, Request& r, FilterReader&) { return into(r.segment, read_text(v, "segment")); }},
    {"order_by", [](element v, Request& r, FilterReader&) { return into(r.order_by, order_of(v)); }},
    {"limit",
     [](element v, Request& r, FilterReader&) { return into(r.limit, read_integer(v, "limit", 1, kStreamedRowsMax)); }},
    {"offset",
     [](element v, Request& r, FilterReader&) { return into(r.offset, read_integer(v, "offset", 0, kOffsetMax)); }},
    {"compare", [](element v, Request& r, FilterReader&) { return read_compare(v, r); }},
    {"totals", [](element v, Request& r, FilterReader&) { return into(r.totals, read_toggle(v, "totals")); }},
    {"include_bots",
     [](element v, Request& r, FilterReader&) { return into(r.include_bots, read_toggle(v, "include_bots")); }},
    {"exact", [](element v, Request& r, FilterReader&) { return into(r.exact, read_toggle(v, "exact")); }},
    {"explain", [](element v, Request& r, FilterReader&) { return into(r.explain, read_toggle(v, "explain")); }},
}};

}  // namespace

Error wrong_type(std::string field, std::string_view expected) {
    std::string message = fmt::format("'{}' must be {}", field, expected);
    return refuse("invalid_type", std::move(field), std::move(message));
}

Error beyond_limit(std::string field, std::string_view what, std::size_t limit) {
    return refuse("limit_exceeded", std::move(field), fmt::format("at most {} {} are allowed", limit, what));
}

Result<std::string> read_text(element value, std::string field) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return wrong_type(std::move(field), "a string");
    if (text.size() > kValueBytesMax) return beyond_limit(std::move(field), "bytes", kValueBytesMax);
    return std::string(text);
}

Result<Toggle> read_toggle(element value, std::string field) {
    bool on = false;
    if (value.get(on) != simdjson::SUCCESS) return wrong_type(std::move(field), "true or false");
    return on ? Toggle::kOn : Toggle::kOff;
}

Result<std::int64_t> read_integer(element value, std::string field, std::int64_t least, std::int64_t most) {
    std::int64_t number = 0;
    if (value.get(number) != simdjson::SUCCESS || number < least || number > most) {
        std::string message = fmt::format("'{}' must be an integer from {} to {}", field, least, most);
        return refuse("out_of_range", std::move(field), std::move(message));
    }
    return number;
}

Result<std::vector<Filter>> FilterReader::read(element value, const std::string& field) {
    array list;
    if (value.get(list) != simdjson::SUCCESS) return wrong_type(field, "an array of filters");
    return read_list(list, field, 1);
}

Result<std::vector<Filter>> FilterReader::read_list(array list, std::string_view field,
                                                    std::size_t depth) {  // NOLINT(misc-no-recursion)
    std::vector<Filter> filters;
    for (const element item : list) {
        TRY(auto filter, read_one(item, fmt::format("{}[{}]", field, filters.size()), depth));
        filters.push_back(std::move(filter));
    }
    return filters;
}

Result<Filter> FilterReader::read_one(element value, std::string field,
                                      std::size_t depth) {  // NOLINT(misc-no-recursion): kFilterDepthMax
    array parts;
    std::string_view first;
    if (value.get(parts) != simdjson::SUCCESS || parts.size() == 0 || parts.at(0).get(first) != simdjson::SUCCESS)
        return malformed(std::move(field));
    if (depth > kFilterDepthMax) return beyond_limit(std::move(field), "levels of filters", kFilterDepthMax);
    const auto* const kind =
        std::find_if(kGroups.begin(), kGroups.end(), [first](const auto& known) { return known.first == first; });
    if (kind == kGroups.end()) return read_test(parts, std::move(field));
    TRY(Filter group, read_group(kind->second, parts, field, depth));
    if (kind->second != Filter::Kind::kDone) return group;
    return done_of(first, std::move(group.children), field);
}

// ["or", filter, filter] and ["or", [filter, filter]] are the same: a filter begins with a string, a list of them
// with an array.
Result<Filter> FilterReader::read_group(Filter::Kind kind, array parts, std::string field,
                                        std::size_t depth) {  // NOLINT(misc-no-recursion)
    Filter group{.kind = kind, .children = {}, .dimension = {}, .values = {}, .field = field};
    array inner;
    array first_of_inner;
    if (parts.size() == 2 && parts.at(1).get(inner) == simdjson::SUCCESS && inner.size() > 0 &&
        inner.at(0).get(first_of_inner) == simdjson::SUCCESS) {
        TRY(group.children, read_list(inner, field + "[1]", depth + 1));
    } else {
        for (std::size_t i = 1; i < parts.size(); ++i) {
            TRY(auto child, read_one(parts.at(i).value_unsafe(), fmt::format("{}[{}]", field, i), depth + 1));
            group.children.push_back(std::move(child));
        }
    }
    if (group.children.empty() || (kind == Filter::Kind::kNot && group.children.size() != 1))
        return refuse("invalid_filter", std::move(field),
                      "and, or, has_done and has_not_done hold at least one filter, not exactly one");
    return group;
}

Result<Filter> FilterReader::read_test(array parts, std::string field) {
    if (++filters_ > kFiltersMax) return beyond_limit("filters", "conditions", kFiltersMax);
    if (parts.size() < 2 || parts.size() > 3) return malformed(std::move(field));
    Filter test{.kind = Filter::Kind::kTest, .children = {}, .dimension = {}, .values = {}, .field = field};
    TRY(test.dimension, read_text(parts.at(0).value_unsafe(), field + "[0]"));
    TRY(const std::string op, read_text(parts.at(1).value_unsafe(), field + "[1]"));
    const bool is_done = op == kHasDone || op == kHasNotDone;
    if (!is_done) {
        TRY(test.op, operator_of(op, field + "[1]"));
    }
    if (test.op == Operator::kIsSet) {
        bool set = true;
        if (parts.size() == 3 && parts.at(2).get(set) != simdjson::SUCCESS)
            return wrong_type(field + "[2]", "true or false");
        if (!set) test.op = Operator::kIsNotSet;
        return test;
    }
    if (parts.size() != 3) return malformed(std::move(field));
    TRY(test.values, values_of(parts.at(2).value_unsafe(), field + "[2]"));
    if (is_done) return done_of(op, {std::move(test)}, field);
    return test;
}

Result<std::vector<std::string>> FilterReader::values_of(element value, const std::string& field) {
    std::vector<std::string> values;
    array list;
    const bool is_list = value.get(list) == simdjson::SUCCESS;
    values_ += is_list ? list.size() : 1;
    if (values_ > kFilterValuesMax) return beyond_limit("filters", "values", kFilterValuesMax);
    if (!is_list) {
        TRY(auto text, scalar_of(value, field));
        values.push_back(std::move(text));
        return values;
    }
    for (const element item : list) {
        TRY(auto text, scalar_of(item, fmt::format("{}[{}]", field, values.size())));
        values.push_back(std::move(text));
    }
    return values;
}

Member member_of(std::string_view name, Request& request, FilterReader& filters) {
    const auto* const known =
        std::find_if(kMembers.begin(), kMembers.end(), [&](const QueryMember& member) { return member.name == name; });
    FOOTFALL_CHECK(known != kMembers.end());
    return {name, [&request, &filters, read = known->read](element value) { return read(value, request, filters); }};
}

std::vector<Member> query_members(Request& request, FilterReader& filters) {
    std::vector<Member> members;
    for (const QueryMember& member : kMembers) members.push_back(member_of(member.name, request, filters));
    return members;
}

std::vector<std::string_view> names_of(std::span<const Member> members) {
    std::vector<std::string_view> names;
    for (const Member& member : members) names.push_back(member.name);
    return names;
}

std::vector<std::string_view> query_member_names() {
    Request request;
    FilterReader filters;
    return names_of(query_members(request, filters));
}

std::vector<std::string_view> operator_names() {
    std::vector<std::string_view> names;
    for (const auto& [name, op] : kOperators) names.push_back(name);
    names.insert(names.end(), {kHasDone, kHasNotDone});
    return names;
}

std::vector<std::string_view> filter_group_names() {
    std::vector<std::string_view> names;
    for (const auto& [name, kind] : kGroups) names.push_back(name);
    return names;
}

std::span<const std::string_view> compare_names() { return kCompareModes; }

Status read_object(element value, std::string_view path, std::string_view what, std::span<const Member> members) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return wrong_type(std::string(path), "an object");
    const std::vector<std::string_view> names = names_of(members);
    for (const auto field : object) {
        const auto known = std::find(names.begin(), names.end(), field.key);
        if (known == names.end())
            return refuse("unknown_field", fmt::format("{}{}{}", path, path.empty() ? "" : ".", field.key),
                          fmt::format("{} has no member '{}'", what, field.key), nearest(field.key, names));
        if (!field.value.is_null())
            TRY_STATUS(members[static_cast<std::size_t>(known - names.begin())].read(field.value));
    }
    return {};
}

Status read_body(std::string_view body, std::string_view what, std::span<const Member> members,
                 const Request& request) {
    if (body.size() > kBodyBytesMax)
        return Error(Code::kTooLarge, fmt::format("{} may have {} bytes", what, kBodyBytesMax));
    json::Reader reader;
    const auto document = reader.read(body, json::Reader::Padding::kAbsent);
    if (!document) return refuse("invalid_json", "", document.error().message);
    simdjson::dom::object root;
    if (document->get(root) != simdjson::SUCCESS) return refuse("invalid_json", "", "the body must be a JSON object");
    TRY_STATUS(read_object(*document, "", what, members));
    const auto has = [&](std::string_view name) {
        element value;
        return root[name].get(value) == simdjson::SUCCESS && !value.is_null();
    };
    if (has("date_range") && has("time_range"))
        return refuse("invalid_range", "time_range", "name either date_range or time_range");
    if (request.website_id.empty()) return refuse("missing", "website_id", "name the site: website_id is missing");
    return {};
}

}  // namespace footfall::query
