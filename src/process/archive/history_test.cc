#include "process/archive/history.h"

#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "process/archive/archive_fixture.h"
#include "process/archive/archiver.h"
#include "process/audit.h"
#include "process/loader.h"
#include "process/process_fixture.h"
#include "store/local/object_folder.h"

namespace footfall::process::archive {
namespace {

constexpr std::int64_t kHour = 3'600'000;

/// A log that has given its beginning away, with the archive that has it.
class HistoryTest : public testing::Test {
protected:
    using Entries = std::map<std::uint64_t, std::pair<log::EntryKind, std::string>>;

    void SetUp() override {
        open_log();
        auto objects = store::ObjectFolder::open(folder_ / "archive");
        ASSERT_TRUE(objects) << objects.error().message;
        objects_ = std::move(*objects);
        auto archive = Archive::open(*objects_, *log_, log_->cut().log_id, clock_);
        ASSERT_TRUE(archive) << archive.error().message;
        archive_ = std::move(*archive);
        history_ = std::make_unique<History>(*log_, [this] { return is_there_ ? archive_.get() : nullptr; });
    }
    void open_log() {
        auto log = log::DiskLog::open({.directory = folder_ / "log",
                                       .segment_bytes_max = 16u << 10,
                                       .retention_ms_min = 0,
                                       .free_bytes_min = 0,
                                       .reserve_bytes = 0},
                                      clock_);
        ASSERT_TRUE(log) << log.error().message;
        log_ = std::move(*log);
    }
    void append(std::string payload, log::EntryKind kind = log::EntryKind::kEvent) {
        const log::Entry entry{.kind = kind, .payload = payload};
        ASSERT_TRUE(log_->append({&entry, 1}));
        if (kind != log::EntryKind::kRejected)
            expected_.emplace(log_->end().offset - 1, std::pair(kind, std::move(payload)));
    }
    void append_some(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            if (i % 10 == 3) append(R"({"website_id":"site","duplicates":1,"rejected":{}})", log::EntryKind::kTally);
            else if (i % 10 == 7) append("{\"sample\":true}", log::EntryKind::kRejected);
            else append(record_of("site", i, kNow + static_cast<std::int64_t>(i)));
        }
    }
    void archive_all() {
        Archiver archiver(*log_, *archive_, clock_, {.rows_max = 100});
        while (archiver.step().value()) continue;
    }
    /// Archives what there is, and takes it out of the log but for the segment that is open.
    void give_away() {
        clock_.advance_ms(2 * kHour);
        archive_all();
        ASSERT_TRUE(log_->release({.partition = 0, .offset = archive_->totals().end}));
        ASSERT_GT(log_->begin().offset, 0u);
    }

    struct Read {
        Entries entries;
        std::vector<std::string> errors;
    };
    Read read(std::uint64_t from, std::size_t at_once = 7) {
        Read out;
        const auto reader = history_->reader({.partition = 0, .offset = from});
        EXPECT_TRUE(reader) << reader.error().message;
        std::vector<log::StoredEntry> entries;
        while (true) {
            entries.clear();
            const log::Position before = (*reader)->position();
            const Status status = (*reader)->read(entries, at_once, 1u << 20);
            if (!status) {
                out.errors.push_back(status.error().message);
                if ((*reader)->position() == before) return out;
                continue;
            }
            if (entries.empty()) return out;
            for (const auto& entry : entries)
                out.entries.emplace(entry.position.offset, std::pair(entry.kind, std::string(entry.payload)));
        }
    }

    TestFolder folder_;
    ManualClock clock_{kNow};
    std::unique_ptr<log::DiskLog> log_;
    std::unique_ptr<store::ObjectFolder> objects_;
    std::unique_ptr<Archive> archive_;
    std::unique_ptr<History> history_;
    bool is_there_ = true;
    Entries expected_;
};

TEST_F(HistoryTest, WhatTheLogHasGivenAwayComesFromTheArchiveAndTheRestFromTheLog) {
    append_some(1'000);
    give_away();
    const std::uint64_t begin = log_->begin().offset;
    append_some(50);
    EXPECT_EQ(history_->begin().offset, 0u);
    for (const std::uint64_t from : {std::uint64_t{0}, std::uint64_t{57}, begin - 1, begin, begin + 1}) {
        Entries expected = expected_;
        expected.erase(expected.begin(), expected.lower_bound(from));
        for (const std::size_t at_once : {1u, 64u, 5'000u}) {
            const Read got = read(from, at_once);
            EXPECT_TRUE(got.errors.empty());
            // The log still has the samples of its own part.
            Entries entries = got.entries;
            std::erase_if(entries, [](const auto& entry) { return entry.second.first == log::EntryKind::kRejected; });
            EXPECT_EQ(entries, expected) << "from " << from << ", " << at_once << " at once";
        }
    }
}

TEST_F(HistoryTest, AReaderGoesOnWhereTheLogGivesAwayWhatItWasAboutToRead) {
    append_some(1'000);
    const auto reader = history_->reader({});
    std::vector<log::StoredEntry> entries;
    ASSERT_TRUE((*reader)->read(entries, 10, 1u << 20));
    std::size_t events = 0;
    for (const auto& entry : entries) events += entry.kind == log::EntryKind::kEvent;
    give_away();
    do {
        entries.clear();
        const Status status = (*reader)->read(entries, 10, 1u << 20);
        ASSERT_TRUE(status) << status.error().message;
        for (const auto& entry : entries) events += entry.kind == log::EntryKind::kEvent;
    } while (!entries.empty());
    EXPECT_EQ(events, 800u);
}

TEST_F(HistoryTest, WithoutTheArchiveWhatIsThereAloneIsWaitedFor) {
    append_some(500);
    give_away();
    is_there_ = false;
    const Read nothing = read(0);
    EXPECT_TRUE(nothing.entries.empty());
    ASSERT_EQ(nothing.errors.size(), 1u);
    EXPECT_NE(nothing.errors[0].find("archive alone"), std::string::npos) << nothing.errors[0];
    EXPECT_TRUE(read(log_->begin().offset).errors.empty()) << "the log's own part does not need it";
}

TEST_F(HistoryTest, NoNewArchiveIsBegunWhereTheLogsBeginningIsInOneAlready) {
    append_some(500);
    give_away();
    const auto elsewhere = store::ObjectFolder::open(folder_ / "elsewhere");
    const auto opened = Archive::open(**elsewhere, *log_, log_->cut().log_id, clock_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kConflict);
    EXPECT_TRUE((*elsewhere)->list("").value().empty());
}

TEST_F(HistoryTest, AFileWithoutItsManifestStaysWhereTheLogHasItNoMore) {
    append_some(500);
    give_away();
    const std::vector<RangeName> ranges = archive_->ranges();
    const RangeName& lost = ranges.front();
    const std::string manifest = objects_->get(manifest_key(lost.name)).value();
    ASSERT_TRUE(objects_->remove(manifest_key(lost.name)));
    {
        const auto opened = Archive::open(*objects_, *log_, log_->cut().log_id, clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        EXPECT_EQ((*opened)->ranges().size(), ranges.size() - 1);
    }
    ASSERT_TRUE(objects_->put(manifest_key(lost.name), manifest));
    archive_ = std::move(*Archive::open(*objects_, *log_, log_->cut().log_id, clock_));
    EXPECT_TRUE(read(0).errors.empty());
}

TEST_F(HistoryTest, WhatTheArchiveCannotGiveIsNamedAndTheRestIsRead) {
    append_some(500);
    give_away();
    const std::string damaged = events_key(archive_->ranges()[1].name);
    std::string content = objects_->get(damaged).value();
    content[content.size() / 2] ^= 1;
    ASSERT_TRUE(objects_->put(damaged, content));
    const Read got = read(0);
    ASSERT_EQ(got.errors.size(), 1u);
    EXPECT_NE(got.errors[0].find("entries 100 to 199"), std::string::npos) << got.errors[0];
    EXPECT_TRUE(got.entries.contains(99));
    EXPECT_FALSE(got.entries.contains(150));
    EXPECT_TRUE(got.entries.contains(200));
    ASSERT_EQ(history_->damage().size(), 1u);
    EXPECT_EQ(history_->damage()[0].last, 199u);
}

TEST_F(HistoryTest, ThePartOfTheArchiveThatIsToStandForTheLogIsReadAgainBefore) {
    append_some(500);
    clock_.advance_ms(2 * kHour);
    std::vector<std::uint64_t> told;
    Archiver archiver(*log_, *archive_, clock_, {.rows_max = 100, .release = [&](std::uint64_t offset) -> Status {
                                                     told.push_back(offset);
                                                     return {};
                                                 }});
    while (archiver.step().value()) continue;
    std::string key = events_key(archive_->ranges()[2].name);
    const std::string whole = objects_->get(key).value();
    ASSERT_TRUE(objects_->put(key, whole.substr(0, 500)));
    EXPECT_TRUE(archiver.check().value());
    EXPECT_TRUE(archiver.check().value());
    EXPECT_EQ(archiver.check().error().code, Code::kCorrupt);
    EXPECT_TRUE(told.empty());
    ASSERT_TRUE(objects_->put(key, whole));
    while (archiver.check().value()) continue;
    EXPECT_EQ(told, std::vector<std::uint64_t>{500});
}

/// A store that is lost is filled from the archive and the log, and audit finds every row.
class HistoryOfTheStoreTest : public ProcessTest {};

TEST_F(HistoryOfTheStoreTest, AStoreThatIsLostIsFilledFromArchiveAndLogAndAuditProvesIt) {
    const TestFolder folder;
    ManualClock clock(kNow);
    auto log = log::DiskLog::open({.directory = folder / "long",
                                   .segment_bytes_max = 16u << 10,
                                   .retention_ms_min = 0,
                                   .free_bytes_min = 0,
                                   .reserve_bytes = 0},
                                  clock);
    ASSERT_TRUE(log) << log.error().message;
    for (std::uint64_t i = 0; i < 600; ++i) {
        std::string record;
        event::write_record(numbered(i + 1, kNow + static_cast<std::int64_t>(i) * 1'000), record);
        const log::Entry entry{.payload = record};
        ASSERT_TRUE((*log)->append({&entry, 1}));
    }
    auto objects = store::ObjectFolder::open(folder / "archive");
    auto archive = Archive::open(**objects, **log, (*log)->cut().log_id, clock);
    ASSERT_TRUE(archive);
    clock.advance_ms(2 * kHour);
    Archiver archiver(**log, **archive, clock, {.rows_max = 100});
    while (archiver.step().value()) continue;
    ASSERT_TRUE((*log)->release((*log)->end()));
    ASSERT_GT((*log)->begin().offset, 100u);
    History history(**log, [&] { return archive->get(); });

    Loader loader(history, store(), clock,
                  {.checkpoint_path = folder / "checkpoint", .undo_path = folder / "undo", .interval_ms = 1});
    loader.start();
    const Status loaded = loader.wait_loaded((*log)->end(), 60'000);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(ask("SELECT count(), uniqExact(log_offset), min(log_offset) FROM footfall.events"),
              std::vector<std::string>{"600 600 0"});
    const auto hold = [&]() -> Result<TablesHeld> { return loader.hold(60'000); };
    const auto report = run_audit(history, store(), (*log)->end(), hold, "", {"site"});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->ok());
    loader.stop(0);
}

}  // namespace
}  // namespace footfall::process::archive
