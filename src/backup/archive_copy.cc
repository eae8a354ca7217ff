#include "backup/archive_copy.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "backup/copy.h"
#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/sha256.h"
#include "store/local/object_folder.h"

namespace footfall::backup {
namespace {

namespace archive = process::archive;

FileSum sum_of(std::string_view content) {
    Sha256 sum;
    sum.update(content);
    return {.bytes = content.size(), .sha256 = sum.finish_hex()};
}

/// "a/1-2.parquet" becomes "a/1-2-g7.parquet", which those who read all files of the folder find all the same.
std::string name_beside(const std::string& key, std::uint64_t generation) {
    const std::size_t dot = key.rfind('.');
    return fmt::format("{}-g{}{}", key.substr(0, dot), generation, key.substr(dot));
}

}  // namespace

std::string ArchiveCopy::path(const ArchiveFile& file) const {
    return fmt::format("{}/{}/{}", wanted_.directory, kArchiveFolder, file.name);
}

Error ArchiveCopy::rewritten() const {
    return {
        Code::kConflict,
        fmt::format("the archive in {} was rewritten while the backup was made, by 'footfall erase', 'bots rescore' "
                    "or a site's retention; make the backup again",
                    from_->where())};
}

ArchiveCopy::Wanted ArchiveCopy::want(const std::string& key, FileSum sum) const {
    if (const auto former = former_by_key_.find(key); former != former_by_key_.end()) {
        const ArchiveFile& file = *former->second;
        std::error_code error;
        const bool is_there = file.sum == sum && std::filesystem::file_size(path(file), error) == sum.bytes && !error;
        if (is_there) return {.file = file, .is_there = true};
    }
    // What the former backup has stays what it is until the manifest says otherwise.
    const bool is_taken = former_by_name_.contains(key);
    return {.file = {.key = key, .name = is_taken ? name_beside(key, wanted_.generation) : key, .sum = std::move(sum)}};
}

/// What is lost for good is told and done without. What the former backup still has is not lost, and must not be: it is
/// to be put back first.
Status ArchiveCopy::note_gap(std::uint64_t first, std::uint64_t end) {
    for (const ArchiveFile& file : wanted_.former) {
        const auto range = archive::parse_manifest_key(file.key);
        if (range && range->first < end && range->end > first)
            return Error(
                Code::kCorrupt,
                fmt::format("the archive in {} lacks entries {} to {}, which the event log has given away, and "
                            "the backup that is there has; put their files back from {}/{}, or name an empty "
                            "folder",
                            from_->where(), first, end - 1, wanted_.directory, kArchiveFolder));
    }
    damage_.push_back({.partition = 0, .first = first, .last = end - 1, .where = "the archive does not have them"});
    return {};
}

/// The manifests of what lies below the log's begin, in order.
Result<std::vector<archive::RangeName>> ArchiveCopy::names() {
    TRY(const auto objects, from_->list("manifest/"));
    std::vector<archive::RangeName> names;
    for (const store::ObjectInfo& object : objects)
        if (auto name = archive::parse_manifest_key(object.key); name && name->first < wanted_.begin)
            names.push_back(std::move(*name));
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::uint64_t next = 0;
    for (const archive::RangeName& name : names) {
        if (name.first > next) TRY_STATUS(note_gap(next, name.first));
        if (name.first < next)
            return Error(Code::kCorrupt, fmt::format("the archive in {} has entry {} in {} and in another range; "
                                                     "remove what is no part of it",
                                                     from_->where(), name.first, name.name));
        next = name.end;
    }
    if (next < wanted_.begin) TRY_STATUS(note_gap(next, wanted_.begin));
    return names;
}

Result<ArchiveCopy::Range> ArchiveCopy::plan_range(const archive::RangeName& name) const {
    const std::string key = archive::manifest_key(name.name);
    const auto text = from_->get(key);
    if (!text && text.error().code == Code::kNotFound) return rewritten();
    if (!text) return text.error();
    TRY(const archive::Manifest manifest, archive::decode_manifest(*text, from_->where() + "/" + key));
    if (manifest.log_id != wanted_.log_id || manifest.first != name.first || manifest.end != name.end)
        return Error(Code::kCorrupt,
                     fmt::format("{}/{} is another range's; put it back from a copy", from_->where(), key));
    // The files are neither what they were nor what they become.
    if (manifest.replaced_by) return rewritten();
    Range range{.manifest = want(key, sum_of(*text)), .objects = {}};
    for (const auto* object : {&manifest.objects.entries, &manifest.objects.events}) {
        if (!*object) continue;
        range.objects.push_back(want((*object)->key, {.bytes = (*object)->bytes, .sha256 = (*object)->sha256}));
    }
    return range;
}

Status ArchiveCopy::plan() {
    for (const ArchiveFile& file : wanted_.former) {
        former_by_key_[file.key] = &file;
        former_by_name_[file.name] = &file;
    }
    TRY_STATUS(source_.check_still());
    TRY(from_, source_.open());
    auto claim = from_->get(archive::kClaim);
    if (!claim && claim.error().code == Code::kNotFound)
        return Error(Code::kConflict,
                     fmt::format("the event log begins with entry {}, what came before is in its archive alone, and {} "
                                 "has none; name its place (archive.directory, archive.s3_bucket), or copy it by other "
                                 "means and give --without-archive",
                                 wanted_.begin, from_->where()));
    if (!claim) return claim.error();
    claim_text_ = std::move(*claim);
    if (claim_text_.find(hex64(wanted_.log_id)) == std::string::npos)
        return Error(Code::kConflict, fmt::format("{} has the archive of another installation; name this one's place "
                                                  "(archive.directory, or archive.s3_bucket and archive.s3_prefix)",
                                                  from_->where()));
    claim_ = want(std::string(archive::kClaim), sum_of(claim_text_));
    TRY(const auto held, names());
    for (const archive::RangeName& name : held) {
        TRY(Range range, plan_range(name));
        ranges_.push_back(std::move(range));
    }
    return {};
}

std::uint64_t ArchiveCopy::bytes_to_copy() const {
    const auto lacking = [](const Wanted& wanted) { return wanted.is_there ? 0 : wanted.file.sum.bytes; };
    std::uint64_t bytes = lacking(claim_);
    for (const Range& range : ranges_) {
        bytes += lacking(range.manifest);
        for (const Wanted& object : range.objects) bytes += lacking(object);
    }
    return bytes;
}

/// Beside a server it rests as long as a file took, so that the log's syncs find the disk idle half of the time.
Status ArchiveCopy::put(Wanted& wanted, std::string_view content) {
    const std::int64_t began = clock_.steady_ns();
    TRY_STATUS(to_->put(wanted.file.name, content));
    wanted.is_there = true;
    ++files_copied_;
    bytes_copied_ += content.size();
    (void)failpoint("backup.archive_file");
    if (wanted_.pace == Pace::kBesideServer)
        std::this_thread::sleep_for(std::chrono::nanoseconds(clock_.steady_ns() - began));
    return {};
}

Result<std::string> ArchiveCopy::same_manifest(const Range& range) const {
    auto text = from_->get(range.manifest.file.key);
    if (!text && text.error().code == Code::kNotFound) return rewritten();
    if (!text) return text.error();
    if (sum_of(*text) != range.manifest.file.sum) return rewritten();
    return text;
}

Status ArchiveCopy::take(const Range& range, Wanted& wanted) {
    // One that a backup copied which was cut off.
    if (path_exists(path(wanted.file))) {
        const auto there = sum_file(path(wanted.file));
        if (there && *there == wanted.file.sum) {
            wanted.is_there = true;
            return {};
        }
    }
    const auto content = from_->get(wanted.file.key);
    if (!content && content.error().code != Code::kNotFound) return content.error();
    if (content && sum_of(*content) == wanted.file.sum) return put(wanted, *content);
    TRY([[maybe_unused]] const std::string manifest, same_manifest(range));
    return Error(Code::kCorrupt,
                 fmt::format("{}/{} is {}; put it back from a copy, or copy the archive by other means and give "
                             "--without-archive",
                             from_->where(), wanted.file.key, content ? "damaged" : "missing"));
}

Status ArchiveCopy::copy() {
    TRY(to_, store::ObjectFolder::open(fmt::format("{}/{}", wanted_.directory, kArchiveFolder), 0));
    if (!claim_.is_there) TRY_STATUS(put(claim_, claim_text_));
    for (Range& range : ranges_)
        for (Wanted& object : range.objects)
            if (!object.is_there) TRY_STATUS(take(range, object));
    return {};
}

Status ArchiveCopy::finish() {
    (void)failpoint("backup.archive_copied");
    TRY_STATUS(source_.check_still());
    for (Range& range : ranges_) {
        TRY(const std::string text, same_manifest(range));
        if (!range.manifest.is_there) TRY_STATUS(put(range.manifest, text));
    }
    return {};
}

std::vector<ArchiveFile> ArchiveCopy::files() const {
    std::vector<ArchiveFile> files{claim_.file};
    for (const Range& range : ranges_) {
        files.push_back(range.manifest.file);
        for (const Wanted& object : range.objects) files.push_back(object.file);
    }
    return files;
}

Status remove_other_archive_files(const std::string& directory, const std::vector<ArchiveFile>& files) {
    const std::string folder = fmt::format("{}/{}", directory, kArchiveFolder);
    if (!path_exists(folder)) return {};
    std::set<std::string_view> named;
    for (const ArchiveFile& file : files) named.insert(file.name);
    TRY(const auto objects, store::ObjectFolder::open(folder, 0));
    TRY(const auto there, objects->list(""));
    for (const store::ObjectInfo& object : there)
        if (!named.contains(object.key)) TRY_STATUS(objects->remove(object.key));
    return {};
}

}  // namespace footfall::backup
