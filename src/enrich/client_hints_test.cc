#include "enrich/client_hints.h"

#include <gtest/gtest.h>

#include <string>

namespace footfall::enrich {
namespace {

#define WINDOWS "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
#define ANDROID "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
#define MAC "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
#define LINUX "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "

constexpr const char* kChromeBrands = R"("Not A(Brand";v="24", "Chromium";v="131", "Google Chrome";v="131")";

const UserAgentRules& rules() {
    static const UserAgentRules loaded = [] {
        auto result = UserAgentRules::load(FOOTFALL_NODE_MODULES "/uap-core/regexes.yaml");
        FOOTFALL_CHECK(result.has_value() && "uap-core is not installed: run scripts/install");
        return std::move(*result);
    }();
    return loaded;
}

std::string told(std::string_view user_agent, const ClientHints& hints) {
    UserAgent read = rules().parse(user_agent);
    std::string_view device = device_type(user_agent);
    refine(user_agent, read_hints(hints), read, device);
    return read.browser + " " + read.browser_version + ", " + read.os + " " + read.os_version + ", " +
           std::string(device);
}

TEST(ClientHintsTest, SayBetterWhatTheUserAgentHasFrozen) {
    struct Case {
        const char* user_agent;
        ClientHints hints;
        const char* expected;
    };
    const Case cases[] = {
        {WINDOWS "Chrome/131.0.0.0 Safari/537.36", {}, "Chrome 131, Windows 10, desktop"},
        // What every Chromium sends unasked.
        {WINDOWS "Chrome/131.0.0.0 Safari/537.36",
         {.brands = kChromeBrands, .mobile = "?0", .platform = R"("Windows")"},
         "Chrome 131, Windows 10, desktop"},
        {WINDOWS "Chrome/131.0.0.0 Safari/537.36",
         {.brands = R"("Brave";v="131", "Chromium";v="131", "Not_A Brand";v="24")", .platform = R"("Windows")"},
         "Brave 131, Windows 10, desktop"},
        {ANDROID "Chrome/131.0.0.0 Mobile Safari/537.36",
         {.brands = R"("Chromium";v="131", "Brave";v="131")", .mobile = "?1"},
         "Brave 131, Android 10, mobile"},
        {WINDOWS "Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0",
         {.brands = R"("Chromium";v="130", "Opera";v="116", "Not?A_Brand";v="99")"},
         "Opera 116, Windows 10, desktop"},
        {WINDOWS "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
         {.brands = R"("Microsoft Edge";v="131", "Chromium";v="131", "Not_A Brand";v="24")"},
         "Edge 131, Windows 10, desktop"},
        // A brand that is in no list is left to the user agent.
        {WINDOWS "Chrome/131.0.0.0 Safari/537.36",
         {.brands = R"("Chromium";v="131", "Nobody's Browser";v="7")"},
         "Chrome 131, Windows 10, desktop"},
        // What they send where the page asks for it.
        {WINDOWS "Chrome/131.0.0.0 Safari/537.36",
         {.brands = kChromeBrands,
          .full_brands = R"("Chromium";v="132.0.6778.86", "Google Chrome";v="132.0.6778.86")",
          .platform = R"("Windows")",
          .platform_version = R"("15.0.0")"},
         "Chrome 132, Windows 11, desktop"},
        {WINDOWS "Chrome/131.0.0.0 Safari/537.36",
         {.brands = kChromeBrands, .platform = R"("Windows")", .platform_version = R"("13.0.0")"},
         "Chrome 131, Windows 11, desktop"},
        {WINDOWS "Chrome/131.0.0.0 Safari/537.36",
         {.brands = kChromeBrands, .platform = R"("Windows")", .platform_version = R"("10.0.0")"},
         "Chrome 131, Windows 10, desktop"},
        {WINDOWS "Chrome/109.0.0.0 Safari/537.36",
         {.brands = kChromeBrands, .platform = R"("Windows")", .platform_version = R"("0.3")"},
         "Chrome 131, Windows 8.1, desktop"},
        {ANDROID "Chrome/131.0.0.0 Mobile Safari/537.36",
         {.brands = kChromeBrands,
          .mobile = "?1",
          .platform = R"("Android")",
          .platform_version = R"("15.0.0")",
          .model = R"("Pixel 9")"},
         "Chrome Mobile 131, Android 15, mobile"},
        {MAC "Chrome/131.0.0.0 Safari/537.36",
         {.brands = kChromeBrands, .platform = R"("macOS")", .platform_version = R"("14.6.1")"},
         "Chrome 131, Mac OS X 14, desktop"},
        {MAC "Chrome/131.0.0.0 Safari/537.36",
         {.brands = kChromeBrands, .platform = R"("macOS")", .platform_version = R"("10.15.7")"},
         "Chrome 131, Mac OS X 10.15, desktop"},
        {ANDROID "Chrome/131.0.0.0 Safari/537.36",
         {.brands = kChromeBrands, .platform = R"("Android")", .model = R"("BRAVIA 4K VH2")"},
         "Chrome 131, Android 10, tv"},
        // A phone that asks for the pages of a desktop.
        {LINUX "Chrome/131.0.0.0 Safari/537.36",
         {.brands = kChromeBrands, .mobile = "?1", .platform = R"("Android")", .platform_version = R"("14")"},
         "Chrome 131, Android 14, mobile"},
        // An app's name says more than the web view that it shows its pages in.
        {ANDROID "Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/489.0.0.66.81;]",
         {.brands = R"("Android WebView";v="131", "Chromium";v="131")"},
         "Facebook 489, Android 10, mobile"},
        // Who claims to be another browser is believed neither.
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
         {.brands = kChromeBrands, .platform = R"("Windows")", .platform_version = R"("15.0.0")"},
         "Firefox 132, Windows 10, desktop"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(std::string(c.user_agent) + " " + std::string(c.hints.brands));
        EXPECT_EQ(told(c.user_agent, c.hints), c.expected);
    }
}

TEST(ClientHintsTest, WhatIsNoStructuredFieldIsNotThere) {
    const std::string many = [] {
        std::string list = R"("Chromium";v="1")";
        for (int i = 0; i < 16; ++i) list += R"(, "a";v="1")";
        return list;
    }();
    const std::string longest = "\"Chromium\";v=\"1\";x=\"" + std::string(600, 'x') + "\"";
    for (const std::string& list :
         {std::string(R"("Chromium)"), std::string(R"("Chromium" "v")"), std::string(R"("Chromium";)"),
          std::string(R"("Chromium";v=)"), std::string(R"("Chromium";v="1",)"), std::string(R"("Chromium\n";v="1")"),
          std::string("\"Chromium\x01\""), std::string("\"Chromi\xc3\xbcm\""), std::string("Chromium"),
          std::string(","), std::string(R"("a\)"), many, longest}) {
        SCOPED_TRACE(list.substr(0, 60));
        EXPECT_TRUE(read_hints({.brands = list}).brands.empty());
    }
    const ReadHints read = read_hints({.brands = " \"a\\\"\\\\b\" ; v=\"12.3\" ;x; y=3\t,\"c\";v=\"x\"",
                                       .mobile = "?1 ",
                                       .platform = "\"Windows\"x",
                                       .platform_version = "15",
                                       .model = R"("Pixel 9";a=b)"});
    ASSERT_EQ(read.brands.size(), 2u);
    EXPECT_EQ(read.brands[0].name, "a\"\\b");
    EXPECT_EQ(read.brands[0].version, "12");
    EXPECT_EQ(read.brands[1].version, "") << "not a number";
    EXPECT_TRUE(read.is_mobile);
    EXPECT_EQ(read.platform, "");
    EXPECT_EQ(read.platform_version, "");
    EXPECT_EQ(read.model, "Pixel 9");
}

TEST(ClientHintsTest, VersionsAreShortNumbersOrNotTaken) {
    const std::string long_version = "\"Chromium\";v=\"" + std::string(400, '9') + "\", \"Google Chrome\";v=\"" + "1\"";
    const std::string told_of_it =
        told(WINDOWS "Chrome/131.0.0.0 Safari/537.36",
             {.brands = long_version, .platform = R"("Windows")", .platform_version = R"("99999999999999999999.1")"});
    EXPECT_EQ(told_of_it, "Chrome 1, Windows 10, desktop");
    for (const char* version : {R"("1x")", R"("-1")", R"("1.x")", R"("")", R"("..")"})
        EXPECT_EQ(told(MAC "Chrome/131.0.0.0 Safari/537.36",
                       {.brands = kChromeBrands, .platform = R"("macOS")", .platform_version = version}),
                  "Chrome 131, Mac OS X 10.15, desktop")
            << version;
}

TEST(ClientHintsTest, AWindowlessBrowserAndAnotherOneGiveThemselvesAway) {
    EXPECT_TRUE(read_hints({.brands = R"("HeadlessChrome";v="131", "Chromium";v="131")"}).is_headless());
    const ReadHints chrome = read_hints({.brands = kChromeBrands});
    EXPECT_FALSE(chrome.is_headless());
    EXPECT_FALSE(contradicts(WINDOWS "Chrome/131.0.0.0 Safari/537.36", chrome));
    EXPECT_FALSE(contradicts("", chrome));
    EXPECT_TRUE(contradicts("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", chrome));
    EXPECT_FALSE(contradicts("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", ReadHints{}));
}

}  // namespace
}  // namespace footfall::enrich
