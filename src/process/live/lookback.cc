#include "process/live/lookback.h"

#include <algorithm>
#include <memory>

#include "process/sessions/session.h"

namespace footfall::process {
namespace {

constexpr std::size_t kEntriesAtOnce = 4'000;
constexpr std::size_t kBytesAtOnce = 16u << 20;

}  // namespace

Result<std::vector<SeenEvent>> Lookback::read(std::uint64_t entries_max) {
    const log::Position begin = log_.begin();
    const std::uint64_t available = unread_.offset - std::min(unread_.offset, begin.offset);
    const log::Position first{unread_.partition, unread_.offset - std::min(entries_max, available)};
    TRY(const std::unique_ptr<log::LogReader> reader, log_.reader(first));
    std::vector<SeenEvent> seen;
    std::int64_t first_ms = INT64_MAX;
    while (reader->position() < unread_) {
        entries_.clear();
        const log::Position before = reader->position();
        if (const Status status = reader->read(entries_, kEntriesAtOnce, kBytesAtOnce); !status) {
            if (reader->position() == before) return status.error();
            continue;
        }
        if (entries_.empty()) break;
        for (const log::StoredEntry& entry : entries_) {
            if (entry.position >= unread_) break;
            if (entry.kind != log::EntryKind::kEvent) continue;
            const auto event = records_.read(entry.payload, event::ReadTo::kEventName);
            if (!event) continue;  // the loader names it
            if (first_ms == INT64_MAX) first_ms = event->received_at;
            if (event->is_bot || !makes_sessions(event->event_type)) continue;
            seen.push_back({.website_id = std::string(event->website_id),
                            .visitor_id = event->visitor_id,
                            .at_ms = std::min(event->timestamp, event->received_at),
                            .source = std::string(event->source)});
        }
    }
    unread_ = first;
    unread_ms_ = std::min(unread_ms_, first_ms);
    return seen;
}

}  // namespace footfall::process
