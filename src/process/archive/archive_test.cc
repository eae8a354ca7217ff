#include "process/archive/archive.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "process/archive/archive_fixture.h"
#include "process/archive/archiver.h"
#include "process/erased.h"
#include "store/local/object_folder.h"

namespace footfall::process::archive {
namespace {

constexpr std::int64_t kSix = 1'795'500'000'000;  // 2026-11-24T06:00:00Z
constexpr std::int64_t kHour = 3'600'000;

/// A log and its archive in a folder of the test's own.
class ArchiveTest : public testing::Test {
protected:
    void SetUp() override {
        if (is_death_child_) return;
        reopen_log();
        reopen();
    }
    void reopen_log() {
        log_.reset();
        auto opened = log::DiskLog::open(
            {.directory = folder_ / "log", .segment_bytes_max = 16u << 10, .free_bytes_min = 0, .reserve_bytes = 0},
            clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        log_ = std::move(*opened);
    }
    Status try_reopen() {
        archiver_.reset();
        archive_.reset();
        objects_.reset();
        TRY(objects_, store::ObjectFolder::open(folder_ / "archive"));
        TRY(archive_, Archive::open(*objects_, *log_, log_->cut().log_id, clock_));
        archiver_ = std::make_unique<Archiver>(*log_, *archive_, clock_, options_);
        return {};
    }
    void reopen() {
        const Status opened = try_reopen();
        ASSERT_TRUE(opened) << opened.error().message;
    }

    void append(const std::string& payload, log::EntryKind kind = log::EntryKind::kEvent) {
        const log::Entry entry{.kind = kind, .payload = payload};
        const auto done = log_->append({&entry, 1});
        ASSERT_TRUE(done) << done.error().message;
    }
    void append_events(std::size_t count, std::int64_t received_ms, std::string_view site = "site") {
        for (std::size_t i = 0; i < count; ++i) append(record_of(site, i, received_ms + static_cast<std::int64_t>(i)));
    }
    std::size_t archive_all() {
        for (std::size_t added = 0;; ++added) {
            const auto stepped = archiver_->step();
            EXPECT_TRUE(stepped) << stepped.error().message;
            if (!stepped || !*stepped) return added;
        }
    }

    using Entries = std::map<std::uint64_t, std::pair<log::EntryKind, std::string>>;
    Entries in_log() {
        Entries out;
        const auto reader = log_->reader(log_->begin());
        std::vector<log::StoredEntry> entries;
        while (true) {
            entries.clear();
            if (!(*reader)->read(entries, 1'000, 1u << 20)) continue;
            if (entries.empty()) return out;
            for (const auto& entry : entries)
                out.emplace(entry.position.offset, std::pair(entry.kind, std::string(entry.payload)));
        }
    }
    /// Each entry, which may be in one range alone.
    Entries in_archive() {
        Entries out;
        for (const RangeName& range : archive_->ranges()) {
            const auto manifest = archive_->manifest(range);
            EXPECT_TRUE(manifest) << manifest.error().message;
            if (!manifest) continue;
            const auto content = archive_->content(*manifest);
            EXPECT_TRUE(content) << content.error().message;
            if (!content) continue;
            Counts counts;
            const Status read = read_entries(*content, [&](const log::StoredEntry& entry) -> Status {
                const bool is_new =
                    out.emplace(entry.position.offset, std::pair(entry.kind, std::string(entry.payload))).second;
                EXPECT_TRUE(is_new) << entry.position.offset;
                ++counts.entries;
                return {};
            });
            EXPECT_TRUE(read) << read.error().message;
            EXPECT_EQ(counts.entries, manifest->counts.entries);
        }
        return out;
    }
    std::vector<std::string> names() {
        std::vector<std::string> out;
        for (const RangeName& range : archive_->ranges()) out.push_back(range.name);
        return out;
    }
    std::vector<std::string> keys() {
        std::vector<std::string> out;
        const auto listed = objects_->list("");
        for (const auto& object : *listed) out.push_back(object.key);
        return out;
    }

    /// The process of a death test, in the folder of the one that started it.
    const bool is_death_child_ = ::getenv("FOOTFALL_TEST_FOLDER") != nullptr;
    TestFolder folder_;
    ManualClock clock_{kSix};
    ArchiverOptions options_;
    std::unique_ptr<log::DiskLog> log_;
    std::unique_ptr<store::ObjectFolder> objects_;
    std::unique_ptr<Archive> archive_;
    std::unique_ptr<Archiver> archiver_;
};

TEST_F(ArchiveTest, AnHourIsArchivedWhenItIsOverAndNotBefore) {
    append_events(10, kSix);
    clock_.set_wall_ms(kSix + kHour + options_.after_ms - 1);
    EXPECT_EQ(archive_all(), 0u);
    EXPECT_EQ(archiver_->state().next, 0u);
    EXPECT_EQ(archiver_->state().oldest_ms, kSix);
    clock_.set_wall_ms(kSix + kHour + options_.after_ms);
    EXPECT_EQ(archive_all(), 1u);
    EXPECT_EQ(names(), std::vector<std::string>{"received_date=2026-11-24/received_hour=06/"
                                                "00000000000000000000-00000000000000000009"});
    EXPECT_EQ(in_archive(), in_log());
    EXPECT_EQ(archiver_->state().next, 10u);
    EXPECT_EQ(archiver_->state().oldest_ms, 0);
}

TEST_F(ArchiveTest, AnEventOfALaterHourClosesTheOneBefore) {
    append_events(5, kSix + kHour - 3);  // two of them are of the next hour
    append(record_of("site", 9, kSix + kHour - 1));
    append_events(1, kSix + 2 * kHour);
    EXPECT_EQ(archive_all(), 2u);
    ASSERT_EQ(archive_->ranges().size(), 2u);
    EXPECT_EQ(archive_->ranges()[0].end, 3u);
    EXPECT_EQ(archive_->ranges()[1].end, 6u) << "what came in another order at the turn of the hour makes no range";
}

TEST_F(ArchiveTest, NothingIsAddedWhereTheRoomIsForEvents) {
    Status room = Error(Code::kOverloaded, "the disk is full");
    options_.may_add = [&room] { return room; };
    reopen();
    append_events(3, kSix);
    clock_.set_wall_ms(kSix + 2 * kHour);
    EXPECT_EQ(archiver_->step().error().code, Code::kOverloaded);
    EXPECT_EQ(archive_->ranges().size(), 0u);
    room = {};
    EXPECT_EQ(archive_all(), 1u);
}

TEST_F(ArchiveTest, AClockThatIsSetBackDoesNotHoldTheArchiveUp) {
    append_events(3, kSix + 50 * kHour);
    append_events(3, kSix);
    append_events(1, kSix + kHour);
    EXPECT_EQ(archive_all(), 2u);
    EXPECT_EQ(names()[0].substr(0, 41), "received_date=2026-11-26/received_hour=08");
    EXPECT_EQ(names()[1].substr(0, 41), "received_date=2026-11-24/received_hour=06");
}

TEST_F(ArchiveTest, AnHourWithMuchTrafficIsSeveralFiles) {
    options_.rows_max = 100;
    reopen();
    append_events(250, kSix);
    EXPECT_EQ(archive_all(), 2u) << "what is full is closed";
    append_events(50, kSix);
    EXPECT_EQ(archive_all(), 1u) << "also where nothing follows";
    options_.bytes_max = 2'000;
    reopen();
    append_events(50, kSix);
    clock_.set_wall_ms(kSix + 2 * kHour);
    EXPECT_GT(archive_all(), 2u);
    EXPECT_EQ(in_archive(), in_log());
}

TEST_F(ArchiveTest, TalliesAndTombstonesAreKeptAndSamplesAreNot) {
    append(R"({"website_id":"site","duplicates":2,"rejected":{}})", log::EntryKind::kTally);
    append_events(2, kSix);
    append("{\"sample\":true}", log::EntryKind::kRejected);
    append(write_erased({.website_id = "site", .event_id = make_uuid_v7(kSix), .received_at = kSix}),
           log::EntryKind::kErased);
    clock_.set_wall_ms(kSix + 2 * kHour);
    EXPECT_EQ(archive_all(), 1u);
    Entries expected = in_log();
    expected.erase(3);
    EXPECT_EQ(in_archive(), expected);
    const auto manifest = archive_->manifest(archive_->ranges().front());
    ASSERT_TRUE(manifest);
    EXPECT_EQ(manifest->counts.rejected_samples, 1u);
    EXPECT_EQ(manifest->counts.sites.at("site").duplicates, 2u);
}

TEST_F(ArchiveTest, EntriesThatSayNoTimeAreOfTheHourInWhichTheyWereSeen) {
    append(R"({"website_id":"site","duplicates":2,"rejected":{}})", log::EntryKind::kTally);
    clock_.set_wall_ms(kSix + 10 * 60'000);
    EXPECT_EQ(archive_all(), 0u);
    clock_.set_wall_ms(kSix + kHour + options_.after_ms);
    EXPECT_EQ(archive_all(), 1u);
    EXPECT_EQ(names()[0].substr(0, 41), "received_date=2026-11-24/received_hour=06");
}

TEST_F(ArchiveTest, WhatIsMissingInTheMiddleIsMadeAgainFromTheLog) {
    options_.rows_max = 100;
    reopen();
    append_events(401, kSix);
    EXPECT_EQ(archive_all(), 4u);
    const std::string lost = names()[1];
    for (const std::string& key : {manifest_key(lost), events_key(lost)}) ASSERT_TRUE(objects_->remove(key));
    reopen();
    EXPECT_EQ(archiver_->state().next, 100u);
    EXPECT_EQ(archive_all(), 1u);
    EXPECT_EQ(archive_->ranges().size(), 4u);
    EXPECT_EQ(in_archive().size(), 400u);
}

TEST_F(ArchiveTest, DamageOfTheLogIsNamedAndMendedWhenItCanBeReadAgain) {
    append_events(300, kSix);
    reopen_log();  // which closes a segment
    const std::string segment = folder_ / "log/000000000002.segment";
    const std::string whole = read_file(segment).value();
    std::string damaged = whole;
    for (std::size_t at = 5'000; at < 5'200; ++at) damaged[at] = '?';
    ASSERT_TRUE(write_file_atomically(segment, damaged));
    reopen_log();
    reopen();
    clock_.set_wall_ms(kSix + 2 * kHour);
    EXPECT_EQ(archive_all(), 1u);
    const auto manifest = archive_->manifest(archive_->ranges().front());
    ASSERT_TRUE(manifest);
    ASSERT_EQ(manifest->damage.size(), 1u);
    EXPECT_EQ(in_archive(), in_log());
    EXPECT_LT(in_archive().size(), 300u);

    ASSERT_TRUE(write_file_atomically(segment, whole));
    reopen_log();
    reopen();
    ASSERT_FALSE(log_->restored().empty());
    ASSERT_TRUE(archive_->forget(log_->restored(), 0));
    EXPECT_EQ(archive_all(), 1u);
    EXPECT_EQ(in_archive().size(), 300u);
}

TEST_F(ArchiveTest, AnArchiveOfAnotherLogIsRefused) {
    append_events(3, kSix);
    clock_.set_wall_ms(kSix + 2 * kHour);
    EXPECT_EQ(archive_all(), 1u);
    log_.reset();
    std::filesystem::remove_all(folder_ / "log");
    reopen_log();
    const Status opened = try_reopen();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kConflict);
    EXPECT_NE(opened.error().message.find("another installation"), std::string::npos);
}

TEST_F(ArchiveTest, AnArchiveOfAStateThatTheLogHasNotIsRefused) {
    append_events(10, kSix);
    log_.reset();
    std::filesystem::copy(folder_ / "log", folder_ / "backup", std::filesystem::copy_options::recursive);
    reopen_log();
    reopen();
    append_events(10, kSix);
    clock_.set_wall_ms(kSix + 2 * kHour);
    EXPECT_EQ(archive_all(), 1u);
    const auto restore = [&] {
        log_.reset();
        std::filesystem::remove_all(folder_ / "log");
        std::filesystem::copy(folder_ / "backup", folder_ / "log", std::filesystem::copy_options::recursive);
        reopen_log();
    };
    restore();
    EXPECT_EQ(try_reopen().error().code, Code::kConflict) << "it ends before the archive does";
    append_events(20, kSix + kHour);
    EXPECT_EQ(try_reopen().error().code, Code::kConflict) << "it has other events at the same offsets";
}

TEST_F(ArchiveTest, AFolderWithOtherFilesIsRefused) {
    const auto other = store::ObjectFolder::open(folder_ / "photos");
    ASSERT_TRUE((*other)->put("events/cat.jpg", "meow"));
    const auto opened = Archive::open(**other, *log_, log_->cut().log_id, clock_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kConflict);
    EXPECT_EQ((*other)->get("events/cat.jpg").value(), "meow");
}

TEST_F(ArchiveTest, R8ADamagedFileIsAnErrorAndNeverAWrongEvent) {
    append_events(3, kSix);
    clock_.set_wall_ms(kSix + 2 * kHour);
    archive_all();
    const std::string key = events_key(names()[0]);
    std::string content = objects_->get(key).value();
    content[content.size() / 3] ^= 1;
    ASSERT_TRUE(objects_->put(key, content));
    const auto manifest = archive_->manifest(archive_->ranges()[0]);
    ASSERT_TRUE(manifest);
    EXPECT_EQ(archive_->content(*manifest).error().code, Code::kCorrupt);
    ASSERT_TRUE(objects_->remove(key));
    EXPECT_EQ(archive_->content(*manifest).error().code, Code::kCorrupt);
    std::string text = objects_->get(manifest_key(names()[0])).value();
    text[text.find("\"events\":3") + 9] = '4';
    ASSERT_TRUE(objects_->put(manifest_key(names()[0]), text));
    EXPECT_EQ(archive_->manifest(archive_->ranges()[0]).error().code, Code::kCorrupt);
}

/// Of the visitors of a site, the odd ones; as erasure does it in the log.
log::Rewriting erase_odd_visitors() {
    return [](const log::StoredEntry& entry) -> Result<std::optional<log::Rewritten>> {
        event::RecordReader records;
        const auto event = records.read(entry.payload);
        if (entry.kind != log::EntryKind::kEvent || !event || event->website_id != "site" || event->visitor_id % 2 == 0)
            return std::optional<log::Rewritten>();
        return std::optional<log::Rewritten>({.payload = write_erased({.website_id = std::string(event->website_id),
                                                                       .event_id = event->event_id,
                                                                       .received_at = event->received_at})});
    };
}

TEST_F(ArchiveTest, WhatIsRewrittenIsWhatTheLogSaysThen) {
    options_.rows_max = 100;
    reopen();
    append_events(150, kSix);
    append_events(150, kSix, "other");
    append_events(1, kSix + kHour);
    EXPECT_EQ(archive_all(), 3u);
    const std::string untouched = objects_->get(manifest_key(names()[2])).value();
    const std::vector<std::string> sites = {"site"};
    ASSERT_TRUE(log_->rewrite({}, erase_odd_visitors(), log::ErasurePace::kAtOnce));
    const auto changed = archive_->rewrite({}, sites, erase_odd_visitors());
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_EQ(*changed, 75u);
    Entries expected = in_log();
    expected.erase(300);
    EXPECT_EQ(in_archive(), expected);
    EXPECT_EQ(objects_->get(manifest_key(names()[2])).value(), untouched);
    const auto manifest = archive_->manifest(archive_->ranges()[0]);
    EXPECT_EQ(manifest->counts.sites.at("site").events, 50u);
    EXPECT_EQ(manifest->counts.sites.at("site").erased_events, 50u);
    EXPECT_EQ(manifest->rewritten, 1u);
    reopen();
    EXPECT_EQ(in_archive(), expected);
    EXPECT_EQ(archive_->rewrite({}, sites, erase_odd_visitors()).value(), 0u);
}

TEST_F(ArchiveTest, ARangeOfWhichNothingIsLeftHasNoFileOfEvents) {
    append(record_of("site", 1, kSix));
    clock_.set_wall_ms(kSix + 2 * kHour);
    archive_all();
    ASSERT_TRUE(archive_->rewrite({}, {}, erase_odd_visitors()));
    EXPECT_EQ(objects_->list("events/").value().size(), 0u);
    EXPECT_EQ(in_archive().at(0).first, log::EntryKind::kErased);
    reopen();
    EXPECT_EQ(in_archive().size(), 1u);
}

class ArchiveDeathTest : public ArchiveTest, public testing::WithParamInterface<const char*> {
protected:
    /// `prepare` is done by this process, and `run` by the one that dies, which reads the failpoints at its start.
    void die_at(const std::string& point, const std::function<void()>& prepare, const std::function<void()>& run) {
        testing::FLAGS_gtest_death_test_style = "threadsafe";
        if (!is_death_child_) {
            prepare();
            archiver_.reset();
            archive_.reset();
            objects_.reset();
            log_.reset();
        }
        ::setenv("FOOTFALL_FAILPOINTS", (point + "=abort@1").c_str(), 1);
        const auto open_and_run = [&] {
            clock_.set_wall_ms(kSix + kHour + options_.after_ms);
            reopen_log();
            reopen();
            run();
            std::_Exit(1);
        };
        EXPECT_EXIT(open_and_run(), testing::KilledBySignal(SIGKILL), "");
        ::unsetenv("FOOTFALL_FAILPOINTS");
        clock_.set_wall_ms(kSix + kHour + options_.after_ms);
        reopen_log();
    }
};

class ArchivingDeathTest : public ArchiveDeathTest {};
INSTANTIATE_TEST_SUITE_P(Points, ArchivingDeathTest,
                         testing::Values("archive.entries", "archive.events", "archive.manifest", "objects.written",
                                         "objects.renamed"));

TEST_P(ArchivingDeathTest, R2ADeathLeavesEachEventInTheArchiveOnce) {
    die_at(
        GetParam(),
        [&] {
            append_events(20, kSix);
            append(R"({"website_id":"site","duplicates":2,"rejected":{}})", log::EntryKind::kTally);
        },
        [&] { archive_all(); });
    // What comes meanwhile makes it another range.
    append_events(5, kSix + kHour - 10);
    reopen();
    archive_all();
    EXPECT_EQ(in_archive(), in_log());
    std::set<std::string> counted = {"archive.json"};
    for (const std::string& name : names()) counted.insert({events_key(name), entries_key(name), manifest_key(name)});
    for (const std::string& key : keys()) EXPECT_TRUE(counted.contains(key)) << key;
    const std::size_t events_files = objects_->list("events/").value().size();
    EXPECT_EQ(events_files, archive_->ranges().size());
}

class ArchiveRewritingDeathTest : public ArchiveDeathTest {};
INSTANTIATE_TEST_SUITE_P(Points, ArchiveRewritingDeathTest,
                         testing::Values("archive.replacing", "archive.entries_replaced", "archive.events_replaced",
                                         "archive.replaced"));

TEST_P(ArchiveRewritingDeathTest, R2ADeathAmidARewritingLosesNothingAndTheNextOneCompletesIt) {
    die_at(
        GetParam(),
        [&] {
            append_events(20, kSix);
            append(R"({"website_id":"site","duplicates":2,"rejected":{}})", log::EntryKind::kTally);
            clock_.set_wall_ms(kSix + 2 * kHour);
            archive_all();
            ASSERT_TRUE(log_->rewrite({}, erase_odd_visitors(), log::ErasurePace::kAtOnce));
        },
        [&] { (void)archive_->rewrite({}, {}, erase_odd_visitors()).has_value(); });
    reopen();
    EXPECT_EQ(in_archive().size(), 21u) << "an event or what is left of it";
    ASSERT_TRUE(archive_->rewrite({}, {}, erase_odd_visitors()));
    EXPECT_EQ(in_archive(), in_log());
    const auto manifest = archive_->manifest(archive_->ranges()[0]);
    ASSERT_TRUE(manifest);
    EXPECT_FALSE(manifest->replaced_by);
    EXPECT_EQ(manifest->counts.sites.at("site").erased_events, 10u);
}

}  // namespace
}  // namespace footfall::process::archive
