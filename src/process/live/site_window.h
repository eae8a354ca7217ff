#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/flat_table.h"
#include "event/event.h"
#include "process/live/recent.h"
#include "process/sessions/session.h"
#include "store/live.h"

namespace footfall::process {

/// The last 30 minutes of one site, by minutes, and its last 5 minutes by name. Events come in any order; each lands in
/// the minute of its own time, or of its receipt where it claims to be of the future. Sessions are remembered for an
/// hour after their last event, so that their sources are right in any order of events that are at most half an hour
/// late. Not thread-safe.
class SiteWindow {
public:
    static constexpr std::int64_t kMinuteMs = 60'000;
    /// An event that may still be in a minute is less than a session's gap away from sessions that ended later than so
    /// long ago.
    static constexpr std::int64_t kRememberedMs = 2 * kSessionGapMs;

    /// `budget` is shared by all windows of a process and outlives them.
    explicit SiteWindow(SightingBudget& budget)
        : pages_(budget), sources_(budget), countries_(budget), events_(budget) {}

    /// The window ends at `now_ms`, which never goes back.
    void advance(std::int64_t now_ms);
    /// An event of the log, after advance() to a time that is not before its receipt.
    void add(const event::Event& event);
    /// What remember() made of an event.
    enum class Remembered : unsigned char {
        kNothing,      ///< nothing of it shows
        kSource,       ///< the source of a session is another now
        kPerhapsLater  ///< of no session that is known, though it may turn out to be when earlier ones are remembered
    };
    /// An event that was received before those that were added: changes no minute and no list, but where sessions that
    /// are known came from. To be told in the order of their times, latest first, those of kPerhapsLater among the
    /// earlier ones again; what is left to be told was received at `unread_ms` or before.
    Remembered remember(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms, std::int64_t unread_ms);
    /// Whether what was received at `unread_ms` or before could be of a session that is known.
    bool needs(std::int64_t unread_ms) const;
    /// As of the last advance().
    store::LiveNumbers numbers() const;
    /// Whether it would say nothing but zeros from that time on, and knows of no session that may go on.
    bool is_over(std::int64_t now_ms) const { return newest_ms_ <= now_ms - kRememberedMs; }

private:
    struct Minute {
        std::int64_t minute = -1;  ///< since 1970
        std::uint64_t pageviews = 0;
        std::uint64_t events = 0;
        std::uint64_t visitors = 0;
    };
    /// Of all tables of a site the one that learns of each visitor: 32 bytes, so that two share a cache line.
    struct Visitor {
        std::uint64_t id = 0;
        std::int64_t first_ms = 0;  ///< of the session
        std::int64_t last_ms = 0;
        std::uint32_t minutes = 0;  ///< bit i: had an event i minutes before the minute of last_ms, which is bit 0
        RecentVisitors::NameId source = 0;  ///< the session's, that of its first event; held in sources_

        bool is_empty() const { return minutes == 0; }
        std::uint64_t hash() const { return secret_hash(id); }
        bool has_key_of(const Visitor& other) const { return id == other.id; }
    };
    /// A session before the one that its visitor's entry tells of. There is at most one within kRememberedMs.
    struct EarlierSession {
        std::uint64_t visitor_id = 0;
        std::int64_t first_ms = 0;
        std::int64_t last_ms = 0;
        RecentVisitors::NameId source = 0;  ///< held in sources_

        bool is_empty() const { return last_ms == 0; }
        std::uint64_t hash() const { return secret_hash(visitor_id); }
        bool has_key_of(const EarlierSession& other) const { return visitor_id == other.visitor_id; }
        bool reaches(std::int64_t at_ms) const {
            return at_ms > first_ms - kSessionGapMs && at_ms < last_ms + kSessionGapMs;
        }
    };
    Minute* minute_of(std::int64_t at_ms);
    bool is_remembered(std::int64_t at_ms) const { return at_ms > now_ms_ - kRememberedMs; }
    /// The visitor's session came from elsewhere than was known; takes over the hold of the new source.
    void change_source(Visitor& visitor, RecentVisitors::NameId source);
    void put_earlier(const EarlierSession& session);
    /// An event of a visitor who is known takes part in a session: first_ms, source and the earlier session follow.
    void join(Visitor& visitor, std::string_view source, std::int64_t at_ms);
    void join_earlier(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms);
    /// The visitor of an event, which takes part in the session and, where it is within the half hour, in its minute
    /// and the count of those who are active. Null where it is too old to make somebody known.
    const Visitor* see(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms, Minute* minute);

    std::int64_t now_ms_ = 0;
    std::array<Minute, store::kLiveMinutes> minutes_;
    std::int64_t newest_ms_ = 0;   ///< time of the latest event
    FlatTable<Visitor> visitors_;  ///< with an event within kRememberedMs
    FlatTable<EarlierSession> earlier_;
    RecentCount active_;
    RecentVisitors pages_, sources_, countries_, events_;
};

}  // namespace footfall::process
