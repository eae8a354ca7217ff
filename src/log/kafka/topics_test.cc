#include "log/kafka/topics.h"

#include <unistd.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/kafka/group_offsets.h"
#include "log/kafka/kafka_log.h"
#include "log/kafka/testing/running_kafka.h"

namespace footfall::log::kafka {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TopicsTest : public testing::Test {
protected:
    GroupPlace place(std::uint16_t partition) const {
        return {.brokers = options_.brokers,
                .group = options_.group,
                .topic = options_.prefix + "raw_events",
                .partition = partition};
    }

    const std::string own_ =
        "t" + std::to_string(::getpid()) + "-" + testing::UnitTest::GetInstance()->current_test_info()->name() + "-";
    TopicsOptions options_ = {
        .brokers = brokers(), .prefix = own_, .group = own_ + "group", .partitions = 2, .replicas = 1};
};

TEST_F(TopicsTest, WhatIsMissingIsMadeOnceAndTheGroupBegins) {
    const auto made = make_topics(options_);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_THAT(made->done, ElementsAre(own_ + "raw_events", own_ + "events", own_ + "rejected_events",
                                        own_ + "sessions", own_ + "late_events"));
    EXPECT_THAT(made->differs, IsEmpty());
    for (std::uint16_t partition = 0; partition < 2; ++partition) {
        const auto begun = consumed(place(partition));
        ASSERT_TRUE(begun) << begun.error().message;
        EXPECT_EQ(*begun, 0u);
    }
    const auto again = make_topics(options_);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_THAT(again->done, IsEmpty());
    EXPECT_THAT(again->differs, IsEmpty());
}

TEST_F(TopicsTest, OtherSettingsAreNamedAndAnotherNumberOfPartitionsIsRefused) {
    ASSERT_TRUE(make_topics(options_));
    TopicsOptions others = options_;
    others.replicas = 3;
    const auto differing = make_topics(others);
    ASSERT_TRUE(differing) << differing.error().message;
    EXPECT_EQ(differing->differs.size(), kTopics.size());
    EXPECT_EQ(differing->differs.front(), own_ + "raw_events: min.insync.replicas is 1, not 2");
    others.partitions = 3;
    const auto refused = make_topics(others);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_THAT(refused.error().message, HasSubstr("raw_events' has 2 partitions, not 3"));
}

TEST_F(TopicsTest, AGroupThatIsUnknownWhereThereAreEntriesDoesNotBeginAgain) {
    ASSERT_TRUE(make_topics(options_));
    auto log = KafkaLog::open({.brokers = brokers(), .topic = own_ + "raw_events", .partition = 1}, system_clock());
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_TRUE((*log)->append(std::vector<Entry>{{EntryKind::kEvent, "one"}}));
    options_.group += "-other";
    ASSERT_TRUE(make_topics(options_));
    EXPECT_EQ(*consumed(place(0)), 0u);
    EXPECT_EQ(*consumed(place(1)), std::nullopt);
}

TEST_F(TopicsTest, ATopicSaysForHowLongItMayHaveAnEntry) {
    TopicsOptions all = options_;
    all.prefix.clear();
    const std::string bounded = make_test_topic("bounded", 1, {{"retention.ms", "3600000"}, {"segment.ms", "1800000"}});
    EXPECT_EQ(kept_ms(all, bounded).value(), 5'400'000);
    const std::string unbounded = make_test_topic("unbounded", 1, {{"retention.ms", "-1"}});
    EXPECT_EQ(kept_ms(all, unbounded).value(), std::nullopt);
    EXPECT_FALSE(kept_ms(all, "nobody-made-this")) << "nothing can be said";
}

TEST_F(TopicsTest, MoreReplicasThanBrokersIsAnErrorThatSaysSo) {
    options_.replicas = 3;
    const auto refused = make_topics(options_);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("3 replicas"));
}

}  // namespace
}  // namespace footfall::log::kafka
