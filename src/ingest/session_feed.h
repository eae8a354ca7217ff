#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/repeating_thread.h"
#include "base/result.h"
#include "enrich/identity.h"
#include "store/redis/client.h"

namespace footfall::ingest {

struct SessionFeedOptions {
    store::redis::Endpoint endpoint;
    std::string prefix = "footfall:";
    int tell_every_ms = 50;
    int timeout_ms = 1'000;                     ///< of each call of Redis
    std::size_t queue_max = 262'144;            ///< news that wait to be told, 40 bytes each; what is beyond is lost
    std::uint64_t aliases_a_day = 4'000'000;    ///< told by this process, about 30 bytes each; what is beyond is lost
    std::uint64_t open_a_midnight = 8'000'000;  ///< the same
};

/// Tells other collectors by streams of Redis what enrich::Identity learns, and it what they tell. Both in threads of
/// its own: an event waits for neither, whatever Redis does, and Identity answers from memory.
///
/// | Stream | Holds | Until |
/// |---|---|---|
/// | PREFIX + "session:open" | who was there around midnight | 35 min later, each entry |
/// | PREFIX + "session:aliases:" + DAY | who leads to which known user, DAY in days since 1970 | an hour after DAY |
///
/// An entry is {"1": records}, where 1 is the version, and other versions are passed over. A record is u8 kind, u64
/// visitor id, i64 seen_ms, and of an alias u64 known id and i64 identified_ms behind them, little-endian. Ids are
/// hashes; no name, address or salt is in them.
///
/// News is with the others tell_every_ms and two round trips after the event. While Redis is away it waits, up to
/// queue_max, and what was told meanwhile by others is heard after that: nothing is lost but what Redis itself loses
/// and what is counted in footfall_session_info_lost_total.
class SessionFeed {
public:
    /// Identity is shared from here on (Identity::share): before its first event. It outlives this, and gets no event
    /// after this has ended.
    SessionFeed(enrich::Identity& identity, SessionFeedOptions options, Clock& clock);
    ~SessionFeed() { stop(); }
    SessionFeed(const SessionFeed&) = delete;
    SessionFeed& operator=(const SessionFeed&) = delete;

    /// Hears what was told before, for as long as `wait_ms` or until Redis fails, and then begins to tell and hear.
    /// Once.
    void start(int wait_ms);
    /// Tells what waits, and ends: within three timeouts where Redis hangs.
    void stop();
    /// Whether everything that others told up to a moment ago is known. Thread-safe.
    bool hears() const { return hears_.load(std::memory_order_relaxed); }

    /// What the two threads do again and again; without start() called by hand, each by one thread at a time.
    /// Tells what waits. After an error it still waits.
    Status tell_waiting();
    /// Takes in what was told since the last call, and waits for something for as long as `wait_ms`.
    Status hear(int wait_ms);

private:
    static constexpr std::size_t kStreams = 3;
    struct Cursor {
        std::string stream;
        std::string after = "0";
    };
    /// Of a day's aliases, or of a midnight.
    struct Told {
        std::int64_t day = 0;
        std::uint64_t news = 0;
    };

    void enqueue(const enrich::SessionNews& news);
    /// Under the lock: one more of what may be told of its day.
    bool take_of_day(const enrich::SessionNews& news);
    std::vector<store::redis::Command> commands_of(std::span<const enrich::SessionNews> news) const;
    /// Those that are to be heard now.
    void choose_streams();
    /// Whether there is no more at the moment.
    Result<bool> hear_some(int wait_ms);
    void take_in(std::string_view records);
    void went_deaf(const Error& error);

    enrich::Identity& identity_;
    const SessionFeedOptions options_;
    Clock& clock_;
    metrics::Counter& lost_;

    std::mutex mutex_;
    std::vector<enrich::SessionNews> waiting_;
    std::size_t untold_count_ = 0;
    std::array<Told, kStreams> told_;

    store::redis::Client teller_;
    std::vector<enrich::SessionNews> untold_;  // of the teller's thread: taken and not told yet, from told_to_ on
    std::size_t told_to_ = 0;

    store::redis::Client hearer_;
    std::array<Cursor, kStreams> cursors_;  // of the hearer's thread, as is what follows
    bool is_deaf_ = false;
    std::atomic<bool> hears_{false};

    RepeatingThread telling_;
    RepeatingThread hearing_;
};

}  // namespace footfall::ingest
