#include <atomic>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "log/disk/disk_log.h"
#include "log/disk/disk_log_fixture.h"

namespace footfall::log {
namespace {

constexpr const char* kMarker = "marker-of-the-one-who-goes";

/// Entries of two visitors by turns, in groups of four; of segments there are some.
void fill(DiskLog& log, std::size_t groups) {
    std::mt19937 dice(4'711);
    for (std::size_t group = 0; group < groups; ++group) {
        std::vector<std::string> payloads;
        for (std::size_t i = 0; i < 4; ++i) {
            // So different that a group stays as it is, and what it holds can be found in the file.
            std::string noise;
            for (std::size_t j = 0; j < 300; ++j) noise += static_cast<char>(dice());
            payloads.push_back((i == 1 ? std::string(kMarker) : "another-" + std::to_string(group)) + " " + noise);
        }
        ASSERT_TRUE(append(log, payloads));
    }
}

std::optional<std::string> of_the_marked(const StoredEntry& entry) {
    if (!entry.payload.starts_with(kMarker)) return std::nullopt;
    return "gone";
}

bool has_marker(const std::string& directory) {
    const auto names = list_directory(directory).value();
    for (const std::string& name : names)
        if (read_file(directory + "/" + name).value().find(kMarker) != std::string::npos) return true;
    return false;
}

/// All that was there is there but for the marked entries, which are tombstones.
void expect_erased(const DiskLog& log, const Contents& before) {
    const Contents after = read_all(log, 0);
    EXPECT_EQ(after.errors, before.errors);
    EXPECT_GE(after.entries.size(), before.entries.size());
    for (const auto& [offset, payload] : before.entries) {
        const auto found = after.entries.find(offset);
        ASSERT_NE(found, after.entries.end()) << offset;
        EXPECT_EQ(found->second, payload.starts_with(kMarker) ? "gone" : payload) << offset;
    }
}

TEST(RewriteTest, S22WhatIsErasedIsInNoFileAndTheRestStaysAtItsPlace) {
    ManualClock clock(1'795'500'000'000);
    const std::string dir = fresh_directory("erase");
    auto log = open(small(dir), clock);
    fill(*log, 100);
    const Contents before = read_all(*log, 0);
    ASSERT_GE(segments_of(dir).size(), 3u);
    ASSERT_TRUE(has_marker(dir)) << "else the test shows nothing";
    const auto erased = log->erase({}, of_the_marked, ErasurePace::kAtOnce);
    ASSERT_TRUE(erased) << erased.error().message;
    EXPECT_EQ(erased->entries, 100u);
    EXPECT_FALSE(has_marker(dir));
    expect_erased(*log, before);
    EXPECT_TRUE(log->damage().empty());
    // It goes on, and opens again as it is.
    ASSERT_TRUE(append(*log, {"later"}));
    log.reset();
    log = open(small(dir), clock);
    expect_erased(*log, before);
    EXPECT_EQ(read_all(*log, 400).entries.at(400), "later");
    EXPECT_TRUE(log->damage().empty());
    // Of the rest nothing is left to do.
    const auto again = log->erase({}, of_the_marked, ErasurePace::kAtOnce);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->entries, 0u);
    EXPECT_EQ(again->segments, 0u);
}

TEST(RewriteTest, OnlyWhatIsInTheRangeIsErased) {
    ManualClock clock(1'795'500'000'000);
    auto log = open(small(fresh_directory("erase_range")), clock);
    fill(*log, 10);
    const auto erased = log->erase({.begin = 5, .end = 13}, of_the_marked, ErasurePace::kAtOnce);
    ASSERT_TRUE(erased);
    EXPECT_EQ(erased->entries, 2u);  // 5 and 9; 13 is behind
    const Contents after = read_all(*log, 0);
    for (const std::uint64_t offset : {1, 13}) EXPECT_TRUE(after.entries.at(offset).starts_with(kMarker)) << offset;
    for (const std::uint64_t offset : {5, 9}) EXPECT_EQ(after.entries.at(offset), "gone") << offset;
}

TEST(RewriteTest, AnEntryCanGetAnotherPayloadAndKeepsItsKindAndPlace) {
    ManualClock clock(1'795'500'000'000);
    const std::string dir = fresh_directory("rewrite");
    auto log = open(small(dir), clock);
    fill(*log, 50);
    Contents expected = read_all(*log, 0);
    const auto longer = [](const StoredEntry& entry) -> Result<std::optional<Rewritten>> {
        if (entry.position.offset % 4 != 2) return std::optional<Rewritten>();
        return std::optional<Rewritten>({entry.kind, "another " + std::string(entry.payload)});
    };
    for (auto& [offset, payload] : expected.entries)
        if (offset % 4 == 2) payload = "another " + payload;
    const auto rewritten = log->rewrite({}, longer, ErasurePace::kAtOnce);
    ASSERT_TRUE(rewritten) << rewritten.error().message;
    EXPECT_EQ(rewritten->entries, 50u);
    EXPECT_EQ(read_all(*log, 0).entries, expected.entries);
    std::vector<StoredEntry> entries;
    auto reader = log->reader({}).value();
    while (reader->position() < log->end()) ASSERT_TRUE(reader->read(entries, 1'000, 1u << 20));
    for (const StoredEntry& entry : entries) EXPECT_EQ(entry.kind, EntryKind::kEvent);
    log.reset();
    log = open(small(dir), clock);
    EXPECT_EQ(read_all(*log, 0).entries, expected.entries);
    EXPECT_TRUE(log->damage().empty());
}

TEST(RewriteTest, AnErrorOfWhoRewritesEndsItAndChangesNothingMore) {
    ManualClock clock(1'795'500'000'000);
    auto log = open(small(fresh_directory("rewrite_error")), clock);
    fill(*log, 50);
    const Contents before = read_all(*log, 0);
    const auto rewritten = log->rewrite(
        {},
        [](const StoredEntry& entry) -> Result<std::optional<Rewritten>> {
            if (entry.position.offset == 3) return Error(Code::kUnavailable, "no more");
            return std::optional<Rewritten>();
        },
        ErasurePace::kAtOnce);
    ASSERT_FALSE(rewritten);
    EXPECT_EQ(rewritten.error().code, Code::kUnavailable);
    EXPECT_EQ(read_all(*log, 0).entries, before.entries);
}

TEST(RewriteTest, AReaderInTheMidstReadsOnWithoutAGap) {
    ManualClock clock(1'795'500'000'000);
    const std::string dir = fresh_directory("erase_reader");
    auto log = open(small(dir), clock);
    fill(*log, 100);
    const Contents before = read_all(*log, 0);
    for (const std::size_t ahead : {1, 2, 6, 50, 101, 399}) {
        auto reader = log->reader({.partition = 0, .offset = 0}).value();
        std::vector<StoredEntry> entries;
        ASSERT_TRUE(reader->read(entries, ahead, 1u << 20));
        ASSERT_TRUE(log->erase({}, of_the_marked, ErasurePace::kAtOnce));
        std::uint64_t next = ahead;
        while (next < 400) {
            entries.clear();
            const auto status = reader->read(entries, 7, 1u << 20);
            ASSERT_TRUE(status) << ahead << ": " << status.error().message;
            ASSERT_FALSE(entries.empty());
            for (const StoredEntry& entry : entries) ASSERT_EQ(entry.position.offset, next++);
        }
    }
    EXPECT_TRUE(log->damage().empty());
    expect_erased(*log, before);
}

TEST(RewriteTest, AppendsAndReadersGoOnBesideIt) {
    ManualClock clock(1'795'500'000'000);
    auto log = open(small(fresh_directory("erase_beside")), clock);
    fill(*log, 20);
    std::atomic<bool> done{false};
    std::thread reading([&] {
        while (!done) {
            auto reader = log->reader({.partition = 0, .offset = 0}).value();
            std::vector<StoredEntry> entries;
            std::uint64_t next = 0;
            for (;;) {
                entries.clear();
                const auto status = reader->read(entries, 100, 1u << 20);
                EXPECT_TRUE(status) << status.error().message;
                if (!status || entries.empty()) break;
                for (const StoredEntry& entry : entries) EXPECT_EQ(entry.position.offset, next++);
            }
        }
    });
    std::thread writing([&] {
        for (int i = 0; i < 20; ++i) fill(*log, 10);
        done = true;
    });
    while (!done) EXPECT_TRUE(log->erase({}, of_the_marked, ErasurePace::kAtOnce));
    reading.join();
    writing.join();
    ASSERT_TRUE(log->erase({}, of_the_marked, ErasurePace::kAtOnce));
    const Contents after = read_all(*log, 0);
    EXPECT_EQ(after.entries.size(), 880u);
    for (const auto& [offset, payload] : after.entries) EXPECT_EQ(payload == "gone", offset % 4 == 1) << offset;
    EXPECT_TRUE(log->damage().empty());
}

TEST(RewriteTest, DamageStaysNamedAndTheRestIsKept) {
    ManualClock clock(1'795'500'000'000);
    const std::string dir = fresh_directory("erase_damage");
    auto log = open(small(dir), clock);
    fill(*log, 100);
    const std::string first = segments_of(dir).front();
    const auto frames = frames_of(read_file(first).value());
    ASSERT_GT(frames.size(), 3u);
    ASSERT_TRUE(File::open(first, O_WRONLY).value().write_at("XXXX", frames[2].at + 40));
    const Contents before = read_all(*log, 0);
    ASSERT_EQ(before.errors, 1u);
    ASSERT_TRUE(log->erase({}, of_the_marked, ErasurePace::kAtOnce));
    expect_erased(*log, before);
    ASSERT_EQ(log->damage().size(), 1u);
    EXPECT_EQ(log->damage()[0].first, 8u);
    EXPECT_EQ(log->damage()[0].last, 11u);
    EXPECT_FALSE(has_marker(dir)) << "what was damaged is in no file either";
    log.reset();
    log = open(small(dir), clock);
    expect_erased(*log, before);
}

#ifdef FOOTFALL_FAILPOINTS
class RewriteDeathTest : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
    void TearDown() override { unsetenv("FOOTFALL_FAILPOINTS"); }
};

TEST_P(RewriteDeathTest, S22LeavesEachSegmentWholeAndTheNextCallDoesTheRest) {
    ManualClock clock(1'795'500'000'000);
    const std::string dir = testing::TempDir() + "footfall_log_erase_death";
    const auto die = [&] {
        fs::remove_all(dir);
        auto log = open(small(dir), clock);
        fill(*log, 100);
        static_cast<void>(log->erase({}, of_the_marked, ErasurePace::kAtOnce).has_value());
        std::exit(0);
    };
    setenv("FOOTFALL_FAILPOINTS", GetParam(), 1);
    EXPECT_EXIT(die(), testing::KilledBySignal(SIGKILL), "");
    unsetenv("FOOTFALL_FAILPOINTS");
    auto untouched = open(small(fresh_directory("erase_untouched")), clock);
    fill(*untouched, 100);
    const Contents before = read_all(*untouched, 0);
    auto log = open(small(dir), clock);
    EXPECT_FALSE(path_exists(dir + "/rewrite.tmp"));
    EXPECT_EQ(read_all(*log, 0).entries.size(), before.entries.size());
    ASSERT_TRUE(log->erase({}, of_the_marked, ErasurePace::kAtOnce));
    EXPECT_TRUE(log->damage().empty());
    expect_erased(*log, before);
    EXPECT_FALSE(has_marker(dir));
}

INSTANTIATE_TEST_SUITE_P(At, RewriteDeathTest,
                         testing::Values("log.rewrite.before_sync=abort", "log.rewrite.before_rename=abort@1",
                                         "log.rewrite.before_rename=abort@3", "log.rewrite.after_rename=abort@1",
                                         "log.rewrite.after_rename=abort@2"));
#endif

}  // namespace
}  // namespace footfall::log
