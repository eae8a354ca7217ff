#include "rollup/ranges_without.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace footfall::rollup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::int64_t kDayMs = 86'400'000;

class RangesWithoutTest : public testing::Test {
protected:
    /// Days of the epoch, by its number of days.
    std::vector<std::pair<int, int>> left(const std::vector<int>& known, int from, int to, std::size_t count_max = 8) {
        std::vector<MadeDay> days;
        for (const int day : known) days.push_back({.day = query::Day(1970, 1, 1) + day});
        const auto zone = query::Zone::load("UTC");
        EXPECT_TRUE(zone.has_value());
        std::vector<std::pair<int, int>> result;
        for (const query::Range& range : ranges_without(days, *zone, from * kDayMs, to * kDayMs, count_max))
            result.emplace_back(static_cast<int>(range.from_ms / kDayMs), static_cast<int>(range.to_ms / kDayMs));
        return result;
    }
};

TEST_F(RangesWithoutTest, WhatIsKnownIsLeftOut) {
    EXPECT_THAT(left({}, 0, 9), ElementsAre(Pair(0, 9)));
    EXPECT_THAT(left({3, 4, 5}, 0, 9), ElementsAre(Pair(0, 3), Pair(6, 9)));
    EXPECT_THAT(left({3, 5}, 0, 9), ElementsAre(Pair(0, 3), Pair(4, 5), Pair(6, 9)));
    EXPECT_THAT(left({0, 1, 8}, 0, 9), ElementsAre(Pair(2, 8)));
    EXPECT_THAT(left({0, 1, 2}, 0, 3), IsEmpty());
}

TEST_F(RangesWithoutTest, DaysOutsideTakeNothingAway) {
    EXPECT_THAT(left({1, 2, 8, 9}, 3, 8), ElementsAre(Pair(3, 8)));
    EXPECT_THAT(left({2, 3, 7, 8}, 3, 8), ElementsAre(Pair(4, 7)));
    EXPECT_THAT(left({1}, 5, 5), IsEmpty());
}

TEST_F(RangesWithoutTest, OfTooManyThereIsOne) {
    EXPECT_THAT(left({1, 3, 5, 7}, 0, 9, 5), ElementsAre(Pair(0, 1), Pair(2, 3), Pair(4, 5), Pair(6, 7), Pair(8, 9)));
    EXPECT_THAT(left({1, 3, 5, 7}, 0, 9, 4), ElementsAre(Pair(0, 9)));
    EXPECT_THAT(left({0, 2, 4, 6}, 0, 7, 2), ElementsAre(Pair(1, 6)));
}

}  // namespace
}  // namespace footfall::rollup
