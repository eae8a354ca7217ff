// Stored events judged again by other lists than those that judged them first.
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "enrich/enrich.h"

namespace footfall::enrich {
namespace {

constexpr std::string_view kBrowser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

class RescorerTest : public testing::Test {
protected:
    struct Lists {
        std::string crawlers{};
        std::string spam{};
        std::string networks{};
        std::string_view signals = kDefaultBotSignals;
    };
    struct Stored {
        std::string_view user_agent{};
        std::string_view reason{};
        std::string_view referrer{};
        std::string_view ip{};
    };

    static std::string file(const std::string& name, const std::string& text) {
        if (text.empty()) return {};
        std::string path = testing::TempDir() + "/rescorer_" + name;
        FOOTFALL_CHECK(write_file_atomically(path, text).has_value());
        return path;
    }
    static std::shared_ptr<const Tables> tables(const Lists& lists) {
        const auto signals = BotSignals::parse(lists.signals);
        FOOTFALL_CHECK(signals.has_value());
        auto loaded = Tables::load({.crawlers = file("crawlers.json", lists.crawlers),
                                    .referrer_spam = file("spam.txt", lists.spam),
                                    .networks = file("networks.txt", lists.networks),
                                    .directories = {FOOTFALL_NODE_MODULES}},
                                   {.signals = *signals});
        FOOTFALL_CHECK(loaded.has_value());
        return *loaded;
    }
    void judge_by(const Lists& lists) { rescorer_ = std::make_unique<Rescorer>(tables(lists)); }
    std::string reason(const Stored& stored) {
        event::Event event;
        event.user_agent = stored.user_agent;
        event.bot_reason = stored.reason;
        event.referrer = stored.referrer;
        event.ip = event::parse_ip(stored.ip).value_or(event::kind::ip{});
        return std::string(rescorer_->reason(event));
    }
    std::unique_ptr<Rescorer> rescorer_;
};

TEST_F(RescorerTest, TheUserAgentIsJudgedByTheListsOfToday) {
    judge_by({.crawlers = R"([{"pattern": "NewCrawler"}])"});
    for (int twice = 0; twice < 2; ++twice) {
        EXPECT_EQ(reason({.user_agent = "Mozilla/5.0 NewCrawler/1.0"}), "ua:crawler-list");
        EXPECT_EQ(reason({.user_agent = kBrowser, .reason = "ua:crawler-list"}), "") << "the list was wrong about it";
        EXPECT_EQ(reason({.user_agent = "curl/8.5.0", .reason = "ua:crawler-list"}), "ua:http-library");
    }
    EXPECT_EQ(rescorer_->lists().substr(0, 2), "20");
    for (const char* reason_then : {"ua:empty", "ua:crawler-list", "ua:spider"})
        EXPECT_EQ(reason({.reason = reason_then}), reason_then) << "nothing is stored to judge again";
    EXPECT_EQ(reason({}), "");
}

TEST_F(RescorerTest, WhatIsNotStoredKeepsItsVerdict) {
    judge_by({});
    for (const char* reason_then : {"hints:headless", "hints:contradiction", "headers:missing", "rate:pageviews"})
        for (const std::string_view agent : {kBrowser, std::string_view()})
            EXPECT_EQ(reason({.user_agent = agent, .reason = reason_then}), reason_then);
    EXPECT_EQ(reason({.user_agent = "curl/8.5.0", .reason = "rate:pageviews"}), "ua:http-library");
    EXPECT_EQ(reason({.user_agent = kBrowser, .reason = "rate:pageviews", .referrer = "https://semalt.com/"}),
              "referrer:spam")
        << "in the order of the first judgement";
    EXPECT_EQ(reason({.user_agent = kBrowser, .reason = "hints:headless", .referrer = "https://semalt.com/"}),
              "hints:headless");
}

TEST_F(RescorerTest, AReferrerIsJudgedWithAndWithoutAUserAgent) {
    judge_by({.spam = "spam.example\n"});
    EXPECT_EQ(reason({.referrer = "https://www.SPAM.example/x"}), "referrer:spam");
    EXPECT_EQ(reason({.user_agent = kBrowser, .referrer = "https://spam.example/"}), "referrer:spam");
    EXPECT_EQ(reason({.reason = "referrer:spam", .referrer = "https://semalt.com/"}), "");
    judge_by({.spam = "spam.example\n", .signals = ""});
    EXPECT_EQ(reason({.reason = "referrer:spam", .referrer = "https://spam.example/"}), "") << "is off";
}

TEST_F(RescorerTest, ATruncatedAddressIsJudgedWhereAllThatItMayHaveBeenIsListed) {
    judge_by({.networks = "198.51.0.0/16\n203.0.113.128/25\n2001:db8::/32\n"});
    const std::string network = "network:datacenter";
    EXPECT_EQ(reason({.user_agent = kBrowser, .ip = "198.51.100.0"}), network);
    EXPECT_EQ(reason({.user_agent = kBrowser, .ip = "2001:db8:1::"}), network);
    EXPECT_EQ(reason({.user_agent = kBrowser, .ip = "203.0.113.0"}), "");
    EXPECT_EQ(reason({.user_agent = kBrowser, .reason = network, .ip = "203.0.113.0"}), network) << "may be so still";
    EXPECT_EQ(reason({.user_agent = kBrowser, .reason = network, .ip = "203.0.114.0"}), "");
    EXPECT_EQ(reason({.user_agent = kBrowser, .reason = network}), network) << "no address is stored";
    EXPECT_EQ(reason({.ip = "198.51.100.0"}), "") << "may be that of a server that sends for its visitors";
    EXPECT_EQ(reason({.reason = network, .ip = "203.0.114.0"}), network);
    judge_by({});
    EXPECT_EQ(reason({.user_agent = kBrowser, .reason = network, .ip = "198.51.100.0"}), "") << "there is no list";
}

TEST_F(RescorerTest, TheDeviceGoesWithWhatTheUserAgentIsJudgedToBe) {
    judge_by({.crawlers = R"([{"pattern": "NewCrawler"}])", .spam = "spam.example\n"});
    const auto device = [this](const Stored& stored, std::string_view former) {
        event::Event event;
        event.user_agent = stored.user_agent;
        event.bot_reason = stored.reason;
        event.referrer = stored.referrer;
        event.device_type = former;
        return std::string(rescorer_->verdict(event).device_type);
    };
    EXPECT_EQ(device({.user_agent = "NewCrawler"}, "other"), "bot");
    EXPECT_EQ(device({.user_agent = kBrowser, .reason = "ua:crawler-list"}, "bot"), "desktop");
    EXPECT_EQ(device({.user_agent = kBrowser, .reason = "hints:headless"}, "bot"), "bot");
    EXPECT_EQ(device({.user_agent = kBrowser, .referrer = "https://spam.example/"}, "desktop"), "desktop");
    EXPECT_EQ(device({.user_agent = kBrowser, .reason = "ua:spider", .referrer = "https://spam.example/"}, "bot"),
              "desktop")
        << "a bot for another reason, which says nothing of the device";
    EXPECT_EQ(device({.user_agent = kBrowser, .reason = "referrer:spam"}, "mobile"), "mobile") << "hints had said so";
    EXPECT_EQ(device({.reason = "ua:empty"}, "bot"), "bot");
    EXPECT_EQ(device({}, "other"), "other");
}

TEST_F(RescorerTest, ByTheListsThatJudgedItNothingChanges) {
    const auto same = tables({.networks = "198.51.0.0/16\n"});
    Identity identity{[](std::int64_t) -> Result<Salt> { return Salt{}; }};
    ASSERT_TRUE(identity.prepare(1'795'500'000'000));
    ManualClock clock{1'795'500'000'000};
    Enricher enricher(same, identity, clock);
    Rescorer rescorer(same);
    for (const std::string_view agent :
         {kBrowser, std::string_view("curl/8.5.0"), std::string_view("Googlebot/2.1"), std::string_view()}) {
        for (const char* referrer : {"", "https://semalt.com/", "https://www.google.com/"}) {
            for (const char* address : {"198.51.100.77", "203.0.113.9"}) {
                for (const bool has_key : {false, true}) {
                    event::Arena arena;
                    event::Event event;
                    event.website_id = "site";
                    event.event_type = "pageview";
                    event.referrer = referrer;
                    event.timestamp = event.received_at = 1'795'500'000'000;
                    enricher.enrich(event,
                                    {.address = event::parse_ip(address).value(),
                                     .user_agent = agent,
                                     .receive_ms = event.received_at,
                                     .is_senders_agent = has_key,
                                     .is_senders_address = has_key},
                                    {.domain = "shop.example"}, arena);
                    const event::Verdict verdict = rescorer.verdict(event);
                    EXPECT_EQ(verdict.bot_reason, event.bot_reason)
                        << agent << " " << referrer << " " << address << " " << has_key;
                    EXPECT_EQ(verdict.device_type, event.device_type) << agent << " " << referrer << " " << address;
                    EXPECT_EQ(verdict.bot_lists, event.bot_lists);
                }
            }
        }
    }
}

}  // namespace
}  // namespace footfall::enrich
