#include "app/archive_place.h"

#include <utility>

#include "base/file.h"
#include "store/local/object_folder.h"
#include "store/s3/s3_objects.h"

namespace footfall::app {
namespace {

constexpr int kLockWaitMs = 1'000;

store::S3Options s3_options(const Settings& settings, std::function<bool()> is_stopping) {
    using Addressing = store::S3Options::Addressing;
    store::S3Options options{.bucket = settings.archive_s3_bucket,
                             .endpoint = settings.archive_s3_endpoint,
                             .region = settings.archive_s3_region,
                             .prefix = settings.archive_s3_prefix,
                             .authorities = settings.archive_s3_authorities,
                             .credentials =
                                 [file = settings.archive_s3_credentials] {
                                     return store::load_s3_credentials(file, process_environment());
                                 },
                             .is_stopping = std::move(is_stopping)};
    // A certificate of Amazon's is for one name below its host, so not for a bucket with a dot.
    const bool is_host =
        settings.archive_s3_endpoint.empty() && settings.archive_s3_bucket.find('.') == std::string::npos;
    options.addressing = is_host ? Addressing::kHost : Addressing::kPath;
    if (settings.archive_s3_addressing == "path") options.addressing = Addressing::kPath;
    if (settings.archive_s3_addressing == "host") options.addressing = Addressing::kHost;
    return options;
}

}  // namespace

Result<ArchivePlace> ArchivePlace::of(const Settings& settings, const std::string& data_dir,
                                      std::function<bool()> is_stopping, const std::string& part) {
    ArchivePlace place;
    if (settings.archive_s3_bucket.empty()) {
        for (const auto& [value, key] : {std::pair(&settings.archive_s3_endpoint, "archive.s3_endpoint"),
                                         std::pair(&settings.archive_s3_prefix, "archive.s3_prefix"),
                                         std::pair(&settings.archive_s3_credentials, "archive.s3_credentials"),
                                         std::pair(&settings.archive_s3_authorities, "archive.s3_authorities")})
            if (!value->empty())
                return Error(Code::kInvalidArgument,
                             std::string(key) + " says something of a bucket, and none is named (archive.s3_bucket)",
                             key);
        place.folder_ =
            settings.archive_directory.empty() ? data_dir + "/archive" : absolute_path(settings.archive_directory);
        if (!part.empty()) place.folder_ += "/" + part;
        place.where_ = place.folder_;
        place.open_ = [folder = place.folder_]() -> Result<std::unique_ptr<store::ObjectStore>> {
            return store::ObjectFolder::open(folder, kLockWaitMs);
        };
        return place;
    }
    if (!settings.archive_directory.empty())
        return Error(Code::kInvalidArgument,
                     "the archive is in one place: give archive.directory or archive.s3_bucket, not both",
                     "archive.s3_bucket");
    store::S3Options options = s3_options(settings, std::move(is_stopping));
    if (!part.empty()) options.prefix += (options.prefix.empty() || options.prefix.ends_with('/') ? "" : "/") + part;
    TRY(const auto checked, store::S3Objects::open(options));
    place.where_ = checked->where();
    place.open_ = [options]() -> Result<std::unique_ptr<store::ObjectStore>> {
        return store::S3Objects::open(options);
    };
    return place;
}

Result<std::unique_ptr<store::ObjectStore>> ArchivePlace::open() const { return open_(); }

Result<std::unique_ptr<const store::ObjectStore>> ArchivePlace::look() const {
    if (!folder_.empty()) return store::ObjectFolder::read_only(folder_);
    return open_();
}

Result<bool> ArchivePlace::has_archive() const {
    if (!folder_.empty()) return path_exists(folder_ + "/archive.json");
    TRY(const auto objects, open_());
    const auto claim = objects->get("archive.json");
    if (!claim && claim.error().code == Code::kNotFound) return false;
    if (!claim) return claim.error();
    return true;
}

}  // namespace footfall::app
