#include "process/archive/archive_file.h"

#include <fstream>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "process/archive/archive_fixture.h"
#include "process/erased.h"
#include "process/kept_day.h"
#include "process/process_fixture.h"

namespace footfall::process::archive {
namespace {

std::string golden_records() {
    std::string out;
    std::ifstream in(FOOTFALL_SOURCE_DIR "/schema/golden/events.jsonl");
    for (std::string line; std::getline(in, line);) out += line + "\n";
    return out;
}

struct Owned {
    std::uint64_t offset;
    log::EntryKind kind;
    std::string payload;
    bool operator==(const Owned&) const = default;
};

std::vector<Owned> back(const FileContent& content) {
    std::vector<Owned> out;
    const Status read = read_entries(content, [&](const log::StoredEntry& entry) -> Status {
        out.push_back({entry.position.offset, entry.kind, std::string(entry.payload)});
        return {};
    });
    EXPECT_TRUE(read) << read.error().message;
    return out;
}

FileContent file_of(const std::vector<Owned>& entries) {
    FileBuilder builder;
    for (const Owned& entry : entries) {
        const Status added = builder.add(
            {.position = {.partition = 0, .offset = entry.offset}, .kind = entry.kind, .payload = entry.payload});
        EXPECT_TRUE(added) << added.error().message;
    }
    return builder.finish();
}

TEST(ArchiveFileTest, EveryEntryComesBackByteForByteInTheLogsOrder) {
    std::mt19937_64 random(17);
    std::vector<Owned> entries;
    for (std::uint64_t offset = 1'000; offset < 6'000; ++offset) {
        if (offset % 50 == 0) {
            entries.push_back({offset, log::EntryKind::kTally,
                               R"({"website_id":"site1","duplicates":2,"rejected":{"missing":1},"received_at":5})"});
        } else if (offset % 83 == 0) {
            entries.push_back({offset, log::EntryKind::kKeptDay,
                               write_kept_day({.website_id = "site1",
                                               .timezone = "UTC",
                                               .day = "2025-01-31",
                                               .content = std::string("\0\xff states", 9)})});
        } else if (offset % 77 == 0) {
            entries.push_back(
                {offset, log::EntryKind::kErased,
                 write_erased({.website_id = "site2", .event_id = make_uuid_v7(kNow), .received_at = kNow})});
        } else {
            entries.push_back({offset, log::EntryKind::kEvent, random_record(random)});
        }
    }
    EXPECT_EQ(back(file_of(entries)), entries);
}

TEST(ArchiveFileTest, TheGoldenRecordsComeBackByteForByte) {
    std::vector<Owned> entries;
    const std::string golden = golden_records();
    for (std::size_t from = 0; from < golden.size();) {
        const std::size_t end = golden.find('\n', from);
        entries.push_back({entries.size(), log::EntryKind::kEvent, golden.substr(from, end - from)});
        from = end + 1;
    }
    ASSERT_FALSE(entries.empty());
    EXPECT_EQ(back(file_of(entries)), entries);
}

TEST(ArchiveFileTest, WhatTheColumnsDoNotGiveIsKeptAsItStood) {
    const std::string head =
        R"({"v":1,"website_id":"s","event_id":"018f2e6a-0000-7000-8000-000000000001","event_type":)"
        R"("event","timestamp":1795500000000,"received_at":1795500000000,"visitor_id":"00000000000000ff")";
    const std::vector<Owned> entries = {
        {0, log::EntryKind::kEvent, head + R"(,"later_member":{"a":[1,2]}})"},
        {1, log::EntryKind::kEvent, head + R"(,"properties":{"a":"1","a":"2","b":"3"}})"},
        {2, log::EntryKind::kEvent, R"({"no record":true})"},
        {3, log::EntryKind::kEvent, "not even JSON"},
        {4, log::EntryKind::kEvent, head + "}"},
    };
    const FileContent content = file_of(entries);
    EXPECT_EQ(back(content), entries);
    FileBuilder builder;
    EXPECT_EQ(builder.add({.position = {0, 0}, .kind = log::EntryKind::kEvent, .payload = R"({"v":2})"}).error().field,
              "v")
        << "a newer record is for a newer program";
}

TEST(ArchiveFileTest, SamplesOfRejectedEventsAreCountedAndNotKept) {
    FileBuilder builder;
    ASSERT_TRUE(builder.add({.position = {0, 7}, .kind = log::EntryKind::kRejected, .payload = "{\"secret\":1}"}));
    EXPECT_EQ(builder.counts().rejected_samples, 1u);
    const FileContent content = builder.finish();
    EXPECT_TRUE(content.events.empty());
    EXPECT_TRUE(content.entries.empty());
}

TEST(ArchiveFileTest, OfAnEventAndWhatIsLeftOfItTheLatterCounts) {
    const std::string erased =
        write_erased({.website_id = "site", .event_id = make_uuid_v7(kNow), .received_at = kNow});
    std::mt19937_64 random(1);
    FileContent mixed = file_of({{5, log::EntryKind::kEvent, random_record(random)}});
    mixed.entries = file_of({{5, log::EntryKind::kErased, erased}}).entries;
    EXPECT_EQ(back(mixed), (std::vector<Owned>{{5, log::EntryKind::kErased, erased}}));
}

TEST(ArchiveFileTest, TheCountsOfARangeAreThoseOfItsEntries) {
    FileBuilder builder;
    const std::string record = record_of("site", 1, kNow);
    ASSERT_TRUE(builder.add({.position = {0, 1}, .kind = log::EntryKind::kEvent, .payload = record}));
    ASSERT_TRUE(builder.add({.position = {0, 2},
                             .kind = log::EntryKind::kTally,
                             .payload = R"({"website_id":"site","duplicates":2,"rejected":{"missing":3}})"}));
    const Uuid id = make_uuid_v7(kNow);
    const std::string erased = write_erased({.website_id = "gone", .event_id = id, .received_at = kNow});
    ASSERT_TRUE(builder.add({.position = {0, 3}, .kind = log::EntryKind::kErased, .payload = erased}));
    const Counts& counts = builder.counts();
    EXPECT_EQ(counts.entries, 3u);
    EXPECT_EQ(counts.events, 1u);
    EXPECT_EQ(counts.sites.at("site"),
              (SiteCounts{.events = 1, .duplicates = 2, .rejected = {{"missing", 3}}, .erased_events = 0}));
    EXPECT_EQ(counts.sites.at("gone").erased_events, 1u);
    EXPECT_EQ(counts.last_event_offset, 3u);
    EXPECT_EQ(counts.last_event_id, id.text());
}

/// The store's own reader of Parquet sees the rows that the loader writes.
TEST_F(ProcessTest, TheArchivesColumnsAreThoseOfTheTableOfEvents) {
    std::mt19937_64 random(23);
    std::vector<Owned> entries;
    std::vector<log::StoredEntry> stored;
    for (std::uint64_t offset = 0; offset < 3'000; ++offset)
        entries.push_back({offset, log::EntryKind::kEvent, random_record(random)});
    for (const Owned& entry : entries)
        stored.push_back({.position = {0, entry.offset}, .kind = entry.kind, .payload = entry.payload});
    EventBlocks blocks;
    ASSERT_TRUE(blocks.build(stored));
    for (auto& [month, block] : blocks.blocks())
        ASSERT_TRUE(store().insert(EventBlocks::insert_statement(), block.bytes()));
    execute("DROP TABLE IF EXISTS footfall.from_archive");
    std::string columns = "log_partition, log_offset";
    std::string declared = "log_partition UInt16, log_offset UInt64";
    std::string expected = columns;
    const auto add_column = [&](const std::string& name, std::string_view kind, const std::string& type) {
        columns += ", " + name;
        declared += ", " + name + " " + (kind == "uuid" || kind == "ip" ? "String" : type);
        if (kind == "uuid") {
            expected +=
                ", if(" + name + " = toUUID('00000000-0000-0000-0000-000000000000'), '', toString(" + name + "))";
        } else if (kind == "ip") {
            expected += ", if(" + name + " = toIPv6('::'), '', replaceOne(toString(" + name + "), '::ffff:', ''))";
        } else {
            expected += ", " + name;
        }
    };
#define FOOTFALL_FIELD(name, kind_name, column_type) add_column(#name, #kind_name, column_type);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    execute("CREATE TABLE footfall.from_archive (" + declared + ") ENGINE = Memory");
    const Status inserted =
        store().insert("INSERT INTO footfall.from_archive (" + columns + ") FORMAT Parquet", file_of(entries).events);
    ASSERT_TRUE(inserted) << inserted.error().message;
    EXPECT_EQ(ask("SELECT count() FROM footfall.from_archive"), std::vector<std::string>{"3000"});
    const std::string differing = "SELECT count() FROM (SELECT " + expected + " FROM footfall.events EXCEPT SELECT " +
                                  columns + " FROM footfall.from_archive)";
    EXPECT_EQ(ask(differing), std::vector<std::string>{"0"});
    execute("DROP TABLE footfall.from_archive");
}

}  // namespace
}  // namespace footfall::process::archive
