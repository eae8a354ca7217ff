// Beside a real Redis. What several Identities give that hear each other late, twice or in pieces is tested in memory:
// src/enrich/session_news_test.cc.
#include "ingest/session_feed.h"

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "enrich/testing/visits.h"
#include "store/redis/testing/running_redis.h"

namespace footfall::ingest {
namespace {

using namespace enrich::visits;
using store::redis::Client;
using store::redis::Command;
using store::redis::RunningRedis;

constexpr int kSoonMs = 5'000;
constexpr std::int64_t kTimeout = 30 * kMinute;
constexpr std::int64_t kNoon = kMidnight + 12 * kHour;

testing::AssertionResult soon(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
        if (condition()) return testing::AssertionSuccess();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return testing::AssertionFailure() << "not within 20 s";
}

/// As one process has it. The clock stands where the test says; Redis has its own, so news is kept as long as it would
/// be.
struct Collector {
    explicit Collector(const store::redis::Endpoint& endpoint, std::size_t queue_max = 262'144)
        : feed(identity, {.endpoint = endpoint, .prefix = "test:", .timeout_ms = 500, .queue_max = queue_max}, clock) {}
    std::uint64_t give(const Visit& visit, std::int64_t timeout_ms = kTimeout) {
        clock.set_wall_ms(visit.at);
        EXPECT_TRUE(identity.prepare(visit.at));
        return identity.visitor_id(sender_of(visit, timeout_ms));
    }
    testing::AssertionResult hear_all() {
        do {
            if (const Status heard = feed.hear(0); !heard) return testing::AssertionFailure() << heard.error().message;
        } while (!feed.hears());
        return testing::AssertionSuccess();
    }

    ManualClock clock{kNoon};
    enrich::Identity identity{salt_of};
    SessionFeed feed;
};

/// A collector whose threads run, by the real clock of waiting; events are of the time that they say.
class Running {
public:
    explicit Running(const store::redis::Endpoint& endpoint)
        : feed_(identity_, {.endpoint = endpoint, .prefix = "test:", .tell_every_ms = 5, .timeout_ms = 300}, clock_) {
        EXPECT_TRUE(identity_.prepare(kNoon));
        feed_.start(1'000);
    }
    std::uint64_t give(const Visit& visit) { return identity_.visitor_id(sender_of(visit, kTimeout)); }
    bool hears() const { return feed_.hears(); }

private:
    class NoonClock final : public Clock {
    public:
        std::int64_t wall_ms() const override { return kNoon; }
        std::int64_t steady_ns() const override { return system_clock().steady_ns(); }
    };
    NoonClock clock_;
    enrich::Identity identity_{salt_of};
    SessionFeed feed_;
};

Visit identify(std::int64_t at, int visitor, std::string user) {
    return {.at = at, .visitor = visitor, .type = "identify", .user = std::move(user)};
}
Visit ping(std::int64_t at, int visitor) { return {.at = at, .visitor = visitor, .type = "ping", .user = {}}; }
Visit pageview(std::int64_t at, int visitor) { return {.at = at, .visitor = visitor, .type = "pageview", .user = {}}; }

const std::uint64_t kUser = enrich::Identity::known_id("site", "u1");

std::uint64_t count_of(const char* result) {
    return metrics::counter("footfall_session_info_total", "", std::string("result=\"") + result + "\"").value();
}
std::uint64_t lost() { return metrics::counter("footfall_session_info_lost_total", "").value(); }

TEST(SessionFeedTest, CollectorsThatShareARedisGiveTheIdsOfOne) {
    RunningRedis redis;
    Client client(redis.endpoint());
    for (unsigned seed = 1; seed <= 15; ++seed) {
        std::mt19937 random(seed);
        const std::int64_t timeout_ms = std::array{1, 5, 30, 45, 240}[random() % 5] * kMinute;
        ASSERT_TRUE(client.run(Command{"FLUSHALL"}, kSoonMs));
        enrich::Identity one(salt_of);
        std::vector<std::unique_ptr<Collector>> many;
        for (int i = 0; i < 3; ++i) many.push_back(std::make_unique<Collector>(redis.endpoint()));
        for (const Visit& visit : visits_by_chance(random, timeout_ms)) {
            ASSERT_TRUE(one.prepare(visit.at));
            // Now and then one is started anew, and has nothing but what is in Redis.
            auto& collector = many[random() % many.size()];
            if (random() % 20 == 0) {
                collector = std::make_unique<Collector>(redis.endpoint());
                collector->clock.set_wall_ms(visit.at);
                ASSERT_TRUE(collector->hear_all());
            }
            ASSERT_EQ(collector->give(visit, timeout_ms), one.visitor_id(sender_of(visit, timeout_ms)))
                << "seed " << seed << ", " << visit.type << " of " << visit.visitor << " at " << visit.at - kMidnight
                << " ms from midnight";
            for (auto& each : many) {
                each->clock.set_wall_ms(visit.at);
                ASSERT_TRUE(each->feed.tell_waiting());
            }
            for (auto& each : many) ASSERT_TRUE(each->hear_all());
        }
    }
}

TEST(SessionFeedTest, WhatIsInRedisIsIdsAndTimesAndEndsByItself) {
    RunningRedis redis;
    Client client(redis.endpoint());
    Collector collector(redis.endpoint());
    collector.give(pageview(kMidnight - 10 * kMinute, 0));
    ASSERT_TRUE(collector.feed.tell_waiting());
    EXPECT_EQ(client.run(Command{"KEYS", "*"}, kSoonMs)->elements.size(), 1U);
    const auto open_left = client.run(Command{"PTTL", "test:session:open"}, kSoonMs);
    EXPECT_GT(open_left->number, 34 * kMinute);
    EXPECT_LE(open_left->number, 35 * kMinute);

    collector.give(identify(kNoon, 0, "someone@example.com"));
    ASSERT_TRUE(collector.feed.tell_waiting());
    const std::string aliases = "test:session:aliases:" + std::to_string(kMidnight / kDay);
    const auto aliases_left = client.run(Command{"PTTL", aliases}, kSoonMs);
    EXPECT_GT(aliases_left->number, 13 * kHour - kMinute);
    EXPECT_LE(aliases_left->number, 13 * kHour) << "an hour after the day";
    const auto entries = client.run(Command{"XRANGE", aliases, "-", "+"}, kSoonMs);
    ASSERT_EQ(entries->elements.size(), 1U);
    const auto& fields = entries->elements[0].elements[1].elements;
    ASSERT_EQ(fields.size(), 2U);
    EXPECT_EQ(fields[1].text->size(), 33U) << "kind, two ids and two times: no room for a name";
    EXPECT_EQ(fields[1].text->find("someone"), std::string::npos);

    // Told so late that it would outlive its use.
    collector.give(identify(kNoon, 1, "u1"));
    collector.clock.set_wall_ms(kMidnight + kDay + kHour);
    ASSERT_TRUE(collector.feed.tell_waiting());
    EXPECT_EQ(client.run(Command{"XLEN", aliases}, kSoonMs)->number, 1);
}

TEST(SessionFeedTest, WhoWasThereAroundMidnightIsTrimmedWhileOthersCome) {
    RunningRedis redis;
    Client client(redis.endpoint());
    Collector collector(redis.endpoint());
    const std::int64_t now = system_clock().wall_ms();
    const auto add = [&](std::int64_t at) {
        return client.run(Command{"XADD", "test:session:open", std::to_string(at) + "-0", "1", ""}, kSoonMs);
    };
    ASSERT_TRUE(add(now - 36 * kMinute));
    ASSERT_TRUE(add(now - 34 * kMinute));
    collector.give(pageview(kMidnight - 10 * kMinute, 0));
    collector.clock.set_wall_ms(now);
    ASSERT_TRUE(collector.feed.tell_waiting());
    EXPECT_EQ(client.run(Command{"XLEN", "test:session:open"}, kSoonMs)->number, 2);
}

TEST(SessionFeedTest, MoreThanOneCallHearsIsHeardInItsOrder) {
    RunningRedis redis;
    Collector teller(redis.endpoint());
    // Each alias is in yesterday's stream, and whether its session went on is in today's.
    const std::int64_t evening = kMidnight - 5 * kMinute;
    for (int i = 0; i < 200; ++i) {
        teller.give(identify(evening, i, "u1"));
        ASSERT_TRUE(teller.feed.tell_waiting());
    }
    for (int i = 0; i < 200; ++i) teller.give(pageview(kMidnight + kMinute, i));
    ASSERT_TRUE(teller.feed.tell_waiting());
    Collector late(redis.endpoint());
    late.clock.set_wall_ms(kMidnight + kMinute);
    ASSERT_TRUE(late.feed.hear(0));
    EXPECT_FALSE(late.feed.hears()) << "there is more";
    ASSERT_TRUE(late.hear_all());
    // 30 minutes after the identify, but 24 after the pageview.
    for (int i = 0; i < 200; ++i) ASSERT_NE(late.give(ping(kMidnight + 25 * kMinute, i)), kUser) << i;
}

TEST(SessionFeedTest, WhatCannotBeReadIsPassedOver) {
    RunningRedis redis;
    Client client(redis.endpoint());
    Collector teller(redis.endpoint());
    Collector other(redis.endpoint());
    const std::string aliases = "test:session:aliases:" + std::to_string(kNoon / kDay);
    for (const char* entry : {"", "x", "\x03 too short for an alias", "\x09 of no kind that there is"})
        ASSERT_TRUE(client.run(Command{"XADD", aliases, "*", "1", entry}, kSoonMs));
    // Of a newer release, to which the same bytes mean something else.
    const std::uint64_t anonymous = other.give(pageview(kNoon, 1));
    std::string newer(1, '\x03');
    put(newer, anonymous);
    put(newer, kNoon);
    put(newer, std::uint64_t{42});
    put(newer, kNoon);
    ASSERT_TRUE(client.run(Command{"XADD", aliases, "*", "2", newer}, kSoonMs));
    ASSERT_TRUE(client.run(Command{"XADD", aliases, "*", "a", "b", "c", "d"}, kSoonMs));
    teller.give(identify(kNoon, 0, "u1"));
    ASSERT_TRUE(teller.feed.tell_waiting());
    ASSERT_TRUE(other.hear_all());
    EXPECT_EQ(other.give(pageview(kNoon + kHour, 0)), kUser);
    EXPECT_EQ(other.give(pageview(kNoon + kHour, 1)), anonymous);
}

TEST(SessionFeedTest, R22WhileRedisIsKilledEventsGoOnAndWhatWasLearnedIsToldLater) {
    RunningRedis redis;
    Running here(redis.endpoint());
    Running there(redis.endpoint());
    ASSERT_TRUE(soon([&] { return here.hears() && there.hears(); }));
    redis.kill();
    ASSERT_TRUE(soon([&] { return !here.hears() && !there.hears(); }));
    here.give(identify(kNoon, 0, "u1"));
    const std::uint64_t before = count_of("unavailable");
    EXPECT_NE(there.give(pageview(kNoon + kMinute, 1)), 0U);
    EXPECT_EQ(count_of("unavailable"), before + 1);
    redis.start();
    EXPECT_TRUE(soon([&] { return there.hears(); }));
    EXPECT_TRUE(soon([&] { return there.give(ping(kNoon + kHour, 0)) == kUser; }));
    Running later(redis.endpoint());
    EXPECT_EQ(later.give(ping(kNoon + kHour, 0)), kUser) << "who starts has heard all before the first event";
}

// Stopped: the connection stands, and nothing comes. An event waits for none of it: 2 ms for each of these would be 40
// s.
TEST(SessionFeedTest, R25WhileRedisHangsNoEventWaitsForIt) {
    RunningRedis redis;
    Running here(redis.endpoint());
    Running there(redis.endpoint());
    ASSERT_TRUE(soon([&] { return here.hears() && there.hears(); }));
    redis.stop();
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 10'000; ++i) {
        here.give(identify(kNoon + i, i % 200, i < 200 ? "u1" : "u2"));
        here.give(pageview(kNoon + i, i % 200));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
    EXPECT_TRUE(soon([&] { return !here.hears() && !there.hears(); }));
    redis.go_on();
    EXPECT_TRUE(soon([&] { return there.hears(); }));
    EXPECT_TRUE(soon([&] { return there.give(ping(kNoon + kHour, 199)) == enrich::Identity::known_id("site", "u2"); }));
}

TEST(SessionFeedTest, R25ASlowRedisIsWaitedForByNobodyAndHeardWhenItAnswers) {
    RunningRedis redis;
    Client client(redis.endpoint());
    Running here(redis.endpoint());
    Running there(redis.endpoint());
    ASSERT_TRUE(soon([&] { return here.hears() && there.hears(); }));
    // Longer than a call may take, so that what was sent arrives behind its deadline, and again with the next attempt.
    ASSERT_TRUE(client.run(Command{"CLIENT", "PAUSE", "1000", "ALL"}, kSoonMs));
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 200; ++i) here.give(identify(kNoon, i, "u1"));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(400));
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(soon([&] { return there.give(ping(kNoon + kHour, i)) == kUser; })) << i;
}

TEST(SessionFeedTest, AfterRedisLostEverythingCollectorsHearWhatIsToldFromThenOn) {
    RunningRedis redis;
    Client client(redis.endpoint());
    Running here(redis.endpoint());
    Running there(redis.endpoint());
    here.give(identify(kNoon, 0, "u1"));
    ASSERT_TRUE(soon([&] { return there.give(ping(kNoon + kHour, 0)) == kUser; }));
    ASSERT_TRUE(client.run(Command{"FLUSHALL"}, kSoonMs));
    here.give(identify(kNoon, 1, "u1"));
    EXPECT_TRUE(soon([&] { return there.give(ping(kNoon + kHour, 1)) == kUser; }));
    EXPECT_EQ(there.give(ping(kNoon + kHour, 0)), kUser) << "it is remembered here";
}

// One that took over with a clock that is behind gives smaller ids than those that were heard.
TEST(SessionFeedTest, AfterALostConnectionTheLastMinuteIsHeardAgain) {
    RunningRedis redis;
    Client client(redis.endpoint());
    Collector teller(redis.endpoint());
    Collector other(redis.endpoint());
    const std::string aliases = "test:session:aliases:" + std::to_string(kNoon / kDay);
    const std::int64_t ahead = system_clock().wall_ms() + 30'000;
    ASSERT_TRUE(client.run(Command{"XADD", aliases, std::to_string(ahead) + "-0", "1", ""}, kSoonMs));
    ASSERT_TRUE(other.hear_all());
    redis.kill();
    EXPECT_FALSE(other.feed.hear(0));
    redis.start();
    Client again(redis.endpoint());
    ASSERT_TRUE(again.run(Command{"DEL", aliases}, kSoonMs));
    teller.give(identify(kNoon, 0, "u1"));
    ASSERT_TRUE(teller.feed.tell_waiting());
    other.clock.advance_ms(5'000);
    ASSERT_TRUE(other.hear_all());
    EXPECT_EQ(other.give(pageview(kNoon + kHour, 0)), kUser);
}

TEST(SessionFeedTest, WhatMayWaitAndBeToldIsLimitedAndWhatIsBeyondIsCounted) {
    RunningRedis redis;
    Collector teller(redis.endpoint(), 10);
    std::uint64_t before = lost();
    for (int i = 0; i < 25; ++i) teller.give(identify(kNoon, i, "u1"));
    EXPECT_EQ(lost() - before, 15U);
    ASSERT_TRUE(teller.feed.tell_waiting());
    before = lost();
    teller.give(identify(kNoon, 30, "u1"));
    EXPECT_EQ(lost(), before) << "there is room again";

    ManualClock clock(kNoon);
    enrich::Identity identity(salt_of);
    SessionFeed feed(identity,
                     {.endpoint = redis.endpoint(), .prefix = "few:", .aliases_a_day = 3, .open_a_midnight = 2}, clock);
    const auto give = [&](const Visit& visit) {
        EXPECT_TRUE(identity.prepare(visit.at));
        identity.visitor_id(sender_of(visit, kTimeout));
    };
    before = lost();
    for (int i = 0; i < 5; ++i) give(identify(kNoon, i, "u1"));
    EXPECT_EQ(lost() - before, 2U);
    for (int i = 0; i < 5; ++i) give(pageview(kMidnight + kDay - kMinute, 10 + i));
    EXPECT_EQ(lost() - before, 2U + 3U);
    give(identify(kNoon + kDay, 0, "u1"));
    give(pageview(kMidnight + 2 * kDay - kMinute, 10));
    EXPECT_EQ(lost() - before, 2U + 3U) << "another day";
}

}  // namespace
}  // namespace footfall::ingest
