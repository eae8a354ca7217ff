#include "base/repeating_thread.h"

#include <atomic>
#include <chrono>
#include <semaphore>
#include <vector>

#include <gtest/gtest.h>

namespace footfall {
namespace {

constexpr std::int64_t kForEver = 3'600'000;

TEST(RepeatingThreadTest, ATurnSaysWhenTheNextOneIs) {
    std::vector<int> turns;
    std::counting_semaphore<> done(0);
    RepeatingThread thread;
    thread.start("test", 1, [&]() -> std::int64_t {
        turns.push_back(static_cast<int>(turns.size()));
        if (turns.size() < 3) return 1;
        done.release();
        return kForEver;
    });
    ASSERT_TRUE(done.try_acquire_for(std::chrono::seconds(30)));
    thread.stop();
    EXPECT_EQ(turns, (std::vector{0, 1, 2})) << "the fourth would have been in an hour";
}

TEST(RepeatingThreadTest, StopEndsAWaitAtOnceAndWaitsForATurn) {
    {
        RepeatingThread waits;
        waits.start("test", kForEver, []() -> std::int64_t {
            ADD_FAILURE() << "not before an hour is over";
            return kForEver;
        });
    }
    std::binary_semaphore begun(0);
    std::atomic<bool> is_over = false;
    RepeatingThread works;
    works.start("test", 0, [&]() -> std::int64_t {
        begun.release();
        while (!works.is_stopping()) std::this_thread::yield();
        is_over = true;
        return 0;
    });
    ASSERT_TRUE(begun.try_acquire_for(std::chrono::seconds(30)));
    works.stop();
    EXPECT_TRUE(is_over) << "nothing of what a turn uses may go before";
    works.stop();
}

TEST(RepeatingThreadTest, OneThatWasNeverStartedStops) {
    RepeatingThread thread;
    thread.stop();
    EXPECT_TRUE(thread.is_stopping());
}

}  // namespace
}  // namespace footfall
