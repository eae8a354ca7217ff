#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "log/log.h"
#include "process/event_block.h"
#include "process/sessions/fold.h"
#include "process/sessions/session_store.h"
#include "process/touched.h"
#include "store/client.h"

namespace footfall::process {

/// Writes batches of the log, in its order, to footfall.events, footfall.sessions and footfall.session_alias: the one
/// way in which rows of events and sessions come to be. Sessions of the last hour, or of a site's longer timeout, are
/// in memory, older ones are looked up. Errors are those of store::Client, and kCorrupt (field "v") for a record of a
/// higher version; after one, what the tables hold of the batch is not known. Not thread-safe.
class TableWriter {
public:
    /// `undo`: see SessionStore. `inserted` is told of each block of events that is durable, with its rows;
    /// `touched` of what a batch changes, before any of it is written.
    TableWriter(store::Client& store, SessionUndo* undo, std::function<void(std::size_t rows)> inserted = {},
                TouchListener touched = {});

    /// What is in memory is not what the tables hold any more: the next batch reads it anew.
    void restart() {
        sessions_.restart(0);
        is_started_ = false;
    }
    /// The batches that follow are all that there is of their visitors: the tables have no rows of them, and those of
    /// others are never asked for.
    void start_with_none();

    /// Writes a batch; the rows of the sorted offsets `present` are in the table of events already. `from` is the
    /// position that the tables hold the log up to, `last` that of the batch's last entry.
    Status write(std::span<const log::StoredEntry> entries, std::span<const std::uint64_t> present, log::Position from,
                 log::Position last);
    /// Once all that belongs to the batch is written: old sessions may go.
    void let_go() { sessions_.let_go(); }

    /// Largest receive time of the last batch's rows, epoch ms.
    std::int64_t newest_received_ms() const { return blocks_.newest_received_ms(); }
    std::size_t sessions_held() const { return sessions_.held(); }
    SessionStore& session_store() { return session_store_; }

private:
    /// Brings the sessions that the entries' events may reach into the fold.
    Status prepare_sessions(std::span<const log::StoredEntry> entries);

    store::Client& store_;
    const std::function<void(std::size_t)> inserted_;
    const TouchListener touched_;
    TouchedHours hours_;
    EventBlocks blocks_;
    SessionFold sessions_;
    bool is_started_ = false;  ///< the fold goes on from what the tables hold
    bool is_of_all_ = true;    ///< visitors, so that a start may read the sessions of all
    SessionStore session_store_;
    event::RecordReader reader_of_heads_;
};

}  // namespace footfall::process
