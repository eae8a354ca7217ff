#include "app/data_format.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "app/version.h"
#include "backup/backup.h"
#include "base/json.h"
#include "base/logging.h"
#include "catalog/schema_version.h"
#include "log/disk/recovery.h"
#include "store/migrations.h"

namespace footfall::app {
namespace {

constexpr std::uint64_t kDataFormat = 1;

std::string path_of(const std::string& data_dir) { return data_dir + "/format"; }

std::string_view newest_of_store() { return store::migrations().back().name; }

std::string own_format() {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("footfall_data", kDataFormat);
    writer.member("written_by", version_number());
    writer.member("catalog", catalog::newest_migration());
    writer.member("store", newest_of_store());
    writer.end_object();
    return out + "\n";
}

/// Names of migrations begin with their number, so their order is that of the text.
Status judge_format(const std::string& data_dir, const std::string& text) {
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    std::uint64_t format = 0;
    std::string_view written_by;
    if (parser.parse(text).get(root) != simdjson::SUCCESS || root["footfall_data"].get(format) != simdjson::SUCCESS ||
        root["written_by"].get(written_by) != simdjson::SUCCESS)
        return Error(Code::kCorrupt, fmt::format("{} is not readable; if no newer release was used here, remove it: it "
                                                 "is made anew",
                                                 path_of(data_dir)));
    const auto is_newer = [&](std::string_view part, std::string_view known) {
        std::string_view migration;
        return root[part].get(migration) == simdjson::SUCCESS && migration > known;
    };
    if (format <= kDataFormat && !is_newer("catalog", catalog::newest_migration()) &&
        !is_newer("store", newest_of_store()))
        return {};
    return Error(Code::kUnsupported,
                 fmt::format("{} was last used by Footfall {}, whose data this release, {}, does not know; start that "
                             "one, or restore a backup from before it; nothing was changed",
                             data_dir, written_by, version_number()));
}

}  // namespace

Status check_data_dir(const std::string& data_dir) {
    TRY_STATUS(backup::check_restored(data_dir));
    if (path_exists(path_of(data_dir))) {
        TRY(const std::string text, read_file(path_of(data_dir)));
        TRY_STATUS(judge_format(data_dir, text));
    }
    TRY_STATUS(log::check_version(data_dir + "/log"));
    return catalog::check_version(data_dir + "/catalog.db");
}

Result<LockFile> take_data_dir(const std::string& data_dir, int wait_ms) {
    TRY_STATUS(check_data_dir(data_dir));
    TRY_STATUS(make_directories(data_dir));
    TRY(LockFile lock, LockFile::acquire(data_dir + "/lock", wait_ms));
    // Who held it meanwhile may have been a newer release.
    TRY_STATUS(check_data_dir(data_dir));
    const std::string path = path_of(data_dir);
    const std::string own = own_format();
    const auto there = path_exists(path) ? read_file(path) : Result<std::string>(std::string());
    if (there && *there == own) return lock;
    // A full disk is no reason not to start, and the parts say of what version they are.
    if (const Status written = write_file_atomically(path, own); !written)
        logging::warn("data.format_not_written", {{"error", written.error().message}});
    return lock;
}

}  // namespace footfall::app
