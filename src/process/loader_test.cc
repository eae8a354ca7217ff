// The loader between a real log and the real store: whatever is interrupted, and wherever, each event of the log is one
// row in the end.
#include "process/loader.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <regex>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/metrics.h"
#include "process/process_fixture.h"
#include "store/migrations.h"

namespace footfall::process {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;

class LoaderTest : public ProcessTest {
protected:
    void TearDown() override {
        loader_.reset();
        if (is_away_) bring_back();
    }

    LoaderOptions options() const {
        return {.checkpoint_path = folder_ / "loader",
                .undo_path = folder_ / "undo",
                .interval_ms = 1,
                .rows_max = 10,
                .bytes_max = 1 << 20};
    }
    void start(const LoaderOptions& options) {
        loader_ = std::make_unique<Loader>(*log_, store(), clock_, options);
        loader_->start();
    }
    void start() { start(options()); }
    void expect_loaded() {
        const Status loaded = loader_->wait_loaded(log_->end(), 60'000);
        EXPECT_TRUE(loaded) << loaded.error().message;
    }
    void load_and_stop() {
        start();
        expect_loaded();
        loader_.reset();
    }
    /// An event whose visitor is its offset, in turn of this month and the last one.
    static event::Event event_at(std::uint64_t offset) {
        return numbered(offset, kNow - static_cast<std::int64_t>(offset % 2) * 31 * kDay);
    }
    void append_numbered(std::uint64_t count) {
        std::vector<event::Event> events;
        const std::uint64_t first = log_->end().offset;
        for (std::uint64_t i = first; i < first + count; ++i) events.push_back(event_at(i));
        append(events);
    }
    static void expect_rows(std::uint64_t count) {
        EXPECT_EQ(offsets(), range(0, count));
        EXPECT_THAT(ask("SELECT countIf(visitor_id != log_offset) FROM footfall.events"), ElementsAre("0"))
            << "a row stands at another event's offset";
    }
    /// The batches: first and last offset and month of each part. Merges must have been stopped.
    static std::vector<std::string> parts() {
        return ask(
            "SELECT min(log_offset), max(log_offset), _partition_id FROM footfall.events "
            "GROUP BY _part, _partition_id ORDER BY ALL");
    }
    /// Takes the table away, so that the store answers every question with an error; the table stays the same one.
    void take_away() {
        execute("RENAME TABLE footfall.events TO footfall.away");
        is_away_ = true;
    }
    void bring_back() {
        execute("RENAME TABLE footfall.away TO footfall.events");
        is_away_ = false;
    }
    static void make_table_anew() {
        execute("DROP TABLE footfall.events SYNC");
        for (const TextFile& file : store::migrations()) {
            if (file.name.find("events") != std::string_view::npos) execute(std::string(file.text));
        }
    }
    bool wait_problem(const std::string& text) {
        return eventually([&] { return loader_->state().problem.find(text) != std::string::npos; });
    }
    bool wait_problem() {
        return eventually([&] { return !loader_->state().problem.empty(); });
    }
    std::string checkpoint() const { return read_file(options().checkpoint_path).value_or(""); }

    std::unique_ptr<Loader> loader_;

private:
    bool is_away_ = false;
};

std::uint64_t counted(const char* name) { return metrics::counter(name, "").value(); }
double lag() { return metrics::gauge("footfall_loader_lag_entries", "").value(); }

TEST_F(LoaderTest, BatchesAreClosedRangesOfTheLogAndEachMonthOfOneIsOnePart) {
    execute("SYSTEM STOP MERGES footfall.events");
    for (int group = 0; group < 5; ++group) append_numbered(7);
    const std::uint64_t batches = counted("footfall_loader_batches_total");
    load_and_stop();
    EXPECT_THAT(parts(), ElementsAre("0 8 202611", "1 9 202610", "10 18 202611", "11 19 202610", "20 28 202611",
                                     "21 29 202610", "30 34 202611", "31 33 202610"));
    EXPECT_EQ(counted("footfall_loader_batches_total") - batches, 8u);
    expect_rows(35);
}

TEST_F(LoaderTest, WaitsForAnInsertThatNobodyWaitsForAnyMore) {
    append_numbered(3);
    std::thread late([] {
        execute(
            "INSERT INTO footfall.session_alias /* partition 0 */ SELECT 'other', number, 1, 0, 0, 0 FROM numbers(4) "
            "WHERE sleepEachRow(0.5) = 0 SETTINGS max_block_size = 1");
    });
    ASSERT_TRUE(eventually([] {
        return ask("SELECT count() FROM system.processes WHERE query_kind = 'Insert'") == std::vector<std::string>{"1"};
    }));
    start();
    EXPECT_TRUE(wait_problem("insert"));
    EXPECT_EQ(loader_->state().loaded.offset, 0u);
    late.join();
    expect_loaded();
    expect_rows(3);
}

TEST_F(LoaderTest, AnInsertOfAnotherPartitionHoldsNothingUp) {
    append_numbered(3);
    std::thread other([] {
        execute(
            "INSERT INTO footfall.session_alias /* partition 1 */ SELECT 'other', number, 1, 1, 0, 0 FROM numbers(8) "
            "WHERE sleepEachRow(0.5) = 0 SETTINGS max_block_size = 1");
    });
    constexpr const char* kRunning = "SELECT count() FROM system.processes WHERE query_kind = 'Insert'";
    ASSERT_TRUE(eventually([] { return ask(kRunning) == std::vector<std::string>{"1"}; }));
    start();
    expect_loaded();
    EXPECT_THAT(ask(kRunning), ElementsAre("1")) << "it was waited for";
    other.join();
}

TEST_F(LoaderTest, ABatchEndsAtItsBytesToo) {
    execute("SYSTEM STOP MERGES footfall.events");
    std::vector<event::Event> events;
    const std::string page(1'000, 'p');
    for (std::uint64_t i = 0; i < 40; ++i) {
        events.push_back(numbered(i));
        events.back().page = page;
    }
    append(events);
    LoaderOptions small = options();
    small.rows_max = 1'000;
    small.bytes_max = 10'000;
    start(small);
    expect_loaded();
    EXPECT_THAT(parts().size(), AllOf(Ge(4u), testing::Le(6u)));
    expect_rows(40);
}

TEST_F(LoaderTest, TalliesTakeOffsetsAndLeaveNoRows) {
    const std::string tally = R"({"website_id":"site","duplicates":3,"rejected":{}})";
    append({numbered(0), numbered(1)}, tally);
    for (int i = 0; i < 25; ++i) append({}, tally);  // more than a batch without any event
    append({numbered(28)}, tally);
    load_and_stop();
    EXPECT_EQ(offsets(), (std::vector<std::uint64_t>{0, 1, 28}));
}

// What a death between an insert and its checkpoint leaves, and what the checkpoint itself may have suffered: 10 events
// stand before the checkpoint, 20 behind it.
struct Left {
    const char* what;
    int (*copies)(std::uint64_t offset);  ///< rows that the store has of each event
    const char* checkpoint;               ///< "old", "flipped", "future", or the file's text; empty: there is none
};
void PrintTo(const Left& left, std::ostream* out) { *out << left.what; }  // NOLINT(readability-identifier-naming)

class LoaderRestartTest : public LoaderTest, public testing::WithParamInterface<Left> {
protected:
    /// Has the table hold just that; each further copy is a part of its own.
    static void plant(int (*copies)(std::uint64_t offset)) {
        execute("TRUNCATE TABLE footfall.events");
        for (int copy = 1; copy <= 3; ++copy) {
            std::vector<std::pair<std::uint64_t, event::Event>> rows;
            for (std::uint64_t i = 0; i < 30; ++i)
                if (copies(i) >= copy) rows.emplace_back(i, event_at(i));
            insert(rows);
        }
    }
};
INSTANTIATE_TEST_SUITE_P(
    Left, LoaderRestartTest,
    testing::Values(
        Left{"complete: nothing is inserted", [](std::uint64_t) { return 1; }, "old"},
        Left{"absent", [](std::uint64_t i) { return i < 10 ? 1 : 0; }, "old"},
        Left{"one month of a batch is absent", [](std::uint64_t i) { return i >= 20 && i % 2 == 0 ? 0 : 1; }, "old"},
        Left{"single rows are absent", [](std::uint64_t i) { return i == 10 || i == 19 || i == 25 ? 0 : 1; }, "old"},
        Left{"the last batch is absent", [](std::uint64_t i) { return i < 20 ? 1 : 0; }, "old"},
        Left{"a month of a batch is there twice", [](std::uint64_t i) { return i / 10 == 1 && i % 2 == 1 ? 2 : 1; },
             "old"},
        Left{"some rows are there three times, and some not",
             [](std::uint64_t i) { return i == 10 || i == 15 ? 3 : (i == 12 || i == 29 ? 0 : 1); }, "old"},
        Left{"the checkpoint is lost", [](std::uint64_t) { return 1; }, ""},
        Left{"the checkpoint is lost, and rows with it",
             [](std::uint64_t i) { return i == 0 || i == 9 || i == 29 ? 0 : 1; }, ""},
        Left{"the checkpoint is no text of ours", [](std::uint64_t) { return 1; },
             "footfall loader 1\n0 10 x\n00000000\n"},
        Left{"the checkpoint's offset was altered", [](std::uint64_t i) { return i < 10 ? 1 : 0; }, "flipped"},
        Left{"the checkpoint is of another log, which was longer", [](std::uint64_t i) { return i < 25 ? 1 : 0; },
             "future"}));

TEST_P(LoaderRestartTest, R2TheNextStartMakesEachEventOneRow) {
    append_numbered(10);
    load_and_stop();
    std::string text = GetParam().checkpoint;
    if (text == "old") text = checkpoint();
    if (text == "flipped") {
        text = checkpoint();
        const std::size_t digit = text.find("\n0 10 ") + 3;
        ASSERT_EQ(text.at(digit), '1');
        text[digit] = '2';
    }
    if (text == "future") {
        // As a real one is written: by a loader of a log that was longer.
        append_numbered(25);
        load_and_stop();
        text = checkpoint();
        EXPECT_THAT(text, HasSubstr("\n0 35 "));
        log_.reset();
        std::filesystem::remove_all(folder_ / "log");
        ASSERT_NO_FATAL_FAILURE(open_log());
    }
    append_numbered(30 - log_->end().offset);
    plant(GetParam().copies);
    const Status written =
        text.empty() ? remove_file(options().checkpoint_path) : write_file_atomically(options().checkpoint_path, text);
    ASSERT_TRUE(written) << written.error().message;
    std::uint64_t absent = 0, doubled = 0, doubled_rows = 0;
    for (std::uint64_t i = 0; i < 30; ++i) {
        const int copies = GetParam().copies(i);
        absent += copies == 0 ? 1 : 0;
        doubled += copies > 1 ? 1 : 0;
        doubled_rows += copies > 1 ? static_cast<std::uint64_t>(copies) : 0;
    }

    const std::uint64_t replaced = counted("footfall_loader_rows_replaced_total");
    start();
    expect_loaded();
    expect_rows(30);
    EXPECT_GE(loader_->state().rows, absent);
    // Of copies in several parts the engine may leave one, since it judges part by part.
    EXPECT_LE(loader_->state().rows, absent + doubled) << "what was there has been inserted again";
    EXPECT_EQ(counted("footfall_loader_rows_replaced_total") - replaced, doubled_rows);
    // And it goes on as ever.
    append_numbered(10);
    expect_loaded();
    expect_rows(40);
    EXPECT_THAT(checkpoint(), HasSubstr("\n0 40 "));
}

TEST_F(LoaderTest, AStoreThatWasMadeAnewIsFilledFromTheWholeLog) {
    append_numbered(30);
    load_and_stop();
    make_table_anew();
    // Someone has begun to fill it, perhaps this program before it died.
    insert({{3, event_at(3)}, {20, event_at(20)}});
    start();
    expect_loaded();
    EXPECT_EQ(loader_->state().rows, 28u) << "the checkpoint was another store's";
    expect_rows(30);
}

TEST_F(LoaderTest, AStoreThatIsReplacedWhileTheLoaderRunsIsFilledWhenItIsTold) {
    append_numbered(30);
    start();
    expect_loaded();
    make_table_anew();
    loader_->store_restarted();
    expect_loaded();
    EXPECT_EQ(loader_->state().rows, 60u);
    append_numbered(5);
    expect_loaded();
    expect_rows(35);
}

TEST_F(LoaderTest, ItHasCaughtUpWhenTheStoreHasWhatTheLogHeldAtTheStart) {
    append_numbered(30);
    take_away();
    start();
    ASSERT_TRUE(wait_problem());
    EXPECT_FALSE(loader_->state().is_caught_up);
    bring_back();
    EXPECT_TRUE(eventually([&] { return loader_->state().is_caught_up; }));
    EXPECT_EQ(loader_->state().loaded.offset, 30u);
    // What comes later is a matter of its freshness.
    take_away();
    append_numbered(5);
    ASSERT_TRUE(wait_problem());
    EXPECT_TRUE(loader_->state().is_caught_up);
    loader_->store_restarted();
    EXPECT_FALSE(loader_->state().is_caught_up) << "perhaps it is another one";
    bring_back();
    EXPECT_TRUE(eventually([&] { return loader_->state().is_caught_up; }));
    expect_rows(35);
}

TEST_F(LoaderTest, AStoreThatAnswersErrorsIsAskedAgainEverLaterUntilItWorks) {
    append_numbered(10);
    start();
    expect_loaded();
    const std::uint64_t errors = counted("footfall_loader_errors_total");
    testing::internal::CaptureStderr();
    take_away();
    append_numbered(10);
    EXPECT_TRUE(eventually([&] { return counted("footfall_loader_errors_total") >= errors + 4; }));
    EXPECT_THAT(loader_->state().problem, HasSubstr("table"));
    EXPECT_EQ(loader_->state().loaded.offset, 10u);
    EXPECT_THAT(checkpoint(), HasSubstr("\n0 10 "));
    bring_back();
    expect_loaded();
    EXPECT_EQ(loader_->state().problem, "");
    expect_rows(20);
    const std::uint64_t later = counted("footfall_loader_errors_total");
    take_away();
    append_numbered(1);
    EXPECT_TRUE(eventually([&] { return counted("footfall_loader_errors_total") > later; }));
    bring_back();
    expect_loaded();
    expect_rows(21);
    // The pauses that it said it would make; the shortest again after a success.
    const std::string log = testing::internal::GetCapturedStderr();
    std::vector<int> pauses;
    const std::regex pause("loader\\.retry.*in_ms=([0-9]+)");
    for (auto at = std::sregex_iterator(log.begin(), log.end(), pause); at != std::sregex_iterator(); ++at)
        pauses.push_back(std::stoi((*at)[1]));
    ASSERT_GE(pauses.size(), 5u) << log;
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(pauses[i], 100 << i);
    EXPECT_EQ(*std::min_element(pauses.begin() + 4, pauses.end()), 100);
}

TEST_F(LoaderTest, R10AStoreThatIsKilledInTheMiddleOfInsertsHasEachEventOnceAfterwards) {
    LoaderOptions many = options();
    many.rows_max = 40;
    for (int i = 0; i < 10; ++i) append_numbered(100);
    start(many);
    for (int kills = 0; kills < 2; ++kills) {
        const std::uint64_t rows = loader_->state().rows;
        ASSERT_TRUE(eventually([&] { return loader_->state().rows >= rows + 120; }));
        const auto before = supervisor().state();
        ASSERT_GT(before.pid, 0);
        ASSERT_EQ(::kill(before.pid, SIGKILL), 0);
        ASSERT_TRUE(eventually([&] { return supervisor().state().starts > before.starts; }));
        ASSERT_TRUE(supervisor().wait_ready(60'000));
    }
    EXPECT_LT(loader_->state().loaded.offset, 1'000u) << "it was killed behind everything, which proves nothing";
    expect_loaded();
    expect_rows(1'000);
}

TEST_F(LoaderTest, LagIsWhatTheLogHoldsAndTheStoreDoesNotEvenWhileTheStoreFails) {
    append_numbered(10);
    start();
    expect_loaded();
    EXPECT_TRUE(eventually([] { return lag() == 0; }));
    take_away();
    append_numbered(7);
    ASSERT_TRUE(wait_problem());
    EXPECT_TRUE(eventually([] { return lag() == 7; }));
    append_numbered(3);
    EXPECT_TRUE(eventually([] { return lag() == 10; })) << "the lag stands still while it grows";
    bring_back();
    expect_loaded();
    EXPECT_TRUE(eventually([] { return lag() == 0; }));
}

TEST_F(LoaderTest, AsOfIsTheTimeUpToWhichAllThatWasAcknowledgedIsThere) {
    start();
    EXPECT_TRUE(eventually([&] { return loader_->state().as_of_ms == kNow; })) << "an empty log is wholly there";
    clock_.advance_ms(5'000);
    EXPECT_TRUE(eventually([&] { return loader_->state().as_of_ms == kNow + 5'000; }));
    take_away();
    append_numbered(1);
    ASSERT_TRUE(wait_problem());
    clock_.advance_ms(5'000);
    const std::uint64_t errors = counted("footfall_loader_errors_total");
    EXPECT_TRUE(eventually([&] { return counted("footfall_loader_errors_total") > errors; }));
    EXPECT_EQ(loader_->state().as_of_ms, kNow + 5'000) << "the event is acknowledged and not there";
    bring_back();
    EXPECT_TRUE(eventually([&] { return loader_->state().as_of_ms == kNow + 10'000; }));
}

TEST_F(LoaderTest, ARecordThatCannotBeReadStopsTheLoaderBeforeItWithTheReason) {
    std::vector<event::Event> events;
    for (std::uint64_t i = 0; i < 10; ++i) {
        events.push_back(numbered(i));
        events.back().received_at = kNow - 1'000 + static_cast<std::int64_t>(i);
    }
    append(events);
    const log::Entry newer{log::EntryKind::kEvent, R"({"v":2,"website_id":"site"})"};
    ASSERT_TRUE(log_->append({&newer, 1}));
    append_numbered(3);
    start();
    EXPECT_TRUE(eventually([&] { return !loader_->state().problem.empty() && loader_->state().loaded.offset == 10; }));
    const Status waited = loader_->wait_loaded(log_->end(), 0);
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, Code::kTimeout);
    EXPECT_THAT(waited.error().message, AllOf(HasSubstr("10 of 14"), HasSubstr(loader_->state().problem)));
    EXPECT_TRUE(loader_->wait_loaded({0, 10}, 0));
    EXPECT_EQ(loader_->state().as_of_ms, kNow - 991) << "behind, only what is there counts";
    expect_rows(10);
}

TEST_F(LoaderTest, R8ADamagedRangeOfTheLogIsPassedOverAndTheRestIsLoaded) {
    for (int group = 0; group < 5; ++group) append_numbered(4);
    log_.reset();
    for (const auto& file : std::filesystem::directory_iterator(folder_ / "log")) {
        // In the first frame, which starts at byte 4,096.
        const auto opened = File::open(file.path(), O_RDWR);
        ASSERT_TRUE(opened);
        const bool has_frame = opened->read_at(4'096, 1).value() == "\xf6";
        ASSERT_TRUE(!has_frame || opened->write_at("????", 4'096 + 60));
    }
    ASSERT_NO_FATAL_FAILURE(open_log());
    ASSERT_EQ(log_->end().offset, 20u);
    start();
    expect_loaded();
    EXPECT_EQ(offsets(), range(4, 20));
    EXPECT_EQ(log_->damage().size(), 1u);
    append_numbered(2);
    expect_loaded();
    EXPECT_EQ(offsets(), range(4, 22));
}

TEST_F(LoaderTest, AStoreThatIsAheadOfTheLogIsNeitherFilledNorForgotten) {
    append_numbered(10);
    load_and_stop();
    insert({{25, numbered(25)}});
    append_numbered(5);
    start();
    EXPECT_TRUE(wait_problem("the store holds offset 25 but the log ends at 15"));
    EXPECT_EQ(loader_->state().rows, 0u);
    EXPECT_EQ(loader_->state().loaded.offset, 10u);
    EXPECT_EQ(offsets().size(), 11u);
}

/// A log that may end before its end, as a topic does that was made anew.
class CutLog final : public log::EventLog {
public:
    explicit CutLog(log::EventLog& log) : log_(log) {}

    Result<log::Position> append(std::span<const log::Entry> group) override { return log_.append(group); }
    log::Position end() const override { return std::min(log_.end(), log::Position{.partition = 0, .offset = cut_at}); }
    log::Position begin() const override { return log_.begin(); }
    bool wait_beyond(log::Position position, int timeout_ms) const override {
        return log_.wait_beyond(position, timeout_ms);
    }
    Result<std::unique_ptr<log::LogReader>> reader(log::Position from) const override { return log_.reader(from); }
    std::vector<log::Damage> damage() const override { return log_.damage(); }
    Status release(log::Position position) override { return log_.release(position); }

    std::atomic<std::uint64_t> cut_at{1'000};

private:
    log::EventLog& log_;
};

TEST_F(LoaderTest, ALogThatEndsBeforeWhatWasLoadedIsForWhoeverStartsAgain) {
    append_numbered(10);
    CutLog log(*log_);
    Loader loader(log, store(), clock_, options());
    loader.start();
    ASSERT_TRUE(loader.wait_loaded(log_->end(), 60'000));
    log.cut_at = 4;
    loader.store_restarted();
    EXPECT_TRUE(eventually([&] { return loader.has_ended(); }));
    EXPECT_THAT(loader.state().problem, HasSubstr("it was made anew or cut"));
    EXPECT_EQ(offsets().size(), 10u);
}

TEST_F(LoaderTest, ADeletionThatIsStillAtWorkIsWaitedForSinceItsRowsAreThereAndAreNot) {
    append_numbered(10);
    load_and_stop();
    const std::string old = checkpoint();
    append_numbered(10);
    load_and_stop();
    ASSERT_TRUE(write_file_atomically(options().checkpoint_path, old));
    execute("SYSTEM STOP MERGES footfall.events");
    execute("ALTER TABLE footfall.events DELETE WHERE log_offset >= 15 SETTINGS mutations_sync = 0");
    start();
    ASSERT_TRUE(wait_problem("still deleting"));
    EXPECT_EQ(offsets(), range(0, 20)) << "they are seen, and will go";
    execute("SYSTEM START MERGES footfall.events");
    expect_loaded();
    EXPECT_TRUE(eventually([] { return ask("SELECT count() FROM system.mutations WHERE NOT is_done")[0] == "0"; }));
    expect_rows(20);
}

TEST_F(LoaderTest, WhileTheTablesAreHeldNothingIsWrittenAndAfterwardsItGoesOn) {
    append_numbered(15);
    start();
    expect_loaded();
    {
        const auto held = loader_->hold(60'000);
        ASSERT_TRUE(held) << held.error().message;
        EXPECT_EQ(held->position.offset, 15u);
        append_numbered(10);
        EXPECT_EQ(loader_->wait_loaded(log_->end(), 300).error().code, Code::kTimeout);
        expect_rows(15);
        EXPECT_TRUE(held->is_intact());
    }
    expect_loaded();
    expect_rows(25);
}

TEST_F(LoaderTest, WhoKeepsItStillDoesSoUntilItIsLetGoAlsoBehindADoubtAndAtTheEnd) {
    append_numbered(15);
    loader_ = std::make_unique<Loader>(*log_, store(), clock_, options());
    auto still = loader_->keep_still();
    loader_->start();
    ASSERT_TRUE(loader_->wait_loaded({}, 60'000)) << "it has asked the store what it holds";
    EXPECT_EQ(loader_->wait_loaded(log_->end(), 300).error().code, Code::kTimeout);
    loader_->store_restarted();
    EXPECT_EQ(loader_->wait_loaded(log_->end(), 300).error().code, Code::kTimeout);
    expect_rows(0);
    still.reset();
    expect_loaded();
    still = loader_->keep_still();
    append_numbered(5);
    ASSERT_TRUE(loader_->hold(60'000));
    loader_->stop(1'000);
    expect_rows(15);
    still.reset();
}

TEST_F(LoaderTest, AStoreThatIsStartedAgainEndsTheHoldAndTheHolderIsTold) {
    append_numbered(5);
    start();
    expect_loaded();
    const auto held = loader_->hold(60'000);
    ASSERT_TRUE(held) << held.error().message;
    append_numbered(5);
    loader_->store_restarted();
    expect_loaded();
    EXPECT_FALSE(held->is_intact());
    expect_rows(10);
}

TEST_F(LoaderTest, TheTablesOfAStoreThatDoesNotAnswerAreNotHeldAndTheReasonIsSaid) {
    append_numbered(5);
    take_away();
    start();
    ASSERT_TRUE(wait_problem());
    const auto held = loader_->hold(200);
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, Code::kTimeout);
    EXPECT_THAT(held.error().message, HasSubstr("has no table of events yet"));
    bring_back();
    expect_loaded();
}

TEST_F(LoaderTest, StopWithGraceLoadsTheRestAndWithoutItOrAStoreItEnds) {
    append_numbered(55);
    start();
    loader_->stop(60'000);
    EXPECT_EQ(loader_->state().loaded.offset, 55u);
    expect_rows(55);

    take_away();
    append_numbered(10);
    start();
    ASSERT_TRUE(wait_problem());
    loader_->stop(0);
    EXPECT_EQ(loader_->state().loaded.offset, 55u);

    start();
    ASSERT_TRUE(wait_problem());
    std::thread stopper([this] { loader_->stop(60'000); });
    const std::uint64_t errors = counted("footfall_loader_errors_total");
    EXPECT_TRUE(eventually([&] { return counted("footfall_loader_errors_total") > errors; }))
        << "within its grace it tries";
    clock_.advance_ms(60'000);
    stopper.join();
    EXPECT_EQ(loader_->state().loaded.offset, 55u);
}

// Failpoints are read from the environment at their first use, so these run in a process of their own, on the same log
// and the same store.
class LoaderDeathTest : public LoaderTest, public testing::WithParamInterface<std::string> {
protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        (void)failpoint("loader.none");  // in this process before they are armed, in the one that dies after
        LoaderTest::SetUp();
    }
    void TearDown() override {
        ::unsetenv("FOOTFALL_FAILPOINTS");
        LoaderTest::TearDown();
    }
    [[noreturn]] void load_and_exit() {
        start();
        expect_loaded();
        loader_->stop(0);
        std::_Exit(HasFailure() ? 1 : 0);
    }
};
// A batch has two inserts here, one a month: the second and the third are the middle and the start of one.
INSTANTIATE_TEST_SUITE_P(Points, LoaderDeathTest,
                         testing::Values("loader.before_insert=abort@2", "loader.before_insert=abort@3",
                                         "loader.after_insert=abort@1", "loader.after_insert=abort@4",
                                         "loader.checkpoint=abort@1", "loader.checkpoint=abort@3",
                                         "loader.before_insert=error@2", "loader.after_insert=error@1",
                                         "loader.after_insert=error@4", "loader.checkpoint=error@2"));

TEST_P(LoaderDeathTest, R2DeathOrFailureAroundAnInsertLeavesEachEventOnce) {
    if (!is_death_child()) {
        append_numbered(40);
        log_.reset();
    }
    ::setenv("FOOTFALL_FAILPOINTS", GetParam().c_str(), 1);
    if (GetParam().find("abort") != std::string::npos) {
        EXPECT_EXIT(load_and_exit(), testing::KilledBySignal(SIGKILL), "");
    } else {
        EXPECT_EXIT(load_and_exit(), testing::ExitedWithCode(0), "loader.retry");
        expect_rows(40);
    }
    ::unsetenv("FOOTFALL_FAILPOINTS");
    ASSERT_NO_FATAL_FAILURE(open_log());
    const std::uint64_t present = offsets().size();
    start();
    expect_loaded();
    EXPECT_EQ(loader_->state().rows, 40 - present) << "what was there has been inserted again";
    expect_rows(40);
}

}  // namespace
}  // namespace footfall::process
