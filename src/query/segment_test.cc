#include "query/segment.h"

#include <string>

#include <gtest/gtest.h>

namespace footfall::query {
namespace {

SiteInfo a_site() {
    SiteInfo site{.id = "s", .timezone = "UTC"};
    site.goals = {{.name = "Bought", .value = "/thanks"}};
    site.segments = {
        {.name = "News", .filters = R"([["source","is",["news"]],["or",["page","is","/"],["goal","is","Bought"]]])"},
        {.name = "Broken", .filters = "[["},
        {.name = "Newer", .filters = R"([["page","resembles",["/"]]])"}};
    return site;
}

Request asked_with(const std::string& segment) {
    auto request = parse_request(
        R"({"website_id": "s", "metrics": ["visitors"], "filters": [["country", "is", ["DE"]]], "segment": ")" +
        segment + "\"}");
    EXPECT_TRUE(request);
    return request ? *request : Request{};
}

TEST(SegmentTest, ItsFiltersStandBehindThoseOfTheRequest) {
    Request request = asked_with("News");
    ASSERT_TRUE(apply_segment(request, a_site()));
    ASSERT_EQ(request.filters.size(), 3U);
    EXPECT_EQ(request.filters[0].dimension, "country");
    EXPECT_FALSE(is_of_segment(request.filters[0]));
    EXPECT_EQ(request.filters[1].dimension, "source");
    EXPECT_TRUE(is_of_segment(request.filters[1]));
    EXPECT_EQ(request.filters[2].children.size(), 2U);
}

TEST(SegmentTest, WithoutOneNothingIsDone) {
    auto request = parse_request(R"({"website_id": "s", "metrics": ["visitors"]})");
    ASSERT_TRUE(request);
    ASSERT_TRUE(apply_segment(*request, a_site()));
    EXPECT_TRUE(request->filters.empty());
}

TEST(SegmentTest, OneThatIsNotUnderstoodIsNamedWhereTheRequestNamesIt) {
    SiteInfo site = a_site();
    const auto refusal = [&](const std::string& name) {
        Request request = asked_with(name);
        const Status applied = apply_segment(request, site);
        EXPECT_FALSE(applied);
        return applied ? Error() : applied.error();
    };
    for (const char* name : {"Broken", "Newer"}) {
        EXPECT_EQ(refusal(name).name, "invalid_segment") << name;
        EXPECT_EQ(refusal(name).field, "segment") << name;
        EXPECT_NE(refusal(name).message.find(name), std::string::npos) << name;
    }
    EXPECT_EQ(refusal("Nws").name, "unknown_segment");
    EXPECT_EQ(refusal("Nws").did_you_mean, "News");
    site.goals.clear();
    EXPECT_EQ(refusal("News").name, "invalid_segment") << "its goal is gone";
    EXPECT_NE(refusal("News").message.find("Bought"), std::string::npos);
}

TEST(SegmentTest, WhatIsWrongWithItsFiltersIsSaidWhenItIsSaved) {
    const SiteInfo site = a_site();
    const auto field = [&](const std::string& filters) {
        const Status checked = check_segment(filters, site);
        return checked ? std::string("right") : checked.error().field;
    };
    EXPECT_EQ(field(R"([["source","is",["news"]],["date","gt","2026-01-01"],["goal","is_not","Bought"]])"), "right");
    EXPECT_EQ(field(R"([["goal","contains",["Bou"]]])"), "right");
    EXPECT_EQ(field("[]"), "filters");
    EXPECT_EQ(field("{}"), "filters");
    EXPECT_EQ(field("[["), "filters");
    EXPECT_EQ(field(R"([["page"]])"), "filters[0]");
    EXPECT_EQ(field(R"([["page","is",["/"]],["pages","is",["/"]]])"), "filters[1][0]");
    EXPECT_EQ(field(R"([["page","resembles",["/"]]])"), "filters[0][1]");
    EXPECT_EQ(field(R"([["or",["page","is","/"],["page","matches","("]]])"), "filters[0][2][2]");
    EXPECT_EQ(field(R"([["not",["goal","is",["Bought","Sold"]]]])"), "filters[0][1][2]");
    EXPECT_EQ(field(R"([["date","is",["yesterday"]]])"), "filters[0][2]");
}

}  // namespace
}  // namespace footfall::query
