// Rows made again from the log are those that the loader made of it.
#include "process/remake.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "process/loader.h"
#include "process/process_fixture.h"
#include "process/sessions/session_reference.h"

namespace footfall::process {
namespace {

using testing::ElementsAre;

class RemakeTest : public ProcessTest {
protected:
    void TearDown() override { loader_.reset(); }

    void load() {
        loader_ = std::make_unique<Loader>(*log_, store(), clock_,
                                           LoaderOptions{.checkpoint_path = folder_ / "loader",
                                                         .undo_path = folder_ / "undo",
                                                         .interval_ms = 1,
                                                         .rows_max = 50});
        loader_->start();
        const Status loaded = loader_->wait_loaded(log_->end(), 60'000);
        ASSERT_TRUE(loaded) << loaded.error().message;
    }
    Result<Remade> remake(const SomeVisitors& visitors) {
        TRY(const TablesHeld held, loader_->hold(10'000));
        TRY(Remade remade, remake_rows(*log_, store(), visitors, held.position, [] { return Status(); }));
        TRY_STATUS(loader_->forget(10'000));
        return remade;
    }

    std::unique_ptr<Loader> loader_;
};

TEST_F(RemakeTest, OfALogThatIsAsItWasTheyAreTheSame) {
    std::mt19937_64 random(4'711);
    const std::vector<event::Event> events = random_events(random, 1'200);
    for (std::size_t i = 0; i < events.size(); i += 3)
        append({events.begin() + static_cast<std::ptrdiff_t>(i),
                events.begin() + static_cast<std::ptrdiff_t>(std::min(i + 3, events.size()))});
    ASSERT_NO_FATAL_FAILURE(load());
    const std::vector<std::string> before = all_rows();
    ASSERT_GT(before.size(), events.size());
    EXPECT_NE(ask("SELECT count() FROM footfall.session_alias"), std::vector<std::string>{"0"})
        << "else it shows nothing of them";
    for (const SomeVisitors& visitors : std::vector<SomeVisitors>{{.sites = {"one", "two"}, .ids = {1, 2, 3, 4, 5}},
                                                                  {.sites = {"one"}, .ids = {2, 5}},
                                                                  {.sites = {"two"}, .ids = {4}},
                                                                  {.sites = {}, .ids = {}},
                                                                  {.sites = {"none"}, .ids = {1}}}) {
        const auto remade = remake(visitors);
        ASSERT_TRUE(remade) << remade.error().message;
        EXPECT_EQ(remade->sessions, remade->sessions_before);
        EXPECT_EQ(all_rows(), before);
    }
    // And the loader goes on from them.
    std::vector<event::Event> later = events;
    for (event::Event& event : later) {
        event.event_id = make_uuid_v7(event.timestamp);
        event.timestamp += 5 * kMinute;
        event.received_at += 1'100 * kMinute;
    }
    append(later);
    const Status loaded = loader_->wait_loaded(log_->end(), 60'000);
    ASSERT_TRUE(loaded) << loaded.error().message;
    const std::vector<std::string> after = all_rows();
    loader_.reset();
    for (const char* table : {"events", "sessions", "session_alias"})
        execute("TRUNCATE TABLE footfall." + std::string(table));
    ASSERT_TRUE(remove_file(folder_ / "loader"));
    ASSERT_NO_FATAL_FAILURE(load());
    EXPECT_EQ(all_rows(), after);
}

TEST_F(RemakeTest, WhatATryLeftThatWasCutOffIsNotInTheNextOnes) {
    std::mt19937_64 random(4'712);
    append(random_events(random, 300));
    ASSERT_NO_FATAL_FAILURE(load());
    const std::vector<std::string> before = all_rows();
    const SomeVisitors visitors{.sites = {"one", "two"}, .ids = {1, 3}};
    int asked = 0;
    {
        const auto held = loader_->hold(10'000);
        ASSERT_TRUE(held) << held.error().message;
        const auto cut_off = remake_rows(*log_, store(), visitors, held->position, [&]() -> Status {
            if (++asked == 2) return Error(Code::kUnavailable, "stopping");
            return {};
        });
        ASSERT_FALSE(cut_off);
        EXPECT_LT(all_rows().size(), before.size()) << "else it shows nothing";
        // Of a batch that was cut off before its events: an alias to a session that is there, and none of its events.
        execute(
            "INSERT INTO footfall.sessions SELECT * REPLACE (1 AS visitor_id, 'one' AS website_id, 77 AS session_key) "
            "FROM footfall.sessions WHERE sign = 1 LIMIT 1");
        execute(
            "INSERT INTO footfall.session_alias (website_id, old_key, new_key, log_offset) VALUES ('one', 76, 77, 1)");
        const auto again = remake_rows(*log_, store(), visitors, held->position, [] { return Status(); });
        ASSERT_TRUE(again) << again.error().message;
    }
    EXPECT_EQ(all_rows(), before);
    EXPECT_THAT(ask("SELECT count() FROM footfall.erasing_visitors"), ElementsAre("0"));
}

}  // namespace
}  // namespace footfall::process
