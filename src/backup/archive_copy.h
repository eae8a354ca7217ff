#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backup/backup.h"
#include "backup/manifest.h"
#include "base/clock.h"
#include "base/result.h"
#include "process/archive/manifest.h"
#include "store/object_store.h"

namespace footfall::backup {

/// The folder of a backup that has the archive's files.
inline constexpr std::string_view kArchiveFolder = "archive";

/// What a backup needs beside the cut in order to take the archive's ranges.
struct ArchiveWanted {
    std::uint64_t log_id = 0;
    std::uint64_t begin = 0;  ///< of the log in the backup: what lies below it is wanted
    std::string directory;    ///< of the backup
    std::vector<ArchiveFile> former;
    std::uint64_t generation = 0;
    Pace pace = Pace::kAlone;
};

/// Copies the archive's ranges that a backup's log does not have. The archive may be rewritten meanwhile by the server,
/// range by range and in place; what is taken is one state of all of it, or kConflict. For that plan() notes the
/// manifests, copy() takes the files that they name, and finish() sees that nothing rewrites the archive at that moment
/// and that the manifests still are the same: a rewriting that ended before has changed one of them, and one that began
/// after it came too late for every file. One thread.
class ArchiveCopy {
public:
    /// `source` outlives this.
    ArchiveCopy(const ArchiveSource& source, ArchiveWanted wanted, Clock& clock)
        : source_(source), wanted_(std::move(wanted)), clock_(clock) {}

    /// Reads the manifests and writes nothing. kConflict: there is no archive, or another installation's, or it is
    /// being rewritten; kCorrupt: it lacks what the former backup has.
    Status plan();
    std::uint64_t bytes_to_copy() const;
    /// The files of the ranges, each compared with its range's manifest. kCorrupt: one is damaged.
    Status copy();
    /// The manifests, where all is as it was planned; durable on return with all before it.
    Status finish();

    /// What the backup has of the archive by now: the claim, then each range's manifest and files.
    std::vector<ArchiveFile> files() const;
    std::uint64_t ranges() const { return ranges_.size(); }
    /// Entries that the archive does not have, nor the former backup.
    const std::vector<log::Damage>& damage() const { return damage_; }
    std::uint64_t files_copied() const { return files_copied_; }
    std::uint64_t bytes_copied() const { return bytes_copied_; }

private:
    struct Wanted {
        ArchiveFile file;
        bool is_there = false;
    };
    struct Range {
        Wanted manifest;
        std::vector<Wanted> objects;
    };
    Result<std::vector<process::archive::RangeName>> names();
    Status note_gap(std::uint64_t first, std::uint64_t end);
    Result<Range> plan_range(const process::archive::RangeName& name) const;
    /// The file as it is in the backup already, or with the name that it gets there.
    Wanted want(const std::string& key, FileSum sum) const;
    Status take(const Range& range, Wanted& wanted);
    Status put(Wanted& wanted, std::string_view content);
    /// kConflict where the manifest is not the one that was planned.
    Result<std::string> same_manifest(const Range& range) const;
    Error rewritten() const;
    std::string path(const ArchiveFile& file) const;

    const ArchiveSource& source_;
    const ArchiveWanted wanted_;
    Clock& clock_;
    std::map<std::string, const ArchiveFile*, std::less<>> former_by_key_;
    std::map<std::string, const ArchiveFile*, std::less<>> former_by_name_;
    std::unique_ptr<const store::ObjectStore> from_;
    std::unique_ptr<store::ObjectStore> to_;
    Wanted claim_;
    std::string claim_text_;
    std::vector<Range> ranges_;
    std::vector<log::Damage> damage_;
    std::uint64_t files_copied_ = 0;
    std::uint64_t bytes_copied_ = 0;
};

/// Removes from a backup's folder of the archive what is not among these.
Status remove_other_archive_files(const std::string& directory, const std::vector<ArchiveFile>& files);

}  // namespace footfall::backup
