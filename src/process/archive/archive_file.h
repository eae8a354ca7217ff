#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "log/log.h"
#include "process/archive/manifest.h"

/// How a range of the log lies in the archive: two Parquet files, of which either may be missing.
///
/// The file of events has a column for each field of schema/event.schema.json, in its order (texts, and UUIDs and
/// addresses as texts; times as timestamps of UTC; 64-bit hashes as unsigned numbers; properties as a map), then
///
///     log_partition, log_offset    the event's place in the log
///     record                       its record as the log has it, where the columns do not give it byte for byte (it
///                                  has members that this release does not know, or a property twice); empty otherwise
///
/// sorted by website_id, timestamp, log_offset. The file of entries has the rest: log_partition, log_offset, kind
/// (tally, erased, or event for a record that is none of ours) and payload, as the log has it, in the log's order.
/// Samples of rejected events are in neither: they are kept for thirty days, and the archive is kept longer. Where an
/// offset is in both files, as a death amid a rewriting may leave it, the file of entries is right.
namespace footfall::process::archive {

struct FileContent {
    std::string events;   ///< a Parquet file; empty: none
    std::string entries;  ///< likewise
};

/// Makes the files of a range. Memory: what the records have, once, a column of it again, and the
/// files. Not thread-safe.
class FileBuilder {
public:
    FileBuilder();
    ~FileBuilder();
    FileBuilder(const FileBuilder&) = delete;
    FileBuilder& operator=(const FileBuilder&) = delete;

    /// In the log's order. kCorrupt (field "v"): a record of a higher version, which only a newer program can archive.
    Status add(const log::StoredEntry& entry);
    /// Bytes of what was added.
    std::size_t bytes() const;
    /// What the range has, by site, for its manifest.
    const Counts& counts() const;
    FileContent finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Reads a range back, entry by entry in the log's order. A record that the columns give is written by this release's
/// writer, which is what the log had. An entry is valid until `take` returns; an error of `take` ends the reading with
/// it. Memory: about three times the records. kCorrupt, kUnsupported: see parquet::Reader.
Status read_entries(const FileContent& content, const std::function<Status(const log::StoredEntry& entry)>& take);

}  // namespace footfall::process::archive
