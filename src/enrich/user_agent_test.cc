// Real user agents against the rules of uap-core, our device types and the bot verdict.
#include "enrich/user_agent.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <iterator>
#include <string>

#include "base/file.h"
#include "enrich/bot.h"

namespace footfall::enrich {
namespace {

struct Lists {
    UserAgentRules rules;
    BotRules bots;
};

Lists load() {
    const std::string modules = FOOTFALL_NODE_MODULES;
    const auto own = read_file(FOOTFALL_SOURCE_DIR "/schema/enrich/bots.json");
    auto rules = UserAgentRules::load(modules + "/uap-core/regexes.yaml");
    auto bots = BotRules::load(own.value_or(""), modules + "/crawler-user-agents/crawler-user-agents.json");
    FOOTFALL_CHECK(own.has_value() && "schema/enrich/bots.json");
    FOOTFALL_CHECK(rules.has_value() && "uap-core is not installed: run scripts/install");
    FOOTFALL_CHECK(bots.has_value() && "crawler-user-agents is not installed: run scripts/install");
    return {std::move(*rules), std::move(*bots)};
}

const Lists& lists() {
    static const Lists loaded = load();
    return loaded;
}

struct Case {
    const char* text;
    const char* browser;
    const char* version;
    const char* os;
    const char* os_version;
    const char* device;  // of the text alone
    const char* bot;
};

#define WINDOWS "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
#define MAC "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
#define LINUX "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
#define IPHONE "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
#define ANDROID "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "

constexpr Case kCases[] = {
    // Desktop browsers.
    {WINDOWS "Chrome/131.0.0.0 Safari/537.36", "Chrome", "131", "Windows", "10", "desktop", ""},
    {WINDOWS "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", "Edge", "131", "Windows", "10", "desktop", ""},
    {WINDOWS "Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0", "Opera", "115", "Windows", "10", "desktop", ""},
    {WINDOWS "Chrome/129.0.0.0 YaBrowser/24.10.0.0 Safari/537.36", "Yandex Browser", "24", "Windows", "10", "desktop",
     ""},
    {WINDOWS "Chrome/131.0.0.0 Safari/537.36 Vivaldi/7.0.3495.6", "Vivaldi", "7", "Windows", "10", "desktop", ""},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox", "132", "Windows",
     "10", "desktop", ""},
    {"Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0", "Firefox", "115", "Windows",
     "7", "desktop", ""},
    {"Mozilla/5.0 (Windows NT 6.3; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36",
     "Chrome", "109", "Windows", "8.1", "desktop", ""},
    {"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "IE", "11", "Windows", "10", "desktop",
     ""},
    {"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)", "IE", "8", "Windows", "XP", "desktop", ""},
    {"Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0; Touch; Tablet PC 2.0)", "IE", "10", "Windows",
     "8", "desktop", ""},
    {MAC "Chrome/131.0.0.0 Safari/537.36", "Chrome", "131", "Mac OS X", "10.15", "desktop", ""},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
     "Safari/605.1.15",
     "Safari", "18", "Mac OS X", "10.15", "desktop", ""},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 14.7; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox", "132",
     "Mac OS X", "14", "desktop", ""},
    {MAC "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", "Edge", "131", "Mac OS X", "10.15", "desktop", ""},
    {LINUX "Chrome/131.0.0.0 Safari/537.36", "Chrome", "131", "Linux", "", "desktop", ""},
    {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox", "132", "Ubuntu", "",
     "desktop", ""},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox", "128", "Linux", "", "desktop",
     ""},
    {"Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0", "Firefox", "131", "Fedora", "",
     "desktop", ""},
    {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
     "Chrome", "131", "Chrome OS", "14541", "desktop", ""},
    {"Mozilla/5.0 (X11; FreeBSD amd64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox", "120", "FreeBSD", "",
     "desktop", ""},
    {"Opera/9.80 (Windows NT 6.1; U; en) Presto/2.12.388 Version/12.18", "Opera", "12", "Windows", "7", "desktop", ""},
    {LINUX "Silk/102.2.1 like Chrome/102.0.5005.125 Safari/537.36", "Amazon Silk", "102", "Linux", "", "tablet", ""},

    // Phones.
    {IPHONE "Version/17.5 Mobile/15E148 Safari/604.1", "Mobile Safari", "17", "iOS", "17", "mobile", ""},
    {IPHONE "CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1", "Chrome Mobile iOS", "131", "iOS", "17", "mobile", ""},
    {IPHONE "FxiOS/132.0 Mobile/15E148 Safari/605.1.15", "Firefox iOS", "132", "iOS", "17", "mobile", ""},
    {IPHONE "Version/17.0 EdgiOS/130.0.2849.80 Mobile/15E148 Safari/605.1.15", "Edge Mobile", "130", "iOS", "17",
     "mobile", ""},
    {IPHONE
     "Mobile/15E148 Instagram 357.1.0.30.105 (iPhone14,5; iOS 17_5_1; de_DE; de; scale=3.00; 1170x2532; 660090000)",
     "Instagram", "357", "iOS", "17", "mobile", ""},
    {IPHONE "Mobile/15E148 "
            "[FBAN/FBIOS;FBAV/489.0.0.40.103;FBBV/660000000;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.5.1;FBSS/3]",
     "Facebook", "489", "iOS", "17", "mobile", ""},
    {IPHONE "GSA/341.3.692278309 Mobile/15E148 Safari/604.1", "Google", "341", "iOS", "17", "mobile", ""},
    {"Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/12.1.2 Mobile/15E148 "
     "Safari/604.1",
     "Mobile Safari", "12", "iOS", "12", "mobile", ""},
    {ANDROID "Chrome/131.0.0.0 Mobile Safari/537.36", "Chrome Mobile", "131", "Android", "10", "mobile", ""},
    {"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A.240905.003) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/131.0.0.0 Mobile Safari/537.36",
     "Chrome Mobile", "131", "Android", "14", "mobile", ""},
    {"Mozilla/5.0 (Linux; Android 14; SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 "
     "Chrome/122.0.0.0 Mobile Safari/537.36",
     "Samsung Internet", "26", "Android", "14", "mobile", ""},
    {"Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0", "Firefox Mobile", "132", "Android", "14",
     "mobile", ""},
    {ANDROID "Chrome/130.0.0.0 Mobile Safari/537.36 OPR/86.0.0.0", "Opera Mobile", "86", "Android", "10", "mobile", ""},
    {ANDROID "Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0", "Edge Mobile", "131", "Android", "10", "mobile",
     ""},
    {"Mozilla/5.0 (Linux; Android 13; SM-A536B Build/TP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
     "Chrome/130.0.6723.107 Mobile "
     "Safari/537.36",
     "Chrome Mobile WebView", "130", "Android", "13", "mobile", ""},
    {"Mozilla/5.0 (Linux; U; Android 12; zh-CN; M2007J17C Build/SKQ1) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Version/4.0 Chrome/100.0.4896.58 "
     "UCBrowser/15.5.8.1228 Mobile Safari/537.36",
     "UC Browser", "15", "Android", "12", "mobile", ""},
    {"Mozilla/5.0 (Linux; U; Android 4.4.2; de-de; GT-I9505 Build/KOT49H) AppleWebKit/534.30 (KHTML, like Gecko) "
     "Version/4.0 Mobile Safari/534.30",
     "Android", "4", "Android", "4.4", "mobile", ""},
    {"Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Mobile "
     "Safari/537.36",
     "Chrome Mobile", "110", "Android", "10", "mobile", ""},
    {"Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16", "Opera Mini", "36",
     "Android", "", "mobile", ""},
    {"Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/52.0.2743.116 Mobile "
     "Safari/537.36 Edge/15.15063",
     "Edge Mobile", "15", "Windows Phone", "10", "mobile", ""},
    {"Mozilla/5.0 (BB10; Touch) AppleWebKit/537.35+ (KHTML, like Gecko) Version/10.3.3.2205 Mobile Safari/537.35+",
     "BlackBerry WebKit", "10", "BlackBerry OS", "10", "mobile", ""},
    {"Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5", "Firefox Mobile", "48", "KaiOS",
     "2.5", "mobile", ""},

    // Tablets.
    {"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
     "Mobile/15E148 Safari/604.1",
     "Mobile Safari", "17", "iOS", "17", "tablet", ""},
    {"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0.6723.90 "
     "Mobile/15E148 Safari/604.1",
     "Chrome Mobile iOS", "130", "iOS", "16", "tablet", ""},
    {"Mozilla/5.0 (Linux; Android 13; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
     "Chrome", "131", "Android", "13", "tablet", ""},
    {"Mozilla/5.0 (Android 13; Tablet; rv:132.0) Gecko/132.0 Firefox/132.0", "Firefox Mobile", "132", "Android", "13",
     "tablet", ""},
    {"Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.4.1 like "
     "Chrome/120.0.6099.144 Safari/537.36",
     "Amazon Silk", "120", "Android", "9", "tablet", ""},
    {"Mozilla/5.0 (PlayBook; U; RIM Tablet OS 2.1.0; en-US) AppleWebKit/536.2+ (KHTML, like Gecko) Version/7.2.1.0 "
     "Safari/536.2+",
     "BlackBerry WebKit", "2", "BlackBerry Tablet OS", "2", "tablet", ""},

    // Television and consoles.
    {"Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/4.0 "
     "Chrome/85.0.4183.93 TV Safari/537.36",
     "Samsung Internet", "4", "Tizen", "6.5", "tv", ""},
    {"Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 "
     "WebAppManager",
     "Chrome", "94", "Web0S", "", "tv", ""},
    {"Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7233; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
     "Chrome/70.0.3538.110 Mobile "
     "Safari/537.36",
     "Chrome Mobile WebView", "70", "Android", "9", "tv", ""},
    {"Mozilla/5.0 (PlayStation 4 11.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Safari/605.1.15",
     "Safari", "16", "", "", "console", ""},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/64.0.3282.140 Safari/537.36 "
     "Edge/18.18363",
     "Edge", "18", "Windows", "10", "console", ""},
    {"Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.2.21.3 "
     "NintendoBrowser/5.1.0.22474",
     "", "", "", "", "console", ""},

    // Programs.
    {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", "2", "", "", "other",
     "ua:crawler-list"},
    {"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/131.0.6778.69 Mobile Safari/537.36 "
     "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
     "Googlebot", "2", "Android", "6", "mobile", "ua:crawler-list"},
    {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) "
     "Chrome/116.0.1938.76 "
     "Safari/537.36",
     "bingbot", "2", "", "", "other", "ua:crawler-list"},
    {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", "GPTBot",
     "1", "", "", "other", "ua:crawler-list"},
    {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
     "ClaudeBot", "1", "", "", "other", "ua:crawler-list"},
    {"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "AhrefsBot", "7", "", "", "other",
     "ua:crawler-list"},
    {"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "FacebookBot", "1", "", "", "other",
     "ua:crawler-list"},
    {"Mozilla/5.0 (compatible; SomeUnlistedThing-Spider/1.0; +https://spider.example)", "SomeUnlistedThing-Spider", "1",
     "", "", "other", "ua:spider"},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
     "HeadlessChrome", "131", "Linux", "", "desktop", "ua:headless"},
    {"Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
     "PhantomJS", "2", "Linux", "", "desktop", "ua:headless"},
    {"curl/8.5.0", "curl", "8", "", "", "other", "ua:http-library"},
    {"python-requests/2.32.3", "Python Requests", "2", "", "", "other", "ua:http-library"},
    {"Go-http-client/2.0", "Go-http-client", "2", "", "", "other", "ua:http-library"},
    {"okhttp/4.12.0", "okhttp", "4", "", "", "other", "ua:http-library"},
    {"Wget/1.21.4", "Wget", "1", "", "", "other", "ua:http-library"},
};

TEST(UserAgentTest, RealUserAgentsHaveTheirBrowserSystemDeviceAndVerdict) {
    static_assert(std::size(kCases) >= 60);
    for (const Case& expected : kCases) {
        SCOPED_TRACE(expected.text);
        const UserAgent read = lists().rules.parse(expected.text);
        EXPECT_EQ(read.browser, expected.browser);
        EXPECT_EQ(read.browser_version, expected.version);
        EXPECT_EQ(read.os, expected.os);
        EXPECT_EQ(read.os_version, expected.os_version);
        EXPECT_EQ(device_type(expected.text), expected.device);
        EXPECT_EQ(lists().bots.judge(expected.text, read.is_spider), expected.bot);
    }
}

TEST(UserAgentTest, EveryRuleOfTheInstalledListsIsUnderstood) {
    EXPECT_GT(lists().rules.size(), 1'000u);
    EXPECT_EQ(lists().rules.skipped(), 0u);
    EXPECT_GT(lists().bots.crawlers(), 1'000u);
    EXPECT_EQ(lists().bots.skipped(), 0u);
}

TEST(UserAgentTest, EveryInstanceThatTheCrawlerListGivesIsABotOrExcepted) {
    simdjson::dom::parser parser;
    std::size_t instances = 0, people = 0;
    for (const simdjson::dom::element crawler :
         simdjson::dom::array(parser.load(FOOTFALL_NODE_MODULES "/crawler-user-agents/crawler-user-agents.json"))) {
        for (const std::string_view instance : crawler["instances"]) {
            ++instances;
            people += lists().bots.judge(instance, false).empty() ? 1 : 0;
        }
    }
    EXPECT_GT(instances, 1'000u);
    // Texts whose telling part stands behind the 512th byte, and those that our list says are of people.
    EXPECT_LE(people, instances / 500) << "of " << instances;
}

TEST(UserAgentTest, HostileTextsGiveShortPrintableValues) {
    const std::string texts[] = {
        std::string(100'000, 'a'),
        std::string(300, 'x') + "/1.2.3 CFNetwork/1 Darwin/1",
        "evil\x01\x02\n\"<script>-iPhone/1.0 CFNetwork",
        "\xff\xfe\xfd/9 CFNetwork/1490 Darwin/23",
        "Mozilla/5.0 (Linux; Android " + std::string(400, '9') + ") Chrome/" + std::string(400, '1'),
        std::string("nul\0Chrome/1", 12),
        "",
    };
    for (const std::string& text : texts) {
        SCOPED_TRACE(text.substr(0, 40));
        const UserAgent read = lists().rules.parse(text);
        for (const std::string& value : {read.browser, read.browser_version, read.os, read.os_version}) {
            EXPECT_LE(value.size(), 64u);
            for (const char c : value) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
        }
        EXPECT_FALSE(device_type(text).empty());
        lists().bots.judge(text, read.is_spider);
    }
}

TEST(UserAgentTest, LoadNamesTheFileThatIsMissingOrWrong) {
    const auto missing = UserAgentRules::load("/nonexistent/regexes.yaml");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, Code::kIo);
    EXPECT_NE(missing.error().message.find("/nonexistent/regexes.yaml"), std::string::npos);

    const std::string path = testing::TempDir() + "/not_rules.yaml";
    ASSERT_TRUE(write_file_atomically(path, "user_agent_parsers: 3\n").has_value());
    const auto wrong = UserAgentRules::load(path);
    ASSERT_FALSE(wrong.has_value());
    EXPECT_EQ(wrong.error().code, Code::kCorrupt);
    EXPECT_FALSE(BotRules::load("{}", "").has_value());
    EXPECT_FALSE(BotRules::load(R"({"version":"1","rules":[]})", path).has_value());
}

}  // namespace
}  // namespace footfall::enrich
