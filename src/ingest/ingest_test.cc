// The endpoint behind a real server, before the real committer, index and log. What clients rely on in general stands
// in tests/contract; here are the edges that need a clock that stands still, a log that can be held, or a look into it.
#include "ingest/ingest.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/metrics.h"
#include "http/client.h"
#include "http/encoding.h"
#include "ingest/committer_fixture.h"

namespace footfall::ingest {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSubsetOf;
using testing::Not;
using Where = HeldLog::Where;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kMinute = 60'000;

std::shared_ptr<const enrich::Tables> tables() {
    static const auto loaded = [] {
        auto result = enrich::Tables::load({});
        FOOTFALL_CHECK(result.has_value());
        return *result;
    }();
    return loaded;
}

/// A pageview of the site as a client sends it. `more` are further members of the event, with a comma in front.
std::string pageview(const std::string& site, const std::string& page, const std::string& more = {}) {
    return R"({"type":"pageview","tracking_id":")" + site + R"(","data":{"page":")" + page + "\"}" + more + "}";
}
std::string with_id(unsigned number) { return R"(,"event_id":")" + id_of(number).text() + "\""; }

std::string ok(std::uint64_t received, const std::string& rejected, std::uint64_t duplicates) {
    return R"({"status":"ok","received":)" + std::to_string(received) + R"(,"rejected":[)" + rejected +
           R"(],"duplicates":)" + std::to_string(duplicates) + "}";
}
std::string rejection(int index, const std::string& field, const std::string& reason) {
    return R"({"index":)" + std::to_string(index) + R"(,"field":")" + field + R"(","reason":")" + reason + "\"}";
}

class EndpointTest : public testing::Test {
protected:
    explicit EndpointTest(CommitterOptions options = {}) : ingestion_(folder_.path(), options) {}

    void SetUp() override {
        ASSERT_TRUE(ingestion_.open());
        auto catalog = catalog::Catalog::open(folder_ / "catalog.sqlite", ingestion_.clock);
        ASSERT_TRUE(catalog) << catalog.error().message;
        catalog_ = std::move(*catalog);
        for (const char* site : {"a", "b"}) ASSERT_TRUE(catalog_->add_site(site, "site.example", "UTC", site));
        identity_ = std::make_unique<enrich::Identity>([this](std::int64_t day) -> Result<enrich::Salt> {
            if (is_salt_missing_) return Error(Code::kIo, "the catalog's disk failed");
            return catalog_->salt(day);
        });
        endpoint_ = std::make_unique<Endpoint>(
            *catalog_, tables(), *identity_, *ingestion_.committer, ingestion_.clock,
            EndpointOptions{.trusted_proxies = parse_networks("127.0.0.0/8").value(), .loops = 2});
        server_ = std::make_unique<http::Server>(
            http::ServerOptions{.loops = 2,
                                .headers_of = [](std::string_view) -> const auto& { return Endpoint::headers(); }},
            [this](http::Exchange& exchange) {
                if (exchange.request().path == "/api/v1/pixel.gif") endpoint_->handle_pixel(exchange);
                else endpoint_->handle(exchange);
            },
            [this](const http::Request& request) { return endpoint_->check(request); });
        ASSERT_TRUE(server_->listen("127.0.0.1:0"));
        ASSERT_TRUE(server_->start());
    }
    void TearDown() override {
        ingestion_.log->release();
        if (server_) server_->stop(30'000);
        ingestion_.close();
    }

    http::ClientResponse post(const std::string& body, const Headers& headers = {}) {
        http::Client client("127.0.0.1:" + std::to_string(server_->port()));
        http::ClientRequest request{.method = "POST", .target = "/api/v1/events", .body = body};
        for (const auto& [name, value] : headers) request.headers.emplace_back(name, value);
        auto response = client.send(request, 30'000);
        if (response) return *response;
        ADD_FAILURE() << response.error().message;
        return {};
    }
    Headers key(catalog::Scope scope, const std::string& site = "a") {
        const auto made = catalog_->create_key(site, scope);
        EXPECT_TRUE(made);
        return {{"Authorization", "Bearer " + made->secret}};
    }
    /// A refusal that a client must send again later, and nothing of which was taken.
    static void expect_later(const http::ClientResponse& told, const std::string& code) {
        EXPECT_EQ(told.status, 503);
        EXPECT_THAT(told.body, HasSubstr("\"code\":\"" + code + "\""));
        EXPECT_THAT((std::vector<std::string>{std::string(told.header("retry-after"))}),
                    IsSubsetOf({"1", "2", "3", "4"}));
        EXPECT_EQ(told.header("access-control-allow-origin"), "*") << "a page must be able to read it";
    }
    /// The records that the log has, read back by `of`.
    template <class Of>
    std::vector<std::string> recorded(Of of) {
        std::vector<std::string> out;
        event::RecordReader records;
        for (const auto& group : ingestion_.log->groups()) {
            for (const std::string& record : group) {
                if (const auto event = records.read(record); event && !event->event_id.is_nil())
                    out.push_back(of(*event));
            }
        }
        return out;
    }

    TestFolder folder_;
    Ingestion ingestion_;
    std::atomic<bool> is_salt_missing_{false};
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<enrich::Identity> identity_;
    std::unique_ptr<Endpoint> endpoint_;
    std::unique_ptr<http::Server> server_;
};

TEST_F(EndpointTest, WhatTheBrowserSaysOfItselfGoesWithItsUserAgentAlone) {
    const Headers browser = {
        {"User-Agent",
         "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/131.0.0.0 Safari/537.36"},
        {"Sec-CH-UA", R"("Chromium";v="131", "Not A(Brand";v="24")"},
        {"Sec-CH-UA-Platform", R"("Windows")"},
        {"Sec-CH-UA-Platform-Version", R"("15.0.0")"},
        {"Sec-CH-UA-Mobile", "?0"},
    };
    EXPECT_EQ(post(pageview("a", "/1"), browser).status, 200);
    Headers server = key(catalog::Scope::kCollect);
    server.insert(server.end(), browser.begin(), browser.end());
    EXPECT_EQ(post(pageview("a", "/2"), server).status, 200) << "passed on with the user agent";
    const std::string named = R"(,"context":{"user_agent":"Mozilla/5.0 (Windows NT 10.0) Chrome/131.0.0.0"})";
    EXPECT_EQ(post(pageview("a", "/3", named), server).status, 200) << "the headers are another's";
    EXPECT_THAT(
        recorded([](const event::Event& event) { return std::string(event.os) + std::string(event.os_version); }),
        ElementsAre("Windows11", "Windows11", ""));
    EXPECT_THAT(recorded([](const event::Event& event) { return std::string(event.bot_lists.substr(0, 2)); }),
                ElementsAre("20", "20", "20"));
}

TEST_F(EndpointTest, NewTablesAreTakenUpByEveryLoopWithItsNextRequest) {
    const std::string list = folder_ / "crawlers.json";
    const Headers agent = {{"User-Agent", "Mozilla/5.0 NewCrawler/1.0"}};
    for (int i = 0; i < 8; ++i) EXPECT_EQ(post(pageview("a", "/before"), agent).status, 200);
    ASSERT_TRUE(write_file_atomically(list, R"([{"pattern": "NewCrawler"}])"));
    const auto loaded = enrich::Tables::load({.crawlers = list});
    ASSERT_TRUE(loaded);
    endpoint_->use(*loaded);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(post(pageview("a", "/after"), agent).status, 200);
    EXPECT_THAT(
        recorded([](const event::Event& event) { return std::string(event.page) + (event.is_bot ? " bot" : ""); }),
        testing::UnorderedElementsAreArray([] {
            std::vector<std::string> expected(8, "/before");
            expected.resize(16, "/after bot");
            return expected;
        }()));
}

TEST_F(EndpointTest, EachBodyGetsItsAnswerAndTheLogHoldsJustWhatTheAnswerSays) {
    struct Case {
        const char* what;
        std::string body;
        std::string answer;
        std::vector<std::string> pages;
        std::vector<std::string> tallies;
    };
    const Case cases[] = {
        {"an empty array leaves nothing", " [ ] ", ok(0, "", 0), {}, {}},
        {"an array of one", "[" + pageview("a", "/1") + "]", ok(1, "", 0), {"/1"}, {}},
        {"what parser and catalog reject is told in the order of the body",
         "[" + pageview("x1", "/no") + "," + pageview("a", "") + "," + pageview("a", "/2") + ",7," +
             pageview("x2", "/no") + "," + pageview("b", "/3") + R"(,{"type":"pageview","tracking_id":"b","data":1})" +
             "]",
         ok(2,
            rejection(0, "tracking_id", "unknown") + "," + rejection(1, "data.page", "missing") + "," +
                rejection(3, "", "wrong_type") + "," + rejection(4, "tracking_id", "unknown") + "," +
                rejection(6, "data", "wrong_type"),
            0),
         {"/2", "/3"},
         // Sites that nobody knows are counted together, with what names no site at all.
         {R"({"website_id":"","duplicates":0,"rejected":{"unknown":2,"wrong_type":1},"received_at":1795500000000})",
          R"({"website_id":"a","duplicates":0,"rejected":{"missing":1},"received_at":1795500000000})",
          R"({"website_id":"b","duplicates":0,"rejected":{"wrong_type":1},"received_at":1795500000000})"}},
        {"rejections alone",
         pageview("a", ""),
         ok(0, rejection(0, "data.page", "missing"), 0),
         {},
         {R"({"website_id":"a","duplicates":0,"rejected":{"missing":1},"received_at":1795500000000})"}},
        {"one id on two sites, and twice on one of them",
         "[" + pageview("a", "/4", with_id(1)) + "," + pageview("b", "/5", with_id(1)) + "," +
             pageview("b", "/6", with_id(1)) + "]",
         ok(3, "", 1),
         {"/4", "/5"},
         {R"({"website_id":"b","duplicates":1,"rejected":{}})"}},
        {"the id of a rejected event is free, in its body too",
         "[" + pageview("a", "", with_id(2)) + "," + pageview("a", "/7", with_id(2)) + "]",
         ok(1, rejection(0, "data.page", "missing"), 0),
         {"/7"},
         {R"({"website_id":"a","duplicates":0,"rejected":{"missing":1},"received_at":1795500000000})"}},
        {"a copy from an earlier request beside a rejection",
         "[" + pageview("a", "/8", with_id(2)) + "," + pageview("a", "") + "]",
         ok(1, rejection(1, "data.page", "missing"), 1),
         {},
         {R"({"website_id":"a","duplicates":1,"rejected":{"missing":1},"received_at":1795500000000})"}},
        {"no id protects nothing",
         "[" + pageview("a", "/9") + "," + pageview("a", "/9") + "]",
         ok(2, "", 0),
         {"/9", "/9"},
         {}},
        {"the nil id is none",
         pageview("a", "/", R"(,"event_id":"00000000-0000-0000-0000-000000000000")"),
         ok(0, rejection(0, "event_id", "invalid"), 0),
         {},
         {R"({"website_id":"a","duplicates":0,"rejected":{"invalid":1},"received_at":1795500000000})"}},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.what);
        const auto before = ingestion_.stored();
        const auto told = post(c.body);
        EXPECT_EQ(told.status, 200);
        EXPECT_EQ(told.body, c.answer);
        const auto after = ingestion_.stored();
        const auto since = [](const auto& list, const auto& from) {
            return std::vector<std::string>(list.begin() + static_cast<std::ptrdiff_t>(from.size()), list.end());
        };
        EXPECT_EQ(since(after.pages, before.pages), c.pages);
        EXPECT_EQ(since(after.tallies, before.tallies), c.tallies);
    }
}

TEST_F(EndpointTest, ARejectedEventIsKeptAsItWasSentInTheGroupOfItsRequest) {
    const std::string secret = key(catalog::Scope::kCollect)[0].second;
    const std::string rejected = R"({ "type":"pageview","tracking_id":"a", "data":{"timestamp":[ "<b>\"" ]}})";
    const auto told = post("[" + pageview("a", "/good") + ", " + rejected + " ]",
                           {{"Authorization", secret}, {"User-Agent", "Agent/1 \xff<script>"}});
    EXPECT_EQ(told.body, ok(1, rejection(1, "data.timestamp", "wrong_type"), 0));
    ASSERT_EQ(ingestion_.log->groups().size(), 1u);
    EXPECT_EQ(ingestion_.log->groups()[0].size(), 3u) << "event, sample and tally";
    EXPECT_THAT(
        ingestion_.stored().samples,
        ElementsAre(
            R"({"website_id":"a","tracking_id":"a","received_at":1795500000000,"field":"data.timestamp","reason":)"
            R"("wrong_type","event":"{ \"type\":\"pageview\",\"tracking_id\":\"a\", \"data\":{\"timestamp\":[ )"
            R"(\"<b>\\\"\" ]}}","is_cut":false,"user_agent":"Agent/1 <script>","key_site_id":"a"})"));
    EXPECT_THAT(ingestion_.stored().samples.front(), Not(HasSubstr(secret.substr(7))));
}

TEST_F(EndpointTest, SamplesOfUnknownSitesAndOfAForeignKeyBelongToNoSite) {
    post("[" + pageview("x", "/") + "," + pageview("b", "/") + "]", key(catalog::Scope::kCollect));
    const auto samples = ingestion_.stored().samples;
    ASSERT_EQ(samples.size(), 2u);
    EXPECT_THAT(samples[0],
                AllOf(HasSubstr(R"({"website_id":"","tracking_id":"x",)"), HasSubstr(R"("reason":"unknown")")));
    EXPECT_THAT(samples[1],
                AllOf(HasSubstr(R"({"website_id":"","tracking_id":"b",)"), HasSubstr(R"("reason":"forbidden")")));
}

TEST_F(EndpointTest, ABodyOfGarbageKeepsTwentySamplesOfEachReasonAndCountsTheRest) {
    const auto counted = [](const char* name) { return metrics::counter(name, "").value(); };
    const std::uint64_t kept = counted("footfall_rejected_samples_total");
    const std::uint64_t dropped = counted("footfall_rejected_samples_dropped_total");
    std::string body = "[0";
    for (int i = 1; i < 1000; ++i) body += i % 2 == 0 ? ",0" : "," + pageview("nobody", "/");
    post(body + "]");
    post(body + "]");
    EXPECT_EQ(ingestion_.stored().samples.size(), 40u);
    EXPECT_EQ(counted("footfall_rejected_samples_total") - kept, 40u);
    EXPECT_EQ(counted("footfall_rejected_samples_dropped_total") - dropped, 1960u);
    EXPECT_THAT(ingestion_.stored().tallies.back(), HasSubstr(R"("rejected":{"unknown":500,"wrong_type":500})"));
    ingestion_.clock.set_wall_ms(kNow + kMinute);
    post(body + "]");
    EXPECT_EQ(ingestion_.stored().samples.size(), 80u);
}

TEST_F(EndpointTest, R18TheTimeOfAnEventIsTakenUpToTheExactEdgesAndNotBeyond) {
    const Headers none;
    const Headers import = key(catalog::Scope::kCollect);
    struct Case {
        std::int64_t timestamp;
        std::int64_t sent_at;  // 0: not sent
        bool has_key;
        bool is_taken;
    };
    const Case cases[] = {
        {kNow - 7 * kDay, 0, false, true},
        {kNow - 7 * kDay - 1, 0, false, false},
        {kNow + 5 * kMinute, 0, false, true},
        {kNow + 5 * kMinute + 1, 0, false, false},
        // The clock is corrected first, and judged then.
        {kNow - 7 * kDay - 1, kNow - 1, false, true},
        {kNow - 7 * kDay, kNow + 1, false, false},
        {kNow + 300 * kDay + 5 * kMinute, kNow + 300 * kDay, false, true},
        {kNow + 300 * kDay + 5 * kMinute + 1, kNow + 300 * kDay, false, false},
        {1, 0, true, true},
        {0, 0, true, false},
        {-1, 0, true, false},
        {kNow - 7 * kDay - 1, 0, true, true},
        {kNow + 5 * kMinute, 0, true, true},
        {kNow + 5 * kMinute + 1, 0, true, false},
    };
    for (const Case& c : cases) {
        const std::string sent_at = c.sent_at == 0 ? "" : R"(,"sent_at":)" + std::to_string(c.sent_at);
        const auto told = post(R"({"type":"pageview","tracking_id":"a","data":{"page":"/","timestamp":)" +
                                   std::to_string(c.timestamp) + "}" + sent_at + "}",
                               c.has_key ? import : none);
        EXPECT_EQ(told.body, c.is_taken ? ok(1, "", 0) : ok(0, rejection(0, "data.timestamp", "out_of_range"), 0))
            << c.timestamp - kNow << " sent " << c.sent_at - kNow << " key " << c.has_key;
        if (!c.is_taken) continue;
        const std::int64_t expected = c.timestamp + (c.sent_at == 0 ? 0 : kNow - c.sent_at);
        EXPECT_EQ(recorded([](const event::Event& event) { return std::to_string(event.timestamp); }).back(),
                  std::to_string(expected));
        EXPECT_EQ(recorded([](const event::Event& event) { return std::to_string(event.received_at); }).back(),
                  std::to_string(kNow));
    }
}

TEST_F(EndpointTest, R18TheReceiveTimeIsThatOfEachRequest) {
    const std::string body =
        R"({"type":"pageview","tracking_id":"a","data":{"page":"/","timestamp":)" + std::to_string(kNow) + "}}";
    ingestion_.clock.set_wall_ms(kNow + 7 * kDay);
    EXPECT_EQ(post(body).body, ok(1, "", 0));
    ingestion_.clock.set_wall_ms(kNow + 7 * kDay + 1);
    EXPECT_EQ(post(body).body, ok(0, rejection(0, "data.timestamp", "out_of_range"), 0));
    ingestion_.clock.set_wall_ms(kNow - 5 * kMinute);
    EXPECT_EQ(post(body).body, ok(1, "", 0)) << "a clock that was set back";
}

TEST_F(EndpointTest, R11AnIdIsTakenForSevenDaysAndASecondAtMost) {
    EXPECT_EQ(post(pageview("a", "/first", with_id(1))).body, ok(1, "", 0));
    ingestion_.clock.set_wall_ms(kNow + 7 * kDay);
    EXPECT_EQ(post(pageview("a", "/copy", with_id(1))).body, ok(1, "", 1));
    ingestion_.clock.set_wall_ms(kNow + 7 * kDay + 1000);
    EXPECT_EQ(post(pageview("a", "/anew", with_id(1))).body, ok(1, "", 0));
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/first", "/anew"));
}

TEST_F(EndpointTest, TheServersIdsAreVersionSevenOfTheReceiveTimeAndDiffer) {
    std::string body = "[" + pageview("a", "/");
    for (int i = 1; i < 1000; ++i) body += "," + pageview("a", "/");
    EXPECT_EQ(post(body + "]").body, ok(1000, "", 0));
    std::vector<std::string> ids = recorded([](const event::Event& event) {
        EXPECT_EQ(event.event_id.time_ms(), kNow);
        return event.event_id.text();
    });
    ASSERT_EQ(ids.size(), 1000u);
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

TEST_F(EndpointTest, AKeySendsForItsSiteAloneAndOnlyWithTheRightScope) {
    const std::string secret = key(catalog::Scope::kCollect)[0].second.substr(7);
    const std::string read = key(catalog::Scope::kRead)[0].second;
    const auto revoked = catalog_->create_key("a", catalog::Scope::kCollect);
    ASSERT_TRUE(revoked);
    ASSERT_TRUE(catalog_->revoke_key(revoked->key.id));
    struct Case {
        std::string authorization;
        int status;
        std::string code;
    };
    const Case cases[] = {
        {"Bearer " + secret, 200, ""},
        {"BEARER  " + secret, 200, ""},
        {key(catalog::Scope::kAdmin)[0].second, 200, ""},
        {read, 403, "forbidden"},
        {"Bearer " + revoked->secret, 401, "unauthenticated"},
        {"Bearer " + secret + "x", 401, "unauthenticated"},
        {"Bearer " + secret.substr(1), 401, "unauthenticated"},
        {"Bearer", 401, "unauthenticated"},
        {"Basic " + secret, 401, "unauthenticated"},
        {secret, 401, "unauthenticated"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.authorization.substr(0, 8));
        const auto told = post(pageview("a", "/"), {{"Authorization", c.authorization}});
        EXPECT_EQ(told.status, c.status);
        EXPECT_THAT(told.body, c.status == 200 ? HasSubstr(ok(1, "", 0)) : HasSubstr("\"code\":\"" + c.code + "\""));
        EXPECT_THAT(told.body, Not(HasSubstr(secret)));
    }
    EXPECT_EQ(ingestion_.stored().pages.size(), 3u);
    // Whose events they are is judged by event: its own, another's, nobody's.
    const auto told = post("[" + pageview("b", "/b") + "," + pageview("a", "/a") + "," + pageview("x", "/x") + "," +
                               pageview("b", "") + "]",
                           {{"Authorization", "Bearer " + secret}});
    EXPECT_EQ(told.body, ok(1,
                            rejection(0, "tracking_id", "forbidden") + "," + rejection(2, "tracking_id", "unknown") +
                                "," + rejection(3, "data.page", "missing"),
                            0));
    EXPECT_THAT(
        ingestion_.stored().tallies,
        ElementsAre(
            R"({"website_id":"","duplicates":0,"rejected":{"forbidden":1,"unknown":1},"received_at":1795500000000})",
            R"({"website_id":"b","duplicates":0,"rejected":{"missing":1},"received_at":1795500000000})"))
        << "a key's owner fills no other site's counts with what is forbidden";
}

TEST_F(EndpointTest, OnlyAKeyNamesTheVisitorsAddressAndOfItsOwnNothingIsKept) {
    const Headers import = key(catalog::Scope::kCollect);
    struct Case {
        bool has_key;
        std::string context_ip;
        std::string forwarded_for;
        std::string recorded;
    };
    const Case cases[] = {
        {false, "", "", "127.0.0.0"},
        {false, "203.0.113.77", "", "127.0.0.0"},
        {false, "no address", "", "127.0.0.0"},
        {false, "203.0.113.77", "198.51.100.9", "198.51.100.0"},
        {false, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1::"},
        {true, "203.0.113.77", "", "203.0.113.0"},
        {true, "203.0.113.77", "198.51.100.9", "203.0.113.0"},
        {true, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1::"},
        {true, "::ffff:203.0.113.77", "", "203.0.113.0"},
        {true, "", "198.51.100.9", ""},
        {true, "", "", ""},
        {true, "no address", "", "rejected"},
        {true, "203.0.113.777", "", "rejected"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.context_ip + " " + c.forwarded_for + (c.has_key ? " key" : ""));
        Headers headers = c.has_key ? import : Headers();
        if (!c.forwarded_for.empty()) headers.emplace_back("X-Forwarded-For", c.forwarded_for);
        const auto told = post(
            pageview("a", "/", c.context_ip.empty() ? "" : R"(,"context":{"ip":")" + c.context_ip + "\"}"), headers);
        if (c.recorded == "rejected") {
            EXPECT_EQ(told.body, ok(0, rejection(0, "context.ip", "invalid"), 0));
            continue;
        }
        EXPECT_EQ(told.body, ok(1, "", 0));
        EXPECT_EQ(recorded([](const event::Event& event) { return event::format_ip(event.ip); }).back(), c.recorded);
    }
}

TEST_F(EndpointTest, TheNextEventIsKeptAsItsSiteSaysByThen) {
    const auto post_under = [&](bool is_cookieless, catalog::IpPolicy policy) {
        catalog::SiteChange change;
        change.cookieless = is_cookieless;
        change.ip_policy = policy;
        EXPECT_TRUE(catalog_->change_site("a", change));
        EXPECT_EQ(post(pageview("a", "/", R"(,"user_id":"ann")"), {{"X-Forwarded-For", "203.0.113.77"}}).body,
                  ok(1, "", 0));
    };
    post_under(false, catalog::IpPolicy::kTruncate);
    post_under(false, catalog::IpPolicy::kDrop);
    post_under(true, catalog::IpPolicy::kDrop);
    post_under(false, catalog::IpPolicy::kTruncate);
    EXPECT_THAT(recorded([](const event::Event& event) {
                    return std::string(event.user_id) + " " + event::format_ip(event.ip);
                }),
                ElementsAre("ann 203.0.113.0", "ann ", " ", "ann 203.0.113.0"));
}

TEST_F(EndpointTest, ARecordHasTheTimeoutThatItsSiteHadUnlessThatIsTheDefault) {
    const auto post_under = [&](int minutes, const std::string& event) {
        catalog::SiteChange change;
        change.session_timeout = minutes;
        EXPECT_TRUE(catalog_->change_site("a", change));
        EXPECT_EQ(post(event).body, ok(1, "", 0));
    };
    post_under(30, pageview("a", "/"));
    post_under(120, pageview("a", "/"));
    post_under(1, R"({"type":"event","tracking_id":"a","data":{"name":"x"}})");
    post_under(1, R"({"type":"identify","tracking_id":"a","data":{"user_id":"ann"}})");
    EXPECT_THAT(recorded([](const event::Event& event) { return std::to_string(event.session_timeout); }),
                ElementsAre("0", "120", "1", "0"));
}

TEST_F(EndpointTest, OfWhoCountsAnonymouslyNoUserAgentIsKept) {
    catalog::SiteChange change;
    change.opt_out = catalog::OptOutPolicy::kAnonymous;
    ASSERT_TRUE(catalog_->change_site("a", change));
    const Headers browser = {{"User-Agent", "Browser/1"}};
    const Headers opts_out = {{"User-Agent", "Browser/2"}, {"Sec-GPC", "1"}};
    EXPECT_EQ(post(pageview("a", "/"), browser).status, 200);
    EXPECT_EQ(post(pageview("a", "/"), opts_out).status, 200);
    EXPECT_EQ(post(pageview("a", "/", R"(,"context":{"consent":"denied"})"), browser).status, 200);
    EXPECT_EQ(post(pageview("b", "/"), opts_out).status, 200);
    EXPECT_THAT(recorded([](const event::Event& event) { return std::string(event.user_agent); }),
                ElementsAre("Browser/1", "", "", "Browser/2"));
}

TEST_F(EndpointTest, ValuesAreCutBehindTheirLastByteThatFitsAndEachIsCountedOnce) {
    metrics::Counter& cut = metrics::counter("footfall_values_cut_total", "");
    const auto event = [](const std::string& data) {
        return R"({"type":"event","tracking_id":"a","data":{)" + data + "}}";
    };
    const auto text = [](std::size_t size) { return std::string(size, 'x'); };
    std::string properties;
    for (int i = 0; i < 65; ++i) properties += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
    struct Case {
        std::string data;
        unsigned cut;
        std::string name;  // as recorded
    };
    const Case cases[] = {
        {R"("name":")" + text(200) + "\"", 0, text(200)},
        {R"("name":")" + text(201) + "\"", 1, text(200)},
        {R"("name":")" + text(199) + "\u00e9\"", 1, text(199)},  // its second byte would be number 201
        {R"("name":")" + text(198) + "\u00e9\"", 0, text(198) + "\u00e9"},
        {R"("name":")" + text(201) + R"(","label":")" + text(501) + R"(","category":")" + text(201) + "\"", 3,
         text(200)},
        {R"("name":"p","properties":{")" + text(40) + R"(":")" + text(500) + "\"}", 0, "p"},
        {R"("name":"p","properties":{")" + text(41) + R"(":")" + text(501) + "\"}", 2, "p"},
        {R"("name":"p","properties":{)" + properties + "}", 1, "p"},
    };
    for (const Case& c : cases) {
        const std::uint64_t before = cut.value();
        EXPECT_EQ(post(event(c.data)).body, ok(1, "", 0)) << c.data;
        EXPECT_EQ(cut.value() - before, c.cut) << c.data;
        EXPECT_EQ(recorded([](const event::Event& one) { return std::string(one.event_name); }).back(), c.name);
    }
}

TEST_F(EndpointTest, AnEncodingIsOneKnownNameAndIsJudgedBeforeTheKey) {
    const std::string body = http::gzip("[" + pageview("a", "/") + "]");
    struct Case {
        Headers headers;
        int status;
    };
    const Case cases[] = {
        {{{"Content-Encoding", "gzip"}}, 200},
        {{{"Content-Encoding", "x-gzip"}}, 200},
        {{{"Content-Encoding", "gzip, gzip"}}, 415},
        {{{"Content-Encoding", "deflate"}, {"Authorization", "Bearer nonsense"}}, 415},
        {{{"Content-Encoding", "gzip"}, {"Authorization", "Bearer nonsense"}}, 401},
        {{}, 400},
        {{{"Content-Encoding", "identity"}}, 400},
        {{{"Content-Encoding", "br"}}, 400},
    };
    for (const Case& c : cases) EXPECT_EQ(post(body, c.headers).status, c.status);
    EXPECT_EQ(ingestion_.stored().pages.size(), 2u);
}

TEST_F(EndpointTest, TheAnswerWaitsForTheDisk) {
    ingestion_.log->hold(Where::kBehind);
    std::atomic<bool> is_told{false};
    std::thread client([&] {
        EXPECT_EQ(post(pageview("a", "/")).body, ok(1, "", 0));
        is_told = true;
    });
    EXPECT_TRUE(ingestion_.log->wait_held());
    EXPECT_FALSE(is_told);
    ingestion_.log->release();
    client.join();
    EXPECT_TRUE(is_told);
}

TEST_F(EndpointTest, WhatTheLogRefusesIsA503WithoutItsReasonsAndMayBeSentAgain) {
    const std::uint64_t before = totals().accepted;
    ingestion_.log->refuse_next(Error(Code::kOverloaded, "the disk is full; free some space"));
    expect_later(post(pageview("a", "/1", with_id(1))), "overloaded");
    EXPECT_EQ(totals().accepted, before);
    EXPECT_EQ(post(pageview("a", "/1", with_id(1))).body, ok(1, "", 0));
    ingestion_.log->refuse_next(Error(Code::kIo, "fdatasync of /some/where failed"));
    const auto told = post(pageview("a", "/2", with_id(2)));
    expect_later(told, "unavailable");
    EXPECT_THAT(told.body, Not(HasSubstr("/some/where"))) << "what our disk does is not a visitor's affair";
    expect_later(post(pageview("a", "/3")), "overloaded");
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/1"));
}

TEST_F(EndpointTest, WithoutTodaysSaltNothingIsTakenUntilItIsThere) {
    is_salt_missing_ = true;
    EXPECT_EQ(post(pageview("a", "/")).status, 503);
    EXPECT_THAT(ingestion_.log->groups(), IsEmpty());
    is_salt_missing_ = false;
    EXPECT_EQ(post(pageview("a", "/")).body, ok(1, "", 0));
}

TEST_F(EndpointTest, R11ClientsThatSendTheSameEventsAtOnceAreCountedOnceTogether) {
    constexpr unsigned kClients = 4;
    constexpr unsigned kBodies = 25;
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> duplicates{0};
    std::vector<std::thread> clients;
    const Totals before = totals();
    for (unsigned c = 0; c < kClients; ++c) {
        clients.emplace_back([&, c] {
            for (unsigned i = 0; i < kBodies; ++i) {
                // Every client sends all of them, each starting somewhere else.
                const unsigned first = (i * 7 + c * 3) % kBodies * 4;
                std::string body;
                for (unsigned k = 0; k < 4; ++k)
                    body += (k == 0 ? "[" : ",") + pageview("a", "/" + std::to_string(first + k), with_id(first + k));
                const auto told = post(body + "]").body;
                unsigned d = 0;
                while (d < 4 && told != ok(4, "", d)) ++d;
                EXPECT_EQ(told, ok(4, "", d));
                received += 4;
                duplicates += d;
            }
        });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(received - duplicates, kBodies * 4);
    const auto stored = ingestion_.stored();
    EXPECT_EQ(stored.pages.size(), kBodies * 4);
    EXPECT_EQ(stored.copies.size(), kBodies * 4);
    EXPECT_EQ(totals().accepted - before.accepted, kBodies * 4);
    EXPECT_EQ(totals().duplicates - before.duplicates, duplicates.load());
    const auto minute = endpoint_->minutes().read(kNow).back();
    EXPECT_EQ(minute.accepted, kBodies * 4);
    EXPECT_EQ(minute.duplicates, duplicates.load());
}

class FullEndpointTest : public EndpointTest {
protected:
    FullEndpointTest() : EndpointTest({.queue_bytes_max = 1}) {}
};

TEST_F(FullEndpointTest, AFullQueueRefusesBeforeTheBodyIsReadAndTakesAgainAfterwards) {
    ingestion_.log->hold(Where::kBefore);
    std::thread client([&] { EXPECT_EQ(post(pageview("a", "/first")).body, ok(1, "", 0)); });
    EXPECT_TRUE(ingestion_.log->wait_held());
    http::Request head;
    head.method = http::Method::kPost;
    EXPECT_TRUE(endpoint_->check(head)) << "told by the headers alone";
    head.method = http::Method::kOptions;
    EXPECT_FALSE(endpoint_->check(head)) << "a preflight costs nothing";
    head.method = http::Method::kPut;
    EXPECT_EQ(endpoint_->check(head)->status, 405);
    expect_later(post(pageview("a", "/refused", with_id(1))), "overloaded");
    ingestion_.log->release();
    client.join();
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (ingestion_.committer->is_full() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(post(pageview("a", "/again", with_id(1))).body, ok(1, "", 0));
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/first", "/again"));
}

TEST_F(FullEndpointTest, AnImageThatCannotBeCountedSaysSoByItsHead) {
    ingestion_.log->hold(Where::kBefore);
    std::thread client([&] { EXPECT_EQ(post(pageview("a", "/first")).body, ok(1, "", 0)); });
    EXPECT_TRUE(ingestion_.log->wait_held());
    const auto show = [&](const std::string& page) {
        http::Client viewer("127.0.0.1:" + std::to_string(server_->port()));
        return viewer.send({.method = "GET", .target = "/api/v1/pixel.gif?tracking_id=a&page=" + page}, 30'000).value();
    };
    const auto told = show("/refused");
    EXPECT_EQ(told.status, 503);
    EXPECT_EQ(told.body.size(), 43u);
    EXPECT_EQ(told.header("content-type"), "image/gif");
    EXPECT_NE(told.header("retry-after"), "");
    EXPECT_THAT(std::string(told.header("footfall-rejected")), HasSubstr("later"));
    ingestion_.log->release();
    client.join();
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (ingestion_.committer->is_full() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(show("/shown").status, 200);
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/first", "/shown"));
}

TEST(MinuteCountsTest, KeepsThirtyMinutesAndForgetsWhatIsOlder) {
    MinuteCounts counts;
    const std::int64_t first = kNow / kMinute;
    const auto read = [&](std::int64_t minute) {
        std::vector<std::uint64_t> accepted;
        const auto minutes = counts.read(minute * kMinute + 59'999);
        EXPECT_EQ(minutes.size(), MinuteCounts::kMinutes);
        for (std::size_t i = 0; i < minutes.size(); ++i) {
            EXPECT_EQ(minutes[i].minute, minute - 29 + static_cast<std::int64_t>(i));
            accepted.push_back(minutes[i].accepted);
        }
        return accepted;
    };
    std::vector<std::uint64_t> expected(30, 0);
    EXPECT_EQ(read(first), expected);
    counts.add(first * kMinute, 1, 2, 3);
    counts.add(first * kMinute + 59'999, 10, 20, 30);
    counts.add((first + 1) * kMinute, 5, 0, 0);
    expected[28] = 11;
    expected[29] = 5;
    EXPECT_EQ(read(first + 1), expected);
    const auto minute = counts.read(first * kMinute).back();
    EXPECT_EQ(minute.duplicates, 22u);
    EXPECT_EQ(minute.rejected, 33u);
    // At the far end of the half hour, and gone behind it, whether or not its slot has been used again.
    expected.assign(30, 0);
    expected[0] = 11;
    expected[1] = 5;
    EXPECT_EQ(read(first + 29), expected);
    expected[0] = 5;
    expected[1] = 0;
    EXPECT_EQ(read(first + 30), expected);
    counts.add((first + 30) * kMinute, 7, 0, 0);
    expected[29] = 7;
    EXPECT_EQ(read(first + 30), expected);
}

}  // namespace
}  // namespace footfall::ingest
