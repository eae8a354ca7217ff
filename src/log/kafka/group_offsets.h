#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "log/kafka/handle.h"

namespace footfall::log::kafka {

/// How far a group has read a partition, as Kafka keeps it. The groups that are asked here have no members: who reads
/// which partition is agreed elsewhere.
struct GroupPlace {
    std::string brokers;
    std::string group;
    std::string topic;
    std::uint16_t partition = 0;
    int timeout_ms = 20'000;
    Settings more = {};
};

/// Offset behind the last entry that was read. None: never committed, or Kafka has forgotten it, which it does when a
/// group was idle for the broker's offsets.retention.minutes. Of a transaction that is being committed the end is
/// awaited.
Result<std::optional<std::uint64_t>> consumed(const GroupPlace& place);

/// For a group that begins. Elsewhere it is committed with what was made of the entries (transactions.h).
Status set_consumed(const GroupPlace& place, std::uint64_t offset);

}  // namespace footfall::log::kafka
