// Rejected events from the log to what is said of them, against a real store.
#include "process/rejected.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "process/loader.h"
#include "process/process_fixture.h"
#include "store/migrations.h"

namespace footfall::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kHour = 3'600'000;

struct Sent {
    std::string website_id = "site";
    std::string reason = "missing";
    std::string event = "{}";
    std::int64_t received_at = kNow;
    std::string tracking_id = "site";
};

std::string entry_of(const Sent& sent) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("website_id", sent.website_id);
    writer.member("tracking_id", sent.tracking_id);
    writer.member("received_at", sent.received_at);
    writer.member("field", "data.page");
    writer.member("reason", sent.reason);
    writer.member("event", sent.event);
    writer.member("is_cut", false);
    writer.member("user_agent", "Agent/1");
    writer.member("key_site_id", "");
    writer.end_object();
    return out;
}

std::string tally_of(const std::string& site, const std::string& rejected, std::int64_t received_at = kNow) {
    return R"({"website_id":")" + site + R"(","duplicates":0,"rejected":{)" + rejected + R"(},"received_at":)" +
           std::to_string(received_at) + "}";
}

class RejectedTest : public ProcessTest {
protected:
    void TearDown() override { loader_.reset(); }
    void load() {
        loader_ = std::make_unique<Loader>(
            *log_, store(), clock_,
            LoaderOptions{
                .checkpoint_path = folder_ / "loader", .undo_path = folder_ / "undo", .interval_ms = 1, .rows_max = 3});
        loader_->start();
        expect_loaded();
    }
    void expect_loaded() {
        const Status loaded = loader_->wait_loaded(log_->end(), 60'000);
        EXPECT_TRUE(loaded) << loaded.error().message;
    }
    static std::vector<std::string> counts(const RejectedFilter& filter = {}) {
        const auto hours = rejected_by_hour(store(), filter);
        EXPECT_TRUE(hours) << hours.error().message;
        std::vector<std::string> out;
        for (const auto& hour : *hours)
            out.push_back(hour.reason + " " + std::to_string((hour.hour_ms - kNow) / kHour) + " " +
                          std::to_string(hour.events));
        return out;
    }
    static std::vector<std::string> samples(const RejectedFilter& filter = {}, const RejectedPage& page = {}) {
        const auto found = rejected_samples(store(), filter, page);
        EXPECT_TRUE(found) << found.error().message;
        std::vector<std::string> out;
        for (const auto& sample : *found) out.push_back(sample.event);
        return out;
    }
    /// The table empty and with another id, as where it was lost as a whole.
    static void make_anew(std::string_view table) {
        execute("DROP TABLE footfall." + std::string(table) + " SYNC");
        for (const TextFile& file : store::migrations())
            if (file.text.find("CREATE TABLE IF NOT EXISTS footfall." + std::string(table) + "\n") != file.text.npos)
                execute(std::string(file.text));
    }
    std::unique_ptr<Loader> loader_;
};

TEST_F(RejectedTest, AreStoredWithAllThatTheLogSays) {
    const std::string hostile = "{\"a\":\"</script><img src=x> \u20ac \\u0000\"}";
    append({numbered(0)});
    append_entry(log::EntryKind::kRejected, entry_of({.event = hostile}));
    load();
    const auto found = rejected_samples(store(), {}, {});
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->size(), 1u);
    const RejectedSample& sample = found->front();
    EXPECT_EQ(sample.position.offset, 1u);
    EXPECT_EQ(sample.website_id, "site");
    EXPECT_EQ(sample.tracking_id, "site");
    EXPECT_EQ(sample.received_at, kNow);
    EXPECT_EQ(sample.field, "data.page");
    EXPECT_EQ(sample.reason, "missing");
    EXPECT_EQ(sample.event, hostile);
    EXPECT_FALSE(sample.is_cut);
    EXPECT_EQ(sample.user_agent, "Agent/1");
    EXPECT_EQ(sample.key_site_id, "");
    EXPECT_EQ(offsets(), std::vector<std::uint64_t>{0}) << "no event";
}

TEST_F(RejectedTest, AreCountedByTheTalliesNotByTheSamples) {
    append_entry(log::EntryKind::kRejected, entry_of({}));
    append_entry(log::EntryKind::kTally, tally_of("site", R"("missing":40,"invalid":2)"));
    append_entry(log::EntryKind::kTally, tally_of("site", R"("missing":2)", kNow + 59 * 60'000));
    append_entry(log::EntryKind::kTally, tally_of("site", R"("missing":5)", kNow - 1));
    append_entry(log::EntryKind::kTally, tally_of("", R"("unknown":7)", kNow + kHour));
    append_entry(log::EntryKind::kTally, R"({"website_id":"site","duplicates":3,"rejected":{"missing":1}})");
    load();
    EXPECT_THAT(counts(), ElementsAre("unknown 1 7", "invalid 0 2", "missing 0 42", "missing -1 5"));
    using Of = RejectedFilter::Of;
    EXPECT_THAT(counts({.of = Of::kSite, .site = "site", .reason = "missing"}),
                ElementsAre("missing 0 42", "missing -1 5"));
    EXPECT_THAT(counts({.of = Of::kSite, .site = ""}), ElementsAre("unknown 1 7"));
    EXPECT_THAT(counts({.of = Of::kSite, .site = "other"}), IsEmpty());
    EXPECT_THAT(counts({.since_ms = kNow}), ElementsAre("unknown 1 7", "invalid 0 2", "missing 0 42"));
}

TEST_F(RejectedTest, ABatchThatWasCutOffIsStoredOnce) {
    append_entry(log::EntryKind::kRejected, entry_of({.event = "1"}));
    append_entry(log::EntryKind::kTally, tally_of("site", R"("missing":1)"));
    load();
    // The samples of the next batch are stored, their counts are not.
    execute("RENAME TABLE footfall.rejected_counts TO footfall.away");
    append_entry(log::EntryKind::kRejected, entry_of({.event = "2"}));
    append_entry(log::EntryKind::kTally, tally_of("site", R"("missing":1)"));
    EXPECT_TRUE(eventually([&] { return !loader_->state().problem.empty(); }));
    execute("RENAME TABLE footfall.away TO footfall.rejected_counts");
    expect_loaded();
    EXPECT_THAT(samples(), ElementsAre("2", "1"));
    EXPECT_THAT(counts(), ElementsAre("missing 0 2"));
    // A death before the checkpoint, and a checkpoint that is lost.
    for (const bool is_lost : {false, true}) {
        loader_.reset();
        const std::string before = read_file(folder_ / "loader").value();
        append_entry(log::EntryKind::kRejected, entry_of({.event = is_lost ? "4" : "3"}));
        append_entry(log::EntryKind::kTally, tally_of("site", R"("missing":1)"));
        load();
        loader_.reset();
        ASSERT_TRUE(is_lost ? remove_file(folder_ / "loader") : write_file_atomically(folder_ / "loader", before));
        load();
    }
    EXPECT_THAT(samples(), ElementsAre("4", "3", "2", "1"));
    EXPECT_THAT(counts(), ElementsAre("missing 0 4"));
}

TEST_F(RejectedTest, WhatATableLostComesBackFromTheLog) {
    for (int i = 0; i < 8; ++i) {
        append({numbered(static_cast<std::uint64_t>(i))});
        append_entry(log::EntryKind::kRejected, entry_of({.event = std::to_string(i)}));
        append_entry(log::EntryKind::kTally, tally_of("site", R"("missing":2)"));
    }
    load();
    for (const std::string_view lost : {"rejected", "rejected_counts"}) {
        loader_.reset();
        make_anew(lost);
        append_entry(log::EntryKind::kTally, tally_of("site", R"("unknown":1)"));
        load();
        EXPECT_EQ(loader_->state().rows, 0u) << "events are not loaded again";
        EXPECT_THAT(samples(), ElementsAre("7", "6", "5", "4", "3", "2", "1", "0")) << lost;
    }
    EXPECT_THAT(counts(), ElementsAre("missing 0 16", "unknown 0 2"));
    EXPECT_EQ(ask("SELECT count() FROM footfall.events"), std::vector<std::string>{"8"});
}

TEST_F(RejectedTest, ADeathAmidTheReadingAgainIsMadeGoodByTheNextStart) {
    for (int i = 0; i < 8; ++i) append_entry(log::EntryKind::kTally, tally_of("site", R"("missing":2)"));
    load();
    loader_.reset();
    make_anew("rejected");
    // Some batches of the reading again are there already.
    const std::string payload = entry_of({.event = "of a reading that was cut off"});
    const std::vector<log::StoredEntry> entries = {{{0, 1}, log::EntryKind::kRejected, payload}};
    ASSERT_TRUE(RejectedStore(store()).insert(entries, {0, 1}));
    append({numbered(1)});
    load();
    EXPECT_THAT(samples(), IsEmpty());
    EXPECT_THAT(counts(), ElementsAre("missing 0 16"));
}

TEST_F(RejectedTest, ACheckpointThatDoesNotNameTheTablesIsTakenForTheirs) {
    append_entry(log::EntryKind::kRejected, entry_of({.event = "of before"}));
    load();
    loader_.reset();
    // As an earlier release wrote it, and without the row: else nobody could tell that it was not read again.
    const std::string text = read_file(folder_ / "loader").value();
    const std::string body = text.substr(0, text.rfind(' ', text.rfind('\n', text.size() - 2))) + "\n";
    char crc[16];
    std::snprintf(crc, sizeof crc, "%08x\n", crc32c(body));
    ASSERT_TRUE(write_file_atomically(folder_ / "loader", body + crc));
    execute("TRUNCATE TABLE footfall.rejected");
    append({numbered(1)});
    load();
    EXPECT_THAT(samples(), IsEmpty());
    EXPECT_NE(read_file(folder_ / "loader").value(), body + crc) << "from now on it names them";
}

TEST_F(RejectedTest, WhatIsNotOneOfOursIsLeftOutAndKeepsNothingUp) {
    for (const char* wrong : {"", "text", "{}", "[]", R"({"website_id":7})"})
        append_entry(log::EntryKind::kRejected, wrong);
    append_entry(log::EntryKind::kTally, R"({"website_id":7})");
    append_entry(log::EntryKind::kRejected, entry_of({.event = "right"}));
    append({numbered(7)});
    load();
    EXPECT_THAT(samples(), ElementsAre("right"));
    EXPECT_EQ(offsets(), std::vector<std::uint64_t>{7});
}

TEST_F(RejectedTest, AreFoundBySiteReasonAndTimeAPageAtATime) {
    append_entry(log::EntryKind::kRejected, entry_of({.event = "0"}));
    append_entry(log::EntryKind::kRejected, entry_of({.reason = "invalid", .event = "1", .received_at = kNow - 2}));
    append_entry(log::EntryKind::kRejected, entry_of({.website_id = "", .reason = "unknown", .event = "2"}));
    append_entry(log::EntryKind::kRejected,
                 entry_of({.website_id = "", .reason = "unknown", .event = "3", .tracking_id = "x"}));
    append_entry(log::EntryKind::kRejected, entry_of({.website_id = "x", .event = "4", .tracking_id = "x"}));
    load();
    using Of = RejectedFilter::Of;
    EXPECT_THAT(samples(), ElementsAre("4", "3", "2", "1", "0"));
    EXPECT_THAT(samples({}, {.order = RejectedOrder::kOldestFirst}), ElementsAre("0", "1", "2", "3", "4"));
    EXPECT_THAT(samples({.of = Of::kSite, .site = "x"}), ElementsAre("4"));
    EXPECT_THAT(samples({.of = Of::kNamed, .site = "x"}), ElementsAre("4", "3"));
    EXPECT_THAT(samples({.of = Of::kSite, .site = ""}), ElementsAre("3", "2"));
    EXPECT_THAT(samples({.reason = "invalid"}), ElementsAre("1"));
    EXPECT_THAT(samples({.since_ms = kNow - 1}), ElementsAre("4", "3", "2", "0"));
    EXPECT_THAT(samples({}, {.before = 3, .limit = 2}), ElementsAre("2", "1"));
    EXPECT_THAT(samples({}, {.order = RejectedOrder::kOldestFirst, .after = 0, .limit = 2}), ElementsAre("1", "2"));
    EXPECT_THAT(samples({.reason = "' OR 1=1 --"}), IsEmpty());

    const auto list = list_rejected(store(), {}, {.limit = 2});
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_THAT(list->json(), HasSubstr(R"("before":3})"));
    const auto last = list_rejected(store(), {}, {.before = 3, .limit = 3});
    ASSERT_TRUE(last) << last.error().message;
    EXPECT_THAT(last->json(), HasSubstr(R"("before":null})"));
}

TEST_F(RejectedTest, IdsOfEventsThatTheStoreHasAreKnown) {
    append({numbered(1), numbered(2, kNow - kDay), numbered(4)});
    // Another event stands where the table has the key of the fourth one: nobody is known by a key alone.
    insert({{0, numbered(1)}, {1, numbered(2, kNow - kDay)}, {0, numbered(4)}});
    const std::vector<std::string> ids = {numbered(1).event_id.text(), numbered(2).event_id.text(),
                                          numbered(3).event_id.text(), numbered(4).event_id.text()};
    EXPECT_THAT(known_event_ids(store(), *log_, "site", ids, kNow - kDay).value(),
                testing::UnorderedElementsAre(ids[0], ids[1]));
    EXPECT_THAT(known_event_ids(store(), *log_, "site", ids, kNow).value(), ElementsAre(ids[0]));
    EXPECT_THAT(known_event_ids(store(), *log_, "other", ids, 0).value(), IsEmpty());
}

}  // namespace
}  // namespace footfall::process
