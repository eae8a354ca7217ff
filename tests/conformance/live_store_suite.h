#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "event/event.h"
#include "store/live.h"

/// What every LiveStore must do, whatever holds the numbers. An implementation's test instantiates LiveStoreSuite with
/// its own stage.
namespace footfall::store::conformance {

inline constexpr std::int64_t kLiveNow = 1'795'500'000'000;  // 2026-11-24T06:00:00Z

/// One live store for one test, with a log before it: empty at first.
class LiveStage {
public:
    virtual ~LiveStage() = default;
    virtual LiveStore& live() = 0;
    /// That of the store and of what is before it; stands at kLiveNow.
    virtual ManualClock& clock() = 0;
    /// Durable when it returns.
    virtual void append(const std::vector<event::Event>& events) = 0;
    /// Whatever makes the numbers of the log ends, and begins anew.
    virtual void restart() = 0;
};

struct LiveImplementation {
    std::string name;
    std::function<std::unique_ptr<LiveStage>()> make;
};

class LiveStoreSuite : public testing::TestWithParam<LiveImplementation> {
protected:
    static constexpr std::int64_t kMinute = 60'000;

    void SetUp() override { stage_ = GetParam().make(); }
    LiveStore& live() { return stage_->live(); }
    ManualClock& clock() { return stage_->clock(); }
    void append(const std::vector<event::Event>& events) { stage_->append(events); }
    void restart() { stage_->restart(); }

    static bool eventually(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }
    /// With everything in it that was acknowledged before.
    LiveNumbers read(const std::string& site = "site") {
        clock().advance_ms(1);
        const std::int64_t now = clock().wall_ms();
        LiveNumbers numbers;
        EXPECT_TRUE(eventually([&] {
            auto answer = live().read(site);
            if (!answer) {
                EXPECT_EQ(answer.error().code, Code::kUnavailable);
                EXPECT_NE(answer.error().message, "");
                return false;
            }
            numbers = std::move(*answer);
            return numbers.as_of_ms >= now;
        }));
        return numbers;
    }
    event::Event seen(std::uint64_t visitor, std::string_view page = "/", std::int64_t ago_ms = 0) {
        event::Event event;
        event.website_id = "site";
        ++numbered_;
        event.event_id.bytes[6] = 0x40;
        for (std::size_t i = 0; i < 8; ++i)
            event.event_id.bytes[15 - i] = static_cast<unsigned char>(numbered_ >> (8 * i));
        event.event_type = "pageview";
        event.received_at = clock().wall_ms();
        event.timestamp = event.received_at - ago_ms;
        event.visitor_id = visitor;
        event.page = page;
        return event;
    }
    static std::map<std::string, std::uint64_t> as_map(const std::vector<LiveEntry>& entries) {
        std::map<std::string, std::uint64_t> out;
        for (const LiveEntry& entry : entries) out.emplace(entry.name, entry.visitors);
        return out;
    }
    static std::uint64_t pageviews(const LiveNumbers& numbers) {
        std::uint64_t sum = 0;
        for (const LiveMinute& minute : numbers.minutes) sum += minute.pageviews;
        return sum;
    }

private:
    std::unique_ptr<LiveStage> stage_;
    std::uint64_t numbered_ = 0;
};

TEST_P(LiveStoreSuite, ASiteWithoutEventsHasZerosForEachMinute) {
    const LiveNumbers numbers = read("nobody");
    EXPECT_EQ(numbers.active_visitors, 0u);
    EXPECT_EQ(numbers.sample_rate, 1);
    ASSERT_EQ(numbers.minutes.size(), static_cast<std::size_t>(kLiveMinutes));
    ASSERT_EQ(numbers.intervals.size(), static_cast<std::size_t>(kLiveIntervals));
    for (int i = 0; i < kLiveMinutes; ++i)
        EXPECT_EQ(numbers.minutes[static_cast<std::size_t>(i)],
                  LiveMinute{kLiveNow - (kLiveMinutes - 1 - i) * kMinute});
    EXPECT_EQ(numbers.intervals.back(), LiveInterval{kLiveNow});
}

TEST_P(LiveStoreSuite, VisitorsOfAllPartitionsAddUpAndBelongToTheirSiteAlone) {
    std::vector<event::Event> events;
    for (std::uint64_t visitor = 1; visitor <= 100; ++visitor) {
        events.push_back(seen(visitor, visitor % 2 == 0 ? "/even" : "/odd"));
        events.push_back(seen(visitor, "/all"));
        events.back().country = "DE";
    }
    events.push_back(seen(1, "/elsewhere"));
    events.back().website_id = "other";
    append(events);
    const LiveNumbers numbers = read();
    EXPECT_EQ(numbers.active_visitors, 100u);
    EXPECT_THAT(numbers.pages,
                testing::ElementsAre(LiveEntry{"/all", 100}, LiveEntry{"/even", 50}, LiveEntry{"/odd", 50}));
    EXPECT_EQ(as_map(numbers.countries), (std::map<std::string, std::uint64_t>{{"", 100}, {"DE", 100}}));
    EXPECT_EQ(numbers.minutes.back(), (LiveMinute{kLiveNow, 200, 200, 100}));
    EXPECT_EQ(numbers.intervals.back(), (LiveInterval{kLiveNow, 200, 200}));
    EXPECT_THAT(read("other").pages, testing::ElementsAre(LiveEntry{"/elsewhere", 1}));
}

TEST_P(LiveStoreSuite, VisitorsLeaveAfter5MinutesAndMinutesAfter30) {
    append({seen(1, "/a"), seen(2, "/b"), seen(3, "/c")});
    EXPECT_EQ(read().active_visitors, 3u);
    clock().advance_ms(2 * kMinute);
    append({seen(1, "/d")});
    EXPECT_EQ(read().active_visitors, 3u);
    clock().advance_ms(2 * kMinute + kMinute / 2);
    EXPECT_EQ(read().active_visitors, 3u);
    clock().advance_ms(kMinute / 2 + 5'000);
    EXPECT_TRUE(eventually([&] { return read().active_visitors == 1; }));
    EXPECT_THAT(read().pages, testing::ElementsAre(LiveEntry{"/d", 1}));
    clock().advance_ms(2 * kMinute - 5'000);
    EXPECT_TRUE(eventually([&] { return read().active_visitors == 0 && read().pages.empty(); }));
    EXPECT_EQ(pageviews(read()), 4u);
    clock().advance_ms(23 * kMinute);
    EXPECT_EQ(pageviews(read()), 1u);
    clock().advance_ms(2 * kMinute);
    EXPECT_EQ(pageviews(read()), 0u);
}

TEST_P(LiveStoreSuite, TheListsHaveThe20WithTheMostVisitorsEqualOnesByName) {
    std::vector<std::string> pages;
    for (int page = 0; page < 60; ++page) pages.push_back("/" + std::to_string(page));
    std::vector<event::Event> events;
    for (std::uint64_t page = 0; page < 60; ++page)
        for (std::uint64_t visitor = 0; visitor <= page / 2; ++visitor)
            events.push_back(seen(1 + visitor + page * 1'000, pages[page]));
    append(events);
    const LiveNumbers numbers = read();
    ASSERT_EQ(numbers.pages.size(), kLiveEntriesMax);
    EXPECT_EQ(numbers.pages[0], (LiveEntry{"/58", 30}));
    EXPECT_EQ(numbers.pages[1], (LiveEntry{"/59", 30}));
    EXPECT_EQ(numbers.pages[19], (LiveEntry{"/41", 21}));
    EXPECT_EQ(numbers.sample_rate, 1);
}

TEST_P(LiveStoreSuite, S8NamesAreAsTheyWereSentByteForByte) {
    const std::string_view hostile[] = {"/a\"b\\c",
                                        std::string_view("/nul\0in", 7),
                                        "tab\tline\nreturn\r",
                                        "\x01\x1f\x7f",
                                        "</script><b onload=x>",
                                        "\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x92\xb6 \xe2\x80\xae",
                                        "{\"v\":2}",
                                        "$-1\r\n"};
    std::vector<event::Event> events;
    std::map<std::string, std::uint64_t> expected;
    for (const std::string_view name : hostile) {
        events.push_back(seen(1, name));
        events.back().website_id = "site \"\n:*";
        expected[std::string(name)] = 1;
    }
    append(events);
    EXPECT_EQ(as_map(read("site \"\n:*").pages), expected);
}

TEST_P(LiveStoreSuite, TheVersionChangesWithEachEventOfTheSite) {
    read();
    std::uint64_t version = live().version("site");
    for (std::uint64_t visitor = 1; visitor <= 5; ++visitor) {
        append({seen(visitor)});
        EXPECT_TRUE(eventually([&] { return live().version("site") != version; }));
        EXPECT_EQ(read().active_visitors, visitor);
        version = live().version("site");
    }
}

TEST_P(LiveStoreSuite, R1AfterARestartTheNumbersAreWhatTheyWere) {
    std::vector<event::Event> events;
    for (std::uint64_t visitor = 1; visitor <= 50; ++visitor)
        for (std::int64_t ago = 0; ago < 40; ago += 7) events.push_back(seen(visitor, "/a", ago * kMinute));
    append(events);
    LiveNumbers before = read();
    EXPECT_EQ(before.active_visitors, 50u);
    EXPECT_EQ(pageviews(before), 250u);
    for (int i = 0; i < 3; ++i) {
        restart();
        LiveNumbers after = read();
        EXPECT_EQ(after.minutes, before.minutes);
        EXPECT_EQ(after.pages, before.pages);
        EXPECT_EQ(after.active_visitors, before.active_visitors);
    }
}

TEST_P(LiveStoreSuite, R1R19TheNumbersAreThoseOfANaiveCountInAnyOrderAndOverRestarts) {
    const char* given = std::getenv("SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::cout << "SEED=" << seed << "\n";
    std::mt19937_64 random(seed);
    const auto below = [&random](std::uint64_t n) { return random() % n; };
    const char* pages[] = {"/", "/a", "/b", "/c"};
    std::vector<event::Event> all;
    for (int round = 0; round < 20; ++round) {
        clock().advance_ms(static_cast<std::int64_t>(below(2) == 0 ? below(3'000) : below(4 * kMinute)));
        std::vector<event::Event> group;
        for (std::uint64_t i = 0, n = below(40); i < n; ++i)
            group.push_back(seen(1 + below(60), pages[below(4)],
                                 static_cast<std::int64_t>(below(3) != 0 ? below(2'000) : below(35 * kMinute))));
        append(group);
        all.insert(all.end(), group.begin(), group.end());
        if (below(5) == 0) restart();
        const LiveNumbers numbers = read();
        const std::int64_t now = clock().wall_ms();
        std::map<std::int64_t, std::set<std::uint64_t>> by_minute;
        std::map<std::int64_t, std::uint64_t> views;
        std::map<std::string, std::set<std::uint64_t>> by_page;
        std::set<std::uint64_t> active;
        for (const event::Event& event : all) {
            by_minute[event.timestamp / kMinute].insert(event.visitor_id);
            ++views[event.timestamp / kMinute];
            if (event.timestamp / 1'000 <= now / 1'000 - 300) continue;
            active.insert(event.visitor_id);
            by_page[std::string(event.page)].insert(event.visitor_id);
        }
        for (const LiveMinute& minute : numbers.minutes) {
            EXPECT_EQ(minute.visitors, by_minute[minute.start_ms / kMinute].size());
            EXPECT_EQ(minute.pageviews, views[minute.start_ms / kMinute]);
        }
        std::map<std::string, std::uint64_t> expected;
        for (const auto& [page, visitors] : by_page) expected[page] = visitors.size();
        EXPECT_EQ(as_map(numbers.pages), expected);
        EXPECT_EQ(numbers.active_visitors, active.size());
        EXPECT_EQ(numbers.minutes.back().start_ms, now / kMinute * kMinute);
        if (HasFailure()) break;
    }
}

}  // namespace footfall::store::conformance
