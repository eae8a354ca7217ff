#include "backup/copy.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"

namespace footfall::backup {
namespace {

/// The log's own steps: a sync of this much takes 5 to 40 ms.
constexpr std::uint64_t kStep = 1u << 20;
/// What a backup leaves free, so that it is not the backup that lets a disk run full: above the high-water mark at
/// which the log refuses events.
constexpr std::uint64_t kFreeShare = 16;
constexpr std::uint64_t kFreeCap = 512u << 20;

}  // namespace

Result<FileSum> copy_file(const std::string& from, const std::string& to, std::uint64_t bytes, Pace pace,
                          Clock& clock) {
    TRY(const File source, File::open(from, O_RDONLY));
    TRY(const File target, File::open(to, O_WRONLY | O_CREAT | O_TRUNC));
    std::string buffer(static_cast<std::size_t>(std::min(kStep, bytes)), '\0');
    Sha256 sum;
    for (std::uint64_t at = 0; at < bytes; at += kStep) {
        const std::int64_t began = clock.steady_ns();
        const auto step = static_cast<std::size_t>(std::min(kStep, bytes - at));
        TRY(const std::size_t got, source.read_into(buffer.data(), step, at));
        if (got < step)
            return Error(Code::kCorrupt, fmt::format("{} ends at byte {}, before {}", from, at + got, bytes));
        const std::string_view part(buffer.data(), step);
        sum.update(part);
        if (const Status written = target.write_at(part, at); !written) return written.error().context(to);
        if (pace == Pace::kAlone) continue;
        if (const Status synced = target.sync_data(); !synced) return synced.error().context(to);
        // Pages that the server's own files need more.
        (void)::posix_fadvise(target.fd(), static_cast<off_t>(at), static_cast<off_t>(step), POSIX_FADV_DONTNEED);
        std::this_thread::sleep_for(std::chrono::nanoseconds(clock.steady_ns() - began));
    }
    if (const Status synced = target.sync(); !synced) return synced.error().context(to);
    return FileSum{.bytes = bytes, .sha256 = sum.finish_hex()};
}

Result<FileSum> write_new_file(const std::string& to, std::string_view content) {
    TRY(const File target, File::open(to, O_WRONLY | O_CREAT | O_TRUNC));
    if (const Status written = target.write_at(content, 0); !written) return written.error().context(to);
    if (const Status synced = target.sync(); !synced) return synced.error().context(to);
    Sha256 sum;
    sum.update(content);
    return FileSum{.bytes = content.size(), .sha256 = sum.finish_hex()};
}

Result<FileSum> sum_file(const std::string& path) {
    TRY(const File file, File::open(path, O_RDONLY));
    std::string buffer(kStep, '\0');
    Sha256 sum;
    for (std::uint64_t at = 0;;) {
        auto got = file.read_into(buffer.data(), buffer.size(), at);
        if (!got) return got.error().context(path);
        sum.update({buffer.data(), *got});
        at += *got;
        if (*got < buffer.size()) return FileSum{.bytes = at, .sha256 = sum.finish_hex()};
    }
}

Status check_room(const std::string& directory, std::uint64_t bytes) {
    TRY(const DiskSpace space, disk_space(directory));
    const std::uint64_t left = std::min(space.bytes / kFreeShare, kFreeCap);
    if (space.bytes_free >= bytes + left) return {};
    return Error(Code::kOverloaded,
                 fmt::format("the disk of {} has {:.1f} MiB free, and {:.1f} are needed, with {:.1f} left to others; "
                             "free some space, or name another disk",
                             directory, static_cast<double>(space.bytes_free) / (1 << 20),
                             static_cast<double>(bytes) / (1 << 20), static_cast<double>(left) / (1 << 20)));
}

Status remove_folder(const std::string& path) {
    if (!path_exists(path)) return {};
    TRY(const auto names, list_directory(path));
    for (const std::string& name : names) TRY_STATUS(remove_file(path + "/" + name));
    if (::rmdir(path.c_str()) != 0) return errno_error("rmdir " + path, errno);
    return {};
}

}  // namespace footfall::backup
