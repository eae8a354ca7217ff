// What live numbers of many sites and of a flood cost, and how exact they are then.
#include "process/live/site_window.h"

#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace footfall::process {
namespace {

constexpr std::int64_t kStart = 1'795'500'000'000 / SiteWindow::kMinuteMs * SiteWindow::kMinuteMs;
constexpr std::int64_t kMinute = SiteWindow::kMinuteMs;

void see(SiteWindow& window, std::int64_t at_ms, std::uint64_t visitor, std::string_view page = "/",
         std::string_view source = "") {
    event::Event event;
    event.event_type = "pageview";
    event.timestamp = event.received_at = at_ms;
    event.visitor_id = visitor;
    event.page = page;
    event.source = source;
    event.country = "DE";
    window.advance(at_ms);
    window.add(event);
}

/// Visitors of a minute, each once; new ones each time.
void flood(SiteWindow& window, VisitorBudget& budget, std::int64_t minute, std::uint64_t visitors) {
    for (std::uint64_t i = 0; i < visitors; ++i) {
        see(window, minute + static_cast<std::int64_t>(i * kMinute / visitors),
            static_cast<std::uint64_t>(minute) * 1'000'003 + i, "/", i % 4 == 0 ? "X" : "Google");
        if (budget.used > budget.max) window.leave_out();
    }
}

store::LiveNumbers numbers_of(const SiteWindow& window) {
    const store::LivePart part = window.part({});
    return store::merge({&part, 1}, part.at_ms);
}

void expect_near(std::uint64_t told, std::uint64_t expected, double sample_rate) {
    // Five standard deviations of a sample of so many.
    EXPECT_NEAR(static_cast<double>(told), static_cast<double>(expected),
                5 * std::sqrt(static_cast<double>(expected) / sample_rate));
}

TEST(SiteWindowTest, S4AFloodIsCountedOfASampleInBoundedMemoryAndExactlyAgainWhenItIsOver) {
    SightingBudget sightings;
    VisitorBudget budget{.max = 20'000};
    SiteWindow window(sightings, budget);
    std::int64_t now = kStart;
    std::vector<std::uint64_t> visitors(3, 100);
    for (const std::uint64_t one : visitors) flood(window, budget, std::exchange(now, now + kMinute), one);
    EXPECT_EQ(numbers_of(window).sample_rate, 1);
    EXPECT_EQ(numbers_of(window).active_visitors, 300u);
    for (int minute = 0; minute < 7; ++minute) {
        visitors.push_back(30'000);
        flood(window, budget, std::exchange(now, now + kMinute), visitors.back());
        EXPECT_LE(budget.used, budget.max);
    }
    store::LiveNumbers numbers = numbers_of(window);
    EXPECT_LT(numbers.sample_rate, 0.25);
    EXPECT_GE(numbers.sample_rate, 1 / 32.0);
    std::uint64_t pageviews = 0;
    for (std::size_t i = 0; i < visitors.size(); ++i) {
        const store::LiveMinute& minute = numbers.minutes[numbers.minutes.size() - visitors.size() + i];
        expect_near(minute.visitors, visitors[i], numbers.sample_rate);
        EXPECT_EQ(minute.pageviews, visitors[i]) << "events are not of a sample";
        pageviews += minute.pageviews;
    }
    EXPECT_EQ(pageviews, 300 + 7 * 30'000u);
    expect_near(numbers.active_visitors, 5 * 30'000, numbers.sample_rate);
    ASSERT_EQ(numbers.sources.size(), 2u);
    expect_near(numbers.sources[0].visitors, 5 * 22'500, numbers.sample_rate);
    expect_near(numbers.sources[1].visitors, 5 * 7'500, numbers.sample_rate);

    // Some visitors go on coming, each in every minute. The sample grows when those of the flood are forgotten.
    for (int minute = 0; minute < 150; ++minute, now += kMinute) {
        for (std::uint64_t visitor = 1; visitor <= 1'000; ++visitor) see(window, now + 1, visitor);
        numbers = numbers_of(window);
        if (minute < 5) continue;
        expect_near(numbers.active_visitors, 1'000, numbers.sample_rate);
        for (int ago = 0; ago < std::min(minute, 29); ++ago)
            expect_near(numbers.minutes[static_cast<std::size_t>(29 - ago)].visitors, 1'000, numbers.sample_rate);
    }
    EXPECT_EQ(numbers.sample_rate, 1) << "exact again";
    EXPECT_EQ(numbers.active_visitors, 1'000u);
    for (const store::LiveMinute& minute : numbers.minutes) EXPECT_EQ(minute.visitors, 1'000u);
    EXPECT_THAT(numbers.sources, testing::ElementsAre(store::LiveEntry{"", 1'000}));
    window.advance(now + 2 * SiteWindow::kRememberedMs);
    EXPECT_EQ(budget.used, 0u);
}

std::size_t in_use() { return ::mallinfo2().uordblks; }

TEST(SiteWindowTest, TenThousandSitesAtOnceTakeWhatIsStated) {
    if (in_use() == 0) return;  // a sanitizer has an allocator of its own
    constexpr std::size_t kSites = 10'000;
    SightingBudget sightings;
    VisitorBudget budget;
    std::vector<std::unique_ptr<SiteWindow>> windows;
    const std::size_t before = in_use();
    for (std::size_t i = 0; i < kSites; ++i) {
        windows.push_back(std::make_unique<SiteWindow>(sightings, budget));
        see(*windows.back(), kStart, i);
    }
    const std::size_t of_one = (in_use() - before) / kSites;
    // As much as the budgets hold: each site 200 visitors of this hour, 20 of them within 5 minutes, on 10 pages.
    const std::vector<std::string> pages = {"/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9"};
    for (auto& window : windows)
        for (std::uint64_t visitor = 0; visitor < 200; ++visitor)
            see(*window, kStart + static_cast<std::int64_t>(visitor / 20) * 5 * kMinute, visitor, pages[visitor % 10]);
    const std::size_t of_busy = (in_use() - before) / kSites;
    std::cout << "a site with an event " << of_one << " bytes, with 200 visitors within the hour " << of_busy << "\n";
    EXPECT_LE(of_one, 6'500u);
    EXPECT_LE(of_busy, 30'000u);
    for (auto& window : windows) EXPECT_EQ(numbers_of(*window).sample_rate, 1);
}

}  // namespace
}  // namespace footfall::process
