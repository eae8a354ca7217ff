// What brought a visitor at first and at last, asked of their sessions; and conversions by visitor. Rows are as the
// session processor writes them, merges are not waited for.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "query/query_engine_fixture.h"

namespace footfall::query {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;

class QueryTouchesTest : public QueryEngineTest {
protected:
    void SetUp() override {
        QueryEngineTest::SetUp();
        ASSERT_TRUE(store().execute({.sql = "SYSTEM STOP MERGES footfall.sessions"}).has_value());
    }
    void TearDown() override {
        ASSERT_TRUE(store().execute({.sql = "SYSTEM START MERGES footfall.sessions"}).has_value());
        QueryEngineTest::TearDown();
    }
    static SessionRow session(std::uint64_t key, std::uint64_t visitor, std::int64_t started,
                              const std::string& source) {
        return {.key = key,
                .visitor = visitor,
                .started = started,
                .ended = started,
                .pageviews = 1,
                .events = 1,
                .entry = "/",
                .exit = "/",
                .source = source,
                .channel = source.empty() ? "Direct" : "Referral"};
    }
    static SessionRow cancelled(SessionRow row) {
        row.sign = -1;
        return row;
    }
    static Visit event(const SessionRow& of, std::string page) {
        Visit visit;
        visit.ms = of.started;
        visit.visitor = of.visitor;
        visit.session = of.key;
        visit.page = std::move(page);
        visit.is_bot = of.is_bot;
        return visit;
    }
    Table ask_today(const std::string& rest) {
        return ask(R"({"website_id": "random", "time_range": "today", )" + rest + "}");
    }
};

TEST_F(QueryTouchesTest, TheFirstTouchIsThatOfAllSessionsOfTheVisitorWheneverTheyWere) {
    const std::int64_t t = kNow - kHour;
    SessionRow of_bot = session(9, 1, t - 50 * kDay, "Spam");
    of_bot.is_bot = true;
    SessionRow elsewhere = session(1, 1, t - 40 * kDay, "Elsewhere");
    elsewhere.site = "other";
    const std::vector<SessionRow> rows = {session(1, 1, t, ""),
                                          session(2, 1, t - 10 * kDay, "Bing"),
                                          session(3, 1, t - 20 * kDay, "Google"),
                                          session(4, 2, t, "X"),
                                          session(5, 3, t, ""),
                                          session(6, 3, t + kDay, "Later"),
                                          of_bot,
                                          elsewhere};
    ASSERT_NO_FATAL_FAILURE(insert_sessions(store(), rows));
    insert(store(), {event(rows[0], "/a"), event(rows[0], "/b"), event(rows[3], "/a"), event(rows[4], "/a")});
    EXPECT_EQ(ask_today(R"("metrics": ["visitors", "sessions", "pageviews"], "dimensions": ["first_source"])").rows,
              (Rows{{"", "1", "1", "1"}, {"Google", "1", "1", "2"}, {"X", "1", "1", "1"}}));
    EXPECT_EQ(ask_today(R"("metrics": ["visitors"], "dimensions": ["first_source", "source"])").rows,
              (Rows{{"", "", "1"}, {"Google", "", "1"}, {"X", "X", "1"}}));
    EXPECT_EQ(
        ask_today(
            R"("metrics": ["pageviews"], "dimensions": ["page"], "filters": [["first_source", "is", ["Google"]]])")
            .rows,
        (Rows{{"/a", "1"}, {"/b", "1"}}));
    EXPECT_EQ(
        ask_today(
            R"("metrics": ["sessions"], "dimensions": ["page"], "filters": [["first_channel", "is", ["Direct"]]])")
            .rows,
        (Rows{{"/a", "1"}}));
    EXPECT_EQ(ask(R"({"website_id": "random", "time_range": "all", "metrics": ["sessions"], "include_bots": true,
                      "dimensions": ["first_source"]})")
                  .rows,
              (Rows{{"Google", "3"}, {"", "1"}, {"Spam", "1"}, {"X", "1"}}));
}

TEST_F(QueryTouchesTest, ALateEventMakesAnotherSessionTheFirstAndWhatWasCancelledIsNone) {
    const std::int64_t t = kNow - kHour;
    const SessionRow today = session(1, 1, t, "Bing");
    const SessionRow before = session(2, 1, t - kDay, "Google");
    ASSERT_NO_FATAL_FAILURE(insert_sessions(store(), {today, before}));
    const std::string asked = R"("metrics": ["sessions", "visitors"], "dimensions": ["first_source"])";
    EXPECT_EQ(ask_today(asked).rows, (Rows{{"Google", "1", "1"}}));
    SessionRow earlier = before;
    earlier.started -= 60'000;
    earlier.source = "News";
    earlier.version = 2;
    ASSERT_NO_FATAL_FAILURE(insert_sessions(store(), {cancelled(before), earlier}));
    EXPECT_EQ(ask_today(asked).rows, (Rows{{"News", "1", "1"}}));
    // An erasure of events, or a verdict, may take it away whole.
    ASSERT_NO_FATAL_FAILURE(insert_sessions(store(), {cancelled(earlier)}));
    EXPECT_EQ(ask_today(asked).rows, (Rows{{"Bing", "1", "1"}}));
}

TEST_F(QueryTouchesTest, TheLastTouchIsTheSessionsOwnOrThatOfTheLastOneThatWasNotDirectFor90Days) {
    const std::int64_t t = kNow - kHour;
    ASSERT_NO_FATAL_FAILURE(insert_sessions(
        store(), {session(1, 1, t, ""), session(2, 1, t - kDay, ""), session(3, 1, t - 2 * kDay, "Bing"),
                  session(4, 1, t - 3 * kDay, "Google"), session(5, 2, t, "X"), session(6, 2, t - kDay, "Google"),
                  session(7, 3, t, ""), session(8, 3, t - 90 * kDay, "Edge"), session(9, 4, t, ""),
                  session(10, 4, t - 90 * kDay - 1, "Forgotten"), session(11, 5, t, ""),
                  session(12, 5, t + kHour / 2, "After")}));
    EXPECT_EQ(ask_today(R"("metrics": ["sessions"], "dimensions": ["last_source"])").rows,
              (Rows{{"", "2"}, {"After", "1"}, {"Bing", "1"}, {"Edge", "1"}, {"X", "1"}}));
    EXPECT_EQ(ask_today(R"("metrics": ["sessions", "visitors"], "dimensions": ["last_channel"])").rows,
              (Rows{{"Referral", "4", "4"}, {"Direct", "2", "2"}}));
    EXPECT_EQ(ask_today(R"("metrics": ["sessions"], "dimensions": ["first_source", "last_source"],
                          "filters": [["last_source", "is", ["Bing", "X"]]])")
                  .rows,
              (Rows{{"Google", "Bing", "1"}, {"Google", "X", "1"}}));
}

TEST_F(QueryTouchesTest, ConversionsByVisitorCountEachVisitorOnceAndNoSessionThatWasCancelled) {
    goals_ = {{.name = "Bought", .value = "/thanks"}, {.name = "Read", .value = "/blog"}};
    const std::int64_t t = kNow - 5 * kHour;
    const SessionRow one = session(1, 1, t, "Google");
    const SessionRow again = session(2, 1, t + 2 * kHour, "");
    const SessionRow looks = session(3, 2, t, "");
    // Was found to be a part of an earlier session.
    const SessionRow joined = session(4, 3, t, "Google");
    SessionRow mixed = session(5, 3, t - kHour / 4, "X");
    mixed.is_mixed = true;
    mixed.country = "DE";
    mixed.ended = t;
    mixed.pageviews = mixed.events = 2;
    mixed.version = 2;
    ASSERT_NO_FATAL_FAILURE(insert_sessions(store(), {one, again, looks, joined}));
    ASSERT_NO_FATAL_FAILURE(insert_sessions(store(), {cancelled(joined), mixed}));
    Visit in_france = event(mixed, "/blog");
    in_france.country = "FR";
    Visit in_germany = event(mixed, "/");
    in_germany.country = "DE";
    insert(store(), {event(one, "/thanks"), event(one, "/blog"), event(again, "/thanks"), event(looks, "/"), in_france,
                     in_germany});
    const std::string metrics = R"("metrics": ["converted_visitors", "visitor_conversion_rate", "conversions"])";
    EXPECT_EQ(ask_today(metrics).rows, (Rows{{"2", "66.66666666666667", "3"}}));
    const Table by_source = ask_today(metrics + R"(, "dimensions": ["source"], "order_by": [["source", "asc"]])");
    EXPECT_EQ(by_source.rows, (Rows{{"", "1", "50", "1"}, {"Google", "1", "100", "1"}, {"X", "1", "100", "1"}}));
    EXPECT_EQ(by_source.totals.at("converted_visitors"), "2") << "one came by Google and directly";
    EXPECT_EQ(ask_today(metrics + R"(, "dimensions": ["goal"], "order_by": [["goal", "asc"]])").rows,
              (Rows{{"Bought", "1", "33.333333333333336", "2"}, {"Read", "2", "66.66666666666667", "2"}}));
    const Table by_country = ask_today(metrics + R"(, "dimensions": ["country"], "order_by": [["country", "asc"]])");
    EXPECT_EQ(by_country.rows, (Rows{{"", "1", "50", "2"}, {"DE", "0", "0", "0"}, {"FR", "1", "100", "1"}}));
    EXPECT_EQ(by_country.totals.at("visitor_conversion_rate"), "66.66666666666667");
    const Table by_page = ask_today(metrics + R"(, "dimensions": ["page"], "order_by": [["page", "asc"]])");
    EXPECT_EQ(by_page.rows, (Rows{{"/", "0", "0", "0"}, {"/blog", "2", "100", "2"}, {"/thanks", "1", "100", "2"}}));
    EXPECT_EQ(ask_today(metrics + R"(, "filters": [["first_source", "is", ["Google"]]])").rows,
              (Rows{{"1", "100", "2"}}));
}

}  // namespace
}  // namespace footfall::query
