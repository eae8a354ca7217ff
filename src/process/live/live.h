#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "event/event.h"
#include "log/log.h"
#include "process/live/lookback.h"
#include "process/live/site_window.h"
#include "store/live_part.h"

namespace footfall::process {

struct LiveOptions {
    /// Least time between two looks at the log: what comes within it is read together.
    std::int64_t interval_ms = 100;
    /// Of the log before the window are read at once: 50 ms, for which what arrives meanwhile waits. Far fewer would
    /// cost more each, as the log is opened at the beginning of a segment.
    std::uint64_t lookback_entries = 32'768;
    /// Visitors that are remembered, of all sites. Beyond it the site with the most remembers half of its own.
    std::size_t visitors_max = VisitorBudget().max;
};

/// The live numbers in memory: reads the log as it grows, and after a start again its last half hour, so that they are
/// exact whatever ended the process before; then the log before it, backwards, for where sessions came from that began
/// earlier: up to a day, mostly an hour or two. For half a second the numbers wait for that, then they are told
/// without. When the clock is set back they are rebuilt.
///
/// Sources are those of the sessions as long as events come within half an hour; one that comes later may be left out.
/// Here a pause of 30 minutes ends a session whatever the site's timeout, since longer ones would have to be remembered
/// for a day: a visit that goes on after an hour has the source of its second part. The other numbers know no sessions.
///
/// Memory: 6 KB for each site that had an event within an hour; for each visitor of such a site about 250 bytes within
/// the last 5 minutes and 70 before. Both are bounded: the lists of names take at most 70 MB in all, beyond which they
/// are estimates of a sample (RecentVisitors), and at most visitors_max are remembered, about 140 MB. Beyond that the
/// site with the most visitors counts half of them, as often as need be (SiteWindow), so that a flood of one leaves the
/// others exact. One thread of its own, about 2 µs an event.
class LiveProcessor final : public store::LiveStore {
public:
    LiveProcessor(const log::EventLog& log, Clock& clock, LiveOptions options = {});
    ~LiveProcessor() override;

    /// Once.
    void start();
    void stop();
    /// The log lost entries, or says something else of some: the numbers are made anew of it, within a moment.
    void log_was_rewritten();

    Result<store::LiveNumbers> read(std::string_view website_id) override;
    std::uint64_t version(std::string_view website_id) override;

    /// For who publishes the numbers: which sites have others than when it was asked last, be it by an event or because
    /// somebody left. Parts that are taken afterwards hold everything up to `offset` and `as_of_ms`, or more.
    struct Changes {
        std::uint64_t made = 0;     ///< another number whenever the numbers were made anew of the log
        std::uint64_t version = 0;  ///< with `made`, for the next time
        std::uint64_t offset = 0;   ///< behind the last entry that is in the numbers
        std::int64_t as_of_ms = 0;
        std::vector<std::string> sites;
    };
    /// All sites where `made` is not that of now, for instance 0. kUnavailable while they are being rebuilt.
    Result<Changes> changes(std::uint64_t made, std::uint64_t version);
    /// A site's numbers as of now; nothing but zeros where it is not known. kUnavailable where they were made anew
    /// since, or are being so.
    Result<store::LivePart> part(std::uint64_t made, std::string_view website_id, const store::LiveNamesLimits& limits);

private:
    struct Site {
        Site(SightingBudget& sightings, VisitorBudget& visitors) : window(sightings, visitors) {}
        SiteWindow window;
        std::uint64_t version = 0;
        std::uint64_t changed = 0;  ///< as version, and when somebody left
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    void run();
    Status rebuild();
    /// The first event that was received at `from_ms` or later; the log's end without one.
    Result<log::Position> position_of(std::int64_t from_ms);
    enum class Look : unsigned char { kAtAll, kAtOneEvent };
    /// That of [from, end), or where only one event is looked at, that one; `end` where it isn't.
    Result<log::Position> first_since(log::Position from, log::Position end, std::int64_t from_ms, Look look);
    Status step();
    /// Reads some of the log before the window. Ends by itself.
    void look_back();
    Site& site_of(std::string_view website_id);
    // Under the lock.
    void advance(Site& site, std::int64_t now_ms);
    void touch(Site& site) { site.changed = site.version = ++versions_; }
    Error not_ready() const;
    void forget_old_sites(std::int64_t now_ms);
    /// Keeps to visitors_max.
    void leave_out();
    bool wait(std::int64_t ms);

    const log::EventLog& log_;
    Clock& clock_;
    const LiveOptions options_;
    metrics::Counter& errors_;

    std::mutex mutex_;
    std::condition_variable stopped_;
    bool stopping_ = false;
    bool is_rebuild_wanted_ = false;
    SightingBudget sightings_;
    VisitorBudget visitors_;
    std::unordered_map<std::string, Site, TextHash, std::equal_to<>> sites_;
    std::uint64_t versions_ = 0;
    std::uint64_t made_ = 0;  ///< how often the numbers were made of the log
    std::uint64_t offset_ = 0;
    bool is_ready_ = false;
    std::string problem_;
    std::int64_t as_of_ms_ = 0;

    // Of the thread alone.
    std::unique_ptr<log::LogReader> reader_;
    event::RecordReader records_;
    std::vector<log::StoredEntry> entries_;
    std::optional<Lookback> lookback_;
    std::vector<SeenEvent> perhaps_;  ///< read by lookback_, of sessions that may turn out to go on
    std::int64_t wall_ms_ = 0;        ///< the clock when it was looked at last
    std::int64_t forgot_ms_ = 0;
    std::thread thread_;
};

}  // namespace footfall::process
