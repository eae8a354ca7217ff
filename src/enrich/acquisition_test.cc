#include "enrich/acquisition.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "enrich/channel.h"

namespace footfall::enrich {
namespace {

const SourceList& sources() {
    static const SourceList list = [] {
        const auto json = read_file(FOOTFALL_SOURCE_DIR "/schema/enrich/sources.json");
        auto loaded = SourceList::load(json.value_or(""));
        FOOTFALL_CHECK(loaded.has_value() && "schema/enrich/sources.json");
        return std::move(*loaded);
    }();
    return list;
}

struct Filled {
    event::Arena arena;
    event::Event event;
};

Filled fill(std::string_view referrer, std::string_view query, std::string_view type = "pageview") {
    Filled out;
    out.event.event_type = type;
    out.event.hostname = "www.shop.example";
    out.event.referrer = referrer;
    fill_acquisition(out.event, query, "shop.example", sources(), out.arena);
    return out;
}

TEST(AcquisitionTest, ReferrersAndCampaignsGiveSourceMediumAndChannel) {
    struct Case {
        const char* referrer;
        const char* query;
        const char* source;
        const char* medium;
        const char* channel;
    };
    for (const Case& c : {
             Case{"", "", "", "", "Direct"},
             {"https://www.google.com/", "", "Google", "organic", "Organic Search"},
             {"https://www.google.co.uk/search?q=x", "", "Google", "organic", "Organic Search"},
             {"https://www.google.com.br/", "", "Google", "organic", "Organic Search"},
             {"https://news.google.com/articles/1", "", "Google News", "organic", "Organic Search"},
             {"https://duckduckgo.com/", "", "DuckDuckGo", "organic", "Organic Search"},
             {"https://uk.search.yahoo.com/search", "", "Yahoo!", "organic", "Organic Search"},
             {"android-app://com.google.android.googlequicksearchbox/", "", "Google", "organic", "Organic Search"},
             {"android-app://com.google.android.gm/", "", "Gmail", "email", "Email"},
             {"android-app://org.unknown.reader", "", "org.unknown.reader", "referral", "Referral"},
             {"https://mail.google.com/mail/u/0", "", "Gmail", "email", "Email"},
             {"https://chatgpt.com/", "", "ChatGPT", "ai", "AI"},
             {"https://gemini.google.com/app", "", "Gemini", "ai", "AI"},
             {"", "utm_source=chatgpt.com", "ChatGPT", "ai", "AI"},
             {"https://www.perplexity.ai/search/1", "", "Perplexity", "ai", "AI"},
             {"https://l.facebook.com/l.php?u=x", "", "Facebook", "social", "Organic Social"},
             {"https://www.facebook.com/", "fbclid=abc", "Facebook", "social", "Organic Social"},
             {"", "fbclid=abc", "Facebook", "social", "Organic Social"},
             {"https://t.co/abc", "", "X", "social", "Organic Social"},
             {"https://out.reddit.com/", "", "Reddit", "social", "Organic Social"},
             {"https://news.ycombinator.com/item?id=1", "", "Hacker News", "social", "Organic Social"},
             {"https://www.youtube.com/watch", "", "YouTube", "video", "Organic Video"},
             {"https://www.amazon.de/dp/1", "", "Amazon", "referral", "Organic Shopping"},
             {"https://blog.example.org/post#part", "", "blog.example.org", "referral", "Referral"},
             {"https://WWW.Blog.Example.ORG/post", "", "blog.example.org", "referral", "Referral"},
             {"https://google.example.org/", "", "google.example.org", "referral", "Referral"},
             {"https://notgoogle.com/", "", "notgoogle.com", "referral", "Referral"},
             {"https://google.com.evil.example/", "", "google.com.evil.example", "referral", "Referral"},
             // Internal, or no place at all.
             {"https://shop.example/cart", "", "", "", "Direct"},
             {"https://www.shop.example/", "", "", "", "Direct"},
             {"https://blog.shop.example/", "", "", "", "Direct"},
             {"https://noshop.example/", "", "noshop.example", "referral", "Referral"},
             {"about:blank", "", "", "", "Direct"},
             {"javascript:alert(1)", "", "", "", "Direct"},
             {"file:///etc/passwd", "", "", "", "Direct"},
             {"not a url", "", "", "", "Direct"},
             {"https://", "", "", "", "Direct"},
             // Paid.
             {"https://www.google.com/", "gclid=1", "Google", "cpc", "Paid Search"},
             {"https://partner.example/", "gclid=1", "Google", "cpc", "Paid Search"},
             {"", "msclkid=1", "Bing", "cpc", "Paid Search"},
             {"", "ttclid=1", "TikTok", "cpc", "Paid Social"},
             {"", "dclid=1", "Google", "display", "Display"},
             {"", "utm_source=google&utm_medium=CPC&utm_campaign=x", "Google", "cpc", "Paid Search"},
             {"", "utm_source=bing&utm_medium=ppc", "Bing", "ppc", "Paid Search"},
             {"", "utm_source=fb&utm_medium=paid_social", "Facebook", "paid_social", "Paid Social"},
             {"", "utm_source=youtube&utm_medium=cpv_cpc", "YouTube", "cpv_cpc", "Paid Video"},
             {"", "utm_source=google&utm_medium=cpc&utm_campaign=summer-shop", "Google", "cpc", "Paid Shopping"},
             {"", "utm_source=google&utm_medium=cpc&utm_campaign=workshop", "Google", "cpc", "Paid Search"},
             {"", "utm_source=google&utm_medium=cpc&utm_campaign=eshop", "Google", "cpc", "Paid Shopping"},
             {"", "utm_source=google&utm_medium=cpc&utm_campaign=Cross-network-1", "Google", "cpc", "Cross-network"},
             {"", "utm_source=adnet&utm_medium=banner", "adnet", "banner", "Display"},
             {"", "utm_source=adnet&utm_medium=cpc", "adnet", "cpc", "Paid Other"},
             {"", "utm_source=chatgpt&utm_medium=cpc", "ChatGPT", "cpc", "Paid Other"},
             // Named by the campaign.
             {"", "utm_source=etsy", "Etsy", "referral", "Organic Shopping"},
             {"", "utm_source=letter&utm_medium=email", "letter", "email", "Email"},
             {"", "utm_source=E-Mail&utm_medium=x", "E-Mail", "x", "Email"},
             {"", "utm_source=partner&utm_medium=affiliate", "partner", "affiliate", "Affiliates"},
             {"", "utm_source=pod&utm_medium=audio", "pod", "audio", "Audio"},
             {"", "utm_source=sms", "sms", "", "SMS"},
             {"", "utm_source=crm&utm_medium=sms", "crm", "sms", "SMS"},
             {"", "utm_source=app&utm_medium=web-push", "app", "web-push", "Mobile Push"},
             {"", "utm_source=firebase&utm_medium=x", "firebase", "x", "Mobile Push"},
             {"", "utm_source=x.example&utm_medium=video-ad", "x.example", "video-ad", "Organic Video"},
             {"", "utm_source=forum&utm_medium=social-media", "forum", "social-media", "Organic Social"},
             {"", "utm_source=blog&utm_medium=link", "blog", "link", "Referral"},
             {"", "utm_source=news", "news", "", "Unassigned"},
             {"https://www.google.com/", "utm_source=letter&utm_medium=email", "letter", "email", "Email"},
             {"https://www.google.com/", "utm_medium=email", "Google", "email", "Organic Search"},
             {"https://blog.shop.example/", "utm_source=fb", "Facebook", "social", "Organic Social"},
             {"", "utm_source=(direct)&utm_medium=(none)", "", "(none)", "Direct"},
         }) {
        SCOPED_TRACE(std::string(c.referrer) + " ? " + c.query);
        const Filled out = fill(c.referrer, c.query);
        EXPECT_EQ(out.event.source, c.source);
        EXPECT_EQ(out.event.medium, c.medium);
        EXPECT_EQ(out.event.channel, c.channel);
    }
}

TEST(AcquisitionTest, CampaignParametersAreDecodedAndClickIdsOnlyNamed) {
    const Filled out = fill("",
                            "a=1&UTM_Campaign=Spring+Sale%21&utm_term=%C3%BCber&utm_content=x&utm_content=y&utm_source="
                            "&gclid=SECRET&fbclid=SECRET&b");
    EXPECT_EQ(out.event.campaign, "Spring Sale!");
    EXPECT_EQ(out.event.term,
              "\xc3\xbc"
              "ber");
    EXPECT_EQ(out.event.content, "x");
    EXPECT_EQ(out.event.click_id, "gclid");
    EXPECT_EQ(out.event.source, "Google");

    const Filled long_value = fill("", "utm_campaign=" + std::string(5'000, 'x'));
    EXPECT_EQ(long_value.event.campaign.size(), 200u);
}

TEST(AcquisitionTest, TheReferrerIsKeptWithoutFragmentAndCredentials) {
    EXPECT_EQ(fill("https://user:secret@blog.example.org:8080/p?q=1#part", "").event.referrer,
              "https://blog.example.org:8080/p?q=1");
    EXPECT_EQ(fill("https://u@[2001:db8::1]:8080/p", "").event.referrer, "https://[2001:db8::1]:8080/p");
    EXPECT_EQ(fill("https://[2001:db8::1]/p", "").event.referrer, "https://[2001:db8::1]/p");
    EXPECT_EQ(fill("https://blog.example.org/" + std::string(5'000, 'x'), "").event.referrer.size(), 2'000u);
    EXPECT_EQ(fill("https://blog.shop.example/p", "").event.referrer, "") << "internal";
    EXPECT_EQ(fill("android-app://com.google.android.gm/", "").event.referrer, "android-app://com.google.android.gm/");
}

TEST(AcquisitionTest, PingsVitalsAndIdentifiesHaveNoAcquisition) {
    for (const char* type : {"ping", "vitals", "identify"}) {
        const Filled out = fill("https://www.google.com/", "utm_source=x", type);
        EXPECT_EQ(out.event.channel, "");
        EXPECT_EQ(out.event.source, "");
        EXPECT_EQ(out.event.referrer, "");
    }
    EXPECT_EQ(fill("https://www.google.com/", "", "event").event.channel, "Organic Search");
}

TEST(SourceListTest, TheLongestHostWinsAndTheListIsLargeEnough) {
    EXPECT_GE(sources().hosts(), 150u);
    EXPECT_EQ(sources().by_host("google.de")->name, "Google");
    EXPECT_EQ(sources().by_host("maps.google.de")->name, "Google");
    EXPECT_EQ(sources().by_host("shopping.google.co.uk")->name, "Google Shopping");
    EXPECT_EQ(sources().by_host("copilot.microsoft.com")->name, "Microsoft Copilot");
    EXPECT_EQ(sources().by_host("yahoo.co.jp")->name, "Yahoo! Japan");
    EXPECT_EQ(sources().by_host("example.com"), nullptr);
    EXPECT_EQ(sources().by_host(""), nullptr);
    EXPECT_EQ(sources().by_host("com"), nullptr);
    EXPECT_EQ(sources().by_host("..."), nullptr);
    EXPECT_EQ(sources().by_campaign_name("IG")->name, "Instagram");
    EXPECT_EQ(sources().by_campaign_name("m.facebook.com")->name, "Facebook");
    EXPECT_FALSE(sources().version().empty());
}

TEST(SourceListTest, BrokenListsAreRefused) {
    for (const char* json : {"", "[]", R"({"version":"1"})",
                             R"({"version":"1","sources":[{"name":"X","kind":"planet","hosts":[]}],"click_ids":[]})"})
        EXPECT_FALSE(SourceList::load(json).has_value()) << json;
}

}  // namespace
}  // namespace footfall::enrich
