#include "process/live/site_window.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace footfall::process {
namespace {

constexpr std::int64_t kSecondMs = 1'000;

}  // namespace

bool SiteWindow::advance(std::int64_t now_ms) {
    if (now_ms <= now_ms_) return false;
    const bool is_new_minute = now_ms / kMinuteMs != now_ms_ / kMinuteMs;
    now_ms_ = now_ms;
    const auto active = [this] { return active_.count() << active_shift_; };
    const std::uint64_t before = active();
    const unsigned shift = active_shift_;
    active_.advance(now_ms / kSecondMs);
    bool is_other = false;
    for (RecentVisitors* recent : {&pages_, &sources_, &countries_, &events_})
        is_other |= recent->advance(now_ms / kSecondMs);
    if (!is_new_minute) return is_other || active() != before;
    const auto forget = [&](const auto& session) {
        if (is_remembered(session.last_ms)) return false;
        sources_.release(session.source);
        return true;
    };
    visitors_.erase_if(forget);
    earlier_.erase_if(forget);
    account();
    take_in();
    for (Minute& minute : minutes_)
        if (minute.minute <= now_ms / kMinuteMs - store::kLiveMinutes) minute = {};
    return is_other || active() != before || active_shift_ != shift;
}

void SiteWindow::account() {
    const std::size_t held = visitors_.size() + earlier_.size();
    budget_.used = budget_.used - held_ + held;
    held_ = held;
}

void SiteWindow::count_active_again() {
    active_ = RecentCount();
    active_.advance(now_ms_ / kSecondMs);
    visitors_.for_each([&](const Visitor& visitor) {
        if (is_active(visitor)) active_.add(visitor.last_ms / kSecondMs);
    });
}

void SiteWindow::leave_out() {
    ++shift_;
    const auto is_left_out = [&](std::uint64_t visitor_id, RecentVisitors::NameId source) {
        if (RecentVisitors::is_of_sample(visitor_id, shift_)) return false;
        sources_.release(source);
        return true;
    };
    sources_.leave_out_at_least(shift_);
    visitors_.erase_if([&](const Visitor& visitor) { return is_left_out(visitor.id, visitor.source); });
    earlier_.erase_if([&](const EarlierSession& session) { return is_left_out(session.visitor_id, session.source); });
    account();
    // Minutes of a smaller sample than is remembered now are as they were.
    std::array<bool, store::kLiveMinutes> is_counted{};
    for (std::size_t i = 0; i < minutes_.size(); ++i) {
        if (minutes_[i].minute < 0 || minutes_[i].shift >= shift_) continue;
        minutes_[i].shift = shift_;
        minutes_[i].visitors = 0;
        is_counted[i] = true;
    }
    visitors_.for_each([&](const Visitor& visitor) {
        for (std::int64_t ago = 0; ago < store::kLiveMinutes; ++ago) {
            const std::int64_t minute = visitor.last_ms / kMinuteMs - ago;
            const auto slot = static_cast<std::size_t>(minute % store::kLiveMinutes);
            if ((visitor.minutes >> ago & 1) == 0 || minutes_[slot].minute != minute || !is_counted[slot]) continue;
            ++minutes_[slot].visitors;
        }
    });
    active_shift_ = std::max(active_shift_, shift_);
    count_active_again();
}

void SiteWindow::take_in() {
    if (shift_ < active_shift_ && now_ms_ - taken_in_ms_ >= store::kLiveNowMs + kSecondMs) {
        active_shift_ = shift_;
        count_active_again();
    }
    if (shift_ == 0 || shift_ < active_shift_ || budget_.used + held_ > budget_.max / 2) return;
    // Who is taken in was not noted in the minutes before this one.
    const std::int64_t now = now_ms_ / kMinuteMs;
    for (std::int64_t minute = now - store::kLiveMinutes + 1; minute < now; ++minute) minute_of(minute * kMinuteMs);
    --shift_;
    sources_.leave_out_at_least(shift_);
    taken_in_ms_ = now_ms_;
}

SiteWindow::Minute* SiteWindow::minute_of(std::int64_t at_ms) {
    const std::int64_t minute = at_ms / kMinuteMs;
    if (minute <= now_ms_ / kMinuteMs - store::kLiveMinutes) return nullptr;
    Minute& slot = minutes_[static_cast<std::size_t>(minute % store::kLiveMinutes)];
    if (slot.minute != minute) slot = {.minute = minute, .shift = shift_};  // what was there is 30 minutes older
    return &slot;
}

void SiteWindow::count_in_interval(std::int64_t at_ms, bool is_pageview) {
    const std::int64_t interval = at_ms / store::kLiveIntervalMs;
    if (interval <= now_ms_ / store::kLiveIntervalMs - store::kLiveIntervals) return;
    Interval& slot = intervals_[static_cast<std::size_t>(interval % store::kLiveIntervals)];
    if (slot.interval != interval) slot = {.interval = interval};
    slot.pageviews += is_pageview ? 1 : 0;
    ++slot.events;
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
    if (!RecentVisitors::is_of_sample(visitor_id, shift_)) return nullptr;
    const bool is_of_minute = minute != nullptr && RecentVisitors::is_of_sample(visitor_id, minute->shift);
    const auto [found, is_new] = visitors_.insert(seen);
    Visitor& visitor = *found;
    if (is_new) {
        visitor.source = sources_.hold(source);
        if (is_of_minute) ++minute->visitors;
        if (minute != nullptr && is_active(visitor)) active_.add(at_ms / kSecondMs);
        return &visitor;
    }
    join(visitor, source, at_ms);
    const std::int64_t before_ms = visitor.last_ms;
    const std::int64_t later = at_ms / kMinuteMs - before_ms / kMinuteMs;
    if (later > 0) visitor.minutes = later < 32 ? visitor.minutes << later : 0;
    // Of an earlier minute that is shown: the two are within half an hour.
    const std::uint32_t bit = later > 0 ? 1 : minute != nullptr ? 1u << -later : 0;
    if (is_of_minute && (visitor.minutes & bit) == 0) ++minute->visitors;
    visitor.minutes |= bit;
    if (at_ms > before_ms) {
        visitor.last_ms = at_ms;
        if (is_active(visitor)) active_.move(before_ms / kSecondMs, at_ms / kSecondMs);
    }
    return &visitor;
}

void SiteWindow::add(const event::Event& event) {
    if (event.is_bot || !makes_sessions(event.event_type)) return;
    const std::int64_t at_ms = std::min(event.timestamp, event.received_at);
    Minute* minute = minute_of(at_ms);
    const Visitor* visitor = see(event.visitor_id, event.source, at_ms, minute);
    account();
    if (minute == nullptr) return;
    const bool is_pageview = event.event_type == "pageview";
    minute->pageviews += is_pageview ? 1 : 0;
    ++minute->events;
    count_in_interval(at_ms, is_pageview);
    const std::int64_t second = at_ms / kSecondMs;
    if (visitor != nullptr) sources_.add(event.visitor_id, visitor->source, second);
    countries_.add(event.visitor_id, event.country, second);
    if (is_pageview) pages_.add(event.visitor_id, event.page, second);
    else events_.add(event.visitor_id, event.event_name, second);
}

SiteWindow::Remembered SiteWindow::remember(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms,
                                            std::int64_t unread_ms) {
    const Visitor* known = visitors_.find({.id = visitor_id});
    if (known == nullptr) {
        see(visitor_id, source, at_ms, nullptr);
        account();
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
    account();
    return known->source != before ? Remembered::kSource : Remembered::kNothing;
}

bool SiteWindow::needs(std::int64_t unread_ms) const {
    const auto may_go_back = [&](const auto& session) { return session.first_ms - kSessionGapMs < unread_ms; };
    return is_remembered(unread_ms) || visitors_.any_of(may_go_back) || earlier_.any_of(may_go_back);
}

store::LivePart SiteWindow::part(const store::LiveNamesLimits& limits) const {
    const auto rate = [](unsigned shift) { return std::ldexp(1.0, -static_cast<int>(shift)); };
    store::LivePart out;
    out.at_ms = now_ms_;
    out.active_visitors = active_.count() << active_shift_;
    unsigned shift = active_shift_;
    for (const RecentVisitors* recent : {&pages_, &sources_, &countries_, &events_})
        shift = std::max(shift, recent->shift());
    out.sample_rate = rate(shift);
    const std::int64_t last = now_ms_ / kMinuteMs;
    for (std::int64_t minute = last - store::kLiveMinutes + 1; minute <= last; ++minute) {
        const Minute& slot = minutes_[static_cast<std::size_t>(minute % store::kLiveMinutes)];
        if (slot.minute != minute) continue;
        store::LivePart::Minute& of = out.minutes.emplace_back();
        of.start_ms = minute * kMinuteMs;
        of.pageviews = slot.pageviews;
        of.events = slot.events;
        of.visitors = slot.visitors << slot.shift;
        of.sample_rate = rate(slot.shift);
    }
    const std::int64_t last_interval = now_ms_ / store::kLiveIntervalMs;
    for (std::int64_t interval = last_interval - store::kLiveIntervals + 1; interval <= last_interval; ++interval) {
        const Interval& slot = intervals_[static_cast<std::size_t>(interval % store::kLiveIntervals)];
        if (slot.interval != interval) continue;
        out.intervals.push_back({interval * store::kLiveIntervalMs, slot.pageviews, slot.events});
    }
    out.pages = pages_.top(limits);
    out.sources = sources_.top(limits);
    out.countries = countries_.top(limits);
    out.events = events_.top(limits);
    return out;
}

}  // namespace footfall::process
