#include "process/live/site_window.h"

#include <algorithm>
#include <utility>

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
    const auto forget = [&](const auto& session) {
        if (is_remembered(session.last_ms)) return false;
        sources_.release(session.source);
        return true;
    };
    visitors_.erase_if(forget);
    earlier_.erase_if(forget);
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

void SiteWindow::change_source(Visitor& visitor, RecentVisitors::NameId source) {
    // All that a visitor did within the 5 minutes is of one session.
    sources_.move(visitor.id, visitor.source, source);
    sources_.release(std::exchange(visitor.source, source));
}

void SiteWindow::put_earlier(const EarlierSession& session) {
    const auto [found, is_new] = earlier_.insert(session);
    if (is_new) return;
    sources_.release(found->source);
    *found = session;
}

void SiteWindow::join_earlier(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms) {
    EarlierSession* earlier = earlier_.find({.visitor_id = visitor_id});
    if (earlier != nullptr && earlier->reaches(at_ms)) {
        earlier->last_ms = std::max(earlier->last_ms, at_ms);
        if (at_ms >= earlier->first_ms) return;
        earlier->first_ms = at_ms;
        sources_.release(std::exchange(earlier->source, sources_.hold(source)));
    } else if (is_remembered(at_ms) && (earlier == nullptr || at_ms > earlier->last_ms)) {
        put_earlier({.visitor_id = visitor_id, .first_ms = at_ms, .last_ms = at_ms, .source = sources_.hold(source)});
    }
}

void SiteWindow::join(Visitor& visitor, std::string_view source, std::int64_t at_ms) {
    if (at_ms >= visitor.last_ms + kSessionGapMs) {  // the next session
        put_earlier({.visitor_id = visitor.id,
                     .first_ms = visitor.first_ms,
                     .last_ms = visitor.last_ms,
                     .source = visitor.source});
        visitor.source = sources_.hold(source);
        visitor.first_ms = at_ms;
        return;
    }
    if (at_ms <= visitor.first_ms - kSessionGapMs) return join_earlier(visitor.id, source, at_ms);
    if (at_ms >= visitor.first_ms) return;
    EarlierSession* earlier = earlier_.find({.visitor_id = visitor.id});
    if (earlier != nullptr && earlier->reaches(at_ms)) {  // it closes the gap between the two
        change_source(visitor, earlier->source);
        visitor.first_ms = earlier->first_ms;
        earlier_.erase(earlier);
        return;
    }
    change_source(visitor, sources_.hold(source));
    visitor.first_ms = at_ms;
}

const SiteWindow::Visitor* SiteWindow::see(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms,
                                           Minute* minute) {
    const Visitor seen{.id = visitor_id, .first_ms = at_ms, .last_ms = at_ms, .minutes = 1};
    if (!is_remembered(at_ms)) {
        Visitor* known = visitors_.find(seen);
        if (known != nullptr) join(*known, source, at_ms);
        return known;
    }
    newest_ms_ = std::max(newest_ms_, at_ms);
    const auto [found, is_new] = visitors_.insert(seen);
    Visitor& visitor = *found;
    if (is_new) {
        visitor.source = sources_.hold(source);
        if (minute != nullptr) {
            ++minute->visitors;
            active_.add(at_ms / kSecondMs);
        }
        return &visitor;
    }
    join(visitor, source, at_ms);
    const std::int64_t before_ms = visitor.last_ms;
    const std::int64_t later = at_ms / kMinuteMs - before_ms / kMinuteMs;
    if (later > 0) visitor.minutes = later < 32 ? visitor.minutes << later : 0;
    // Of an earlier minute that is shown: the two are within half an hour.
    const std::uint32_t bit = later > 0 ? 1 : minute != nullptr ? 1u << -later : 0;
    if (minute != nullptr && (visitor.minutes & bit) == 0) ++minute->visitors;
    visitor.minutes |= bit;
    if (at_ms > before_ms) {
        visitor.last_ms = at_ms;
        active_.move(before_ms / kSecondMs, at_ms / kSecondMs);
    }
    return &visitor;
}

void SiteWindow::add(const event::Event& event) {
    if (event.is_bot || !makes_sessions(event.event_type)) return;
    const std::int64_t at_ms = std::min(event.timestamp, event.received_at);
    Minute* minute = minute_of(at_ms);
    const Visitor* visitor = see(event.visitor_id, event.source, at_ms, minute);
    if (minute == nullptr || visitor == nullptr) return;
    const bool is_pageview = event.event_type == "pageview";
    minute->pageviews += is_pageview ? 1 : 0;
    ++minute->events;
    const std::int64_t second = at_ms / kSecondMs;
    sources_.add(event.visitor_id, visitor->source, second);
    countries_.add(event.visitor_id, event.country, second);
    if (is_pageview) pages_.add(event.visitor_id, event.page, second);
    else events_.add(event.visitor_id, event.event_name, second);
}

SiteWindow::Remembered SiteWindow::remember(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms,
                                            std::int64_t unread_ms) {
    const Visitor* known = visitors_.find({.id = visitor_id});
    if (known == nullptr) {
        see(visitor_id, source, at_ms, nullptr);
        return Remembered::kNothing;
    }
    const RecentVisitors::NameId before = known->source;
    if (at_ms <= known->first_ms - kSessionGapMs) {
        const EarlierSession* earlier = earlier_.find({.visitor_id = visitor_id});
        const bool is_of_it = earlier != nullptr ? earlier->reaches(at_ms) : is_remembered(at_ms);
        const std::int64_t first_ms = earlier != nullptr ? earlier->first_ms : known->first_ms;
        if (!is_of_it) return unread_ms > first_ms - kSessionGapMs ? Remembered::kPerhapsLater : Remembered::kNothing;
    }
    known = see(visitor_id, source, at_ms, nullptr);
    return known->source != before ? Remembered::kSource : Remembered::kNothing;
}

bool SiteWindow::needs(std::int64_t unread_ms) const {
    const auto may_go_back = [&](const auto& session) { return session.first_ms - kSessionGapMs < unread_ms; };
    return is_remembered(unread_ms) || visitors_.any_of(may_go_back) || earlier_.any_of(may_go_back);
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
