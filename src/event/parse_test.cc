#include "event/parse.h"

#include <gtest/gtest.h>

#include "event/url.h"

namespace footfall::event {
namespace {

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr std::int64_t kDay = 24LL * 3600 * 1000;

class ParseTest : public testing::Test {
protected:
    Status parse(std::string body, bool trusted = false) {
        body_ = std::move(body);
        body_.reserve(body_.size() + 64);
        arena_.clear();
        return parser_.parse(body_, {kNow, trusted}, arena_, batch_);
    }
    const Event& only() {
        EXPECT_EQ(batch_.events.size(), 1u);
        return batch_.events.at(0).event;
    }
    // A pageview with the given further members.
    static std::string pageview(const std::string& data, const std::string& more = "") {
        return R"({"type":"pageview","tracking_id":"s","data":{"page":"/a")" + (data.empty() ? "" : "," + data) + "}" +
               (more.empty() ? "" : "," + more) + "}";
    }
    static std::string custom(const std::string& data) {
        return R"({"type":"event","tracking_id":"s","data":{)" + data + "}}";
    }

    std::string body_;
    Parser parser_;
    Arena arena_;
    Batch batch_;
};

TEST_F(ParseTest, TheContractsExampleIsReadWhole) {
    ASSERT_TRUE(parse(
        R"([{"event_id":"018f2e6a-0000-7123-8abc-0123456789ab","type":"pageview","tracking_id":"SITE","session_id":"s1",
        "user_id":"u1","data":{"page":"/pricing?utm_source=news#top","title":"Pricing","referrer":"https://news.example/",
        "timestamp":1795500000000},"context":{"url":"https://Site.Example:8443/pricing?utm_source=news","screen":"1920x1080",
        "viewport":"1200x800","language":"de-DE","timezone":"Europe/Berlin","sdk":"web/1.0.0"}}])"));
    const Event& event = only();
    EXPECT_EQ(event.website_id, "SITE");
    EXPECT_EQ(event.event_id.text(), "018f2e6a-0000-7123-8abc-0123456789ab");
    EXPECT_EQ(event.page, "/pricing");
    EXPECT_EQ(batch_.events[0].page_query, "utm_source=news");
    EXPECT_EQ(event.hostname, "site.example");
    EXPECT_EQ(event.timestamp, kNow);
    EXPECT_EQ(event.received_at, kNow);
    EXPECT_EQ(event.user_id, "u1");
    EXPECT_EQ(event.sdk, "web/1.0.0");
}

TEST_F(ParseTest, AUrlThatNoPageCanHaveIsLeftOutWhereThePageIsNamedOrNotNeeded) {
    ASSERT_TRUE(
        parse(R"([{"type":"pageview","tracking_id":"s","data":{"page":"/a"},"context":{"url":"garbage?utm_term=x"}},
        {"type":"pageview","tracking_id":"s","data":{"page":"https://s.example/b"},"context":{"url":"about:blank"}},
        {"type":"event","tracking_id":"s","context":{"url":"javascript://s.example/c"}}])"));
    ASSERT_EQ(batch_.events.size(), 3u);
    EXPECT_EQ(batch_.events[0].event.page, "/a");
    EXPECT_EQ(batch_.events[0].event.hostname, "");
    EXPECT_EQ(batch_.events[0].page_query, "utm_term=x") << "a campaign is one wherever it stands";
    EXPECT_EQ(batch_.events[1].event.page, "/b");
    EXPECT_EQ(batch_.events[1].event.hostname, "s.example");
    EXPECT_EQ(batch_.events[2].event.page, "");
    EXPECT_EQ(batch_.events[2].event.hostname, "");
}

struct Wrong {
    const char* body;
    const char* field;
    const char* reason;
};

TEST_F(ParseTest, EachWrongEventIsRejectedWithItsFieldAndReasonAndItsNeighboursAreKept) {
    const Wrong cases[] = {
        {R"(5)", "", "wrong_type"},
        {R"({"tracking_id":"s"})", "type", "missing"},
        {R"({"type":null,"tracking_id":"s"})", "type", "missing"},
        {R"({"type":"pageview","data":{"page":"/"}})", "tracking_id", "missing"},
        {R"({"type":7,"tracking_id":"s"})", "type", "wrong_type"},
        {R"({"type":"click","tracking_id":"s"})", "type", "invalid"},
        {R"({"type":"pageview","tracking_id":"s"})", "data.page", "missing"},
        {R"({"type":"pageview","tracking_id":"s","data":{"page":""}})", "data.page", "missing"},
        {R"({"type":"pageview","tracking_id":"s","data":{"page":{"a":1}}})", "data.page", "wrong_type"},
        {R"({"type":"pageview","tracking_id":"s","context":{"url":"garbage"}})", "context.url", "invalid"},
        {R"({"type":"pageview","tracking_id":"s","context":{"url":"DATA://x/y"},"data":{}})", "context.url", "invalid"},
        {R"({"type":"pageview","tracking_id":"s","context":{"url":"https://a b/x"}})", "context.url", "invalid"},
        {R"({"type":"pageview","tracking_id":"s","context":{"url":"https://<b>/x"}})", "context.url", "invalid"},
        {R"({"type":"pageview","tracking_id":"s","context":{"url":"https:///x"},"data":{"page":"#top"}})",
         "context.url", "invalid"},
        {R"({"type":"pageview","tracking_id":"s","data":[]})", "data", "wrong_type"},
        {R"({"type":"pageview","tracking_id":"s","data":{"page":"/"},"context":1})", "context", "wrong_type"},
        {R"({"type":"pageview","tracking_id":"s","event_id":"x","data":{"page":"/"}})", "event_id", "invalid"},
        {R"({"type":"pageview","tracking_id":"s","event_id":5,"data":{"page":"/"}})", "event_id", "wrong_type"},
        {R"({"type":"pageview","tracking_id":"s","data":{"page":"/","timestamp":"now"}})", "data.timestamp",
         "wrong_type"},
        {R"({"type":"pageview","tracking_id":"s","data":{"page":"/","timestamp":1e300}})", "data.timestamp",
         "out_of_range"},
        {R"({"type":"pageview","tracking_id":"s","data":{"page":"/","timestamp":-1}})", "data.timestamp",
         "out_of_range"},
        {R"({"type":"pageview","tracking_id":"s","data":{"page":"/","timestamp":1e400}})", "data.timestamp",
         "out_of_range"},
        {R"({"type":"event","tracking_id":"s","data":{"revenue":-1e400}})", "data.revenue", "invalid"},
        {R"({"type":"pageview","tracking_id":"s","sent_at":"soon","data":{"page":"/"}})", "sent_at", "wrong_type"},
        {R"({"type":"pageview","tracking_id":"s","sent_at":"soon","context":{"url":"https://s.example/z"}})", "sent_at",
         "wrong_type"},
        {R"({"type":"event","tracking_id":"s","sent_at":1e300})", "sent_at", "out_of_range"},
        {R"({"type":"event","tracking_id":"s","data":{"properties":{"a":{}}}})", "data.properties.a", "wrong_type"},
        {R"({"type":"event","tracking_id":"s","data":{"properties":[1]}})", "data.properties", "wrong_type"},
        {R"({"type":"event","tracking_id":"s","data":{"revenue":"ten"}})", "data.revenue", "invalid"},
        {R"({"type":"event","tracking_id":"s","data":{"revenue":true}})", "data.revenue", "wrong_type"},
        {R"({"type":"event","tracking_id":"s","data":{"currency":"EURO"}})", "data.currency", "invalid"},
        {R"({"type":"event","tracking_id":"s","data":{"value":"1"}})", "data.value", "wrong_type"},
        {R"({"type":"ping","tracking_id":"s","data":{"pageview_id":"1"}})", "data.pageview_id", "invalid"},
    };
    for (const Wrong& wrong : cases) {
        ASSERT_TRUE(parse("[" + pageview("") + "," + wrong.body + "," + pageview("") + "]")) << wrong.body;
        EXPECT_EQ(batch_.count, 3u);
        EXPECT_EQ(batch_.events.size(), 2u) << wrong.body;
        ASSERT_EQ(batch_.rejections.size(), 1u) << wrong.body;
        EXPECT_EQ(batch_.rejections[0].index, 1u);
        EXPECT_EQ(batch_.rejections[0].field, wrong.field) << wrong.body;
        EXPECT_EQ(batch_.rejections[0].reason, wrong.reason) << wrong.body;
    }
}

TEST_F(ParseTest, BodiesThatAreNotJsonAreRefusedWhole) {
    for (const char* body : {"", "[", "{\"a\":\xff}", "NaN", "[1,]", "\"text\"", "5", "null", "[{\"a\":NaN}]"}) {
        const auto status = parse(body);
        ASSERT_FALSE(status) << body;
        EXPECT_EQ(status.error().code, Code::kInvalidArgument) << body;
    }
    EXPECT_TRUE(parse("[]"));
    EXPECT_EQ(batch_.count, 0u);
}

TEST_F(ParseTest, NumbersThatFitNoTypeOfOursAreTakenAsDoubles) {
    ASSERT_TRUE(
        parse("[" + pageview("\"ignored\":[18446744073709552000,1e400,-123456789012345678901234567890]") + "," +
              custom(R"("value":18446744073709551616,"properties":{"a":100000000000000000000,"b":18446744073709552000,
                          "c":-1e400,"d":18446744073709551615,"e":1e20})") +
              "]"));
    ASSERT_EQ(batch_.events.size(), 2u);
    EXPECT_EQ(batch_.events[0].event.page, "/a");
    const Event& event = batch_.events[1].event;
    EXPECT_EQ(event.event_value, 18446744073709551616.0);
    const kind::map expected = {{"a", "1e+20"},
                                {"b", "18446744073709551616"},
                                {"c", "-1.7976931348623157e+308"},
                                {"d", "18446744073709551615"},
                                {"e", "1e+20"}};
    EXPECT_EQ(event.properties, expected);
    std::string record;
    write_record(event, record);
    RecordReader reader;
    const auto read = reader.read(record);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->event_value, event.event_value);
    EXPECT_EQ(read->properties, event.properties);
}

TEST_F(ParseTest, HalvesOfSurrogatePairsAreReplacedAndTheirNeighboursAreKept) {
    ASSERT_TRUE(parse("[" + pageview("\"title\":\"a\\ud83d\"") + "," + pageview("") + "]"));
    ASSERT_EQ(batch_.events.size(), 2u);
    EXPECT_EQ(batch_.events[0].event.title, "a\ufffd");
}

TEST_F(ParseTest, AThousandEventsAreTakenAndOneMoreIsTooLarge) {
    const auto body = [](int n) {
        std::string out = "[" + pageview("");
        for (int i = 1; i < n; ++i) out += "," + pageview("");
        return out + "]";
    };
    ASSERT_TRUE(parse(body(1000)));
    EXPECT_EQ(batch_.events.size(), 1000u);
    EXPECT_EQ(parse(body(1001)).error().code, Code::kTooLarge);
}

TEST_F(ParseTest, TimestampsAreTakenUpToTheContractsEdges) {
    const auto accepted = [&](std::int64_t timestamp, bool trusted) {
        EXPECT_TRUE(parse(pageview("\"timestamp\":" + std::to_string(timestamp)), trusted));
        return batch_.rejections.empty();
    };
    EXPECT_TRUE(accepted(kNow - 7 * kDay, false));
    EXPECT_FALSE(accepted(kNow - 7 * kDay - 1, false));
    EXPECT_TRUE(accepted(kNow + 300'000, false));
    EXPECT_FALSE(accepted(kNow + 300'001, false));
    EXPECT_TRUE(accepted(kNow - 400 * kDay, true));
    EXPECT_FALSE(accepted(kNow + 300'001, true));
}

TEST_F(ParseTest, SentAtMovesTheEventByTheClientsClockError) {
    // The client's clock is an hour behind: it sends at 'now - 1 h' an event of ten seconds before.
    const std::int64_t client_now = kNow - 3'600'000;
    ASSERT_TRUE(parse(
        pageview("\"timestamp\":" + std::to_string(client_now - 10'000), "\"sent_at\":" + std::to_string(client_now))));
    EXPECT_EQ(only().timestamp, kNow - 10'000);
    // A clock that is a month ahead does not make the event too early.
    ASSERT_TRUE(parse(pageview("\"timestamp\":" + std::to_string(kNow + 30 * kDay),
                               "\"sent_at\":" + std::to_string(kNow + 30 * kDay))));
    EXPECT_EQ(only().timestamp, kNow);
}

TEST_F(ParseTest, ValuesTooLongAreCutAtACharactersEdgeAndCounted) {
    std::string title;
    for (int i = 0; i < 300; ++i) title += "\xc3\xa9";  // 600 bytes
    ASSERT_TRUE(parse(pageview("\"title\":\"" + title + "\"")));
    EXPECT_EQ(only().title.size(), 500u);
    EXPECT_EQ(batch_.values_cut, 1u);
    ASSERT_TRUE(parse(pageview("\"title\":\"x" + title + "\"")));
    EXPECT_EQ(only().title.size(), 499u);
}

TEST_F(ParseTest, PropertiesBecomeTextAndAreLimited) {
    ASSERT_TRUE(parse(
        custom(R"("name":"buy","properties":{"s":"x","i":-5,"u":18446744073709551615,"d":1.5,"b":true,"n":null})")));
    const kind::map expected = {{"s", "x"}, {"i", "-5"}, {"u", "18446744073709551615"}, {"d", "1.5"}, {"b", "true"}};
    EXPECT_EQ(only().properties, expected);
    std::string many;
    for (int i = 0; i < 70; ++i) many += (i ? ",\"p" : "\"p") + std::to_string(i) + "\":1";
    ASSERT_TRUE(parse(custom("\"properties\":{" + many + "}")));
    EXPECT_EQ(only().properties.size(), Limits::kProperties);
    EXPECT_EQ(batch_.values_cut, 1u);
}

TEST_F(ParseTest, RevenueIsExactAsTextAndAsNumber) {
    ASSERT_TRUE(parse(custom(R"("revenue":"19.99","currency":"eur")")));
    EXPECT_EQ(only().revenue, 199'900);
    EXPECT_EQ(only().currency, "EUR");
    ASSERT_TRUE(parse(custom(R"("revenue":0.1)")));
    EXPECT_EQ(only().revenue, 1'000);
    ASSERT_TRUE(parse(custom(R"("revenue":1e300)")));
    ASSERT_EQ(batch_.rejections.size(), 1u);
}

TEST_F(ParseTest, ContextAddressIsTakenFromTrustedSendersOnly) {
    const std::string body = pageview("", R"("context":{"ip":"203.0.113.7","user_agent":"UA"})");
    ASSERT_TRUE(parse(body));
    EXPECT_EQ(batch_.events[0].ip, "");
    ASSERT_TRUE(parse(body, true));
    EXPECT_EQ(batch_.events[0].ip, "203.0.113.7");
    EXPECT_EQ(batch_.events[0].user_agent, "UA");
    ASSERT_TRUE(parse(pageview("", R"("context":{"ip":"nowhere"})"), true));
    EXPECT_EQ(batch_.rejections.at(0).field, "context.ip");
}

TEST(EventTextsTest, GiveEachEventAsItWasSent) {
    struct Case {
        const char* body;
        std::vector<std::string_view> texts;
    };
    const Case cases[] = {
        {R"({"type":"x"})", {R"({"type":"x"})"}},
        {" \n{\"a\" : [1, {}]} \n", {R"({"a" : [1, {}]})"}},
        {R"([{"a":"]},{[\""},{"b":"\\"}])", {R"({"a":"]},{[\""})", R"({"b":"\\"})"}},
        {"[ 1 ,\t-2.5e3\n, true,null , \"a,b\",[],[[1],[2]] , {} ]",
         {"1", "-2.5e3", "true", "null", "\"a,b\"", "[]", "[[1],[2]]", "{}"}},
        {"[]", {""}},
        {"[123456789012345678901234567890,\"\\ud800\"]", {"123456789012345678901234567890", "\"\\ud800\""}},
        {"\xEF\xBB\xBF[{}]", {"{}"}},
        // The parser has refused these; they must only end.
        {"", {"", ""}},
        {"[\"open", {"\"open", ""}},
        {"[\"open\\", {"\"open\\", ""}},
        {"[{\"a\":[", {"{\"a\":[", ""}},
        {"text", {"", ""}},
    };
    for (const Case& c : cases) {
        EventTexts all(c.body);
        for (std::uint32_t i = 0; i < c.texts.size(); ++i) {
            EXPECT_EQ(all.at(i), c.texts[i]) << c.body << " " << i;
            EXPECT_EQ(EventTexts(c.body).at(i), c.texts[i]) << "asked for alone: " << c.body << " " << i;
        }
        EXPECT_EQ(all.at(static_cast<std::uint32_t>(c.texts.size()) - 1), c.texts.back()) << "asked for again";
    }
}

TEST(UrlTest, SplitsWhatBrowsersAndAppsSend) {
    struct Case {
        const char *text, *scheme, *host, *path, *query;
    };
    const Case cases[] = {
        {"https://a.example/b/c?d=e#f", "https", "a.example", "/b/c", "d=e"},
        {"https://user:pw@a.example:8443", "https", "a.example", "/", ""},
        {"//a.example/x", "", "a.example", "/x", ""},
        {"https://a.example//b//c", "https", "a.example", "//b//c", ""},
        {"https://a.example./b", "https", "a.example", "/b", ""},
        {"https://a.example\\b", "https", "a.example", "\\b", ""},
        {"/p?x=https://evil.example/", "", "", "/p", "x=https://evil.example/"},
        {"/p?", "", "", "/p", ""},
        {"android-app://com.example.app/", "android-app", "com.example.app", "/", ""},
        {"http://[2001:db8::1]:80/x", "http", "2001:db8::1", "/x", ""},
        {"http://[broken", "http", "broken", "/", ""},
        {"Home screen", "", "", "Home screen", ""},
        {"javascript:alert(1)", "", "", "javascript:alert(1)", ""},
        {"", "", "", "", ""},
        {"#only", "", "", "", ""},
    };
    for (const Case& c : cases) {
        const Url url = split_url(c.text);
        EXPECT_EQ(url.scheme, c.scheme) << c.text;
        EXPECT_EQ(url.host, c.host) << c.text;
        EXPECT_EQ(url.path, c.path) << c.text;
        EXPECT_EQ(url.query, c.query) << c.text;
    }
}

TEST(UrlTest, APageBeginsWithItsHostOnlyBehindAScheme) {
    struct Case {
        const char *text, *host, *path, *query;
    };
    const Case cases[] = {
        {"//a//b?c=//d#e", "", "//a//b", "c=//d"},
        {"///", "", "///", ""},
        {"//", "", "//", ""},
        {"https://a.example/b", "a.example", "/b", ""},
        {"/a//b", "", "/a//b", ""},
        {"Home screen", "", "Home screen", ""},
    };
    for (const Case& c : cases) {
        const Url url = split_page(c.text);
        EXPECT_EQ(url.host, c.host) << c.text;
        EXPECT_EQ(url.path, c.path) << c.text;
        EXPECT_EQ(url.query, c.query) << c.text;
    }
}

}  // namespace
}  // namespace footfall::event
