#include "query/vocabulary.h"

#include <gtest/gtest.h>

namespace footfall::query {
namespace {

constexpr std::string_view kNoDimensions = R"({"dimensions": []})";

TEST(VocabularyTest, EveryNameOfTheContractIsKnown) {
    for (const char* name :
         {"visitors", "users", "sessions", "pageviews", "events", "views_per_session", "bounce_rate",
          "session_duration", "time_on_page", "scroll_depth", "conversions", "conversion_rate", "converted_visitors",
          "visitor_conversion_rate", "engaged_time", "revenue_left_out", "revenue", "active_visitors", "active_users"})
        EXPECT_NE(vocabulary().metric(name), nullptr) << name;
    for (const char* name :
         {"minute",      "hour",       "date",         "week",        "month",          "page",
          "entry_page",  "exit_page",  "title",        "hostname",    "referrer",       "source",
          "medium",      "campaign",   "term",         "content",     "channel",        "country",
          "region",      "city",       "language",     "device_type", "browser",        "browser_version",
          "os",          "os_version", "screen_class", "event_name",  "event_category", "event_action",
          "event_label", "goal",       "user_id",      "session_id",  "property:plan",  "first_source",
          "last_channel"})
        EXPECT_NE(vocabulary().dimension(name), nullptr) << name;
    for (const char* granularity : {"minute", "hour", "day", "week", "month"})
        EXPECT_NE(vocabulary().bucket(granularity), nullptr) << granularity;
    EXPECT_EQ(vocabulary().bucket(""), nullptr);
}

TEST(VocabularyTest, AnAliasIsTheMetricItself) {
    EXPECT_EQ(vocabulary().metric("users"), vocabulary().metric("visitors"));
    EXPECT_EQ(vocabulary().metric("active_users"), vocabulary().metric("active_visitors"));
}

TEST(VocabularyTest, SuggestsOnlyWhatCanBeAskedFor) {
    EXPECT_EQ(vocabulary().nearest_metric("vistors"), "visitors");
    EXPECT_EQ(vocabulary().nearest_metric("conversion"), "conversions");
    EXPECT_EQ(vocabulary().nearest_metric("active_visitor"), "active_visitors");
    EXPECT_NE(vocabulary().nearest_metric("all_session"), "all_sessions");  // a part of others
    EXPECT_EQ(vocabulary().nearest_dimension("contry"), "country");
    EXPECT_EQ(vocabulary().nearest_dimension("xyzxyzxyz"), "");
}

TEST(VocabularyTest, RefusesDeclarationsThatCannotBeRight) {
    const struct {
        const char* what;
        const char* metrics;
    } cases[] = {
        {"no JSON", "["},
        {"no list", R"~({"metric": []})~"},
        {"unknown type", R"~({"metrics": [{"name": "a", "type": "blob", "totals": "sum", "sources": {}}]})~"},
        {"unknown rule", R"~({"metrics": [{"name": "a", "type": "integer", "totals": "max", "sources": {}}]})~"},
        {"doubled name",
         R"~({"metrics": [{"name": "a", "type": "integer", "totals": "sum", "sources": {}}, {"name": "a", "type": "integer", "totals": "sum", "sources": {}}]})~"},
        {"alias of another",
         R"~({"metrics": [{"name": "a", "type": "integer", "totals": "sum", "sources": {}}, {"name": "b", "aliases": ["a"], "type": "integer", "totals": "sum", "sources": {}}]})~"},
        {"name that is no word",
         R"~({"metrics": [{"name": "a b", "type": "integer", "totals": "sum", "sources": {}}]})~"},
        {"no event types",
         R"~({"metrics": [{"name": "a", "type": "integer", "totals": "sum", "sources": {"events": {"expression": "count()"}}}]})~"},
        {"quote in a type",
         R"~({"metrics": [{"name": "a", "type": "integer", "totals": "sum", "sources": {"events": {"expression": "count()", "event_types": ["x'"]}}}]})~"},
        {"second statement",
         R"~({"metrics": [{"name": "a", "type": "integer", "totals": "sum", "sources": {"events": {"expression": "1; DROP", "event_types": ["x"]}}}]})~"},
    };
    for (const auto& c : cases) EXPECT_FALSE(Vocabulary::parse(c.metrics, kNoDimensions).has_value()) << c.what;
    EXPECT_TRUE(Vocabulary::parse(R"({"metrics": []})", kNoDimensions).has_value());
    for (const char* dimension :
         {R"~({"name": "date", "type": "date", "sources": {}})~",
          R"~({"name": "a", "type": "string", "first_touch": "b c", "sources": {"sessions": {"expression": "b"}}})~",
          R"~({"name": "a", "type": "string", "last_touch": "b", "sources": {"events": {"expression": "b"}}})~"})
        EXPECT_FALSE(
            Vocabulary::parse(R"({"metrics": []})", std::string(R"({"dimensions": [)") + dimension + "]}").has_value())
            << dimension;
}

}  // namespace
}  // namespace footfall::query
