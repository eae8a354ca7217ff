// Lists of who was seen where: exact while there is room, then of a sample, and exact again.
#include "process/live/recent.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace footfall::process {
namespace {

constexpr std::int64_t kStart = 1'700'000'000;

std::map<std::string, std::uint64_t> top_of(const RecentVisitors& recent) {
    std::map<std::string, std::uint64_t> out;
    for (const store::LiveEntry& entry : recent.top({.names_max = 100}).entries) out[entry.name] = entry.visitors;
    return out;
}

/// `visitors` new ones a second, three of four of them on /a.
std::int64_t flood(RecentVisitors& recent, std::int64_t now, int seconds, int visitors) {
    for (const std::int64_t end = now + seconds; now < end; ++now) {
        recent.advance(now);
        for (int i = 0; i < visitors; ++i)
            recent.add(static_cast<std::uint64_t>(now) * 1'000'000 + static_cast<std::uint64_t>(i),
                       i % 4 == 0 ? "/b" : "/a", now);
    }
    return now;
}

TEST(RecentVisitorsTest, AListIsExactWhileThereIsRoomAndOfASampleBeyondIt) {
    SightingBudget budget{.max = 10'000};
    RecentVisitors recent(budget);
    std::int64_t now = flood(recent, kStart, 1, 10'000);
    EXPECT_EQ(top_of(recent), (std::map<std::string, std::uint64_t>{{"/a", 7'500}, {"/b", 2'500}}));
    EXPECT_EQ(recent.shift(), 0u);
    now = flood(recent, now, 20, 10'000);
    EXPECT_LE(budget.used, budget.max);
    // Some 6,500 of 210,000 visitors are in the sample: five standard deviations of the smaller name are an eighth.
    EXPECT_GE(recent.shift(), 4u);
    const auto top = top_of(recent);
    EXPECT_NEAR(static_cast<double>(top.at("/a")), 157'500, 157'500 / 8.0);
    EXPECT_NEAR(static_cast<double>(top.at("/b")), 52'500, 52'500 / 6.0);
}

TEST(RecentVisitorsTest, AFloodThatIsOverLeavesExactNumbersBehind) {
    SightingBudget budget{.max = 10'000};
    RecentVisitors recent(budget);
    std::int64_t now = flood(recent, kStart, 5, 20'000);
    const unsigned most = recent.shift();
    ASSERT_GE(most, 3u);
    unsigned before = most;
    for (unsigned windows = 0; recent.shift() > 0; ++windows) {
        ASSERT_LE(windows, most + 2);
        now = flood(recent, now, static_cast<int>(kRecentSeconds), 4);
        EXPECT_LE(recent.shift(), before);
        before = recent.shift();
        // 1,200 visitors are in the window. While the sample grows, who is taken in does not count twice.
        const auto top = top_of(recent);
        if (recent.shift() == 0) {
            EXPECT_EQ(top, (std::map<std::string, std::uint64_t>{{"/a", 900}, {"/b", 300}}));
        }
    }
}

TEST(RecentVisitorsTest, VisitorsWhoComeBackEverySecondTakeNoMoreRoomThanOnce) {
    SightingBudget budget{.max = 10'000};
    RecentVisitors recent(budget);
    for (std::int64_t now = kStart; now < kStart + 200; ++now) {
        recent.advance(now);
        for (std::uint64_t visitor = 1; visitor <= 1'000; ++visitor) recent.add(visitor, "/a", now);
    }
    EXPECT_LE(budget.used, budget.max);
    EXPECT_EQ(top_of(recent), (std::map<std::string, std::uint64_t>{{"/a", 1'000}}));
    EXPECT_EQ(recent.shift(), 0u);
    recent.advance(kStart + 199 + kRecentSeconds - 1);
    EXPECT_EQ(top_of(recent).at("/a"), 1'000u) << "what was seen again is remembered until the end of its window";
    recent.advance(kStart + 199 + kRecentSeconds);
    EXPECT_TRUE(top_of(recent).empty());
    EXPECT_EQ(budget.used, 0u);
}

TEST(RecentVisitorsTest, WhoHasFewIsExactWhileAnotherFloods) {
    SightingBudget budget{.max = 10'000};
    RecentVisitors quiet(budget);
    std::int64_t now = flood(quiet, kStart, 1, 400);
    {
        RecentVisitors loud(budget);
        now = flood(loud, now, 10, 10'000);
        EXPECT_GE(loud.shift(), 3u);
        flood(quiet, now, 1, 400);
        EXPECT_EQ(top_of(quiet), (std::map<std::string, std::uint64_t>{{"/a", 600}, {"/b", 200}}));
        EXPECT_EQ(quiet.shift(), 0u);
    }
    EXPECT_EQ(budget.used, 800u) << "the other's are given back";
}

TEST(RecentVisitorsTest, ManyWhoFloodAtOnceStayWithinTheBudgetTogether) {
    SightingBudget budget{.max = 50'000};
    std::vector<std::unique_ptr<RecentVisitors>> lists;
    for (int i = 0; i < 12; ++i) lists.push_back(std::make_unique<RecentVisitors>(budget));
    for (std::int64_t now = kStart; now < kStart + 20; ++now)
        for (auto& list : lists) flood(*list, now, 1, 2'000);
    // Who has less than its share may take some more while another has to leave out.
    EXPECT_LE(budget.used, budget.max + budget.max / 10);
    for (const auto& list : lists) EXPECT_NEAR(static_cast<double>(top_of(*list).at("/a")), 30'000, 6'000);
}

}  // namespace
}  // namespace footfall::process
