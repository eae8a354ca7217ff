// What is written of live numbers, who may write it, and what readers make of it. With the processors that publish, and
// the suite of the seam: process/live/live_store_test.cc.
#include "store/redis/live_store.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/live_part.h"
#include "store/redis/testing/running_redis.h"

namespace footfall::store::redis {
namespace {

using Hold = LiveWriter::Hold;
using testing::HasSubstr;

constexpr int kSoonMs = 5'000;
constexpr std::int64_t kNow = 1'795'500'000'000;  // 2026-11-24T06:00:00Z

class RedisLiveStoreTest : public testing::Test {
protected:
    bool eventually(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }
    LiveWriter writer(std::uint16_t partition, int silence_ms = 60'000) {
        return {client_, {.partition = partition, .timeout_ms = kSoonMs, .silence_ms = silence_ms}};
    }
    static LiveWriter::SitePart site(std::uint64_t visitors, const std::string& website_id = "site") {
        LivePart part;
        part.at_ms = kNow;
        part.active_visitors = visitors;
        return {website_id, live_part_text(part)};
    }
    static void write(LiveWriter& writer, const LiveWriter::SitePart& part, std::int64_t as_of_ms = kNow) {
        EXPECT_EQ(writer.write({&part, 1}), Hold::kHeld);
        EXPECT_EQ(writer.report({.offset = 1, .as_of_ms = as_of_ms}), Hold::kHeld);
    }
    std::unique_ptr<LiveStore> store(std::uint16_t partitions, int cache_ms = 0, int read_timeout_ms = kSoonMs) {
        return std::make_unique<LiveStore>(LiveStoreOptions{.endpoint = server_.endpoint(),
                                                            .partitions = partitions,
                                                            .read_timeout_ms = read_timeout_ms,
                                                            .cache_ms = cache_ms},
                                           clock_);
    }
    std::uint64_t active(LiveStore& live) {
        const auto numbers = live.read("site");
        EXPECT_TRUE(numbers) << numbers.error().message;
        return numbers ? numbers->active_visitors : 0;
    }
    std::int64_t number(const Command& command) {
        const auto reply = client_.run(command, kSoonMs);
        EXPECT_TRUE(reply) << reply.error().message;
        return reply ? reply->number : 0;
    }

    RunningRedis server_;
    Client client_{server_.endpoint()};
    ManualClock clock_{kNow};
};

TEST_F(RedisLiveStoreTest, PartitionsAreMergedAndAsOfTheOneThatIsBehindTheMost) {
    LiveWriter first = writer(0);
    LiveWriter second = writer(1);
    ASSERT_EQ(first.take_up(), Hold::kHeld);
    ASSERT_EQ(second.take_up(), Hold::kHeld);
    write(first, site(3), kNow - 40);
    write(second, site(4), kNow - 70);
    const auto live = store(2);
    const auto numbers = live->read("site");
    ASSERT_TRUE(numbers) << numbers.error().message;
    EXPECT_EQ(numbers->active_visitors, 7u);
    EXPECT_EQ(numbers->as_of_ms, kNow - 70);
    EXPECT_EQ(live->read("other")->active_visitors, 0u);
    EXPECT_EQ(live->read("other")->as_of_ms, kNow - 70);
}

TEST_F(RedisLiveStoreTest, WhatIsOlderNeverOverwritesWhatIsNewer) {
    LiveWriter old = writer(0);
    ASSERT_EQ(old.take_up(), Hold::kHeld);
    write(old, site(1));
    LiveWriter late = old;  // what was sent on a connection that was given up
    ASSERT_EQ(old.take_up(), Hold::kHeld) << "after an error";
    write(old, site(2));
    const auto part = site(1);
    EXPECT_EQ(late.write({&part, 1}), Hold::kLost);
    const auto live = store(1);
    EXPECT_EQ(active(*live), 2u);

    LiveWriter successor = writer(0);
    ASSERT_EQ(successor.take_up(), Hold::kHeld);
    EXPECT_EQ(old.write({&part, 1}), Hold::kLost) << "the partition is another's";
    EXPECT_FALSE(old.holds());
    EXPECT_EQ(old.report({.offset = 9, .as_of_ms = kNow + 9}), Hold::kLost);
    EXPECT_EQ(old.withdraw(), Hold::kLost);
    EXPECT_EQ(active(*live), 2u);
    EXPECT_EQ(live->read("site")->as_of_ms, kNow);
    write(successor, site(3));
    EXPECT_EQ(active(*live), 3u);
}

TEST_F(RedisLiveStoreTest, WhoLostThePartitionWaitsUntilItsSuccessorIsSilent) {
    LiveWriter old = writer(0);
    ASSERT_EQ(old.take_up(), Hold::kHeld);
    LiveWriter successor = writer(0, 300);
    ASSERT_EQ(successor.take_up(), Hold::kHeld);
    write(successor, site(3));
    EXPECT_EQ(old.take_up(), Hold::kLost);
    EXPECT_EQ(successor.report({}), Hold::kHeld);
    LiveWriter late = successor;  // an attempt that was given up, and arrives
    EXPECT_EQ(late.take_up(), Hold::kHeld);
    EXPECT_EQ(successor.report({}), Hold::kLost);
    EXPECT_EQ(successor.take_up(), Hold::kHeld) << "there is nobody but itself";
    ASSERT_TRUE(eventually([&] { return old.take_up() == Hold::kHeld; }));
    EXPECT_EQ(successor.report({}), Hold::kLost);
}

TEST_F(RedisLiveStoreTest, WhereEverythingWasLostNothingIsWrittenUntilThePartitionIsTakenUpAgain) {
    LiveWriter one = writer(0);
    ASSERT_EQ(one.take_up(), Hold::kHeld);
    write(one, site(3));
    number({"FLUSHALL"});
    EXPECT_EQ(one.report({}), Hold::kLost) << "or readers took what is missing for nobody";
    EXPECT_FALSE(one.holds());
    const auto live = store(1);
    EXPECT_EQ(live->read("site").error().code, Code::kUnavailable);
    ASSERT_EQ(one.take_up(), Hold::kHeld);
    write(one, site(3));
    EXPECT_EQ(active(*live), 3u);
}

TEST_F(RedisLiveStoreTest, ASilentPartitionMakesTheNumbersUnavailableAndIsNamed) {
    const auto live = store(3);
    LiveWriter first = writer(0);
    LiveWriter second = writer(1, 300);
    ASSERT_EQ(first.take_up(), Hold::kHeld);
    ASSERT_EQ(second.take_up(), Hold::kHeld);
    write(first, site(1));
    write(second, site(1));
    auto numbers = live->read("site");
    ASSERT_FALSE(numbers);
    EXPECT_EQ(numbers.error().code, Code::kUnavailable);
    EXPECT_THAT(numbers.error().message, HasSubstr("partition 2 "));
    LiveWriter third = writer(2);
    ASSERT_EQ(third.take_up(), Hold::kHeld);
    EXPECT_EQ(third.report({}), Hold::kHeld);
    ASSERT_TRUE(eventually([&] { return !live->read("site"); })) << "the second reports no more";
    EXPECT_THAT(live->read("site").error().message, HasSubstr("partition 1 "));
    EXPECT_EQ(third.withdraw(), Hold::kHeld);
    EXPECT_THAT(live->read("site").error().message, HasSubstr("partitions 1, 2 "));
}

TEST_F(RedisLiveStoreTest, SitesGoHalfAnHourAfterTheirLastChangeAndPartitionsAfter5Seconds) {
    LiveWriter one(client_, {});
    ASSERT_EQ(one.take_up(), Hold::kHeld);
    write(one, site(1));
    const std::int64_t left_ms = number({"PTTL", "footfall:live:site:site"});
    EXPECT_GT(left_ms, 34 * 60'000);
    EXPECT_LE(left_ms, 35 * 60'000);
    const std::int64_t state_ms = number({"PTTL", "footfall:live:partition:0"});
    EXPECT_GT(state_ms, 0);
    EXPECT_LE(state_ms, 5'000);
}

TEST_F(RedisLiveStoreTest, WhatItCannotReadIsSaidRatherThanLeftOut) {
    LiveWriter one = writer(0);
    ASSERT_EQ(one.take_up(), Hold::kHeld);
    write(one, site(1));
    const auto live = store(1);
    number({"HSET", "footfall:live:site:site", "0", R"({"v":2})"});
    EXPECT_EQ(live->read("site").error().code, Code::kUnavailable);
    EXPECT_THAT(live->read("site").error().message, HasSubstr("format 2"));
    number({"HSET", "footfall:live:site:site", "0", "damage"});
    EXPECT_EQ(live->read("site").error().code, Code::kUnavailable);
    number({"SET", "footfall:live:site:site", "no hash"});
    EXPECT_EQ(live->read("site").error().code, Code::kUnavailable);
    number({"DEL", "footfall:live:site:site"});
    EXPECT_EQ(active(*live), 0u);
    number({"SET", "footfall:live:partition:0", "damage"});
    EXPECT_EQ(live->read("site").error().code, Code::kUnavailable);
}

TEST_F(RedisLiveStoreTest, EachWriteChangesTheVersionOfItsSitesAndNoOther) {
    LiveWriter one = writer(0);
    ASSERT_EQ(one.take_up(), Hold::kHeld);
    const auto live = store(1);
    ASSERT_TRUE(eventually([&] { return live->hears_changes(); }));
    const std::string hostile = "a\"],[\n";
    const std::uint64_t before = live->version(hostile);
    const std::uint64_t other = live->version("other");
    write(one, site(1, hostile));
    EXPECT_TRUE(eventually([&] { return live->version(hostile) > before; }));
    EXPECT_EQ(live->version("other"), other);
    server_.kill();
    ASSERT_TRUE(eventually([&] { return !live->hears_changes(); }));
    EXPECT_EQ(live->version("other"), other);
    server_.start();
    EXPECT_TRUE(eventually([&] { return live->version("other") > other; })) << "nobody knows what it missed";
}

TEST_F(RedisLiveStoreTest, WhoAsksAgainBeforeSomethingChangedIsToldTheSameWithoutARoundTrip) {
    LiveWriter one = writer(0);
    ASSERT_EQ(one.take_up(), Hold::kHeld);
    write(one, site(1));
    const auto live = store(1, 250);
    ASSERT_TRUE(eventually([&] { return live->hears_changes(); }));
    EXPECT_EQ(active(*live), 1u);
    number({"CONFIG", "RESETSTAT"});
    for (int i = 0; i < 100; ++i) EXPECT_EQ(active(*live), 1u);
    EXPECT_THAT(client_.run({"INFO", "commandstats"}, kSoonMs)->text.value(), testing::Not(HasSubstr("hmget")));
    write(one, site(2));
    EXPECT_TRUE(eventually([&] { return active(*live) == 2; })) << "a change is heard of";
    number({"DEL", "footfall:live:site:site"});
    EXPECT_EQ(active(*live), 2u);
    clock_.advance_ms(251);
    EXPECT_EQ(active(*live), 0u) << "what nobody told is seen a moment later";
}

TEST_F(RedisLiveStoreTest, R25AServerThatHangsCostsHalfASecondNowAndThen) {
    const auto live = store(1, 250, 500);
    LiveWriter one = writer(0);
    ASSERT_EQ(one.take_up(), Hold::kHeld);
    write(one, site(1));
    EXPECT_EQ(active(*live), 1u);
    clock_.advance_ms(1'000);
    server_.stop();
    const auto began = std::chrono::steady_clock::now();
    const auto numbers = live->read("site");
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(1'500));
    ASSERT_FALSE(numbers);
    EXPECT_EQ(numbers.error().code, Code::kUnavailable);
    EXPECT_THAT(numbers.error().message, HasSubstr("Redis at 127.0.0.1"));
    for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(live->read("site" + std::to_string(i)));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3)) << "between attempts it fails at once";
    server_.go_on();
    EXPECT_TRUE(eventually([&] {
        clock_.advance_ms(50);
        return live->read("site").has_value();
    }));
}

}  // namespace
}  // namespace footfall::store::redis
