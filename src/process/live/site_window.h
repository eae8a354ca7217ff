#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "event/event.h"
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
        std::unordered_set<std::uint64_t> visitors;
    };
    /// Of a visitor's session: that of its first event.
    struct SessionSource {
        std::string source;
        std::int64_t first_ms = 0;
        std::int64_t last_ms = 0;
    };
    Minute* minute_of(std::int64_t at_ms);
    const std::string& source_of(const event::Event& event, std::int64_t at_ms);

    std::int64_t now_ms_ = 0;
    std::array<Minute, store::kLiveMinutes> minutes_;
    std::int64_t newest_ms_ = 0;  ///< time of the latest event
    RecentVisitors active_, pages_, sources_, countries_, events_;
    std::unordered_map<std::uint64_t, SessionSource> session_sources_;
};

}  // namespace footfall::process
