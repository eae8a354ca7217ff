#include "backup/backup.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "backup/archive_copy.h"
#include "backup/copy.h"
#include "backup/manifest.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/logging.h"
#include "log/disk/format.h"
#include "log/disk/scanner.h"

namespace footfall::backup {
namespace {

/// A mounted disk is not empty, and nobody would call it full.
constexpr std::string_view kOfTheDisk = "lost+found";
constexpr std::string_view kLock = "lock";

Result<std::uint64_t> size_of(const std::string& path) {
    TRY(const File file, File::open(path, O_RDONLY));
    return file.size();
}

/// Header and footer of a closed segment: they carry its log, its number, the moments at which it was begun and closed,
/// and its entries, so two segments with the same ends are the same.
Result<std::string> ends_of(const std::string& path, std::uint64_t bytes) {
    TRY(const File file, File::open(path, O_RDONLY));
    TRY(std::string ends, file.read_at(0, log::kSegmentEndBytes));
    TRY(const std::string footer, file.read_at(bytes - log::kSegmentEndBytes, log::kSegmentEndBytes));
    return ends + footer;
}

/// How often the segment with these ends was rewritten, as it is where something is erased or
/// judged again.
std::uint32_t rewritten(std::string_view ends) {
    const auto footer = log::decode_segment_footer(ends.substr(log::kSegmentEndBytes));
    return footer ? footer->rewritten : 0;
}

Error log_rewritten(const log::CutSegment& segment) {
    return {Code::kConflict, fmt::format("{} of the log was rewritten while the backup was made, by 'footfall "
                                         "erase' or 'bots rescore'; make the backup again",
                                         log::segment_name(segment.number))};
}

/// An erasure or a re-scoring may put another file in a segment's place since the cut was made, of which the cut says
/// nothing true. kConflict then.
Status check_not_replaced(const std::string& path, const log::CutSegment& segment) {
    TRY(const std::uint64_t size, size_of(path));
    if (size < log::kSegmentEndBytes) return {};
    TRY(const std::string ends, ends_of(path, size));
    if (rewritten(ends) == 0 || (segment.sealed && size == segment.bytes)) return {};
    return log_rewritten(segment);
}

class BackupWriter {
public:
    BackupWriter(const Cut& cut, std::string log_directory, std::string directory, Pace pace, Clock& clock,
                 const std::optional<ArchiveSource>& archive)
        : cut_(cut),
          archive_(archive),
          log_directory_(std::move(log_directory)),
          directory_(std::move(directory)),
          pace_(pace),
          clock_(clock) {}

    Result<Report> run();

private:
    std::string path(const std::string& name) const { return directory_ + "/" + name; }
    std::string source_of(const log::CutSegment& segment) const {
        return log_directory_ + "/" + log::segment_name(segment.number);
    }

    /// Whether the folder may be written to, and what backup it has.
    Status judge_folder();
    Status read_former();
    /// Fills `reused_` and refuses a history that is another one.
    Status plan();
    /// kConflict where the log has given the segment away since the cut.
    Status check_there(const log::CutSegment& segment) const;
    Result<bool> has_it(const SegmentEntry& former, const log::CutSegment& segment) const;
    Status plan_archive();
    Status copy_all();
    Status copy_archive();
    Status check_log_still() const;
    Status copy_segment(const log::CutSegment& segment);
    void look_for_damage(const log::CutSegment& segment);
    Status write_manifest(const Manifest& manifest) const;
    /// What no manifest names; it costs room alone, so an error is logged.
    void remove_others(const Manifest& manifest) const;
    void undo() const;

    const Cut& cut_;
    const std::optional<ArchiveSource>& archive_;
    const std::string log_directory_;
    const std::string directory_;
    const Pace pace_;
    Clock& clock_;
    std::optional<Manifest> former_;
    std::vector<const SegmentEntry*> reused_;  ///< one for each segment of the cut; null: it is copied
    /// Segments that were rewritten since the former backup: this one has them among what is another with every backup.
    std::set<std::uint64_t> moved_;
    std::optional<ArchiveCopy> archive_copy_;
    std::map<std::uint64_t, std::string> ends_;  ///< of closed segments as they were planned, where archive_copy_ is
    Manifest manifest_;
    std::vector<std::string> written_;
    Report report_;
};

Status BackupWriter::judge_folder() {
    if (!path_exists(directory_)) return make_directories(directory_);
    TRY(const auto names, list_directory(directory_));
    const bool is_used = std::any_of(names.begin(), names.end(),
                                     [](const std::string& name) { return name != kOfTheDisk && name != kLock; });
    if (is_used && !path_exists(path(std::string(kManifestName))))
        return Error(Code::kConflict,
                     fmt::format("{} is not empty and holds no backup; name an empty folder", directory_));
    return {};
}

Status BackupWriter::read_former() {
    auto read = read_manifest(directory_);
    if (!read && read.error().code == Code::kNotFound) return {};
    if (!read) return read.error().context("the backup that is there");
    if (read->log_id != cut_.log.log_id)
        return Error(Code::kConflict,
                     fmt::format("{} holds the backup of another installation; name an empty folder", directory_));
    if (read->end > cut_.log.end)
        return Error(Code::kConflict,
                     fmt::format("the backup in {} goes to entry {} of the log, and this log only to {}, as after a "
                                 "restore; name an empty folder",
                                 directory_, read->end, cut_.log.end));
    former_ = std::move(*read);
    return {};
}

Status BackupWriter::check_there(const log::CutSegment& segment) const {
    if (path_exists(source_of(segment))) return {};
    return Error(Code::kConflict,
                 fmt::format("{} is in the event log no more, which gives what is old to its archive; make the backup "
                             "again",
                             source_of(segment)));
}

Result<bool> BackupWriter::has_it(const SegmentEntry& former, const log::CutSegment& segment) const {
    const std::string copy = path(former_->path_of(former.segment));
    if (!path_exists(copy)) return false;
    TRY(const std::uint64_t size, size_of(copy));
    if (size != former.sum.bytes) return false;
    TRY(const std::string there, ends_of(copy, size));
    TRY(const std::string here, ends_of(source_of(segment), segment.bytes));
    if (rewritten(there) < rewritten(here)) return false;
    if (there == here && former.segment.first_offset == segment.first_offset &&
        former.segment.end_offset == segment.end_offset)
        return true;
    return Error(
        Code::kConflict,
        fmt::format("the backup in {} has another {} than this log, whose history parted from it by a restore; "
                    "name an empty folder",
                    directory_, log::segment_name(segment.number)));
}

Status BackupWriter::plan() {
    std::uint64_t bytes = 0;
    for (const log::CutSegment& segment : cut_.log.segments) {
        TRY_STATUS(check_there(segment));
        const SegmentEntry* former = former_ && segment.sealed ? former_->find(segment.number) : nullptr;
        if (former != nullptr && former->segment.sealed) {
            TRY_STATUS(check_not_replaced(source_of(segment), segment));
            TRY(const bool has, has_it(*former, segment));
            // Its copy must not overwrite the one that belongs to the former backup.
            if (!has && path_exists(path(former_->path_of(former->segment)))) moved_.insert(segment.number);
            if (!has) former = nullptr;
        } else {
            former = nullptr;
        }
        reused_.push_back(former);
        if (former == nullptr) bytes += segment.bytes;
    }
    for (const auto& [name, content] : cut_.files) bytes += content.size();
    TRY_STATUS(plan_archive());
    if (archive_copy_) bytes += archive_copy_->bytes_to_copy();
    return check_room(directory_, bytes);
}

Status BackupWriter::plan_archive() {
    if (!archive_ || cut_.log.begin == 0) return {};
    for (const log::CutSegment& segment : cut_.log.segments) {
        if (!segment.sealed || segment.bytes < log::kSegmentEndBytes) continue;
        TRY(ends_[segment.number], ends_of(source_of(segment), segment.bytes));
    }
    archive_copy_.emplace(*archive_,
                          ArchiveWanted{.log_id = cut_.log.log_id,
                                        .begin = cut_.log.begin,
                                        .directory = directory_,
                                        .former = former_ ? former_->archive : std::vector<ArchiveFile>(),
                                        .generation = former_ ? former_->generation + 1 : 1,
                                        .pace = pace_},
                          clock_);
    return archive_copy_->plan();
}

/// After the log, as whoever rewrites both begins with the log: what was rewritten behind the copying of either shows
/// in the manifests or in the segments.
Status BackupWriter::copy_archive() {
    if (!archive_copy_) return {};
    TRY_STATUS(archive_copy_->copy());
    TRY_STATUS(archive_copy_->finish());
    TRY_STATUS(check_log_still());
    manifest_.archive = archive_copy_->files();
    report_.archive_ranges = archive_copy_->ranges();
    report_.damage.insert(report_.damage.begin(), archive_copy_->damage().begin(), archive_copy_->damage().end());
    report_.files_copied += archive_copy_->files_copied();
    report_.bytes_copied += archive_copy_->bytes_copied();
    return {};
}

Status BackupWriter::check_log_still() const {
    for (const log::CutSegment& segment : cut_.log.segments) {
        // The log may have given it away since it was copied.
        if (!path_exists(source_of(segment))) continue;
        TRY_STATUS(check_not_replaced(source_of(segment), segment));
        const auto planned = ends_.find(segment.number);
        if (planned == ends_.end()) continue;
        TRY(const std::string ends, ends_of(source_of(segment), segment.bytes));
        if (ends != planned->second) return log_rewritten(segment);
    }
    return {};
}

/// A damaged file is kept as it is: what can be read of it is worth more than nothing.
void BackupWriter::look_for_damage(const log::CutSegment& segment) {
    for (const log::Damage& known : cut_.log.damage)
        if (known.first < segment.end_offset && segment.first_offset <= known.last) return;
    const auto prefix = log::readable_prefix(source_of(segment), cut_.log.log_id, segment.number, segment.first_offset);
    if (prefix && prefix->end_offset >= segment.end_offset) return;
    report_.damage.push_back({.partition = 0,
                              .first = prefix ? prefix->end_offset : segment.first_offset,
                              .last = segment.end_offset - 1,
                              .where = log::segment_name(segment.number)});
}

Status BackupWriter::copy_segment(const log::CutSegment& segment) {
    log::CutSegment copy = segment;
    copy.sealed = segment.sealed && !moved_.contains(segment.number);
    const std::string to = path(manifest_.path_of(copy));
    TRY_STATUS(check_there(segment));
    // A segment whose end a crash has cut off is shorter than its frames and a footer.
    TRY(const std::uint64_t size, size_of(source_of(segment)));
    const std::uint64_t bytes = std::min(segment.bytes, size);
    written_.push_back(to);
    auto copied = copy_file(source_of(segment), to, bytes, pace_, clock_);
    // Behind it, so that none comes between; a shorter file is one of its reasons to fail.
    TRY_STATUS(check_not_replaced(source_of(segment), segment));
    TRY(FileSum sum, std::move(copied));
    look_for_damage(segment);
    ++report_.files_copied;
    report_.bytes_copied += sum.bytes;
    SegmentEntry entry{.segment = copy, .sum = std::move(sum)};
    entry.segment.bytes = bytes;
    manifest_.segments.push_back(std::move(entry));
    return {};
}

Status BackupWriter::copy_all() {
    const std::string state = fmt::format("state-{}", manifest_.generation);
    TRY_STATUS(remove_folder(path(state)));  // of a backup that was cut off
    TRY_STATUS(make_directories(path("log")));
    TRY_STATUS(make_directories(path(state)));
    for (std::size_t i = 0; i < cut_.log.segments.size(); ++i) {
        if (reused_[i] != nullptr) manifest_.segments.push_back(*reused_[i]);
        else TRY_STATUS(copy_segment(cut_.log.segments[i]));
    }
    for (const auto& [name, content] : cut_.files) {
        const std::string to = path(manifest_.state_path(name));
        written_.push_back(to);
        TRY(FileSum sum, write_new_file(to, content));
        ++report_.files_copied;
        report_.bytes_copied += sum.bytes;
        manifest_.state.push_back({.name = name, .sum = std::move(sum)});
    }
    TRY_STATUS(copy_archive());
    TRY_STATUS(sync_directory(path("log")));
    TRY_STATUS(sync_directory(path(state)));
    return sync_directory(directory_);
}

Status BackupWriter::write_manifest(const Manifest& manifest) const {
    return write_file_atomically(path(std::string(kManifestName)), encode_manifest(manifest));
}

void BackupWriter::remove_others(const Manifest& manifest) const {
    const auto removed = [&]() -> Status {
        TRY(const auto names, list_directory(directory_));
        for (const std::string& name : names)
            if (name.starts_with("state-") && name != fmt::format("state-{}", manifest.generation))
                TRY_STATUS(remove_folder(path(name)));
        if (!path_exists(path("log"))) return {};
        TRY(const auto segments, list_directory(path("log")));
        for (const std::string& name : segments) {
            const auto number = log::parse_segment_name(name);
            const SegmentEntry* entry = number ? manifest.find(*number) : nullptr;
            if (number && (entry == nullptr || !entry->segment.sealed)) TRY_STATUS(remove_file(path("log/" + name)));
        }
        return remove_other_archive_files(directory_, manifest.archive);
    }();
    if (!removed) logging::warn("backup.leftovers", {{"error", removed.error().message}});
}

void BackupWriter::undo() const {
    for (const std::string& file : written_)
        if (const Status removed = remove_file(file); !removed)
            logging::warn("backup.leftovers", {{"error", removed.error().message}});
}

Result<Report> BackupWriter::run() {
    TRY_STATUS(judge_folder());
    TRY(const LockFile lock, LockFile::acquire(path(std::string(kLock)), 0));
    TRY_STATUS(read_former());
    TRY_STATUS(plan());
    manifest_ = {.made_by = cut_.made_by,
                 .made_ms = cut_.made_ms,
                 .generation = former_ ? former_->generation + 1 : 1,
                 .complete = true,
                 .log_id = cut_.log.log_id,
                 .begin = cut_.log.begin,
                 .end = cut_.log.end,
                 .segments = {},
                 .state = {},
                 .archive = {}};
    if (!former_) {
        // So that a backup which is cut off from here on is known for one, by who restores and by the next.
        Manifest begun = manifest_;
        begun.complete = false;
        begun.generation = 0;
        begun.end = begun.begin;
        TRY_STATUS(write_manifest(begun));
    }
    if (const Status copied = copy_all(); !copied) {
        undo();
        return copied.error();
    }
    (void)failpoint("backup.before_manifest");
    if (const Status written = write_manifest(manifest_); !written) {
        undo();
        return written.error();
    }
    archive_copy_.reset();
    remove_others(manifest_);
    report_.directory = directory_;
    report_.begin = manifest_.begin;
    report_.end = manifest_.end;
    report_.damage.insert(report_.damage.begin(), cut_.log.damage.begin(), cut_.log.damage.end());
    for (const SegmentEntry& entry : manifest_.segments) report_.bytes += entry.sum.bytes;
    for (const StateEntry& entry : manifest_.state) report_.bytes += entry.sum.bytes;
    for (const ArchiveFile& file : manifest_.archive) report_.bytes += file.sum.bytes;
    report_.files = manifest_.segments.size() + manifest_.state.size() + manifest_.archive.size();
    return std::move(report_);
}

}  // namespace

Result<Report> write_backup(const Cut& cut, const std::string& log_directory, const std::string& directory, Pace pace,
                            Clock& clock, const std::optional<ArchiveSource>& archive) {
    const std::string target = absolute_path(directory);
    auto report = BackupWriter(cut, log_directory, target, pace, clock, archive).run();
    if (!report) return report.error().context("backup");
    return report;
}

}  // namespace footfall::backup
