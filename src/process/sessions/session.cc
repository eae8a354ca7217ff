#include "process/sessions/session.h"

#include <algorithm>
#include <tuple>

#include <xxhash.h>

#include "base/bytes.h"

namespace footfall::process {

namespace {

constexpr bool varies(std::string_view name) {
    return std::find(std::begin(kVaryingAttributes), std::end(kVaryingAttributes), name) !=
           std::end(kVaryingAttributes);
}

/// By place in FOOTFALL_SESSION_ATTRIBUTES.
#define FOOTFALL_VARIES(name) varies(#name),
constexpr std::array kVaries = {FOOTFALL_SESSION_ATTRIBUTES(FOOTFALL_VARIES)};
#undef FOOTFALL_VARIES

static_assert(std::count(kVaries.begin(), kVaries.end(), true) == std::ssize(kVaryingAttributes));

}  // namespace

SessionAttributes::SessionAttributes(const Values& values) {
    for (std::size_t i = 0; i + 1 < values.size(); ++i) put_varint(packed_, values[i].size());
    for (const std::string_view value : values) packed_ += value;
}

SessionAttributes SessionAttributes::of(const event::Event& event) {
#define FOOTFALL_VALUE(name) event.name,
    return SessionAttributes(Values{FOOTFALL_SESSION_ATTRIBUTES(FOOTFALL_VALUE)});
#undef FOOTFALL_VALUE
}

SessionAttributes::Values SessionAttributes::values() const {
    Values values{};
    if (packed_.empty()) return values;
    std::string_view rest = packed_;
    std::array<std::size_t, kCount> sizes{};
    for (std::size_t i = 0; i + 1 < kCount; ++i) sizes[i] = static_cast<std::size_t>(take_varint(rest).value_or(0));
    for (std::size_t i = 0; i + 1 < kCount; ++i) {
        values[i] = rest.substr(0, sizes[i]);
        rest.remove_prefix(sizes[i]);
    }
    values.back() = rest;
    return values;
}

bool SessionAttributes::varies_from(const SessionAttributes& other) const {
    if (*this == other) return false;
    const Values own = values();
    const Values others = other.values();
    for (std::size_t i = 0; i < kCount; ++i)
        if (kVaries[i] && own[i] != others[i]) return true;
    return false;
}

std::uint64_t session_key_of(const Uuid& event_id) {
    const std::uint64_t key = XXH64(event_id.bytes.data(), event_id.bytes.size(), 0);
    return key != 0 ? key : 1;
}

std::uint32_t event_key_of(const Uuid& event_id) { return static_cast<std::uint32_t>(session_key_of(event_id)); }

std::uint32_t event_key_of(const event::Event& event) {
    return event_key_of(event.event_type == "ping" ? event.pageview_id : event.event_id);
}

Session Session::of(const event::Event& event) {
    Session session;
    session.website_id = event.website_id;
    session.visitor_id = event.visitor_id;
    session.is_bot = event.is_bot;
    session.session_key = session_key_of(event.event_id);
    session.first_received_at = event.received_at;
    session.started_at = session.ended_at = event.timestamp;
    session.open_until = event.timestamp + session_gap_ms(event);
    session.events = 1;
    if (event.event_type == "pageview") {
        session.pageviews = 1;
        session.entry_at = session.exit_at = event.timestamp;
        session.entry_page = session.exit_page = event.page;
    } else if (!event.non_interactive) {
        session.interactions = 1;
    }
    session.revenue.add(event.currency, event.revenue);
    session.attributes = SessionAttributes::of(event);
    return session;
}

void Session::join(const Session& other) {
    if (std::tie(other.first_received_at, other.session_key) < std::tie(first_received_at, session_key)) {
        first_received_at = other.first_received_at;
        session_key = other.session_key;
    }
    extend(other);
}

void Session::extend(const Session& other) {
    is_mixed = is_mixed || other.is_mixed || attributes.varies_from(other.attributes);
    if (other.started_at < started_at || (other.started_at == started_at && other.attributes < attributes))
        attributes = other.attributes;
    started_at = std::min(started_at, other.started_at);
    ended_at = std::max(ended_at, other.ended_at);
    open_until = std::max(open_until, other.open_until);
    revenue.add(other.revenue);
    if (other.pageviews > 0) {
        if (pageviews == 0 || std::tie(other.entry_at, other.entry_page) < std::tie(entry_at, entry_page)) {
            entry_at = other.entry_at;
            entry_page = other.entry_page;
        }
        if (pageviews == 0 || std::tie(other.exit_at, other.exit_page) > std::tie(exit_at, exit_page)) {
            exit_at = other.exit_at;
            exit_page = other.exit_page;
        }
    }
    pageviews += other.pageviews;
    events += other.events;
    interactions += other.interactions;
    engaged = 0;
}

}  // namespace footfall::process
