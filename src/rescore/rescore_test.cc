// Verdicts that become today's, against a real log, store and loader: what comes of it is what a server would have that
// had judged so from the beginning.
#include "rescore/rescore.h"

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "process/audit.h"
#include "process/process_fixture.h"
#include "process/sessions/session_reference.h"

namespace footfall::rescore {
namespace {

using process::event_at;
using process::kMinute;
using process::kNow;
using testing::ElementsAre;

constexpr std::int64_t kNoEnd = 4'102'444'800'000;

class RescoreTest : public process::ProcessTest {
protected:
    void SetUp() override {
        ProcessTest::SetUp();
        if (is_death_child()) return;
        start();
    }
    void TearDown() override {
        rescorer_.reset();
        loader_.reset();
    }

    void start() {
        rescorer_.reset();
        loader_ = std::make_unique<process::Loader>(*log_, store(), clock_,
                                                    process::LoaderOptions{.checkpoint_path = folder_ / "loader",
                                                                           .undo_path = folder_ / "undo",
                                                                           .interval_ms = 1,
                                                                           .rows_max = 40});
        rescorer_ = std::make_unique<Rescorer>(
            *log_, store(), *loader_, clock_, RescorerOptions{.data_dir = folder_.path(), .visitors_max = 1'000},
            [] { return Judge(judge); }, [this] { ++remade_; });
        loader_->start();
    }
    void wait_loaded() {
        const Status loaded = loader_->wait_loaded(log_->end(), 60'000);
        ASSERT_TRUE(loaded) << loaded.error().message;
    }
    /// The lists of today: an agent whose name begins so is a bot, and the lists that it had been judged by say
    /// nothing.
    static event::Verdict judge(const event::Event& stored) {
        if (stored.user_agent.starts_with("Crawler")) return {"ua:crawler-list", "today", "bot"};
        if (stored.user_agent.starts_with("Spam")) return {"referrer:spam", "today", stored.device_type};
        if (stored.user_agent.starts_with("Browser"))
            return {"", "today", stored.device_type == "bot" ? "desktop" : stored.device_type};
        return {stored.bot_reason, "today", stored.device_type};
    }
    /// As the lists of then judged it.
    static void judge_then(event::Event& event, std::string_view agent, bool is_bot) {
        event.user_agent = agent;
        event.is_bot = is_bot;
        event.bot_reason = is_bot ? "ua:then" : "";
        event.bot_lists = "then";
        event.device_type = is_bot ? "bot" : "desktop";
    }
    static event::Event judged_today(event::Event event) {
        const event::Verdict verdict = judge(event);
        if (verdict.bot_reason == event.bot_reason) return event;
        event.bot_reason = verdict.bot_reason;
        event.is_bot = !verdict.bot_reason.empty();
        event.bot_lists = verdict.bot_lists;
        event.device_type = verdict.device_type;
        return event;
    }
    /// Events whose verdicts of then and of today are equal and are not.
    static std::vector<event::Event> some_events(unsigned seed, std::size_t count) {
        static const char* const agents[] = {"Crawler/1", "Spam/1", "Browser/1", "Browser/2", "", "Other/1"};
        std::mt19937_64 random(seed);
        std::vector<event::Event> events = process::random_events(random, count);
        std::map<std::string, const event::Event*> views;
        for (event::Event& event : events) {
            judge_then(event, agents[random() % std::size(agents)], event.is_bot);
            // A ping is sent by whoever sent its pageview.
            const auto view = views.find(event.pageview_id.text());
            if (view != views.end()) judge_then(event, view->second->user_agent, view->second->is_bot);
            views.emplace(event.event_id.text(), &event);
        }
        return events;
    }
    void append_all(const std::vector<event::Event>& events) {
        for (std::size_t i = 0; i < events.size(); i += 5)
            append({events.begin() + static_cast<std::ptrdiff_t>(i),
                    events.begin() + static_cast<std::ptrdiff_t>(std::min(i + 5, events.size()))});
    }
    static Request request(std::vector<std::string> sites = {"one", "site", "two"}) {
        return {.sites = std::move(sites), .since_ms = 0, .until_ms = kNoEnd};
    }
    Report rescore(const Request& asked = request()) {
        const auto report = rescorer_->rescore(asked, log::ErasurePace::kAtOnce);
        EXPECT_TRUE(report) << report.error().message;
        EXPECT_FALSE(rescorer_->is_remaking());
        EXPECT_FALSE(path_exists(folder_ / "rescore.pending"));
        return report.value_or(Report{});
    }
    void audit() {
        const auto hold = [this] { return loader_->hold(10'000); };
        const auto report = process::run_audit(*log_, store(), log_->end(), hold, "", {});
        ASSERT_TRUE(report) << report.error().message;
        EXPECT_TRUE(report->ok()) << report->text();
    }
    /// What the tables are of a log with these events. Another log takes the place of the test's.
    std::vector<std::string> rows_of(const std::vector<event::Event>& events) {
        rescorer_.reset();
        loader_.reset();
        log_.reset();
        for (const char* name : {"/log", "/loader", "/undo"}) std::filesystem::remove_all(folder_.path() + name);
        for (const char* table : {"events", "sessions", "session_alias"})
            execute("TRUNCATE TABLE footfall." + std::string(table));
        open_log();
        append_all(events);
        start();
        wait_loaded();
        return all_rows();
    }

    std::unique_ptr<process::Loader> loader_;
    std::unique_ptr<Rescorer> rescorer_;
    int remade_ = 0;
};

TEST_F(RescoreTest, ItIsAsIfTheyHadBeenJudgedSoFromTheBeginning) {
    std::vector<event::Event> events = some_events(1, 800);
    append_all(events);
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    const std::vector<std::string> before = all_rows();
    const Report report = rescore();
    EXPECT_GT(report.events, 100u);
    EXPECT_GT(report.segments, 1u);
    EXPECT_EQ(remade_, 1);
    EXPECT_EQ(rescorer_->remakes(), 1u);
    ASSERT_NO_FATAL_FAILURE(audit());
    const std::vector<std::string> after = all_rows();
    EXPECT_NE(after, before);
    EXPECT_THAT(ask("SELECT count() FROM footfall.events WHERE bot_lists = 'today'"),
                ElementsAre(std::to_string(report.events)))
        << "of those that stay bots or people the lists of then tell";
    // A second one finds nothing to do.
    const Report again = rescore();
    EXPECT_EQ(again.events + again.segments + again.rows, 0u);
    EXPECT_EQ(remade_, 1);
    EXPECT_EQ(rescorer_->remakes(), 1u) << "nobody had to wait";
    EXPECT_EQ(all_rows(), after);

    for (event::Event& event : events) event = judged_today(event);
    EXPECT_EQ(rows_of(events), after);
}

TEST_F(RescoreTest, WhatComesLaterGoesOnFromTheSessionsOfToday) {
    std::vector<event::Event> events = some_events(2, 300);
    append_all(events);
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    rescore();
    std::vector<event::Event> later = some_events(3, 300);
    for (event::Event& event : later) {
        event.timestamp += 60 * kMinute;
        event.received_at += 1'200 * kMinute;
        event = judged_today(event);
    }
    append_all(later);
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    ASSERT_NO_FATAL_FAILURE(audit());
    const std::vector<std::string> after = all_rows();
    for (event::Event& event : events) event = judged_today(event);
    events.insert(events.end(), later.begin(), later.end());
    EXPECT_EQ(rows_of(events), after);
}

TEST_F(RescoreTest, SessionsAreSplitAndJoined) {
    std::vector<event::Event> events;
    for (int i = 0; i < 3; ++i) {
        events.push_back(event_at(kNow + i * 20 * kMinute, "/"));
        judge_then(events.back(), i == 1 ? "Crawler/1" : "Browser/1", false);
    }
    // Another visitor's, two sessions that a bot's event in the middle was not part of.
    for (int i = 0; i < 3; ++i) {
        events.push_back(event_at(kNow + i * 20 * kMinute, "/", "pageview", 2));
        judge_then(events.back(), "Browser/1", i == 1);
    }
    append_all(events);
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    const std::string sessions =
        "SELECT visitor_id, toUInt8(is_bot), sum(sign), sum(sign * events) FROM footfall.sessions GROUP BY ALL "
        "ORDER BY ALL";
    EXPECT_THAT(ask(sessions), ElementsAre("1 0 1 3", "2 0 2 2", "2 1 1 1"));
    const Report report = rescore();
    EXPECT_EQ(report.events, 2u);
    EXPECT_EQ(report.visitors, 2u);
    EXPECT_EQ(report.rows, 6u);
    EXPECT_EQ(report.sessions_before, 4u);
    EXPECT_EQ(report.sessions, 4u);
    EXPECT_THAT(ask(sessions), ElementsAre("1 0 2 2", "1 1 1 1", "2 0 1 3"));
    EXPECT_THAT(ask("SELECT bot_reason, device_type, count() FROM footfall.events GROUP BY ALL ORDER BY ALL"),
                ElementsAre("desktop 5", "ua:crawler-list bot 1"));
    ASSERT_NO_FATAL_FAILURE(audit());
}

TEST_F(RescoreTest, OnlyTheSitesAndTimesThatAreAskedForAreJudged) {
    const std::vector<event::Event> events = some_events(4, 400);
    append_all(events);
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    Request asked = request({"one"});
    asked.since_ms = process::kSessionsNow + 200 * kMinute;
    asked.until_ms = process::kSessionsNow + 500 * kMinute;
    rescore(asked);
    std::size_t others = 0;
    for (const std::string& row :
         ask("SELECT count() FROM footfall.events WHERE bot_lists = 'today' AND (website_id != 'one' OR "
             "toUnixTimestamp64Milli(timestamp) < " +
             std::to_string(asked.since_ms) +
             " OR toUnixTimestamp64Milli(timestamp) >= " + std::to_string(asked.until_ms) + ")"))
        others += std::stoull(row);
    EXPECT_EQ(others, 0u);
    EXPECT_NE(ask("SELECT count() FROM footfall.events WHERE bot_lists = 'today'"), std::vector<std::string>{"0"});
    ASSERT_NO_FATAL_FAILURE(audit());
}

TEST_F(RescoreTest, WhatComesMeanwhileIsCountedOnce) {
    append_all(some_events(5, 200));
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    std::atomic<bool> done{false};
    std::uint64_t sent = 200;
    std::thread sending([&] {
        std::int64_t at = process::kSessionsNow + 2'000 * kMinute;
        while (!done || sent < 400) {
            event::Event event = event_at(at += 1'000, "/", "pageview", 1 + sent % 5);
            event.website_id = sent % 2 == 0 ? "one" : "two";
            event.received_at = at;
            judge_then(event, sent % 3 == 0 ? "Crawler/1" : "Browser/1", sent % 7 == 0);
            const std::uint64_t at_offset = append({event});
            // Not faster than the loader, of whose lag nothing is to be seen here.
            if (++sent % 20 != 0) continue;
            EXPECT_TRUE(loader_->wait_loaded({0, at_offset}, 60'000));
        }
    });
    std::uint64_t events = 0;
    for (int i = 0; i < 4; ++i) events += rescore().events;
    done = true;
    sending.join();
    EXPECT_GT(events, 50u);
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    ASSERT_NO_FATAL_FAILURE(audit());
    rescore();
    ASSERT_NO_FATAL_FAILURE(audit());
    EXPECT_THAT(ask("SELECT count() FROM footfall.events"), ElementsAre(std::to_string(sent)));
}

TEST_F(RescoreTest, WhatADeathLeftHalfDoneTheNextStartDoes) {
    std::vector<event::Event> events = some_events(6, 300);
    append_all(events);
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    // Dead behind the log, amid the rows: only the file tells whose they are.
    Begun begun{.request = request({"one", "site", "two"}),
                .visitors = {.sites = {"one", "two"}, .ids = {1, 2, 3, 4, 5}}};
    begun.request.end = log_->end().offset;
    rescorer_.reset();
    loader_.reset();
    ASSERT_TRUE(Pending(folder_ / "rescore.pending").write(begun));
    const auto read = Pending(folder_ / "rescore.pending").read();
    ASSERT_TRUE(read && *read) << (read ? "none" : read.error().message);
    EXPECT_EQ((*read)->request.end, begun.request.end);
    EXPECT_EQ((*read)->visitors, begun.visitors);
    event::RecordReader records;
    ASSERT_TRUE(log_->rewrite(
        {},
        [&](const log::StoredEntry& entry) -> Result<std::optional<log::Rewritten>> {
            const event::Event event = *records.read(entry.payload);
            if (judge(event).bot_reason == event.bot_reason) return std::optional<log::Rewritten>();
            return std::optional<log::Rewritten>({entry.kind, *event::with_verdict(entry.payload, judge(event))});
        },
        log::ErasurePace::kAtOnce));
    execute("TRUNCATE TABLE footfall.session_alias");
    execute("TRUNCATE TABLE footfall.sessions");
    execute("ALTER TABLE footfall.events DELETE WHERE visitor_id = 3 SETTINGS mutations_sync = 1");
    start();
    ASSERT_TRUE(rescorer_->is_pending().value());
    rescorer_->expect_resume();
    const Status resumed = rescorer_->resume();
    ASSERT_TRUE(resumed) << resumed.error().message;
    EXPECT_FALSE(rescorer_->is_pending().value());
    EXPECT_FALSE(rescorer_->is_remaking());
    ASSERT_NO_FATAL_FAILURE(audit());
    const std::vector<std::string> after = all_rows();
    for (event::Event& event : events) event = judged_today(event);
    EXPECT_EQ(rows_of(events), after);
}

TEST_F(RescoreTest, MoreVisitorsThanThereMayBeAreRefusedAndNothingChanges) {
    std::vector<event::Event> events;
    for (std::uint64_t visitor = 0; visitor < 1'200; ++visitor) {
        events.push_back(event_at(kNow, "/", "pageview", visitor));
        judge_then(events.back(), "Crawler/1", false);
    }
    append_all(events);
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    const auto refused = rescorer_->rescore(request(), log::ErasurePace::kAtOnce);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kTooLarge);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("--since"));
    EXPECT_THAT(ask("SELECT count() FROM footfall.events WHERE is_bot"), ElementsAre("0"));
    EXPECT_FALSE(rescorer_->is_pending().value());
}

TEST_F(RescoreTest, AStopEndsWhatIsUnderWayAndItStaysPending) {
    append_all(some_events(7, 100));
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    ASSERT_TRUE(Pending(folder_ / "rescore.pending").write({.request = request(), .visitors = {}}));
    rescorer_->stop();
    const Status stopped = rescorer_->resume();
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, Code::kUnavailable);
    EXPECT_TRUE(rescorer_->is_pending().value());
    ASSERT_TRUE(write_file_atomically(folder_ / "rescore.pending", "{\"sites\":[]"));
    EXPECT_EQ(rescorer_->resume().error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace footfall::rescore
