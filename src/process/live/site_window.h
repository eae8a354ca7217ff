#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/flat_table.h"
#include "event/event.h"
#include "process/live/recent.h"
#include "process/sessions/session.h"
#include "store/live_part.h"

namespace footfall::process {

/// Visitors that all windows of a process remember together, each for an hour after their last event: 32 bytes, at most
/// two thirds and mostly about half of a table, so some 70.
struct VisitorBudget {
    std::size_t max = 2'000'000;
    std::size_t used = 0;
};

/// The last 30 minutes of one site, by minutes, and its last 5 minutes by name. Events come in any order; each lands in
/// the minute of its own time, or of its receipt where it claims to be of the future. Sessions are remembered for an
/// hour after their last event, so that their sources are right in any order of events that are at most half an hour
/// late.
///
/// Numbers of visitors are exact until leave_out() is called for want of room. Then one visitor in two is remembered,
/// by a hash, as often as need be, and counts for what the sample stands for, in the minutes before too (as in
/// RecentVisitors: of n visitors the error is about sqrt(n * 2^shift)). Pageviews and events are always exact. When
/// there is room again the next minutes are counted of twice the sample, and the last 5 minutes once they hold no
/// others. Not thread-safe.
class SiteWindow {
public:
    static constexpr std::int64_t kMinuteMs = 60'000;
    /// An event that may still be in a minute is less than a session's gap away from sessions that ended later than so
    /// long ago.
    static constexpr std::int64_t kRememberedMs = 2 * kSessionGapMs;

    /// Both are shared by all windows of a process and outlive them.
    SiteWindow(SightingBudget& sightings, VisitorBudget& visitors)
        : budget_(visitors), pages_(sightings), sources_(sightings), countries_(sightings), events_(sightings) {}
    ~SiteWindow() { budget_.used -= held_; }
    SiteWindow(const SiteWindow&) = delete;
    SiteWindow& operator=(const SiteWindow&) = delete;

    /// The window ends at `now_ms`, which never goes back. False where who is there now, and where, stays as it is;
    /// minutes and intervals leave the window without a word.
    bool advance(std::int64_t now_ms);
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
    /// What it has of the budget.
    std::size_t held() const { return held_; }
    /// Forgets one in two of the visitors that it remembers.
    void leave_out();
    /// Whether what was received at `unread_ms` or before could be of a session that is known.
    bool needs(std::int64_t unread_ms) const;
    /// As of the last advance().
    store::LivePart part(const store::LiveNamesLimits& limits) const;
    /// Whether it would say nothing but zeros from that time on, and knows of no session that may go on.
    bool is_over(std::int64_t now_ms) const { return newest_ms_ <= now_ms - kRememberedMs; }

private:
    struct Minute {
        std::int64_t minute = -1;  ///< since 1970
        std::uint64_t pageviews = 0;
        std::uint64_t events = 0;
        std::uint64_t visitors = 0;  ///< of the sample
        unsigned shift = 0;          ///< the sample is one visitor in 2^shift
    };
    struct Interval {
        std::int64_t interval = -1;  ///< of ten seconds, since 1970
        std::uint64_t pageviews = 0;
        std::uint64_t events = 0;
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
    void count_in_interval(std::int64_t at_ms, bool is_pageview);
    bool is_remembered(std::int64_t at_ms) const { return at_ms > now_ms_ - kRememberedMs; }
    /// The visitor's session came from elsewhere than was known; takes over the hold of the new source.
    void change_source(Visitor& visitor, RecentVisitors::NameId source);
    void put_earlier(const EarlierSession& session);
    /// An event of a visitor who is known takes part in a session: first_ms, source and the earlier session follow.
    void join(Visitor& visitor, std::string_view source, std::int64_t at_ms);
    void join_earlier(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms);
    /// The visitor of an event, which takes part in the session and, where it is within the half hour, in its minute
    /// and the count of those who are active. Null where it is too old to make somebody known, or the visitor is left
    /// out.
    const Visitor* see(std::uint64_t visitor_id, std::string_view source, std::int64_t at_ms, Minute* minute);

    /// Follows what the tables hold.
    void account();
    bool is_active(const Visitor& visitor) const { return RecentVisitors::is_of_sample(visitor.id, active_shift_); }
    void count_active_again();
    /// At the beginning of a minute.
    void take_in();

    VisitorBudget& budget_;
    std::size_t held_ = 0;
    unsigned shift_ = 0;            ///< one visitor in 2^shift is remembered
    unsigned active_shift_ = 0;     ///< the sample that active_ counts: that of shift_, or an earlier, smaller one
    std::int64_t taken_in_ms_ = 0;  ///< since when shift_ is what it is, where it is less than active_shift_
    std::int64_t now_ms_ = 0;
    std::array<Minute, store::kLiveMinutes> minutes_;
    std::array<Interval, store::kLiveIntervals> intervals_;  ///< each is overwritten by what comes 5 minutes later
    std::int64_t newest_ms_ = 0;                             ///< time of the latest event
    FlatTable<Visitor> visitors_;                            ///< with an event within kRememberedMs
    FlatTable<EarlierSession> earlier_;
    RecentCount active_;
    RecentVisitors pages_, sources_, countries_, events_;
};

}  // namespace footfall::process
