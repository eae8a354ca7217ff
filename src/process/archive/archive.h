#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/disk/disk_log.h"
#include "log/log.h"
#include "process/archive/archive_file.h"
#include "process/archive/manifest.h"
#include "store/object_store.h"

/// The archive: what the log holds, as Parquet in an ObjectStore (docs/adr/0014).
///
///     archive.json                      whose log it is
///     manifest/RANGE.json               what there is of a range of the log's offsets; written last, it alone counts
///     events/RANGE.parquet              its events, by site and time
///     entries/RANGE.parquet             the rest
///
/// where RANGE is received_date=…/received_hour=…/FIRST-LAST (manifest.h says how the parts look, archive_file.h what
/// is in them). Ranges never overlap. An object is never changed but by a rewriting.
namespace footfall::process::archive {

/// A stretch of the log, [first, end).
struct Range {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    bool operator==(const Range&) const = default;
};

struct Totals {
    std::uint64_t ranges = 0;
    std::uint64_t end = 0;    ///< behind the last entry that it holds
    std::uint64_t bytes = 0;  ///< of events and entries
};

/// Rewrites the archive beside the log: see Archive::rewrite().
using RewriteArchive = std::function<Status(const log::ErasureRange& range, std::span<const std::string> sites,
                                            const log::Rewriting& rewriting)>;

/// Whoever reads the log for the archive, or changes what is in both, does it one at a time: see Archive::lock().
class Archive {
public:
    /// How an archive begins, and who else may write to it.
    enum class Kind : std::uint8_t {
        kWholeLog,       ///< with the log's first entry, which nobody throws away before; by one process
        kFromWhenItCan,  ///< with the first entry that the log has by then; a process that does not know that the log's
                         ///< partition is another's may add ranges that overlap, of the same entries: some of them are
                         ///< taken out again at the next opening
    };
    /// Opens the archive of this log, or begins one, and removes what a death left of a range that does not count,
    /// unless the log has it no more: then its manifest is missing.
    /// Reads names only, and the last manifest. kConflict: it is another log's, or of a state of this log that is gone,
    /// or there is none where the log has given its beginning away (the message says what to do); kCorrupt: ranges that
    /// overlap. What is passed outlives this.
    static Result<std::unique_ptr<Archive>> open(store::ObjectStore& objects, const log::EventLog& log,
                                                 std::uint64_t log_id, Clock& clock, Kind kind = Kind::kWholeLog);

    /// Nothing is added or rewritten by others until what it gives is gone.
    std::unique_lock<std::mutex> lock() const { return std::unique_lock(changing_); }

    /// The first stretch at or behind `from` that it does not hold; without an end where it is the last one.
    struct Missing {
        std::uint64_t first = 0;
        std::optional<std::uint64_t> end{};
    };
    Missing missing_from(std::uint64_t from) const;
    /// The range that has this offset.
    std::optional<RangeName> range_at(std::uint64_t offset) const;
    Totals totals() const;

    /// Adds a range that it does not hold, in the order entries, events, manifest; durable on return. After an error or
    /// a death nothing of it counts, and it can be added again, also cut another way. The lock is the caller's.
    Status add(const Range& range, std::int64_t hour_ms, FileBuilder& builder, std::span<const log::Damage> damage);
    /// What `rewriting` has takes the place of entries of the range, as in the log (log::DiskLog::rewrite, which tells
    /// erased entries apart: so does this). Ranges that have nothing of one of the sites are passed over where any are
    /// named. Each range is replaced object by object, and after a death either is what it was or can be rewritten
    /// again, with nothing lost. Takes the lock. How many entries changed.
    Result<std::uint64_t> rewrite(const log::ErasureRange& range, std::span<const std::string> sites,
                                  const log::Rewriting& rewriting);
    /// Takes ranges out that have an entry of these, which a log that begins at `log_begin` can give whole now, so that
    /// they are added again. Durable on return.
    Status forget(std::span<const log::Damage> damage, std::uint64_t log_begin);

    /// The ranges that it holds, in order.
    std::vector<RangeName> ranges() const;
    Result<Manifest> manifest(const RangeName& range) const;
    /// The objects of a range, compared with their checksums. kCorrupt: damaged, or not there.
    Result<FileContent> content(const Manifest& manifest) const;

private:
    Archive(store::ObjectStore& objects, std::uint64_t log_id, Clock& clock, Kind kind)
        : objects_(objects), log_id_(log_id), clock_(clock), kind_(kind) {}
    Status claim(const log::EventLog& log);
    Status read_names(const log::EventLog& log);
    Status take_out_overlaps(std::vector<RangeName>& ranges);
    Status remove(const RangeName& range);
    Error overlap(const RangeName& range, std::uint64_t first) const;
    Status check_same_log(const log::EventLog& log) const;
    Result<std::optional<ObjectSum>> put(const std::string& key, const std::string& content);
    Result<std::string> checked(const std::optional<ObjectSum>& now, const std::optional<ObjectSum>& later) const;
    Result<std::uint64_t> rewrite_range(const RangeName& range, std::span<const std::string> sites,
                                        const log::ErasureRange& offsets, const log::Rewriting& rewriting);
    Status replace(const RangeName& range, Manifest manifest, FileBuilder& builder);

    store::ObjectStore& objects_;
    const std::uint64_t log_id_;
    Clock& clock_;
    const Kind kind_;
    mutable std::mutex changing_;
    mutable std::mutex mutex_;                    ///< of the rest
    std::map<std::uint64_t, RangeName> ranges_;   ///< by their first offset
    std::map<std::string, std::uint64_t> bytes_;  ///< of each object of events or entries
};

}  // namespace footfall::process::archive
