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
    active_.advance(now_ms / kSecondMs);
    for (RecentVisitors* recent : {&pages_, &sources_, &countries_, &events_}) recent->advance(now_ms / kSecondMs);
    if (!is_new_minute) return;
    visitors_.erase_if([&](const Visitor& visitor) {
        if (visitor.last_ms > now_ms - kSessionGapMs) return false;
        sources_.release(visitor.source);
        return true;
    });
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

const SiteWindow::Visitor& SiteWindow::see(const event::Event& event, std::int64_t at_ms, Minute& minute) {
    const auto [found, is_new] =
        visitors_.insert({.id = event.visitor_id, .first_ms = at_ms, .last_ms = at_ms, .minutes = 1});
    Visitor& visitor = *found;
    const std::int64_t before_ms = visitor.last_ms;
    const bool starts = is_new || at_ms >= before_ms + kSessionGapMs;
    const bool is_first = at_ms < visitor.first_ms && at_ms > visitor.first_ms - kSessionGapMs;
    if (starts || is_first) {
        if (!is_new) sources_.release(visitor.source);
        visitor.source = sources_.hold(event.source);
        visitor.first_ms = at_ms;
    }
    if (is_new) {
        ++minute.visitors;
        active_.add(at_ms / kSecondMs);
        return visitor;
    }
    // Both are within half an hour, or the event is later by more: then nothing is left of the bits.
    const std::int64_t later = at_ms / kMinuteMs - before_ms / kMinuteMs;
    if (later > 0) visitor.minutes = later < 32 ? visitor.minutes << later : 0;
    const std::uint32_t bit = later > 0 ? 1 : 1u << -later;
    if ((visitor.minutes & bit) == 0) ++minute.visitors;
    visitor.minutes |= bit;
    if (at_ms > before_ms) {
        visitor.last_ms = at_ms;
        active_.move(before_ms / kSecondMs, at_ms / kSecondMs);
    }
    return visitor;
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
    const std::int64_t second = at_ms / kSecondMs;
    sources_.add(event.visitor_id, see(event, at_ms, *minute).source, second);
    countries_.add(event.visitor_id, event.country, second);
    if (is_pageview) pages_.add(event.visitor_id, event.page, second);
    else events_.add(event.visitor_id, event.event_name, second);
}

store::LiveNumbers SiteWindow::numbers() const {
    store::LiveNumbers out;
    out.active_visitors = active_.count();
    const std::int64_t last = now_ms_ / kMinuteMs;
    for (std::int64_t minute = last - store::kLiveMinutes + 1; minute <= last; ++minute) {
        const Minute& slot = minutes_[static_cast<std::size_t>(minute % store::kLiveMinutes)];
        store::LiveMinute& of = out.minutes.emplace_back(store::LiveMinute{.start_ms = minute * kMinuteMs});
        if (slot.minute != minute) continue;
        of.pageviews = slot.pageviews;
        of.events = slot.events;
        of.visitors = slot.visitors;
    }
    out.pages = pages_.top(store::kLiveEntriesMax);
    out.sources = sources_.top(store::kLiveEntriesMax);
    out.countries = countries_.top(store::kLiveEntriesMax);
    out.events = events_.top(store::kLiveEntriesMax);
    return out;
}

}  // namespace footfall::process
