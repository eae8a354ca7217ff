#include "backup/backup.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backup/manifest.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/testing/test_folder.h"
#include "log/disk/disk_log.h"

namespace footfall::backup {
namespace {

namespace fs = std::filesystem;

class BackupTest : public testing::Test {
protected:
    BackupTest() { open_log(data_ + "/log"); }

    void open_log(const std::string& directory) {
        log_.reset();
        auto opened = log::DiskLog::open({.directory = directory,
                                          .segment_bytes_max = 16u << 10,
                                          .free_bytes_min = 0,
                                          .reserve_bytes = 0,
                                          .lock_wait_ms = 0},
                                         clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        log_ = std::move(*opened);
    }
    void append(std::size_t entries) {
        for (std::size_t done = 0; done < entries;) {
            std::vector<std::string> payloads;
            // Random bytes do not compress, so a few dozen entries fill a segment.
            for (; payloads.size() < 5 && done < entries; ++done)
                payloads.push_back(std::to_string(log_->end().offset) + ":" + random_bytes_of(400));
            std::vector<log::Entry> group;
            for (const std::string& payload : payloads) group.push_back({.payload = payload});
            ASSERT_TRUE(log_->append(group));
            written_.insert(written_.end(), payloads.begin(), payloads.end());
            clock_.advance_ms(1);
        }
    }
    static std::string random_bytes_of(std::size_t size) {
        std::string out(size, '\0');
        random_bytes(out.data(), out.size());
        return out;
    }
    Cut cut() const {
        return {.made_by = "1.2.3",
                .made_ms = clock_.wall_ms(),
                .log = log_->cut(),
                .files = {{std::string(kCatalog), "catalog at " + std::to_string(log_->end().offset)}}};
    }
    Result<Report> back_up() { return back_up(cut()); }
    Result<Report> back_up(const Cut& of) {
        return write_backup(of, data_ + "/log", target_, Pace::kAlone, system_clock());
    }
    Result<Restored> restore_it(OnDamage on_damage = OnDamage::kRefuse) {
        return restore(target_, restored_, on_damage, system_clock());
    }
    /// What the restored log has, in the order of offsets.
    std::vector<std::string> restored_entries() {
        open_log(restored_ + "/log");
        std::vector<std::string> out;
        auto reader = log_->reader({.partition = 0, .offset = 0}).value();
        std::vector<log::StoredEntry> entries;
        do {
            entries.clear();
            EXPECT_TRUE(reader->read(entries, 1000, 16u << 20));
            for (const auto& entry : entries) out.emplace_back(entry.payload);
        } while (!entries.empty());
        return out;
    }
    std::vector<std::string> written(std::size_t entries) const {
        return {written_.begin(), written_.begin() + static_cast<std::ptrdiff_t>(entries)};
    }
    /// Content and time of change of every file below a folder.
    static std::map<std::string, std::pair<std::string, fs::file_time_type>> tree(const std::string& folder) {
        std::map<std::string, std::pair<std::string, fs::file_time_type>> out;
        if (!fs::exists(folder)) return out;
        for (const auto& entry : fs::recursive_directory_iterator(folder))
            out[entry.path().string()] = {entry.is_regular_file() ? read_file(entry.path().string()).value() : "",
                                          entry.last_write_time()};
        return out;
    }
    static void flip_bit(const std::string& file, std::uint64_t at) {
        std::string content = read_file(file).value();
        content[static_cast<std::size_t>(at)] = static_cast<char>(content[static_cast<std::size_t>(at)] ^ 1);
        ASSERT_TRUE(write_file_atomically(file, content));
    }
    std::string segment_file(const SegmentEntry& entry) const {
        return target_ + "/" + read_manifest(target_)->path_of(entry.segment);
    }

    TestFolder folder_;
    const std::string data_ = folder_.path() + "/data";
    const std::string target_ = folder_.path() + "/backup";
    const std::string restored_ = folder_.path() + "/restored";
    ManualClock clock_{1'795'500'000'000};
    std::unique_ptr<log::DiskLog> log_;
    std::vector<std::string> written_;
};

TEST_F(BackupTest, WhatIsRestoredIsTheLogOfTheCutWhateverIsAppendedMeanwhile) {
    append(100);
    const Cut then = cut();
    append(100);  // closes the segment that was open
    const auto report = back_up(then);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->end, 100u);
    EXPECT_TRUE(report->damage.empty());
    const auto restored = restore_it();
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->end, 100u);
    EXPECT_EQ(restored->made_by, "1.2.3");
    EXPECT_FALSE(restored->missing);
    EXPECT_EQ(restored_entries(), written(100));
    EXPECT_TRUE(log_->damage().empty());
    EXPECT_EQ(read_file(restored_ + "/catalog.db").value(), "catalog at 100");
    EXPECT_TRUE(check_restored(restored_));
    // The restored log goes on.
    written_.resize(100);
    append(50);
    EXPECT_EQ(restored_entries(), written(150));
}

TEST_F(BackupTest, TheLastBackupIsNotedInTheDataFolder) {
    const auto none = last_backup(data_);
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->has_value());
    for (const std::int64_t made_ms : {1, 2}) {
        ASSERT_TRUE(note_backup(data_, {.directory = "/mnt/\"b\"", .made_ms = made_ms, .end = 7}));
        const auto noted = last_backup(data_);
        ASSERT_TRUE(noted && noted->has_value());
        EXPECT_EQ((*noted)->directory, "/mnt/\"b\"");
        EXPECT_EQ((*noted)->made_ms, made_ms);
        EXPECT_EQ((*noted)->end, 7u);
    }
    ASSERT_TRUE(write_file_atomically(data_ + "/last-backup", "{}"));
    EXPECT_EQ(last_backup(data_).error().code, Code::kCorrupt);
}

TEST_F(BackupTest, AnEmptyLogIsBackedUpAndRestored) {
    ASSERT_TRUE(back_up());
    ASSERT_TRUE(restore_it());
    EXPECT_TRUE(restored_entries().empty());
}

TEST_F(BackupTest, ACutComesThroughJsonUnchanged) {
    append(100);
    Cut before = cut();
    before.files.emplace(kDemoJournal, std::string("\0\xff\"", 3));
    before.log.damage.push_back({.partition = 0, .first = 1, .last = 2, .where = "\"there\""});
    const auto after = decode_cut(encode_cut(before));
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(encode_cut(*after), encode_cut(before));
    EXPECT_EQ(after->files, before.files);
    EXPECT_FALSE(decode_cut("{}"));
}

TEST_F(BackupTest, AFurtherBackupCopiesOnlyWhatIsNew) {
    append(200);
    const auto first = back_up();
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->files_copied, first->files);
    append(50);
    const auto second = back_up();
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(second->end, 250u);
    EXPECT_GT(second->files, 4u);
    EXPECT_LE(second->files_copied, 4u);
    EXPECT_LT(second->bytes_copied, second->bytes / 2);
    ASSERT_TRUE(restore_it());
    EXPECT_EQ(restored_entries(), written(250));
    EXPECT_EQ(read_file(restored_ + "/catalog.db").value(), "catalog at 250");
    // Nothing of the first is left over.
    std::size_t states = 0;
    const auto names = list_directory(target_).value();
    for (const auto& name : names) states += name.starts_with("state-") ? 1 : 0;
    EXPECT_EQ(states, 1u);
}

TEST_F(BackupTest, ALogThatIsRewrittenMeanwhileIsNotTakenForTheOneOfTheCut) {
    append(200);
    ASSERT_TRUE(back_up());
    const Cut then = cut();
    ASSERT_GT(then.log.segments.size(), 3u);
    const auto rewrite = [this](std::uint64_t offset) {
        const auto one = [offset](const log::StoredEntry& entry) -> Result<std::optional<log::Rewritten>> {
            if (entry.position.offset != offset) return std::optional<log::Rewritten>();
            return std::optional<log::Rewritten>({entry.kind, "another one"});
        };
        const auto done = log_->rewrite({}, one, log::ErasurePace::kAtOnce);
        ASSERT_TRUE(done) << done.error().message;
        ASSERT_EQ(done->segments, 1u);
    };
    for (const std::uint64_t offset :
         {std::uint64_t{0}, std::uint64_t{199}}) {  // of a closed segment, and the open one
        rewrite(offset);
        for (const bool is_first : {false, true}) {
            if (is_first) fs::remove_all(target_);
            const auto refused = back_up(then);
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error().code, Code::kConflict);
            EXPECT_NE(refused.error().message.find("make the backup again"), std::string::npos)
                << refused.error().message;
        }
        fs::remove_all(target_);
        ASSERT_TRUE(back_up());
        ASSERT_TRUE(back_up()) << "what was rewritten before is no matter";
    }
}

TEST_F(BackupTest, AFileThatTheEarlierBackupLostIsCopiedAgain) {
    append(200);
    ASSERT_TRUE(back_up());
    fs::remove(segment_file(read_manifest(target_)->segments.front()));
    ASSERT_TRUE(back_up());
    ASSERT_TRUE(restore_it());
    EXPECT_EQ(restored_entries(), written(200));
}

TEST_F(BackupTest, ABackupThatIsCutOffLeavesTheEarlierOneWhole) {
    append(100);
    ASSERT_TRUE(back_up());
    append(100);
    // A file that can't be written ends it in the middle, behind the log.
    Cut broken = cut();
    broken.files.emplace("not/there", "");
    EXPECT_FALSE(back_up(broken));
    ASSERT_TRUE(restore_it());
    EXPECT_EQ(restored_entries(), written(100));
}

TEST_F(BackupTest, AFirstBackupThatIsCutOffIsNoneAndIsDoneAnew) {
    append(100);
    Cut broken = cut();
    broken.files.emplace("not/there", "");
    EXPECT_FALSE(back_up(broken));
    const auto restored = restore_it();
    ASSERT_FALSE(restored);
    EXPECT_NE(restored.error().message.find("cut off"), std::string::npos) << restored.error().message;
    EXPECT_FALSE(fs::exists(restored_));
    ASSERT_TRUE(back_up());
    ASSERT_TRUE(restore_it());
    EXPECT_EQ(restored_entries(), written(100));
}

TEST_F(BackupTest, AFolderOfSomethingElseIsLeftAsItIs) {
    append(10);
    fs::create_directories(target_);
    ASSERT_TRUE(write_file_atomically(target_ + "/letter", "dear"));
    const auto before = tree(target_);
    const auto report = back_up();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kConflict);
    EXPECT_EQ(tree(target_), before);
}

TEST_F(BackupTest, TheBackupOfAnotherLogIsNotWrittenOver) {
    append(10);
    ASSERT_TRUE(back_up());
    fs::remove_all(data_);
    open_log(data_ + "/log");
    append(20);
    const auto report = back_up();
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find("another installation"), std::string::npos) << report.error().message;
}

TEST_F(BackupTest, AHistoryThatPartedByARestoreIsNotMixedWithTheOther) {
    append(100);
    ASSERT_TRUE(back_up());
    ASSERT_TRUE(restore_it());
    append(100);
    ASSERT_TRUE(back_up());
    // The restored log goes on otherwise, and backs up into the same folder.
    open_log(restored_ + "/log");
    clock_.advance_ms(5'000);
    append(50);
    const Cut shorter = cut();
    auto report = write_backup(shorter, restored_ + "/log", target_, Pace::kAlone, system_clock());
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find("goes to entry 200"), std::string::npos) << report.error().message;
    append(150);
    const Cut longer = cut();
    report = write_backup(longer, restored_ + "/log", target_, Pace::kAlone, system_clock());
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find("parted"), std::string::npos) << report.error().message;
}

TEST_F(BackupTest, DamageOfTheLogIsToldAndCopiedAsItIs) {
    append(200);
    const Cut then = cut();
    flip_bit(data_ + "/log/000000000002.segment", 6'000);
    const auto report = back_up(then);
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_EQ(report->damage.size(), 1u);
    EXPECT_EQ(report->damage[0].where, "000000000002.segment");
    EXPECT_TRUE(restore_it()) << "the copy is as it was written";
}

struct DamageCase {
    const char* name;
    void (*damage)(const std::string& file);
    const char* told;
};

class DamagedBackupTest : public BackupTest, public testing::WithParamInterface<DamageCase> {};

TEST_P(DamagedBackupTest, IsRefusedWithItsReasonOrGivesAConsistentPrefix) {
    append(300);
    ASSERT_TRUE(back_up());
    const auto manifest = read_manifest(target_).value();
    ASSERT_GE(manifest.segments.size(), 4u);
    // A closed segment in the middle, and the last one.
    for (const std::size_t place : {std::size_t{1}, manifest.segments.size() - 1}) {
        const std::string file = segment_file(manifest.segments[place]);
        const log::CutSegment& segment = manifest.segments[place].segment;
        const std::string whole = read_file(file).value();
        GetParam().damage(file);
        const auto before = tree(target_);
        const auto refused = restore_it();
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::kCorrupt);
        EXPECT_NE(refused.error().message.find(file), std::string::npos) << refused.error().message;
        EXPECT_NE(refused.error().message.find(GetParam().told), std::string::npos) << refused.error().message;
        EXPECT_FALSE(fs::exists(restored_));
        EXPECT_EQ(tree(target_), before);

        const auto restored = restore_it(OnDamage::kTakePrefix);
        ASSERT_TRUE(restored) << restored.error().message;
        ASSERT_TRUE(restored->missing);
        EXPECT_EQ(restored->missing->first, restored->end);
        EXPECT_EQ(restored->missing->last, 299u);
        EXPECT_GE(restored->end, segment.first_offset);
        EXPECT_LT(restored->end, segment.end_offset);
        EXPECT_EQ(restored_entries(), written(restored->end));
        EXPECT_TRUE(log_->damage().empty());
        log_.reset();
        fs::remove_all(restored_);
        ASSERT_TRUE(write_file_atomically(file, whole));
    }
    EXPECT_TRUE(restore_it());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, DamagedBackupTest,
    testing::Values(DamageCase{"Cut", [](const std::string& file) { fs::resize_file(file, fs::file_size(file) - 300); },
                               "ends at byte "},
                    DamageCase{"CutToNothing", [](const std::string& file) { fs::resize_file(file, 0); },
                               "ends at byte 0"},
                    DamageCase{"FlippedBit",
                               [](const std::string& file) {
                                   std::string content = read_file(file).value();
                                   content[5'000] = static_cast<char>(content[5'000] ^ 4);
                                   EXPECT_TRUE(write_file_atomically(file, content));
                               },
                               "another content"},
                    DamageCase{"Missing", [](const std::string& file) { fs::remove(file); }, "is missing"}),
    [](const auto& test) { return test.param.name; });

TEST_F(BackupTest, ADamagedFooterCostsNoEntry) {
    append(200);
    ASSERT_TRUE(back_up());
    const auto manifest = read_manifest(target_).value();
    const std::string file = segment_file(manifest.segments[1]);
    flip_bit(file, manifest.segments[1].sum.bytes - 20);
    EXPECT_FALSE(restore_it());
    const auto restored = restore_it(OnDamage::kTakePrefix);
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_FALSE(restored->missing);
    EXPECT_EQ(restored_entries(), written(200));
}

TEST_F(BackupTest, ADamagedCatalogIsRefusedAndDoneWithoutOnRequest) {
    append(20);
    ASSERT_TRUE(back_up());
    const std::string catalog = target_ + "/" + read_manifest(target_)->state_path(kCatalog);
    flip_bit(catalog, 3);
    const auto refused = restore_it();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find(catalog), std::string::npos) << refused.error().message;
    const auto restored = restore_it(OnDamage::kTakePrefix);
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_FALSE(restored->has_catalog);
    EXPECT_FALSE(fs::exists(restored_ + "/catalog.db"));
    EXPECT_EQ(restored_entries(), written(20));
}

TEST_F(BackupTest, ADamagedOrMissingManifestIsRefused) {
    append(20);
    ASSERT_TRUE(back_up());
    const std::string file = target_ + "/manifest.json";
    const std::string whole = read_file(file).value();
    for (std::size_t at = 0; at + 2 < whole.size(); at += 7) {
        flip_bit(file, at);
        const auto restored = restore_it(OnDamage::kTakePrefix);
        ASSERT_FALSE(restored) << "a bit of byte " << at;
        EXPECT_EQ(restored.error().code, Code::kCorrupt) << restored.error().message;
        ASSERT_TRUE(write_file_atomically(file, whole));
    }
    fs::remove(file);
    const auto restored = restore_it(OnDamage::kTakePrefix);
    ASSERT_FALSE(restored);
    EXPECT_NE(restored.error().message.find("no manifest.json"), std::string::npos) << restored.error().message;
    EXPECT_FALSE(fs::exists(restored_));
}

TEST_F(BackupTest, ABackupOfANewerReleaseIsRefusedAndNamesIt) {
    append(20);
    ASSERT_TRUE(back_up());
    // As a newer release would write it: another format, its sum right.
    std::string text = encode_manifest(*read_manifest(target_));
    text.replace(text.find("\"footfall_backup\":1"), 19, "\"footfall_backup\":3");
    const std::size_t member = text.rfind(",\"sha256\":");
    const auto digest = sha256(text.substr(0, member));
    text = text.substr(0, member) + ",\"sha256\":\"" +
           to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()}) + "\"}\n";
    ASSERT_TRUE(write_file_atomically(target_ + "/manifest.json", text));
    const auto restored = restore_it();
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, Code::kUnsupported);
    EXPECT_NE(restored.error().message.find("made by Footfall 1.2.3"), std::string::npos) << restored.error().message;
    const auto before = tree(target_);
    EXPECT_FALSE(back_up());
    auto after = tree(target_);
    after.erase(target_ + "/lock");
    auto expected = before;
    expected.erase(target_ + "/lock");
    EXPECT_EQ(after, expected);
}

TEST_F(BackupTest, AFolderThatIsNotEmptyIsNotRestoredInto) {
    append(20);
    ASSERT_TRUE(back_up());
    fs::create_directories(restored_);
    ASSERT_TRUE(write_file_atomically(restored_ + "/catalog.db", "mine"));
    const auto before = tree(restored_);
    const auto restored = restore_it(OnDamage::kTakePrefix);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, Code::kConflict);
    EXPECT_EQ(tree(restored_), before);
}

TEST_F(BackupTest, ARestoreThatWasCutOffIsNoInstallation) {
    fs::create_directories(restored_);
    ASSERT_TRUE(check_restored(restored_));
    ASSERT_TRUE(write_file_atomically(restored_ + "/restoring", ""));
    const Status status = check_restored(restored_);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("cut off"), std::string::npos) << status.error().message;
}

}  // namespace
}  // namespace footfall::backup
