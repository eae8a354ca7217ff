// What becomes of a question that asks for more than it may have, or that nobody waits for, with the real store.
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "query/query_engine_fixture.h"
#include "query/refusals.h"

namespace footfall::query {
namespace {

class QueryLimitsTest : public QueryEngineTest {
protected:
    static constexpr const char* kDifferentPages =
        R"({"website_id": "random", "metrics": ["visitors"], "dimensions": ["page"], "time_range": "today", "limit": 3})";

    static void fill(const std::string& rows) {
        const auto inserted = store().execute(
            {.sql =
                 "INSERT INTO footfall.events (website_id, event_type, timestamp, visitor_id, page) SELECT 'random', "
                 "'pageview', {now:DateTime64(3, 'UTC')}, cityHash64(number), concat('/', toString(number)) FROM "
                 "numbers({rows:UInt64})",
             .parameters = {{"now", utc(kNow)}, {"rows", rows}},
             .settings = {}});
        ASSERT_TRUE(inserted.has_value()) << inserted.error().message;
    }
    static SiteInfo site() { return {.id = "random", .timezone = "UTC", .created_ms = 0}; }
};

TEST_F(QueryLimitsTest, AQuestionThatNeedsMoreMemoryThanOneMayHaveSaysSo) {
    fill("400000");
    EXPECT_TRUE(answer(kDifferentPages, "UTC").has_value()) << "it fits where there is room";
    options_.memory_max = 10'000'000;
    const auto refused = answer(kDifferentPages, "UTC");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kTooLarge);
    const Error told = as_told(refused.error());
    EXPECT_EQ(told.code, Code::kInvalidArgument);
    EXPECT_EQ(told.name, kMemoryExceeded);
    for (const char* advice : {"shorter time range", "fewer dimensions", "query.memory_max"})
        EXPECT_NE(told.message.find(advice), std::string::npos) << told.message;
    // A small one has room enough.
    EXPECT_EQ(count(R"(["page", "is", ["/7"]])"), "1");
}

TEST_F(QueryLimitsTest, WhatTheStoreHasNoMemoryForBesideOthersIsToBeAskedAgain) {
    Error error(Code::kTooLarge, "text of the store");
    error.name = store::kStoreMemory;
    EXPECT_EQ(as_told(error).code, Code::kOverloaded);
    EXPECT_NE(as_told(error).message.find("store.memory_max"), std::string::npos);
    // What is too large in another way stays what it is.
    error.name.clear();
    EXPECT_EQ(as_told(error).message, "text of the store");
}

TEST_F(QueryLimitsTest, AQuestionThatNobodyWaitsForIsNotAsked) {
    Service service(store(), clock_, {});
    const auto request = parse_request(kDifferentPages);
    ASSERT_TRUE(request.has_value());
    std::stop_source stop;
    stop.request_stop();
    bool is_asked = false;
    const auto stopped = service.run(
        *request, site(),
        [&] {
            is_asked = true;
            return "";
        },
        Format::kJson, std::nullopt, stop.get_token());
    ASSERT_FALSE(stopped.has_value());
    EXPECT_EQ(stopped.error().name, kClientGone);
    EXPECT_FALSE(is_asked);
}

TEST_F(QueryLimitsTest, ATooLateAnswerSaysWhatToDo) {
    Service service(store(), clock_, {.timeout_ms = 0});
    const auto request = parse_request(kDifferentPages);
    ASSERT_TRUE(request.has_value());
    const auto late = service.run(*request, site(), [] { return ""; });
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, Code::kTimeout);
    for (const char* advice : {"shorter time range", "query.timeout"})
        EXPECT_NE(late.error().message.find(advice), std::string::npos) << late.error().message;
}

}  // namespace
}  // namespace footfall::query
