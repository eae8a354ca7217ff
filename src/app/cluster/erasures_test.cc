#include "app/cluster/erasures.h"

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "erase/subject.h"
#include "process/loaders.h"

namespace footfall::app::cluster {
namespace {

using process::kRejectedPartitions;

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr std::int64_t kHour = 3'600'000;

class ErasuresTest : public testing::Test {
protected:
    void SetUp() override {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
        auto opened = catalog::Catalog::open(folder_ + "/catalog.db", clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        catalog_ = std::move(*opened);
        settings_.archive_enabled = "on";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    catalog::Erasure order(const std::string& visitor, std::uint64_t end) {
        const auto put = catalog_->put_erasure(
            {.id = {},
             .subject = erase::Subject::of_visitor("s", visitor).json(),
             .partitions = {{.number = 0, .end = end}, {.number = kRejectedPartitions, .end = end}}});
        EXPECT_TRUE(put) << put.error().message;
        return put.value_or(catalog::Erasure{});
    }
    std::string version(const log::ErasuresOf& erasures, std::uint16_t partition) {
        const auto found = erasures(partition);
        EXPECT_TRUE(found) << found.error().message;
        return found ? found->version : "";
    }

    ManualClock clock_{kNow};
    const std::string folder_ =
        testing::TempDir() + "erasures_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::unique_ptr<catalog::Catalog> catalog_;
    Settings settings_;
};

TEST_F(ErasuresTest, WhatIsHeardIsWhatIsAskedOfEachPartition) {
    const log::ErasuresOf asked = erasures_asked(*catalog_);
    const log::ErasuresOf heard = erasures_heard(*catalog_);
    EXPECT_EQ(version(heard, 0), "");
    order("anna", 10);
    const std::string first = version(asked, 0);
    EXPECT_NE(first, "");
    EXPECT_EQ(version(heard, 0), first) << "not what was known of an earlier snapshot";
    EXPECT_EQ(version(heard, 0), first);
    EXPECT_EQ(version(heard, 1), "");
    order("bert", 20);
    EXPECT_NE(version(heard, 0), first);
    EXPECT_EQ(version(heard, 0), version(asked, 0));
    EXPECT_EQ(version(heard, kRejectedPartitions), version(asked, kRejectedPartitions));
}

TEST_F(ErasuresTest, AnArchiveIsRewrittenOnceByAnErasureThatIsDone) {
    const catalog::Erasure one = order("anna", 10);
    EXPECT_TRUE(rewrites_of(*catalog_->snapshot(), 0)->empty()) << "it may change yet";
    ASSERT_TRUE(catalog_->set_erasure_done(one.id));
    const auto rewrites = rewrites_of(*catalog_->snapshot(), 0);
    ASSERT_TRUE(rewrites) << rewrites.error().message;
    ASSERT_EQ(rewrites->size(), 1u);
    EXPECT_EQ(rewrites->front().id, one.id);
    EXPECT_EQ(rewrites->front().end, 10u);
    EXPECT_EQ(rewrites->front().site, "s");
    EXPECT_TRUE(rewrites_of(*catalog_->snapshot(), 1)->empty());
    EXPECT_EQ(archives_left(settings_, catalog_->snapshot()->erasures.front()), 1u) << "rejected events have none";
    ASSERT_TRUE(catalog_->set_erasure_archived(one.id, 0, 10));
    EXPECT_TRUE(rewrites_of(*catalog_->snapshot(), 0)->empty());
    EXPECT_EQ(archives_left(settings_, catalog_->snapshot()->erasures.front()), 0u);
}

TEST_F(ErasuresTest, AnErasureGoesOnceNothingHasItsEntriesAnyMore) {
    catalog::Erasure done = order("anna", 10);
    const std::map<std::uint16_t, std::uint64_t> gone = {{0, 10}, {kRejectedPartitions, 11}};
    const auto is_gone = [&](const auto& begins) { return is_outlived(settings_, done, begins, kNow + kHour); };
    EXPECT_FALSE(is_gone(gone)) << "it is not done";
    done.done_ms = kNow;
    EXPECT_FALSE(is_gone(gone)) << "its archive is not rewritten";
    done.partitions[0].archived_ms = kNow;
    EXPECT_TRUE(is_gone(gone));
    EXPECT_FALSE(is_outlived(settings_, done, gone, kNow + kHour - 1)) << "answers of before may be found";
    using Begins = std::map<std::uint16_t, std::uint64_t>;
    EXPECT_FALSE(is_gone(Begins{{0, 9}, {kRejectedPartitions, 11}}));
    EXPECT_FALSE(is_gone(Begins{{0, 10}, {kRejectedPartitions, 9}}));
    EXPECT_FALSE(is_gone(Begins{{0, 10}})) << "nobody knows of the other one";
    done.partitions[0].archived_ms = 0;
    settings_.archive_enabled = "off";
    EXPECT_TRUE(is_gone(gone)) << "nothing is archived";
}

TEST_F(ErasuresTest, WhereNoneMayGoKafkaIsNotAsked) {
    settings_.kafka_brokers = "127.0.0.1:1";
    settings_.kafka_partitions = 1;
    order("anna", 10);
    const Status removed = remove_outlived(settings_, *catalog_, kNow + 2 * kHour);
    EXPECT_TRUE(removed) << removed.error().message;
    EXPECT_EQ(catalog_->snapshot()->erasures.size(), 1u);
}

}  // namespace
}  // namespace footfall::app::cluster
