#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/erased_log.h"
#include "log/kafka/share.h"
#include "process/loader.h"
#include "store/client.h"

namespace footfall::process {

/// The store's numbers of the partitions of rejected_events begin here; those of events are Kafka's own.
inline constexpr std::uint16_t kRejectedPartitions = 32'768;

struct LoadersOptions {
    std::string brokers;
    std::string topic = "events";
    std::uint16_t numbered_from = 0;        ///< kRejectedPartitions for rejected_events
    std::string members = "footfall-load";  ///< whose members share the topic's partitions
    int session_timeout_ms = 10'000;
    std::int64_t interval_ms = 400;
    std::size_t rows_max = 100'000;
    log::kafka::Settings more = {};
    /// What is erased, as of when it is asked: not as of a moment before. A loader asks when it has taken its partition
    /// over, and each time others have held it (partition_hold.h), before it reads on. Erasures are added only while
    /// every loader is held, so no loader reads without one that is there: either it asks behind the erasure, or who
    /// erases finds that the partition was taken over behind its hold, and holds and erases again.
    log::ErasuresOf erasures = {};
};

/// The loaders of this process: one for each partition of a topic of Kafka that is its share. Others start the same
/// beside it, and a partition goes on where whoever had it before came to (store_progress.h). Only what transactions
/// have committed is read.
class Loaders {
public:
    /// Does not wait for broker or store. `store` outlives this.
    static Result<std::unique_ptr<Loaders>> open(store::Client& store, LoadersOptions options, Clock& clock);
    /// Each ends behind its batch.
    ~Loaders();
    Loaders(const Loaders&) = delete;
    Loaders& operator=(const Loaders&) = delete;

    /// Positions are behind the last entry that is loaded. Thread-safe.
    std::vector<log::kafka::Share::Partition> state() const { return share_->state(); }
    /// Whether a broker answers and has the topic: kNotFound where it has not. Thread-safe.
    Status reach(int timeout_ms) const { return share_->reach(timeout_ms); }

private:
    Loaders(store::Client& store, LoadersOptions options, Clock& clock)
        : store_(store), options_(std::move(options)), clock_(clock) {}
    Status work(log::kafka::Share::Turn& turn);

    store::Client& store_;
    const LoadersOptions options_;
    Clock& clock_;
    std::unique_ptr<log::kafka::Share> share_;  ///< last: it calls the rest until it has ended
};

}  // namespace footfall::process
