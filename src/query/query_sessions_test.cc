// Sessions in answers: from their table, beside events, by what only events have, and events by what only sessions
// have. Rows are as the session processor writes them: a changed session has its old row, that row's cancellation, and
// its new row, and merges are not waited for.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "query/query_engine_fixture.h"

namespace footfall::query {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kDay = 86'400'000;

class SessionsFixture : public QueryEngineTest {
protected:
    using Row = SessionRow;
    static void add(const std::vector<Row>& rows) { insert_sessions(store(), rows); }
    static Visit event(std::int64_t ms, std::uint64_t visitor, std::uint64_t session, std::string page,
                       std::string type = "pageview") {
        Visit visit;
        visit.ms = ms;
        visit.visitor = visitor;
        visit.session = session;
        visit.page = std::move(page);
        visit.type = std::move(type);
        return visit;
    }
    void TearDown() override {
        merges("START");
        QueryEngineTest::TearDown();
    }
    static void merges(const std::string& what) {
        const auto done = store().execute({.sql = "SYSTEM " + what + " MERGES footfall.sessions"});
        ASSERT_TRUE(done.has_value()) << done.error().message;
    }
    static constexpr std::int64_t kMidnight = kNow / kDay * kDay;  // UTC
    /// A session of two pageviews that begins so many minutes before midnight and ends so many after it.
    static Row over_midnight(std::uint64_t visitor, std::int64_t before, std::int64_t after, std::string entry,
                             std::string exit) {
        return {.key = 11 * visitor,
                .visitor = visitor,
                .started = kMidnight - before * kMinute,
                .ended = kMidnight + after * kMinute,
                .pageviews = 2,
                .events = 2,
                .entry = std::move(entry),
                .exit = std::move(exit)};
    }
    Table ask_today(const std::string& rest) {
        return ask(R"({"website_id": "random", "time_range": "today", )" + rest + "}");
    }
};

class QuerySessionsTest : public SessionsFixture {
protected:
    /// Three visitors of today: one who reads two pages and came from news, one who bounces after 12 engaged seconds,
    /// and one whose session's key was another before a late event joined it to an earlier one.
    void SetUp() override {
        SessionsFixture::SetUp();
        const std::int64_t t = kNow - 60 * kMinute;
        insert(store(),
               {event(t, 1, 11, "/a"), event(t + kMinute, 1, 11, "/b"), event(t, 2, 22, "/a"), event(t, 3, 33, "/a"),
                event(t + 20 * kMinute, 3, 34, "/c"), event(t + 10 * kMinute, 3, 33, "", "event")});
        const Row one{.key = 11,
                      .visitor = 1,
                      .started = t,
                      .ended = t,
                      .pageviews = 1,
                      .events = 1,
                      .entry = "/a",
                      .exit = "/a",
                      .source = "news",
                      .country = "DE"};
        Row gone = one;
        gone.sign = -1;
        Row grown = one;
        grown.ended = t + kMinute;
        grown.pageviews = grown.events = 2;
        grown.exit = "/b";
        grown.version = 2;
        const Row late{.key = 34,
                       .visitor = 3,
                       .started = t + 20 * kMinute,
                       .ended = t + 20 * kMinute,
                       .pageviews = 1,
                       .events = 1,
                       .entry = "/c",
                       .exit = "/c",
                       .source = "wrong"};
        Row joined_away = late;
        joined_away.sign = -1;
        // The engine cancels within an insert, and when it merges.
        merges("STOP");
        add({one, late});
        add({gone,
             grown,
             {.key = 22,
              .visitor = 2,
              .started = t,
              .ended = t,
              .pageviews = 1,
              .events = 1,
              .engaged = 12,
              .entry = "/a",
              .exit = "/a",
              .source = "",
              .country = "FR"},
             joined_away,
             {.key = 33,
              .visitor = 3,
              .started = t,
              .ended = t + 20 * kMinute,
              .pageviews = 2,
              .events = 3,
              .interactions = 1,
              .entry = "/a",
              .exit = "/c",
              .source = "Google",
              .country = "DE"},
             {.key = 99,
              .visitor = 9,
              .started = t,
              .ended = t,
              .pageviews = 1,
              .events = 1,
              .entry = "/bot",
              .exit = "/bot",
              .is_bot = true}});
        const auto aliased =
            store().insert("INSERT INTO footfall.session_alias FORMAT JSONEachRow",
                           R"({"website_id": "random", "old_key": 34, "new_key": 33, "log_offset": 5})");
        ASSERT_TRUE(aliased.has_value()) << aliased.error().message;
    }
};

TEST_F(QuerySessionsTest, MetricsOfSessionsAloneAndBesideThoseOfEvents) {
    const Table table = ask_today(
        R"("metrics": ["sessions", "bounce_rate", "session_duration", "visitors", "pageviews", "views_per_session"])");
    ASSERT_EQ(table.rows.size(), 1u);
    EXPECT_EQ(table.rows[0][0], "3");
    EXPECT_NEAR(std::stod(table.rows[0][1]), 100.0 / 3, 1e-9);
    EXPECT_NEAR(std::stod(table.rows[0][2]), (60 + 12 + 1200) / 3.0, 1e-9);
    EXPECT_EQ(table.rows[0][3], "3");
    EXPECT_EQ(table.rows[0][4], "5");
    EXPECT_NEAR(std::stod(table.rows[0][5]), 5.0 / 3, 1e-9);
}

TEST_F(QuerySessionsTest, ByWhatSessionsHave) {
    EXPECT_EQ(ask_today(R"("metrics": ["sessions", "pageviews"], "dimensions": ["country"])").rows,
              (Rows{{"DE", "2", "0"}, {"FR", "1", "0"}, {"", "0", "5"}}))
        << "the events of this test have no country, and each table gives its own";
    EXPECT_EQ(ask_today(R"("metrics": ["sessions"], "dimensions": ["exit_page"])").rows,
              (Rows{{"/a", "1"}, {"/b", "1"}, {"/c", "1"}}))
        << "what a session was before is no group";
    EXPECT_EQ(ask_today(R"("metrics": ["sessions"], "dimensions": ["entry_page"])").rows, (Rows{{"/a", "3"}}));
}

TEST_F(QuerySessionsTest, ByWhatOnlyEventsHave) {
    const Table table = ask_today(R"("metrics": ["sessions", "bounce_rate", "pageviews"], "dimensions": ["page"])");
    ASSERT_EQ(table.rows.size(), 4u);
    EXPECT_EQ(table.rows[0][0], "/a");
    EXPECT_EQ(table.rows[0][1], "3");
    EXPECT_NEAR(std::stod(table.rows[0][2]), 100.0 / 3, 1e-9);
    EXPECT_EQ(table.rows[0][3], "3");
    EXPECT_EQ(table.rows[1], (std::vector<std::string>{"", "1", "0", "0"})) << "the custom event's";
    EXPECT_EQ(table.rows[2], (std::vector<std::string>{"/b", "1", "0", "1"}));
    EXPECT_EQ(table.rows[3], (std::vector<std::string>{"/c", "1", "0", "1"})) << "under the key that it had before";
    EXPECT_EQ(table.totals.at("sessions"), "3") << "each once, on however many pages";
    EXPECT_EQ(ask_today(R"("metrics": ["sessions"], "filters": [["page", "is", ["/b", "/c"]]])").rows, (Rows{{"2"}}));
}

TEST_F(QuerySessionsTest, EventsByTheirSessionsSource) {
    const Table table = ask_today(R"("metrics": ["pageviews", "visitors", "sessions"], "dimensions": ["source"])");
    EXPECT_EQ(table.rows, (Rows{{"Google", "2", "1", "1"}, {"news", "2", "1", "1"}, {"", "1", "1", "1"}}));
    EXPECT_EQ(table.totals.at("pageviews"), "5");
    EXPECT_EQ(ask_today(R"("metrics": ["pageviews"], "filters": [["source", "is", ["Google"]]])").rows, (Rows{{"2"}}));
    EXPECT_EQ(ask_today(R"("metrics": ["pageviews", "sessions"], "dimensions": ["page"],
                          "filters": [["or", [["entry_page", "is", ["/x"]], ["exit_page", "is", ["/c"]]]]])")
                  .rows,
              (Rows{{"/a", "1", "1"}, {"/c", "1", "1"}, {"", "0", "1"}}));
}

TEST_F(QuerySessionsTest, VisitorsByWhatOnlySessionsHaveAreTheSameWithoutAJoin) {
    Row night = over_midnight(5, 20, 5, "/m", "/m");
    night.source = "news";
    add({night});
    insert(store(), {event(night.started, 5, 55, "/m"), event(night.ended, 5, 55, "/m")});
    for (const std::string dimension : {"source", "entry_page", "exit_page"}) {
        for (const std::string day : {"2026-11-05", "2026-11-06"}) {
            const std::string of_day = R"({"website_id": "random", "date_range": [")" + day + R"(", ")" + day +
                                       R"("], "order_by": [[")" + dimension + R"(", "asc"]], "dimensions": [")" +
                                       dimension + R"("], "metrics": ["visitors")";
            const Table alone = ask(of_day + "]}", "UTC");
            Table joined = ask(of_day + R"(, "pageviews"]})", "UTC");
            for (auto& row : joined.rows) row.pop_back();
            EXPECT_EQ(alone.rows, joined.rows) << dimension << " " << day;
            EXPECT_EQ(alone.totals.at("visitors"), joined.totals.at("visitors")) << dimension << " " << day;
        }
    }
    EXPECT_EQ(ask_today(R"("metrics": ["visitors"], "dimensions": ["source"])").rows,
              (Rows{{"news", "2"}, {"", "1"}, {"Google", "1"}}))
        << "a row that was cancelled is no session";
    EXPECT_EQ(ask_today(R"("metrics": ["visitors"], "filters": [["source", "is_set"]])").rows, (Rows{{"3"}}));
    EXPECT_EQ(ask_today(R"("metrics": ["visitors"], "dimensions": ["entry_page"], "include_bots": true)").rows,
              (Rows{{"/a", "3"}, {"/bot", "1"}, {"/m", "1"}}));
}

/// Today: one session is in two countries, with an event under a key that was joined to its own; one is in DE alone,
/// and one, in FR alone, was mixed for a moment (a row that is cancelled).
class MixedSessionsTest : public SessionsFixture {
protected:
    static Visit in(std::string country, Visit visit) {
        visit.country = std::move(country);
        return visit;
    }
    void SetUp() override {
        SessionsFixture::SetUp();
        const std::int64_t t = kNow - 60 * kMinute;
        insert(store(), {in("DE", event(t, 1, 11, "/a")), in("FR", event(t + kMinute, 1, 12, "/b")),
                         in("FR", event(t + 2 * kMinute, 1, 11, "/c")), in("DE", event(t, 2, 22, "/a")),
                         in("FR", event(t, 3, 33, "/a"))});
        const Row one{.key = 11,
                      .visitor = 1,
                      .started = t,
                      .ended = t + 2 * kMinute,
                      .pageviews = 3,
                      .events = 3,
                      .entry = "/a",
                      .exit = "/c",
                      .source = "news",
                      .country = "DE",
                      .version = 2,
                      .is_mixed = true};
        Row before = one;
        before.ended = t;
        before.exit = "/a";
        before.pageviews = before.events = 1;
        before.version = 1;
        before.is_mixed = false;
        Row gone = before;
        gone.sign = -1;
        const Row plain{.key = 22,
                        .visitor = 2,
                        .started = t,
                        .ended = t,
                        .pageviews = 1,
                        .events = 1,
                        .entry = "/a",
                        .exit = "/a",
                        .country = "DE"};
        Row french = plain;
        french.key = 33;
        french.visitor = 3;
        french.country = "FR";
        Row taken_back = french;
        taken_back.is_mixed = true;
        Row cancelled = taken_back;
        cancelled.sign = -1;
        merges("STOP");
        add({before, taken_back});
        add({gone, one, cancelled, plain, french});
        const auto aliased =
            store().insert("INSERT INTO footfall.session_alias FORMAT JSONEachRow",
                           R"({"website_id": "random", "old_key": 12, "new_key": 11, "log_offset": 5})");
        ASSERT_TRUE(aliased.has_value()) << aliased.error().message;
    }
    /// In DE before midnight, in FR after it.
    static void add_one_over_midnight() {
        Row night = over_midnight(4, 10, 10, "/a", "/b");
        night.source = "news";
        night.country = "DE";
        night.is_mixed = true;
        add({night});
        insert(store(),
               {in("DE", event(night.started, 4, night.key, "/a")), in("FR", event(night.ended, 4, night.key, "/b"))});
    }
    Table ask_day(const std::string& day, const std::string& rest) {
        return ask(R"({"website_id": "random", "date_range": [")" + day + R"(", ")" + day + R"("], )" + rest + "}",
                   "UTC");
    }
};

TEST_F(MixedSessionsTest, CountOnceForEachValueThatAnEventHasAndOnceInTheTotal) {
    const Table table = ask_today(R"("metrics": ["sessions", "bounce_rate", "pageviews"], "dimensions": ["country"])");
    EXPECT_EQ(table.rows, (Rows{{"DE", "2", "50", "2"}, {"FR", "2", "50", "3"}}));
    EXPECT_EQ(table.totals.at("sessions"), "3");
    EXPECT_EQ(ask_today(R"("metrics": ["sessions"], "dimensions": ["country"], "totals": false)").rows,
              (Rows{{"DE", "2"}, {"FR", "2"}}));
    EXPECT_EQ(ask_today(R"("metrics": ["sessions", "bounce_rate"])").rows[0][0], "3");
}

TEST_F(MixedSessionsTest, AFilterFindsThemByTheirEvents) {
    for (const std::string country : {"DE", "FR"}) {
        const std::string is = R"("metrics": ["sessions"], "filters": [["country", "is", [")" + country + R"("]])";
        EXPECT_EQ(ask_today(is + "]").rows, (Rows{{"2"}})) << country;
        EXPECT_EQ(ask_today(is + R"(, ["page", "is_set"]])").rows, (Rows{{"2"}})) << "a filter that changes nothing";
    }
    EXPECT_EQ(ask_today(R"("metrics": ["sessions"], "filters": [["country", "is_not", ["DE"]]])").rows, (Rows{{"2"}}));
    const Table by_entry =
        ask_today(R"("metrics": ["sessions"], "dimensions": ["entry_page"], "filters": [["country", "is", ["FR"]]])");
    EXPECT_EQ(by_entry.rows, (Rows{{"/a", "2"}})) << "what is the session's own stays";
    EXPECT_EQ(by_entry.totals.at("sessions"), "2");
    EXPECT_EQ(
        ask_today(R"("metrics": ["sessions"], "filters": [["country", "is", ["FR"]], ["source", "is_set"]])").rows,
        (Rows{{"1"}}));
}

TEST_F(MixedSessionsTest, VisitorsAreTheSameByTheSessionsAndByEachEvent) {
    add_one_over_midnight();
    const std::string shapes[] = {
        R"("dimensions": ["country"], "order_by": [["country", "asc"]])",
        R"("dimensions": ["country"], "order_by": [["country", "asc"]], "totals": false)",
        R"("filters": [["country", "is", ["FR"]]])",
        R"("filters": [["country", "is_not", ["FR"]]])",
        R"("filters": [["country", "is", ["FR"]], ["source", "is", ["news"]]])",
        R"("dimensions": ["source"], "filters": [["country", "is", ["FR"]]], "order_by": [["source", "asc"]])",
        R"("dimensions": ["country", "source"], "order_by": [["country", "asc"], ["source", "asc"]])",
        R"("dimensions": ["country"], "include_bots": true, "order_by": [["country", "asc"]])"};
    for (const std::string& shape : shapes) {
        for (const std::string day : {"2026-11-05", "2026-11-06"}) {
            SCOPED_TRACE(day + " " + shape);
            const Table by_sessions = ask_day(day, R"("metrics": ["visitors"], )" + shape);
            Table by_events = ask_day(day, R"("metrics": ["visitors", "events"], )" + shape);
            for (auto& row : by_events.rows) row.pop_back();
            EXPECT_EQ(by_sessions.rows, by_events.rows);
            by_events.totals.erase("events");
            EXPECT_EQ(by_sessions.totals, by_events.totals);
        }
    }
    EXPECT_EQ(ask_day("2026-11-05", R"("metrics": ["visitors"], "dimensions": ["country"])").rows, (Rows{{"DE", "1"}}))
        << "the other country's event is of the next day";
}

TEST_F(MixedSessionsTest, CountWhereTheyStartedWhicheverDayTheirEventsAreOf) {
    add_one_over_midnight();
    const std::string by_country = R"("metrics": ["sessions"], "dimensions": ["country"])";
    EXPECT_EQ(ask_day("2026-11-05", by_country).rows, (Rows{{"DE", "1"}, {"FR", "1"}}));
    EXPECT_EQ(ask_day("2026-11-06", by_country).rows, (Rows{{"DE", "2"}, {"FR", "2"}}));
    const Table both = ask(
        R"({"website_id": "random", "time_range": "7d", "metrics": ["sessions"], "dimensions": ["date", "country"]})",
        "UTC");
    EXPECT_EQ(both.rows, (Rows{{"2026-11-05", "DE", "1"},
                               {"2026-11-05", "FR", "1"},
                               {"2026-11-06", "DE", "2"},
                               {"2026-11-06", "FR", "2"}}));
    EXPECT_EQ(both.totals.at("sessions"), "4");
    EXPECT_EQ(ask(R"({"website_id": "random", "time_range": "7d", "metrics": ["sessions"], "dimensions": ["hour"],
                     "filters": [["country", "is", ["FR"]]]})",
                  "UTC")
                  .totals.at("sessions"),
              "3");
}

TEST_F(QuerySessionsTest, BotsSessionsAreThereWhenAskedFor) {
    EXPECT_EQ(ask_today(R"("metrics": ["sessions"], "include_bots": true)").rows, (Rows{{"4"}}));
}

TEST_F(QuerySessionsTest, RatiosOverNoSessionsAreNullAndCountsAreZero) {
    const Table table = ask(R"({"website_id": "random", "date_range": ["2020-01-01", "2020-01-02"],
        "metrics": ["sessions", "bounce_rate", "session_duration", "views_per_session"]})");
    EXPECT_EQ(table.rows, (Rows{{"0", "null", "null", "null"}}));
}

TEST_F(QuerySessionsTest, DaysOfSessionsAreThoseOfTheirStartAndAddUp) {
    add({over_midnight(5, 5, 5, "/m", "/m")});
    const Table table = ask(R"({"website_id": "random", "time_range": "7d", "metrics": ["sessions"],
                               "dimensions": ["date"], "filters": [["entry_page", "is", ["/m", "/a"]]]})",
                            "UTC");
    EXPECT_EQ(table.rows, (Rows{{"2026-11-05", "1"}, {"2026-11-06", "3"}}));
    EXPECT_EQ(table.totals.at("sessions"), "4");
}

TEST_F(QuerySessionsTest, ExplainGivesTheStatementAndItsRows) {
    const auto text = answer(R"({"website_id": "random", "time_range": "today", "explain": true,
                                "metrics": ["sessions", "visitors"], "dimensions": ["page", "source"]})",
                             "UTC");
    ASSERT_TRUE(text.has_value()) << text.error().message;
    EXPECT_NE(text->find("footfall.sessions"), std::string::npos);
}

}  // namespace
}  // namespace footfall::query
