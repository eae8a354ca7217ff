#include "backup/archive_copy.h"

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "backup/backup.h"
#include "base/file.h"
#include "base/testing/test_folder.h"
#include "log/disk/disk_log.h"
#include "process/archive/archive_fixture.h"
#include "process/archive/archiver.h"
#include "process/archive/history.h"
#include "store/local/object_folder.h"

namespace footfall::backup {
namespace {

namespace fs = std::filesystem;
namespace archive = process::archive;

constexpr std::int64_t kHour = 3'600'000;

/// A log that has given its beginning away, with the archive that has it.
class ArchiveBackupTest : public testing::Test {
protected:
    using Entries = std::map<std::uint64_t, std::pair<log::EntryKind, std::string>>;

    ArchiveBackupTest() { open(data_); }

    void open(const std::string& data) {
        archive_.reset();
        objects_.reset();
        log_.reset();
        auto log = log::DiskLog::open({.directory = data + "/log",
                                       .segment_bytes_max = 16u << 10,
                                       .retention_ms_min = 0,
                                       .free_bytes_min = 0,
                                       .reserve_bytes = 0},
                                      clock_);
        ASSERT_TRUE(log) << log.error().message;
        log_ = std::move(*log);
        auto objects = store::ObjectFolder::open(data + "/archive");
        ASSERT_TRUE(objects) << objects.error().message;
        objects_ = std::move(*objects);
        auto opened = archive::Archive::open(*objects_, *log_, log_->cut().log_id, clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        archive_ = std::move(*opened);
    }
    void append(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::string record = archive::record_of("site", i, clock_.wall_ms());
            const log::Entry entry{.payload = record};
            ASSERT_TRUE(log_->append({&entry, 1}));
        }
    }
    void give_away() {
        clock_.advance_ms(2 * kHour);
        archive::Archiver archiver(*log_, *archive_, clock_, {.rows_max = 100});
        while (archiver.step().value()) continue;
        ASSERT_TRUE(log_->release({.partition = 0, .offset = archive_->totals().end}));
        ASSERT_GT(log_->begin().offset, 0u);
    }
    /// What erasure does: tombstones in the place of entries, in the archive alone as the log has them no more.
    void erase(std::uint64_t first, std::uint64_t end) {
        const auto changed = archive_->rewrite({.begin = first, .end = end}, {}, [](const log::StoredEntry&) {
            return Result<std::optional<log::Rewritten>>(log::Rewritten{
                .kind = log::EntryKind::kTally, .payload = R"({"website_id":"site","duplicates":1,"rejected":{}})"});
        });
        ASSERT_TRUE(changed) << changed.error().message;
        ASSERT_EQ(*changed, end - first);
    }
    Entries entries() const {
        archive::History history(*log_, [this] { return archive_.get(); });
        Entries out;
        auto reader = history.reader({}).value();
        std::vector<log::StoredEntry> read;
        while (reader->position() < history.end()) {
            read.clear();
            if (!reader->read(read, 1000, 16u << 20)) continue;
            for (const auto& entry : read)
                out.emplace(entry.position.offset, std::pair(entry.kind, std::string(entry.payload)));
        }
        return out;
    }
    ArchiveSource source() {
        return {.open = [this]() -> Result<std::unique_ptr<const store::ObjectStore>> {
                    return store::ObjectFolder::read_only(data_ + "/archive");
                },
                .check_still = [this] { return ++asked_ == 2 && amid_ ? amid_() : Status(); }};
    }
    Result<Report> back_up() {
        asked_ = 0;
        const Cut cut{.made_by = "1.2.3", .made_ms = clock_.wall_ms(), .log = log_->cut(), .files = {}};
        return write_backup(cut, data_ + "/log", target_, Pace::kAlone, system_clock(), source());
    }
    Result<Restored> restore_it(OnDamage on_damage = OnDamage::kRefuse) {
        fs::remove_all(restored_);
        return restore(target_, restored_, on_damage, system_clock());
    }
    Entries restored_entries() {
        const auto restored = restore_it();
        EXPECT_TRUE(restored) << restored.error().message;
        open(restored_);
        return entries();
    }
    std::map<std::string, fs::file_time_type> files() const {
        std::map<std::string, fs::file_time_type> out;
        for (const auto& entry : fs::recursive_directory_iterator(target_ + "/archive"))
            if (entry.is_regular_file() && entry.path().filename() != ".lock")
                out[entry.path().native().substr(target_.size() + 9)] = entry.last_write_time();
        return out;
    }
    std::string some_file(const std::string& below, std::string_view folder, std::size_t which) const {
        std::set<std::string> found;
        for (const auto& entry : fs::recursive_directory_iterator(below + "/" + std::string(folder)))
            if (entry.is_regular_file()) found.insert(entry.path());
        return *std::next(found.begin(), static_cast<std::ptrdiff_t>(which));
    }
    static void flip_bit(const std::string& file) {
        std::string content = read_file(file).value();
        content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
        ASSERT_TRUE(write_file_atomically(file, content));
    }

    TestFolder folder_;
    const std::string data_ = folder_ / "data";
    const std::string target_ = folder_ / "backup";
    const std::string restored_ = folder_ / "restored";
    ManualClock clock_{1'795'500'000'000};
    std::unique_ptr<log::DiskLog> log_;
    std::unique_ptr<store::ObjectStore> objects_;
    std::unique_ptr<archive::Archive> archive_;
    std::function<Status()> amid_;  ///< called between the copying of the files and of the manifests
    int asked_ = 0;
};

TEST_F(ArchiveBackupTest, WhatTheLogHasGivenAwayIsRestored) {
    append(1000);
    give_away();
    append(10);
    const Entries before = entries();
    ASSERT_EQ(before.size(), 1010u);
    const auto report = back_up();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_GT(report->begin, 0u);
    EXPECT_GE(report->archive_ranges, report->begin / 100);
    const auto manifest = read_manifest(target_).value();
    EXPECT_EQ(report->files, manifest.segments.size() + manifest.archive.size());
    EXPECT_EQ(report->files_copied, report->files);
    const auto restored = restore_it();
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->archive_ranges, report->archive_ranges);
    EXPECT_EQ(restored->archive_where, restored_ + "/archive");
    EXPECT_EQ(restored->bytes, report->bytes - manifest.archive.front().sum.bytes);
    open(restored_);
    EXPECT_EQ(entries(), before);
}

TEST_F(ArchiveBackupTest, RangesThatTheLogStillHasAreNotTaken) {
    append(300);
    give_away();
    append(1000);
    clock_.advance_ms(2 * kHour);
    archive::Archiver archiver(*log_, *archive_, clock_, {.rows_max = 100});
    while (archiver.step().value()) continue;
    const auto report = back_up();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_LT(report->archive_ranges, archive_->totals().ranges);
    const Entries before = entries();
    EXPECT_EQ(restored_entries(), before);
}

TEST_F(ArchiveBackupTest, AFurtherBackupCopiesWhatIsNew) {
    append(1000);
    give_away();
    ASSERT_TRUE(back_up());
    const auto first = files();
    const auto again = back_up();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->files_copied, 1u) << "the segment that is open";
    EXPECT_EQ(files(), first);
    append(1000);
    give_away();
    const auto second = back_up();
    ASSERT_TRUE(second) << second.error().message;
    const auto now = files();
    for (const auto& [name, time] : first) EXPECT_EQ(now.at(name), time) << name;
    EXPECT_EQ(second->files_copied, now.size() - first.size() + 1);
    const Entries before = entries();
    EXPECT_EQ(restored_entries(), before);
}

TEST_F(ArchiveBackupTest, S22NothingOfWhatIsErasedIsLeftInTheNext) {
    append(1000);
    give_away();
    ASSERT_TRUE(back_up());
    auto known = files();
    const Entries unerased = entries();
    for (const std::uint64_t erased : {250u, 251u}) {
        erase(erased, erased + 1);
        const Entries before = entries();
        ASSERT_NE(before, unerased);
        const auto report = back_up();
        ASSERT_TRUE(report) << report.error().message;
        std::set<std::string> of_range;
        for (const auto& [name, time] : files()) {
            const bool is_of_range = name.find("/00000000000000000200-") != std::string::npos;
            if (is_of_range) of_range.insert(name);
            EXPECT_EQ(known.contains(name) && known[name] == time, !is_of_range) << name;
        }
        EXPECT_EQ(of_range.size(), 3u) << "manifest, events and entries, and nothing of the former state";
        known = files();
        const auto restored = restore_it();
        ASSERT_TRUE(restored) << restored.error().message;
        archive_.reset();
        open(restored_);
        EXPECT_EQ(entries(), before);
        open(data_);
    }
}

TEST_F(ArchiveBackupTest, ARewritingMeanwhileIsToldAndTheFormerBackupStaysWhole) {
    append(1000);
    give_away();
    ASSERT_TRUE(back_up());
    const Entries first = entries();
    erase(100, 102);  // so that there is something to copy
    amid_ = [this]() -> Status {
        erase(250, 252);
        return {};
    };
    const auto report = back_up();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kConflict);
    EXPECT_NE(report.error().message.find("make the backup again"), std::string::npos) << report.error().message;
    amid_ = [] { return Status(Error(Code::kConflict, "an erasure is under way")); };
    ASSERT_FALSE(back_up());
    amid_ = nullptr;
    const Entries erased = entries();
    EXPECT_EQ(restored_entries(), first);
    open(data_);
    ASSERT_TRUE(back_up());
    EXPECT_EQ(restored_entries(), erased);
}

TEST_F(ArchiveBackupTest, ASegmentThatIsGivenAwaySinceTheCutIsTold) {
    append(1000);
    const Cut cut{.made_by = "1.2.3", .made_ms = clock_.wall_ms(), .log = log_->cut(), .files = {}};
    give_away();
    const auto report = write_backup(cut, data_ + "/log", target_, Pace::kAlone, system_clock(), source());
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kConflict);
    EXPECT_NE(report.error().message.find("make the backup again"), std::string::npos) << report.error().message;
    ASSERT_TRUE(back_up());
}

TEST_F(ArchiveBackupTest, WhatIsBeingReplacedIsNotTaken) {
    append(1000);
    give_away();
    const archive::RangeName range = archive_->ranges().front();
    archive::Manifest manifest = archive_->manifest(range).value();
    manifest.replaced_by = manifest.objects;
    ASSERT_TRUE(objects_->put(archive::manifest_key(range.name), archive::encode_manifest(manifest)));
    const auto report = back_up();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kConflict);
}

TEST_F(ArchiveBackupTest, R8ADamagedFileOfTheArchiveIsNamedAndNotCopied) {
    append(1000);
    give_away();
    const std::string file = some_file(data_ + "/archive", "events", 2);
    const std::string good = read_file(file).value();
    flip_bit(file);
    const auto report = back_up();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kCorrupt);
    EXPECT_NE(report.error().message.find(file + " is damaged"), std::string::npos) << report.error().message;
    // What was copied by then is not copied again.
    const auto copied = files();
    ASSERT_TRUE(write_file_atomically(file, good));
    ASSERT_TRUE(back_up());
    const auto now = files();
    for (const auto& [name, time] : copied)
        if (name != archive::kClaim) {
            EXPECT_EQ(now.at(name), time) << name;
        }
}

TEST_F(ArchiveBackupTest, AGapOfTheArchiveIsNamedAndCostsNothingOfAnEarlierBackup) {
    append(1000);
    give_away();
    const std::string lost = some_file(data_ + "/archive", "manifest", 1);
    const std::string text = read_file(lost).value();
    fs::remove(lost);
    // It is lost for good: the rest is worth a backup.
    const auto gapped = back_up();
    ASSERT_TRUE(gapped) << gapped.error().message;
    ASSERT_EQ(gapped->damage.size(), 1u);
    EXPECT_EQ(gapped->damage[0].first, 100u);
    EXPECT_EQ(gapped->damage[0].last, 199u);
    ASSERT_TRUE(restore_it());
    ASSERT_TRUE(write_file_atomically(lost, text));
    const auto whole = back_up();
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_TRUE(whole->damage.empty());
    fs::remove(lost);
    const auto refused = back_up();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kCorrupt);
    EXPECT_NE(refused.error().message.find("lacks entries 100 to 199"), std::string::npos) << refused.error().message;
    ASSERT_TRUE(restore_it());
    ASSERT_TRUE(objects_->put(archive::kClaim, archive::encode_claim(4711)));
    const auto other = back_up();
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("another installation"), std::string::npos) << other.error().message;
    fs::remove_all(data_ + "/archive");
    const auto none = back_up();
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Code::kConflict);
    EXPECT_NE(none.error().message.find("--without-archive"), std::string::npos) << none.error().message;
}

TEST_F(ArchiveBackupTest, R13ADamagedCopyIsRefusedOrItsRangeLeftOut) {
    append(1000);
    give_away();
    Entries before = entries();
    ASSERT_TRUE(back_up());
    flip_bit(some_file(target_ + "/archive", "events", 2));
    fs::remove(some_file(target_ + "/archive", "manifest", 3));
    flip_bit(target_ + "/archive/archive.json");
    const auto refused = restore_it();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kCorrupt);
    EXPECT_FALSE(fs::exists(restored_));
    const auto restored = restore_it(OnDamage::kTakePrefix);
    ASSERT_TRUE(restored) << restored.error().message;
    ASSERT_EQ(restored->flaws.size(), 3u);
    EXPECT_TRUE(restored->flaws[1].file.starts_with("archive/events/")) << restored->flaws[1].file;
    ASSERT_TRUE(restored->flaws[1].entries);
    EXPECT_EQ(restored->flaws[1].entries->first, 200u);
    EXPECT_FALSE(restored->missing) << "the log is whole";
    ASSERT_EQ(restored->archive_missing.size(), 1u);
    EXPECT_EQ(restored->archive_missing[0].first, 200u);
    EXPECT_EQ(restored->archive_missing[0].last, 399u);
    before.erase(before.find(200), before.find(400));
    open(restored_);
    EXPECT_EQ(entries(), before);
}

TEST_F(ArchiveBackupTest, AnArchiveThatIsThereIsNotRestoredInto) {
    append(1000);
    give_away();
    ASSERT_TRUE(back_up());
    const std::string elsewhere = folder_ / "elsewhere";
    const ArchiveTarget target{
        .look = [&]() -> Result<std::unique_ptr<const store::ObjectStore>> {
            return store::ObjectFolder::read_only(elsewhere);
        },
        .open = [&]() -> Result<std::unique_ptr<store::ObjectStore>> { return store::ObjectFolder::open(elsewhere); }};
    const auto to_elsewhere = [&] { return restore(target_, restored_, OnDamage::kRefuse, system_clock(), target); };
    fs::create_directories(elsewhere);
    ASSERT_TRUE(write_file_atomically(elsewhere + "/archive.json", "another's"));
    const auto refused = to_elsewhere();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_FALSE(fs::exists(restored_));
    fs::remove(elsewhere + "/archive.json");
    const auto restored = to_elsewhere();
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->archive_where, elsewhere);
    EXPECT_FALSE(fs::exists(restored_ + "/archive"));
    EXPECT_TRUE(fs::exists(elsewhere + "/archive.json"));
}

TEST_F(ArchiveBackupTest, AnOlderReleaseRefusesWhatItWouldMisreadAndReadsTheRest) {
    append(1000);
    give_away();
    ASSERT_TRUE(back_up());
    EXPECT_NE(read_file(target_ + "/manifest.json")->find("\"footfall_backup\":2"), std::string::npos);
    // Without the archive the former copy of it goes.
    const Cut cut{.made_by = "1.2.3", .made_ms = clock_.wall_ms(), .log = log_->cut(), .files = {}};
    const auto report = write_backup(cut, data_ + "/log", target_, Pace::kAlone, system_clock());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_NE(read_file(target_ + "/manifest.json")->find("\"footfall_backup\":1"), std::string::npos);
    EXPECT_TRUE(files().empty());
    const auto restored = restore_it();
    ASSERT_TRUE(restored);
    EXPECT_TRUE(restored->archive_where.empty());
}

}  // namespace
}  // namespace footfall::backup
