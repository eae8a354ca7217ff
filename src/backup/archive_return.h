#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "backup/manifest.h"
#include "base/result.h"

namespace footfall::backup {

/// What is wrong with a file of a backup; nothing where it is as the manifest says.
std::optional<std::string> compare_file(const std::string& path, const FileSum& expected);

/// The way back of the archive's files in a backup. One thread.
class ArchiveReturn {
public:
    /// What is passed outlives this.
    ArchiveReturn(const Manifest& manifest, const std::string& directory)
        : manifest_(manifest), directory_(directory) {}

    bool is_empty() const { return manifest_.archive.empty(); }
    /// Where the target is. kConflict where something lies in it.
    static Result<std::string> judge(const ArchiveTarget& target);
    /// Reads all files, and says what is wrong with them.
    Result<std::vector<Flaw>> verify();
    /// Leaves out the ranges of which something is damaged, or that go beyond the end of the log that is restored: such
    /// an archive would be that of another state of the log. What it costs of the entries below the log's begin.
    std::vector<log::Damage> leave_out(std::uint64_t log_end);
    std::uint64_t bytes() const;
    std::uint64_t ranges() const { return ranges_.size(); }
    /// Durable on return. kCorrupt: a file changed since verify().
    Status write(store::ObjectStore& target) const;

private:
    struct Range {
        std::uint64_t first = 0;
        std::uint64_t end = 0;
        std::vector<const ArchiveFile*> files;  ///< the manifest first
        bool is_whole = true;
    };
    std::string path(const ArchiveFile& file) const;
    Status put(store::ObjectStore& target, const ArchiveFile& file) const;

    const Manifest& manifest_;
    const std::string& directory_;
    std::vector<Range> ranges_;
    bool is_claim_whole_ = false;
};

}  // namespace footfall::backup
