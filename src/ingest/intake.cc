#include "ingest/intake.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace footfall::ingest {
namespace {

/// Field and reason where a site does not take the event of somebody who opted out or did not consent.
std::optional<std::pair<std::string_view, std::string_view>> refused_by(const catalog::Privacy& privacy, bool opts_out,
                                                                        std::string_view consent) {
    if (privacy.consent == catalog::ConsentPolicy::kRequired && consent != event::kGranted)
        return std::pair<std::string_view, std::string_view>("context.consent", kNoConsent);
    if (opts_out && privacy.opt_out == catalog::OptOutPolicy::kDrop)
        return std::pair<std::string_view, std::string_view>("", kOptedOut);
    return std::nullopt;
}

}  // namespace

void Intake::use(std::shared_ptr<const enrich::Tables> tables, std::uint64_t number) {
    enricher_.use(std::move(tables));
    tables_number_ = number;
}

Status Intake::parse(std::string_view body, const Sender& sender) {
    arena_.clear();
    tally_of_site_.clear();
    return parser_.parse(body, {.receive_ms = sender.sent_ms, .trusted = !sender.key_site_id.empty()}, arena_, batch_);
}

std::unique_ptr<Submission> Intake::make_submission(std::size_t body_bytes, const Sender& sender,
                                                    const catalog::Snapshot& snapshot) {
    const bool has_key = !sender.key_site_id.empty();
    auto submission = std::make_unique<Submission>();
    submission->receive_ms = sender.receive_ms;
    const std::size_t agent_bytes = std::min(sender.user_agent.size(), event::Limits::kUserAgent);
    submission->records.reserve(body_bytes + batch_.events.size() * (256 + agent_bytes));
    for (event::Incoming& in : batch_.events) {
        event::Event& event = in.event;
        const catalog::Site* site = snapshot.site(event.website_id);
        if (site == nullptr) {
            batch_.rejections.push_back({in.index, "tracking_id", kUnknown, event.website_id});
            continue;
        }
        if (has_key && sender.key_site_id != site->id) {
            batch_.rejections.push_back({in.index, "tracking_id", kForbidden, event.website_id});
            continue;
        }
        if (const auto refusal = refused_by(site->privacy, sender.opts_out, in.consent)) {
            batch_.rejections.push_back({in.index, std::string(refusal->first), refusal->second, event.website_id});
            continue;
        }
        // What has expired does not come back: the site's days of then are as they were summed up.
        if (event.timestamp < site->retention.expiring_ms) {
            batch_.rejections.push_back({in.index, "data.timestamp", "out_of_range", event.website_id});
            continue;
        }
        const bool is_anonymous = in.consent == event::kDenied ||
                                  (sender.opts_out && site->privacy.opt_out == catalog::OptOutPolicy::kAnonymous);
        if (is_anonymous) event.session_id = {};
        bool has_client_id = !event.event_id.is_nil();
        if (!has_client_id) {
            has_client_id = !sender.id_if_none.is_nil();
            event.event_id = has_client_id ? sender.id_if_none : make_uuid_v7(sender.receive_ms);
        }
        event.received_at = sender.receive_ms;
        enrich::Context context;
        context.page_query = in.page_query;
        context.receive_ms = sender.receive_ms;
        const std::optional<event::kind::ip> given = event::parse_ip(in.ip);
        context.address = given.value_or(sender.address);
        context.is_senders_address = has_key && !given;
        context.lacks_browser_headers = sender.lacks_browser_headers;
        if (in.user_agent.empty()) {
            context.user_agent = sender.user_agent;
            context.accept_language = sender.accept_language;
            context.is_senders_agent = has_key;
            context.hints = sender.hints;
        } else {
            context.user_agent = in.user_agent;
        }
        const enrich::SitePolicy policy{.domain = site->domain,
                                        .cookieless = site->privacy.cookieless || is_anonymous,
                                        .ip = is_anonymous || site->privacy.ip_policy == catalog::IpPolicy::kDrop
                                                  ? enrich::IpPolicy::kDrop
                                                  : enrich::IpPolicy::kTruncate,
                                        .session_timeout_ms = site->counting.session_timeout * std::int64_t{60'000}};
        enricher_.enrich(event, context, policy, arena_);
        const bool makes_session = event.event_type == "pageview" || event.event_type == "event";
        if (makes_session && site->counting.session_timeout != catalog::kSessionTimeoutDefault)
            event.session_timeout = static_cast<std::uint32_t>(site->counting.session_timeout);
        if (is_anonymous) event.click_id = event.user_agent = {};
        cap_.apply(event, sender.receive_ms, known_values_);
        const auto begin = static_cast<std::uint32_t>(submission->records.size());
        event::write_record(event, submission->records);
        submission->items.push_back({.begin = begin,
                                     .size = static_cast<std::uint32_t>(submission->records.size()) - begin,
                                     .site = tally_of(event.website_id, *submission),
                                     .has_client_id = has_client_id,
                                     .event_id = event.event_id});
    }
    std::sort(batch_.rejections.begin(), batch_.rejections.end(),
              [](const auto& a, const auto& b) { return a.index < b.index; });
    return submission;
}

std::string_view Intake::counted_site(const event::Rejection& rejection, const catalog::Snapshot& snapshot) {
    const bool is_known = rejection.reason != kForbidden && snapshot.site(rejection.website_id) != nullptr;
    return is_known ? rejection.website_id : std::string_view();
}

std::uint32_t Intake::tally_of(std::string_view website_id, Submission& submission) {
    const auto [found, added] =
        tally_of_site_.try_emplace(website_id, static_cast<std::uint32_t>(submission.tallies.size()));
    if (added) submission.tallies.push_back({.website_id = std::string(website_id)});
    return found->second;
}

}  // namespace footfall::ingest
