#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "log/kafka/handle.h"
#include "log/log.h"

namespace footfall::log::kafka {

/// A topic's max.message.bytes, and what an entry may have; the library counts headers, key and framing too.
inline constexpr std::uint64_t kMessageBytesMax = 1u << 20;
inline constexpr std::uint64_t kMessageOverheadBytes = 4'096;

/// Where a message goes: a partition, or that of its key, as every client of Kafka chooses it (murmur2, also Java's).
struct Destination {
    std::string topic;
    std::int32_t partition = RD_KAFKA_PARTITION_UA;
};

/// Hands an entry to the client's own thread, which copies it: the value is the payload, byte for byte; the headers are
/// `kind`, EntryKind as one byte, and `v`, the version of schema/event.schema.json; the time is `now_ms`. `opaque`
/// comes back to whoever is told of the delivery. RD_KAFKA_RESP_ERR__QUEUE_FULL: rd_kafka_poll() and try again.
rd_kafka_resp_err_t produce(rd_kafka_t* producer, const Destination& to, const Entry& entry, std::int64_t now_ms,
                            void* opaque);

/// What its header says; kEvent without one.
EntryKind kind_of(const rd_kafka_message_t* message);

/// What each client of ours is set to.
Settings common_settings(const std::string& brokers, int request_timeout_ms, const Settings& more);

}  // namespace footfall::log::kafka
