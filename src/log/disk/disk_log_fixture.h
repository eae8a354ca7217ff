#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/file.h"
#include "log/disk/disk_log.h"
#include "log/disk/format.h"

// What the tests of the log on disk share.
namespace footfall::log {

namespace fs = std::filesystem;

inline std::string fresh_directory(const std::string& name) {
    const std::string path = testing::TempDir() + "footfall_log_" + name;
    fs::remove_all(path);
    return path;
}

inline DiskLogOptions small(const std::string& directory) {
    return {.directory = directory,
            .segment_bytes_max = 16u << 10,
            .free_bytes_min = 0,
            .reserve_bytes = 0,
            .lock_wait_ms = 0};
}

inline std::unique_ptr<DiskLog> open(const DiskLogOptions& options, Clock& clock) {
    auto log = DiskLog::open(options, clock);
    EXPECT_TRUE(log) << log.error().message;
    return log ? std::move(*log) : nullptr;
}

inline Result<Position> append(DiskLog& log, const std::vector<std::string>& payloads) {
    std::vector<Entry> group;
    for (const std::string& payload : payloads) group.push_back({.payload = payload});
    return log.append(group);
}

struct Contents {
    std::map<std::uint64_t, std::string> entries;
    std::size_t errors = 0;
};

/// Everything that can be read from `from` to the end.
inline Contents read_all(const DiskLog& log, std::uint64_t from) {
    Contents out;
    auto reader = log.reader({.partition = 0, .offset = from});
    EXPECT_TRUE(reader) << reader.error().message;
    if (!reader) return out;
    std::vector<StoredEntry> entries;
    for (;;) {
        entries.clear();
        const auto status = (*reader)->read(entries, 64, 1u << 20);
        if (!status) {
            EXPECT_EQ(status.error().code, Code::kCorrupt) << status.error().message;
            if (status.error().code != Code::kCorrupt) return out;
            ++out.errors;
            continue;
        }
        if (entries.empty()) return out;
        for (const StoredEntry& entry : entries) out.entries.emplace(entry.position.offset, entry.payload);
    }
}

inline std::vector<std::string> segments_of(const std::string& directory) {
    std::vector<std::string> out;
    const auto names = list_directory(directory).value();
    for (const auto& name : names)
        if (parse_segment_name(name)) out.push_back(directory + "/" + name);
    return out;
}

/// What a kill -9 at this moment leaves: nothing in memory survives, everything written does.
inline std::string copy_as_killed(const std::string& directory, const std::string& name) {
    const std::string to = fresh_directory(name);
    fs::create_directories(to);
    const auto files = list_directory(directory).value();
    for (const auto& file : files) {
        std::error_code gone;  // a file in the making may be renamed meanwhile
        fs::copy_file(directory + "/" + file, to + "/" + file, gone);
    }
    return to;
}

/// The frames of a segment file by the description in format.h alone: (byte, header bytes, payload).
struct PlainFrame {
    std::uint64_t at;
    std::string header;
    std::string payload;
};
inline std::vector<PlainFrame> frames_of(const std::string& file) {
    std::vector<PlainFrame> out;
    for (std::uint64_t at = 4096; at + 32 <= file.size();) {
        if (file.substr(at, 4) !=
            "\xF6"
            "FL\x01")
            break;
        const auto length = get<std::uint32_t>(file.data() + at + 12);
        out.push_back({at, file.substr(at, 32), file.substr(at + 32, length)});
        at = (at + 32 + length + 7) / 8 * 8;
    }
    return out;
}

}  // namespace footfall::log
