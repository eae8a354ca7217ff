#include "log/kafka/membership.h"

#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/kafka/testing/running_kafka.h"

namespace footfall::log::kafka {
namespace {

constexpr int kPartitions = 6;

/// Who has which partitions, as members were told; fails where two have one.
class Partitions {
public:
    Membership::Listener of(int member) {
        return {.won =
                    [this, member](const auto& partitions) {
                        const std::lock_guard lock(mutex_);
                        for (const std::uint16_t partition : partitions) {
                            const auto [owner, is_free] = owners_.try_emplace(partition, member);
                            EXPECT_TRUE(is_free) << partition << " is of " << owner->second << " and of " << member;
                        }
                    },
                .lost =
                    [this, member](const auto& partitions) {
                        const std::lock_guard lock(mutex_);
                        for (const std::uint16_t partition : partitions) {
                            EXPECT_EQ(owners_[partition], member);
                            owners_.erase(partition);
                        }
                    }};
    }
    std::map<int, int> counts() const {
        const std::lock_guard lock(mutex_);
        std::map<int, int> counts;
        for (const auto& [partition, member] : owners_) ++counts[member];
        return counts;
    }
    bool become(const std::map<int, int>& wanted) const {
        for (int i = 0; i < 1'200 && counts() != wanted; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(25));
        return counts() == wanted;
    }

private:
    mutable std::mutex mutex_;
    std::map<std::uint16_t, int> owners_;
};

TEST(MembershipTest, MembersShareThePartitionsAndThoseOfOneThatLeavesGoToTheRest) {
    const std::string topic = make_test_topic("shared", kPartitions);
    const MembershipOptions options = {.brokers = brokers(), .group = "group-of-" + topic, .topic = topic};
    Partitions partitions;
    auto first = Membership::open(options, partitions.of(1));
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_TRUE(partitions.become({{1, 6}}));
    auto second = Membership::open(options, partitions.of(2));
    auto third = Membership::open(options, partitions.of(3));
    ASSERT_TRUE(second && third);
    EXPECT_TRUE(partitions.become({{1, 2}, {2, 2}, {3, 2}}));
    second->reset();
    EXPECT_TRUE(partitions.become({{1, 3}, {3, 3}}));
    first->reset();
    third->reset();
    EXPECT_TRUE(partitions.become({}));
}

TEST(MembershipTest, WhetherTheTopicIsThereIsSaidAlsoWhereThereAreNoPartitions) {
    const std::string topic = make_test_topic("reached", 1);
    Partitions partitions;
    const auto member =
        Membership::open({.brokers = brokers(), .group = "group-of-" + topic, .topic = topic}, partitions.of(1));
    const auto other =
        Membership::open({.brokers = brokers(), .group = "group-of-nothing", .topic = "never-made"}, partitions.of(2));
    ASSERT_TRUE(member && other);
    const Status reached = (*member)->reach(5'000);
    EXPECT_TRUE(reached) << reached.error().message;
    const Status missed = (*other)->reach(5'000);
    ASSERT_FALSE(missed);
    EXPECT_EQ(missed.error().code, Code::kNotFound) << missed.error().message;
    EXPECT_THAT(missed.error().message, testing::HasSubstr("never-made"));
}

}  // namespace
}  // namespace footfall::log::kafka
