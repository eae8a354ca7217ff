#include "ingest/rejected.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace footfall::ingest {
namespace {

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr std::int64_t kMinute = 60'000;

TEST(SampleBudgetTest, KeepsTwentyOfEachReasonAndSiteAMinute) {
    SampleBudget budget;
    const auto taken = [&](std::string_view site, std::string_view reason, std::int64_t now_ms) {
        unsigned count = 0;
        for (int i = 0; i < 30; ++i) count += budget.take(site, reason, now_ms) ? 1 : 0;
        return count;
    };
    EXPECT_EQ(taken("a", "missing", kNow), 20u);
    EXPECT_EQ(taken("a", "invalid", kNow), 20u);
    EXPECT_EQ(taken("b", "missing", kNow + kMinute - 1), 20u);
    EXPECT_EQ(taken("a", "missing", kNow + kMinute - 1), 0u);
    EXPECT_EQ(taken("a", "missing", kNow + kMinute), 20u);
    EXPECT_EQ(taken("a", "missing", kNow - kMinute), 20u) << "a clock that was set back stops nothing";
}

TEST(SampleBudgetTest, NoSiteTakesTheRoomOfAllAndAllTogetherHaveALimit) {
    SampleBudget budget;
    EXPECT_TRUE(budget.take("", "unknown", kNow));
    budget.spend("", SampleBudget::kBytesPerSite);
    EXPECT_FALSE(budget.take("", "missing", kNow));
    for (const char* site : {"a", "b", "c"}) {
        EXPECT_TRUE(budget.take(site, "missing", kNow)) << site;
        budget.spend(site, SampleBudget::kBytesPerSite);
    }
    EXPECT_FALSE(budget.take("d", "missing", kNow));
    EXPECT_TRUE(budget.take("d", "missing", kNow + kMinute));
}

/// A member of the entry that is written for an event.
std::string written(std::string_view event, const char* member, std::string_view user_agent = {}) {
    const event::Rejection rejection{.index = 0, .field = "data.page", .reason = "missing", .website_id = "site"};
    const std::string json = write_rejected(
        {.website_id = "site", .received_at = kNow, .rejection = &rejection, .text = event, .user_agent = user_agent});
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(json);
    simdjson::dom::element value;
    EXPECT_EQ(parser.parse(padded)[member].get(value), simdjson::SUCCESS) << json;
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return std::string(text);
    return simdjson::minify(value);
}

TEST(RejectedEventTest, KeepsNoAddressHoweverItIsWritten) {
    struct Case {
        const char *sent, *kept;
    };
    const Case cases[] = {
        {R"({"type": "pageview"})", R"({"type": "pageview"})"},
        {R"({"context": {"url":"/ip", "ip": "203.0.113.7"}, "a": 1})", R"({"context":{"url":"/ip"},"a":1})"},
        {R"({"context":{"\u0069p":"203.0.113.7"}})", R"({"context":{}})"},
        {R"({"\u0063ontext":{"ip":["203.0.113.7"]},"b":{"ip":"kept"}})", R"({"context":{},"b":{"ip":"kept"}})"},
        {R"({"context":{"ip":"203.0.113.7","ip":"203.0.113.8"},"context":{"ip":"203.0.113.9","x":"\""}})",
         R"({"context":{},"context":{"x":"\""}})"},
        {R"({"context":{"ip":1e999}})", R"({"context":{}})"},
        {R"({"context":7})", R"({"context":7})"},
        {R"(["context"])", R"(["context"])"},
        {"null", "null"},
    };
    for (const Case& c : cases) EXPECT_EQ(written(c.sent, "event"), c.kept);
}

TEST(RejectedEventTest, CutsWhatIsLongBeforeACharacter) {
    const auto event = [](std::size_t size) {
        std::string text = R"({"a":")";
        while (text.size() < size - 2) text += "\u00fc";
        return text + "\"}";
    };
    EXPECT_EQ(written(event(kSampleBytesMax), "event"), event(kSampleBytesMax));
    EXPECT_EQ(written(event(kSampleBytesMax), "is_cut"), "false");
    const std::string longer = event(2 * kSampleBytesMax);
    EXPECT_EQ(written(longer, "event"), longer.substr(0, kSampleBytesMax));
    EXPECT_EQ(written(" " + longer, "event"), " " + longer.substr(0, kSampleBytesMax - 2));
    EXPECT_EQ(written(longer, "is_cut"), "true");
    EXPECT_EQ(written("{}", "user_agent", std::string(600, 'u')), std::string(512, 'u'));
}

}  // namespace
}  // namespace footfall::ingest
