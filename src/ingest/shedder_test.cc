// The shedder against a model of a server: requests that come, are done one after the other, and cost what they cost.
#include "ingest/shedder.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace footfall::ingest {
namespace {

constexpr std::int64_t kMs = 1'000'000;

struct Served {
    double done = 0;  ///< of those that could be done
    double refused = 0;
    std::vector<std::int64_t> waited_ns;  ///< those that were taken
};

/// `rate` requests/ms come evenly for `ms`; one takes `cost_ns`, a refusal a tenth of it.
Served serve(ManualClock& clock, Shedder& shedder, double rate, std::int64_t cost_ns, std::int64_t ms) {
    Served run;
    const std::int64_t begin_ns = clock.steady_ns();
    const auto count = static_cast<std::int64_t>(rate * static_cast<double>(ms));
    std::int64_t free_ns = begin_ns;
    std::int64_t done = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t came_ns = begin_ns + static_cast<std::int64_t>(static_cast<double>(i) * kMs / rate);
        free_ns = std::max(free_ns, came_ns);
        while (clock.steady_ns() + kMs <= free_ns) clock.advance_ms(1);
        const std::int64_t waited_ns = free_ns - came_ns;
        if (shedder.sheds(waited_ns)) {
            run.refused += 1;
            free_ns += cost_ns / 10;
        } else {
            ++done;
            run.waited_ns.push_back(waited_ns);
            free_ns += cost_ns;
        }
    }
    run.done = static_cast<double>(done * cost_ns) / static_cast<double>(free_ns - begin_ns);
    run.refused /= static_cast<double>(count);
    std::ranges::sort(run.waited_ns);
    return run;
}

std::int64_t p99(const Served& run) { return run.waited_ns[run.waited_ns.size() * 99 / 100]; }

TEST(ShedderTest, NobodyIsRefusedWhatCanBeDone) {
    ManualClock clock(0);
    Shedder shedder(clock);
    const Served run = serve(clock, shedder, 9, 100'000, 10'000);  // 90 %
    EXPECT_EQ(run.refused, 0);
}

TEST(ShedderTest, R17ThreeTimesTheCapacityIsServedAtCapacityWithoutAQueue) {
    for (const std::int64_t cost_ns : {50'000, 200'000, 2'000'000}) {
        ManualClock clock(0);
        Shedder shedder(clock);
        const double capacity = static_cast<double>(kMs) / static_cast<double>(cost_ns);
        (void)serve(clock, shedder, 3 * capacity, cost_ns, 2'000);
        const Served run = serve(clock, shedder, 3 * capacity, cost_ns, 20'000);
        EXPECT_GT(run.done, 0.72) << cost_ns << ": what refusals cost, a fifth, is not there";
        EXPECT_LT(p99(run), 700 * kMs) << cost_ns;
        EXPECT_NEAR(run.refused, 0.72, 0.1) << cost_ns;
    }
}

TEST(ShedderTest, ItEndsWithWhatCausedIt) {
    ManualClock clock(0);
    Shedder shedder(clock);
    (void)serve(clock, shedder, 30, 100'000, 5'000);
    EXPECT_GT(shedder.share(), 0.5);
    (void)serve(clock, shedder, 5, 100'000, 2'000);
    EXPECT_LT(shedder.share(), 0.01);
    (void)serve(clock, shedder, 30, 100'000, 5'000);
    clock.advance_ms(1'500);
    EXPECT_FALSE(shedder.sheds(0));
    EXPECT_EQ(shedder.share(), 0) << "nobody came meanwhile";
}

TEST(ShedderTest, AMomentOfWaitingRefusesNobody) {
    ManualClock clock(0);
    Shedder shedder(clock);
    (void)serve(clock, shedder, 5, 100'000, 1'000);
    // 450 ms of work at once, done by the end of it.
    EXPECT_EQ(serve(clock, shedder, 4'500, 100'000, 1).refused, 0);
    EXPECT_EQ(serve(clock, shedder, 5, 100'000, 1'000).refused, 0);
}

}  // namespace
}  // namespace footfall::ingest
