#include "enrich/channel.h"

#include <algorithm>
#include <initializer_list>

namespace footfall::enrich {
namespace {

using From = Acquisition;

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}
bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// ^(.*cp.*|ppc|retargeting|paid.*)$
bool is_paid(const From& from) {
    return contains(from.medium, "cp") || one_of(from.medium, {"ppc", "retargeting"}) ||
           from.medium.starts_with("paid");
}

/// ^(.*(([^a-df-z]|^)shop|shopping).*)$: "shop" as the start of a word or after an "e" (eshop), or "shopping" anywhere.
bool names_shopping(std::string_view campaign) {
    if (contains(campaign, "shopping")) return true;
    for (std::size_t at = campaign.find("shop"); at != std::string_view::npos; at = campaign.find("shop", at + 1)) {
        const char before = at == 0 ? ' ' : campaign[at - 1];
        if (before == 'e' || before < 'a' || before > 'z') return true;
    }
    return false;
}

bool is_shopping(const From& from) { return from.kind == SourceKind::kShopping || names_shopping(from.campaign); }
bool is_mail_word(std::string_view text) { return one_of(text, {"email", "e-mail", "e_mail", "e mail"}); }

struct Rule {
    std::string_view channel;
    bool (*applies)(const From&);
};

/// The first that applies decides.
constexpr Rule kRules[] = {
    {"Direct",
     [](const From& f) {
         return f.source.empty() && one_of(f.medium, {"", "(none)", "(not set)"});
     }},
    {"Cross-network", [](const From& f) { return contains(f.campaign, "cross-network"); }},
    {"Paid Shopping", [](const From& f) { return is_shopping(f) && is_paid(f); }},
    {"Paid Search", [](const From& f) { return f.kind == SourceKind::kSearch && is_paid(f); }},
    {"Paid Social", [](const From& f) { return f.kind == SourceKind::kSocial && is_paid(f); }},
    {"Paid Video", [](const From& f) { return f.kind == SourceKind::kVideo && is_paid(f); }},
    {"Display",
     [](const From& f) {
         return one_of(f.medium, {"display", "banner", "expandable", "interstitial", "cpm"});
     }},
    {"Paid Other", is_paid},
    {"AI", [](const From& f) { return f.kind == SourceKind::kAi || f.medium == "ai"; }},
    {"Organic Shopping", is_shopping},
    {"Organic Social",
     [](const From& f) {
         return f.kind == SourceKind::kSocial ||
                one_of(f.medium, {"social", "social-network", "social-media", "sm", "social network", "social media"});
     }},
    {"Organic Video", [](const From& f) { return f.kind == SourceKind::kVideo || contains(f.medium, "video"); }},
    {"Organic Search", [](const From& f) { return f.kind == SourceKind::kSearch || f.medium == "organic"; }},
    {"Referral",
     [](const From& f) {
         return one_of(f.medium, {"referral", "app", "link"});
     }},
    {"Email",
     [](const From& f) { return f.kind == SourceKind::kMail || is_mail_word(f.source) || is_mail_word(f.medium); }},
    {"Affiliates", [](const From& f) { return f.medium == "affiliate"; }},
    {"Audio", [](const From& f) { return f.medium == "audio"; }},
    {"SMS", [](const From& f) { return f.source == "sms" || f.medium == "sms"; }},
    {"Mobile Push",
     [](const From& f) {
         return f.medium.ends_with("push") || contains(f.medium, "mobile") || contains(f.medium, "notification") ||
                f.source == "firebase";
     }},
};

}  // namespace

std::string_view channel_of(const Acquisition& from) {
    for (const Rule& rule : kRules)
        if (rule.applies(from)) return rule.channel;
    return "Unassigned";
}

}  // namespace footfall::enrich
