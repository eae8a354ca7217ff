#include "deduplicate/deduplicate.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/metrics.h"
#include "ingest/committer.h"

namespace footfall::deduplicate {
namespace {

constexpr std::size_t kReplayEntries = 10'000;
constexpr std::size_t kReplayBytes = 16u << 20;
constexpr std::int64_t kMs = 1'000'000;  // in nanoseconds

struct Metrics {
    metrics::Counter& events = metrics::counter("footfall_deduplicate_events_total", "Events written to `events`.");
    metrics::Counter& duplicates =
        metrics::counter("footfall_deduplicate_duplicates_total", "Repetitions that were left out.");
    metrics::Counter& unreadable = metrics::counter("footfall_deduplicate_unreadable_total",
                                                    "Entries of raw_events that are no record of this release.");
    metrics::Histogram& batch = metrics::histogram(
        "footfall_deduplicate_batch_seconds", "From reading a batch to its transaction's commit, the wait left out.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

}  // namespace

Result<std::unique_ptr<Deduplicator>> Deduplicator::open(DeduplicatorOptions options, Clock& clock) {
    std::unique_ptr<Deduplicator> out(new Deduplicator(std::move(options), clock));
    const DeduplicatorOptions& set = out->options_;
    TRY(out->index_, ingest::Dedup::open(set.index, clock));
    TRY(out->source_, log::kafka::KafkaLog::open({.brokers = set.brokers,
                                                  .topic = set.source,
                                                  .partition = set.partition,
                                                  .request_timeout_ms = set.timeout_ms,
                                                  .more = set.more},
                                                 clock));
    // From here on nobody else writes for this partition, so that the offset stands still.
    TRY(out->target_, log::kafka::Transactions::open(
                          {.source = {.brokers = set.brokers,
                                      .group = set.group,
                                      .topic = set.source,
                                      .partition = set.partition,
                                      .timeout_ms = set.timeout_ms,
                                      .more = set.more},
                           .topic = set.target,
                           .transactional_id = fmt::format("{}-{}-{}", set.group, set.source, set.partition)},
                          clock));
    TRY(const std::uint64_t start, out->find_start());
    TRY_STATUS(out->fill_index(std::max(out->index_->replay_from(), out->source_->begin().offset), start));
    TRY(out->reader_, out->source_->waiting_reader({set.partition, start}));
    out->committed_ = start;
    out->committed_ns_ = clock.steady_ns();
    return out;
}

Result<std::uint64_t> Deduplicator::find_start() const {
    const std::string where = fmt::format("partition {} of '{}'", options_.partition, options_.source);
    const std::uint64_t begin = source_->begin().offset;
    const std::uint64_t end = source_->end().offset;
    TRY(const auto consumed, target_->consumed());
    if (!consumed)
        // Nor is it known whether `events` has what was read. To begin with the oldest would count it again.
        return Error(Code::kConflict,
                     fmt::format("Kafka does not know how far {} was read by the group '{}': set that group's "
                                 "offset (kafka-consumer-groups --reset-offsets), and see to it that "
                                 "offsets.retention.minutes outlasts a stop",
                                 where, options_.group));
    if (*consumed > end || index_->replay_from() > *consumed)
        return Error(
            Code::kCorrupt,
            fmt::format("{} ends with entry {}, and {} were read of it: the topic was made anew or lost entries; "
                        "put the group '{}' and the folder {} right with it",
                        where, end, std::max(*consumed, index_->replay_from()), options_.group,
                        options_.index.directory));
    if (*consumed < begin) {
        logging::error("deduplicate.entries_lost",
                       {{"partition", options_.partition}, {"from", *consumed}, {"to", begin}});
        return begin;
    }
    return *consumed;
}

Status Deduplicator::fill_index(std::uint64_t from, std::uint64_t to) {
    if (from >= to) return {};
    const std::int64_t began_ns = clock_.steady_ns();
    TRY(const auto reader, source_->reader({options_.partition, from}));
    std::uint64_t events = 0;
    while (reader->position().offset < to) {
        entries_.clear();
        TRY_STATUS(reader->read(entries_, kReplayEntries, kReplayBytes));
        for (const log::StoredEntry& entry : entries_) {
            if (entry.position.offset >= to || entry.kind != log::EntryKind::kEvent) continue;
            const auto event = records_.read(entry.payload, event::ReadTo::kUserId);
            if (!event) continue;  // counted when it was taken
            TRY_STATUS(index_->restore(event->website_id, event->event_id, event->received_at, entry.position.offset));
            ++events;
        }
    }
    logging::info(
        "deduplicate.index_filled",
        {{"partition", options_.partition}, {"events", events}, {"ms", (clock_.steady_ns() - began_ns) / kMs}});
    return {};
}

Result<bool> Deduplicator::has_all() const {
    const Status looked = source_->look();
    if (!looked && looked.error().code == Code::kNotFound) return looked.error();
    const std::uint64_t end = source_->end().offset;
    if (looked && end < committed_)
        return Error(Code::kConflict,
                     fmt::format("partition {} of '{}' ends with entry {}, and {} were read of it: it was made anew",
                                 options_.partition, options_.source, end, committed_));
    return committed_ >= end;
}

Result<std::size_t> Deduplicator::step(int wait_ms) {
    if (!reader_->wait(wait_ms)) {
        if (clock_.steady_ns() - committed_ns_ >= options_.idle_commit_ms * kMs) {
            entries_.clear();
            TRY_STATUS(collect(entries_));
            TRY_STATUS(commit(committed_));
        }
        return 0;
    }
    const std::int64_t began_ns = clock_.steady_ns();
    entries_.clear();
    TRY_STATUS(reader_->read(entries_, options_.batch_entries_max, options_.batch_bytes_max));
    if (entries_.empty()) return 0;
    TRY_STATUS(collect(entries_));
    TRY_STATUS(commit(reader_->position().offset));
    counters().batch.observe_ns(clock_.steady_ns() - began_ns);
    return entries_.size();
}

/// What of a batch is new, and its keys.
Status Deduplicator::collect(const std::vector<log::StoredEntry>& entries) {
    taken_.clear();
    keys_.clear();
    tallies_.clear();
    tally_keys_.clear();
    duplicates_ = 0;
    std::map<std::string, std::uint64_t, std::less<>> duplicates;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::string key;
        if (entries[i].kind == log::EntryKind::kEvent) {
            const auto event = records_.read(entries[i].payload, event::ReadTo::kUserId);
            if (!event) {
                // Of a later release, or of nobody. It stays in the source and is told; what follows goes on.
                counters().unreadable.add();
                logging::error("deduplicate.unreadable", {{"partition", options_.partition},
                                                          {"offset", entries[i].position.offset},
                                                          {"error", event.error().message}});
                continue;
            }
            TRY(const bool seen, index_->seen(event->website_id, event->event_id, event->received_at));
            if (seen) {
                ++duplicates[std::string(event->website_id)];
                continue;
            }
            key = fmt::format("{}/{:016x}", event->website_id, event->visitor_id);
        }
        taken_.push_back(i);
        keys_.push_back(std::move(key));
    }
    for (const auto& [website_id, count] : duplicates) {
        tallies_.push_back(ingest::write_tally({.website_id = website_id, .duplicates = count}));
        tally_keys_.push_back(website_id);
        duplicates_ += count;
    }
    return {};
}

Status Deduplicator::commit(std::uint64_t consumed) {
    std::vector<log::Entry> written;
    written.reserve(taken_.size() + tallies_.size());
    for (std::size_t i = 0; i < taken_.size(); ++i) {
        const log::StoredEntry& entry = entries_[taken_[i]];
        written.push_back({.kind = entry.kind, .payload = entry.payload, .key = keys_[i]});
    }
    for (std::size_t i = 0; i < tallies_.size(); ++i)
        written.push_back({.kind = log::EntryKind::kTally, .payload = tallies_[i], .key = tally_keys_[i]});
    if (const Status status = target_->write(written, consumed); !status) {
        index_->abort();
        return status;
    }
    TRY_STATUS(index_->commit(consumed));
    committed_ = consumed;
    committed_ns_ = clock_.steady_ns();
    counters().events.add(taken_.size());
    counters().duplicates.add(duplicates_);
    return {};
}

}  // namespace footfall::deduplicate
