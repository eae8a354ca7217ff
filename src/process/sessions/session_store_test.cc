// The sessions' tables as they are taken back to the checkpoint, in the real store, whatever its merges did before.
#include <deque>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "process/process_fixture.h"
#include "process/sql.h"

namespace footfall::process {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kMinute = 60'000;

class SessionStoreTest : public ProcessTest {
protected:
    static constexpr log::Position kCheckpoint{0, 10};

    /// Folds the events and writes what they change; the batch ends at `last`.
    void load(const std::vector<event::Event>& events, log::Position from, std::uint64_t last) {
        std::vector<std::pair<std::uint64_t, event::Event>> rows;
        for (const event::Event& event : events) {
            const std::uint64_t offset = last - events.size() + rows.size() + 1;
            fold_.apply(event, offset);
            rows.emplace_back(offset, event);
        }
        const Status done =
            sessions_.insert(fold_.take_changes(last), fold_.take_aliases(), from, {from.partition, last});
        ASSERT_TRUE(done) << done.error().message;
        insert(rows);
    }
    /// The visitor's event so many minutes after kNow.
    event::Event at(std::uint64_t visitor, std::int64_t minute) {
        event::Event event = numbered(++events_, kNow + minute * kMinute);
        event.visitor_id = visitor;
        event.page = pages_.emplace_back("/" + std::to_string(minute));  // the event borrows it
        return event;
    }
    /// Two visitors up to the checkpoint; the batch beyond it changes one's session and makes a third.
    void load_two_batches() {
        load({at(1, 0), at(2, 0)}, {0, 0}, 9);
        before_ = rows();
        load({at(1, 5), at(3, 5)}, kCheckpoint, 11);
    }
    static std::vector<std::string> rows() {
        return ask(
            "SELECT visitor_id, pageviews, entry_page, exit_page, version, log_offset, sum(sign) FROM "
            "footfall.sessions GROUP BY ALL HAVING sum(sign) != 0 ORDER BY ALL");
    }
    static void merge() { execute("OPTIMIZE TABLE footfall.sessions FINAL"); }
    /// As a process that died in delete_beyond() leaves it.
    static void delete_alone() {
        const Status done = store().execute({.sql = std::string(sql::text("sessions-delete-beyond.sql")),
                                             .parameters = {{"partition", "0"}, {"from", "10"}}});
        ASSERT_TRUE(done) << done.error().message;
    }
    Result<bool> take_back() { return SessionStore(store(), &undo_).delete_beyond(kCheckpoint); }
    void expect_taken_back() {
        const auto taken = take_back();
        ASSERT_TRUE(taken) << taken.error().message;
        EXPECT_TRUE(*taken);
        EXPECT_EQ(rows(), before_);
        EXPECT_THAT(ask("SELECT count() FROM footfall.sessions_former"), ElementsAre("0"));
    }
    std::string undo_path() const { return folder_ / "undo"; }

    std::uint64_t events_ = 0;
    std::deque<std::string> pages_;
    SessionFold fold_;
    UndoFile undo_{undo_path()};
    SessionStore sessions_{store(), &undo_};
    std::vector<std::string> before_;
};

TEST_F(SessionStoreTest, WhatWentBeyondTheCheckpointIsTakenBack) {
    load_two_batches();
    ASSERT_NE(rows(), before_);
    expect_taken_back();
}

TEST_F(SessionStoreTest, R2ASessionThatAMergeJoinedWithItsCancellationIsPutBack) {
    load_two_batches();
    merge();
    expect_taken_back();
    expect_taken_back();
}

TEST_F(SessionStoreTest, R2ASessionIsPutBackWhereTheProcessDiedAfterTheDeletion) {
    load_two_batches();
    merge();
    delete_alone();
    ASSERT_EQ(rows().size(), 1u) << "the test plants a loss";
    expect_taken_back();
}

TEST_F(SessionStoreTest, ASessionIsPutBackBesideOneOfAnotherSiteWithTheSameKey) {
    event::Event here = at(1, 0);
    event::Event there = here;
    there.website_id = "other";
    load({here, there}, {0, 0}, 9);
    before_ = rows();
    load({at(1, 5)}, kCheckpoint, 10);  // of the first site alone
    merge();
    expect_taken_back();
}

TEST_F(SessionStoreTest, ASessionThatStartedInAnotherMonthIsPutBackThere) {
    constexpr std::int64_t kFirstOfMonth = 1'793'491'200'000;  // 2026-11-01T00:00:00Z
    event::Event early = numbered(++events_, kFirstOfMonth - kMinute);
    event::Event late = numbered(++events_, kFirstOfMonth + kMinute);
    early.visitor_id = late.visitor_id = 7;
    load({late}, {0, 0}, 9);
    before_ = rows();
    load({early}, kCheckpoint, 10);
    merge();
    expect_taken_back();
}

TEST_F(SessionStoreTest, R2AnAliasThatAMergeWouldReplaceIsStillThere) {
    // A later event joins two sessions, and one from beyond the checkpoint joins them to a third that was received
    // first.
    load({at(1, -50)}, {0, 0}, 7);
    load({at(1, 40), at(1, 0), at(1, 20)}, {0, 8}, 9);
    const std::string aliases =
        "SELECT old_key, argMax(new_key, log_offset) FROM footfall.session_alias GROUP BY old_key ORDER BY old_key";
    const auto before = ask(aliases);
    ASSERT_EQ(before.size(), 1u);
    load({at(1, -25)}, kCheckpoint, 10);
    ASSERT_EQ(ask(aliases).size(), 2u);
    execute("OPTIMIZE TABLE footfall.session_alias FINAL");
    const auto taken = take_back();
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_TRUE(*taken);
    EXPECT_EQ(ask(aliases), before);
}

TEST_F(SessionStoreTest, ALossWithoutAnUndoFileIsTold) {
    load_two_batches();
    merge();
    ASSERT_TRUE(write_file_atomically(undo_path(), "footfall session undo 1\nand what else?"));
    const auto taken = take_back();
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_FALSE(*taken);
}

TEST_F(SessionStoreTest, AnUndoFileOfOtherTablesPutsNothingIn) {
    load_two_batches();
    execute("TRUNCATE TABLE footfall.sessions");
    execute("TRUNCATE TABLE footfall.events");
    ASSERT_TRUE(sessions_.forget_undo());
    const auto taken = take_back();
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_TRUE(*taken);
    EXPECT_TRUE(rows().empty());
}

TEST_F(SessionStoreTest, TheUndoFileIsOfOnePosition) {
    UndoFile undo(undo_path());
    EXPECT_EQ(undo.read_undo({0, 7}).value(), std::nullopt);
    ASSERT_TRUE(undo.write_undo({0, 7}, "rows"));
    EXPECT_EQ(undo.read_undo({0, 7}).value(), "rows");
    EXPECT_EQ(undo.read_undo({0, 8}).value(), std::nullopt);
    EXPECT_EQ(undo.read_undo({1, 7}).value(), std::nullopt);
    const std::string whole = read_file(undo_path()).value();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        ASSERT_TRUE(write_file_atomically(undo_path(), whole.substr(0, size)));
        EXPECT_EQ(undo.read_undo({0, 7}).value(), std::nullopt) << size;
        std::string damaged = whole;
        damaged[size] = static_cast<char>(damaged[size] ^ 1);
        ASSERT_TRUE(write_file_atomically(undo_path(), damaged));
        EXPECT_EQ(undo.read_undo({0, 7}).value(), std::nullopt) << size;
    }
}

TEST_F(SessionStoreTest, AStartTakesInTheLastSessionsForWhichThereIsRoomAndLooksTheOthersUp) {
    std::vector<event::Event> events;
    for (std::int64_t minute = 0; minute < 20; ++minute)
        events.push_back(at(static_cast<std::uint64_t>(minute) + 1, minute));
    load(events, {0, 0}, 19);
    const auto start = [&](SessionFold& fold) {
        const Status done = sessions_.start(fold, kNow - SessionFold::kHoldMs, {0, 20});
        EXPECT_TRUE(done) << done.error().message;
        return fold.held();
    };
    SessionFold all(100);
    EXPECT_EQ(start(all), 20u);
    EXPECT_FALSE(all.look_up_for(at(1, 20)));
    SessionFold few(5);
    EXPECT_EQ(start(few), 5u);
    // Minutes 15 to 19 are held. Who comes at minute 20 may have had a session that ended since before minute 0.
    const auto who = few.look_up_for(at(1, 20));
    ASSERT_TRUE(who);
    ASSERT_TRUE(sessions_.look_up(few, std::span(&*who, 1)));
    EXPECT_EQ(few.apply(at(1, 20), 20), all.apply(at(1, 20), 20)) << "the session goes on";
    EXPECT_FALSE(few.look_up_for(at(99, 46))) << "what can only be of a session that is held";
}

}  // namespace
}  // namespace footfall::process
