// The live numbers against a naive count of the same events, in whatever order they come and whatever is interrupted.
#include "process/live/live.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/live/recent.h"
#include "process/process_fixture.h"

namespace footfall::process {
namespace {

using store::LiveEntry;
using store::LiveMinute;
using store::LiveNumbers;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;

/// By event where its session came from.
std::map<const event::Event*, std::string> sources_of(const std::vector<event::Event>& all) {
    std::map<std::pair<std::string_view, std::uint64_t>, std::vector<const event::Event*>> by_visitor;
    for (const event::Event& event : all)
        if (!event.is_bot && makes_sessions(event.event_type))
            by_visitor[{event.website_id, event.visitor_id}].push_back(&event);
    const auto at = [](const event::Event* event) { return std::min(event->timestamp, event->received_at); };
    std::map<const event::Event*, std::string> out;
    for (auto& [visitor, events] : by_visitor) {
        std::ranges::stable_sort(events, {}, at);
        const event::Event* first = events.front();
        const event::Event* before = first;
        for (const event::Event* event : events) {
            if (at(event) - at(before) >= kSessionGapMs) first = event;
            before = event;
            out[event] = first->source;
        }
    }
    return out;
}

/// What the definition says, from all events that were received until now.
struct Naive {
    std::map<std::int64_t, std::array<std::uint64_t, 3>> minutes;    ///< pageviews, events, visitors
    std::map<std::int64_t, std::array<std::uint64_t, 2>> intervals;  ///< pageviews, events
    std::uint64_t active = 0;
    std::map<std::string, std::uint64_t> pages, sources, countries, events;
};
Naive naive(const std::vector<event::Event>& all, const std::string& site, std::int64_t now) {
    Naive out;
    std::map<std::int64_t, std::set<std::uint64_t>> by_minute;
    std::set<std::uint64_t> active;
    std::map<std::string, std::set<std::uint64_t>> pages, sources, countries, events;
    const auto source_of = sources_of(all);
    for (const event::Event& event : all) {
        if (event.website_id != site || event.is_bot) continue;
        if (event.event_type != "pageview" && event.event_type != "event") continue;
        const std::int64_t at = std::min(event.timestamp, event.received_at);
        if (at / kMinute <= now / kMinute - 30) continue;
        auto& minute = out.minutes[at / kMinute];
        minute[0] += event.event_type == "pageview";
        ++minute[1];
        by_minute[at / kMinute].insert(event.visitor_id);
        auto& interval = out.intervals[at / store::kLiveIntervalMs];
        interval[0] += event.event_type == "pageview";
        ++interval[1];
        if (at / kSecond <= now / kSecond - 300) continue;
        active.insert(event.visitor_id);
        sources[source_of.at(&event)].insert(event.visitor_id);
        countries[std::string(event.country)].insert(event.visitor_id);
        if (event.event_type == "pageview") pages[std::string(event.page)].insert(event.visitor_id);
        else events[std::string(event.event_name)].insert(event.visitor_id);
    }
    for (const auto& [minute, visitors] : by_minute) out.minutes[minute][2] = visitors.size();
    out.active = active.size();
    for (const auto& [name, visitors] : pages) out.pages[name] = visitors.size();
    for (const auto& [name, visitors] : sources) out.sources[name] = visitors.size();
    for (const auto& [name, visitors] : countries) out.countries[name] = visitors.size();
    for (const auto& [name, visitors] : events) out.events[name] = visitors.size();
    return out;
}

std::map<std::string, std::uint64_t> as_map(const std::vector<LiveEntry>& entries) {
    std::map<std::string, std::uint64_t> out;
    for (const LiveEntry& entry : entries) out.emplace(entry.name, entry.visitors);
    return out;
}

void expect_equal(const LiveNumbers& found, const Naive& expected, std::int64_t now) {
    ASSERT_EQ(found.minutes.size(), 30u);
    EXPECT_EQ(found.minutes.front().start_ms, (now / kMinute - 29) * kMinute);
    EXPECT_EQ(found.minutes.back().start_ms, now / kMinute * kMinute);
    for (const LiveMinute& minute : found.minutes) {
        const auto of = expected.minutes.find(minute.start_ms / kMinute);
        const std::array<std::uint64_t, 3> counts =
            of == expected.minutes.end() ? std::array<std::uint64_t, 3>{} : of->second;
        EXPECT_THAT((std::array{minute.pageviews, minute.events, minute.visitors}), testing::ElementsAreArray(counts))
            << minute.start_ms;
    }
    ASSERT_EQ(found.intervals.size(), 30u);
    EXPECT_EQ(found.intervals.back().start_ms, now / store::kLiveIntervalMs * store::kLiveIntervalMs);
    for (const store::LiveInterval& interval : found.intervals) {
        const auto of = expected.intervals.find(interval.start_ms / store::kLiveIntervalMs);
        const std::array<std::uint64_t, 2> counts =
            of == expected.intervals.end() ? std::array<std::uint64_t, 2>{} : of->second;
        EXPECT_THAT((std::array{interval.pageviews, interval.events}), testing::ElementsAreArray(counts))
            << interval.start_ms;
    }
    EXPECT_EQ(found.sample_rate, 1);
    EXPECT_EQ(found.active_visitors, expected.active);
    EXPECT_EQ(as_map(found.pages), expected.pages);
    EXPECT_EQ(as_map(found.sources), expected.sources);
    EXPECT_EQ(as_map(found.countries), expected.countries);
    EXPECT_EQ(as_map(found.events), expected.events);
}

class LiveTest : public ProcessTest {
protected:
    void SetUp() override { ASSERT_NO_FATAL_FAILURE(open_log()); }
    void TearDown() override { live_.reset(); }

    void start(std::uint64_t lookback_entries = LiveOptions().lookback_entries) {
        live_.reset();
        live_ = std::make_unique<LiveProcessor>(*log_, clock_,
                                                LiveOptions{.interval_ms = 1, .lookback_entries = lookback_entries});
        live_->start();
    }
    LiveNumbers read(const std::string& site = "site") {
        // Everything that was acknowledged before this moment is in.
        clock_.advance_ms(1);
        const std::int64_t now = clock_.wall_ms();
        LiveNumbers numbers;
        EXPECT_TRUE(eventually([&] {
            auto answer = live_->read(site);
            if (!answer || answer->as_of_ms < now) return false;
            numbers = std::move(*answer);
            return true;
        }));
        return numbers;
    }
    event::Event event_at(std::int64_t timestamp, std::uint64_t visitor, std::string_view page = "/",
                          std::string_view type = "pageview") {
        event::Event event = numbered(++numbered_, timestamp);
        event.received_at = clock_.wall_ms();
        event.visitor_id = visitor;
        event.event_type = type;
        if (type == "pageview") event.page = page;
        else event.event_name = page;
        return event;
    }
    static std::vector<LiveMinute> used(const LiveNumbers& numbers) {
        std::vector<LiveMinute> out;
        for (const LiveMinute& minute : numbers.minutes)
            if (minute.events > 0) out.push_back(minute);
        return out;
    }

    std::uint64_t numbered_ = 0;
    std::unique_ptr<LiveProcessor> live_;
};

TEST_F(LiveTest, AnEventIsInTheNumbersOfItsSiteAndNoOther) {
    start();
    event::Event event = event_at(kNow, 7, "/pricing");
    event.source = "Google";
    event.country = "DE";
    append({event, event_at(kNow, 7, "signup", "event")});
    const LiveNumbers numbers = read();
    EXPECT_EQ(numbers.active_visitors, 1u);
    EXPECT_EQ(numbers.minutes.back(), (LiveMinute{.start_ms = kNow, .pageviews = 1, .events = 2, .visitors = 1}));
    EXPECT_THAT(numbers.pages, ElementsAre(LiveEntry{"/pricing", 1}));
    EXPECT_THAT(numbers.sources, ElementsAre(LiveEntry{"Google", 1})) << "the session's, for each of its events";
    EXPECT_THAT(numbers.events, ElementsAre(LiveEntry{"signup", 1}));
    EXPECT_EQ(as_map(numbers.countries), (std::map<std::string, std::uint64_t>{{"", 1}, {"DE", 1}}));
    EXPECT_THAT(used(read("other")), IsEmpty());
    EXPECT_EQ(live_->version("other"), 0u);
    EXPECT_GT(live_->version("site"), 0u);
}

TEST_F(LiveTest, BotsPingsVitalsAndIdentifyCallsCountForNothing) {
    start();
    event::Event bot = event_at(kNow, 1);
    bot.is_bot = true;
    append({bot, event_at(kNow, 2, "", "ping"), event_at(kNow, 3, "", "vitals"), event_at(kNow, 4, "", "identify")});
    const LiveNumbers numbers = read();
    EXPECT_EQ(numbers.active_visitors, 0u);
    EXPECT_THAT(used(numbers), IsEmpty());
}

TEST_F(LiveTest, AVisitorIsActiveFor5MinutesAfterTheLastEventAndTheMinutesLast30) {
    start();
    append({event_at(kNow, 1, "/a"), event_at(kNow + 10 * kSecond, 2, "/b")});  // the second one's clock is ahead
    EXPECT_EQ(read().active_visitors, 2u);
    clock_.advance_ms(4 * kMinute);
    append({event_at(kNow + 4 * kMinute, 1, "/c")});
    EXPECT_EQ(read().active_visitors, 2u);
    clock_.advance_ms(kMinute);
    EXPECT_EQ(read().active_visitors, 1u);
    EXPECT_THAT(read().pages, ElementsAre(LiveEntry{"/c", 1}));
    clock_.advance_ms(4 * kMinute);
    EXPECT_EQ(read().active_visitors, 0u);
    EXPECT_THAT(read().pages, IsEmpty());
    EXPECT_EQ(used(read()).size(), 2u);
    clock_.advance_ms(24 * kMinute);
    EXPECT_EQ(used(read()).size(), 1u);
    clock_.advance_ms(kMinute);
    EXPECT_THAT(used(read()), IsEmpty());
}

TEST_F(LiveTest, ALateEventLandsInItsMinuteAndOneThatIsTooLateInNone) {
    start();
    append({event_at(kNow - 12 * kMinute, 1), event_at(kNow - 31 * kMinute, 2), event_at(kNow - 3 * kDay, 3)});
    const LiveNumbers numbers = read();
    EXPECT_THAT(used(numbers),
                ElementsAre(LiveMinute{.start_ms = kNow - 12 * kMinute, .pageviews = 1, .events = 1, .visitors = 1}));
    EXPECT_EQ(numbers.active_visitors, 0u);
}

TEST_F(LiveTest, TheListsNameTheMostVisitorsFirstAndEqualOnesByName) {
    start();
    std::vector<event::Event> events;
    std::vector<std::string> pages;
    for (int page = 0; page < 30; ++page) pages.push_back("/" + std::to_string(page));
    for (std::uint64_t page = 0; page < 30; ++page)
        for (std::uint64_t visitor = 0; visitor <= page / 2; ++visitor)
            events.push_back(event_at(kNow, 1 + visitor, pages[page]));
    append(events);
    const LiveNumbers numbers = read();
    ASSERT_EQ(numbers.pages.size(), store::kLiveEntriesMax);
    EXPECT_EQ(numbers.pages[0], (LiveEntry{"/28", 15}));
    EXPECT_EQ(numbers.pages[1], (LiveEntry{"/29", 15}));
    EXPECT_EQ(numbers.pages[19], (LiveEntry{"/11", 6}));
}

TEST_F(LiveTest, TheSourceIsThatOfTheSessionsFirstEventUntilItIsOver) {
    start();
    event::Event first = event_at(kNow, 1);
    first.source = "Google";
    append({first, event_at(kNow, 1)});
    EXPECT_THAT(read().sources, ElementsAre(LiveEntry{"Google", 1}));
    clock_.advance_ms(10 * kMinute);
    EXPECT_THAT(read().sources, IsEmpty()) << "nobody is there, though the session may go on";
    clock_.advance_ms(19 * kMinute);
    append({event_at(clock_.wall_ms(), 1)});
    EXPECT_THAT(read().sources, ElementsAre(LiveEntry{"Google", 1})) << "the session goes on";
    clock_.advance_ms(31 * kMinute);
    append({event_at(clock_.wall_ms(), 1)});
    EXPECT_THAT(read().sources, ElementsAre(LiveEntry{"", 1})) << "another session, direct";
}

TEST_F(LiveTest, ASessionsSourceIsKnownFromEventsOfBeforeTheHalfHourWhateverTheirOrder) {
    start();
    const auto from = [&](std::int64_t minutes_ago, std::uint64_t visitor, std::string_view source) {
        event::Event event = event_at(kNow - minutes_ago * kMinute, visitor);
        event.source = source;
        return event;
    };
    // A queue that was sent at last; one in disorder; two sessions that the last event joins; and two that stay two.
    append({from(40, 1, "Google"), from(20, 1, ""), from(0, 1, "")});
    append({from(0, 2, ""), from(20, 2, "X"), from(40, 2, "Bing")});
    append({from(45, 3, "Reddit"), from(2, 3, ""), from(25, 3, "GitHub")});
    append({from(50, 4, "Reddit"), from(0, 4, "Mail"), from(35, 4, "GitHub")});
    LiveNumbers numbers = read();
    EXPECT_THAT(numbers.sources, ElementsAre(LiveEntry{"Bing", 1}, LiveEntry{"Google", 1}, LiveEntry{"Mail", 1},
                                             LiveEntry{"Reddit", 1}));
    EXPECT_EQ(used(numbers).size(), 4u) << "0, 2, 20 and 25 minutes ago";
    start();
    EXPECT_EQ(read().sources, numbers.sources);
}

TEST_F(LiveTest, AVisitorCountsForOneSourceThoughItIsLearntLater) {
    start();
    append({event_at(kNow, 1)});
    EXPECT_THAT(read().sources, ElementsAre(LiveEntry{"", 1}));
    event::Event first = event_at(kNow - 10 * kMinute, 1);
    first.source = "Google";
    append({first});
    EXPECT_THAT(read().sources, ElementsAre(LiveEntry{"Google", 1}));
    clock_.advance_ms(5 * kMinute);
    EXPECT_THAT(read().sources, IsEmpty());
}

TEST_F(LiveTest, NamesBeyondTheLimitAreCountedTogether) {
    start();
    std::vector<std::string> pages;
    for (std::size_t i = 0; i < RecentVisitors::kNamesMax + 50; ++i) pages.push_back("/" + std::to_string(i));
    std::vector<event::Event> events;
    for (std::size_t i = 0; i < pages.size(); ++i) events.push_back(event_at(kNow, 1 + i, pages[i]));
    append(events);
    const LiveNumbers numbers = read();
    EXPECT_EQ(numbers.active_visitors, pages.size());
    EXPECT_EQ(numbers.pages.front(), (LiveEntry{"(other)", 50}));
    clock_.advance_ms(5 * kMinute);
    append({event_at(clock_.wall_ms(), 1, "/again")});
    EXPECT_THAT(read().pages, ElementsAre(LiveEntry{"/again", 1})) << "there is room again";
}

TEST_F(LiveTest, AVisitorIsOneOfEachMinuteHoweverTheirEventsAreOrdered) {
    start();
    std::vector<event::Event> events;
    for (const std::int64_t minute : {20, 3, 29, 3, 0, 20, 11, 29, 0})
        events.push_back(event_at(kNow - minute * kMinute, 1, "/a"));
    append(events);
    std::vector<std::pair<std::int64_t, std::uint64_t>> visitors;
    for (const LiveMinute& minute : used(read()))
        visitors.emplace_back((kNow - minute.start_ms) / kMinute, minute.visitors);
    EXPECT_THAT(visitors, ElementsAre(Pair(29, 1u), Pair(20, 1u), Pair(11, 1u), Pair(3, 1u), Pair(0, 1u)));
}

TEST_F(LiveTest, AClockThatIsSetBackOrAheadLeavesRightNumbers) {
    start();
    append({event_at(kNow, 1)});
    EXPECT_EQ(read().active_visitors, 1u);
    clock_.set_wall_ms(kNow + kDay);
    append({event_at(kNow + kDay, 2)});
    EXPECT_EQ(read().active_visitors, 1u) << "only the one of that day";
    clock_.set_wall_ms(kNow + kMinute);
    append({event_at(kNow + kMinute, 3)});
    ASSERT_TRUE(eventually([&] {
        const auto numbers = live_->read("site");
        return numbers && numbers->active_visitors == 2;
    })) << "the first and the third";
    EXPECT_EQ(live_->read("site")->minutes.back().start_ms, (kNow + kMinute) / kMinute * kMinute);
}

TEST_F(LiveTest, UntilTheLogIsReadThereAreNoNumbersRatherThanWrongOnes) {
    append({event_at(kNow, 1)});
    live_ = std::make_unique<LiveProcessor>(*log_, clock_, LiveOptions{.interval_ms = 1});
    const auto early = live_->read("site");
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, Code::kUnavailable);
    live_->start();
    EXPECT_EQ(read().active_visitors, 1u);
}

TEST_F(LiveTest, ARestartFindsTheLastHalfHourInALongLogAndWhereSessionsCameFromBeforeIt) {
    // 60,000 events over two hours, tallies among them: the beginning has to be looked for.
    for (int group = 0; group < 120; ++group) {
        std::vector<event::Event> events;
        for (std::uint64_t i = 0; i < 500; ++i) {
            events.push_back(event_at(clock_.wall_ms(), i % 50 + 1));
            events.back().source = group == 0 ? "Google" : "X";
        }
        append(events, R"({"website_id":"site","duplicates":1,"rejected":{}})");
        clock_.advance_ms(kMinute);
    }
    start();
    const LiveNumbers numbers = read();
    for (std::size_t i = 0; i + 1 < numbers.minutes.size(); ++i) {
        EXPECT_EQ(numbers.minutes[i].pageviews, 500u) << i;
        EXPECT_EQ(numbers.minutes[i].visitors, 50u) << i;
    }
    EXPECT_THAT(numbers.sources, ElementsAre(LiveEntry{"Google", 50})) << "their sessions are two hours old";
}

TEST_F(LiveTest, S4AFloodOfVisitorsOfOneSiteIsBoundedAndLeavesTheOthersExact) {
    live_ = std::make_unique<LiveProcessor>(*log_, clock_, LiveOptions{.interval_ms = 1, .visitors_max = 20'000});
    live_->start();
    constexpr std::uint64_t kFlood = 200'000;
    for (std::uint64_t begin = 0; begin < kFlood; begin += 5'000) {
        std::vector<event::Event> events;
        for (std::uint64_t i = 0; i < 5'000; ++i) events.push_back(event_at(clock_.wall_ms(), 1 + begin + i));
        for (std::uint64_t i = 0; i < 200; ++i) {
            events.push_back(event_at(clock_.wall_ms(), 1 + begin + i));
            events.back().website_id = "quiet";
        }
        append(events);
    }
    const LiveNumbers quiet = read("quiet");
    EXPECT_EQ(quiet.active_visitors, 200 * kFlood / 5'000);
    EXPECT_EQ(quiet.sample_rate, 1);
    const LiveNumbers flooded = read();
    EXPECT_LE(flooded.sample_rate, 0.1);
    EXPECT_NEAR(static_cast<double>(flooded.active_visitors), static_cast<double>(kFlood), kFlood / 10.0);
    std::uint64_t pageviews = 0;
    for (const LiveMinute& minute : flooded.minutes) pageviews += minute.pageviews;
    EXPECT_EQ(pageviews, kFlood);
}

TEST_F(LiveTest, R1R19TheNumbersAreThoseOfANaiveCountInAnyOrderAndOverRestarts) {
    const char* given = std::getenv("SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::cout << "SEED=" << seed << "\n";
    std::mt19937_64 random(seed);
    const auto below = [&random](std::uint64_t n) { return random() % n; };
    const char* pages[] = {"/", "/a", "/b", "/c"};
    const char* countries[] = {"", "DE", "JP"};
    const char* sources[] = {"", "Google", "Bing", "blog.partner.example", "X", "Reddit", "GitHub"};
    const char* types[] = {"pageview", "pageview", "event", "ping"};
    std::vector<event::Event> all;
    start();
    for (int round = 0; round < 120; ++round) {
        clock_.advance_ms(static_cast<std::int64_t>(below(2) == 0 ? below(3'000) : below(4 * kMinute)));
        std::vector<event::Event> group;
        for (std::uint64_t i = 0, n = below(40); i < n; ++i) {
            // Mostly of now, some late by minutes or an hour, some of the future.
            const std::int64_t late = below(3) != 0   ? static_cast<std::int64_t>(below(2'000))
                                      : below(4) != 0 ? static_cast<std::int64_t>(below(65 * kMinute))
                                                      : -static_cast<std::int64_t>(below(5 * kMinute));
            // Some come all the time, some now and then: sessions of hours, several in one hour, and the gaps of both.
            const std::uint64_t visitor = 1 + below(std::array{6, 60, 600}[below(3)]);
            event::Event event = event_at(clock_.wall_ms() - late, visitor, pages[below(4)], types[below(4)]);
            event.website_id = below(4) == 0 ? "other" : "site";
            event.country = countries[event.visitor_id % 3];
            event.source = sources[below(7)];
            // Who is later than the promise, less what the reader may be behind, is somebody else, whose sessions all
            // have one source.
            if (late >= kSessionGapMs - 4 * kMinute) {
                event.visitor_id += 1'000;
                event.source = sources[event.visitor_id % 7];
            }
            event.is_bot = below(10) == 0;
            group.push_back(event);
        }
        append(group);
        read();
        all.insert(all.end(), group.begin(), group.end());
        if (round % 10 != 9) continue;
        if (below(3) == 0) start(1 + below(500));
        for (const char* site : {"site", "other"}) {
            const LiveNumbers numbers = read(site);
            ASSERT_NO_FATAL_FAILURE(expect_equal(numbers, naive(all, site, clock_.wall_ms()), clock_.wall_ms()));
        }
        if (HasFailure()) break;
    }
}

}  // namespace
}  // namespace footfall::process
