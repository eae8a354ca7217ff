#include "app/cluster/audit.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "app/cluster/erasures.h"
#include "app/cluster/topic_logs.h"
#include "erase/order.h"
#include "event/event.h"
#include "process/loaders.h"
#include "process/partition_hold.h"
#include "process/tally.h"

namespace footfall::app::cluster {
namespace {

constexpr int kWaitMs = 60'000;
constexpr std::size_t kEntriesAtOnce = 20'000;
constexpr std::size_t kBytesAtOnce = 16u << 20;
/// By so much requests may be acknowledged in another order than they came.
constexpr std::int64_t kReorderedMs = 5'000;

/// By site.
using Counts = std::map<std::string, std::uint64_t, std::less<>>;

bool has_grown(const TopicLogs& topic) {
    for (std::size_t i = 0; i < topic.kafka.size(); ++i)
        if (topic.kafka[i]->end() != topic.ends[i]) return true;
    return false;
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

Result<Counts> count_events(const TopicLogs& raw) {
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

Result<Counts> count_rejected(const TopicLogs& rejected) {
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

/// When the first event of a topic was received; nothing where it has none.
Result<std::optional<std::int64_t>> first_received_ms(const TopicLogs& topic) {
    std::optional<std::int64_t> first;
    event::RecordReader records;
    std::vector<log::StoredEntry> entries;
    for (std::size_t partition = 0; partition < topic.logs.size(); ++partition) {
        const log::EventLog& log = *topic.logs[partition];
        TRY(const auto reader, log.reader(log.begin()));
        for (bool is_found = false; !is_found && reader->position() < topic.ends[partition];) {
            entries.clear();
            TRY_STATUS(reader->read(entries, kEntriesAtOnce, kBytesAtOnce));
            for (const log::StoredEntry& entry : entries) {
                if (entry.kind != log::EntryKind::kEvent) continue;
                const auto event = records.read(entry.payload, event::ReadTo::kUserId);
                if (!event) continue;
                first = std::min(first.value_or(event->received_at), event->received_at);
                is_found = true;
                break;
            }
        }
    }
    return first;
}

/// Whether Kafka has all that `events` was made of, and all of that.
Result<bool> are_whole(const TopicLogs& raw, const TopicLogs& events) {
    if (!raw.has_its_first_entries() || !events.has_its_first_entries()) return false;
    // raw_events may have been lost, and made anew by `footfall prepare`.
    TRY(const auto taken, first_received_ms(raw));
    TRY(const auto became, first_received_ms(events));
    return !became || (taken && *taken - *became < kReorderedMs);
}

/// Sites of which everything was erased: how many repetitions collectors took of them is gone with it.
Result<std::set<std::string>> erased_sites(const std::vector<catalog::Erasure>& orders) {
    std::set<std::string> sites;
    for (const catalog::Erasure& order : orders) {
        TRY(const erase::Subject subject, erase::subject_of(order));
        if (subject.is_whole_site) sites.insert(subject.website_id);
    }
    return sites;
}

}  // namespace

Result<process::AuditReport> audit(const Settings& settings, const catalog::Catalog& catalog, store::Client& store,
                                   const std::string& site_id, const std::vector<std::string>& known) {
    TRY(const auto orders, catalog.erasures());
    const log::ErasuresOf erasures = erasures_asked(catalog);
    TRY(const TopicLogs raw, open_topic(settings, "raw_events"));
    TRY_STATUS(wait_deduplicated(settings));
    // Only now: what was taken by then is in it.
    TRY(const TopicLogs events, open_topic(settings, "events", erasures));
    TRY(const TopicLogs rejected, open_topic(settings, "rejected_events", erasures, process::kRejectedPartitions));
    TRY(const bool is_whole, are_whole(raw, events));

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
        TRY(const auto gone, erased_sites(orders));
        // Where more came meanwhile, what became of it may be in `events` already.
        const bool is_exact = !has_grown(raw);
        for (auto& [key, row] : rows) {
            if (key.second != "events" || gone.contains(key.first)) continue;
            const auto found = taken.find(key.first);
            const std::uint64_t of_site = found == taken.end() ? 0 : found->second;
            if (is_exact ? row.received == of_site : row.received >= of_site) continue;
            row.ok = false;
            row.differences.push_back(
                fmt::format("collectors took {} events, and {} became of them in `events`", of_site, row.received));
        }
    }
    for (auto& [key, row] : rows) report.rows.push_back(std::move(row));
    TRY(const auto orders_now, catalog.erasures());
    if (erase::state_of(orders_now) != erase::state_of(orders))
        return Error(Code::kUnavailable, "something was erased while this was audited; run the audit again");
    return report;
}

}  // namespace footfall::app::cluster
