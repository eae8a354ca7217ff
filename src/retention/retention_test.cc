// Retention against a real log, store and loader: what is left is what the log without the expired would have made.
#include "retention/retention.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/audit.h"
#include "process/erased.h"
#include "process/process_fixture.h"

namespace footfall::retention {
namespace {

using process::kDay;
using process::kNow;
using process::numbered;
using testing::ElementsAre;

constexpr std::int64_t kMinute = 60'000;

TEST(RetentionDays, AreThoseOfTheCalendar) {
    const auto text = [](int year, int month, int day, int months) {
        return query::day_text(first_kept_day(query::Day(year, month, day), months));
    };
    EXPECT_EQ(text(2026, 11, 28, 14), "2025-09-28");
    EXPECT_EQ(text(2026, 1, 1, 1), "2025-12-01");
    EXPECT_EQ(text(2026, 3, 31, 1), "2026-02-28") << "the last day of a month that has no such day";
    EXPECT_EQ(text(2024, 3, 30, 1), "2024-02-29");
    EXPECT_EQ(text(2026, 5, 31, 120), "2016-05-31");
}

class RetentionTest : public process::ProcessTest {
protected:
    void SetUp() override {
        ProcessTest::SetUp();
        auto opened = catalog::Catalog::open(folder_ / "catalog.db", clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        catalog_ = std::move(*opened);
        for (const char* id : {"site", "other"})
            ASSERT_TRUE(catalog_->add_site(id, "site.example", "UTC", id, {}, {}, id == std::string("site") ? 1 : 0));
        start();
    }
    void TearDown() override {
        retention_.reset();
        loader_.reset();
    }
    void start() {
        retention_.reset();
        loader_ = std::make_unique<process::Loader>(*log_, store(), clock_,
                                                    process::LoaderOptions{.checkpoint_path = folder_ / "loader",
                                                                           .undo_path = folder_ / "undo",
                                                                           .interval_ms = 1,
                                                                           .rows_max = 50});
        kept_days_ = std::make_unique<KeptDays>(store(), *log_, [this](const std::vector<std::string>& entries) {
            for (const std::string& entry : entries) append_entry(log::EntryKind::kKeptDay, entry);
            return Status();
        });
        RetentionOptions options;
        options.sum_up = [this](const std::string&, const query::Zone&, std::int64_t) -> Status {
            if (!may_sum_up_) return Error(Code::kUnavailable, "not now");
            if (std::exchange(restarts_when_summed_up_, false)) loader_->store_restarted();
            return {};
        };
        options.expiring = [this](const std::string& site, std::int64_t before_ms) {
            expiring_.push_back(site + " " + std::to_string(before_ms));
        };
        retention_ = std::make_unique<Retention>(*log_, store(), *catalog_, *loader_, *kept_days_, changing_, clock_,
                                                 std::move(options));
        loader_->start();
    }
    void wait_loaded() {
        const Status loaded = loader_->wait_loaded(log_->end(), 60'000);
        ASSERT_TRUE(loaded) << loaded.error().message;
        ASSERT_TRUE(process::eventually([this] { return loader_->state().is_caught_up; }));
    }
    event::Event at(std::uint64_t number, std::int64_t timestamp, std::uint64_t visitor,
                    std::string_view site = "site") {
        event::Event event = numbered(number, timestamp);
        event.received_at = std::min(kNow, timestamp + kMinute);
        event.visitor_id = visitor;
        event.website_id = site;
        return event;
    }
    Report run() {
        wait_loaded();
        const auto report = retention_->run();
        EXPECT_TRUE(report) << report.error().message;
        return report.value_or(Report{});
    }
    process::AuditRow audited(const std::string& site, const std::string& table) {
        const auto hold = [this] { return loader_->hold(10'000); };
        const auto report = process::run_audit(*log_, store(), log_->end(), hold, "", {});
        EXPECT_TRUE(report) << report.error().message;
        if (!report) return {};
        EXPECT_TRUE(report->ok()) << report->text();
        for (const process::AuditRow& row : report->rows)
            if (row.site_id == site && row.table == table) return row;
        return {};
    }
    std::uint64_t append_sample(std::int64_t received_at) {
        return append_entry(
            log::EntryKind::kRejected,
            R"({"website_id":"site","tracking_id":"site","received_at":)" + std::to_string(received_at) +
                R"(,"field":"data.page","reason":"missing","event":"{\"type\":\"pageview\"}","is_cut":false,)" +
                R"("user_agent":"","key_site_id":""})");
    }
    std::vector<std::string> tombstones() const {
        std::vector<std::string> out;
        auto reader = log_->reader(log_->begin());
        EXPECT_TRUE(reader);
        std::vector<log::StoredEntry> entries;
        do {
            entries.clear();
            EXPECT_TRUE((*reader)->read(entries, 1'000, 1 << 20));
            for (const log::StoredEntry& entry : entries)
                if (entry.kind == log::EntryKind::kErased)
                    out.push_back(std::to_string(entry.position.offset) + " " + std::string(entry.payload));
        } while (!entries.empty());
        return out;
    }
    const catalog::Retention kept(const std::string& site) { return catalog_->snapshot()->site(site)->retention; }

    /// 2026-10-24T00:00:00Z: a month before the clock's day.
    static constexpr std::int64_t kCut = kNow - 31 * kDay - 6 * 60 * kMinute;
    std::mutex changing_;
    bool may_sum_up_ = true;
    bool restarts_when_summed_up_ = false;
    std::vector<std::string> expiring_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<process::Loader> loader_;
    std::unique_ptr<KeptDays> kept_days_;
    std::unique_ptr<Retention> retention_;
};

TEST_F(RetentionTest, WhatIsOlderThanItsSiteKeepsItIsGoneAndTheRestIsAsItWas) {
    append({at(1, kCut - 40 * kDay, 1), at(2, kCut - kDay, 1), at(3, kCut - 1, 2), at(4, kCut, 3), at(5, kNow, 1)});
    append({at(11, kCut - 40 * kDay, 1, "other"), at(12, kNow, 1, "other")});
    wait_loaded();
    const auto others = ask("SELECT * FROM footfall.events WHERE website_id = 'other' ORDER BY log_offset");
    EXPECT_EQ(run().events, 2u) << "the session of visitor 2 goes on beyond the cut-off by its timeout";
    EXPECT_THAT(ask("SELECT log_offset FROM footfall.events WHERE website_id = 'site' ORDER BY log_offset"),
                ElementsAre("2", "3", "4"));
    EXPECT_EQ(ask("SELECT * FROM footfall.events WHERE website_id = 'other' ORDER BY log_offset"), others);
    const process::AuditRow events = audited("site", "events");
    EXPECT_THAT((std::vector{events.received, events.stored, events.erased, events.expired}), ElementsAre(5, 3, 0, 2));
    const process::AuditRow sessions = audited("site", "sessions");
    EXPECT_THAT((std::vector{sessions.received, sessions.stored, sessions.erased, sessions.expired}),
                ElementsAre(5, 3, 0, 2));
    EXPECT_EQ(audited("other", "events").expired, 0u);
    EXPECT_EQ(kept("site").expired_ms, kCut);
    EXPECT_EQ(kept("site").expiring_ms, kCut);
    EXPECT_EQ(kept("other").expired_ms, 0);
    EXPECT_EQ(expiring_.back(), "site " + std::to_string(kCut));
    // Those that can't come again say nothing but that they were there.
    EXPECT_THAT(tombstones(),
                testing::Contains(R"(0 {"website_id":"site","kind":1,"expired":true,"began_session":true})"));
    // On the next day the rest of it goes.
    EXPECT_EQ(run().events, 0u);
    clock_.advance_ms(kDay);
    EXPECT_EQ(run().events, 2u);
    EXPECT_EQ(audited("site", "events").expired, 4u);
}

TEST_F(RetentionTest, ASiteThatKeepsForEverLosesNothing) {
    append({at(1, 1, 1, "other"), at(2, kNow, 1, "other")});
    EXPECT_EQ(run().events, 0u);
    EXPECT_EQ(audited("other", "events").stored, 2u);
}

TEST_F(RetentionTest, NothingGoesBeforeItIsSummedUp) {
    append({at(1, kCut - 40 * kDay, 1)});
    wait_loaded();
    may_sum_up_ = false;
    EXPECT_EQ(retention_->run().error().code, Code::kUnavailable);
    EXPECT_EQ(audited("site", "events").stored, 1u);
    EXPECT_EQ(kept("site").expiring_ms, 0);
    may_sum_up_ = true;
    // The same process goes on with it, though its cut-off is as it was.
    EXPECT_EQ(run().events, 1u);
}

TEST_F(RetentionTest, WhatAStoreThatStartedAgainHasIsNotTakenForWhatWasSummedUp) {
    append({at(1, kCut - 40 * kDay, 1)});
    wait_loaded();
    restarts_when_summed_up_ = true;
    EXPECT_EQ(retention_->run().error().code, Code::kUnavailable);
    EXPECT_TRUE(kept("site").kept.empty());
    EXPECT_EQ(kept("site").kept_ms, 0);
    EXPECT_EQ(audited("site", "events").stored, 1u);
    // Begun it is: it is summed up again, of the events, which are all there.
    EXPECT_EQ(run().events, 1u);
    EXPECT_GT(kept("site").kept_ms, 0);
}

// A site whose zone was changed has kept days of both calendars, and knows how many of each.
TEST_F(RetentionTest, DaysAreKeptByTheCalendarThatTheSiteHasThen) {
    const auto made = [](const std::string& day, const std::string& zone) {
        execute(
            "INSERT INTO footfall.rollup_made (website_id, day, timezone, definition, generation, version) VALUES "
            "('site', '" +
            day + "', '" + zone + "', 1, 1, 1)");
    };
    append({at(1, kCut - 40 * kDay, 1), at(2, kCut + kDay / 2, 1), at(3, kCut + 3 * kDay / 2, 1)});
    made("2026-09-14", "UTC");
    made("2026-09-15", "UTC");
    EXPECT_EQ(run().events, 1u);
    catalog::SiteChange change;
    change.timezone = "Asia/Kathmandu";
    ASSERT_TRUE(catalog_->change_site("site", change));
    made("2026-10-24", "Asia/Kathmandu");
    clock_.advance_ms(kDay);
    EXPECT_EQ(run().events, 1u);
    change.timezone = "UTC";
    ASSERT_TRUE(catalog_->change_site("site", change));
    made("2026-10-25", "UTC");
    clock_.advance_ms(kDay);
    EXPECT_EQ(run().events, 1u);
    const catalog::Retention of_site = kept("site");
    EXPECT_EQ(of_site.kept.at("UTC"), (catalog::Retention::Calendar{kCut + 2 * kDay, 3}));
    EXPECT_EQ(of_site.kept.at("Asia/Kathmandu").days, 1u);
    EXPECT_EQ(of_site.kept_days(), 4u);
    // What of them a store lacks is told by the site's calendar of now.
    const auto wanted = KeptDays::wanted_of(*catalog_->snapshot(), [](const std::string&) {
        return std::set<query::Day>{query::Day(2026, 9, 14), query::Day(2026, 11, 2)};
    });
    ASSERT_TRUE(wanted) << wanted.error().message;
    ASSERT_EQ(wanted->size(), 1u);
    EXPECT_EQ(wanted->at("site").missing, 2u) << "a day that has not expired is not one of them";
    EXPECT_EQ(wanted->at("site").timezone, "UTC");
}

TEST_F(RetentionTest, SamplesOfRejectedEventsGoAsTheyWereReceived) {
    append_sample(kCut - kDay);
    append_sample(kCut + kDay);
    append({at(1, kCut - kDay, 1), at(2, kNow, 1)});
    EXPECT_EQ(run().rejected, 1u);
    EXPECT_THAT(tombstones(), testing::ElementsAre(R"(0 {"website_id":"site","kind":4,"expired":true})",
                                                   testing::StartsWith(R"(2 {"website_id":"site","kind":1,)")));
    EXPECT_EQ(kept("site").log_offset, 1u) << "the other one is looked at again";
}

TEST_F(RetentionTest, AStartKnowsOfADeletionThatIsNotComplete) {
    append({at(1, kCut - kDay, 1), at(2, kNow, 1)});
    wait_loaded();
    catalog::Retention begun = kept("site");
    begun.expiring_ms = kCut;
    ASSERT_TRUE(catalog_->set_retained("site", begun));
    start();
    EXPECT_NE(retention_->problem(), "");
    EXPECT_EQ(run().events, 1u);
    EXPECT_EQ(retention_->problem(), "");
    EXPECT_EQ(kept("site").expired_ms, kCut);
    EXPECT_EQ(audited("site", "events").expired, 1u);
}

// Visits around the cut-off, bots among them, with timeouts of all lengths, shuffled, pings before and after what they
// name. The rows that are left are those that a log without the tombstones makes.
TEST_F(RetentionTest, WhatIsLeftIsWhatTheRestOfTheLogMakes) {
    std::mt19937_64 dice(20'261'128);
    const auto below = [&](std::int64_t bound) {
        return static_cast<std::int64_t>(dice() % static_cast<std::uint64_t>(bound));
    };
    std::vector<event::Event> events;
    std::uint64_t number = 1;
    for (int i = 0; i < 600; ++i) {
        event::Event event = at(number++, kCut - kDay + below(2 * kDay), 1 + dice() % 12);
        event.is_bot = event.visitor_id % 3 == 0 && below(2) == 0;
        if (const std::int64_t timeout = below(4); timeout > 0)
            event.session_timeout = static_cast<std::uint32_t>(timeout * timeout * 20);
        events.push_back(event);
        if (below(3) != 0) continue;
        event::Event ping = at(number++, event.timestamp + below(2 * kDay) - kDay / 2, event.visitor_id);
        ping.is_bot = event.is_bot;
        ping.event_type = "ping";
        ping.pageview_id = event.event_id;
        ping.time_on_page = static_cast<double>(1 + below(500));
        events.push_back(ping);
    }
    std::ranges::shuffle(events, dice);
    for (std::size_t i = 0; i < events.size(); i += 40)
        append(std::vector(events.begin() + static_cast<std::ptrdiff_t>(i),
                           events.begin() + static_cast<std::ptrdiff_t>(std::min(i + 40, events.size()))));
    const Report report = run();
    EXPECT_GT(report.events, 200u);
    const process::AuditRow row = audited("site", "events");
    EXPECT_EQ(row.expired, report.events);
    EXPECT_GT(audited("site", "sessions").expired, 10u);
    EXPECT_THAT(ask("SELECT toUInt64(count()) FROM footfall.events WHERE timestamp < toDateTime64('2026-10-23 "
                    "20:00:00', 3, 'UTC') AND "
                    "session_key NOT IN (SELECT session_key FROM footfall.events WHERE timestamp >= "
                    "toDateTime64('2026-10-23 12:00:00', 3, 'UTC'))"),
                testing::SizeIs(1));
    const auto rows = all_rows();
    // The same log, loaded from its beginning by a store that knows nothing.
    loader_.reset();
    for (const char* name : {"loader", "undo"}) std::filesystem::remove(folder_ / name);
    for (const char* table : {"events", "sessions", "session_alias"})
        execute("TRUNCATE TABLE footfall." + std::string(table));
    start();
    wait_loaded();
    EXPECT_EQ(all_rows(), rows);
}

}  // namespace
}  // namespace footfall::retention
