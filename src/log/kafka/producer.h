#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "log/kafka/handle.h"
#include "log/kafka/message.h"
#include "log/log.h"

namespace footfall::log::kafka {

struct ProducerOptions {
    std::string brokers;
    /// What waits for the broker at most.
    std::uint64_t queue_bytes_max = 64u << 20;
    /// The topics' max.message.bytes: a larger entry is refused before anything of its group is sent.
    std::uint64_t message_bytes_max = kMessageBytesMax;
    /// An entry is acknowledged within that or its group fails.
    int delivery_timeout_ms = 4'000;
    Settings more = {};
};

/// Writes groups of entries: idempotent, acknowledged by all replicas in sync, so that an entry whose acknowledgement
/// is lost is sent again without becoming two. One thread at a time.
class Producer {
public:
    static Result<std::unique_ptr<Producer>> open(ProducerOptions options, Clock& clock);
    ~Producer();
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;

    using DestinationOf = std::function<const Destination&(const Entry&)>;
    /// The smallest offset that an entry of the group got, when all are acknowledged; -1 of none. kTooLarge: nothing
    /// was sent. kUnavailable: not all were acknowledged in time; any of them may be there. kInternal: neither were
    /// they, and the client sends nothing any more, which the library calls a fatal error; another one has to be
    /// opened.
    Result<std::int64_t> send(std::span<const Entry> group, const DestinationOf& to);
    /// Whether a broker answers and has the topic. Thread-safe beside send().
    Status reach(const std::string& topic, int timeout_ms) const;

private:
    Producer(ProducerOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}

    const ProducerOptions options_;
    Clock& clock_;
    Handle handle_;
};

}  // namespace footfall::log::kafka
