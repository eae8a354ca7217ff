#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "event/event.h"
#include "process/sessions/revenue.h"

namespace footfall::process {

/// A run of one visitor's pageviews and events, bots' apart, each of which comes before the timeout of an earlier one
/// is over, by event time. That timeout is the site's when the earlier one was received: 30 minutes by default, 1 to
/// 1,440 by the record's session_timeout. So an event covers the time from its own to the end of its timeout, and a
/// session is what hangs together of these: which one that is depends on the events alone, not on their order, and
/// events that are added can join sessions but never split one (docs/adr/0013). Pings, vitals and identify calls are in
/// none and prolong none.
inline constexpr std::int64_t kSessionGapMs = 30 * 60'000;

/// The timeout of an event of a record, ms.
inline std::int64_t session_gap_ms(const event::Event& event) {
    return event.session_timeout == 0 ? kSessionGapMs : std::int64_t{event.session_timeout} * 60'000;
}

/// What a session takes over from its first event, as columns of footfall.events and footfall.sessions.
// The formatter would not come to rest here.
// clang-format off
#define FOOTFALL_SESSION_ATTRIBUTES(X) \
    X(user_id) X(hostname) X(referrer) X(source) X(medium) X(campaign) \
    X(term) X(content) X(channel) X(click_id) X(country) X(region) \
    X(city) X(language) X(device_type) X(browser) X(browser_version) X(os) \
    X(os_version) X(screen_class)
// clang-format on

/// Those of them that are an event's own too: a visitor may go on to another host or in another language, and a sent
/// user_id may be on two devices at once. schema/dimensions.json says the same with `varies_in_session`.
inline constexpr std::string_view kVaryingAttributes[] = {"hostname", "country",     "region",      "city",
                                                          "language", "device_type", "browser",     "browser_version",
                                                          "os",       "os_version",  "screen_class"};

/// The attributes in one string: most sessions are never asked for theirs one by one.
class SessionAttributes {
public:
#define FOOTFALL_COUNT(name) +1
    static constexpr std::size_t kCount = 0 FOOTFALL_SESSION_ATTRIBUTES(FOOTFALL_COUNT);
#undef FOOTFALL_COUNT
    using Values = std::array<std::string_view, kCount>;

    SessionAttributes() = default;
    explicit SessionAttributes(const Values& values);
    static SessionAttributes of(const event::Event& event);

    /// In the order of FOOTFALL_SESSION_ATTRIBUTES; they borrow from this.
    Values values() const;
    /// Whether one of kVaryingAttributes is another.
    bool varies_from(const SessionAttributes& other) const;
    /// By the values, one after the other.
    bool operator<(const SessionAttributes& other) const { return values() < other.values(); }
    bool operator==(const SessionAttributes&) const = default;

private:
    std::string packed_;  // of each value but the last: its size as a varint; then all values
};

/// A session as it is in the table. Whatever the order in which its events come, the same events give the same session,
/// but for its key: that is of the event which was received first. Two events of the same millisecond are told apart by
/// what they say, the smaller text being the earlier one.
struct Session {
    std::string website_id;
    std::uint64_t visitor_id = 0;
    bool is_bot = false;
    /// XXH64 of the event_id of the event that was received first; never 0.
    std::uint64_t session_key = 0;
    std::int64_t first_received_at =
        0;  ///< when that was, epoch ms: of two sessions that are joined, the key of the earlier stays
    std::int64_t started_at = 0;  ///< time of the first event
    std::int64_t ended_at = 0;    ///< time of the last event
    /// The visitor's next event is of it if it comes before this time: the latest end of its events' timeouts.
    std::int64_t open_until = 0;
    std::uint32_t pageviews = 0;
    std::uint32_t events = 0;        ///< pageviews and custom events
    std::uint32_t interactions = 0;  ///< custom events that are not non_interactive
    /// Engaged time of the one pageview of a session that has no other event, seconds; 0 for all others.
    float engaged = 0;
    std::int64_t entry_at = 0;  ///< of the first pageview; 0 without one
    std::int64_t exit_at = 0;
    std::string entry_page;
    std::string exit_page;
    Revenue revenue;
    /// Whether its events differ in one of kVaryingAttributes: then `attributes`, its first event's, do not say what
    /// all of them have.
    bool is_mixed = false;
    SessionAttributes attributes;

    bool operator==(const Session&) const = default;

    /// The session of one event.
    static Session of(const event::Event& event);
    /// Whether the two are one: the one begins before the other's timeout is over.
    bool reaches(const Session& other) const { return other.started_at < open_until && started_at < other.open_until; }
    /// By this time sessions are kept and looked for: half an hour before nothing can belong to it any more, and not
    /// before its end. Without a timeout of its site's own, its end.
    std::int64_t last_at() const { return std::max(ended_at, open_until - kSessionGapMs); }
    /// Takes in the session of an event that it reaches; the key stays.
    void extend(const Session& other);
    /// Takes in another session of the same visitor. The key of the two that was received earlier stays.
    void join(const Session& other);
};

/// Calls `column(name, type, value)` for each column of footfall.sessions that says something of the session, in the
/// table's order. The value is text, a bool, a float, a std::uint32_t or 64, epoch ms as std::int64_t, or a Revenue.
template <class Column>
void for_each_column(const Session& session, Column&& column) {
    constexpr std::string_view kTime = "DateTime64(3, 'UTC')";
    column("website_id", "String", std::string_view(session.website_id));
    column("visitor_id", "UInt64", session.visitor_id);
    column("is_bot", "Bool", session.is_bot);
    column("session_key", "UInt64", session.session_key);
    column("first_received_at", kTime, session.first_received_at);
    column("started_at", kTime, session.started_at);
    column("ended_at", kTime, session.ended_at);
    column("open_until", kTime, session.open_until);
    column("pageviews", "UInt32", session.pageviews);
    column("events", "UInt32", session.events);
    column("interactions", "UInt32", session.interactions);
    column("engaged", "Float32", session.engaged);
    column("entry_at", kTime, session.entry_at);
    column("exit_at", kTime, session.exit_at);
    column("entry_page", "String", std::string_view(session.entry_page));
    column("exit_page", "String", std::string_view(session.exit_page));
    column("revenue", "Map(LowCardinality(String), Decimal(38, 4))", session.revenue);
    column("is_mixed", "Bool", session.is_mixed);
    const SessionAttributes::Values values = session.attributes.values();
    std::size_t at = 0;
#define FOOTFALL_COLUMN(name) column(#name, "String", values[at++]);
    FOOTFALL_SESSION_ATTRIBUTES(FOOTFALL_COLUMN)
#undef FOOTFALL_COLUMN
}

/// The key of the session whose first received event this is.
std::uint64_t session_key_of(const Uuid& event_id);

/// What the tables know an event by when its id has expired (docs/adr/0019): of a ping its pageview. Two events of one
/// visitor have the same in one of four thousand million cases.
std::uint32_t event_key_of(const Uuid& event_id);
std::uint32_t event_key_of(const event::Event& event);

/// Whether events of this type make sessions.
inline bool makes_sessions(std::string_view event_type) { return event_type == "pageview" || event_type == "event"; }

}  // namespace footfall::process
