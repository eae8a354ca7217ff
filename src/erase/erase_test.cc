// Erasure against a real log, store and loader: what is left is what the log without the erased would have made.
#include "erase/erase.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "enrich/identity.h"
#include "process/audit.h"
#include "process/process_fixture.h"
#include "store/migrations.h"

namespace footfall::erase {
namespace {

using process::kNow;
using process::numbered;
using testing::ElementsAre;

constexpr const char* kMarker = "marker-of-the-one-who-goes";
constexpr std::int64_t kMinute = 60'000;

class EraseTest : public process::ProcessTest {
protected:
    void SetUp() override {
        ProcessTest::SetUp();
        start();
    }
    void TearDown() override {
        eraser_.reset();
        loader_.reset();
    }

    void start() {
        eraser_.reset();
        loader_ = std::make_unique<process::Loader>(*log_, store(), clock_,
                                                    process::LoaderOptions{.checkpoint_path = folder_ / "loader",
                                                                           .undo_path = folder_ / "undo",
                                                                           .interval_ms = 1,
                                                                           .rows_max = 10});
        eraser_ = std::make_unique<Eraser>(*log_, store(), *loader_, clock_, EraserOptions{.data_dir = folder_.path()},
                                           [this](const Subject& subject) { forgotten_ = subject; });
        loader_->start();
    }
    void wait_loaded() {
        const Status loaded = loader_->wait_loaded(log_->end(), 60'000);
        ASSERT_TRUE(loaded) << loaded.error().message;
    }
    /// An event of the one who goes, or of somebody else.
    event::Event of(std::string_view user_id, std::uint64_t number, std::int64_t at) {
        event::Event event = numbered(number, at);
        event.received_at = at;
        event.user_id = user_id;
        event.visitor_id = enrich::Identity::known_id("site", user_id);
        event.page = user_id == kMarker ? "/page-of-marker-of-the-one-who-goes" : "/";
        return event;
    }
    Report erase(const Subject& subject) {
        const auto report = eraser_->erase(subject, log::ErasurePace::kAtOnce);
        EXPECT_TRUE(report) << report.error().message;
        return report.value_or(Report{});
    }
    process::AuditReport audit() {
        const auto hold = [this] { return loader_->hold(10'000); };
        auto report = process::run_audit(*log_, store(), log_->end(), hold, "", {});
        EXPECT_TRUE(report) << report.error().message;
        EXPECT_TRUE(report->ok()) << report->text();
        return report ? std::move(*report) : process::AuditReport();
    }
    /// Of the site, what audit says of its sessions: received, stored and erased.
    std::vector<std::uint64_t> audited_sessions() {
        for (const process::AuditRow& row : audit().rows)
            if (row.site_id == "site" && row.table == "sessions") return {row.received, row.stored, row.erased};
        ADD_FAILURE() << "there is no row of the site's sessions";
        return {};
    }
    static std::string store_folder() {
        return testing::TempDir() + "footfall_store_process_" + std::to_string(::getpid()) + "/data";
    }
    static std::string files_with(const std::filesystem::path& folder, const std::string& needle) {
        std::string out;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(
                 folder, std::filesystem::directory_options::skip_permission_denied)) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path(), std::ios::binary);
            const std::string content((std::istreambuf_iterator<char>(file)), {});
            if (content.find(needle) != std::string::npos) out += entry.path().string() + "\n";
        }
        return out;
    }

    std::unique_ptr<process::Loader> loader_;
    std::unique_ptr<Eraser> eraser_;
    Subject forgotten_;
};

TEST_F(EraseTest, S22AVisitorIsGoneAndAuditProvesTheRest) {
    for (std::uint64_t i = 0; i < 60; ++i)
        append({of(i % 3 == 0 ? kMarker : "stays", i + 1, kNow + static_cast<std::int64_t>(i) * kMinute)});
    event::Event named = of(kMarker, 100, kNow);
    named.event_type = "identify";
    named.visitor_id = 77;
    event::Event before = numbered(101, kNow);
    before.visitor_id = 77;
    append({named, before});
    const std::uint64_t sample = append_entry(
        log::EntryKind::kRejected,
        R"({"website_id":"site","tracking_id":"site","received_at":1795500000000,"field":"x","reason":"missing",)"
        R"("event":"{\"user_id\":\"marker-of-the-one-who-goes\"}","is_cut":false,"user_agent":"","key_site_id":""})");
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    ASSERT_NE(files_with(folder_.path(), kMarker), "") << "else the test shows nothing";
    ASSERT_NE(files_with(store_folder(), kMarker), "") << "else the test shows nothing";
    audit();

    const Report report = erase(Subject::of_visitor("site", kMarker));
    EXPECT_EQ(report.events, 22u);
    EXPECT_EQ(report.visitors, 2u);
    EXPECT_EQ(report.rejected, 1u);
    EXPECT_EQ(report.sessions, 2u);
    EXPECT_GT(report.segments, 0u);
    EXPECT_THAT(forgotten_.visitor_ids, ElementsAre(enrich::Identity::known_id("site", kMarker), 77u));
    EXPECT_EQ(files_with(folder_.path(), kMarker), "");
    EXPECT_EQ(files_with(store_folder(), kMarker), "");
    EXPECT_THAT(ask("SELECT user_id, count() FROM footfall.events GROUP BY ALL"), ElementsAre("stays 40"));
    EXPECT_THAT(ask("SELECT user_id, sum(sign) FROM footfall.sessions GROUP BY ALL"), ElementsAre("stays 1"));
    EXPECT_THAT(ask("SELECT count() FROM footfall.rejected"), ElementsAre("0")) << sample;
    EXPECT_FALSE(path_exists(folder_ / "erasure.pending"));
    const process::AuditReport proof = audit();
    EXPECT_EQ(proof.rows[0].received, 62u);
    EXPECT_EQ(proof.rows[0].stored, 40u);
    EXPECT_EQ(proof.rows[0].erased, 22u);
    EXPECT_THAT(audited_sessions(), ElementsAre(3, 1, 2));

    // What comes for the same visitor is new, in a session of its own, though the last event was a minute ago.
    append({of(kMarker, 200, kNow + 60 * kMinute), of("stays", 201, kNow + 60 * kMinute)});
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    EXPECT_THAT(ask("SELECT user_id, sum(sign * events) FROM footfall.sessions GROUP BY ALL ORDER BY ALL"),
                ElementsAre("marker-of-the-one-who-goes 1", "stays 41"));
    audit();
    // And a store that is filled from the log has none of it.
    loader_.reset();
    for (const char* table : {"events", "sessions", "session_alias", "rejected"})
        execute("TRUNCATE TABLE footfall." + std::string(table));
    ASSERT_TRUE(remove_file(folder_ / "loader"));
    start();
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    EXPECT_EQ(audit().rows[0].erased, 22u);
    EXPECT_THAT(audited_sessions(), ElementsAre(4, 2, 2));
    // An erasure again adds to what was erased before.
    EXPECT_EQ(erase(Subject::of_visitor("site", kMarker)).sessions, 1u);
    EXPECT_THAT(audited_sessions(), ElementsAre(4, 1, 3));
}

TEST_F(EraseTest, S22WhatWasTakenOutOfTheTablesIsEmptied) {
    constexpr std::int64_t kDecember = kNow + 20 * process::kDay;
    append({of(kMarker, 1, kNow), of("stays", 2, kNow), of(kMarker, 3, kDecember), of("stays", 4, kDecember)});
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    // By hand, and as the engine does it with a part that is damaged when it starts.
    execute("ALTER TABLE footfall.events DETACH PARTITION ID '202611'");
    execute("ALTER TABLE footfall.events DETACH PARTITION ID '202612'");
    const auto folders =
        ask("SELECT path FROM system.detached_parts WHERE database = 'footfall' AND table = 'events' AND reason = '' "
            "ORDER BY name");
    ASSERT_EQ(folders.size(), 2u);
    const std::filesystem::path by_hand = std::filesystem::path(folders[0] + "/").parent_path();
    const std::filesystem::path from = std::filesystem::path(folders[1] + "/").parent_path();
    const std::filesystem::path broken = from.parent_path() / ("broken-on-start_" + from.filename().string());
    std::filesystem::rename(from, broken);
    ASSERT_NE(files_with(by_hand, kMarker), "") << "else the test shows nothing";
    ASSERT_NE(files_with(broken, kMarker), "") << "else the test shows nothing";
    const auto identity = store::store_identity(store());
    ASSERT_TRUE(identity && identity->ends_with(":1")) << *identity;

    EXPECT_EQ(erase(Subject::of_visitor("site", kMarker)).events, 2u);
    EXPECT_EQ(files_with(store_folder(), kMarker), "");
    EXPECT_FALSE(path_exists(by_hand));
    EXPECT_TRUE(path_exists(broken)) << "the loader has to learn of it";
    EXPECT_TRUE(std::filesystem::is_empty(broken));
    EXPECT_EQ(store::store_identity(store()).value(), *identity);
    EXPECT_EQ(erase(Subject::of_visitor("site", "stays")).events, 2u) << "with one that is emptied";
    std::filesystem::remove(broken);
}

TEST_F(EraseTest, S22ASiteIsGoneAndTheOthersStay) {
    for (std::uint64_t i = 0; i < 40; ++i) {
        event::Event event = of(kMarker, i + 1, kNow + static_cast<std::int64_t>(i) * kMinute);
        event.website_id = i % 2 == 0 ? "site" : "other";
        append({event},
               i == 0 ? R"({"website_id":"site","duplicates":3,"rejected":{"missing":2},"received_at":1795500000000})"
                      : "");
    }
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    EXPECT_EQ(erase(Subject::of_site("site")).events, 20u);
    EXPECT_THAT(ask("SELECT website_id, count() FROM footfall.events GROUP BY ALL"), ElementsAre("other 20"));
    EXPECT_THAT(ask("SELECT website_id, sum(sign) FROM footfall.sessions GROUP BY ALL"), ElementsAre("other 1"));
    EXPECT_THAT(ask("SELECT count() FROM footfall.rejected_counts"), ElementsAre("0"));
    for (const process::AuditRow& row : audit().rows) {
        if (row.site_id != "site" || row.table != "events") continue;
        EXPECT_EQ(row.received, 20u);
        EXPECT_EQ(row.erased, 20u);
        EXPECT_EQ(row.stored + row.duplicates + row.rejected, 0u);
    }
    EXPECT_THAT(audited_sessions(), ElementsAre(1, 0, 1));
}

TEST_F(EraseTest, WhatComesMeanwhileIsErasedOrNewAndAuditProvesIt) {
    std::atomic<bool> done{false};
    std::uint64_t sent = 0;
    std::thread sending([&] {
        while (!done || sent < 200) {
            ++sent;
            const std::uint64_t at =
                append({of(sent % 2 == 0 ? kMarker : "stays", sent, kNow + static_cast<std::int64_t>(sent) * 1'000)});
            // Not faster than the loader, of whose lag nothing is to be seen here.
            if (sent % 20 != 0) continue;
            EXPECT_TRUE(loader_->wait_loaded({0, at}, 60'000));
        }
    });
    std::uint64_t erased = 0;
    for (int i = 0; i < 3; ++i) erased += erase(Subject::of_visitor("site", kMarker)).events;
    done = true;
    sending.join();
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    const process::AuditReport report = audit();
    EXPECT_EQ(report.rows[0].received, sent);
    EXPECT_EQ(report.rows[0].erased, erased);
}

TEST_F(EraseTest, S22WhatADeathLeftHalfDoneTheNextStartDoesBeforeItLoadsWhatIsNew) {
    for (std::uint64_t i = 0; i < 30; ++i)
        append({of(i % 3 == 0 ? kMarker : "stays", i + 1, kNow + static_cast<std::int64_t>(i) * 1'000)});
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    // Dead after the log, before the store: the links that led to the visitor are in the log no more.
    ASSERT_TRUE(PendingErasure(folder_ / "erasure.pending").write(Subject::of_visitor("site", kMarker)));
    eraser_.reset();
    loader_.reset();
    loader_ = std::make_unique<process::Loader>(
        *log_, store(), clock_,
        process::LoaderOptions{.checkpoint_path = folder_ / "loader", .undo_path = folder_ / "undo", .interval_ms = 1});
    eraser_ = std::make_unique<Eraser>(*log_, store(), *loader_, clock_, EraserOptions{.data_dir = folder_.path()},
                                       [](const Subject&) {});
    auto still = loader_->keep_still();
    loader_->start();
    append({of(kMarker, 100, kNow + 31'000)});  // acknowledged since the start: new
    ASSERT_TRUE(eraser_->is_pending().value());
    const Status resumed = eraser_->resume();
    ASSERT_TRUE(resumed) << resumed.error().message;
    EXPECT_FALSE(eraser_->is_pending().value());
    still.reset();
    ASSERT_NO_FATAL_FAILURE(wait_loaded());
    EXPECT_THAT(ask("SELECT user_id, count() FROM footfall.events GROUP BY ALL ORDER BY ALL"),
                ElementsAre("marker-of-the-one-who-goes 1", "stays 20"));
    EXPECT_EQ(audit().rows[0].erased, 10u);
    EXPECT_THAT(audited_sessions(), ElementsAre(3, 2, 1)) << "one of them by then, the one of before and what came new";
}

}  // namespace
}  // namespace footfall::erase
