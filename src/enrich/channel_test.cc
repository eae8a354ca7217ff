// Each condition of GA4's default channel groups alone: https://support.google.com/analytics/answer/9756891, and our
// own "AI" among them. What a source or a campaign's name is made of has its tests in acquisition_test.cc.
#include "enrich/channel.h"

#include <gtest/gtest.h>

#include <string>

namespace footfall::enrich {
namespace {

struct Case {
    const char* channel;
    Acquisition from;
};

constexpr auto kNone = SourceKind::kNone;
constexpr auto kSearch = SourceKind::kSearch;
constexpr auto kSocial = SourceKind::kSocial;
constexpr auto kVideo = SourceKind::kVideo;
constexpr auto kShopping = SourceKind::kShopping;
constexpr auto kMail = SourceKind::kMail;
constexpr auto kAi = SourceKind::kAi;

constexpr Case kCases[] = {
    // Source is direct, and medium is none or not set.
    {"Direct", {"", kNone, "", ""}},
    {"Direct", {"", kNone, "(none)", ""}},
    {"Direct", {"", kNone, "(not set)", ""}},
    {"Direct", {"", kNone, "", "spring"}},
    // The campaign's name contains "cross-network".
    {"Cross-network", {"google", kSearch, "cpc", "cross-network"}},
    {"Cross-network", {"google", kSearch, "cpc", "a cross-network one"}},
    // Medium: ^(.*cp.*|ppc|retargeting|paid.*)$; source of shops, or campaign ^(.*(([^a-df-z]|^)shop|shopping).*)$.
    {"Paid Shopping", {"amazon", kShopping, "cpc", ""}},
    {"Paid Shopping", {"google", kSearch, "ppc", "shop"}},
    {"Paid Shopping", {"google", kSearch, "paid", "my-shop"}},
    {"Paid Shopping", {"google", kSearch, "retargeting", "eshop"}},
    {"Paid Shopping", {"google", kSearch, "cpm", "windowshopping"}},
    {"Paid Search", {"google", kSearch, "cpc", "workshop"}},
    {"Paid Search", {"google", kSearch, "cpc", ""}},
    {"Paid Search", {"google", kSearch, "ppc", ""}},
    {"Paid Search", {"google", kSearch, "retargeting", ""}},
    {"Paid Search", {"google", kSearch, "paidsearch", ""}},
    {"Paid Search", {"google", kSearch, "my-cpa", ""}},
    {"Paid Social", {"facebook", kSocial, "paid-social", ""}},
    {"Paid Social", {"facebook", kSocial, "cpm", ""}},
    {"Paid Video", {"youtube", kVideo, "cpv,cpc", ""}},
    // Medium alone, of a source that is none of those.
    {"Display", {"net", kNone, "display", ""}},
    {"Display", {"net", kNone, "banner", ""}},
    {"Display", {"net", kNone, "expandable", ""}},
    {"Display", {"net", kNone, "interstitial", ""}},
    {"Display", {"net", kNone, "cpm", ""}},
    {"Display", {"google", kSearch, "display", ""}},
    {"Paid Other", {"net", kNone, "cpc", ""}},
    {"Paid Other", {"net", kNone, "paid", ""}},
    {"Paid Other", {"chatgpt", kAi, "cpc", ""}},
    {"AI", {"chatgpt", kAi, "ai", ""}},
    {"AI", {"chatgpt", kAi, "referral", ""}},
    {"AI", {"somebody's", kNone, "ai", ""}},
    {"Organic Shopping", {"amazon", kShopping, "referral", ""}},
    {"Organic Shopping", {"letter", kNone, "x", "shop"}},
    {"Organic Social", {"facebook", kSocial, "referral", ""}},
    {"Organic Social", {"forum", kNone, "social", ""}},
    {"Organic Social", {"forum", kNone, "social-network", ""}},
    {"Organic Social", {"forum", kNone, "social-media", ""}},
    {"Organic Social", {"forum", kNone, "sm", ""}},
    {"Organic Social", {"forum", kNone, "social network", ""}},
    {"Organic Social", {"forum", kNone, "social media", ""}},
    {"Organic Video", {"youtube", kVideo, "referral", ""}},
    {"Organic Video", {"forum", kNone, "my video", ""}},
    {"Organic Search", {"google", kSearch, "referral", ""}},
    {"Organic Search", {"somebody's", kNone, "organic", ""}},
    {"Referral", {"blog.example", kNone, "referral", ""}},
    {"Referral", {"blog.example", kNone, "app", ""}},
    {"Referral", {"blog.example", kNone, "link", ""}},
    {"Email", {"gmail", kMail, "x", ""}},
    {"Email", {"email", kNone, "x", ""}},
    {"Email", {"e-mail", kNone, "x", ""}},
    {"Email", {"e_mail", kNone, "x", ""}},
    {"Email", {"e mail", kNone, "x", ""}},
    {"Email", {"letter", kNone, "email", ""}},
    {"Email", {"letter", kNone, "e-mail", ""}},
    {"Email", {"letter", kNone, "e_mail", ""}},
    {"Email", {"letter", kNone, "e mail", ""}},
    {"Affiliates", {"partner", kNone, "affiliate", ""}},
    {"Audio", {"podcast", kNone, "audio", ""}},
    {"SMS", {"sms", kNone, "x", ""}},
    {"SMS", {"crm", kNone, "sms", ""}},
    {"Mobile Push", {"app", kNone, "push", ""}},
    {"Mobile Push", {"app", kNone, "web-push", ""}},
    {"Mobile Push", {"app", kNone, "a mobile one", ""}},
    {"Mobile Push", {"app", kNone, "notifications", ""}},
    {"Mobile Push", {"firebase", kNone, "x", ""}},
    // Near misses.
    {"Unassigned", {"somebody", kNone, "", ""}},
    {"Unassigned", {"somebody", kNone, "x", ""}},
    {"Unassigned", {"somebody", kNone, "pushed", ""}},
    {"Unassigned", {"somebody", kNone, "affiliates", ""}},
    {"Unassigned", {"somebody", kNone, "unpaid", ""}},
    {"Unassigned", {"somebody", kNone, "x", "workshop"}},
    {"Unassigned", {"", kNone, "x", ""}},
};

TEST(ChannelTest, EveryConditionOfEveryGroupAppliesAndInTheirOrder) {
    for (const Case& c : kCases) {
        SCOPED_TRACE(std::string(c.from.source) + " / " + std::string(c.from.medium) + " / " +
                     std::string(c.from.campaign));
        EXPECT_EQ(channel_of(c.from), c.channel);
    }
}

}  // namespace
}  // namespace footfall::enrich
