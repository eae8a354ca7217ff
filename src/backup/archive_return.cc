#include "backup/archive_return.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "backup/archive_copy.h"
#include "backup/copy.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/sha256.h"
#include "process/archive/manifest.h"

namespace footfall::backup {

namespace archive = process::archive;

std::optional<std::string> compare_file(const std::string& path, const FileSum& expected) {
    if (!path_exists(path)) return "is missing";
    const auto sum = sum_file(path);
    if (!sum) return "cannot be read (" + sum.error().message + ")";
    if (sum->bytes < expected.bytes) return fmt::format("ends at byte {} of {}", sum->bytes, expected.bytes);
    if (sum->bytes > expected.bytes) return fmt::format("has {} bytes instead of {}", sum->bytes, expected.bytes);
    if (sum->sha256 != expected.sha256 && failpoint("mutant.skip_checksum") != Fault::kError)
        return "has another content than was written";
    return std::nullopt;
}

std::string ArchiveReturn::path(const ArchiveFile& file) const {
    return fmt::format("{}/{}/{}", directory_, kArchiveFolder, file.name);
}

Result<std::string> ArchiveReturn::judge(const ArchiveTarget& target) {
    TRY(const auto objects, target.look());
    TRY(const auto there, objects->list(""));
    if (there.empty()) return objects->where();
    return Error(
        Code::kConflict,
        fmt::format("the backup has an archive, and {} is not empty ({}): it has another one, or what a restore "
                    "left that was cut off; give the restored installation a place of its own "
                    "(archive.directory, archive.s3_prefix), or move away what is there",
                    objects->where(), there.front().key));
}

Result<std::vector<Flaw>> ArchiveReturn::verify() {
    std::vector<Flaw> flaws;
    for (const ArchiveFile& file : manifest_.archive) {
        const bool is_claim = file.key == archive::kClaim;
        const auto manifest = archive::parse_manifest_key(file.key);
        const auto name = manifest ? manifest : archive::parse_object_key(file.key);
        const bool is_of_last = name && !ranges_.empty() && ranges_.back().first == name->first;
        // A manifest begins a range, and the files behind it are its own.
        if (!is_claim && (!name || manifest.has_value() == is_of_last))
            return Error(Code::kCorrupt, fmt::format("{}/{} names {}, which is no file of an archive", directory_,
                                                     kManifestName, file.key));
        if (manifest) ranges_.push_back({.first = name->first, .end = name->end, .files = {}});
        if (!is_claim) ranges_.back().files.push_back(&file);
        auto what = compare_file(path(file), file.sum);
        if (is_claim) is_claim_whole_ = !what;
        if (!what) continue;
        Flaw flaw{.file = fmt::format("{}/{}", kArchiveFolder, file.name), .what = std::move(*what)};
        if (!is_claim) {
            ranges_.back().is_whole = false;
            flaw.entries = log::Damage{.partition = 0, .first = name->first, .last = name->end - 1, .where = {}};
        }
        flaws.push_back(std::move(flaw));
    }
    return flaws;
}

std::vector<log::Damage> ArchiveReturn::leave_out(std::uint64_t log_end) {
    std::vector<log::Damage> missing;
    const auto stays = [&](const Range& range) { return range.is_whole && range.end <= log_end; };
    for (const Range& range : ranges_) {
        if (stays(range)) continue;
        const std::uint64_t last = std::min(range.end, manifest_.begin) - 1;
        if (!missing.empty() && missing.back().last + 1 == range.first) missing.back().last = last;
        else missing.push_back({.partition = 0, .first = range.first, .last = last, .where = {}});
    }
    std::erase_if(ranges_, [&](const Range& range) { return !stays(range); });
    return missing;
}

std::uint64_t ArchiveReturn::bytes() const {
    std::uint64_t bytes = 0;
    for (const Range& range : ranges_)
        for (const ArchiveFile* file : range.files) bytes += file->sum.bytes;
    return bytes;
}

Status ArchiveReturn::put(store::ObjectStore& target, const ArchiveFile& file) const {
    TRY(const std::string content, read_file(path(file)));
    Sha256 sum;
    sum.update(content);
    // Read a second time: a disk may give something else now.
    if (sum.finish_hex() != file.sum.sha256 && failpoint("mutant.skip_checksum") != Fault::kError)
        return Error(Code::kCorrupt, path(file) + " changed while it was read");
    return target.put(file.key, content);
}

Status ArchiveReturn::write(store::ObjectStore& target) const {
    // One that is damaged says no more than this.
    if (is_claim_whole_) TRY_STATUS(put(target, manifest_.archive.front()));
    else TRY_STATUS(target.put(archive::kClaim, archive::encode_claim(manifest_.log_id)));
    for (const Range& range : ranges_) {
        for (const ArchiveFile* file : range.files)
            if (file != range.files.front()) TRY_STATUS(put(target, *file));
        TRY_STATUS(put(target, *range.files.front()));
    }
    return {};
}

}  // namespace footfall::backup
