#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/worker_pool.h"
#include "log/log.h"

/// What every EventLog must do, whatever holds it. An implementation's test instantiates EventLogSuite with its own
/// stage.
namespace footfall::log::conformance {

/// One log for one test: empty at first.
class Stage {
public:
    virtual ~Stage() = default;
    virtual EventLog& log() = 0;
    /// Closes the log and opens it again, as a restart of the process does.
    virtual void reopen() = 0;
    /// Makes everything appended so far older than the retention and lets it be deleted as far as the implementation
    /// can.
    virtual void grow_old() = 0;
};

struct Implementation {
    std::string name;
    std::function<std::unique_ptr<Stage>()> make;
};

class EventLogSuite : public testing::TestWithParam<Implementation> {
protected:
    void SetUp() override { stage_ = GetParam().make(); }
    EventLog& log() { return stage_->log(); }
    Stage& stage() { return *stage_; }

    Position append(const std::vector<std::string>& payloads, EntryKind kind = EntryKind::kEvent) {
        std::vector<Entry> group;
        for (const std::string& payload : payloads) group.push_back({.kind = kind, .payload = payload});
        const auto position = log().append(group);
        EXPECT_TRUE(position) << position.error().message;
        return position.value_or(Position{});
    }

    std::vector<std::string> read_from(Position from, std::size_t entries_a_call = 1000,
                                       std::size_t bytes_a_call = 1u << 20) {
        std::vector<std::string> payloads;
        auto reader = log().reader(from);
        EXPECT_TRUE(reader) << reader.error().message;
        if (!reader) return payloads;
        for (Position next = from;;) {
            std::vector<StoredEntry> entries;
            const auto status = (*reader)->read(entries, entries_a_call, bytes_a_call);
            EXPECT_TRUE(status) << status.error().message;
            if (!status || entries.empty()) return payloads;
            EXPECT_LE(entries.size(), entries_a_call);
            for (const StoredEntry& entry : entries) {
                EXPECT_EQ(entry.position, next);
                ++next.offset;
                payloads.emplace_back(entry.payload);
            }
            EXPECT_EQ((*reader)->position(), next);
        }
    }

    static std::vector<std::string> numbered(std::size_t first, std::size_t count) {
        std::vector<std::string> out;
        for (std::size_t i = first; i < first + count; ++i) out.push_back("entry " + std::to_string(i));
        return out;
    }

private:
    std::unique_ptr<Stage> stage_;
};

TEST_P(EventLogSuite, AnEmptyLogEndsWhereItBeginsAndHasNothingToRead) {
    EXPECT_EQ(log().begin(), log().end());
    EXPECT_TRUE(read_from(log().begin()).empty());
    EXPECT_FALSE(log().wait_beyond(log().end(), 0));
    EXPECT_TRUE(log().damage().empty());
}

TEST_P(EventLogSuite, GroupsOfOneAndOfAThousandComeBackInOrder) {
    const Position begin = log().begin();
    EXPECT_EQ(append(numbered(0, 1)), begin);
    EXPECT_EQ(append(numbered(1, 1000)).offset, begin.offset + 1);
    EXPECT_EQ(append(numbered(1001, 1)).offset, begin.offset + 1001);
    EXPECT_EQ(log().end().offset, begin.offset + 1002);
    EXPECT_EQ(read_from(begin), numbered(0, 1002));
}

TEST_P(EventLogSuite, AnEmptyGroupIsNothing) {
    append(numbered(0, 3));
    const Position end = log().end();
    EXPECT_EQ(append({}), end);
    EXPECT_EQ(log().end(), end);
}

TEST_P(EventLogSuite, EveryPositionCanBeReadFrom) {
    const Position begin = log().begin();
    for (std::size_t i = 0; i < 60; i += 5) append(numbered(i, 5));
    for (std::size_t from = 0; from <= 60; ++from)
        EXPECT_EQ(read_from({begin.partition, begin.offset + from}), numbered(from, 60 - from)) << from;
    EXPECT_FALSE(log().reader({begin.partition, begin.offset + 61}));
}

TEST_P(EventLogSuite, PayloadsOfEverySizeAndKindComeBackByteForByte) {
    const Position begin = log().begin();
    std::vector<std::string> payloads;
    for (const std::size_t size : {0u, 1u, 127u, 128u, 1000u, 1025u, 16'384u, 300'000u}) {
        std::string payload(size, '\0');
        for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>((i * 2654435761u) >> 13);
        payloads.push_back(payload);
        append({payload});
    }
    append(payloads, EntryKind::kTally);
    std::vector<std::string> twice = payloads;
    twice.insert(twice.end(), payloads.begin(), payloads.end());
    EXPECT_TRUE(read_from(begin) == twice);

    auto reader = log().reader({begin.partition, begin.offset + payloads.size()});
    ASSERT_TRUE(reader);
    std::vector<StoredEntry> entries;
    ASSERT_TRUE((*reader)->read(entries, 1, 1));
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].kind, EntryKind::kTally);
}

TEST_P(EventLogSuite, ReadKeepsToItsLimitsAndEntriesStayValidUntilTheNextCall) {
    const Position begin = log().begin();
    append(numbered(0, 700));
    append(numbered(700, 300));
    EXPECT_EQ(read_from(begin, 7), numbered(0, 1000));
    EXPECT_EQ(read_from(begin, 701, 1u << 20), numbered(0, 1000));
    EXPECT_EQ(read_from(begin, 1000, 1), numbered(0, 1000));
}

TEST_P(EventLogSuite, AReaderAtTheEndGoesOnOnceThereIsMore) {
    append(numbered(0, 2));
    auto reader = log().reader(log().end());
    ASSERT_TRUE(reader);
    std::vector<StoredEntry> entries;
    ASSERT_TRUE((*reader)->read(entries, 10, 1000));
    EXPECT_TRUE(entries.empty());
    for (std::size_t i = 2; i < 200; ++i) {
        append(numbered(i, 1));
        entries.clear();
        ASSERT_TRUE((*reader)->read(entries, 10, 1000));
        ASSERT_EQ(entries.size(), 1u);
        EXPECT_EQ(entries[0].payload, "entry " + std::to_string(i));
    }
}

TEST_P(EventLogSuite, WaitBeyondReturnsOnceSomethingIsDurable) {
    const Position end = log().end();
    EXPECT_FALSE(log().wait_beyond(end, 1));
    WorkerPool writer("writer", 1, 1);
    ASSERT_TRUE(writer.submit([&] { append(numbered(0, 1)); }));
    EXPECT_TRUE(log().wait_beyond(end, 30'000));
    EXPECT_EQ(log().end().offset, end.offset + 1);
}

TEST_P(EventLogSuite, EverythingIsThereAfterReopening) {
    const Position begin = log().begin();
    for (std::size_t round = 0; round < 4; ++round) {
        append(numbered(round * 10, 1));
        append(numbered(round * 10 + 1, 9));
        stage().reopen();
        EXPECT_EQ(log().begin(), begin);
        EXPECT_EQ(log().end().offset, begin.offset + (round + 1) * 10);
        EXPECT_EQ(read_from(begin), numbered(0, (round + 1) * 10));
    }
    stage().reopen();
    stage().reopen();
    EXPECT_EQ(read_from(begin), numbered(0, 40));
}

TEST_P(EventLogSuite, SeveralReadersSeeTheSameWhileOneWrites) {
    constexpr std::size_t kEntries = 600;
    const Position begin = log().begin();
    std::atomic<std::size_t> right{0};
    {
        WorkerPool readers("readers", 3, 3);
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(readers.submit([&] {
                auto reader = log().reader(begin);
                if (!reader) return;
                std::size_t seen = 0;
                std::vector<StoredEntry> entries;
                while (seen < kEntries && log().wait_beyond((*reader)->position(), 30'000)) {
                    entries.clear();
                    if (!(*reader)->read(entries, 50, 100'000)) return;
                    for (const StoredEntry& entry : entries)
                        if (entry.payload == "entry " + std::to_string(seen)) ++seen;
                }
                if (seen == kEntries) ++right;
            }));
        }
        for (std::size_t i = 0; i < kEntries; i += 3) append(numbered(i, 3));
    }
    EXPECT_EQ(right, 3u);
}

TEST_P(EventLogSuite, ReleaseKeepsEverythingFromThePositionOn) {
    const Position begin = log().begin();
    for (std::size_t i = 0; i < 400; ++i) append({std::string(200, 'x') + std::to_string(i)});
    ASSERT_TRUE(log().release({begin.partition, begin.offset + 300}));
    EXPECT_EQ(log().begin(), begin) << "what is younger than the retention stays";
    stage().grow_old();
    ASSERT_TRUE(log().release({begin.partition, begin.offset + 300}));
    EXPECT_GT(log().begin().offset, begin.offset);
    EXPECT_LE(log().begin().offset, begin.offset + 300);
    EXPECT_EQ(log().reader(begin).error().code, Code::kNotFound);
    const Position kept = log().begin();
    stage().reopen();
    EXPECT_EQ(log().begin(), kept);
    EXPECT_EQ(read_from({begin.partition, begin.offset + 300}).size(), 100u);
    EXPECT_EQ(read_from(kept).size(), begin.offset + 400 - kept.offset);
}

}  // namespace footfall::log::conformance
