#include "process/sessions/fold.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <span>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "process/sessions/session_reference.h"

namespace footfall::process {
namespace {

/// The table as the changes leave it: each must find what it cancels.
class Table {
public:
    void take(SessionFold& fold) {
        const std::uint64_t version = ++version_;
        const auto changes = fold.take_changes(version);
        for (const SessionChange& change : changes) {
            EXPECT_FALSE(change.before == change.after);
            if (!change.before) continue;
            const auto found = sessions_.find(change.before->session_key);
            ASSERT_TRUE(found != sessions_.end() && found->second == *change.before) << "a row that is not there";
            ASSERT_EQ(versions_.at(change.before->session_key), change.before_version);
            sessions_.erase(found);
        }
        for (const SessionChange& change : changes) {
            if (!change.after) continue;
            ASSERT_TRUE(sessions_.emplace(change.after->session_key, *change.after).second) << "a key twice";
            versions_[change.after->session_key] = version;
        }
        for (const SessionAlias& alias : fold.take_aliases()) aliases_[alias.old_key] = alias.new_key;
        fold.let_go();
    }
    const std::map<std::uint64_t, Session>& sessions() const { return sessions_; }
    std::uint64_t resolve(std::uint64_t key) const {
        const auto found = aliases_.find(key);
        return found == aliases_.end() ? key : found->second;
    }
    std::size_t aliases() const { return aliases_.size(); }

    void load(SessionFold& fold, const std::function<bool(const Session&)>& wanted) const {
        for (const auto& [key, session] : sessions_) {
            if (!wanted(session)) continue;
            std::vector<std::uint64_t> absorbed;
            for (const auto& [old_key, new_key] : aliases_)
                if (new_key == key) absorbed.push_back(old_key);
            fold.load(session, versions_.at(key), absorbed);
        }
    }
    void apply(SessionFold& fold, std::span<const event::Event> batch, std::vector<std::uint64_t>& keys) const {
        for (const auto& event : batch) {
            const auto who = fold.look_up_for(event);
            if (!who) continue;
            load(fold, [&](const Session& s) {
                return s.website_id == who->website_id && s.visitor_id == who->visitor_id &&
                       s.last_at() >= who->last_from;
            });
            fold.looked_up(*who);
        }
        for (const auto& event : batch) keys.push_back(fold.apply(event, keys.size()));
    }

private:
    std::map<std::uint64_t, Session> sessions_;
    std::map<std::uint64_t, std::uint64_t> versions_;
    std::uint64_t version_ = 0;
    std::map<std::uint64_t, std::uint64_t> aliases_;
};

event::Event ping_of(const event::Event& view, std::int64_t later, float seconds) {
    auto ping = event_at(view.timestamp + later, "", "ping");
    ping.pageview_id = view.event_id;
    ping.time_on_page = seconds;
    return ping;
}

TEST(SessionFoldTest, AGapOfThirtyMinutesEndsASession) {
    SessionFold fold;
    const std::uint64_t first = fold.apply(event_at(kSessionsNow, "/a"), 0);
    EXPECT_EQ(fold.apply(event_at(kSessionsNow + 30 * kMinute - 1, "/b"), 0), first);
    EXPECT_NE(fold.apply(event_at(kSessionsNow + 60 * kMinute - 1, "/c"), 0), first);
    Table table;
    table.take(fold);
    ASSERT_EQ(table.sessions().size(), 2u);
    const Session& session = table.sessions().at(first);
    EXPECT_EQ(session.started_at, kSessionsNow);
    EXPECT_EQ(session.ended_at, kSessionsNow + 30 * kMinute - 1);
    EXPECT_EQ(session.pageviews, 2u);
    EXPECT_EQ(session.entry_page, "/a");
    EXPECT_EQ(session.exit_page, "/b");
}

event::Event with_timeout(event::Event event, std::uint32_t minutes) {
    event.session_timeout = minutes;
    return event;
}

TEST(SessionFoldTest, ASessionGoesOnAsLongAsTheTimeoutOfAnEarlierEventIsNotOver) {
    SessionFold fold;
    const std::uint64_t first = fold.apply(with_timeout(event_at(kSessionsNow), 120), 0);
    EXPECT_EQ(fold.apply(with_timeout(event_at(kSessionsNow + 100 * kMinute), 5), 1), first);
    // The site's timeout is five minutes now, and the two hours of the first event are not over yet.
    EXPECT_EQ(fold.apply(with_timeout(event_at(kSessionsNow + 119 * kMinute), 5), 2), first);
    EXPECT_NE(fold.apply(with_timeout(event_at(kSessionsNow + 124 * kMinute), 5), 3), first);
    Table table;
    table.take(fold);
    ASSERT_EQ(table.sessions().size(), 2u);
    EXPECT_EQ(table.sessions().at(first).open_until, kSessionsNow + 124 * kMinute);
}

TEST(SessionFoldTest, OfTwoEventsTheEarlierOnesTimeoutCounts) {
    for (const bool turned : {false, true}) {
        SessionFold fold;
        const auto shorter = with_timeout(event_at(kSessionsNow), 5);
        const auto longer = with_timeout(event_at(kSessionsNow + 10 * kMinute), 120);
        EXPECT_NE(fold.apply(turned ? longer : shorter, 0), fold.apply(turned ? shorter : longer, 1)) << turned;
    }
}

TEST(SessionFoldTest, ALateEventOfALongTimeoutJoinsAllThatBeganWithinIt) {
    SessionFold fold;
    Table table;
    std::set<std::uint64_t> keys;
    for (int i = 0; i < 4; ++i) {
        auto event = with_timeout(event_at(kSessionsNow + 10 * i * kMinute, "/" + std::string(1, char('a' + i))), 5);
        event.received_at += i;
        keys.insert(fold.apply(event, static_cast<std::uint64_t>(i)));
    }
    ASSERT_EQ(keys.size(), 4u);
    table.take(fold);
    auto late = with_timeout(event_at(kSessionsNow - kMinute, "/"), 25);
    late.received_at += 10;
    const std::uint64_t joined = fold.apply(late, 4);
    table.take(fold);
    ASSERT_EQ(table.sessions().size(), 2u) << "the last one began after it";
    EXPECT_EQ(table.sessions().at(joined).events, 4u);
    EXPECT_EQ(table.sessions().at(joined).open_until, kSessionsNow + 25 * kMinute);
    std::size_t led = 0;
    for (const std::uint64_t key : keys) led += table.resolve(key) == joined ? 1 : 0;
    EXPECT_EQ(led, 3u);
}

// Of a site with a long timeout it is open for as long, in memory or in the table.
TEST(SessionFoldTest, ASessionIsKeptAsLongAsItMayGoOn) {
    constexpr std::int64_t kHour = 60 * kMinute;
    SessionFold fold;
    fold.restart(INT64_MIN);
    Table table;
    const std::uint64_t first = fold.apply(with_timeout(event_at(kSessionsNow), 12 * 60), 0);
    table.take(fold);
    const auto of_another = [&](int hour) {
        auto event = event_at(kSessionsNow + hour * kHour, "/", "pageview", 2);
        event.received_at = event.timestamp;
        fold.apply(event, 1);
        table.take(fold);
    };
    of_another(11);
    auto next = with_timeout(event_at(kSessionsNow + 12 * kHour - kMinute), 12 * 60);
    next.received_at = next.timestamp;
    EXPECT_FALSE(fold.look_up_for(next)) << "it is in memory";
    EXPECT_EQ(fold.apply(next, 2), first);
    of_another(26);
    EXPECT_EQ(fold.held(), 1u) << "only the other's";
    EXPECT_TRUE(fold.look_up_for(with_timeout(event_at(kSessionsNow + 23 * kHour), 12 * 60)));
}

TEST(SessionFoldTest, RevenueIsSummedByCurrencyAndExactly) {
    SessionFold fold;
    Table table;
    const auto bought = [&](std::int64_t minute, std::int64_t amount, std::string_view currency) {
        auto event = event_at(kSessionsNow + minute * kMinute, "", "event");
        event.revenue = amount;
        event.currency = currency;
        return fold.apply(event, 0);
    };
    const std::uint64_t key = bought(0, 1'000, "EUR");  // 0.1, which no double is
    for (int i = 0; i < 2; ++i) bought(1, 1'000, "EUR");
    bought(2, -5'000, "");
    bought(3, 0, "USD");
    bought(40, 999'999'999'999'999'999, "EUR");
    bought(30, 999'999'999'999'999'999, "EUR");
    bought(29, 999'999'999'999'999'999, "EUR");
    table.take(fold);
    EXPECT_EQ(table.sessions().at(table.resolve(key)).revenue.text(), "=-0.5,EUR=300000000000000.2997");
}

TEST(SessionFoldTest, ASessionIsMixedWhereItsEventsDifferInWhatIsTheirOwn) {
    const auto mixed = [](auto&& change) {
        auto first = event_at(kSessionsNow, "/a");
        first.source = "news";
        auto second = event_at(kSessionsNow + kMinute, "/b");
        change(second);
        Session session = Session::of(first);
        session.extend(Session::of(second));
        Session other_way = Session::of(second);
        other_way.extend(Session::of(first));
        EXPECT_EQ(session.is_mixed, other_way.is_mixed);
        // What a third event is like does not take it back.
        session.extend(Session::of(first));
        return session.is_mixed;
    };
    EXPECT_FALSE(mixed([](event::Event&) {})) << "the page and the source are not";
    EXPECT_TRUE(mixed([](event::Event& event) { event.hostname = "shop"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.country = "FR"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.region = "x"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.city = "x"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.language = "fr"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.device_type = "mobile"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.browser = "x"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.browser_version = "x"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.os = "x"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.os_version = "x"; }));
    EXPECT_TRUE(mixed([](event::Event& event) { event.screen_class = "mobile"; }));
}

TEST(SessionFoldTest, ALateEventJoinsTwoSessionsAndTheEarlierReceivedKeyStays) {
    SessionFold fold;
    Table table;
    auto early = event_at(kSessionsNow, "/a");
    auto later = event_at(kSessionsNow + 40 * kMinute, "/c");
    later.received_at = kSessionsNow + 1;
    const std::uint64_t first = fold.apply(early, 0);
    const std::uint64_t second = fold.apply(later, 0);
    ASSERT_NE(first, second);
    table.take(fold);
    EXPECT_EQ(fold.apply(event_at(kSessionsNow + 20 * kMinute, "/b"), 0), first);
    table.take(fold);
    ASSERT_EQ(table.sessions().size(), 1u);
    EXPECT_EQ(table.sessions().at(first).pageviews, 3u);
    EXPECT_EQ(table.resolve(second), first);
    EXPECT_EQ(table.resolve(first), first);
}

TEST(SessionFoldTest, WhatWasJoinedBeforeFollowsTheKeyThatGoes) {
    SessionFold fold;
    Table table;
    const auto received = [](event::Event event, std::int64_t at) {
        event.received_at = at;
        return event;
    };
    const std::uint64_t b = fold.apply(received(event_at(kSessionsNow + 40 * kMinute), kSessionsNow + 1), 0);
    const std::uint64_t c = fold.apply(received(event_at(kSessionsNow + 80 * kMinute), kSessionsNow + 2), 0);
    fold.apply(received(event_at(kSessionsNow + 60 * kMinute), kSessionsNow + 3), 0);  // b and c
    const std::uint64_t a = fold.apply(received(event_at(kSessionsNow), kSessionsNow + 4), 0);
    EXPECT_EQ(fold.apply(received(event_at(kSessionsNow + 20 * kMinute), kSessionsNow + 5), 0), b)
        << "b was received first";
    table.take(fold);
    EXPECT_EQ(table.resolve(a), b);
    EXPECT_EQ(table.resolve(c), b);
    EXPECT_EQ(table.sessions().at(b).events, 5u);
}

TEST(SessionFoldTest, VisitorsSitesAndBotsHaveTheirOwn) {
    SessionFold fold;
    std::set<std::uint64_t> keys = {fold.apply(event_at(kSessionsNow), 0),
                                    fold.apply(event_at(kSessionsNow, "/", "pageview", 2), 0)};
    auto other_site = event_at(kSessionsNow);
    other_site.website_id = "other";
    keys.insert(fold.apply(other_site, 0));
    auto bot = event_at(kSessionsNow);
    bot.is_bot = true;
    keys.insert(fold.apply(bot, 0));
    EXPECT_EQ(keys.size(), 4u);
}

TEST(SessionFoldTest, PingsAndIdentifyMakeNoSessionAndProlongNone) {
    SessionFold fold;
    Table table;
    for (const char* type : {"ping", "vitals", "identify"})
        EXPECT_EQ(fold.apply(event_at(kSessionsNow, "/", type), 0), 0u);
    table.take(fold);
    EXPECT_TRUE(table.sessions().empty());
    const std::uint64_t first = fold.apply(event_at(kSessionsNow), 0);
    fold.apply(event_at(kSessionsNow + 20 * kMinute, "/", "ping"), 0);
    EXPECT_NE(fold.apply(event_at(kSessionsNow + 40 * kMinute), 0), first);
}

TEST(SessionFoldTest, ASingleEventsEngagedTimeIsTheLargestPingsWhicheverComesFirst) {
    const auto view = event_at(kSessionsNow);
    for (const bool early : {false, true}) {
        SessionFold fold;
        Table table;
        if (early) fold.apply(ping_of(view, 1000, 12), 0);
        const std::uint64_t key = fold.apply(view, 0);
        table.take(fold);
        fold.apply(ping_of(view, 1000, 7), 0);
        if (!early) fold.apply(ping_of(view, 1000, 12), 0);
        table.take(fold);
        EXPECT_EQ(table.sessions().at(key).engaged, 12) << early;
        fold.apply(event_at(kSessionsNow + kMinute), 0);
        table.take(fold);
        EXPECT_EQ(table.sessions().at(key).engaged, 0) << "a longer session has a duration";
    }
}

TEST(SessionFoldTest, APingThatNamesACustomEventGivesItNoEngagedTime) {
    for (const bool early : {false, true}) {
        SessionFold fold;
        const auto event = event_at(kSessionsNow, "/a", "event");
        if (!early) fold.apply(event, 0);
        fold.apply(ping_of(event, kMinute, 12), 1);
        if (early) fold.apply(event, 2);
        Table table;
        table.take(fold);
        ASSERT_EQ(table.sessions().size(), 1u);
        EXPECT_EQ(table.sessions().begin()->second.engaged, 0) << early;
    }
}

// What is in the table by then has to be loaded, or its engaged time is lost; and a fold that still holds it must say
// the same as one that has to ask.
TEST(SessionFoldTest, APingReachesItsPageviewWhateverTheClockThatNamedIt) {
    constexpr std::int64_t kSeen = kSessionsNow - 24 * 60 * kMinute;
    const auto hour = 60 * kMinute;
    for (const std::int64_t ahead : {-90 * kMinute, -10 * kMinute, std::int64_t{0}, 10 * kMinute, 90 * kMinute}) {
        for (const std::int64_t later :
             {std::int64_t{0}, 2 * kMinute, 40 * kMinute, 75 * kMinute, 20 * hour, 25 * hour}) {
            for (const bool knows_its_own : {true, false}) {
                auto view = event_at(kSeen);
                view.received_at = kSeen;
                view.event_id = make_uuid_v7(kSeen + ahead);
                auto ping = ping_of(view, later, 12);
                if (knows_its_own) ping.event_id = make_uuid_v7(ping.timestamp + ahead);
                else ping.event_id.bytes[6] = 0x40;  // version 4
                Table table;
                SessionFold before;
                before.apply(view, 0);
                table.take(before);
                Table as_held = table;

                SessionFold fold;
                fold.restart(kSessionsNow - SessionFold::kHoldMs);
                std::vector<std::uint64_t> keys = {0};
                table.apply(fold, std::span(&ping, 1), keys);
                table.take(fold);
                const std::string where = fmt::format("ahead {} min, later {} min, {}", ahead / kMinute,
                                                      later / kMinute, knows_its_own ? "v7" : "v4");
                if (knows_its_own) {
                    EXPECT_EQ(table.sessions().begin()->second.engaged, later < 24 * hour ? 12 : 0) << where;
                }

                before.apply(ping, 1);
                as_held.take(before);
                EXPECT_TRUE(as_held.sessions() == table.sessions()) << where;
            }
        }
    }
}

TEST(SessionFoldTest, APingBeforeItsPageviewCountsForSoManyEntriesAndForItsVisitorAlone) {
    const auto view = event_at(kSessionsNow);
    constexpr std::uint64_t kReach = SessionFold::kPingEntries;
    for (const std::uint64_t at : {std::uint64_t{5}, kReach - 1, kReach, 3 * kReach - 2}) {
        for (const std::uint64_t between : {std::uint64_t{1}, kReach, kReach + 1, 3 * kReach}) {
            SessionFold fold;
            fold.apply(ping_of(view, 0, 30), at);
            fold.apply(ping_of(view, 0, 10), at + 2);
            fold.apply(ping_of(event_at(kSessionsNow), 0, 99), at + 3);
            auto of_another = ping_of(view, 0, 99);
            of_another.visitor_id = 2;
            fold.apply(of_another, at + 4);
            fold.apply(view, at + 4 + between);
            const float expected = 4 + between <= kReach ? 30 : 2 + between <= kReach ? 10 : 0;
            EXPECT_EQ(fold.take_changes(1).at(0).after->engaged, expected) << at << " " << between;
        }
    }
}

TEST(SessionFoldTest, EventsOfOneMillisecondAreOrderedByWhatTheySay) {
    for (const bool turned : {false, true}) {
        SessionFold fold;
        Table table;
        auto a = event_at(kSessionsNow, "/a");
        a.source = "x";
        auto b = event_at(kSessionsNow, "/b");
        b.source = "w";
        fold.apply(turned ? b : a, 0);
        const std::uint64_t key = table.resolve(fold.apply(turned ? a : b, 0));
        table.take(fold);
        const Session& session = table.sessions().at(key);
        EXPECT_EQ(session.entry_page, "/a");
        EXPECT_EQ(session.exit_page, "/b");
        EXPECT_EQ(session.attributes, SessionAttributes::of(b)) << "w before x";
    }
}

TEST(SessionFoldTest, AnUnchangedSessionIsNoChange) {
    SessionFold fold;
    Table table;
    const auto view = event_at(kSessionsNow);
    fold.apply(view, 0);
    table.take(fold);
    auto ping = event_at(kSessionsNow + 1, "", "ping");
    ping.pageview_id = view.event_id;
    ping.time_on_page = 0;
    fold.apply(ping, 0);
    EXPECT_TRUE(fold.take_changes(99).empty());
}

TEST(SessionAttributesTest, GiveBackWhatTheyWereMadeOf) {
    auto event = event_at(kSessionsNow);
    const std::string long_id(300, 'u');
    event.user_id = long_id;
    event.city = "M\xc3\xbcnchen";
    event.screen_class = "mobile";
    const SessionAttributes attributes = SessionAttributes::of(event);
    const SessionAttributes copy{attributes.values()};
    EXPECT_EQ(copy, SessionAttributes::of(event));
    EXPECT_EQ(copy.values().front(), event.user_id);
    EXPECT_EQ(copy.values().back(), "mobile");
    EXPECT_TRUE(SessionAttributes().values().front().empty());
}

TEST(SessionFoldPropertyTest, IsTheNaiveDefinitionWhateverTheOrderTheBatchesAndTheRestarts) {
    const char* given = std::getenv("SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::cout << "SEED=" << seed << "\n";
    std::mt19937_64 random(seed);
    std::size_t aliases = 0;
    std::size_t let_go = 0;
    std::size_t mixed = 0, alike = 0, paid = 0, longer = 0;
    for (int round = 0; round < 120; ++round) {
        const auto events = random_events(random, 40 + random() % 400);
        const auto expected = naive(events);

        std::vector<std::uint64_t> whole_keys;
        SessionFold whole;
        Table in_one;
        in_one.apply(whole, events, whole_keys);
        in_one.take(whole);

        // The same log in batches, with starts from the table in between.
        // Every other round there is room for few, so that many have to be looked up.
        std::vector<std::uint64_t> keys;
        SessionFold fold(round % 2 == 0 ? SessionFold::kHeldMax : 1 + random() % 20);
        Table table;
        for (std::size_t at = 0; at < events.size();) {
            const std::size_t end = std::min(events.size(), at + 1 + random() % 30);
            if (random() % 4 == 0) {
                // What a restart knows is the table, and the pings of the last hours.
                const std::int64_t from = events[at].received_at - SessionFold::kHoldMs;
                fold.restart(from);
                table.load(fold, [&](const Session& s) { return s.last_at() >= from; });
                for (std::size_t i = 0; i < at; ++i)
                    if (events[i].event_type == "ping") fold.apply(events[i], i);
                table.take(fold);
            }
            table.apply(fold, std::span(events).subspan(at, end - at), keys);
            at = end;
            const std::size_t held = fold.held();
            table.take(fold);
            let_go += held - fold.held();
            EXPECT_LE(fold.held(), fold.held_max());
        }
        EXPECT_EQ(keys, whole_keys) << "keys depend on the log alone";
        EXPECT_TRUE(table.sessions() == in_one.sessions());
        aliases += table.aliases();

        ASSERT_EQ(table.sessions().size(), expected.size());
        for (const ExpectedSession& session : expected) {
            std::set<std::uint64_t> of_events;
            for (const std::size_t place : session.events) of_events.insert(table.resolve(keys[place]));
            ASSERT_EQ(of_events.size(), 1u) << "one session, one key";
            const Session& found = table.sessions().at(*of_events.begin());
            EXPECT_EQ(found.events, session.events.size());
            EXPECT_EQ(found.pageviews, session.pageviews);
            EXPECT_EQ(found.interactions, session.interactions);
            EXPECT_EQ(found.started_at, session.started_at);
            EXPECT_EQ(found.ended_at, session.ended_at);
            EXPECT_EQ(found.open_until, session.open_until);
            Revenue revenue;
            for (const auto& [currency, amount] : session.revenue) revenue.add(currency, amount);
            EXPECT_EQ(found.revenue, revenue);
            paid += revenue.texts().size() > 1 ? 1 : 0;
            const bool is_by_default = found.open_until == found.ended_at + kSessionGapMs;
            longer += !is_by_default && found.open_until - found.ended_at > kSessionGapMs ? 1 : 0;
            EXPECT_EQ(found.entry_page, session.entry_page);
            EXPECT_EQ(found.exit_page, session.exit_page);
            EXPECT_EQ(found.attributes, session.attributes);
            EXPECT_EQ(found.is_mixed, session.is_mixed);
            mixed += found.is_mixed ? 1 : 0;
            alike += found.is_mixed || found.events == 1 ? 0 : 1;
            EXPECT_EQ(found.engaged, session.engaged);
        }
        if (HasFailure()) break;
    }
    EXPECT_GT(aliases, 100u) << "or late events that join sessions were not tried";
    EXPECT_GT(let_go, 100u) << "or look-ups in the table were not tried";
    EXPECT_GT(std::min(mixed, alike), 100u) << "or sessions of one kind were not tried";
    EXPECT_GT(std::min(paid, longer), 100u) << "or timeouts and currencies were not tried";
}

}  // namespace
}  // namespace footfall::process
