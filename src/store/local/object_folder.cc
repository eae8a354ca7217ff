#include "store/local/object_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/failpoint.h"
#include "base/logging.h"

namespace footfall::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".tmp";

Error bad_key(std::string_view key) {
    return {Code::kInvalidArgument, "'" + std::string(key) + "' is no key of an object"};
}

Error io_error(const std::string& path, const std::error_code& error) {
    return errno_error("read directory " + path, error.value());
}

/// One that stays is no object, and goes at the next opening.
void remove_temporary(const std::string& path) {
    if (const Status removed = remove_file(path); !removed)
        logging::warn("objects.temporary_stays", {{"error", removed.error().message}});
}

/// Calls `visit` with each file below `directory` that is no hidden one, and `hidden` with the others.
template <class Visit, class Hidden>
Status walk(const std::string& directory, const Visit& visit, const Hidden& hidden) {
    std::error_code error;
    auto at = fs::recursive_directory_iterator(directory, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        std::error_code gone;
        if (at->path().filename().native().starts_with('.')) {
            if (at->is_directory(gone)) at.disable_recursion_pending();
            else TRY_STATUS(hidden(at->path()));
        } else if (at->is_regular_file(gone)) {
            visit(*at);
        }
    }
    if (error) return io_error(directory, error);
    return {};
}

}  // namespace

Result<std::unique_ptr<ObjectFolder>> ObjectFolder::open(const std::string& directory, int lock_wait_ms) {
    const std::string path = absolute_path(directory);
    TRY_STATUS(make_directories(path));
    TRY_STATUS(sync_directory(fs::path(path).parent_path()));
    TRY(LockFile lock, LockFile::acquire(path + "/.lock", lock_wait_ms));
    std::unique_ptr<ObjectFolder> folder(new ObjectFolder(path, std::move(lock)));
    TRY_STATUS(folder->remove_leftovers());
    return folder;
}

std::unique_ptr<const ObjectFolder> ObjectFolder::read_only(const std::string& directory) {
    return std::unique_ptr<const ObjectFolder>(new ObjectFolder(absolute_path(directory), std::nullopt));
}

Status ObjectFolder::remove_leftovers() const {
    return walk(
        directory_, [](const fs::directory_entry&) {},
        [](const fs::path& hidden) -> Status {
            if (!hidden.native().ends_with(kTemporary)) return {};
            return remove_file(hidden);
        });
}

/// Each that is new is durable in its own folder before anything is put into it.
Status ObjectFolder::make_folders(std::string_view key) const {
    std::string path = directory_;
    for (std::size_t from = 0;;) {
        const std::size_t slash = key.find('/', from);
        if (slash == std::string_view::npos) return {};
        const std::string parent = path;
        path.append("/").append(key.substr(from, slash - from));
        from = slash + 1;
        if (::mkdir(path.c_str(), 0700) == 0) {
            TRY_STATUS(sync_directory(parent));
        } else if (errno != EEXIST) {
            return errno_error("mkdir " + path, errno);
        }
    }
}

Status ObjectFolder::put(std::string_view key, std::string_view content) {
    if (!is_object_key(key)) return bad_key(key);
    const std::lock_guard one_at_a_time(writing_);
    TRY_STATUS(make_folders(key));
    const fs::path path = fs::path(directory_) / key;
    const std::string folder = path.parent_path();
    const std::string temporary = folder + "/." + path.filename().native() + std::string(kTemporary);
    const auto written = [&]() -> Status {
        TRY(const File file, File::open(temporary, O_WRONLY | O_CREAT | O_TRUNC));
        TRY_STATUS(file.write_at(content, 0));
        if (failpoint("objects.written") == Fault::kError) return errno_error("write " + temporary, ENOSPC);
        return file.sync();
    }();
    if (!written) {
        remove_temporary(temporary);
        return written.error().context("write " + path.native());
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int error = errno;
        remove_temporary(temporary);
        return errno_error("rename " + temporary, error);
    }
    (void)failpoint("objects.renamed");
    return sync_directory(folder);
}

Result<std::string> ObjectFolder::get(std::string_view key) const {
    if (!is_object_key(key)) return bad_key(key);
    const std::string path = directory_ + "/" + std::string(key);
    auto content = read_file(path);
    if (!content && !path_exists(path)) return Error(Code::kNotFound, "there is no " + path);
    return content;
}

Result<std::vector<ObjectInfo>> ObjectFolder::list(std::string_view prefix) const {
    // From the last folder that the prefix names whole.
    const std::size_t slash = prefix.rfind('/');
    std::string from = directory_;
    if (slash != std::string_view::npos) {
        if (!is_object_key(prefix.substr(0, slash))) return bad_key(prefix);
        from.append("/").append(prefix.substr(0, slash));
    }
    if (!path_exists(from)) return std::vector<ObjectInfo>();
    std::vector<ObjectInfo> objects;
    TRY_STATUS(walk(
        from,
        [&](const fs::directory_entry& entry) {
            std::error_code gone;
            ObjectInfo object{.key = entry.path().native().substr(directory_.size() + 1)};
            object.bytes = entry.file_size(gone);
            if (!gone && object.key.starts_with(prefix) && is_object_key(object.key))
                objects.push_back(std::move(object));
        },
        [](const fs::path&) -> Status { return {}; }));
    std::sort(objects.begin(), objects.end(), [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
    return objects;
}

Status ObjectFolder::remove(std::string_view key) {
    if (!is_object_key(key)) return bad_key(key);
    const std::lock_guard one_at_a_time(writing_);
    const std::string path = directory_ + "/" + std::string(key);
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return {};
        return errno_error("unlink " + path, errno);
    }
    return sync_directory(fs::path(path).parent_path());
}

}  // namespace footfall::store
