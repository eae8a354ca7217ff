// Rejected events that are sent again, before the real committer, index and log.
#include "ingest/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/committer_fixture.h"

namespace footfall::ingest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::int64_t kDay = 86'400'000;

class ReplayTest : public testing::Test {
protected:
    ReplayTest() : ingestion_(folder_.path(), {}) {}
    void SetUp() override {
        ASSERT_TRUE(ingestion_.open());
        auto catalog = catalog::Catalog::open(folder_ / "catalog.sqlite", ingestion_.clock);
        ASSERT_TRUE(catalog) << catalog.error().message;
        catalog_ = std::move(*catalog);
        ASSERT_TRUE(catalog_->add_site("a", "site.example", "UTC", "a"));
        auto tables = enrich::Tables::load({});
        ASSERT_TRUE(tables);
        identity_ = std::make_unique<enrich::Identity>([this](std::int64_t day) { return catalog_->salt(day); });
        replay_ = std::make_unique<Replay>(
            *catalog_, *tables, *identity_, *ingestion_.committer, ingestion_.clock,
            [this](const std::string& site, std::span<const std::string> ids, std::int64_t from_ms) {
                asked_ = site + " " + std::to_string(ids.size()) + " " + std::to_string((kNow - from_ms) / kDay);
                return Result<std::vector<std::string>>(known_);
            });
    }
    void TearDown() override {
        replay_.reset();
        ingestion_.close();
    }
    ReplayReport run(const std::vector<KeptEvent>& events, ReplayMode mode = ReplayMode::kTake) {
        ReplayReport report;
        const Status done = replay_->run(events, mode, report);
        EXPECT_TRUE(done) << done.error().message;
        return report;
    }
    static KeptEvent kept(std::uint64_t offset, std::string_view text, std::int64_t received_at = kNow - 20 * kDay) {
        return {.position = {0, offset}, .received_at = received_at, .text = text};
    }
    /// The events of the log, read back by `of`.
    template <class Of>
    std::vector<std::string> recorded(Of of) {
        std::vector<std::string> out;
        event::RecordReader records;
        for (const auto& group : ingestion_.log->groups())
            for (const std::string& record : group)
                if (const auto event = records.read(record); event && !event->event_id.is_nil())
                    out.push_back(of(*event));
        return out;
    }

    TestFolder folder_;
    Ingestion ingestion_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<enrich::Identity> identity_;
    std::unique_ptr<Replay> replay_;
    std::vector<std::string> known_;
    std::string asked_;
};

constexpr std::string_view kView = R"({"type":"pageview","tracking_id":"a","data":{"page":"/x"}})";

TEST_F(ReplayTest, AnEventIsJudgedByItsTimeOfThenAndReceivedNow) {
    const std::string then = std::to_string(kNow - 27 * kDay);
    const std::string dated = R"({"type":"pageview","tracking_id":"a","data":{"page":"/y","timestamp":)" + then + "}}";
    const ReplayReport report = run({kept(1, kView), kept(2, dated), kept(3, dated, kNow)});
    EXPECT_EQ(report.taken, 2u);
    EXPECT_THAT(report.rejected, ElementsAre(Pair("out_of_range", 1)));
    EXPECT_THAT(recorded([](const event::Event& event) {
                    return std::string(event.page) + " " + std::to_string((kNow - event.timestamp) / kDay) + " " +
                           std::to_string((kNow - event.received_at) / kDay);
                }),
                ElementsAre("/x 20 0", "/y 27 0"));
    EXPECT_THAT(ingestion_.stored().tallies, IsEmpty()) << "what is still rejected was counted when it came";
    EXPECT_EQ(asked_, "a 2 35") << "a timestamp of then, less what a repetition may be earlier";
}

TEST_F(ReplayTest, NothingIsCountedTwice) {
    const std::string with_id =
        R"({"type":"pageview","tracking_id":"a","event_id":")" + id_of(7).text() + R"(","data":{"page":"/id"}})";
    EXPECT_EQ(run({kept(1, kView), kept(2, kView), kept(3, with_id), kept(4, with_id)}).taken, 3u);
    const ReplayReport again = run({kept(1, kView), kept(2, kView), kept(3, with_id), kept(4, with_id)});
    EXPECT_EQ(again.taken, 0u);
    EXPECT_EQ(again.duplicates, 4u);
    // The index has forgotten them, the store has not.
    ingestion_.clock.set_wall_ms(kNow + 9 * kDay);
    known_ = {replayed_id({0, 1}, kNow - 20 * kDay).text(), id_of(7).text()};
    const ReplayReport later = run({kept(1, kView), kept(3, with_id)});
    EXPECT_EQ(later.taken, 0u);
    EXPECT_EQ(later.duplicates, 2u);
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/x", "/x", "/id"));
}

TEST_F(ReplayTest, ADryRunSaysTheSameAndTakesNothing) {
    const std::string with_id =
        R"({"type":"pageview","tracking_id":"a","event_id":")" + id_of(7).text() + R"(","data":{"page":"/id"}})";
    KeptEvent cut = kept(5, kView.substr(0, 20));
    cut.is_cut = true;
    const std::vector<KeptEvent> events = {kept(1, kView), kept(2, with_id), kept(3, with_id),
                                           kept(4, R"({"type":"pageview","tracking_id":"nobody"})"), cut};
    for (const ReplayMode mode : {ReplayMode::kDryRun, ReplayMode::kTake}) {
        const ReplayReport report = run(events, mode);
        EXPECT_EQ(report.taken, 2u);
        EXPECT_EQ(report.duplicates, 1u);
        EXPECT_EQ(report.cut, 1u);
        EXPECT_THAT(report.rejected, ElementsAre(Pair("missing", 1)));
        EXPECT_EQ(ingestion_.stored().pages.size(), mode == ReplayMode::kDryRun ? 0u : 2u);
    }
}

TEST_F(ReplayTest, WhatAKeyMightNotSendItStillMayNot) {
    KeptEvent foreign = kept(1, kView);
    foreign.key_site_id = "b";
    EXPECT_THAT(run({foreign}).rejected, ElementsAre(Pair("forbidden", 1)));
    // An array was one event that is none, and not the events in it.
    const std::string nested = "[" + std::string(kView) + "]";
    EXPECT_THAT(run({kept(2, nested)}).rejected, ElementsAre(Pair("wrong_type", 1)));
    EXPECT_THAT(ingestion_.stored().pages, IsEmpty());
}

TEST_F(ReplayTest, OneSampleKeepsUpNoOther) {
    // As deep as a body may be: in an array it would be deeper.
    const std::string deep = R"({"type":"pageview","tracking_id":"a","data":{"page":"/deep"},"x":)" +
                             std::string(1022, '[') + std::string(1022, ']') + "}";
    const ReplayReport report = run({kept(1, "no JSON"), kept(2, deep), kept(3, "7"), kept(4, kView)});
    EXPECT_EQ(report.taken, 2u);
    EXPECT_THAT(report.rejected, ElementsAre(Pair("invalid", 1), Pair("wrong_type", 1)));
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/deep", "/x"));
}

TEST_F(ReplayTest, AFullDiskIsToldAndTheNextReplayGoesOn) {
    ingestion_.log->refuse_next(Error(Code::kOverloaded, "the disk is full"));
    ReplayReport report;
    const KeptEvent event = kept(1, kView);
    const Status done = replay_->run({&event, 1}, ReplayMode::kTake, report);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "the disk is full");
    EXPECT_EQ(run({event}).taken, 1u);
}

}  // namespace
}  // namespace footfall::ingest
