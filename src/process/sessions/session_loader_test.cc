// Sessions as the loader writes them into the real table: those of the definition, whatever is interrupted and whenever
// the events come.
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include <csignal>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/metrics.h"
#include "process/loader.h"
#include "process/process_fixture.h"
#include "process/sessions/session_reference.h"

namespace footfall::process {
namespace {

using testing::ElementsAre;

// Of SessionAttributes::values().
constexpr std::size_t kSource = 3;

class SessionLoaderTest : public ProcessTest {
protected:
    void TearDown() override { loader_.reset(); }

    void start() {
        loader_ = std::make_unique<Loader>(*log_, store(), clock_,
                                           LoaderOptions{.checkpoint_path = folder_ / "loader",
                                                         .undo_path = folder_ / "undo",
                                                         .interval_ms = 1,
                                                         .rows_max = 10,
                                                         .bytes_max = 1 << 20});
        loader_->start();
    }
    void load_and_stop() {
        start();
        const Status loaded = loader_->wait_loaded(log_->end(), 60'000);
        EXPECT_TRUE(loaded) << loaded.error().message;
        loader_.reset();
    }
    static std::string session_of(const std::string& values) {
        const auto rows =
            ask("SELECT " + values + " FROM footfall.sessions GROUP BY ALL HAVING sum(sign) > 0 ORDER BY ALL");
        return rows.size() == 1 ? rows[0] : std::to_string(rows.size()) + " rows";
    }
    static void expect_no_row_doubled_or_cancelled_twice() {
        EXPECT_THAT(ask("SELECT count() FROM (SELECT sum(sign) AS n FROM footfall.sessions "
                        "GROUP BY website_id, session_key HAVING n NOT IN (0, 1))"),
                    ElementsAre("0"));
        // The rows of a session cancel each other whole: what is left is one state, not the sum of parts of two.
        EXPECT_THAT(
            ask("SELECT count() FROM (SELECT sum(sign) AS n FROM footfall.sessions "
                "GROUP BY website_id, visitor_id, is_bot, session_key, started_at, ended_at, pageviews, events, "
                "interactions, engaged, entry_page, exit_page, source, version HAVING n NOT IN (0, 1))"),
            ElementsAre("0"));
    }

    std::unique_ptr<Loader> loader_;
};

TEST_F(SessionLoaderTest, ASessionGrowsFromBatchToBatchAndIsOneRow) {
    append({event_at(kNow, "/a")});
    load_and_stop();
    EXPECT_EQ(session_of("pageviews, entry_page, exit_page"), "1 /a /a");
    append({event_at(kNow + kMinute, "/b")});
    load_and_stop();
    append({event_at(kNow + 2 * kMinute, "/c", "event")});
    load_and_stop();
    EXPECT_EQ(session_of("pageviews, events, interactions, entry_page, exit_page, "
                         "dateDiff('second', started_at, ended_at) AS duration"),
              "2 3 1 /a /b 120");
    EXPECT_THAT(ask("SELECT uniqExact(session_key) FROM footfall.events"), ElementsAre("1"));
    expect_no_row_doubled_or_cancelled_twice();
}

TEST_F(SessionLoaderTest, EventsOfOtherTypesAreInNone) {
    append({event_at(kNow, "/a"), event_at(kNow, "", "ping"), event_at(kNow, "", "identify")});
    load_and_stop();
    EXPECT_THAT(ask("SELECT event_type, session_key = 0 FROM footfall.events ORDER BY event_type"),
                ElementsAre("identify 1", "pageview 0", "ping 1"));
}

TEST_F(SessionLoaderTest, SessionsAreRebuiltWithTheTableFromTheLog) {
    append({event_at(kNow, "/a"), event_at(kNow + kMinute, "/b"), event_at(kNow, "/c", "pageview", 2)});
    load_and_stop();
    execute("TRUNCATE TABLE footfall.sessions");
    std::filesystem::remove(folder_ / "loader");
    load_and_stop();
    EXPECT_THAT(ask("SELECT entry_page, exit_page, sum(sign) FROM footfall.sessions GROUP BY ALL HAVING sum(sign) > 0 "
                    "ORDER BY ALL"),
                ElementsAre("/a /b 1", "/c /c 1"));
}

TEST_F(SessionLoaderTest, R2ASessionSurvivesAMergeOfRowsBeyondTheCheckpoint) {
    for (const bool has_undo : {true, false}) {
        append({event_at(kNow, "/a")});
        load_and_stop();
        const std::string checkpoint = read_file(folder_ / "loader").value();
        append({event_at(kNow + kMinute, "/b")});
        load_and_stop();
        // As if it had died before the checkpoint, and a merge had joined the first row with the one that cancels it.
        ASSERT_TRUE(write_file_atomically(folder_ / "loader", checkpoint));
        execute("OPTIMIZE TABLE footfall.sessions FINAL");
        if (!has_undo) std::filesystem::remove(folder_ / "undo");
        append({event_at(kNow + 2 * kMinute, "/c")});
        load_and_stop();
        const std::uint64_t times = has_undo ? 1 : 2;
        EXPECT_EQ(session_of("pageviews, entry_page, exit_page"), fmt::format("{} /a /c", 3 * times));
        EXPECT_THAT(ask("SELECT uniqExact(session_key), count() FROM footfall.events"),
                    ElementsAre(fmt::format("1 {}", 3 * times)));
        expect_no_row_doubled_or_cancelled_twice();
    }
}

// Which a start brings into memory again, with the times by which it is judged.
TEST_F(SessionLoaderTest, APingCountsAcrossAStartBeforeItsPageviewAndAfterIt) {
    const auto view = event_at(kNow, "/a");
    const auto ping_of = [&](std::int64_t later, float seconds) {
        auto ping = event_at(kNow + later, "", "ping");
        ping.pageview_id = view.event_id;
        ping.time_on_page = seconds;
        return ping;
    };
    append({ping_of(0, 12), ping_of(0, 7)});
    load_and_stop();
    append({view});
    load_and_stop();
    EXPECT_EQ(session_of("toInt64(engaged)"), "12");
    append({ping_of(2 * 60 * kMinute, 90)});
    load_and_stop();
    EXPECT_EQ(session_of("toInt64(engaged)"), "90");
    expect_no_row_doubled_or_cancelled_twice();
}

TEST_F(SessionLoaderTest, AClockThatWasAheadAndIsSetRightLeavesNothingInMemory) {
    const auto visitors_at = [](std::int64_t time, std::uint64_t first) {
        std::vector<event::Event> events;
        for (std::uint64_t i = 0; i < 20; ++i) {
            events.push_back(event_at(time, "/", "pageview", first + i));
            events.back().received_at = time;
        }
        return events;
    };
    const auto hours = [](int n) { return n * 60 * kMinute; };
    append(visitors_at(kNow + hours(24), 100));
    start();
    ASSERT_TRUE(loader_->wait_loaded(log_->end(), 60'000));
    for (int hour = 0; hour < 5; ++hour) {
        append(visitors_at(kNow + hours(hour), 1'000 * (1 + static_cast<std::uint64_t>(hour))));
        ASSERT_TRUE(loader_->wait_loaded(log_->end(), 60'000));
    }
    EXPECT_LE(metrics::gauge("footfall_loader_sessions", "").value(), 60)
        << "those of the last hour, and those of the hour that has not come";
    EXPECT_THAT(ask("SELECT sum(sign) FROM footfall.sessions"), ElementsAre("120"));
    loader_.reset();
}

// The points at which the loader dies or fails, between the parts of what it writes for a batch. Failpoints are read
// from the environment at their first use, so the loader that meets one runs in a process of its own.
class SessionLoaderFaultTest : public SessionLoaderTest, public testing::WithParamInterface<const char*> {
protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        (void)failpoint("loader.none");
        SessionLoaderTest::SetUp();
    }
    void TearDown() override {
        ::unsetenv("FOOTFALL_FAILPOINTS");
        SessionLoaderTest::TearDown();
    }
    [[noreturn]] void load_and_exit() {
        load_and_stop();
        std::_Exit(HasFailure() ? 1 : 0);
    }
};
INSTANTIATE_TEST_SUITE_P(Points, SessionLoaderFaultTest,
                         testing::Values("loader.before_insert=abort@7", "loader.after_insert=abort@7",
                                         "sessions.before_insert=abort@7", "sessions.before_aliases=abort@7",
                                         "loader.checkpoint=abort@7", "loader.after_insert=error@7",
                                         "sessions.before_insert=error@7", "sessions.before_aliases=error@7",
                                         "loader.checkpoint=error@7"),
                         [](const auto& point) {
                             std::string name = point.param;
                             std::replace_if(
                                 name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
                             return name;
                         });

TEST_P(SessionLoaderFaultTest, R2R19TheTablesSayWhatTheDefinitionSays) {
    const char* given = std::getenv("SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::vector<event::Event> events;
    if (!is_death_child()) {
        std::cout << "SEED=" << seed << "\n";
        std::mt19937_64 random(seed);
        events = random_events(random, 220);
        append(events);
        log_.reset();
    }
    ::setenv("FOOTFALL_FAILPOINTS", GetParam(), 1);
    if (std::string_view(GetParam()).find("abort") != std::string_view::npos) {
        EXPECT_EXIT(load_and_exit(), testing::KilledBySignal(SIGKILL), "");
    } else {
        EXPECT_EXIT(load_and_exit(), testing::ExitedWithCode(0), "loader.retry");
    }
    ::unsetenv("FOOTFALL_FAILPOINTS");
    if (seed % 2 == 0) execute("OPTIMIZE TABLE footfall.sessions FINAL");
    ASSERT_NO_FATAL_FAILURE(open_log());
    load_and_stop();

    expect_no_row_doubled_or_cancelled_twice();
    const auto rows = ask(
        "SELECT website_id, session_key, pageviews, events, interactions, toUnixTimestamp64Milli(started_at), "
        "toUnixTimestamp64Milli(ended_at), entry_page, '>', exit_page, source, '>', toInt64(engaged), "
        "toUInt8(is_mixed), toUnixTimestamp64Milli(open_until), '>', "
        "arrayStringConcat(arrayMap((k, v) -> concat(k, '=', toString(v)), mapKeys(revenue), mapValues(revenue)), ',') "
        "FROM footfall.sessions GROUP BY ALL HAVING sum(sign) > 0");
    const std::set<std::string> found(rows.begin(), rows.end());
    EXPECT_EQ(found.size(), rows.size());
    // Each event's key, after those that were joined to another.
    const auto keys = ask(
        "SELECT if(a.new_key != 0, a.new_key, e.session_key) FROM footfall.events AS e LEFT JOIN (SELECT website_id, "
        "old_key, argMax(new_key, log_offset) AS new_key FROM footfall.session_alias GROUP BY website_id, old_key) AS "
        "a ON a.website_id = e.website_id AND a.old_key = e.session_key ORDER BY e.log_offset");
    ASSERT_EQ(keys.size(), events.size());
    const auto expected = naive(events);
    EXPECT_EQ(found.size(), expected.size());
    std::size_t joined = 0;
    for (const ExpectedSession& session : expected) {
        std::set<std::string> of_events;
        for (const std::size_t place : session.events) of_events.insert(keys[place]);
        ASSERT_EQ(of_events.size(), 1u) << "one session, one key";
        const auto& first = events[session.events.front()];
        Revenue revenue;
        for (const auto& [currency, amount] : session.revenue) revenue.add(currency, amount);
        const std::string row = fmt::format(
            "{} {} {} {} {} {} {} {} > {} {} > {} {} {} > {}", first.website_id, *of_events.begin(), session.pageviews,
            session.events.size(), session.interactions, session.started_at, session.ended_at, session.entry_page,
            session.exit_page, session.attributes.values()[kSource], static_cast<std::int64_t>(session.engaged),
            session.is_mixed ? 1 : 0, session.open_until, revenue.text());
        EXPECT_TRUE(found.contains(row)) << row;
        joined += session.events.size() > 1 ? 1 : 0;
    }
    EXPECT_GT(joined, 5u);

    // The audit, which folds the log in one go and sees the rows as they are, says the same.
    const auto hold = [this]() -> Result<TablesHeld> {
        return TablesHeld{.position = log_->end(), .is_intact = [] { return true; }, .hold = nullptr};
    };
    const auto report = run_audit(*log_, store(), log_->end(), hold, "", {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->ok()) << report->text();
}

}  // namespace
}  // namespace footfall::process
