#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/disk/disk_log.h"

namespace footfall::backup {

/// Raised with every change that an older release would misread. A backup has the lowest that says what is in it: an
/// older release would restore one with an archive and leave the archive behind.
inline constexpr std::uint64_t kFormat = 2;
inline constexpr std::uint64_t kFormatWithoutArchive = 1;
inline constexpr std::string_view kManifestName = "manifest.json";

struct FileSum {
    std::uint64_t bytes = 0;
    std::string sha256;  ///< hex
    bool operator==(const FileSum&) const = default;
};
struct SegmentEntry {
    log::CutSegment segment;
    FileSum sum;
};
struct StateEntry {
    std::string name;
    FileSum sum;
};

/// A file of the archive. Several backups of one folder may have it in several states, each under a name of its own.
struct ArchiveFile {
    std::string key;   ///< of the object in the archive
    std::string name;  ///< below archive/ in the backup
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
    /// What lies below `begin`: archive.json, then of each range its manifest and its files. Empty where the log has
    /// everything, or somebody else copies the archive.
    std::vector<ArchiveFile> archive;

    const SegmentEntry* find(std::uint64_t number) const;
    /// Paths within the backup.
    std::string path_of(const log::CutSegment& segment) const;
    std::string state_path(std::string_view name) const;
};

std::string encode_manifest(const Manifest& manifest);
/// kNotFound: there is none. kCorrupt: damaged. kUnsupported: of a newer release, which is named.
Result<Manifest> read_manifest(const std::string& directory);

}  // namespace footfall::backup
