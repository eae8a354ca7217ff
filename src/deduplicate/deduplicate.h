#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "event/event.h"
#include "ingest/dedup.h"
#include "log/kafka/kafka_log.h"
#include "log/kafka/transactions.h"

namespace footfall::deduplicate {

struct DeduplicatorOptions {
    std::string brokers;
    std::string source = "raw_events";  ///< keyed by (site, event_id): copies of an event are in one partition
    std::string target = "events";      ///< keyed by (site, visitor): whoever reads a partition has whole sessions
    std::uint16_t partition = 0;        ///< of the source
    std::string group = "footfall-deduplicate";
    /// Of the partition's index of event ids. What is lost of it is made again of the source, as far back as that goes.
    ingest::DedupOptions index;
    std::size_t batch_entries_max = 10'000;
    std::size_t batch_bytes_max = 4u << 20;
    int timeout_ms = 20'000;
    /// So long at most after the last transaction there is another, of nothing but how far the source was read: Kafka
    /// forgets that of a group that is idle (offsets.retention.minutes, a week).
    std::int64_t idle_commit_ms = 3'600'000;
    log::kafka::Settings more = {};
};

/// Takes one partition of raw_events, in which a collector's repetitions and those of two collectors may stand, and
/// writes each event once to `events`. Repetitions of the last 7 days are found by the same index as in the embedded
/// form (ingest/dedup.h); how many there were is written beside the events, as tallies by site, so that audit can add
/// up. Other entries pass. Events of a visitor keep the order in which the partition has them.
///
/// Exactly once: events, tallies and the source's offset are one transaction of Kafka. The index is told behind it:
/// what a death keeps from it is read again from the source by the next start, up to the committed offset. Two
/// processes that take themselves for the owner of a partition are told apart by Kafka: the later one's opening ends
/// the earlier one's writing.
///
/// One thread. After an error this can't be used any more: destroy it and open another one, which goes on where Kafka
/// says that the last one came to.
class Deduplicator {
public:
    /// kConflict: another process has the index open; or Kafka does not know how far the source was read: topics.h lets
    /// the group begin, and what was forgotten since only a person can say. kCorrupt: the source ends before what was
    /// read of it.
    static Result<std::unique_ptr<Deduplicator>> open(DeduplicatorOptions options, Clock& clock);

    /// Takes what there is, one batch at most, and waits for the first entry up to `wait_ms`. On return with a value
    /// that is committed: the number of entries taken. kConflict: another process has the partition now.
    Result<std::size_t> step(int wait_ms);

    /// Behind the last entry of the source that is committed.
    std::uint64_t position() const { return committed_; }
    /// Whether that is all that the source has now, as far as the broker tells. kNotFound where the topic is gone,
    /// kConflict where it was made anew: entries of before say nothing of those that stand in their places.
    Result<bool> has_all() const;

private:
    Deduplicator(DeduplicatorOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
    Result<std::uint64_t> find_start() const;
    Status fill_index(std::uint64_t from, std::uint64_t to);
    Status collect(const std::vector<log::StoredEntry>& entries);
    Status commit(std::uint64_t consumed);

    const DeduplicatorOptions options_;
    Clock& clock_;
    std::unique_ptr<ingest::Dedup> index_;
    std::unique_ptr<log::kafka::KafkaLog> source_;
    std::unique_ptr<log::kafka::Transactions> target_;
    std::unique_ptr<log::kafka::KafkaReader> reader_;
    event::RecordReader records_;
    std::uint64_t committed_ = 0;
    std::int64_t committed_ns_ = 0;

    // Of a batch; kept to reuse their memory.
    std::vector<log::StoredEntry> entries_;
    std::vector<std::size_t> taken_;  ///< those of entries_ that are written
    std::vector<std::string> keys_;   ///< of those
    std::vector<std::string> tallies_;
    std::vector<std::string> tally_keys_;
    std::uint64_t duplicates_ = 0;
};

}  // namespace footfall::deduplicate
