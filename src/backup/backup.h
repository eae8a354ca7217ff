#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "log/disk/disk_log.h"
#include "store/object_store.h"

/// Backups of an installation, made beside a running server or without one, and the way back.
///
/// The log is the truth: the store, the index of event ids and the visitors of the day are made from it again by the
/// first start. So a backup is the log up to one moment, the catalog of that moment or a little later (so that every
/// event's site is in it), and what else is small. Where the log has given its beginning away (docs/adr/0014), the
/// archive's ranges that hold it belong to the log and to the backup. It has no salt of visitors' ids and no secret of
/// the index.
///
/// A backup is a folder:
///
///     manifest.json           what belongs to it (manifest.h). Written last: it alone says which of the files count
///     log/NUMBER.segment      closed segments, copied once and never changed
///     state-GENERATION/       what is another with every backup: catalog.db, demo.journal, the segment that was open
///     archive/                the archive's files that hold what came before the log's begin, under its own names; one
///                             that was rewritten between two backups has "-gGENERATION" behind its name
///     lock                    flock(2)ed by who writes it
///
/// A further backup into the folder copies the segments that were closed since and the archive's files that are new or
/// another, writes the next generation, replaces
/// the manifest and removes the former generation: whenever it is cut off, the former backup is whole.
namespace footfall::backup {

/// The name of the catalog among a backup's small files.
inline constexpr std::string_view kCatalog = "catalog.db";
inline constexpr std::string_view kDemoJournal = "demo.journal";

/// What a backup has to hold, taken at one moment by who has the installation open.
struct Cut {
    std::string made_by;  ///< version of the program
    std::int64_t made_ms = 0;
    log::LogCut log;
    std::map<std::string, std::string> files;  ///< small files of the data folder by their names, and their content
};
/// The cut as JSON, for the way from a server to the process that copies.
std::string encode_cut(const Cut& cut);
Result<Cut> decode_cut(std::string_view text);

enum class Pace : std::uint8_t {
    kAlone,
    /// Beside a server: synced in small steps, with a pause as long as each step took, so that the log's own syncs find
    /// the disk idle at least half of the time.
    kBesideServer,
};

/// The archive as a backup reads it, beside whoever rewrites it.
struct ArchiveSource {
    std::function<Result<std::unique_ptr<const store::ObjectStore>>()> open;
    /// kConflict while an erasure or a re-scoring is under way, or was cut off, that rewrites log and archive.
    std::function<Status()> check_still;
};

struct Report {
    std::string directory;
    std::uint64_t begin = 0;  ///< of the log's entries, and its end
    std::uint64_t end = 0;
    /// Of the archive, that hold what came before `begin`; their files count among the others.
    std::uint64_t archive_ranges = 0;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t files_copied = 0;
    std::uint64_t bytes_copied = 0;
    /// Entries that could not be read where they were copied from: the backup has the same damage.
    std::vector<log::Damage> damage;
};

/// An array of {"first","last","where"}.
void write_damage(json::Writer& writer, std::span<const log::Damage> damage);

/// Writes the backup of a cut, whose segments lie in `log_directory`, into `directory`, which is made, or empty, or has
/// an earlier backup of the same log. Of `archive`, where it is given and the log does not begin with entry 0, it takes
/// what the log has given away. Durable on return. kConflict: something else is in the folder, or another process
/// writes to it, or log or archive were rewritten meanwhile and it is to be tried again; kOverloaded: too little room;
/// kCorrupt: a file of the archive is damaged, or it lacks what the earlier backup has; in all cases nothing of the
/// earlier backup is changed.
Result<Report> write_backup(const Cut& cut, const std::string& log_directory, const std::string& directory, Pace pace,
                            Clock& clock, const std::optional<ArchiveSource>& archive = std::nullopt);

/// The last backup that was made of an installation, as its data folder has it noted in `last-backup`: the backup's own
/// folder may be anywhere, and gone by now. A restored installation has none of its own yet.
struct LastBackup {
    std::string directory;
    std::int64_t made_ms = 0;
    std::uint64_t end = 0;  ///< of the log's entries that it has
};
/// Durable on return.
Status note_backup(const std::string& data_dir, const LastBackup& last);
/// nullopt: none is noted. kCorrupt: the note can't be read.
Result<std::optional<LastBackup>> last_backup(const std::string& data_dir);

/// What a backup lacks, by its own manifest.
struct Flaw {
    std::string file;  ///< path within the backup
    std::string what;
    /// Of the entries the first and the last that cannot be had, nothing where it is another file.
    std::optional<log::Damage> entries{};
};

struct Restored {
    std::string made_by;
    std::int64_t made_ms = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t bytes = 0;
    std::vector<Flaw> flaws;
    /// Entries of the backup that the restored log does not have, behind its end.
    std::optional<log::Damage> missing;
    std::uint64_t archive_ranges = 0;  ///< that were restored
    std::string archive_where;         ///< empty: the backup has nothing of the archive
    /// Entries below `begin` that the restored archive does not have.
    std::vector<log::Damage> archive_missing;
    bool has_catalog = true;
};

/// Where a restored archive is to lie.
struct ArchiveTarget {
    /// To look at, without making anything.
    std::function<Result<std::unique_ptr<const store::ObjectStore>>()> look;
    std::function<Result<std::unique_ptr<store::ObjectStore>>()> open;
};

enum class OnDamage : std::uint8_t {
    kRefuse,
    /// Take the log up to the first entry that cannot be had, and do without a catalog that is damaged. What is damaged
    /// of the archive is left out, range by range: nothing of what follows depends on it.
    kTakePrefix,
};

/// Reads all of a backup and compares it with its manifest, before anything is written, then makes the data folder
/// `data_dir`, which must not exist or be empty. Durable on return. kCorrupt: the backup is damaged, the message names
/// file and entries; kUnsupported: a newer release made it; kConflict: the folder is not empty, or the archive's place
/// is not; kOverloaded: too little room. The archive goes to `archive`; without it into the data folder.
Result<Restored> restore(const std::string& directory, const std::string& data_dir, OnDamage on_damage, Clock& clock,
                         const std::optional<ArchiveTarget>& archive = std::nullopt);

/// kConflict where a restore into this data folder was cut off: what is there is less than the backup.
Status check_restored(const std::string& data_dir);

}  // namespace footfall::backup
