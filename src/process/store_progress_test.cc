// Loaders that keep their progress in the store and take a partition over from each other, also from one that does not
// know that it is gone.
#include "process/store_progress.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/erased_log.h"
#include "process/erased.h"
#include "process/loader.h"
#include "process/partition_hold.h"
#include "process/process_fixture.h"

namespace footfall::process {
namespace {

using testing::ElementsAre;

/// Stands still where a process may: when it has been told that the partition is its own, or before it asks.
class StandsStill final : public Progress {
public:
    explicit StandsStill(std::shared_ptr<Progress> progress) : progress_(std::move(progress)) {}

    void stand_still() {
        const std::lock_guard lock(mutex_);
        is_wanted_ = true;
    }
    void stand_still_before_a_batch() {
        const std::lock_guard lock(mutex_);
        is_wanted_before_ = true;
    }
    bool stands() {
        return eventually([this] {
            const std::lock_guard lock(mutex_);
            return is_standing_;
        });
    }
    void go_on() {
        const std::lock_guard lock(mutex_);
        is_wanted_ = is_wanted_before_ = is_standing_ = false;
        changed_.notify_all();
    }

    std::optional<Checkpoint> found() override { return progress_->found(); }
    Status write(const Checkpoint& checkpoint) override { return progress_->write(checkpoint); }
    Result<Looked> check(Between between) override {
        if (between == Between::kBatches) stand(is_wanted_before_);
        auto checked = progress_->check(between);
        stand(is_wanted_);
        return checked;
    }
    Status write_undo(log::Position from, std::string_view rows) override { return progress_->write_undo(from, rows); }
    Result<std::optional<std::string>> read_undo(log::Position from) override { return progress_->read_undo(from); }
    Status forget_undo() override { return progress_->forget_undo(); }

private:
    void stand(const bool& is_wanted) {
        std::unique_lock lock(mutex_);
        is_standing_ = is_wanted;
        changed_.wait(lock, [&is_wanted] { return !is_wanted; });
    }

    const std::shared_ptr<Progress> progress_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_wanted_ = false;
    bool is_wanted_before_ = false;
    bool is_standing_ = false;
};

class StoreProgressTest : public ProcessTest {
protected:
    void SetUp() override {
        ProcessTest::SetUp();
        if (is_death_child()) return;
        for (const char* table : {"loader_checkpoints", "loader_undo", "loader_doubts", "loader_holds"})
            execute("TRUNCATE TABLE footfall." + std::string(table));
    }
    static std::shared_ptr<StoreProgress> take_over() {
        auto taken = StoreProgress::take_over(store(), 0);
        EXPECT_TRUE(taken) << taken.error().message;
        return taken ? *taken : nullptr;
    }
    std::unique_ptr<Loader> start(std::shared_ptr<Progress> progress) {
        auto loader = std::make_unique<Loader>(
            *log_, store(), clock_, LoaderOptions{.interval_ms = 1, .rows_max = 20, .progress = std::move(progress)});
        loader->start();
        return loader;
    }
    void expect_loaded(const Loader& loader) {
        const Status loaded = loader.wait_loaded(log_->end(), 60'000);
        EXPECT_TRUE(loaded) << loaded.error().message;
    }
    static event::Event event_of(std::uint64_t number) {
        event::Event event = numbered(number, kNow + static_cast<std::int64_t>(number) * 1'000);
        event.visitor_id = number % 10 + 1;
        return event;
    }
    /// Events of ten visitors, whose sessions go on from one call to the next.
    void append_some(std::uint64_t count) {
        std::vector<event::Event> events;
        for (std::uint64_t i = 0; i < count; ++i) {
            events.push_back(event_of(++events_));
        }
        append(events);
    }
    /// What the tables have to hold, by a loader of its own way on empty tables.
    std::vector<std::string> rows_of_one_loader() {
        for (const char* table : {"events", "sessions", "session_alias"})
            execute("TRUNCATE TABLE footfall." + std::string(table));
        Loader alone(*log_, store(), clock_,
                     {.checkpoint_path = folder_ / "alone", .undo_path = folder_ / "alone.undo", .interval_ms = 1});
        alone.start();
        expect_loaded(alone);
        return all_rows();
    }

    std::uint64_t events_ = 0;
};

TEST_F(StoreProgressTest, WhoTakesAPartitionOverGoesOnWhereTheOneBeforeCame) {
    append_some(50);
    {
        const auto first = start(take_over());
        expect_loaded(*first);
    }
    append_some(30);
    const auto progress = take_over();
    ASSERT_TRUE(progress->found());
    EXPECT_EQ(progress->found()->position.offset, 50u);
    EXPECT_EQ(progress->found()->as_of_ms, kNow);
    const auto second = start(progress);
    expect_loaded(*second);
    EXPECT_EQ(offsets(), range(0, 80));
    const std::vector<std::string> rows = all_rows();
    EXPECT_EQ(rows, rows_of_one_loader());
}

TEST_F(StoreProgressTest, ANewStoreHasNoCheckpoint) {
    EXPECT_FALSE(take_over()->found());
    EXPECT_FALSE(take_over()->found()) << "nothing was loaded by the one before";
}

TEST_F(StoreProgressTest, WhoLostThePartitionWritesNothingMore) {
    append_some(20);
    const auto first = start(take_over());
    expect_loaded(*first);
    const auto taken = take_over();
    append_some(20);
    ASSERT_TRUE(eventually([&] { return first->has_ended(); }));
    EXPECT_EQ(offsets(), range(0, 20));
    EXPECT_THAT(first->state().problem, testing::HasSubstr("another loader"));
    EXPECT_THAT(ask("SELECT count() FROM footfall.loader_doubts"), ElementsAre("0"));
    const auto second = start(taken);
    expect_loaded(*second);
    EXPECT_EQ(offsets(), range(0, 40));
}

TEST_F(StoreProgressTest, WhatOneThatStoodStillWritesTwiceIsMended) {
    append_some(20);
    const auto still = std::make_shared<StandsStill>(take_over());
    const auto first = start(still);
    expect_loaded(*first);
    still->stand_still();
    append_some(20);
    ASSERT_TRUE(still->stands());
    const auto second = start(take_over());
    expect_loaded(*second);
    append_some(20);
    expect_loaded(*second);
    EXPECT_EQ(offsets(), range(0, 60));
    // It believes that the partition is its own, and writes its batch although the other one has.
    still->go_on();
    ASSERT_TRUE(eventually([&] { return first->has_ended(); }));
    ASSERT_GT(offsets().size(), 60u);
    // The other one hears of it with its next batch.
    append_some(20);
    ASSERT_TRUE(eventually([&] { return offsets() == range(0, 80); }));
    expect_loaded(*second);
    EXPECT_THAT(ask("SELECT count() FROM footfall.loader_doubts"), ElementsAre("0"));
    const std::vector<std::string> rows = all_rows();
    EXPECT_EQ(rows, rows_of_one_loader());
}

TEST_F(StoreProgressTest, WhatWasWrittenLateIsMendedByTheNextOwnerToo) {
    append_some(20);
    const auto still = std::make_shared<StandsStill>(take_over());
    const auto first = start(still);
    expect_loaded(*first);
    still->stand_still();
    append_some(20);
    ASSERT_TRUE(still->stands());
    {
        const auto second = start(take_over());
        expect_loaded(*second);
    }
    still->go_on();
    ASSERT_TRUE(eventually([&] { return first->has_ended(); }));
    ASSERT_GT(offsets().size(), 40u);
    const auto third = start(take_over());
    ASSERT_TRUE(eventually([&] { return offsets() == range(0, 40); }));
    expect_loaded(*third);
    const std::vector<std::string> rows = all_rows();
    EXPECT_EQ(rows, rows_of_one_loader());
}

TEST_F(StoreProgressTest, WhatWasWrittenLateBeforeTheOwnersFirstBatchIsMended) {
    append_some(20);
    const auto still = std::make_shared<StandsStill>(take_over());
    const auto first = start(still);
    expect_loaded(*first);
    still->stand_still();
    append_some(20);
    ASSERT_TRUE(still->stands());
    // The new owner has found nothing beyond the checkpoint, and is about to write what the other one writes now.
    const auto owners = std::make_shared<StandsStill>(take_over());
    owners->stand_still_before_a_batch();
    const auto second = start(owners);
    ASSERT_TRUE(owners->stands());
    still->go_on();
    ASSERT_TRUE(eventually([&] { return first->has_ended(); }));
    ASSERT_EQ(offsets(), range(0, 40));
    owners->go_on();
    expect_loaded(*second);
    EXPECT_EQ(offsets(), range(0, 40));
    const std::vector<std::string> rows = all_rows();
    EXPECT_EQ(rows, rows_of_one_loader());
}

TEST_F(StoreProgressTest, ALoaderStandsStillForAnAudit) {
    append_some(20);
    const auto loader = start(take_over());
    expect_loaded(*loader);
    {
        const auto held = hold_partition(store(), 0, 10'000);
        ASSERT_TRUE(held) << held.error().message;
        EXPECT_EQ(held->position.offset, 20u);
        append_some(20);
        std::this_thread::sleep_for(std::chrono::milliseconds(1'000));
        EXPECT_EQ(offsets(), range(0, 20));
        EXPECT_TRUE(held->is_intact());
    }
    expect_loaded(*loader);
    EXPECT_EQ(offsets(), range(0, 40));
}

TEST_F(StoreProgressTest, AnEmptyPartitionIsHeldTooAndOneWithoutALoaderIsNot) {
    {
        const auto loader = start(take_over());
        const auto held = hold_partition(store(), 0, 10'000);
        ASSERT_TRUE(held) << held.error().message;
        EXPECT_EQ(held->position.offset, 0u);
    }
    const auto nobody = hold_partition(store(), 0, 700);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, Code::kTimeout);
}

TEST_F(StoreProgressTest, AHoldIsNotIntactWhereAnotherTookThePartitionOver) {
    append_some(20);
    const auto first = start(take_over());
    expect_loaded(*first);
    const auto held = hold_partition(store(), 0, 10'000);
    ASSERT_TRUE(held) << held.error().message;
    const auto second = take_over();
    EXPECT_FALSE(held->is_intact());
}

TEST_F(StoreProgressTest, AHoldIsKeptUpForAsLongAsItIsWanted) {
    const auto loader = start(take_over());
    const auto held = hold_partition(store(), 0, 10'000);
    ASSERT_TRUE(held) << held.error().message;
    const auto until = [] { return ask("SELECT toUnixTimestamp64Milli(max(until)) FROM footfall.loader_holds").at(0); };
    const std::string first = until();
    EXPECT_TRUE(eventually([&] { return until() > first; }));
    EXPECT_TRUE(held->is_intact());
}

TEST_F(StoreProgressTest, OfTwoThatWantAPartitionTheSecondHasItWhenTheFirstLetsItGo) {
    const auto loader = start(take_over());
    auto first = hold_partition(store(), 0, 10'000);
    ASSERT_TRUE(first) << first.error().message;
    const auto early = hold_partition(store(), 0, 1'500);
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, Code::kTimeout);
    EXPECT_TRUE(first->is_intact());
    first->hold.reset();
    const auto second = hold_partition(store(), 0, 10'000);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_TRUE(second->is_intact());
}

TEST_F(StoreProgressTest, AHoldOfAProcessThatDiedEndsByItself) {
    append_some(20);
    const auto loader = start(take_over());
    expect_loaded(*loader);
    execute("INSERT INTO footfall.loader_holds SELECT 0, 'dead', 1, now64(3) + toIntervalSecond(5)");
    EXPECT_TRUE(eventually([] {
        return ask("SELECT argMax(held, (claim, step)) FROM footfall.loader_checkpoints WHERE log_partition = 0") ==
               std::vector<std::string>{"dead"};
    }));
    append_some(20);
    expect_loaded(*loader);
    EXPECT_EQ(offsets(), range(0, 40));
}

TEST_F(StoreProgressTest, WhatIsErasedWhileItIsHeldNoLoaderBringsBack) {
    constexpr std::uint64_t kGone = 3;
    std::atomic<std::uint64_t> end{0};
    log::ErasedLog erased(*log_, [&](std::uint16_t) -> Result<log::Erasures> {
        return log::Erasures{
            .version = std::to_string(end), .end = end, .begin = [] {
                return log::Replacement([](const log::StoredEntry& entry) -> std::optional<std::string> {
                    event::RecordReader records;
                    const auto event = records.read(entry.payload, event::ReadTo::kUserId);
                    if (!event || event->visitor_id != kGone) return std::nullopt;
                    return write_erased(
                        {.website_id = "site", .event_id = event->event_id, .received_at = event->received_at});
                });
            }};
    });
    const auto refresh = [&erased]() -> Status {
        TRY([[maybe_unused]] const bool is_other, erased.refresh());
        return {};
    };
    const auto start_on_it = [&] {
        auto loader = std::make_unique<Loader>(
            erased, store(), clock_,
            LoaderOptions{.interval_ms = 1, .rows_max = 20, .progress = take_over(), .released = refresh});
        loader->start();
        return loader;
    };
    const auto of_the_gone = [] { return ask("SELECT count() FROM footfall.events WHERE visitor_id = 3"); };
    append_some(100);
    auto loader = start_on_it();
    expect_loaded(*loader);
    EXPECT_THAT(of_the_gone(), ElementsAre("10")) << "else the test shows nothing";
    {
        const auto held = hold_partition(store(), 0, 10'000);
        ASSERT_TRUE(held) << held.error().message;
        append_some(20);
        end = log_->end().offset;
        for (const char* table : {"events", "sessions"})
            execute(std::string("ALTER TABLE footfall.") + table +
                    " DELETE WHERE visitor_id = 3 SETTINGS mutations_sync = 1");
        EXPECT_TRUE(held->is_intact());
    }
    expect_loaded(*loader);
    EXPECT_THAT(of_the_gone(), ElementsAre("0"));
    EXPECT_EQ(offsets().size(), 108u);
    // What comes behind it is loaded, in a session of its own.
    append_some(20);
    expect_loaded(*loader);
    EXPECT_THAT(of_the_gone(), ElementsAre("2"));
    const std::vector<std::string> rows = all_rows();
    loader.reset();

    // Nor one that knows nothing of before and reads everything again.
    execute("TRUNCATE TABLE footfall.loader_checkpoints");
    execute("TRUNCATE TABLE footfall.loader_undo");
    loader = start_on_it();
    expect_loaded(*loader);
    EXPECT_EQ(all_rows(), rows);
}

TEST_F(StoreProgressTest, ABatchThatWasCutOffIsTakenBackByTheUndoOfTheOneBefore) {
    append_some(20);
    const auto progress = take_over();
    {
        const auto first = start(progress);
        expect_loaded(*first);
    }
    // The next batch's sessions are written, merged with their former rows, and nothing else of it.
    const std::vector<std::string> before = all_rows();
    SessionFold fold;
    SessionStore sessions(store(), progress.get());
    ASSERT_TRUE(sessions.start(fold, kNow - SessionFold::kHoldMs, {0, 20}));
    append_some(10);
    for (std::uint64_t i = 0; i < 10; ++i) fold.apply(event_of(21 + i), 20 + i);
    ASSERT_TRUE(sessions.insert(fold.take_changes(29), fold.take_aliases(), {0, 20}, {0, 29}));
    execute("OPTIMIZE TABLE footfall.sessions FINAL");
    const auto next = take_over();
    const auto taken = SessionStore(store(), next.get()).delete_beyond({0, 20});
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_TRUE(*taken);
    EXPECT_EQ(all_rows(), before);
}

}  // namespace
}  // namespace footfall::process
