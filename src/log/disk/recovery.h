#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "log/disk/disk_log.h"
#include "log/disk/format.h"
#include "log/disk/segments.h"

namespace footfall::log {

/// The segment that appends go to.
struct ActiveSegment {
    File file{};
    std::uint64_t number = 0;
    std::uint64_t first_offset = 0;
    std::uint64_t at = kSegmentHeaderBlock;  ///< where the next frame goes
    std::uint64_t capacity = 0;              ///< bytes that the file has
    std::uint64_t count = 0;                 ///< entries in its valid frames
};

struct RecoveredLog {
    LogMeta meta;
    std::shared_ptr<SegmentTable> table;
    std::optional<ActiveSegment> active;  ///< none where the last segment is sealed, or there is no segment
    std::uint64_t next_number = 1;
    DiskLog::Recovery summary;
};

/// Reads a log's directory, which the caller has locked, and mends what a crash may leave: temporary files and segments
/// whose deletion was decided are removed, a torn tail is zeroed and synced. Nothing else is changed, so a death at any
/// point leaves a directory from which the same call comes to the same end. A directory written by a newer version is
/// refused before any change.
Result<RecoveredLog> recover(const std::string& directory, std::int64_t now_ms);

/// kUnsupported where a newer release made the log in this directory, which need not be locked. Reads its description
/// and the newest segment's header, and changes nothing; what cannot be read is left to recover().
Status check_version(const std::string& directory);

}  // namespace footfall::log
