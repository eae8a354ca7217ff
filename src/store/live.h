#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace footfall::store {

struct LiveMinute {
    std::int64_t start_ms = 0;  ///< epoch ms
    std::uint64_t pageviews = 0;
    std::uint64_t events = 0;  ///< pageviews and custom events
    std::uint64_t visitors = 0;
    bool operator==(const LiveMinute&) const = default;
};

/// Of a site's events within ten seconds.
struct LiveInterval {
    std::int64_t start_ms = 0;  ///< epoch ms, a multiple of kLiveIntervalMs
    std::uint64_t pageviews = 0;
    std::uint64_t events = 0;  ///< pageviews and custom events
    bool operator==(const LiveInterval&) const = default;
};

struct LiveEntry {
    std::string name;
    std::uint64_t visitors = 0;
    bool operator==(const LiveEntry&) const = default;
};

/// What is going on at a site. The words are those of the query API: visitors are distinct, bots are left out. "Now" is
/// the last 5 minutes.
struct LiveNumbers {
    std::int64_t as_of_ms = 0;  ///< every event acknowledged before it is in
    std::uint64_t active_visitors = 0;
    std::vector<LiveMinute> minutes;      ///< the last 30, oldest first; the last one has only begun
    std::vector<LiveInterval> intervals;  ///< of now, oldest first; the last one has only begun
    std::vector<LiveEntry> pages;         ///< where visitors were now, most visitors first, equal ones by name; at most
    std::vector<LiveEntry> sources;       ///< kLiveEntriesMax each; sources are those of the visitors' sessions, empty
    std::vector<LiveEntry> countries;     ///< for direct traffic
    std::vector<LiveEntry> events;        ///< names of custom events
    /// Of how many visitors those are that the least exact of these numbers was counted of: 1 where all are exact.
    /// Numbers of pageviews and events always are.
    double sample_rate = 1;
};

inline constexpr int kLiveMinutes = 30;
inline constexpr std::int64_t kLiveNowMs = 5 * 60'000;
inline constexpr std::int64_t kLiveIntervalMs = 10'000;
inline constexpr int kLiveIntervals = kLiveNowMs / kLiveIntervalMs;
inline constexpr std::size_t kLiveEntriesMax = 20;

/// The live numbers of all sites: of the last 30 minutes, exact as long as `sample_rate` is 1. Implementations:
/// process/live (embedded, in memory, rebuilt from the log), store/redis (cluster: what each partition's processor
/// publishes). Thread-safe.
class LiveStore {
public:
    virtual ~LiveStore() = default;
    /// As of now; zeros for a site without events. kUnavailable, with the reason, while they are being rebuilt or are
    /// not complete. Takes half a second at most.
    virtual Result<LiveNumbers> read(std::string_view website_id) = 0;
    /// Changes with each event of the site. Cheap: for asking often whether read() would give something new.
    virtual std::uint64_t version(std::string_view website_id) = 0;
};

}  // namespace footfall::store
