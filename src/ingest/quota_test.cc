#include "ingest/quota.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace footfall::ingest {
namespace {

constexpr Rate kRate = {.events_per_second = 10, .burst = 50};

TEST(QuotaTest, TheBurstMayComeAtOnceAndThenTheRate) {
    ManualClock clock(0);
    Quota quota(clock);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(quota.take("a", kRate, 1), 0) << i;
    EXPECT_GT(quota.wait_ms("a", kRate), 0);
    EXPECT_EQ(quota.take("b", kRate, 50), 0) << "somebody else's";
    clock.advance_ms(100);
    EXPECT_EQ(quota.wait_ms("a", kRate), 0);
    EXPECT_EQ(quota.take("a", kRate, 1), 0);
    EXPECT_EQ(quota.wait_ms("a", kRate), 100);
    clock.advance_ms(60'000);
    EXPECT_EQ(quota.take("a", kRate, 50), 0) << "no more than the burst was saved";
    EXPECT_GT(quota.take("a", kRate, 1), 0);
}

TEST(QuotaTest, WhoWaitsAsLongAsIsSaidIsLetThrough) {
    ManualClock clock(0);
    Quota quota(clock);
    EXPECT_EQ(quota.take("a", kRate, 45), 0);
    const std::int64_t wait_ms = quota.take("a", kRate, 20);
    EXPECT_EQ(wait_ms, 1'500);
    clock.advance_ms(wait_ms + 100);  // the attempt cost one event
    EXPECT_EQ(quota.take("a", kRate, 20), 0);
}

TEST(QuotaTest, WhoDoesNotWaitIsRefusedByTheHeadAlone) {
    ManualClock clock(0);
    Quota quota(clock);
    EXPECT_EQ(quota.take("a", kRate, 40), 0);
    int attempts = 0;
    while (quota.wait_ms("a", kRate) == 0) {
        ASSERT_LT(++attempts, 20);
        EXPECT_GT(quota.take("a", kRate, 30), 0);
    }
    EXPECT_EQ(attempts, 10);
    // Attempts don't lengthen what is to be waited without end.
    for (int i = 0; i < 1'000; ++i) (void)quota.take("a", kRate, 30);
    EXPECT_LE(quota.wait_ms("a", kRate), 100);
}

TEST(QuotaTest, ABodyOfMoreThanTheBurstIsTakenWhereTheWholeBurstIsThereAndPaidForWhole) {
    ManualClock clock(0);
    Quota quota(clock);
    EXPECT_EQ(quota.take("a", kRate, 1'000), 0);
    EXPECT_EQ(quota.take("a", kRate, 1'000), 100'000);
    clock.advance_ms(99'900);
    EXPECT_GT(quota.take("a", kRate, 1'000), 0);
    clock.advance_ms(300);
    EXPECT_EQ(quota.take("a", kRate, 1'000), 0);
}

TEST(QuotaTest, WhatIsGivenBackWasNotTaken) {
    ManualClock clock(0);
    Quota quota(clock);
    EXPECT_EQ(quota.take("a", kRate, 50), 0);
    quota.give_back("a", kRate, 50);
    EXPECT_EQ(quota.take("a", kRate, 50), 0);
}

TEST(QuotaTest, AFullTableLetsThroughAndDisplacesNobodyWhoOwes) {
    ManualClock clock(0);
    Quota quota(clock, 8);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(quota.take("owes " + std::to_string(i), kRate, 50), 0);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(quota.take("new " + std::to_string(i), kRate, 50), 0);
    for (int i = 0; i < 8; ++i) EXPECT_GT(quota.take("owes " + std::to_string(i), kRate, 50), 0);
    clock.advance_ms(60'000);
    EXPECT_EQ(quota.take("new", kRate, 50), 0);
    EXPECT_GT(quota.take("new", kRate, 50), 0) << "it has a place now";
}

TEST(QuotaTest, ThreadsTogetherTakeNoMoreThanThereIs) {
    ManualClock clock(0);
    Quota quota(clock);
    const Rate rate = {.events_per_second = 1, .burst = 10'000};
    EXPECT_EQ(quota.take("a", rate, 1), 0);  // it has its place
    std::atomic<int> taken = 1;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int k = 0; k < 5'000; ++k) taken += quota.take("a", rate, 1) == 0 ? 1 : 0;
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken, 10'000);
}

}  // namespace
}  // namespace footfall::ingest
