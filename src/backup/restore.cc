#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/archive_return.h"
#include "backup/backup.h"
#include "backup/copy.h"
#include "backup/manifest.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "log/disk/format.h"
#include "log/disk/scanner.h"
#include "store/local/object_folder.h"

namespace footfall::backup {
namespace {

/// Stands in a data folder from the beginning of a restore to its end.
constexpr std::string_view kRestoring = "restoring";

/// A segment as it goes into the restored log.
struct Part {
    const SegmentEntry* entry = nullptr;
    std::uint64_t bytes = 0;
    bool is_whole = true;
};

class Restorer {
public:
    Restorer(std::string directory, std::string data_dir, OnDamage on_damage, Clock& clock, ArchiveTarget target)
        : directory_(std::move(directory)),
          data_dir_(std::move(data_dir)),
          on_damage_(on_damage),
          clock_(clock),
          target_(std::move(target)) {}

    Result<Restored> run();

private:
    std::string path(const std::string& name) const { return directory_ + "/" + name; }
    Status judge_target() const;
    Status verify();
    void take_prefix();
    Error refuse() const;
    Status write() const;
    Status write_archive() const;

    const std::string directory_;
    const std::string data_dir_;
    const OnDamage on_damage_;
    Clock& clock_;
    const ArchiveTarget target_;
    Manifest manifest_;
    ArchiveReturn archive_{manifest_, directory_};
    std::vector<Part> parts_;
    std::vector<const StateEntry*> state_;
    Restored out_;
};

Status Restorer::judge_target() const {
    if (!path_exists(data_dir_)) return {};
    TRY(const auto names, list_directory(data_dir_));
    const bool is_empty = names.empty() || (names.size() == 1 && names[0] == "lost+found");
    if (is_empty) return {};
    return Error(Code::kConflict, fmt::format("{} is not empty; restore into a new folder, and put it in the place of "
                                              "the old one afterwards",
                                              data_dir_));
}

Status Restorer::verify() {
    bool has_catalog = false;
    for (const StateEntry& entry : manifest_.state) {
        const std::string name = manifest_.state_path(entry.name);
        if (auto what = compare_file(path(name), entry.sum)) {
            out_.flaws.push_back({.file = name, .what = std::move(*what)});
            continue;
        }
        has_catalog = has_catalog || entry.name == kCatalog;
        state_.push_back(&entry);
    }
    out_.has_catalog = has_catalog;
    for (const SegmentEntry& entry : manifest_.segments) {
        const log::CutSegment& segment = entry.segment;
        const std::string name = manifest_.path_of(segment);
        Part part{.entry = &entry, .bytes = entry.sum.bytes};
        if (auto what = compare_file(path(name), entry.sum)) {
            const auto prefix =
                log::readable_prefix(path(name), manifest_.log_id, segment.number, segment.first_offset);
            const std::uint64_t readable = prefix ? prefix->end_offset : segment.first_offset;
            part.bytes = prefix ? prefix->bytes : 0;
            part.is_whole = readable >= segment.end_offset;
            Flaw flaw{.file = name, .what = std::move(*what)};
            if (!part.is_whole)
                flaw.entries =
                    log::Damage{.partition = 0, .first = readable, .last = segment.end_offset - 1, .where = {}};
            out_.flaws.push_back(std::move(flaw));
        }
        parts_.push_back(part);
    }
    return {};
}

/// All that stands before the first entry that cannot be had.
void Restorer::take_prefix() {
    const auto broken = std::find_if(parts_.begin(), parts_.end(), [](const Part& part) { return !part.is_whole; });
    if (broken == parts_.end()) return;
    const auto flaw =
        std::find_if(out_.flaws.begin(), out_.flaws.end(), [](const Flaw& found) { return found.entries.has_value(); });
    out_.end = flaw->entries->first;
    out_.missing = log::Damage{.partition = 0, .first = out_.end, .last = manifest_.end - 1, .where = {}};
    // A segment without an entry is not worth its file.
    const bool has_some = out_.end > broken->entry->segment.first_offset;
    parts_.erase(has_some ? broken + 1 : broken, parts_.end());
}

Error Restorer::refuse() const {
    const Flaw& flaw = out_.flaws.front();
    const std::string entries =
        flaw.entries ? fmt::format(" (entries {} to {})", flaw.entries->first, flaw.entries->last) : "";
    const std::string more = out_.flaws.size() > 1 ? fmt::format(", and {} more files", out_.flaws.size() - 1) : "";
    return {Code::kCorrupt,
            fmt::format("the backup is damaged: {} {}{}{}; nothing was written. Take another backup, or "
                        "what can be had of this one with --up-to-damage",
                        path(flaw.file), flaw.what, entries, more)};
}

Status Restorer::write() const {
    std::uint64_t bytes = 0;
    for (const Part& part : parts_) bytes += part.bytes;
    for (const StateEntry* entry : state_) bytes += entry->sum.bytes;
    if (out_.archive_where.starts_with(data_dir_ + "/")) bytes += archive_.bytes();
    const bool was_there = path_exists(data_dir_);
    TRY_STATUS(make_directories(data_dir_));
    if (const Status room = check_room(data_dir_, bytes); !room) {
        if (!was_there) ::rmdir(data_dir_.c_str());
        return room;
    }
    const std::string marker = data_dir_ + "/" + std::string(kRestoring);
    TRY_STATUS(write_file_atomically(marker, "a restore was cut off here\n"));
    const std::string log_dir = data_dir_ + "/log";
    TRY_STATUS(make_directories(log_dir));
    TRY_STATUS(sync_directory(data_dir_));
    for (const Part& part : parts_) {
        const std::string from = path(manifest_.path_of(part.entry->segment));
        TRY(const FileSum sum, copy_file(from, log_dir + "/" + log::segment_name(part.entry->segment.number),
                                         part.bytes, Pace::kAlone, clock_));
        // Read a second time: a disk may give something else now.
        if (part.bytes == part.entry->sum.bytes && part.is_whole && sum.sha256 != part.entry->sum.sha256 &&
            out_.flaws.empty() && failpoint("mutant.skip_checksum") != Fault::kError)
            return Error(Code::kCorrupt, from + " changed while it was read");
    }
    const std::uint64_t first_number = parts_.empty() ? 1 : parts_.front().entry->segment.number;
    TRY_STATUS(write_file_atomically(
        log_dir + "/log.meta",
        log::encode_meta({.log_id = manifest_.log_id, .first_number = first_number, .first_offset = manifest_.begin})));
    for (const StateEntry* entry : state_) {
        TRY([[maybe_unused]] const FileSum sum,
            copy_file(path(manifest_.state_path(entry->name)), data_dir_ + "/" + entry->name, entry->sum.bytes,
                      Pace::kAlone, clock_));
    }
    TRY_STATUS(sync_directory(log_dir));
    TRY_STATUS(sync_directory(data_dir_));
    TRY_STATUS(write_archive());
    (void)failpoint("restore.before_end");
    TRY_STATUS(remove_file(marker));
    return sync_directory(data_dir_);
}

Status Restorer::write_archive() const {
    if (archive_.is_empty()) return {};
    TRY(const auto objects, target_.open());
    return archive_.write(*objects);
}

Result<Restored> Restorer::run() {
    TRY_STATUS(judge_target());
    TRY(manifest_, read_manifest(directory_));
    if (!manifest_.complete)
        return Error(Code::kCorrupt,
                     fmt::format("the backup in {} was cut off before it was complete; take another one", directory_));
    out_.made_by = manifest_.made_by;
    out_.made_ms = manifest_.made_ms;
    out_.begin = manifest_.begin;
    out_.end = manifest_.end;
    if (!archive_.is_empty()) {
        TRY(out_.archive_where, ArchiveReturn::judge(target_));
    }
    TRY_STATUS(verify());
    take_prefix();
    TRY(auto of_archive, archive_.verify());
    std::move(of_archive.begin(), of_archive.end(), std::back_inserter(out_.flaws));
    if (!out_.flaws.empty() && on_damage_ == OnDamage::kRefuse) return refuse();
    out_.archive_missing = archive_.leave_out(out_.end);
    out_.archive_ranges = archive_.ranges();
    if (parts_.empty() && out_.missing)
        return Error(Code::kCorrupt,
                     fmt::format("nothing can be had of the backup in {}: its first segment is damaged", directory_));
    TRY_STATUS(write());
    for (const Part& part : parts_) out_.bytes += part.bytes;
    for (const StateEntry* entry : state_) out_.bytes += entry->sum.bytes;
    out_.bytes += archive_.bytes();
    return std::move(out_);
}

}  // namespace

Result<Restored> restore(const std::string& directory, const std::string& data_dir, OnDamage on_damage, Clock& clock,
                         const std::optional<ArchiveTarget>& archive) {
    const std::string data = absolute_path(data_dir);
    const ArchiveTarget inside{.look = [&]() -> Result<std::unique_ptr<const store::ObjectStore>> {
                                   return store::ObjectFolder::read_only(data + "/archive");
                               },
                               .open = [&]() -> Result<std::unique_ptr<store::ObjectStore>> {
                                   return store::ObjectFolder::open(data + "/archive");
                               }};
    auto restored = Restorer(absolute_path(directory), data, on_damage, clock, archive.value_or(inside)).run();
    if (!restored) return restored.error().context("restore");
    return restored;
}

Status check_restored(const std::string& data_dir) {
    if (!path_exists(data_dir + "/" + std::string(kRestoring))) return {};
    return Error(Code::kConflict,
                 fmt::format("a restore into {} was cut off, and what is there is not all of the backup; remove the "
                             "folder and restore again",
                             data_dir));
}

}  // namespace footfall::backup
