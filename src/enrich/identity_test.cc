#include "enrich/identity.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "enrich/siphash.h"

namespace footfall::enrich {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kNoon = 20'000 * kDay + 12 * kHour;
constexpr std::int64_t kMidnight = 20'001 * kDay;

/// Keeps salts as the catalog does, and what was asked of it.
struct Salts {
    std::map<std::int64_t, Salt> held;
    std::vector<std::int64_t> asked;
    bool broken = false;
    std::mutex mutex;

    Result<Salt> get(std::int64_t day) {
        const std::lock_guard lock(mutex);
        asked.push_back(day);
        if (broken) return Error(Code::kIo, "disk gone");
        if (!held.contains(day)) random_bytes(held[day].data(), sizeof(Salt));
        held.erase(held.begin(), held.lower_bound(day - 1));
        return held[day];
    }
    SaltSource source() {
        return [this](std::int64_t day) { return get(day); };
    }
};

class IdentityTest : public testing::Test {
protected:
    Sender sender(std::int64_t at, std::string_view type = "pageview") {
        return {.site = "site",
                .address = event::parse_ip("203.0.113.7").value(),
                .user_agent = "Mozilla/5.0",
                .event_type = type,
                .event_id = make_uuid_v7(at),
                .receive_ms = at,
                .timestamp = at};
    }
    std::uint64_t id(const Sender& from) {
        const auto prepared = identity.prepare(from.receive_ms);
        EXPECT_TRUE(prepared.has_value());
        return identity.visitor_id(from);
    }
    std::uint64_t id_at(std::int64_t at, std::string_view type = "pageview") { return id(sender(at, type)); }
    std::uint64_t identify_at(std::int64_t at, std::string_view user) {
        Sender from = sender(at, "identify");
        from.user_id = user;
        return id(from);
    }

    Salts salts;
    Identity identity{salts.source()};
};

TEST(SipHashTest, GivesThePublishedResults) {
    // From the reference implementation's test vectors: key 00…0f, message 00…(n-1).
    const std::pair<std::size_t, std::uint64_t> vectors[] = {
        {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd}, {2, 0x0d6c8009d9a94f5a},
        {3, 0x85676696d7fb7e2d}, {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5},
    };
    SipHash::Key key;
    for (unsigned char i = 0; i < 16; ++i) key[i] = i;
    for (const auto& [size, expected] : vectors) {
        std::string message;
        for (std::size_t i = 0; i < size; ++i) message += static_cast<char>(i);
        EXPECT_EQ(SipHash(key).add(message).finish(), expected) << size;
    }
}

TEST(SipHashTest, AgreesWithOpenSslHoweverTheMessageIsSplit) {
    std::mt19937 random(3);
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
    ASSERT_NE(mac, nullptr);
    for (std::size_t size = 0; size < 200; ++size) {
        SipHash::Key key;
        std::string message(size, '\0');
        for (unsigned char& byte : key) byte = static_cast<unsigned char>(random());
        for (char& byte : message) byte = static_cast<char>(random());
        std::size_t result_size = 8;
        const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t("size", &result_size), OSSL_PARAM_construct_end()};
        EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
        ASSERT_EQ(EVP_MAC_init(context, key.data(), key.size(), parameters), 1);
        EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(message.data()), message.size());
        std::uint64_t expected = 0;
        EVP_MAC_final(context, reinterpret_cast<unsigned char*>(&expected), &result_size, sizeof expected);
        EVP_MAC_CTX_free(context);

        SipHash hash(key);
        for (std::string_view left = message; !left.empty();) {
            const std::size_t part = std::min<std::size_t>(left.size(), random() % 20);
            hash.add(left.substr(0, part));
            left.remove_prefix(part);
        }
        EXPECT_EQ(hash.finish(), expected) << size;
    }
    EVP_MAC_free(mac);
}

TEST_F(IdentityTest, TheAnonymousIdDependsOnSiteAddressUserAgentAndDayOnly) {
    const std::uint64_t base = id_at(kNoon);
    EXPECT_EQ(id_at(kNoon + kHour, "event"), base);
    Sender other = sender(kNoon);
    other.session_hint = "abc";
    EXPECT_EQ(id(other), base) << "a session id is a hint, not an identity";
    other = sender(kNoon);
    other.site = "site2";
    EXPECT_NE(id(other), base);
    other = sender(kNoon);
    other.address[15] ^= 1;
    EXPECT_NE(id(other), base);
    other = sender(kNoon);
    other.user_agent = "Mozilla/5.1";
    EXPECT_NE(id(other), base);
    EXPECT_NE(id_at(kNoon + kDay), base);
}

TEST_F(IdentityTest, DifferentInstallationsGiveDifferentAnonymousIdsAndEqualKnownOnes) {
    Salts salts2;
    Identity identity2(salts2.source());
    ASSERT_TRUE(identity2.prepare(kNoon).has_value());
    EXPECT_NE(identity2.visitor_id(sender(kNoon)), id_at(kNoon));
    Sender known = sender(kNoon);
    known.user_id = "u1";
    EXPECT_EQ(identity2.visitor_id(known), id(known));
    EXPECT_EQ(id(known), Identity::known_id("site", "u1"));
    known.receive_ms = known.timestamp = kNoon + 3 * kDay;
    EXPECT_EQ(id(known), Identity::known_id("site", "u1")) << "the same on every day";
    EXPECT_NE(Identity::known_id("site2", "u1"), Identity::known_id("site", "u1"));
}

TEST_F(IdentityTest, AnOpenSessionKeepsYesterdaysIdForHalfAnHourAfterMidnight) {
    const std::uint64_t yesterday = id_at(kMidnight - 10 * kMinute);
    EXPECT_EQ(id_at(kMidnight + 5 * kMinute), yesterday);
    EXPECT_EQ(id_at(kMidnight + 29 * kMinute), yesterday) << "prolonged at 00:05";
    const std::uint64_t today = id_at(kMidnight + 30 * kMinute);
    EXPECT_NE(today, yesterday);
    EXPECT_EQ(id_at(kMidnight + 5 * kHour), today);
}

TEST_F(IdentityTest, AClosedSessionGetsTheNewDaysId) {
    const std::uint64_t yesterday = id_at(kMidnight - 20 * kMinute);
    const std::uint64_t today = id_at(kMidnight + 10 * kMinute);
    EXPECT_NE(today, yesterday) << "a gap of exactly 30 minutes ends a session";
    EXPECT_EQ(id_at(kMidnight + 12 * kMinute), today);
}

TEST_F(IdentityTest, PingsFollowAnOpenSessionButDoNotProlongIt) {
    const std::uint64_t yesterday = id_at(kMidnight - 10 * kMinute);
    EXPECT_EQ(id_at(kMidnight + 15 * kMinute, "ping"), yesterday);
    EXPECT_NE(id_at(kMidnight + 25 * kMinute), yesterday) << "35 minutes after the last pageview";
}

TEST_F(IdentityTest, APingAloneBeforeMidnightOpensNothing) {
    const std::uint64_t yesterday = id_at(kMidnight - 10 * kMinute, "ping");
    EXPECT_NE(id_at(kMidnight + kMinute), yesterday);
}

TEST_F(IdentityTest, ARestartAtMidnightForgetsNothingThatIsRememberedFromTheLog) {
    const std::uint64_t yesterday = id_at(kMidnight - 10 * kMinute);
    Identity restarted(salts.source());
    restarted.remember_seen(yesterday, kMidnight - 10 * kMinute);
    ASSERT_TRUE(restarted.prepare(kMidnight + kMinute).has_value());
    EXPECT_EQ(restarted.visitor_id(sender(kMidnight + kMinute)), yesterday);

    Identity forgetful(salts.source());
    ASSERT_TRUE(forgetful.prepare(kMidnight + kMinute).has_value());
    EXPECT_NE(forgetful.visitor_id(sender(kMidnight + kMinute)), yesterday);
}

TEST_F(IdentityTest, LateAnonymousEventsAreVisitorsOfTheirOwn) {
    const std::uint64_t today = id_at(kNoon);
    Sender late = sender(kNoon);
    late.timestamp = kNoon - kDay;
    EXPECT_EQ(id(late), today) << "24 h is not more than 24 h";
    late.timestamp -= 1;
    const std::uint64_t own = id(late);
    EXPECT_NE(own, today);
    EXPECT_EQ(id(late), own) << "the same event, the same visitor";
    late.event_id = make_uuid_v7(kNoon + 1);
    EXPECT_NE(id(late), own);
    late.user_id = "u1";
    EXPECT_EQ(id(late), Identity::known_id("site", "u1"));
}

TEST_F(IdentityTest, WithoutAddressAndUserAgentTheSessionHintStandsInOrTheEventIsAlone) {
    Sender bare = sender(kNoon);
    bare.address = {};
    bare.user_agent = {};
    const std::uint64_t first = id(bare);
    bare.event_id = make_uuid_v7(kNoon + 1);
    EXPECT_NE(id(bare), first);
    bare.session_hint = "device-7";
    const std::uint64_t hinted = id(bare);
    bare.event_id = make_uuid_v7(kNoon + 2);
    EXPECT_EQ(id(bare), hinted);
}

TEST_F(IdentityTest, ANextSessionBeginsWhenTheSitesTimeoutIsOver) {
    const auto id_under = [&](std::int64_t at, std::int64_t minutes) {
        Sender from = sender(at);
        from.session_timeout_ms = minutes * kMinute;
        return id(from);
    };
    const std::uint64_t anonymous = id_under(kNoon, 120);
    identify_at(kNoon + kMinute, "u1");
    EXPECT_EQ(id_under(kNoon + 100 * kMinute, 120), anonymous);
    EXPECT_EQ(id_under(kNoon + 104 * kMinute, 5), anonymous);
    EXPECT_EQ(id_under(kNoon + 109 * kMinute, 5), Identity::known_id("site", "u1"));
}

TEST_F(IdentityTest, IdentifyLeadsToTheKnownUserFromTheNextSessionOn) {
    const std::uint64_t anonymous = id_at(kNoon);
    EXPECT_EQ(identify_at(kNoon + kMinute, "u1"), anonymous) << "the record of the identify is the alias";
    EXPECT_EQ(id_at(kNoon + 2 * kMinute), anonymous) << "an open session keeps its id";
    EXPECT_EQ(id_at(kNoon + 31 * kMinute), anonymous);
    EXPECT_EQ(id_at(kNoon + 60 * kMinute, "ping"), anonymous);
    const std::uint64_t known = Identity::known_id("site", "u1");
    EXPECT_EQ(id_at(kNoon + 61 * kMinute), known) << "30 minutes after the last pageview";
    EXPECT_EQ(id_at(kNoon + 62 * kMinute, "ping"), known);
    EXPECT_EQ(id_at(kNoon + 9 * kHour), known);
    EXPECT_NE(id_at(kNoon + kDay), known) << "the anonymous visitor of another day is unknown";
    EXPECT_EQ(identify_at(kNoon + 10 * kHour, "u2"), anonymous);
    EXPECT_EQ(id_at(kNoon + 10 * kHour + kMinute), Identity::known_id("site", "u2"));
}

TEST_F(IdentityTest, AliasesComeBackAfterARestart) {
    const std::uint64_t anonymous = id_at(kNoon);
    identify_at(kNoon + kMinute, "u1");
    Identity restarted(salts.source());
    restarted.remember_alias("site", anonymous, "u1", kNoon + kMinute);
    restarted.remember_seen(anonymous, kNoon + 20 * kMinute);
    ASSERT_TRUE(restarted.prepare(kNoon).has_value());
    EXPECT_EQ(restarted.visitor_id(sender(kNoon + 40 * kMinute)), anonymous);
    EXPECT_EQ(restarted.visitor_id(sender(kNoon + 70 * kMinute)), Identity::known_id("site", "u1"));
}

TEST_F(IdentityTest, WhatIsSavedComesBackWithoutTheLog) {
    const std::string path = testing::TempDir() + "footfall_identity_" + std::to_string(::getpid());
    Sender other = sender(kMidnight - 40 * kMinute);
    other.address = event::parse_ip("203.0.113.8").value();
    const std::uint64_t anonymous = id(other);
    other.event_type = "identify";
    other.user_id = "u1";
    id(other);
    const std::uint64_t open = id_at(kMidnight - 10 * kMinute);
    ASSERT_TRUE(identity.save(path, 4711).has_value());

    Identity restarted(salts.source());
    const auto offset = restarted.load(path);
    ASSERT_TRUE(offset.has_value()) << offset.error().message;
    EXPECT_EQ(*offset, 4711u);
    ASSERT_TRUE(restarted.prepare(kMidnight + kMinute).has_value());
    EXPECT_EQ(restarted.visitor_id(sender(kMidnight + kMinute)), open) << "its session is open over midnight";
    ASSERT_TRUE(restarted.prepare(kMidnight - kMinute).has_value());
    other.event_type = "pageview";
    other.user_id = {};
    other.receive_ms = other.timestamp = kMidnight - kMinute;
    EXPECT_EQ(restarted.visitor_id(other), Identity::known_id("site", "u1")) << "its session ended at 23:50";
    EXPECT_NE(anonymous, Identity::known_id("site", "u1"));
    std::filesystem::remove(path);
}

TEST_F(IdentityTest, ADamagedStateIsRefusedWholeAndAMissingOneIsTold) {
    const std::string path = testing::TempDir() + "footfall_identity_damaged_" + std::to_string(::getpid());
    EXPECT_EQ(identity.load(path).error().code, Code::kNotFound);
    id_at(kMidnight - 10 * kMinute);
    identify_at(kMidnight - 9 * kMinute, "u1");
    ASSERT_TRUE(identity.save(path, 1).has_value());
    const std::string whole = read_file(path).value();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        ASSERT_TRUE(write_file_atomically(path, damaged).has_value());
        ASSERT_EQ(identity.load(path).error().code, Code::kCorrupt) << at;
        if (at % 16 != 0) continue;
        ASSERT_TRUE(write_file_atomically(path, whole.substr(0, at)).has_value());
        ASSERT_EQ(identity.load(path).error().code, Code::kCorrupt) << "cut at " << at;
    }
    std::filesystem::remove(path);
}

TEST_F(IdentityTest, AnAliasOutlivesMidnightOnlyWithTheSessionThatIsOpen) {
    const std::uint64_t yesterday = id_at(kMidnight - 5 * kMinute);
    identify_at(kMidnight - 4 * kMinute, "u1");
    EXPECT_EQ(id_at(kMidnight + kMinute), yesterday);
    EXPECT_NE(id_at(kMidnight + 40 * kMinute), Identity::known_id("site", "u1"));
}

TEST_F(IdentityTest, SaltsAreAskedForOnceAndAheadOfMidnight) {
    ASSERT_TRUE(identity.prepare(kNoon).has_value());
    ASSERT_TRUE(identity.prepare(kNoon + kHour).has_value());
    EXPECT_EQ(salts.asked, (std::vector<std::int64_t>{20'000}));
    ASSERT_TRUE(identity.prepare(kMidnight + kMinute).has_value());
    ASSERT_TRUE(identity.prepare(kMidnight - kMinute).has_value());
    EXPECT_EQ(salts.asked, (std::vector<std::int64_t>{20'000, 20'001}));

    Identity fresh(salts.source());
    salts.asked.clear();
    ASSERT_TRUE(fresh.prepare(kMidnight + kMinute).has_value());
    EXPECT_EQ(salts.asked, (std::vector<std::int64_t>{20'000, 20'001}))
        << "yesterday's is needed in the first half hour";
}

TEST_F(IdentityTest, WithoutASaltPrepareFailsAndTheEventIsAVisitorOfItsOwn) {
    salts.broken = true;
    const auto prepared = identity.prepare(kNoon);
    ASSERT_FALSE(prepared.has_value());
    EXPECT_EQ(prepared.error().code, Code::kUnavailable);
    EXPECT_NE(prepared.error().message.find("disk gone"), std::string::npos);
    EXPECT_NE(identity.visitor_id(sender(kNoon)), 0u);
    salts.broken = false;
    EXPECT_TRUE(identity.prepare(kNoon).has_value());
}

TEST_F(IdentityTest, MoreVisitorsThanTheTablesHoldAreForgottenNotKept) {
    ASSERT_TRUE(identity.prepare(kMidnight + kMinute).has_value());
    std::mt19937_64 random(5);
    for (int i = 0; i < 1'200'000; ++i) identity.remember_seen(random(), kMidnight - kMinute);
    const std::uint64_t mine = id_at(kMidnight - 30'000);
    EXPECT_EQ(id_at(kMidnight + kMinute), mine) << "the youngest are kept";
}

TEST_F(IdentityTest, LoopsShareOneIdentityAcrossMidnight) {
    std::vector<std::thread> loops;
    std::mutex mutex;
    std::set<std::uint64_t> ids;
    for (int loop = 0; loop < 4; ++loop) {
        loops.emplace_back([&] {
            for (int minute = -29; minute <= 29; ++minute) {
                const std::int64_t at = kMidnight + minute * kMinute;
                if (!identity.prepare(at).has_value()) std::abort();
                Sender from = sender(at);
                from.user_id = minute == -20 ? "u1" : "";
                const std::uint64_t visitor = identity.visitor_id(from);
                const std::lock_guard lock(mutex);
                if (from.user_id.empty()) ids.insert(visitor);
            }
        });
    }
    for (std::thread& loop : loops) loop.join();
    EXPECT_EQ(ids.size(), 1u) << "one session, one id";
}

}  // namespace
}  // namespace footfall::enrich
