#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "store/redis/client.h"

namespace footfall::app::cluster {

/// Up to when each partition's events have come to a stage; epoch ms, by the topic's partition.
using AsOf = std::map<std::uint16_t, std::int64_t>;

/// Where the nodes that process and load tell each other's query nodes how far they are, also while nothing comes: two
/// hashes in Redis. Without it answers are the same, and their `as_of` stands still. Thread-safe.
class FreshnessBoard {
public:
    FreshnessBoard(store::redis::Endpoint endpoint, std::string prefix, Clock& clock)
        : client_(std::move(endpoint), clock), prefix_(std::move(prefix)) {}

    struct Stages {
        AsOf deduplicated;  ///< what was acknowledged before is in `events`
        AsOf loaded;        ///< what was in `events` before is in the store
    };
    /// What this process knows of its partitions.
    Status tell(const Stages& stages);
    Result<Stages> read();

private:
    store::redis::Client client_;
    const std::string prefix_;
};

/// What is acknowledged before this time is in the store, by what was read of the board now and earlier. A stage's word
/// is true from the moment at which it was read: what was in `events` by then is in the store when the loaders' word
/// has come to that moment. Not thread-safe.
class Freshness {
public:
    explicit Freshness(std::uint16_t partitions) : partitions_(partitions) {}

    /// `read_ms`: the wall clock behind the reading.
    void add(const FreshnessBoard::Stages& stages, std::int64_t read_ms);
    /// Epoch ms; 0: not known yet.
    std::int64_t as_of_ms() const { return as_of_ms_; }

private:
    static constexpr std::size_t kWordsMax = 1'000;

    const std::uint16_t partitions_;
    FreshnessBoard::Stages best_;
    std::map<std::int64_t, std::int64_t> words_;  ///< by when it was read: up to when all was in `events`
    std::int64_t as_of_ms_ = 0;
};

}  // namespace footfall::app::cluster
