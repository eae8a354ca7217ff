#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "process/live/live.h"
#include "store/live_part.h"
#include "store/redis/live_writer.h"

namespace footfall::process {

struct LivePublisherOptions {
    store::redis::LiveWriterOptions writer = {};  ///< which partition it is, and where in Redis
    /// Least time between two publications of a site: what changes within it is told together.
    int interval_ms = 250;
    /// Without changes a partition reports that it is there so often. A fifth of the silence that readers bear.
    int report_ms = 1'000;
    store::LiveNamesLimits limits = store::kLivePartLimits;
};

/// Publishes the numbers of a LiveProcessor, which are those of one partition, in Redis, from where query nodes read
/// them (store::redis::LiveStore): every 250 ms the sites that changed, in batches of one round trip, and at most 16 MB
/// a second, beyond which the pauses become longer. Every minute each site is told again, so that what went missing in
/// Redis alone comes back.
///
/// While the processor is not ready nothing is published, and readers are told so. After an error, and where Redis lost
/// what it had, everything is published anew, as soon as Redis answers; where another process took the partition over
/// this one waits until that is silent. A thread of its own; beside the processor's memory it keeps the names of its
/// sites.
class LivePublisher {
public:
    /// `live` and `client` outlive it; the client may be shared.
    LivePublisher(LiveProcessor& live, store::redis::Client& client, LivePublisherOptions options, Clock& clock);
    ~LivePublisher();
    LivePublisher(const LivePublisher&) = delete;
    LivePublisher& operator=(const LivePublisher&) = delete;

    /// Once.
    void start();
    /// What is published stays until it is silent for 5 seconds: a successor may be sooner.
    void stop();

    /// Why nothing is published at the moment; empty where all is well. Thread-safe.
    std::string problem() const;

private:
    void run();
    /// Tells what is to be told now; gives how long to wait then, in ms.
    Result<std::int64_t> round();
    /// There is nothing that could be told.
    Result<std::int64_t> withdraw(const Error& why);
    /// False where it was not completed: the partition is not ours any more, the numbers are made anew, or it is the
    /// end.
    Result<bool> publish(std::uint64_t made, const std::vector<std::string>& sites);
    bool is_report_due() const;
    /// False where the partition is not ours any more.
    Result<bool> report();
    /// Whether it is another problem than before.
    bool tell(std::string problem);
    bool wait(std::int64_t ms);

    LiveProcessor& live_;
    Clock& clock_;
    const LivePublisherOptions options_;

    mutable std::mutex mutex_;
    std::condition_variable stopped_;
    bool stopping_ = false;
    std::string problem_;

    // Of the thread alone.
    store::redis::LiveWriter writer_;
    // How far everything is published since the partition was taken up; made_ is 0 where it is not yet.
    std::uint64_t made_ = 0;
    std::uint64_t version_ = 0;
    store::redis::LivePartitionState state_;
    std::int64_t reported_ns_ = 0;
    std::int64_t everything_ns_ = 0;             ///< when all sites were told last
    std::unordered_set<std::string> published_;  ///< sites of which something was told
    std::size_t round_bytes_ = 0;
    std::thread thread_;
};

}  // namespace footfall::process
