#include "app/store_parts.h"

#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

#include "base/file.h"
#include "store/migrations.h"

namespace footfall::app {
namespace {

namespace fs = std::filesystem;

/// Of the files below a folder; what can't be read counts for nothing.
std::uint64_t bytes_below(const std::string& folder) {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(folder, error); !error && at != fs::end(at); at.increment(error)) {
        std::error_code unreadable;
        if (at->is_regular_file(unreadable) && !unreadable) {
            const auto size = at->file_size(unreadable);
            if (!unreadable) bytes += size;
        }
    }
    return bytes;
}

}  // namespace

void check_store_parts(store::Client& store, std::vector<Finding>& findings) {
    const auto damaged = store::damaged_parts(store);
    if (!damaged || damaged->parts == 0) return;
    findings.push_back(
        {"store", false,
         fmt::format(
             "{} parts of tables were damaged when the store started, {} bytes; what they held was loaded again "
             "from the event log, and they lie beside their tables still",
             damaged->parts, damaged->bytes),
         fmt::format("look at the disk and the memory, which may fail; the files are of no use any more: remove those "
                     "in {} and in folders beside it whose name begins with broken-on-start, or leave it to the next "
                     "'footfall erase'",
                     damaged->a_folder)});
}

void check_stores_aside(const std::string& data_dir, std::vector<Finding>& findings) {
    const auto names = list_directory(data_dir);
    if (!names) return;
    for (const std::string& name : *names) {
        if (!name.starts_with("store.broken-")) continue;
        const std::string folder = data_dir + "/" + name;
        findings.push_back(
            {"store", false,
             fmt::format(
                 "a store that would not open was moved aside to {}, {} bytes; a new one is filled from archive "
                 "and event log",
                 folder, bytes_below(folder)),
             "look at the disk and the memory, which may fail; the folder is of no use any more: remove it, or leave "
             "it "
             "to the next 'footfall erase'"});
    }
}

}  // namespace footfall::app
