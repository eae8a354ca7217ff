#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/disk/disk_log.h"

namespace footfall::backup {

/// Raised with every change that an older release would misread.
inline constexpr std::uint64_t kFormat = 1;
inline constexpr std::string_view kManifestName = "manifest.json";

struct FileSum {
    std::uint64_t bytes = 0;
    std::string sha256;  ///< hex
};
struct SegmentEntry {
    log::CutSegment segment;
    FileSum sum;
};
struct StateEntry {
    std::string name;
    FileSum sum;
};

/// manifest.json: one object. Its last member, "sha256", is the SHA-256 of all text before that member's comma, so that
/// damage of the manifest shows as well.
struct Manifest {
    std::string made_by;
    std::int64_t made_ms = 0;
    std::uint64_t generation = 0;
    /// False from the beginning of a folder's first backup to its end.
    bool complete = false;
    std::uint64_t log_id = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::vector<SegmentEntry> segments;
    std::vector<StateEntry> state;

    const SegmentEntry* find(std::uint64_t number) const;
    /// Paths within the backup.
    std::string path_of(const log::CutSegment& segment) const;
    std::string state_path(std::string_view name) const;
};

std::string encode_manifest(const Manifest& manifest);
/// kNotFound: there is none. kCorrupt: damaged. kUnsupported: of a newer release, which is named.
Result<Manifest> read_manifest(const std::string& directory);

}  // namespace footfall::backup
