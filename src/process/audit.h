#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "store/client.h"

namespace footfall::process {

/// One site in one table. received = stored + duplicates + erased where all is well.
struct AuditRow {
    std::string site_id;
    std::string table = "events";
    std::uint64_t received = 0;    ///< acknowledged events by the log: new ones and duplicates
    std::uint64_t stored = 0;      ///< rows of the table
    std::uint64_t duplicates = 0;  ///< acknowledged repetitions, counted and not stored
    std::uint64_t rejected = 0;
    std::uint64_t erased = 0;
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

/// Compares the log's range [begin, end) with footfall.events: for each stretch of the log the number of rows, of
/// distinct offsets and a hash over every column of every row, both sides computed apart (here from the records, in the
/// store by SQL); where they differ, row by row to name it. Rows that no record explains are differences too.
/// Everything before `end` must have been loaded. `site_id` empty: all sites. Reads the whole log once: about 2 s of
/// CPU for a million events.
Result<AuditReport> run_audit(const log::EventLog& log, store::Client& store, log::Position end,
                              const std::string& site_id, const std::vector<std::string>& known_sites);

}  // namespace footfall::process
