#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "log/disk/disk_log.h"
#include "log/disk/segments.h"

namespace footfall::log {

/// What rewriting needs of the log beside its table.
struct RewriteAccess {
    SegmentTable& table;
    const File& directory;
    Clock& clock;
    /// Closes the segment of this number where it is the one that is appended to, so that it does not change any more.
    std::function<Status(std::uint64_t number)> seal;
};

/// DiskLog::rewrite(), segment by segment. Each that has an entry to change is read, written anew beside the old file,
/// synced, and put in its place; the others are only read. A death at any point leaves each segment as it was or as it
/// shall be. Memory: two frames.
Result<Erased> rewrite_segments(const RewriteAccess& access, const ErasureRange& range, const Rewriting& rewriting,
                                ErasurePace pace);

}  // namespace footfall::log
