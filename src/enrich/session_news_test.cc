#include "enrich/session_news.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "enrich/identity.h"
#include "enrich/testing/visits.h"

/// What several Identities give that share what they learn, against what one of them gives. In memory; the same beside
/// a real Redis is src/ingest/session_feed_test.cc.
namespace footfall::enrich {
namespace {

using namespace visits;

/// Some collectors, and what they told that not everybody has heard.
class Collectors {
public:
    explicit Collectors(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            all_.push_back(std::make_unique<Identity>(salt_of));
            heard_.push_back(0);
            all_.back()->share({.tell =
                                    [this](const SessionNews& news) {
                                        if (!loses) told_.push_back(news);
                                    },
                                .hears = [this] { return hears; }});
        }
    }
    std::uint64_t give(std::size_t collector, const Visit& visit, std::int64_t timeout_ms) {
        EXPECT_TRUE(all_[collector]->prepare(visit.at));
        return all_[collector]->visitor_id(sender_of(visit, timeout_ms));
    }
    /// The next `most` of what it has not heard.
    void hear(std::size_t collector, std::size_t most) {
        for (; most > 0 && heard_[collector] < told_.size(); --most) {
            const SessionNews news = told_[heard_[collector]++];  // a copy: it may tell something itself
            all_[collector]->take_in(news);
        }
    }
    /// Hears again what it heard, as who lost a connection does.
    void hear_again(std::size_t collector, std::size_t back) { heard_[collector] -= std::min(back, heard_[collector]); }
    void all_hear() {
        for (std::size_t round = 0; round < 10; ++round)
            for (std::size_t i = 0; i < all_.size(); ++i) hear(i, told_.size());
        for (const std::size_t heard : heard_) EXPECT_EQ(heard, told_.size()) << "they go on telling each other";
    }
    std::size_t size() const { return all_.size(); }
    const std::deque<SessionNews>& told() const { return told_; }

    bool hears = true;
    bool loses = false;  ///< what is told

private:
    std::vector<std::unique_ptr<Identity>> all_;
    std::deque<SessionNews> told_;
    std::vector<std::size_t> heard_;
};

TEST(SessionNewsTest, ManyCollectorsThatHearEachOtherGiveTheIdsOfOne) {
    std::size_t kept = 0;
    std::size_t led = 0;
    for (unsigned seed = 1; seed <= 300; ++seed) {
        std::mt19937 random(seed);
        const std::int64_t timeout_ms = std::array{1, 5, 30, 45, 240}[random() % 5] * kMinute;
        Identity one(salt_of);
        Collectors many(2 + random() % 4);
        for (const Visit& visit : visits_by_chance(random, timeout_ms)) {
            ASSERT_TRUE(one.prepare(visit.at));
            const std::uint64_t expected = one.visitor_id(sender_of(visit, timeout_ms));
            ASSERT_EQ(many.give(random() % many.size(), visit, timeout_ms), expected)
                << "seed " << seed << ", " << visit.type << " of " << visit.visitor << " at " << visit.at - kMidnight
                << " ms from midnight";
            many.all_hear();
            Identity stranger(salt_of);
            ASSERT_TRUE(stranger.prepare(visit.at));
            const std::uint64_t unknown = stranger.visitor_id(sender_of(visit, timeout_ms));
            if (visit.type == "identify" || unknown == expected) continue;
            const bool is_known = expected == Identity::known_id("site", "u0") ||
                                  expected == Identity::known_id("site", "u1") ||
                                  expected == Identity::known_id("site", "u2");
            ++(is_known ? led : kept);
        }
    }
    EXPECT_GT(kept, 100U) << "over midnight";
    EXPECT_GT(led, 100U) << "to the known user";
}

// Each hears late, in pieces, twice or not for hours. Then they cannot know what one would, but none goes back.
TEST(SessionNewsTest, WhoeverHearsLateGivesNoIdThatItLeftAndAllAgreeInTheEnd) {
    std::size_t changes = 0;
    for (unsigned seed = 1; seed <= 300; ++seed) {
        std::mt19937 random(seed);
        const std::int64_t timeout_ms = std::array{1, 5, 30, 45, 240}[random() % 5] * kMinute;
        Collectors many(2 + random() % 3);
        // The anonymous ids of each visitor by day, and where each collector is with it: even with the anonymous id of
        // a day, odd with the known user that it leads to.
        std::map<std::pair<std::size_t, int>, std::size_t> places;
        std::int64_t last = 0;
        for (const Visit& visit : visits_by_chance(random, timeout_ms)) {
            last = visit.at;
            const std::size_t collector = random() % many.size();
            if (random() % 3 == 0) many.hear(random() % many.size(), random() % 4 == 0 ? 1'000 : random() % 6);
            if (random() % 20 == 0) many.hear_again(random() % many.size(), random() % 10);
            const std::uint64_t id = many.give(collector, visit, timeout_ms);
            if (visit.type == "identify") continue;
            std::size_t day = 0;
            bool is_anonymous = false;
            for (std::int64_t noon = kMidnight - kDay / 2; noon < kMidnight + 3 * kDay; noon += kDay, ++day) {
                Identity stranger(salt_of);
                ASSERT_TRUE(stranger.prepare(noon));
                Visit then = visit;
                then.at = noon;
                is_anonymous = stranger.visitor_id(sender_of(then, timeout_ms)) == id;
                if (is_anonymous) break;
            }
            std::size_t& place = places[{collector, visit.visitor}];
            const std::size_t now = is_anonymous ? 2 * day : place | 1;
            ASSERT_GE(now, place) << "seed " << seed << ", visitor " << visit.visitor << " at collector " << collector
                                  << ", " << visit.at - kMidnight << " ms from midnight";
            changes += now > place ? 1 : 0;
            place = now;
        }
        many.all_hear();
        for (int visitor = 0; visitor < 4; ++visitor) {
            std::set<std::uint64_t> ids;
            for (std::size_t i = 0; i < many.size(); ++i)
                ids.insert(many.give(i, {.at = last + 1, .visitor = visitor, .type = "ping", .user = {}}, timeout_ms));
            EXPECT_EQ(ids.size(), 1U) << "seed " << seed << ", visitor " << visitor;
        }
    }
    EXPECT_GT(changes, 100U);
}

TEST(SessionNewsTest, OfTwoUsersNamedAtTwoCollectorsTheLaterHoldsAtBoth) {
    constexpr std::int64_t kTimeout = kMinute;
    const std::int64_t noon = kMidnight + 12 * kHour;
    Collectors two(2);
    two.give(1, {.at = noon + 1, .visitor = 0, .type = "identify", .user = "later"}, kTimeout);
    two.give(0, {.at = noon, .visitor = 0, .type = "identify", .user = "earlier"}, kTimeout);
    two.all_hear();
    for (std::size_t i = 0; i < 2; ++i)
        EXPECT_EQ(two.give(i, {.at = noon + kHour, .visitor = 0, .type = "pageview", .user = {}}, kTimeout),
                  Identity::known_id("site", "later"));
}

// What is told may be lost, with Redis or where too much waits. Who hears something older than what it told tells
// again.
TEST(SessionNewsTest, WhatWasLostIsToldAgainToWhoGoesOnWithoutIt) {
    constexpr std::int64_t kTimeout = 30 * kMinute;
    const std::int64_t noon = kMidnight + 12 * kHour;
    const std::uint64_t user = Identity::known_id("site", "u1");
    const auto visit = [](std::int64_t at, const char* type, const char* name = "") {
        return Visit{.at = at, .visitor = 0, .type = type, .user = name};
    };
    {
        Collectors two(2);
        two.give(0, visit(noon, "identify", "u1"), kTimeout);
        two.all_hear();
        two.loses = true;
        two.give(1, visit(noon + 20 * kMinute, "pageview"), kTimeout);
        EXPECT_EQ(two.give(0, visit(noon + 30 * kMinute, "pageview"), kTimeout), user);
        two.loses = false;
        EXPECT_NE(two.give(1, visit(noon + 31 * kMinute, "pageview"), kTimeout), user) << "its session is open here";
        two.all_hear();
        EXPECT_EQ(two.give(1, visit(noon + 32 * kMinute, "pageview"), kTimeout), user);
        EXPECT_EQ(two.give(0, visit(noon + 32 * kMinute, "pageview"), kTimeout), user);
    }
    {
        Collectors two(2);
        two.give(0, visit(noon, "identify", "u2"), kTimeout);
        two.all_hear();
        two.loses = true;
        two.give(0, visit(noon + 2, "identify", "u1"), kTimeout);
        two.loses = false;
        two.give(1, visit(noon + 1, "identify", "u3"), kTimeout);
        two.all_hear();
        for (std::size_t i = 0; i < 2; ++i)
            EXPECT_EQ(two.give(i, visit(noon + kHour, "pageview"), kTimeout), user) << "who was named last";
    }
    {
        Collectors two(2);
        const std::uint64_t old = two.give(0, visit(kMidnight - 20 * kMinute, "pageview"), kTimeout);
        two.all_hear();
        two.loses = true;
        EXPECT_EQ(two.give(1, visit(kMidnight + 5 * kMinute, "pageview"), kTimeout), old);
        EXPECT_NE(two.give(0, visit(kMidnight + 15 * kMinute, "pageview"), kTimeout), old)
            << "over, as far as it knows";
        two.loses = false;
        EXPECT_EQ(two.give(1, visit(kMidnight + 16 * kMinute, "pageview"), kTimeout), old);
        two.all_hear();
        EXPECT_NE(two.give(0, visit(kMidnight + 17 * kMinute, "pageview"), kTimeout), old) << "not back";
        EXPECT_NE(two.give(1, visit(kMidnight + 17 * kMinute, "pageview"), kTimeout), old);
    }
}

// What others must not wait for is told; what tells them nothing is not, since all of it goes through one Redis.
TEST(SessionNewsTest, NothingIsToldThatCannotMatter) {
    constexpr std::int64_t kTimeout = 30 * kMinute;
    const std::int64_t noon = kMidnight + 12 * kHour;
    Collectors two(2);
    const auto give = [&](std::int64_t at, const char* type, const char* user) {
        two.give(0, {.at = at, .visitor = 0, .type = type, .user = user}, kTimeout);
        return two.told().size();
    };
    EXPECT_EQ(give(noon, "pageview", ""), 0U) << "nobody will ask at noon";
    EXPECT_EQ(give(noon, "identify", "u1"), 1U);
    EXPECT_EQ(give(noon, "identify", "u1"), 1U) << "known already";
    EXPECT_EQ(give(noon + kMinute, "ping", ""), 1U) << "prolongs nothing";
    EXPECT_EQ(give(noon + kMinute, "pageview", ""), 2U);
    EXPECT_EQ(give(noon + kHour, "pageview", ""), 3U) << "the known user from here on";
    EXPECT_EQ(give(noon + kHour, "pageview", ""), 3U);
    EXPECT_EQ(give(noon + kHour, "pageview", "u1"), 3U) << "sent";
}

TEST(SessionNewsTest, WhatAnEventFoundIsCounted) {
    constexpr std::int64_t kTimeout = 30 * kMinute;
    Collectors two(2);
    const auto value = [](const char* result) {
        return metrics::counter("footfall_session_info_total", "", std::string("result=\"") + result + "\"").value();
    };
    const auto counts = [&](std::int64_t at, std::size_t collector, int visitor) {
        const std::vector<std::uint64_t> before{value("hit"), value("miss"), value("unavailable"), value("skipped")};
        two.give(collector, {.at = at, .visitor = visitor, .type = "pageview", .user = {}}, kTimeout);
        return std::vector<std::uint64_t>{value("hit") - before[0], value("miss") - before[1],
                                          value("unavailable") - before[2], value("skipped") - before[3]};
    };
    using Counts = std::vector<std::uint64_t>;
    EXPECT_EQ(counts(kMidnight - 10 * kMinute, 0, 1), (Counts{0, 0, 0, 1})) << "nothing could matter";
    two.all_hear();
    EXPECT_EQ(counts(kMidnight + kMinute, 1, 1), (Counts{1, 0, 0, 0}));
    EXPECT_EQ(counts(kMidnight + kMinute, 1, 2), (Counts{0, 1, 0, 0})) << "a visitor who is new";
    two.hears = false;
    EXPECT_EQ(counts(kMidnight + kMinute, 1, 3), (Counts{0, 0, 1, 0})) << "perhaps not new";
    EXPECT_EQ(counts(kMidnight + kMinute, 1, 1), (Counts{1, 0, 0, 0}));
    EXPECT_EQ(counts(kMidnight + 12 * kHour, 1, 1), (Counts{0, 0, 1, 0})) << "perhaps named elsewhere";
}

}  // namespace
}  // namespace footfall::enrich
