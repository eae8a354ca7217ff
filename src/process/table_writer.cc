#include "process/table_writer.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "base/failpoint.h"
#include "process/sql.h"

namespace footfall::process {
namespace {

constexpr int kInsertTimeoutMs = 120'000;

}  // namespace

TableWriter::TableWriter(store::Client& store, SessionUndo* undo, std::function<void(std::size_t rows)> inserted,
                         TouchListener touched)
    : store_(store), inserted_(std::move(inserted)), touched_(std::move(touched)), session_store_(store, undo) {}

void TableWriter::start_with_none() {
    sessions_.restart(std::numeric_limits<std::int64_t>::min());
    is_started_ = true;
    is_of_all_ = false;
}

Status TableWriter::write(std::span<const log::StoredEntry> entries, std::span<const std::uint64_t> present,
                          log::Position from, log::Position last) {
    TRY_STATUS(prepare_sessions(entries));
    hours_.clear();
    TRY_STATUS(blocks_.build(entries, present, [this](const event::Event& event, std::uint64_t offset) {
        if (touched_) hours_.add(event.website_id, event.timestamp);
        return sessions_.apply(event, offset);
    }));
    const std::vector<SessionChange> changes = sessions_.take_changes(last.offset);
    if (touched_) {
        // What a session says of where it came from is said of all of its events.
        for (const SessionChange& change : changes)
            for (const auto& session : {std::cref(change.before), std::cref(change.after)})
                if (session.get())
                    hours_.add(session.get()->website_id, session.get()->started_at, session.get()->ended_at);
        touched_(hours_, last.offset + 1);
    }
    // Sessions first: an event that is in its table has its session in the other, so that answers which join them are
    // complete.
    TRY_STATUS(session_store_.insert(changes, sessions_.take_aliases(), from, last));
    for (auto& [month, block] : blocks_.blocks()) {
        if (block.rows() == 0) continue;
        // What an error leaves is not known; the caller takes it as doubt.
        if (failpoint("loader.before_insert") == Fault::kError)
            return Error(Code::kUnavailable, "failpoint loader.before_insert");
        TRY_STATUS(store_.insert(of_partition(EventBlocks::insert_statement(), last.partition), block.bytes(),
                                 kInsertTimeoutMs, {{"insert_deduplicate", "0"}}));
        if (failpoint("loader.after_insert") == Fault::kError)
            return Error(Code::kUnavailable, "failpoint loader.after_insert");
        if (inserted_) inserted_(block.rows());
    }
    return {};
}

Status TableWriter::prepare_sessions(std::span<const log::StoredEntry> entries) {
    std::map<std::pair<std::string, std::uint64_t>, SessionFold::LookUp> by_visitor;
    for (const log::StoredEntry& entry : entries) {
        if (entry.kind != log::EntryKind::kEvent) continue;
        auto head = reader_of_heads_.read(entry.payload, event::ReadTo::kUserId);
        if (!head && head.error().field == "v") return Error(std::move(head.error()));
        if (!head) continue;  // left out of the blocks as well
        // After a clock that was ahead and is set right, most visitors would have to be asked for, and their sessions
        // be kept until that time comes again.
        if (!is_started_ || (is_of_all_ && sessions_.is_long_before(head->received_at))) {
            // By the log's time, not by the clock's: a log that is read again from its beginning has its own days.
            TRY_STATUS(session_store_.start(sessions_, head->received_at - SessionFold::kHoldMs, entry.position));
            is_started_ = true;
        }
        // Most events are of now, and need nothing but what is in memory.
        std::optional<SessionFold::LookUp> asked;
        if (head->event_type == "ping") {
            const auto whole = reader_of_heads_.read(entry.payload);
            if (whole) asked = sessions_.look_up_for(*whole);
        } else {
            asked = sessions_.look_up_for(*head);
        }
        if (!asked) continue;
        const auto [known, added] = by_visitor.try_emplace({asked->website_id, asked->visitor_id}, *asked);
        if (!added) known->second.last_from = std::min(known->second.last_from, asked->last_from);
    }
    std::vector<SessionFold::LookUp> who;
    who.reserve(by_visitor.size());
    for (auto& [visitor, look_up] : by_visitor) who.push_back(std::move(look_up));
    return session_store_.look_up(sessions_, who);
}

}  // namespace footfall::process
