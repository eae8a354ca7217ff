#pragma once

#include <array>
#include <cstdint>

#include "event/event.h"
#include "process/live/flat_table.h"
#include "process/live/recent.h"
#include "store/live.h"

namespace footfall::process {

/// The last 30 minutes of one site, by minutes, and its last 5 minutes by name. Events come in any order; each lands in
/// the minute of its own time, or of its receipt where it claims to be of the future. Not thread-safe.
class SiteWindow {
public:
    static constexpr std::int64_t kMinuteMs = 60'000;

    /// The window ends at `now_ms`, which never goes back.
    void advance(std::int64_t now_ms);
    /// An event of the log, after advance() to a time that is not before its receipt.
    void add(const event::Event& event);
    /// As of the last advance().
    store::LiveNumbers numbers() const;
    /// Whether it would say nothing but zeros at that time.
    bool is_over(std::int64_t now_ms) const { return newest_ms_ <= now_ms - store::kLiveMinutes * kMinuteMs; }

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
    Minute* minute_of(std::int64_t at_ms);
    /// The visitor of an event, which takes part in the session, the minute and the count of those who are active.
    const Visitor& see(const event::Event& event, std::int64_t at_ms, Minute& minute);

    std::int64_t now_ms_ = 0;
    std::array<Minute, store::kLiveMinutes> minutes_;
    std::int64_t newest_ms_ = 0;   ///< time of the latest event
    FlatTable<Visitor> visitors_;  ///< of the half hour
    RecentCount active_;
    RecentVisitors pages_, sources_, countries_, events_;
};

}  // namespace footfall::process
