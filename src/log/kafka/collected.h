#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "log/kafka/producer.h"

namespace footfall::log::kafka {

struct CollectedOptions {
    ProducerOptions producer;
    std::string events = "raw_events";       ///< where entries kEvent go
    std::string others = "rejected_events";  ///< where tallies and samples of what was rejected go
};

/// Where a collector puts what it takes: whole topics, entries by their key.
class Collected final : public Appender {
public:
    /// Does not wait for a broker: a collector may start before Kafka, and says 503 until then.
    static Result<std::unique_ptr<Collected>> open(CollectedOptions options, Clock& clock);

    /// The position means nothing. kOverloaded: not all were acknowledged in time. Unlike with the disk log some of the
    /// group may be there all the same; whoever repeats it makes copies, which deduplicate/ finds. kInternal: the
    /// client is of no use any more, and the process has to begin anew.
    Result<Position> append(std::span<const Entry> group) override;
    /// Whether Kafka would take events now, as far as it can be told without sending one. Thread-safe.
    Status reach(int timeout_ms) const { return producer_->reach(events_.topic, timeout_ms); }

private:
    Collected(std::unique_ptr<Producer> producer, Destination events, Destination others, Clock& clock)
        : producer_(std::move(producer)), events_(std::move(events)), others_(std::move(others)), clock_(clock) {}
    /// Into the log, once a second at most.
    void tell(const Error& refusal);

    const std::unique_ptr<Producer> producer_;
    const Destination events_;
    const Destination others_;
    Clock& clock_;
    std::int64_t tell_again_ns_ = 0;
    std::uint64_t refused_ = 0;  ///< groups since it was told last
};

}  // namespace footfall::log::kafka
