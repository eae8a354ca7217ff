#include "app/cluster/audit.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "app/cluster/engines.h"
#include "base/clock.h"
#include "event/event.h"
#include "log/kafka/group_offsets.h"
#include "log/kafka/kafka_log.h"
#include "process/partition_hold.h"
#include "process/tally.h"

namespace footfall::app::cluster {
namespace {

constexpr int kWaitMs = 60'000;
constexpr int kAskEveryMs = 100;
constexpr std::size_t kEntriesAtOnce = 20'000;
constexpr std::size_t kBytesAtOnce = 16u << 20;

using Log = std::unique_ptr<log::kafka::KafkaLog>;
/// By site.
using Counts = std::map<std::string, std::uint64_t, std::less<>>;

/// What a topic's partitions have, in the order of the partitions.
struct Topic {
    std::vector<Log> logs;
    std::vector<log::Position> ends;

    bool has_its_first_entries() const {
        return std::all_of(logs.begin(), logs.end(), [](const Log& log) { return log->begin().offset == 0; });
    }
    bool has_grown() const {
        for (std::size_t i = 0; i < logs.size(); ++i)
            if (logs[i]->end() != ends[i]) return true;
        return false;
    }
};

Result<Topic> open_topic(const Settings& settings, const log::kafka::Settings& more, std::string_view name) {
    Topic topic;
    for (std::int64_t partition = 0; partition < settings.kafka_partitions; ++partition) {
        TRY(auto log, log::kafka::KafkaLog::open({.brokers = settings.kafka_brokers,
                                                  .topic = prefixed(settings, name),
                                                  .partition = static_cast<std::uint16_t>(partition),
                                                  .isolation = log::kafka::Isolation::kReadCommitted,
                                                  .more = more},
                                                 system_clock()));
        topic.ends.push_back(log->end());
        topic.logs.push_back(std::move(log));
    }
    return topic;
}

Status read_to(const log::EventLog& log, log::Position end,
               const std::function<Status(const log::StoredEntry& entry)>& take) {
    TRY(const auto reader, log.reader(log.begin()));
    std::vector<log::StoredEntry> entries;
    while (reader->position() < end) {
        entries.clear();
        TRY_STATUS(reader->read(entries, kEntriesAtOnce, kBytesAtOnce));
        for (const log::StoredEntry& entry : entries)
            if (entry.position < end) TRY_STATUS(take(entry));
    }
    return {};
}

Status wait_deduplicated(const Settings& settings, const log::kafka::Settings& more, const Topic& raw) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kWaitMs);
    const log::kafka::TopicsOptions names;
    for (std::size_t partition = 0; partition < raw.ends.size(); ++partition) {
        for (;;) {
            TRY(const auto consumed, log::kafka::consumed({.brokers = settings.kafka_brokers,
                                                           .group = prefixed(settings, names.group),
                                                           .topic = prefixed(settings, "raw_events"),
                                                           .partition = static_cast<std::uint16_t>(partition),
                                                           .more = more}));
            if (consumed.value_or(0) >= raw.ends[partition].offset) break;
            if (std::chrono::steady_clock::now() >= deadline)
                return Error(Code::kTimeout,
                             fmt::format("partition {} of raw_events is read up to {} of {}: is there a process role?",
                                         partition, consumed.value_or(0), raw.ends[partition].offset));
            std::this_thread::sleep_for(std::chrono::milliseconds(kAskEveryMs));
        }
    }
    return {};
}

Result<Counts> count_events(const Topic& raw) {
    Counts counts;
    event::RecordReader records;
    for (std::size_t partition = 0; partition < raw.logs.size(); ++partition)
        TRY_STATUS(read_to(*raw.logs[partition], raw.ends[partition], [&](const log::StoredEntry& entry) -> Status {
            if (entry.kind != log::EntryKind::kEvent) return {};
            // One that can't be read is left out by the deduplication too.
            if (const auto event = records.read(entry.payload, event::ReadTo::kUserId))
                ++counts[std::string(event->website_id)];
            return {};
        }));
    return counts;
}

Result<Counts> count_rejected(const Topic& rejected) {
    Counts counts;
    for (std::size_t partition = 0; partition < rejected.logs.size(); ++partition)
        TRY_STATUS(
            read_to(*rejected.logs[partition], rejected.ends[partition], [&](const log::StoredEntry& entry) -> Status {
                if (entry.kind != log::EntryKind::kTally) return {};
                TRY(const process::Tally tally, process::read_tally(entry.payload));
                for (const auto& [reason, events] : tally.rejected) counts[tally.website_id] += events;
                return {};
            }));
    return counts;
}

void add(process::AuditRow& to, process::AuditRow&& from) {
    to.received += from.received;
    to.expected += from.expected;
    to.stored += from.stored;
    to.duplicates += from.duplicates;
    to.rejected += from.rejected;
    to.erased += from.erased;
    to.expired += from.expired;
    to.altered += from.altered;
    to.ok = to.ok && from.ok;
    for (std::string& difference : from.differences) to.differences.push_back(std::move(difference));
}

}  // namespace

Result<process::AuditReport> audit(const Settings& settings, store::Client& store, const std::string& site_id,
                                   const std::vector<std::string>& known) {
    TRY(const log::kafka::Settings more, kafka_settings(settings));
    TRY(const Topic raw, open_topic(settings, more, "raw_events"));
    TRY_STATUS(wait_deduplicated(settings, more, raw));
    // Only now: what was taken by then is in it.
    TRY(const Topic events, open_topic(settings, more, "events"));
    TRY(const Topic rejected, open_topic(settings, more, "rejected_events"));
    const bool is_whole = raw.has_its_first_entries() && events.has_its_first_entries();

    process::AuditReport report;
    std::map<std::pair<std::string, std::string>, process::AuditRow> rows;  // by site and table
    for (std::size_t partition = 0; partition < events.logs.size(); ++partition) {
        const auto number = static_cast<std::uint16_t>(partition);
        TRY_STATUS(process::wait_partition_loaded(store, events.ends[partition], kWaitMs));
        const auto hold = [&store, number] { return process::hold_partition(store, number, kWaitMs); };
        TRY(process::AuditReport part,
            process::run_audit(*events.logs[partition], store, events.ends[partition], hold, site_id, known,
                               {.is_one_of_several = true, .has_sessions = is_whole}));
        for (process::AuditRow& row : part.rows) {
            for (std::string& difference : row.differences)
                difference = fmt::format("partition {}: {}", number, difference);
            const std::pair key(row.site_id, row.table);
            if (const auto there = rows.find(key); there != rows.end()) add(there->second, std::move(row));
            else rows.emplace(key, std::move(row));
        }
        report.end.offset += events.ends[partition].offset;
    }
    TRY(const Counts refused, count_rejected(rejected));
    for (const auto& [site, count] : refused)
        if (const auto row = rows.find({site, "events"}); row != rows.end()) row->second.rejected += count;
    if (is_whole) {
        TRY(const Counts taken, count_events(raw));
        // Where more came meanwhile, what became of it may be in `events` already.
        const bool is_exact = !raw.has_grown();
        for (auto& [key, row] : rows) {
            if (key.second != "events") continue;
            const auto found = taken.find(key.first);
            const std::uint64_t of_site = found == taken.end() ? 0 : found->second;
            if (is_exact ? row.received == of_site : row.received >= of_site) continue;
            row.ok = false;
            row.differences.push_back(
                fmt::format("collectors took {} events, and {} became of them in `events`", of_site, row.received));
        }
    }
    for (auto& [key, row] : rows) report.rows.push_back(std::move(row));
    return report;
}

}  // namespace footfall::app::cluster
