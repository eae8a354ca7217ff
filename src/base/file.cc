#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/logging.h"

namespace footfall {

File& File::operator=(File&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.fd_;
        other.fd_ = -1;
    }
    return *this;
}

void File::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

int File::release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
}

Result<File> File::open(const std::string& path, int flags, unsigned mode) {
    for (;;) {
        const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
        if (fd >= 0) return File(fd);
        if (errno != EINTR) return errno_error("open " + path, errno);
    }
}

Status File::write_at(std::string_view data, std::uint64_t offset) const {
    while (!data.empty()) {
        const ssize_t n = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
        if (n < 0) {
            if (errno == EINTR) continue;
            return errno_error("write", errno);
        }
        if (n == 0) return errno_error("write", ENOSPC);
        data.remove_prefix(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
    return {};
}

Result<std::size_t> File::read_into(char* out, std::size_t size, std::uint64_t offset) const {
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n = ::pread(fd_, out + done, size - done, static_cast<off_t>(offset + done));
        if (n < 0) {
            if (errno == EINTR) continue;
            return errno_error("read", errno);
        }
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

Result<std::string> File::read_at(std::uint64_t offset, std::size_t size) const {
    std::string out(size, '\0');
    TRY(const std::size_t n, read_into(out.data(), size, offset));
    out.resize(n);
    return out;
}

Status File::sync_data() const {
    if (::fdatasync(fd_) != 0) return errno_error("fdatasync", errno);
    return {};
}

Status File::sync() const {
    if (::fsync(fd_) != 0) return errno_error("fsync", errno);
    return {};
}

Status File::truncate(std::uint64_t size) const {
    while (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
        if (errno != EINTR) return errno_error("ftruncate", errno);
    }
    return {};
}

Result<std::uint64_t> File::size() const {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return errno_error("fstat", errno);
    return static_cast<std::uint64_t>(info.st_size);
}

Status sync_directory(const std::string& path) {
    TRY(const File directory, File::open(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(directory.fd()) != 0) return errno_error("fsync " + path, errno);
    return {};
}

Status write_file_atomically(const std::string& path, std::string_view content, unsigned mode) {
    const std::string temporary = path + ".tmp";
    {
        TRY(const File file, File::open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode));
        TRY_STATUS(file.write_at(content, 0));
        TRY_STATUS(file.sync());
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error("rename " + path, errno);
    return sync_directory(std::filesystem::path(path).parent_path().string());
}

Result<std::string> read_file(const std::string& path) {
    TRY(const File file, File::open(path, O_RDONLY));
    TRY(const std::uint64_t size, file.size());
    // Files of /proc say size 0; read on until the end.
    std::string out;
    std::size_t step = std::max<std::size_t>(size + 1, 4096);
    for (;;) {
        TRY(const std::string part, file.read_at(out.size(), step));
        out += part;
        if (part.size() < step) return out;
    }
}

Status make_directories(const std::string& path) {
    std::error_code error;
    std::filesystem::path built;
    for (const auto& part : std::filesystem::path(path)) {
        built /= part;
        if (::mkdir(built.c_str(), 0700) != 0 && errno != EEXIST && !std::filesystem::is_directory(built, error))
            return errno_error("mkdir " + built.string(), errno);
    }
    return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
    DIR* dir = ::opendir(path.c_str());
    if (dir == nullptr) return errno_error("open directory " + path, errno);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(dir);
        if (entry == nullptr) break;
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    const int err = errno;
    ::closedir(dir);
    if (err != 0) return errno_error("read directory " + path, err);
    std::sort(names.begin(), names.end());
    return names;
}

bool path_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string absolute_path(const std::string& path) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(path, error);
    return error ? path : absolute.lexically_normal().string();
}

Status remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return errno_error("unlink " + path, errno);
    return {};
}

Result<DiskSpace> disk_space(const std::string& path) {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return errno_error("statvfs " + path, errno);
    DiskSpace space;
    space.bytes = static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
    space.bytes_free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    space.inodes = info.f_files;
    space.inodes_free = info.f_favail;
    space.is_read_only = (info.f_flag & ST_RDONLY) != 0;
    return space;
}

Result<LockFile> LockFile::acquire(const std::string& path, int wait_ms) {
    TRY(File file, File::open(path, O_RDWR | O_CREAT));
    for (int waited = 0;; waited += 50) {
        if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) break;
        if (errno != EWOULDBLOCK && errno != EINTR) return errno_error("lock " + path, errno);
        if (waited >= wait_ms) {
            const auto holder = file.read_at(0, 32);
            const std::string pid = holder && !holder->empty() ? " (process " + *holder + ")" : "";
            return Error(Code::kConflict, "another process" + pid + " holds " + path + "; stop it first");
        }
        ::usleep(50'000);
    }
    // The number is for the message above alone, and a full disk is no reason not to start.
    auto told = file.truncate(0);
    if (told) told = file.write_at(std::to_string(::getpid()), 0);
    if (!told) logging::warn("file.lock_holder_not_written", {{"error", told.error().message}});
    return LockFile(std::move(file));
}

}  // namespace footfall
