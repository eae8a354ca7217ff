#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/settings.h"
#include "base/result.h"
#include "store/object_store.h"

namespace footfall::app {

/// Where the settings put the archive: a folder, or a bucket of S3.
class ArchivePlace {
public:
    /// Asks nobody. `is_stopping` ends what waits for S3. What can't be right is kInvalidArgument, with the setting.
    /// `part` is a path below that, of one of several archives that lie side by side.
    static Result<ArchivePlace> of(const Settings& settings, const std::string& data_dir,
                                   std::function<bool()> is_stopping, const std::string& part = {});

    /// For reading and writing, as long as it is there: a folder is locked. A folder that is not there is made.
    Result<std::unique_ptr<store::ObjectStore>> open() const;
    /// For reading alone, also beside a server that has it open: nothing is locked, made or removed.
    Result<std::unique_ptr<const store::ObjectStore>> look() const;
    /// Whether an archive was ever begun here. A folder is looked into without its lock.
    Result<bool> has_archive() const;
    /// For people: the folder, or s3://BUCKET/PREFIX.
    const std::string& where() const { return where_; }
    /// Empty where it is none.
    const std::string& folder() const { return folder_; }

private:
    ArchivePlace() = default;

    std::string where_;
    std::string folder_;
    std::function<Result<std::unique_ptr<store::ObjectStore>>()> open_;
};

}  // namespace footfall::app
