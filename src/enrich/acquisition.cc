#include "enrich/acquisition.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "enrich/channel.h"
#include "enrich/text.h"
#include "event/url.h"

namespace footfall::enrich {
namespace {

constexpr std::size_t kReferrerMax = 2'000;
constexpr std::size_t kCampaignMax = 200;

std::string_view without_www(std::string_view host) {
    return host.size() > 4 && equal_ignoring_case(host.substr(0, 4), "www.") ? host.substr(4) : host;
}

/// The host itself or a subdomain of `domain`.
bool is_within(std::string_view host, std::string_view domain) {
    if (domain.empty() || host.size() < domain.size()) return false;
    const std::string_view tail = host.substr(host.size() - domain.size());
    return equal_ignoring_case(tail, domain) &&
           (host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.');
}

std::string_view medium_of(SourceKind kind) {
    switch (kind) {
        case SourceKind::kSearch: return "organic";
        case SourceKind::kAi: return "ai";
        case SourceKind::kSocial: return "social";
        case SourceKind::kVideo: return "video";
        case SourceKind::kMail: return "email";
        case SourceKind::kShopping:
        case SourceKind::kNone: break;
    }
    return "referral";
}

struct Campaign {
    std::string_view source, medium, name, term, content;
    const ClickId* click = nullptr;
};

Campaign read_query(std::string_view query, const SourceList& sources, event::Arena& arena) {
    Campaign campaign;
    const std::array<std::pair<std::string_view, std::string_view*>, 5> parameters = {{
        {"utm_source", &campaign.source},
        {"utm_medium", &campaign.medium},
        {"utm_campaign", &campaign.name},
        {"utm_term", &campaign.term},
        {"utm_content", &campaign.content},
    }};
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos || equals + 1 == pair.size()) continue;
        const std::string_view name = pair.substr(0, equals);
        if (name.size() > 4 && equal_ignoring_case(name.substr(0, 4), "utm_")) {
            for (const auto& [parameter, value] : parameters)
                if (value->empty() && equal_ignoring_case(name, parameter))
                    *value = decode_form(pair.substr(equals + 1), kCampaignMax, arena);
            continue;
        }
        for (const ClickId& click : sources.click_ids()) {
            if (campaign.click != nullptr && &click >= campaign.click) break;
            if (equal_ignoring_case(name, click.parameter)) campaign.click = &click;
        }
    }
    if (equal_ignoring_case(campaign.source, "(direct)") || equal_ignoring_case(campaign.source, "(not set)"))
        campaign.source = {};
    campaign.medium = event::lower_case(campaign.medium, arena);
    return campaign;
}

struct Referrer {
    std::string_view text;  ///< to be stored; empty: none, or internal
    std::string_view name;
    SourceKind kind = SourceKind::kNone;
};

/// Without the credentials that may stand before the host.
std::string_view without_credentials(std::string_view text, std::string_view host, event::Arena& arena) {
    const auto host_at = static_cast<std::size_t>(host.data() - text.data());
    const std::size_t authority_at = text.find("://") + 3;
    const bool bracket = host_at > authority_at && text[host_at - 1] == '[';
    const std::size_t kept_from = bracket ? host_at - 1 : host_at;
    if (kept_from == authority_at) return text;
    char* out = arena.allocate(text.size());
    std::memcpy(out, text.data(), authority_at);
    std::memcpy(out + authority_at, text.data() + kept_from, text.size() - kept_from);
    return {out, authority_at + text.size() - kept_from};
}

Referrer read_referrer(const event::Event& event, std::string_view site_domain, const SourceList& sources,
                       event::Arena& arena) {
    Referrer referrer;
    if (event.referrer.empty()) return referrer;
    const std::string_view text = cut_text(event.referrer.substr(0, event.referrer.find('#')), kReferrerMax);
    const event::Url url = event::split_url(text);
    const bool is_app = equal_ignoring_case(url.scheme, "android-app");
    if (url.host.empty() ||
        (!is_app && !equal_ignoring_case(url.scheme, "http") && !equal_ignoring_case(url.scheme, "https")))
        return referrer;
    const std::string_view host = event::lower_case(without_www(url.host), arena);
    const std::string_view own_host = without_www(event.hostname);
    if (!is_app && (equal_ignoring_case(host, own_host) || is_within(host, without_www(site_domain)))) return referrer;

    referrer.text = without_credentials(text, url.host, arena);
    const Source* source = is_app ? sources.by_android_package(host) : sources.by_host(host);
    referrer.name = source != nullptr ? std::string_view(source->name) : cut_text(host, kCampaignMax);
    referrer.kind = source != nullptr ? source->kind : SourceKind::kNone;
    return referrer;
}

}  // namespace

void fill_acquisition(event::Event& event, std::string_view page_query, std::string_view site_domain,
                      const SourceList& sources, event::Arena& arena) {
    if (event.event_type != "pageview" && event.event_type != "event") {
        event.referrer = {};
        return;
    }
    const Referrer referrer = read_referrer(event, site_domain, sources, arena);
    const Campaign campaign = page_query.empty() ? Campaign{} : read_query(page_query, sources, arena);
    const bool paid_click = campaign.click != nullptr && !campaign.click->medium.empty();

    event.referrer = referrer.text;
    event.campaign = campaign.name;
    event.term = campaign.term;
    event.content = campaign.content;
    if (campaign.click != nullptr) event.click_id = campaign.click->parameter;

    SourceKind kind = SourceKind::kNone;
    bool is_known = false;
    const auto take = [&](const Source* source, std::string_view otherwise) {
        event.source = source != nullptr ? std::string_view(source->name) : otherwise;
        kind = source != nullptr ? source->kind : SourceKind::kNone;
        is_known = source != nullptr;
    };
    if (!campaign.source.empty()) {
        take(sources.by_campaign_name(campaign.source), campaign.source);
    } else if (campaign.click != nullptr && (paid_click || referrer.text.empty())) {
        take(sources.by_name(campaign.click->source), campaign.click->source);
    } else if (!referrer.text.empty()) {
        event.source = referrer.name;
        kind = referrer.kind;
        is_known = true;  // where from is known, if only as a host: a referral
    }

    if (!campaign.medium.empty()) event.medium = campaign.medium;
    else if (paid_click) event.medium = campaign.click->medium;
    else if (is_known) event.medium = medium_of(kind);

    event.channel = channel_of(
        {event::lower_case(event.source, arena), kind, event.medium, event::lower_case(event.campaign, arena)});
}

}  // namespace footfall::enrich
