#include "ingest/dedup.h"

#include <bit>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/file.h"

namespace footfall::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr std::int64_t kDay = 86'400'000;

/// Reproduces a run: the seed is printed, and FAULT_SEED sets it.
std::uint64_t seed() {
    static const std::uint64_t value = [] {
        const char* env = std::getenv("FAULT_SEED");
        const std::uint64_t chosen = env != nullptr ? std::strtoull(env, nullptr, 10) : std::random_device{}();
        std::cout << "FAULT_SEED=" << chosen << "\n";
        return chosen;
    }();
    return value;
}

std::string fresh_directory(const std::string& name) {
    const std::string path = testing::TempDir() + "footfall_dedup_" + name;
    fs::remove_all(path);
    return path;
}

DedupOptions small(const std::string& directory) { return {.directory = directory, .flush_ids = 64}; }

std::unique_ptr<Dedup> open(const DedupOptions& options) {
    auto index = Dedup::open(options, system_clock());
    EXPECT_TRUE(index) << index.error().message;
    return index ? std::move(*index) : nullptr;
}

Uuid uuid_v4(std::mt19937_64& random) {
    Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<unsigned char>(random());
    id.bytes[6] = static_cast<unsigned char>(0x40 | (id.bytes[6] & 0x0f));
    return id;
}

Uuid uuid_v7(std::mt19937_64& random, std::int64_t ms) {
    Uuid id = uuid_v4(random);
    for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<unsigned char>(ms >> (8 * (5 - i)));
    id.bytes[6] = static_cast<unsigned char>(0x70 | (id.bytes[6] & 0x0f));
    return id;
}

bool seen(Dedup& index, const std::string& site, const Uuid& id, std::int64_t receive_ms) {
    const auto answer = index.seen(site, id, receive_ms);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(false);
}

/// An index with `count` version 4 ids in runs, nothing in memory, and the ids.
std::vector<Uuid> fill(const DedupOptions& options, std::size_t count) {
    std::mt19937_64 random(5);
    auto index = open(options);
    std::vector<Uuid> ids;
    for (std::size_t i = 0; i < count; ++i) {
        ids.push_back(uuid_v4(random));
        EXPECT_FALSE(seen(*index, "site", ids.back(), kNow));
        EXPECT_TRUE(index->commit(i + 1));
        if (i % options.flush_ids == options.flush_ids - 1) {
            EXPECT_TRUE(index->settle(60'000));
        }
    }
    EXPECT_EQ(index->statistics().ids_in_runs, count);
    return ids;
}

std::vector<std::string> runs_in(const std::string& directory) {
    std::vector<std::string> out;
    const auto names = list_directory(directory).value();
    for (const auto& name : names)
        if (name.ends_with(".run")) out.push_back(directory + "/" + name);
    return out;
}

TEST(DedupTest, ACopyInTheSameGroupOrALaterOneIsADuplicateAndOtherSitesAreNotConcerned) {
    std::mt19937_64 random(1);
    auto index = open(small(fresh_directory("basic")));
    for (const Uuid& id : {uuid_v4(random), uuid_v7(random, kNow)}) {
        EXPECT_FALSE(seen(*index, "a", id, kNow));
        EXPECT_TRUE(seen(*index, "a", id, kNow));
        EXPECT_FALSE(seen(*index, "b", id, kNow));
        EXPECT_TRUE(index->commit(2));
        EXPECT_TRUE(seen(*index, "a", id, kNow + 1));
        EXPECT_TRUE(seen(*index, "b", id, kNow + 1));
        EXPECT_FALSE(seen(*index, std::string(2000, 's'), id, kNow));
        EXPECT_TRUE(seen(*index, std::string(2000, 's'), id, kNow));
        index->abort();
    }
}

TEST(DedupTest, AnAbortedGroupIsForgottenAndWhatWasCommittedBeforeIsNot) {
    std::mt19937_64 random(1);
    auto index = open(small(fresh_directory("abort")));
    const Uuid kept = uuid_v4(random);
    EXPECT_FALSE(seen(*index, "a", kept, kNow));
    EXPECT_TRUE(index->commit(1));
    std::vector<Uuid> ids;
    for (int i = 0; i < 200; ++i) ids.push_back(uuid_v4(random));
    for (int round = 0; round < 3; ++round) {
        for (const Uuid& id : ids) EXPECT_FALSE(seen(*index, "a", id, kNow));
        index->abort();
    }
    EXPECT_TRUE(seen(*index, "a", kept, kNow));
    EXPECT_TRUE(index->settle(60'000));
    EXPECT_EQ(index->statistics().ids_in_memory, 1u);
}

TEST(DedupTest, R11AnIdIsADuplicateForSevenDaysFromItsFirstReceiptAndNotMuchLonger) {
    std::mt19937_64 random(1);
    for (const bool on_disk : {false, true}) {
        const DedupOptions options = small(fresh_directory("window"));
        auto index = open(options);
        const Uuid v4 = uuid_v4(random), v7 = uuid_v7(random, kNow), old = uuid_v7(random, kNow - 30 * kDay);
        const Uuid early = uuid_v7(random, kNow + 3 * kDay);  // its hour is not believed yet, later it would be
        std::uint64_t offset = 0;
        for (const Uuid& id : {v4, v7, old, early}) EXPECT_FALSE(seen(*index, "a", id, kNow));
        for (int i = 0; on_disk && i < 100; ++i) EXPECT_FALSE(seen(*index, "a", uuid_v4(random), kNow));
        EXPECT_TRUE(index->commit(offset += 104));
        EXPECT_TRUE(index->settle(60'000));
        EXPECT_EQ(index->statistics().runs, on_disk ? 1u : 0u);
        for (const std::int64_t later : {std::int64_t{0}, 3 * kDay, 7 * kDay - 1, 7 * kDay})
            for (const Uuid& id : {v4, v7, old, early})
                EXPECT_TRUE(seen(*index, "a", id, kNow + later)) << later << " " << id.text();
        for (const Uuid& id : {v4, v7, old, early})
            EXPECT_FALSE(seen(*index, "a", id, kNow + 7 * kDay + 1000)) << id.text();
        // Counted anew, and the window with it.
        EXPECT_TRUE(index->commit(offset += 4));
        for (const Uuid& id : {v4, v7, old, early}) EXPECT_TRUE(seen(*index, "a", id, kNow + 14 * kDay)) << id.text();
        // A clock that goes back forgets nothing.
        for (const Uuid& id : {v4, v7, old, early}) EXPECT_TRUE(seen(*index, "a", id, kNow - kDay)) << id.text();
    }
}

TEST(DedupTest, ARestartReplaysTheLogFromTheCheckpointOnly) {
    std::mt19937_64 random(1);
    const DedupOptions options = small(fresh_directory("replay"));
    std::vector<Uuid> ids;
    auto index = open(options);
    EXPECT_EQ(index->replay_from(), 0u);
    for (std::uint64_t i = 0; i < 100; ++i) {
        ids.push_back(uuid_v7(random, kNow));
        EXPECT_FALSE(seen(*index, "a", ids.back(), kNow));
        EXPECT_TRUE(index->commit(i + 1));
        if (i == 63) {
            EXPECT_TRUE(index->settle(60'000));
        }
    }
    EXPECT_EQ(index->replay_from(), 64u);
    index.reset();
    index = open(options);
    ASSERT_EQ(index->replay_from(), 64u);
    for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(index->restore("a", ids[i], kNow, i));
    EXPECT_EQ(index->statistics().ids_in_memory, 36u) << "what the runs have is not taken in again";
    for (const Uuid& id : ids) EXPECT_TRUE(seen(*index, "a", id, kNow));
}

TEST(DedupTest, OldIdsAreWrittenThoughThereAreFewSoThatTheLogCanBeDeleted) {
    std::mt19937_64 random(1);
    auto index = open(small(fresh_directory("age")));
    EXPECT_FALSE(seen(*index, "a", uuid_v4(random), kNow));
    EXPECT_TRUE(index->commit(1));
    EXPECT_TRUE(index->settle(60'000));
    EXPECT_EQ(index->replay_from(), 0u);
    EXPECT_FALSE(seen(*index, "a", uuid_v4(random), kNow + kDay / 4));
    EXPECT_TRUE(index->commit(2));
    EXPECT_TRUE(index->settle(60'000));
    EXPECT_EQ(index->replay_from(), 2u);
}

TEST(DedupTest, ExpiredRunsAreDeleted) {
    std::mt19937_64 random(1);
    const DedupOptions options = small(fresh_directory("expiry"));
    auto index = open(options);
    std::uint64_t offset = 0;
    for (int day = 0; day < 30; ++day) {
        for (int i = 0; i < 100; ++i) EXPECT_FALSE(seen(*index, "a", uuid_v4(random), kNow + day * kDay + i));
        EXPECT_TRUE(index->commit(offset += 100));
        EXPECT_TRUE(index->settle(60'000));
    }
    const auto statistics = index->statistics();
    EXPECT_LE(statistics.ids_in_runs, 100u * (9 + 4)) << "nine days, and what shares a run with them";
    EXPECT_EQ(runs_in(options.directory).size(), statistics.runs);
}

TEST(DedupTest, IdsThatCannotBeWrittenAreKeptAndNewOnesRefusedUntilTheDiskIsThereAgain) {
    std::mt19937_64 random(1);
    const DedupOptions options = small(fresh_directory("overload"));
    auto index = open(options);
    fs::rename(options.directory, options.directory + "_away");
    std::vector<Uuid> ids;
    std::uint64_t offset = 0;
    bool refused = false;
    for (int i = 0; i < 1000 && !refused; ++i) {
        const Uuid id = uuid_v4(random);
        const auto answer = index->seen("a", id, kNow);
        refused = !answer;
        if (!answer) {
            EXPECT_EQ(answer.error().code, Code::kOverloaded);
            index->abort();
            break;
        }
        ids.push_back(id);
        ASSERT_TRUE(index->commit(++offset));
    }
    ASSERT_TRUE(refused);
    EXPECT_GE(ids.size(), 4 * 64u);
    fs::rename(options.directory + "_away", options.directory);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (index->statistics().ids_in_memory > 0 && std::chrono::steady_clock::now() < deadline)
        ASSERT_TRUE(index->settle(60'000));
    EXPECT_EQ(index->replay_from(), offset);
    for (const Uuid& id : ids) EXPECT_TRUE(seen(*index, "a", id, kNow));
}

TEST(DedupTest, ASecondOpenerIsTurnedAway) {
    const DedupOptions options = small(fresh_directory("lock"));
    auto index = open(options);
    EXPECT_EQ(Dedup::open(options, system_clock()).error().code, Code::kConflict);
}

TEST(DedupTest, MissingOrDamagedFilesAreNamedAtOpening) {
    const DedupOptions options = small(fresh_directory("damage_open"));
    fill(options, 128);
    const auto runs = runs_in(options.directory);
    ASSERT_EQ(runs.size(), 2u);
    const std::string run = fs::path(runs[0]).filename().string();
    for (const std::string& name : {std::string("manifest"), std::string("secret"), run}) {
        const std::string path = options.directory + "/" + name;
        const std::string content = read_file(path).value();
        std::string flipped = content;
        flipped[flipped.size() - 30] ^= 4;
        ASSERT_TRUE(write_file_atomically(path, flipped));
        auto opened = Dedup::open(options, system_clock());
        ASSERT_FALSE(opened) << name;
        EXPECT_EQ(opened.error().code, Code::kCorrupt);
        EXPECT_NE(opened.error().message.find(name), std::string::npos) << opened.error().message;
        fs::remove(path);
        opened = Dedup::open(options, system_clock());
        ASSERT_FALSE(opened) << name;
        EXPECT_NE(opened.error().message.find(name), std::string::npos) << opened.error().message;
        ASSERT_TRUE(write_file_atomically(path, content));
        EXPECT_TRUE(Dedup::open(options, system_clock())) << name;
    }
}

// A bit is flipped, in each byte of the filter and in many of the rest: an answer is right, or it is an error that
// names the file.
TEST(DedupTest, ADamagedRunNeverAnswersWrongly) {
    const DedupOptions options = small(fresh_directory("damage_read"));
    const std::vector<Uuid> ids = fill(options, 64);
    const std::string path = runs_in(options.directory).at(0);
    const std::string content = read_file(path).value();
    std::mt19937_64 random(seed());
    std::size_t errors = 0;
    constexpr std::size_t kFilterBytes = 2 * 64;
    for (std::size_t at = 0; at < content.size(); at += at < kFilterBytes ? 1 : 1 + random() % 120) {
        std::string flipped = content;
        // In the filter a bit that says "maybe" becomes one that says "no".
        const auto byte = static_cast<unsigned char>(content[at]);
        const int bit = at < kFilterBytes && byte != 0 ? std::countr_zero(byte) : static_cast<int>(random() % 8);
        flipped[at] ^= static_cast<char>(1 << bit);
        ASSERT_TRUE(File::open(path, O_WRONLY).value().write_at(flipped, 0));
        auto index = Dedup::open(options, system_clock());
        if (!index) {
            ++errors;
            EXPECT_NE(index.error().message.find(path), std::string::npos);
            continue;
        }
        bool named = false;
        for (const Uuid& id : ids) {
            const auto answer = (*index)->seen("site", id, kNow);
            if (answer) {
                ASSERT_TRUE(*answer) << "byte " << at;
                continue;
            }
            EXPECT_EQ(answer.error().code, Code::kCorrupt);
            EXPECT_NE(answer.error().message.find(path), std::string::npos);
            named = true;
        }
        errors += named ? 1 : 0;
    }
    EXPECT_GT(errors, kFilterBytes) << "the test did nothing";
}

// Against a map: random sites, ids of both kinds, repetitions over eight days and more, aborted groups, restarts with
// and without a tail to replay, filters that are mostly not resident.
TEST(DedupTest, AgreesWithAModelUnderRandomOperations) {
    std::mt19937_64 random(seed());
    DedupOptions options = small(fresh_directory("model"));
    options.memory_max = 4096;
    struct Event {
        std::string site;
        Uuid id;
        std::int64_t receive_ms;
    };
    std::deque<Event> log;  // by offset
    std::map<std::pair<std::string, std::array<unsigned char, 16>>, std::int64_t>
        model;  // second of the receipt that counts
    auto index = open(options);
    std::int64_t now = kNow;
    std::size_t duplicates = 0, restarts = 0, replayed = 0, again = 0;
    for (int step = 0; step < 6000; ++step) {
        SCOPED_TRACE("step " + std::to_string(step));
        now += static_cast<std::int64_t>(random() % (step % 50 == 0 ? 6 * 3'600'000 : 60'000));
        if (random() % 400 == 0) {
            index.reset();
            index = open(options);
            ASSERT_LE(index->replay_from(), log.size());
            for (std::uint64_t offset = index->replay_from(); offset < log.size(); ++offset, ++replayed)
                ASSERT_TRUE(index->restore(log[offset].site, log[offset].id, log[offset].receive_ms, offset));
            ++restarts;
        }
        std::vector<Event> group;
        const std::size_t size = 1 + random() % 8;
        {
            std::map<std::pair<std::string, std::array<unsigned char, 16>>, std::int64_t> pending;
            for (std::size_t i = 0; i < size; ++i) {
                Event event{.site = "site" + std::to_string(random() % 3), .id = {}, .receive_ms = now};
                const auto kind = random() % 10;
                if (kind < 4 && !log.empty()) {
                    const std::size_t back =
                        random() % 2 == 0 ? random() % log.size() : random() % std::min<std::size_t>(log.size(), 100);
                    event.id = log[log.size() - 1 - back].id;
                    if (random() % 4 != 0) event.site = log[log.size() - 1 - back].site;
                } else if (kind < 6) {
                    event.id = uuid_v4(random);
                } else if (kind < 9) {
                    event.id = uuid_v7(random, now - static_cast<std::int64_t>(random() % 3'600'000));
                } else {
                    event.id = uuid_v7(random, now - 20 * kDay + static_cast<std::int64_t>(random() % (40 * kDay)));
                }
                const auto key = std::make_pair(event.site, event.id.bytes);
                const auto known = model.find(key);
                const bool open_window = known != model.end() && known->second + 7 * 86'400 >= now / 1000;
                const bool expected = pending.contains(key) || open_window;
                ASSERT_EQ(seen(*index, event.site, event.id, now), expected) << event.site << " " << event.id.text();
                duplicates += expected ? 1 : 0;
                if (expected) continue;
                again += known != model.end() ? 1 : 0;
                pending[key] = now / 1000;
                group.push_back(event);
            }
            if (random() % 10 == 0) {
                index->abort();
                continue;
            }
            for (const auto& [key, second] : pending) model[key] = second;
        }
        log.insert(log.end(), group.begin(), group.end());
        ASSERT_TRUE(index->commit(log.size()));
        // Not always, so that groups meet runs in the making; but the table must not run full.
        if (random() % 8 == 0) {
            ASSERT_TRUE(index->settle(60'000));
        }
    }
    EXPECT_GT(duplicates, 2000u);
    EXPECT_GT(restarts, 5u);
    EXPECT_GT(replayed, 50u);
    EXPECT_GT(again, 20u) << "ids whose window had passed";
}

// Failpoints are read from the environment at their first use, so these run in a process of their own.
class DedupDeathTest : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        (void)failpoint("dedup.none");  // in this process before they are armed, in the one that dies after
    }
    void TearDown() override { unsetenv("FOOTFALL_FAILPOINTS"); }
};
INSTANTIATE_TEST_SUITE_P(Points, DedupDeathTest,
                         testing::Values("dedup.flush=abort@6", "dedup.manifest=abort@1", "dedup.manifest=abort@5",
                                         "dedup.manifest=abort@6", "dedup.merge=abort@1", "dedup.merge=error",
                                         "dedup.flush=error@2", "dedup.manifest=error@3"));

TEST_P(DedupDeathTest, R2DeathOrFailureInTheBackgroundLosesNoId) {
    const DedupOptions options = small(testing::TempDir() + "footfall_dedup_death");
    fs::remove_all(options.directory);
    setenv("FOOTFALL_FAILPOINTS", GetParam(), 1);
    constexpr std::uint64_t kIds = 64 * 12;
    const auto run = [&] {
        std::mt19937_64 random(9);
        auto index = std::move(*Dedup::open(options, system_clock()));
        for (std::uint64_t i = 0; i < kIds; ++i) {
            while (!index->seen("a", uuid_v4(random), kNow)) {
                index->abort();
                (void)index->settle(1000);
                random.seed(9);
                random.discard(i * 16);
            }
            (void)index->commit(i + 1);
            (void)index->settle(60'000);
        }
        std::_Exit(0);
    };
    const bool dies = std::string(GetParam()).find("abort") != std::string::npos;
    if (dies) EXPECT_EXIT(run(), testing::KilledBySignal(SIGKILL), "");
    else EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
    auto index = open(options);
    const std::uint64_t from = index->replay_from();
    std::mt19937_64 random(9);
    std::vector<Uuid> ids;
    for (std::uint64_t i = 0; i < kIds; ++i) ids.push_back(uuid_v4(random));
    for (std::uint64_t i = 0; i < kIds; ++i) {
        if (i < from) {
            ASSERT_TRUE(seen(*index, "a", ids[i], kNow)) << i;
        } else {
            ASSERT_TRUE(index->restore("a", ids[i], kNow, i));
        }
    }
    ASSERT_TRUE(index->settle(60'000));
    for (const Uuid& id : ids) ASSERT_TRUE(seen(*index, "a", id, kNow));
    EXPECT_EQ(runs_in(options.directory).size(), index->statistics().runs) << "no leftovers";
}

}  // namespace
}  // namespace footfall::ingest
