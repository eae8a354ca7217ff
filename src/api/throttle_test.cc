#include "api/throttle.h"

#include <gtest/gtest.h>

namespace footfall::api {
namespace {

class ThrottleTest : public testing::Test {
protected:
    ManualClock clock_{1'795'500'000'000};
    Throttle throttle_{clock_, {.failures_min = 3, .first_ms = 4'000, .most_ms = 60'000, .forget_ms = 3'600'000}};
};

TEST_F(ThrottleTest, TheDelayDoublesWithEachFailureUpToItsLimit) {
    for (const std::int64_t expected : {0, 0, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
        throttle_.failed("ann");
        EXPECT_EQ(throttle_.wait_ms("ann"), expected);
        clock_.advance_ms(expected);
        EXPECT_EQ(throttle_.wait_ms("ann"), 0);
    }
    for (int i = 0; i < 100; ++i) throttle_.failed("ann");
    EXPECT_EQ(throttle_.wait_ms("ann"), 60'000);
    EXPECT_EQ(throttle_.wait_ms("ben"), 0) << "of somebody else nothing is known";
}

TEST_F(ThrottleTest, TheDelayRunsFromTheLastFailureAndIsOverToTheMillisecond) {
    for (int i = 0; i < 3; ++i) throttle_.failed("ann");
    clock_.advance_ms(3'999);
    EXPECT_EQ(throttle_.wait_ms("ann"), 1);
    clock_.advance_ms(1);
    EXPECT_EQ(throttle_.wait_ms("ann"), 0);
}

TEST_F(ThrottleTest, SuccessAndTimeForget) {
    for (int i = 0; i < 5; ++i) throttle_.failed("ann");
    throttle_.succeeded("ann");
    EXPECT_EQ(throttle_.wait_ms("ann"), 0);
    for (int i = 0; i < 5; ++i) throttle_.failed("ann");
    clock_.advance_ms(3'600'000);
    throttle_.failed("ann");
    EXPECT_EQ(throttle_.wait_ms("ann"), 0) << "it is the first one again";
}

TEST_F(ThrottleTest, TheTableIsBoundedAndForgetsTheOldest) {
    Throttle small(clock_, {.failures_min = 1, .entries_max = 100});
    for (int i = 0; i < 1'000; ++i) {
        small.failed("name " + std::to_string(i));
        clock_.advance_ms(1);
        ASSERT_LE(small.size(), 100u);
    }
    EXPECT_EQ(small.wait_ms("name 899"), 0);
    EXPECT_GT(small.wait_ms("name 900"), 0);
    EXPECT_GT(small.wait_ms("name 999"), 0);
}

}  // namespace
}  // namespace footfall::api
