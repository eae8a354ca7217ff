#include "process/sessions/fold.h"

#include <algorithm>
#include <set>
#include <utility>

#include <xxhash.h>

namespace footfall::process {
namespace {

/// How long before a ping its pageview may lie. Older ones are not looked for: that would read far too much of the
/// table.
constexpr std::int64_t kPingReachMs = 24 * 3'600'000;

constexpr std::int64_t kLetGoEveryMs = 60'000;

/// How far the times of two ids of one client may be off; as much as a timestamp may be early.
constexpr std::int64_t kIdClockMs = 5 * 60'000;

/// When the ping's pageview was at the earliest: a rule, not a guess, for a session that ended before is none of the
/// ping's, wherever it is kept. Ids are of the client's clock, and timestamps were corrected by it (sent_at), so the
/// ping's own id tells how far that clock is ahead.
std::int64_t earliest_pageview_time(const event::Event& ping) {
    const std::int64_t reach = ping.timestamp - kPingReachMs;
    const auto named = ping.pageview_id.time_ms();
    // An id that is newer than its ping tells nothing: it was made when old events were sent, or the clock is far
    // ahead.
    if (!named || *named > ping.timestamp) return reach;
    const std::int64_t ahead = ping.event_id.time_ms().value_or(ping.timestamp) - ping.timestamp;
    return std::max(reach, *named - std::max<std::int64_t>(ahead, 0) - kIdClockMs);
}

}  // namespace

SessionFold::VisitorKey SessionFold::key_of(std::string_view website_id, std::uint64_t visitor_id, bool is_bot) {
    return {.site = XXH64(website_id.data(), website_id.size(), 0), .visitor = visitor_id, .is_bot = is_bot};
}

void SessionFold::restart(std::int64_t complete_from) {
    visitors_.clear();
    looked_up_.clear();
    held_ = 0;
    complete_from_ = complete_from;
    newest_received_at_ = 0;
    changed_.clear();
    joined_away_.clear();
    aliases_.clear();
    engaged_.clear();
    engaged_before_.clear();
    engaged_generation_ = 0;
}

void SessionFold::load(Session session, std::uint64_t version, std::vector<std::uint64_t> absorbed_keys) {
    // In between, a session may be held under another key than the table's, or not at all any more.
    FOOTFALL_CHECK(changed_.empty() && joined_away_.empty());
    Visitor& visitor = visitors_[key_of(session.website_id, session.visitor_id, session.is_bot)];
    for (const auto& held : visitor)
        if (held->session.session_key == session.session_key && held->session.website_id == session.website_id) return;
    auto held = std::make_unique<Held>();
    held->session = std::move(session);
    held->version = version;
    held->absorbed = std::move(absorbed_keys);
    visitor.push_back(std::move(held));
    ++held_;
}

std::optional<SessionFold::LookUp> SessionFold::look_up_for(const event::Event& event) const {
    std::int64_t from = 0;
    // Those that are open then or began later: last_at() is half an hour before what they reach, or later.
    if (makes_sessions(event.event_type)) from = event.timestamp - kSessionGapMs + 1;
    else if (event.event_type == "ping" && event.time_on_page > 0) from = earliest_pageview_time(event);
    else return std::nullopt;
    if (from >= complete_from_) return std::nullopt;
    const auto known = looked_up_.find(key_of(event.website_id, event.visitor_id, false));
    if (known != looked_up_.end() && known->second <= from) return std::nullopt;
    return LookUp{.website_id = std::string(event.website_id), .visitor_id = event.visitor_id, .last_from = from};
}

void SessionFold::looked_up(const LookUp& who) {
    const auto [known, added] = looked_up_.try_emplace(key_of(who.website_id, who.visitor_id, false), who.last_from);
    if (!added) known->second = std::min(known->second, who.last_from);
}

void SessionFold::touch(Held& held) {
    if (held.is_changed) return;
    held.is_changed = true;
    held.before = std::make_unique<Session>(held.session);
    changed_.push_back(&held);
}

std::uint64_t SessionFold::add_session(Visitor& visitor, Session session, std::uint64_t offset) {
    const float engaged = take_engaged({key_of(session.website_id, session.visitor_id, session.is_bot),
                                        static_cast<std::uint32_t>(session.session_key)},
                                       offset);
    if (session.pageviews > 0) session.engaged = engaged;
    auto held = std::make_unique<Held>();
    held->session = std::move(session);
    held->is_changed = true;
    changed_.push_back(held.get());
    visitor.push_back(std::move(held));
    ++held_;
    return visitor.back()->session.session_key;
}

void SessionFold::join(Visitor& visitor, std::size_t into, std::size_t from) {
    Held& kept = *visitor[into];
    touch(*visitor[from]);
    std::unique_ptr<Held> gone = std::move(visitor[from]);
    visitor.erase(visitor.begin() + static_cast<std::ptrdiff_t>(from));
    --held_;
    const std::uint64_t keys[] = {kept.session.session_key, gone->session.session_key};
    kept.session.join(gone->session);
    gone->is_gone = true;
    kept.absorbed.insert(kept.absorbed.end(), gone->absorbed.begin(), gone->absorbed.end());
    for (const std::uint64_t key : keys)
        if (key != kept.session.session_key) kept.absorbed.push_back(key);
    // All of them: what was joined to the key that is gone now follows it.
    for (const std::uint64_t old_key : kept.absorbed)
        aliases_.push_back(
            {.website_id = kept.session.website_id, .old_key = old_key, .new_key = kept.session.session_key});
    joined_away_.push_back(std::move(gone));
}

std::uint64_t SessionFold::apply(const event::Event& event, std::uint64_t offset) {
    newest_received_at_ = std::max(newest_received_at_, event.received_at);
    if (!makes_sessions(event.event_type)) {
        if (event.event_type == "ping" && event.time_on_page > 0) note_engaged(event, offset);
        return 0;
    }
    Visitor& visitor = visitors_[key_of(event.website_id, event.visitor_id, event.is_bot)];
    Session single = Session::of(event);
    const auto reaches = [&](const std::unique_ptr<Held>& held) {
        return held->session.website_id == event.website_id && held->session.reaches(single);
    };
    const auto first = std::find_if(visitor.begin(), visitor.end(), reaches);
    if (first == visitor.end()) return add_session(visitor, std::move(single), offset);
    Held& held = **first;
    const auto reached = static_cast<std::size_t>(first - visitor.begin());
    touch(held);
    held.session.extend(single);
    // Mostly none, and one more where the event closes a gap. A long timeout may reach several sessions of a time when
    // it was shorter. They do not reach each other, so the one event says which are joined.
    for (std::size_t i = visitor.size() - 1; i > reached; --i)
        if (reaches(visitor[i])) join(visitor, reached, i);
    return held.session.session_key;
}

void SessionFold::note_engaged(const event::Event& ping, std::uint64_t offset) {
    const std::uint64_t session_key = session_key_of(ping.pageview_id);
    const auto seconds = static_cast<float>(ping.time_on_page);
    const VisitorKey who = key_of(ping.website_id, ping.visitor_id, ping.is_bot);
    if (const auto visitor = visitors_.find(who); visitor != visitors_.end()) {
        const std::int64_t earliest = earliest_pageview_time(ping);
        for (const auto& held : visitor->second) {
            // One that is older may be held or not, so it must make no difference.
            if (held->session.session_key != session_key || held->session.ended_at < earliest) continue;
            // Engaged is who has a page before them: a ping that names a custom event says nothing of it.
            const bool is_one_pageview = held->session.events == 1 && held->session.pageviews == 1;
            if (!is_one_pageview || held->session.engaged >= seconds) return;
            touch(*held);
            held->session.engaged = seconds;
            return;
        }
    }
    remember_engaged({who, event_key_of(ping.pageview_id)}, {.offset = offset, .seconds = seconds});
}

void SessionFold::remember_ping(std::string_view website_id, std::uint64_t visitor_id, bool is_bot,
                                std::uint32_t pageview, float seconds, std::uint64_t offset) {
    const VisitorKey who = key_of(website_id, visitor_id, is_bot);
    // Of a session that is there already the table's row has it.
    if (const auto visitor = visitors_.find(who); visitor != visitors_.end())
        for (const auto& held : visitor->second)
            if (static_cast<std::uint32_t>(held->session.session_key) == pageview) return;
    remember_engaged({who, pageview}, {.offset = offset, .seconds = seconds});
}

void SessionFold::remember_engaged(const PendingKey& key, Pending pending) {
    if (pending.offset / kPingEntries != engaged_generation_) {
        // Two generations hold at least what an event may still ask for.
        const bool is_next = pending.offset / kPingEntries == engaged_generation_ + 1;
        engaged_before_ = is_next ? std::move(engaged_) : Engaged();
        engaged_.clear();
        engaged_generation_ = pending.offset / kPingEntries;
    }
    std::vector<Pending>& pings = engaged_[key];
    // An earlier ping that says no more counts in no case in which the later one does not.
    while (!pings.empty() && pings.back().seconds <= pending.seconds) pings.pop_back();
    pings.push_back(pending);
}

float SessionFold::take_engaged(const PendingKey& key, std::uint64_t offset) {
    float most = 0;
    for (Engaged* generation : {&engaged_, &engaged_before_}) {
        const auto found = generation->find(key);
        if (found == generation->end()) continue;
        for (const Pending& ping : found->second)
            if (ping.offset + kPingEntries >= offset) most = std::max(most, ping.seconds);
        generation->erase(found);
    }
    return most;
}

std::vector<SessionChange> SessionFold::take_changes(std::uint64_t version) {
    std::vector<SessionChange> changes;
    changes.reserve(changed_.size());
    for (Held* held : changed_) {
        held->is_changed = false;
        SessionChange change{.before = std::nullopt, .before_version = held->version, .after = std::nullopt};
        if (held->before) change.before = std::move(*std::exchange(held->before, nullptr));
        if (!held->is_gone) change.after = held->session;
        if (change.before == change.after) continue;
        held->version = version;
        changes.push_back(std::move(change));
    }
    changed_.clear();
    joined_away_.clear();
    return changes;
}

std::vector<SessionAlias> SessionFold::take_aliases() {
    // A key that was joined twice in a batch leads to where it came last.
    std::vector<SessionAlias> last;
    std::set<std::pair<std::string, std::uint64_t>> seen;
    for (auto alias = aliases_.rbegin(); alias != aliases_.rend(); ++alias)
        if (seen.emplace(alias->website_id, alias->old_key).second) last.push_back(std::move(*alias));
    aliases_.clear();
    return last;
}

std::int64_t SessionFold::keep_half_from() const {
    std::vector<std::int64_t> last_at;
    last_at.reserve(held_);
    for (const auto& [key, visitor] : visitors_)
        for (const auto& held : visitor) last_at.push_back(held->session.last_at());
    const auto last_to_go = last_at.end() - static_cast<std::ptrdiff_t>(held_max_ / 2 + 1);
    std::nth_element(last_at.begin(), last_to_go, last_at.end());
    return *last_to_go + 1;
}

void SessionFold::let_go() {
    if (looked_up_.size() > held_max_) looked_up_.clear();
    std::int64_t keep_from = newest_received_at_ - kHoldMs;
    // Not after each batch: a walk over all of them pays when a minute's worth has become old, or there is
    // no room for more.
    if (held_ > held_max_) keep_from = std::max({keep_from, complete_from_, keep_half_from()});
    else if (keep_from < complete_from_ + kLetGoEveryMs) return;
    complete_from_ = keep_from;
    looked_up_.clear();
    for (auto at = visitors_.begin(); at != visitors_.end();) {
        held_ -= std::erase_if(at->second, [&](const auto& held) { return held->session.last_at() < keep_from; });
        at = at->second.empty() ? visitors_.erase(at) : std::next(at);
    }
}

}  // namespace footfall::process
