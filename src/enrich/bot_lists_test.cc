// What else tells programs from people: hosts of spam referrers, networks, and how often somebody comes.
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "enrich/network_list.h"
#include "enrich/rate.h"
#include "enrich/referrer_spam.h"

namespace footfall::enrich {
namespace {

event::kind::ip address(std::string_view text) { return event::parse_ip(text).value(); }

TEST(ReferrerSpamTest, AHostAndItsSubdomainsAreOnTheListAndNobodyElse) {
    const auto list = ReferrerSpam::load("# version: 2026-01-02\nSpam.example\n\nbad.blog.example\r\n", "list");
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_EQ(list->version(), "2026-01-02");
    EXPECT_EQ(list->size(), 2u);
    for (const char* host : {"spam.example", "www.spam.example", "a.b.spam.example", "bad.blog.example"})
        EXPECT_TRUE(list->has(host)) << host;
    for (const char* host : {"notspam.example", "spam.example.org", "example", "blog.example", ""})
        EXPECT_FALSE(list->has(host)) << host;
}

TEST(ReferrerSpamTest, TheListThatIsBuiltInIsWhole) {
    const auto text = read_file(FOOTFALL_SOURCE_DIR "/schema/enrich/referrer_spam.txt");
    ASSERT_TRUE(text);
    const auto list = ReferrerSpam::load(*text, "referrer_spam.txt");
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_GT(list->size(), 2'000u);
    EXPECT_TRUE(list->has("semalt.com"));
    for (const char* host : {"google.com", "facebook.com", "t.co", "github.com", "wikipedia.org", "chatgpt.com",
                             "reddit.com", "bing.com", "duckduckgo.com", "news.ycombinator.com"})
        EXPECT_FALSE(list->has(host)) << host;
}

TEST(LineListTest, BrokenListsAreRefusedWithTheLine) {
    for (const char* text : {"", "# nothing\n", "ok.example\ncom\n", "ok.example\nhttp://x.example/\n",
                             "ok.example\n.\n", "ok.example\ntwo words.example\n"}) {
        const auto list = ReferrerSpam::load(text, "spam.txt");
        ASSERT_FALSE(list) << text;
        EXPECT_EQ(list.error().code, Code::kCorrupt);
        EXPECT_TRUE(list.error().message.starts_with("spam.txt")) << list.error().message;
    }
    EXPECT_NE(ReferrerSpam::load("ok.example\ncom\n", "s").error().message.find("line 2"), std::string::npos);
    const auto unnamed = ReferrerSpam::load("ok.example\n", "s");
    ASSERT_TRUE(unnamed);
    EXPECT_TRUE(unnamed->version().starts_with("sha256:")) << unnamed->version();
}

TEST(NetworkListTest, KnowsAddressesOfBothFamiliesByTheirNetworks) {
    const auto list = NetworkList::load(
        "198.51.100.64/26\n198.51.0.0/16\n203.0.113.7\n2001:db8:1::/48\n2001:db8::/32\n203.0.113.128/25\n", "list");
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_EQ(list->size(), 6u);
    for (const char* inside : {"198.51.0.0", "198.51.100.65", "198.51.255.255", "203.0.113.7", "203.0.113.128",
                               "203.0.113.255", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"})
        EXPECT_TRUE(list->has(address(inside))) << inside;
    for (const char* outside : {"198.50.255.255", "198.52.0.0", "203.0.113.6", "203.0.113.8", "203.0.113.127",
                                "203.0.114.0", "2001:db7:ffff::", "2001:db9::", "::1", "0.0.0.0"})
        EXPECT_FALSE(list->has(address(outside))) << outside;
    EXPECT_FALSE(list->has({}));
}

TEST(NetworkListTest, AStretchIsWithinANetworkOrInPartOrNot) {
    const auto list = NetworkList::load("198.51.0.0/16\n203.0.113.128/25\n203.0.115.7\n2001:db8::/32\n", "list");
    ASSERT_TRUE(list) << list.error().message;
    using Part = NetworkList::Part;
    const auto part_of = [&](std::string_view first, std::string_view last) {
        return list->part_of(address(first), address(last));
    };
    EXPECT_EQ(part_of("198.51.100.0", "198.51.100.255"), Part::kAll);
    EXPECT_EQ(part_of("203.0.113.128", "203.0.113.255"), Part::kAll);
    EXPECT_EQ(part_of("2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff"), Part::kAll);
    EXPECT_EQ(part_of("203.0.113.0", "203.0.113.255"), Part::kSome);
    EXPECT_EQ(part_of("203.0.115.0", "203.0.115.255"), Part::kSome);
    EXPECT_EQ(part_of("198.51.255.0", "198.52.0.255"), Part::kSome);
    EXPECT_EQ(part_of("203.0.114.0", "203.0.114.255"), Part::kNone);
    EXPECT_EQ(part_of("198.50.255.0", "198.50.255.255"), Part::kNone);
    EXPECT_EQ(part_of("::", "::ff"), Part::kNone);
}

TEST(NetworkListTest, WhatIsNoNetworkOrEverybodysIsRefused) {
    for (const char* text : {"198.51.100.0/33", "198.51.100.0/", "198.51.100.0/x", "198.51.100.0/-1", "0.0.0.0/0",
                             "10.0.0.0/7", "::/0", "2000::/3", "2001:db8::/129", "host.example", "198.51.100/24"})
        EXPECT_FALSE(NetworkList::load(text, "list")) << text;
}

TEST(RateTableTest, CountsTheLastMinuteOfEachSender) {
    RateTable table;
    constexpr std::int64_t kStart = 1'795'500'000'000 / 60'000 * 60'000;
    for (int i = 1; i <= 30; ++i) EXPECT_EQ(table.count(7, kStart + i * 1'000), i);
    EXPECT_EQ(table.count(8, kStart + 31'000), 1);
    // Half of the former minute still counts after half of this one, and nothing of it after two.
    EXPECT_EQ(table.count(7, kStart + 90'000), 16);
    EXPECT_EQ(table.count(7, kStart + 240'000), 1);
    EXPECT_EQ(table.count(7, kStart), 1) << "the clock was set back";
}

TEST(RateTableTest, ForgetsWhoWasQuietLongestAndCountsNobodyForAnother) {
    RateTable table;
    constexpr std::int64_t kStart = 1'795'500'000'000;
    for (std::uint64_t sender = 1; sender <= 100'000; ++sender) EXPECT_EQ(table.count(sender, kStart), 1);
}

}  // namespace
}  // namespace footfall::enrich
