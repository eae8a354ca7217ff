#pragma once

#include <memory>
#include <string>

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
    /// group may be there all the same; whoever repeats it makes copies, which deduplicate/ finds.
    Result<Position> append(std::span<const Entry> group) override;
    /// Whether Kafka would take events now, as far as it can be told without sending one. Thread-safe.
    Status reach(int timeout_ms) const { return producer_->reach(events_.topic, timeout_ms); }

private:
    Collected(std::unique_ptr<Producer> producer, Destination events, Destination others)
        : producer_(std::move(producer)), events_(std::move(events)), others_(std::move(others)) {}

    const std::unique_ptr<Producer> producer_;
    const Destination events_;
    const Destination others_;
};

}  // namespace footfall::log::kafka
