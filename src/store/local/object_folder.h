#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "store/object_store.h"

namespace footfall::store {

/// An ObjectStore in a folder: a key is the path of a file below it. An object is written under a temporary name that
/// begins with a dot, synced, renamed, and its folder synced, and so is the folder of every folder that is new. One
/// process has it open for writing at a time (".lock"); readers may be many, and any program.
class ObjectFolder final : public ObjectStore {
public:
    /// Makes the folder where it is not there, takes its lock (waiting at most `lock_wait_ms`), and removes what a
    /// death left half written. kConflict: another process has it open.
    static Result<std::unique_ptr<ObjectFolder>> open(const std::string& directory, int lock_wait_ms = 5'000);

    /// For reading beside whoever has it open: takes no lock, makes and removes nothing. A folder that is not there has
    /// no objects.
    static std::unique_ptr<const ObjectFolder> read_only(const std::string& directory);

    Status put(std::string_view key, std::string_view content) override;
    Result<std::string> get(std::string_view key) const override;
    Result<std::vector<ObjectInfo>> list(std::string_view prefix) const override;
    /// Folders that it leaves empty stay.
    Status remove(std::string_view key) override;
    std::string where() const override { return directory_; }

private:
    ObjectFolder(std::string directory, std::optional<LockFile> lock)
        : directory_(std::move(directory)), lock_(std::move(lock)) {}
    Status make_folders(std::string_view key) const;
    Status remove_leftovers() const;

    const std::string directory_;
    const std::optional<LockFile> lock_;  ///< nothing where it is for reading
    std::mutex writing_;                  ///< of folders, and of temporary names
};

}  // namespace footfall::store
