#include <string>

#include <gtest/gtest.h>

#include "query/query.h"

namespace footfall::query {
namespace {

std::string with(const std::string& members) {
    return R"({"website_id": "s", "metrics": ["visitors"])" + (members.empty() ? "" : ", " + members) + "}";
}

TEST(RequestTest, ReadsTheContractsExample) {
    const auto request =
        parse_request(R"({"website_id": "SITE", "metrics": ["visitors","sessions"], "dimensions": ["date","source"],
        "date_range": ["2026-11-01","2026-11-30"], "granularity": "day", "filters": [["country","is",["DE","FR"]],["page","contains",["/blog"]]],
        "order_by": [["visitors","desc"]], "limit": 7, "offset": 3, "compare": "previous_period", "include_bots": true, "exact": false, "explain": true})");
    ASSERT_TRUE(request.has_value()) << request.error().message;
    EXPECT_EQ(request->website_id, "SITE");
    EXPECT_EQ(request->metrics, (std::vector<std::string>{"visitors", "sessions"}));
    EXPECT_EQ(request->dimensions, (std::vector<std::string>{"date", "source"}));
    EXPECT_EQ(request->range.kind, RangeRequest::Kind::kDays);
    EXPECT_EQ(request->range.to, "2026-11-30");
    ASSERT_EQ(request->filters.size(), 2U);
    EXPECT_EQ(request->filters[0].values, (std::vector<std::string>{"DE", "FR"}));
    EXPECT_EQ(request->filters[1].op, Operator::kContains);
    EXPECT_EQ(request->filters[1].field, "filters[1]");
    EXPECT_EQ(request->order_by.at(0).direction, Direction::kDescending);
    EXPECT_EQ(request->limit, 7);
    EXPECT_EQ(request->offset, 3);
    EXPECT_EQ(request->compare, Compare::kPreviousPeriod);
    const auto beside = parse_request(with(R"("compare": ["2025-11-03", "2025-11-09"])"));
    ASSERT_TRUE(beside);
    EXPECT_EQ(beside->compare, Compare::kDays);
    EXPECT_EQ(beside->compare_days.from, "2025-11-03");
    EXPECT_EQ(beside->compare_days.to, "2025-11-09");
    EXPECT_EQ(request->include_bots, Toggle::kOn);
    EXPECT_EQ(request->exact, Toggle::kOff);
    EXPECT_EQ(request->explain, Toggle::kOn);
}

TEST(RequestTest, NullIsTheSameAsNone) {
    const auto request = parse_request(
        with(R"("filters": null, "limit": null, "compare": null, "date_range": null, "time_range": "today")"));
    ASSERT_TRUE(request.has_value()) << request.error().message;
    EXPECT_EQ(request->limit, kRowsDefault);
    EXPECT_EQ(request->range.from, "today");
}

TEST(RequestTest, ValuesMayBeOneScalarOrAnArray) {
    const auto request = parse_request(with(
        R"("filters": [["os_version", "is", 10.15], ["browser_version", "is", [140, "141", true]], ["page", "is", "/"]])"));
    ASSERT_TRUE(request.has_value()) << request.error().message;
    EXPECT_EQ(request->filters[0].values, std::vector<std::string>{"10.15"});
    EXPECT_EQ(request->filters[1].values, (std::vector<std::string>{"140", "141", "true"}));
    EXPECT_EQ(request->filters[2].values, std::vector<std::string>{"/"});
}

// As the parser of events makes text of them, so that what was stored is found.
TEST(RequestTest, NumbersThatFitNoTypeOfOursAreTakenAsDoubles) {
    const auto request = parse_request(
        with(R"("filters": [["property:a", "is", [100000000000000000000, 18446744073709552000, 1e400, "\ud83d"]]])"));
    ASSERT_TRUE(request.has_value()) << request.error().message;
    EXPECT_EQ(request->filters[0].values,
              (std::vector<std::string>{"1e+20", "18446744073709551616", "1.7976931348623157e+308", "\ufffd"}));
    EXPECT_EQ(parse_request(with(R"("limit": 100000000000000000000)")).error().field, "limit");
}

TEST(RequestTest, AsCsvAndNdjsonMoreRowsMayBeAskedFor) {
    for (const Format format : {Format::kCsv, Format::kNdjson}) {
        EXPECT_EQ(parse_request(with(R"("limit": 1000000)"), format)->limit, kStreamedRowsMax);
        EXPECT_EQ(parse_request(with(R"("limit": 1000001)"), format).error().field, "limit");
        EXPECT_TRUE(is_streamed(format, kRowsMax + 1));
        EXPECT_FALSE(is_streamed(format, kRowsMax)) << "it fits where answers are kept";
    }
    for (const Format format : {Format::kJson, Format::kArrow, Format::kParquet, Format::kEvents}) {
        EXPECT_EQ(parse_request(with(R"("limit": 10000)"), format)->limit, kRowsMax);
        const auto refused = parse_request(with(R"("limit": 10001)"), format);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().name, "out_of_range");
        EXPECT_NE(refused.error().message.find("10000,"), std::string::npos) << refused.error().message;
        EXPECT_NE(refused.error().message.find("1000000 as CSV or NDJSON"), std::string::npos);
    }
}

TEST(RequestTest, GroupsNestInBothForms) {
    for (const char* form : {R"(["or", ["page","is","/a"], ["not", ["page","is","/b"]]])",
                             R"(["or", [["page","is","/a"], ["not", [["page","is","/b"]]]]])"}) {
        const auto request = parse_request(with(std::string(R"("filters": [)") + form + "]"));
        ASSERT_TRUE(request.has_value()) << form << request.error().message;
        const Filter& group = request->filters.at(0);
        EXPECT_EQ(group.kind, Filter::Kind::kOr);
        ASSERT_EQ(group.children.size(), 2U) << form;
        EXPECT_EQ(group.children[1].kind, Filter::Kind::kNot);
        EXPECT_EQ(group.children[1].children.at(0).values, std::vector<std::string>{"/b"});
    }
}

std::string nested(std::size_t depth) {
    std::string text = R"(["page", "is", "/"])";
    for (std::size_t i = 1; i < depth; ++i) text = R"(["not", )" + text + "]";
    return R"("filters": [)" + text + "]";
}

std::string repeated(const std::string& item, std::size_t count) {
    std::string text = item;
    for (std::size_t i = 1; i < count; ++i) text += ", " + item;
    return text;
}

TEST(RequestTest, RefusalsNameCodeAndField) {
    const struct {
        std::string body;
        const char* code;
        const char* field;
    } cases[] = {
        {"", "invalid_json", ""},
        {"[]", "invalid_json", ""},
        {"{\"website_id\": \"\xff\"}", "invalid_json", ""},
        {std::string(2000, '['), "invalid_json", ""},
        {"{}", "missing", "website_id"},
        {R"({"website_id": 5})", "invalid_type", "website_id"},
        {R"({"website_id": "s"})", "missing", "metrics"},
        {R"({"website_id": "s", "metrics": []})", "missing", "metrics"},
        {R"({"website_id": "s", "metrics": "visitors"})", "invalid_type", "metrics"},
        {R"({"website_id": "s", "metrics": ["visitors", 5]})", "invalid_type", "metrics[1]"},
        {R"({"website_id": "s", "metrics": [)" + repeated("\"x\"", kMetricsMax + 1) + "]}", "limit_exceeded",
         "metrics"},
        {with(R"("dimensions": [)" + repeated("\"x\"", kDimensionsMax + 1) + "]"), "limit_exceeded", "dimensions"},
        {with(R"("filter": [])"), "unknown_field", "filter"},
        {with(R"("limit": 0)"), "out_of_range", "limit"},
        {with(R"("limit": 10001)"), "out_of_range", "limit"},
        {with(R"("limit": 1.5)"), "out_of_range", "limit"},
        {with(R"("limit": "5")"), "out_of_range", "limit"},
        {with(R"("offset": -1)"), "out_of_range", "offset"},
        {with(R"("exact": 1)"), "invalid_type", "exact"},
        {with(R"("compare": "next_year")"), "unknown_compare", "compare"},
        {with(R"("compare": ["2026-11-01"])"), "invalid_type", "compare"},
        {with(R"("compare": 7)"), "invalid_type", "compare"},
        {with(R"("date_range": ["2026-11-01"])"), "invalid_type", "date_range"},
        {with(R"("date_range": "7d")"), "invalid_type", "date_range"},
        {with(R"("date_range": ["2026-11-01", "2026-11-02"], "time_range": "7d")"), "invalid_range", "time_range"},
        {with(R"("order_by": ["visitors"])"), "invalid_type", "order_by[0]"},
        {with(R"("order_by": [["visitors", "down"]])"), "invalid_order", "order_by[0][1]"},
        {with(R"("filters": {})"), "invalid_type", "filters"},
        {with(R"("filters": ["page", "is", "/"])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [[]])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [["page"]])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [["page", "is"]])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [["page", "is", "/", "/"]])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [["page", "is", null]])"), "invalid_type", "filters[0][2]"},
        {with(R"("filters": [["page", "is", ["/", {}]]])"), "invalid_type", "filters[0][2][1]"},
        {with(R"("filters": [["page", "equals", "/"]])"), "unknown_operator", "filters[0][1]"},
        {with(R"("filters": [["goal", "has_done"]])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [["has_done"]])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [["has_not_done", ["page", "equals", "/"]]])"), "unknown_operator", "filters[0][1][1]"},
        {with(R"("filters": [["page", "is_set", "yes"]])"), "invalid_type", "filters[0][2]"},
        {with(R"("filters": [["and"]])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [["or", []]])"), "invalid_filter", "filters[0][1]"},
        {with(R"("filters": [["not", ["page", "is", "/"], ["page", "is", "/"]]])"), "invalid_filter", "filters[0]"},
        {with(R"("filters": [["or", ["page", "is", "/"], ["page", "xis", "/"]]])"), "unknown_operator",
         "filters[0][2][1]"},
        {with(nested(kFilterDepthMax + 1)), "limit_exceeded", "filters[0][1][1][1][1][1][1][1][1]"},
        {with(R"("filters": [)" + repeated(R"(["page", "is", "/"])", kFiltersMax + 1) + "]"), "limit_exceeded",
         "filters"},
        {with(R"("filters": [["page", "is", [)" + repeated("\"/\"", kFilterValuesMax + 1) + "]]]"), "limit_exceeded",
         "filters"},
        {with(R"("filters": [["page", "is", ")" + std::string(kValueBytesMax + 1, 'x') + "\"]]"), "limit_exceeded",
         "filters[0][2]"},
    };
    for (const auto& c : cases) {
        const auto request = parse_request(c.body);
        ASSERT_FALSE(request.has_value()) << c.body.substr(0, 300);
        EXPECT_EQ(request.error().code, Code::kInvalidArgument);
        EXPECT_EQ(request.error().name, c.code) << c.body.substr(0, 300);
        EXPECT_EQ(request.error().field, c.field) << c.body.substr(0, 300);
        EXPECT_FALSE(request.error().message.empty());
    }
}

TEST(RequestTest, TheLimitsThemselvesAreAllowed) {
    for (const std::string& body :
         {with(nested(kFilterDepthMax)),
          with(R"("filters": [)" + repeated(R"(["page", "is", "/"])", kFiltersMax) + "]"),
          with(R"("filters": [["page", "is", [)" + repeated("\"/\"", kFilterValuesMax) + "]]]"),
          with(R"("limit": 10000)")})
        EXPECT_TRUE(parse_request(body).has_value()) << body.substr(0, 300);
}

TEST(RequestTest, ABodyBeyondTheLimitIsTooLarge) {
    const auto request = parse_request(std::string(kBodyBytesMax + 1, ' '));
    ASSERT_FALSE(request.has_value());
    EXPECT_EQ(request.error().code, Code::kTooLarge);
}

TEST(RequestTest, SuggestsTheNearestWord) {
    EXPECT_EQ(parse_request(with(R"("filter": [])")).error().did_you_mean, "filters");
    EXPECT_EQ(parse_request(with(R"("filters": [["page", "contain", "/"]])")).error().did_you_mean, "contains");
    EXPECT_EQ(parse_request(with(R"("filters": [["page", "has_dona", "/"]])")).error().did_you_mean, "has_done");
}

}  // namespace
}  // namespace footfall::query
