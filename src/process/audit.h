#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "store/client.h"

namespace footfall::process {

/// One site in one table. received = stored + duplicates + erased + expired where all is well.
struct AuditRow {
    std::string site_id;
    std::string table;
    /// Of events: acknowledged ones by the log, new ones and duplicates. Of sessions: those that the log's events make,
    /// and erased ones.
    std::uint64_t received = 0;
    std::uint64_t stored = 0;      ///< rows of the table; of sessions the sum of their signs
    std::uint64_t duplicates = 0;  ///< acknowledged repetitions, counted and not stored
    std::uint64_t rejected = 0;
    /// Acknowledged events whose content is gone. Of sessions: those that the store had of them when they were erased.
    std::uint64_t erased = 0;
    std::uint64_t expired = 0;   ///< the same of those that were older than their site keeps events
    std::uint64_t expected = 0;  ///< rows that the log says there must be
    std::uint64_t altered = 0;   ///< rows that are there but differ from the log
    bool ok = true;
    std::vector<std::string> differences;  ///< the first ones, in words, with their offsets
};

struct AuditReport {
    std::vector<AuditRow> rows;
    std::vector<std::string> damage;  ///< ranges of the log that can't be read
    log::Position end;                ///< compared up to here

    bool ok() const;
    /// An array with an object for each site and table.
    std::string json() const;
    std::string text() const;
};

/// The derived tables, kept as they are while this lives: nothing is written to them.
struct TablesHeld {
    log::Position position;           ///< they hold what the log says before it
    std::function<bool()> is_intact;  ///< false where they may have been written to after all
    std::shared_ptr<void> hold;
};

struct AuditOptions {
    /// Sessions of one pass. Each pass reads the log once and holds about 600 bytes for each of its sessions.
    std::uint64_t sessions_per_pass = 500'000;
    /// Events of a pass between two looks at which sessions changed: what changed is held twice until then.
    std::uint64_t events_per_look = 50'000;
    /// Entries of the log whose events have one sum for each site.
    std::uint64_t offsets_per_stretch = 16'384;
    /// Stretches whose rows are told apart where they differ, of each pass; the others are named as a whole. With both
    /// defaults that is 25 MB at most.
    std::size_t stretches_named = 64;
    /// Whether the table forgets the ids of old events (docs/adr/0019): they are not compared then, their keys are.
    bool ids_expire = true;
    /// The log is one of several partitions: rows of the others are not judged, and those from before its first entry
    /// are taken to be right.
    bool is_one_of_several = false;
    /// Whether the log has its first entry yet: sessions can't be folded without it. Else events alone are compared,
    /// but for their session's key.
    bool has_sessions = true;
};

/// Compares the log with the tables. Both sides are computed apart: here from the records, in the store by SQL.
///
/// events: for each stretch of [begin, end) the number of rows and the sum of their hashes over every column, the
/// keys of event and session too; where they differ the log is read again and row is held against row, to name it. Rows
/// that no record explains are differences. sessions: the log is folded again from its beginning, and the rows, counted
/// by their signs, are compared with it; so is session_alias. Sessions change as events come: they are compared without
/// holding anything up, and only what seems to differ is looked at again while `hold_tables` keeps the tables still.
///
/// Everything before `end` must have been loaded. `site_id` empty: all sites. About 5 s of CPU for a million events in
/// a pass. Errors are the store's and the log's, and kUnavailable where the store was started again meanwhile.
Result<AuditReport> run_audit(const log::EventLog& log, store::Client& store, log::Position end,
                              const std::function<Result<TablesHeld>()>& hold_tables, const std::string& site_id,
                              const std::vector<std::string>& known_sites, AuditOptions options = {});

}  // namespace footfall::process
