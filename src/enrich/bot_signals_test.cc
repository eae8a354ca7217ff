#include "enrich/bot_signals.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "enrich/enrich.h"

namespace footfall::enrich {
namespace {

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr std::string_view kChrome =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
constexpr std::string_view kFirefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
constexpr std::string_view kChromeBrands = R"("Chromium";v="131", "Google Chrome";v="131")";

TEST(BotSignalsTest, AreSwitchedByTheNamesOfTheirReasons) {
    const auto some = BotSignals::parse(" rate:pageviews ,referrer:spam,");
    ASSERT_TRUE(some);
    EXPECT_TRUE(some->has(BotSignal::kRate) && some->has(BotSignal::kReferrer));
    EXPECT_FALSE(some->has(BotSignal::kHeadless));
    const auto standard = BotSignals::parse(kDefaultBotSignals);
    ASSERT_TRUE(standard);
    for (const BotSignal signal : {BotSignal::kHeadless, BotSignal::kContradiction, BotSignal::kHeaders,
                                   BotSignal::kNetwork, BotSignal::kReferrer, BotSignal::kRate})
        EXPECT_EQ(standard->has(signal), BotSignals().has(signal)) << BotSignals::reason(signal);
    ASSERT_TRUE(BotSignals::parse(""));
    EXPECT_FALSE(BotSignals::parse("")->has(BotSignal::kHeadless));
    const auto unknown = BotSignals::parse("referer:spam");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Code::kInvalidArgument);
    EXPECT_EQ(unknown.error().did_you_mean, "referrer:spam");
}

/// Enriches with signals of its own, and lists of its own beside those that are built in.
class SignalsTest : public testing::Test {
protected:
    void start(std::string_view signals, std::string_view networks = {}) {
        DataFiles files;
        if (!networks.empty()) {
            files.networks = testing::TempDir() + "/networks.txt";
            FOOTFALL_CHECK(write_file_atomically(files.networks, networks).has_value());
        }
        const auto parsed = BotSignals::parse(signals);
        FOOTFALL_CHECK(parsed.has_value());
        auto loaded = Tables::load(files, {.signals = *parsed, .pageviews_per_minute = 10});
        FOOTFALL_CHECK(loaded.has_value());
        enricher.emplace(std::move(*loaded), identity, clock);
    }
    void SetUp() override { ASSERT_TRUE(identity.prepare(kNow)); }

    Context context() {
        return {.address = event::parse_ip("81.169.145.77").value(), .user_agent = kChrome, .receive_ms = kNow};
    }
    std::string reason(const Context& from, std::string_view referrer = {}, std::string_view type = "pageview",
                       std::int64_t timestamp = kNow) {
        event::Event event;
        event.website_id = "site";
        event.event_id = make_uuid_v7(kNow);
        event.event_type = type;
        event.timestamp = timestamp;
        event.received_at = kNow;
        event.referrer = referrer;
        enricher->enrich(event, from, {.domain = "shop.example"}, arena);
        EXPECT_EQ(event.is_bot, !event.bot_reason.empty());
        return std::string(event.bot_reason);
    }

    ManualClock clock{kNow};
    Identity identity{[](std::int64_t) -> Result<Salt> { return Salt{}; }};
    std::optional<Enricher> enricher;
    event::Arena arena;
};

TEST_F(SignalsTest, ClientHintsGiveAwayAWindowlessBrowserAndAFalseName) {
    start("hints:headless, hints:contradiction");
    Context from = context();
    from.hints = {.brands = kChromeBrands};
    EXPECT_EQ(reason(from), "");
    from.hints = {.brands = R"("HeadlessChrome";v="131", "Chromium";v="131")"};
    EXPECT_EQ(reason(from), "hints:headless");
    from.hints = {.brands = kChromeBrands};
    from.user_agent = kFirefox;
    EXPECT_EQ(reason(from), "hints:contradiction");
    from.hints = {};
    EXPECT_EQ(reason(from), "") << "the verdict is of the hints too, not of the user agent alone";
    start("");
    from.hints = {.brands = kChromeBrands};
    EXPECT_EQ(reason(from), "");
    start(kDefaultBotSignals);
    EXPECT_EQ(reason(from), "") << "a browser that shows a site as another does, off until somebody wants it";
}

TEST_F(SignalsTest, ABrowserWithoutTheHeadersThatAllSendIsNoneWhereThatIsAskedFor) {
    start("headers:missing");
    Context from = context();
    EXPECT_EQ(reason(from), "");
    from.lacks_browser_headers = true;
    EXPECT_EQ(reason(from), "headers:missing");
    from.user_agent = "MyApp/1.0 (Linux)";
    EXPECT_EQ(reason(from), "") << "who does not say to be a browser need not be like one";
    start(kDefaultBotSignals);
    from.user_agent = kChrome;
    EXPECT_EQ(reason(from), "") << "off until somebody wants it";
}

TEST_F(SignalsTest, AnAddressOfADataCentreIsABotsUnlessItIsTheServerThatSends) {
    start(kDefaultBotSignals, "81.169.0.0/16\n2001:db8::/32\n");
    Context from = context();
    EXPECT_EQ(reason(from), "network:datacenter");
    from.is_senders_address = true;
    EXPECT_EQ(reason(from), "");
    from = context();
    from.address = event::parse_ip("81.170.0.1").value();
    EXPECT_EQ(reason(from), "");
    from.address = event::parse_ip("2001:db8::1").value();
    EXPECT_EQ(reason(from), "network:datacenter");
    start("referrer:spam", "81.169.0.0/16\n");
    EXPECT_EQ(reason(context()), "");
}

TEST_F(SignalsTest, AVisitFromASpamReferrerIsABots) {
    start(kDefaultBotSignals);
    EXPECT_EQ(reason(context(), "https://www.SEMALT.com/crawler.php?u=x"), "referrer:spam");
    EXPECT_EQ(reason(context(), "http://semalt.semalt.com/"), "referrer:spam");
    EXPECT_EQ(reason(context(), "https://www.google.com/?q=semalt.com"), "");
    EXPECT_EQ(reason(context(), "semalt.com"), "") << "a path is no host";
    start("");
    EXPECT_EQ(reason(context(), "https://semalt.com/"), "");
}

TEST_F(SignalsTest, WhoReadsFasterThanAPersonIsMarkedFromThenOn) {
    start("rate:pageviews");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(reason(context()), "") << i;
    EXPECT_EQ(reason(context()), "rate:pageviews");
    Context other = context();
    other.user_agent = kFirefox;
    EXPECT_EQ(reason(other), "") << "somebody else behind the address";
    EXPECT_EQ(reason(context(), "", "event"), "") << "events are not counted";
    EXPECT_EQ(reason(context(), "", "pageview", kNow - 120'000), "") << "delivered late, all at once";
    Context later = context();
    later.receive_ms = kNow + 3 * 60'000;
    EXPECT_EQ(reason(later, "", "pageview", later.receive_ms), "");
}

TEST_F(SignalsTest, WhoSendsForOthersOrFromTheOwnNetworkHasNoRate) {
    start("rate:pageviews");
    Context server = context();
    server.is_senders_address = true;
    Context own = context();
    own.address = event::parse_ip("10.0.0.7").value();
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(reason(server), "");
        EXPECT_EQ(reason(own), "");
    }
}

TEST_F(SignalsTest, EveryEventSaysWhichListsJudgedIt) {
    start(kDefaultBotSignals, "# version: 2026-08-22\n198.51.100.0/24\n");
    event::Event event;
    event.website_id = "site";
    event.event_type = "pageview";
    enricher->enrich(event, context(), {}, arena);
    EXPECT_FALSE(event.is_bot);
    // Own list, crawlers and uap-core (neither is there), spam, networks.
    EXPECT_TRUE(event.bot_lists.ends_with("/-/-/2026-08-20/2026-08-22")) << event.bot_lists;
    EXPECT_TRUE(event.bot_lists.starts_with("20")) << event.bot_lists;
}

TEST(BotListsTest, AnOperatorsListThatCannotBeReadIsAnErrorThatNamesIt) {
    const std::string broken = testing::TempDir() + "/broken.txt";
    ASSERT_TRUE(write_file_atomically(broken, "no network\n"));
    for (const DataFiles& files : {DataFiles{.referrer_spam = "/nonexistent.txt"}, DataFiles{.referrer_spam = broken},
                                   DataFiles{.networks = "/nonexistent.txt"}, DataFiles{.networks = broken}}) {
        const auto loaded = Tables::load(files);
        ASSERT_FALSE(loaded);
        EXPECT_NE(loaded.error().message.find(files.networks + files.referrer_spam), std::string::npos)
            << loaded.error().message;
    }
}

}  // namespace
}  // namespace footfall::enrich
