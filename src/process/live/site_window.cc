#include "process/live/site_window.h"

#include <algorithm>

#include "process/sessions/session.h"

namespace footfall::process {
namespace {

constexpr std::int64_t kSecondMs = 1'000;

}  // namespace

void SiteWindow::advance(std::int64_t now_ms) {
    if (now_ms <= now_ms_) return;
    const bool is_new_minute = now_ms / kMinuteMs != now_ms_ / kMinuteMs;
    now_ms_ = now_ms;
    for (RecentVisitors* recent : {&active_, &pages_, &sources_, &countries_, &events_})
        recent->advance(now_ms / kSecondMs);
    if (!is_new_minute) return;
    std::erase_if(session_sources_, [&](const auto& of) { return of.second.last_ms <= now_ms - kSessionGapMs; });
    for (Minute& minute : minutes_)
        if (minute.minute <= now_ms / kMinuteMs - store::kLiveMinutes) minute = {};
}

SiteWindow::Minute* SiteWindow::minute_of(std::int64_t at_ms) {
    const std::int64_t minute = at_ms / kMinuteMs;
    if (minute <= now_ms_ / kMinuteMs - store::kLiveMinutes) return nullptr;
    Minute& slot = minutes_[static_cast<std::size_t>(minute % store::kLiveMinutes)];
    slot.minute = minute;  // what was there before is 30 minutes older, and gone
    return &slot;
}

const std::string& SiteWindow::source_of(const event::Event& event, std::int64_t at_ms) {
    const auto [found, is_new] = session_sources_.try_emplace(event.visitor_id);
    SessionSource& session = found->second;
    const bool starts = is_new || at_ms >= session.last_ms + kSessionGapMs;
    const bool is_first = at_ms < session.first_ms && at_ms > session.first_ms - kSessionGapMs;
    if (starts || is_first) {
        session.source = event.source;
        session.first_ms = at_ms;
    }
    session.last_ms = starts ? at_ms : std::max(session.last_ms, at_ms);
    return session.source;
}

void SiteWindow::add(const event::Event& event) {
    if (event.is_bot || !makes_sessions(event.event_type)) return;
    const std::int64_t at_ms = std::min(event.timestamp, event.received_at);
    Minute* minute = minute_of(at_ms);
    if (minute == nullptr) return;
    const bool is_pageview = event.event_type == "pageview";
    newest_ms_ = std::max(newest_ms_, at_ms);
    minute->pageviews += is_pageview ? 1 : 0;
    ++minute->events;
    minute->visitors.insert(event.visitor_id);
    const std::int64_t second = at_ms / kSecondMs;
    active_.add(event.visitor_id, "", second);
    sources_.add(event.visitor_id, source_of(event, at_ms), second);
    countries_.add(event.visitor_id, event.country, second);
    if (is_pageview) pages_.add(event.visitor_id, event.page, second);
    else events_.add(event.visitor_id, event.event_name, second);
}

store::LiveNumbers SiteWindow::numbers() const {
    store::LiveNumbers out;
    out.active_visitors = active_.count("");
    const std::int64_t last = now_ms_ / kMinuteMs;
    for (std::int64_t minute = last - store::kLiveMinutes + 1; minute <= last; ++minute) {
        const Minute& slot = minutes_[static_cast<std::size_t>(minute % store::kLiveMinutes)];
        store::LiveMinute& of = out.minutes.emplace_back(store::LiveMinute{.start_ms = minute * kMinuteMs});
        if (slot.minute != minute) continue;
        of.pageviews = slot.pageviews;
        of.events = slot.events;
        of.visitors = slot.visitors.size();
    }
    out.pages = pages_.top(store::kLiveEntriesMax);
    out.sources = sources_.top(store::kLiveEntriesMax);
    out.countries = countries_.top(store::kLiveEntriesMax);
    out.events = events_.top(store::kLiveEntriesMax);
    return out;
}

}  // namespace footfall::process
