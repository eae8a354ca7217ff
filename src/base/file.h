#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace footfall {

/// An owned file descriptor. Movable; closes on destruction.
class File {
public:
    File() = default;
    explicit File(int fd) : fd_(fd) {}
    File(File&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    File& operator=(File&& other) noexcept;
    File(const File&) = delete;
    ~File() { close(); }

    /// `flags` and `mode` as for open(2); O_CLOEXEC is added. Retries EINTR.
    static Result<File> open(const std::string& path, int flags, unsigned mode = 0600);

    int fd() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }
    void close();
    /// Gives the descriptor away.
    int release();

    /// Writes all of it at `offset`, finishing short writes. On an error some bytes may have been written.
    Status write_at(std::string_view data, std::uint64_t offset) const;
    /// Reads up to `size` bytes at `offset`; fewer only at the end of the file.
    Result<std::string> read_at(std::uint64_t offset, std::size_t size) const;
    /// Reads into `out`; the count is smaller than `size` only at the end of the file.
    Result<std::size_t> read_into(char* out, std::size_t size, std::uint64_t offset) const;
    /// fdatasync. An error means that what was written since the last success may be gone: never retry.
    Status sync_data() const;
    Status sync() const;
    Status truncate(std::uint64_t size) const;
    Result<std::uint64_t> size() const;

private:
    int fd_ = -1;
};

/// fsync of a directory, so that names made or removed in it last.
Status sync_directory(const std::string& path);
/// Temporary name, content, fsync, rename, fsync of the directory: on return the new content is durable, and a crash at
/// any point leaves the old or the new content whole.
Status write_file_atomically(const std::string& path, std::string_view content, unsigned mode = 0600);
Result<std::string> read_file(const std::string& path);
/// Makes the directory and its parents, mode 0700; fine where it exists.
Status make_directories(const std::string& path);
/// Names in a directory, sorted, without "." and "..".
Result<std::vector<std::string>> list_directory(const std::string& path);
bool path_exists(const std::string& path);
/// Absolute form of a path; the path need not exist.
std::string absolute_path(const std::string& path);
/// Removes a file; no error where it is not there.
Status remove_file(const std::string& path);
/// The file system that holds a path: its size, what is free of it for an unprivileged writer, whether it can be
/// written at all.
struct DiskSpace {
    std::uint64_t bytes = 0;
    std::uint64_t bytes_free = 0;
    std::uint64_t inodes = 0;  ///< 0: it does not count them
    std::uint64_t inodes_free = 0;
    bool is_read_only = false;
};
Result<DiskSpace> disk_space(const std::string& path);

/// An exclusive lock on a file, held until destruction or process death.
class LockFile {
public:
    /// kConflict with the holder's process id where another process holds it after `wait_ms`.
    static Result<LockFile> acquire(const std::string& path, int wait_ms);

private:
    explicit LockFile(File file) : file_(std::move(file)) {}
    File file_;
};

}  // namespace footfall
