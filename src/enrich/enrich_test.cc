#include "enrich/enrich.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/file.h"
#include "base/metrics.h"

namespace footfall::enrich {
namespace {

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr std::string_view kChrome =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

Result<Salt> fixed_salt(std::int64_t day) {
    Salt salt{};
    salt[0] = static_cast<unsigned char>(day);
    return salt;
}

std::shared_ptr<const Tables> tables() {
    static const std::shared_ptr<const Tables> loaded = [] {
        auto result = Tables::load({.directories = {FOOTFALL_NODE_MODULES}});
        FOOTFALL_CHECK(result.has_value());
        return *result;
    }();
    return loaded;
}

class EnricherTest : public testing::Test {
protected:
    EnricherTest() {
        const auto prepared = identity.prepare(kNow);
        FOOTFALL_CHECK(prepared.has_value());
    }
    event::Event pageview() {
        event::Event event;
        event.website_id = "site";
        event.event_id = make_uuid_v7(kNow);
        event.event_type = "pageview";
        event.timestamp = event.received_at = kNow;
        event.page = "/";
        event.hostname = "shop.example";
        return event;
    }
    Context context() {
        return {.address = event::parse_ip("81.169.145.77").value(),
                .user_agent = kChrome,
                .accept_language = "de-de,en;q=0.5",
                .receive_ms = kNow};
    }
    event::Event enriched(event::Event event, const Context& from,
                          const SitePolicy& site = {.domain = "shop.example"}) {
        enricher.enrich(event, from, site, arena);
        return event;
    }

    ManualClock clock{kNow};
    Identity identity{fixed_salt};
    Enricher enricher{tables(), identity, clock};
    event::Arena arena;
};

TEST_F(EnricherTest, EveryStepFillsItsFields) {
    event::Event event = pageview();
    event.referrer = "https://www.google.com/";
    event.viewport = "1200x800";
    Context from = context();
    from.page_query = "utm_campaign=spring";
    event = enriched(event, from);
    EXPECT_EQ(event.country, "DE");
    EXPECT_EQ(event.region, "Berlin");
    EXPECT_EQ(event.city.substr(0, 6), "Berlin");
    EXPECT_EQ(event.browser, "Chrome");
    EXPECT_EQ(event.browser_version, "131");
    EXPECT_EQ(event.os, "Windows");
    EXPECT_EQ(event.os_version, "10");
    EXPECT_EQ(event.device_type, "desktop");
    EXPECT_FALSE(event.is_bot);
    EXPECT_EQ(event.bot_reason, "");
    EXPECT_EQ(event.source, "Google");
    EXPECT_EQ(event.campaign, "spring");
    EXPECT_EQ(event.channel, "Organic Search");
    EXPECT_EQ(event.screen_class, "laptop");
    EXPECT_EQ(event.language, "de-DE");
    EXPECT_NE(event.visitor_id, 0u);
    EXPECT_EQ(event::format_ip(event.ip), "81.169.145.0");
}

TEST_F(EnricherTest, ASecondEventFromTheCacheIsTheSame) {
    const event::Event first = enriched(pageview(), context());
    const auto parsed = metrics::counter("footfall_enrich_user_agents_parsed_total", "").value();
    const event::Event second = enriched(pageview(), context());
    EXPECT_EQ(metrics::counter("footfall_enrich_user_agents_parsed_total", "").value(), parsed);
    EXPECT_EQ(second.browser, first.browser);
    EXPECT_EQ(second.os_version, first.os_version);
    EXPECT_EQ(second.visitor_id, first.visitor_id);
}

TEST_F(EnricherTest, StringsOutliveTheCachesEntries) {
    const event::Event kept = enriched(pageview(), context());
    for (int i = 0; i < 40'000; ++i) {
        Context from = context();
        const std::string agent = "Thing/" + std::to_string(i);
        from.user_agent = agent;
        event::Event event = pageview();
        event::Arena scratch;
        enricher.enrich(event, from, {}, scratch);
    }
    EXPECT_EQ(kept.browser, "Chrome");
    EXPECT_EQ(kept.os, "Windows");
    EXPECT_EQ(enriched(pageview(), context()).browser, "Chrome");
}

TEST_F(EnricherTest, SitePolicyDecidesOnAddressAndUserId) {
    event::Event event = pageview();
    event.user_id = "u1";
    EXPECT_EQ(enriched(event, context(), {.ip = IpPolicy::kDrop}).ip, event::kind::ip{});
    Context server = context();
    server.is_senders_address = true;
    EXPECT_EQ(enriched(event, server).ip, event::kind::ip{}) << "it is not the visitor's";
    EXPECT_EQ(enriched(event, server).country, "DE");
    EXPECT_EQ(enriched(event, context()).visitor_id, Identity::known_id("site", "u1"));
    EXPECT_EQ(enriched(event, context()).user_id, "u1");
    const event::Event cookieless = enriched(event, context(), {.cookieless = true});
    EXPECT_EQ(cookieless.user_id, "");
    EXPECT_EQ(cookieless.visitor_id, enriched(pageview(), context()).visitor_id);
}

TEST_F(EnricherTest, CookielessSitesHaveNoAliases) {
    event::Event identify = pageview();
    identify.event_type = "identify";
    identify.user_id = "u1";
    EXPECT_EQ(enriched(identify, context(), {.cookieless = true}).user_id, "");
    Context later = context();
    later.receive_ms += 3'600'000;
    event::Event event = pageview();
    event.timestamp = later.receive_ms;
    EXPECT_NE(enriched(event, later, {.cookieless = true}).visitor_id, Identity::known_id("site", "u1"));
}

TEST_F(EnricherTest, SilenceIsABotInABrowserAndNoneFromAServer) {
    Context from = context();
    from.user_agent = {};
    event::Event event = enriched(pageview(), from);
    EXPECT_TRUE(event.is_bot);
    EXPECT_EQ(event.bot_reason, "ua:empty");
    EXPECT_EQ(event.device_type, "bot");
    from.is_senders_agent = true;
    event = enriched(pageview(), from);
    EXPECT_FALSE(event.is_bot);
    EXPECT_EQ(event.device_type, "other");
}

TEST_F(EnricherTest, AnHttpLibraryIsABotUnlessItIsTheOneThatSends) {
    Context from = context();
    from.user_agent = "curl/8.5.0";
    event::Event event = enriched(pageview(), from);
    EXPECT_EQ(event.bot_reason, "ua:http-library");
    EXPECT_EQ(event.device_type, "bot");
    from.is_senders_agent = true;
    event = enriched(pageview(), from);
    EXPECT_FALSE(event.is_bot);
    EXPECT_EQ(event.bot_reason, "");
    EXPECT_EQ(event.browser, "");
    EXPECT_EQ(event.device_type, "other");
    from.user_agent = "reqwest/0.12";
    EXPECT_EQ(enriched(pageview(), from).visitor_id, event.visitor_id) << "a new library is no new visitor";
    from.user_agent = kChrome;
    EXPECT_EQ(enriched(pageview(), from).visitor_id, enriched(pageview(), context()).visitor_id);
    from.user_agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    EXPECT_TRUE(enriched(pageview(), from).is_bot) << "passed on with its visit";
}

TEST_F(EnricherTest, TheUserAgentIsKeptAsALaterListWouldReadIt) {
    const auto kept = [&](std::string_view agent, bool is_senders = false) {
        Context from = context();
        from.user_agent = agent;
        from.is_senders_agent = is_senders;
        return std::string(enriched(pageview(), from).user_agent);
    };
    EXPECT_EQ(kept(kChrome), kChrome);
    EXPECT_EQ(kept("curl/8.5.0"), "curl/8.5.0");
    EXPECT_EQ(kept(kChrome, true), kChrome) << "a visitor's that the server passes on";
    EXPECT_EQ(kept("curl/8.5.0", true), "") << "the server itself, and no visitor";
    EXPECT_EQ(kept("Browser\t\x01"
                   "5 \xff\xfe"),
              "Browser5 ")
        << "a record is text";
    const std::string accents = "x" + std::string(300, '\xc3');
    EXPECT_EQ(kept(accents), "x");
    std::string umlauts = "x";
    for (int i = 0; i < 300; ++i) umlauts += "ü";
    EXPECT_EQ(kept(umlauts), umlauts.substr(0, 511)) << "cut before a character, not within";
}

TEST_F(EnricherTest, AVeryLongUserAgentCountsByItsFirstBytes) {
    const std::string agent = std::string(kChrome) + std::string(100'000, ' ') + "Googlebot/2.1";
    Context from = context();
    from.user_agent = agent;
    const event::Event event = enriched(pageview(), from);
    EXPECT_EQ(event.browser, "Chrome");
    EXPECT_FALSE(event.is_bot);
}

TEST_F(EnricherTest, TheRecordOfAHostileEventReadsBackEqual) {
    event::Event event = pageview();
    event.referrer = "https://evil.example/\"\n<script>";
    Context from = context();
    from.user_agent = "Mozilla/5.0 \xff\xfe \"quoted\" \x01 Chrome/1";
    from.page_query = "utm_source=%FF%00%22&utm_medium=%E2%80%AE&utm_campaign=%";
    event = enriched(event, from);
    std::string record;
    event::write_record(event, record);
    event::RecordReader reader;
    const auto read = reader.read(record);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->source, event.source);
    EXPECT_EQ(read->visitor_id, event.visitor_id);
    EXPECT_EQ(read->browser, event.browser);
}

TEST(TablesTest, StatusNamesListsAndVersions) {
    const auto& status = tables()->status();
    ASSERT_EQ(status.size(), 4u);
    for (const StepStatus& step : status) {
        EXPECT_TRUE(step.enabled) << step.step;
        EXPECT_EQ(step.problem, "") << step.step;
        EXPECT_NE(step.data.find_first_of("0123456789"), std::string::npos) << step.data;
    }
    EXPECT_EQ(status[1].data.substr(0, 9), "uap-core ");
}

TEST(TablesTest, MissingFilesDisableTheirStepsAndSayWhatToDo) {
    auto loaded = Tables::load({.directories = {testing::TempDir() + "/nowhere"}});
    ASSERT_TRUE(loaded.has_value());
    for (const StepStatus& step : (*loaded)->status()) {
        if (step.step == "acquisition") continue;
        EXPECT_EQ(step.enabled, step.step == "bot") << step.step;
        EXPECT_NE(step.problem.find("scripts/install"), std::string::npos) << step.step;
    }
    Identity identity{fixed_salt};
    ASSERT_TRUE(identity.prepare(kNow).has_value());
    ManualClock clock{kNow};
    Enricher enricher(*loaded, identity, clock);
    event::Arena arena;
    event::Event event;
    event.website_id = "site";
    event.event_type = "pageview";
    enricher.enrich(event, {.address = event::parse_ip("8.8.8.8").value(), .user_agent = kChrome, .receive_ms = kNow},
                    {}, arena);
    EXPECT_EQ(event.country, "");
    EXPECT_EQ(event.browser, "");
    EXPECT_EQ(event.device_type, "desktop");
    EXPECT_EQ(event.channel, "Direct");
    EXPECT_NE(event.visitor_id, 0u);
}

TEST(TablesTest, AnOperatorsOwnFileThatCannotBeReadIsAnError) {
    const std::vector<std::string> directories = {FOOTFALL_NODE_MODULES};
    for (const DataFiles& files : {DataFiles{.geo = {"/nonexistent.mmdb"}, .directories = directories},
                                   DataFiles{.user_agents = "/nonexistent.yaml", .directories = directories},
                                   DataFiles{.crawlers = "/nonexistent.json", .directories = directories}}) {
        const auto loaded = Tables::load(files);
        ASSERT_FALSE(loaded.has_value());
        EXPECT_NE(loaded.error().message.find("/nonexistent"), std::string::npos) << loaded.error().message;
    }
}

TEST(TablesTest, DefaultDirectoriesAreSeenFromTheProgram) {
    EXPECT_EQ(default_directories("/opt/footfall/bin"),
              (std::vector<std::string>{"/opt/footfall/node_modules", "/opt/node_modules", "/node_modules",
                                        "/opt/footfall/bin/../share/footfall", "/usr/share/footfall"}));
    EXPECT_EQ(default_directories(""), std::vector<std::string>{"/usr/share/footfall"})
        << "nothing is taken from where the program was started";
}

}  // namespace
}  // namespace footfall::enrich
