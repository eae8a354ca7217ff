#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/erased_log.h"
#include "log/kafka/share.h"
#include "store/redis/client.h"
#include "store/redis/live_writer.h"

namespace footfall::process {

struct LiveShareOptions {
    std::string brokers;
    std::string topic = "events";
    std::string members = "footfall-live";  ///< whose members share the topic's partitions
    int session_timeout_ms = 10'000;
    log::kafka::Settings more = {};
    store::redis::LiveKeys keys = {};
    log::ErasuresOf erasures = {};  ///< asked five times a second: where it is another, the numbers are made anew
};

/// The live numbers of those partitions of `events` that are this process's share: a LiveProcessor and a LivePublisher
/// for each. Others start the same beside it.
class LiveShare {
public:
    /// Does not wait for broker or Redis. `redis` outlives this.
    static Result<std::unique_ptr<LiveShare>> open(store::redis::Client& redis, LiveShareOptions options, Clock& clock);
    LiveShare(const LiveShare&) = delete;
    LiveShare& operator=(const LiveShare&) = delete;

    /// Thread-safe.
    std::vector<log::kafka::Share::Partition> state() const { return share_->state(); }
    /// Whether a broker answers and has the topic: kNotFound where it has not. Thread-safe.
    Status reach(int timeout_ms) const { return share_->reach(timeout_ms); }

private:
    LiveShare(store::redis::Client& redis, LiveShareOptions options, Clock& clock)
        : redis_(redis), options_(std::move(options)), clock_(clock) {}
    Status work(log::kafka::Share::Turn& turn) const;

    store::redis::Client& redis_;
    const LiveShareOptions options_;
    Clock& clock_;
    std::unique_ptr<log::kafka::Share> share_;  ///< last: it calls the rest until it has ended
};

}  // namespace footfall::process
