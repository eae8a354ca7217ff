#include "erase/store_rows.h"

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "erase/sql.h"
#include "store/native.h"

namespace footfall::erase {
namespace {

/// A deletion writes the parts anew that have rows of it: a minute for some GiB.
constexpr int kDeletionTimeoutMs = 600'000;
/// A query that still reads keeps some files, and has a time limit of its own.
constexpr int kLooksMax = 300;
/// An answer costs some 100 bytes a row while it is read.
constexpr std::size_t kKeysAtOnce = 100'000;
constexpr auto kLookEvery = std::chrono::milliseconds(100);
constexpr std::array<std::string_view, 6> kTables = {"events",   "sessions",        "session_alias",
                                                     "rejected", "rejected_counts", "rollup_days"};

using Parameters = std::vector<std::pair<std::string, std::string>>;

Status execute(store::Client& store, std::string_view name, Parameters parameters = {}) {
    return store.execute(
        {.sql = std::string(sql::text(name)), .parameters = std::move(parameters), .timeout_ms = kDeletionTimeoutMs});
}

Status fill(store::Client& store, std::string_view name, std::string_view column,
            std::span<const std::uint64_t> values) {
    if (values.empty()) return {};
    std::vector<store::NativeColumn> columns;
    columns.emplace_back(column, "UInt64");
    for (const std::uint64_t value : values) columns.front().add(value);
    std::string block;
    store::write_native_block(block, columns, values.size());
    return store.insert(sql::text(name), block);
}

Status clear(store::Client& store) {
    TRY_STATUS(execute(store, "clear-visitors.sql"));
    return execute(store, "clear-entries.sql");
}

/// In this order: events tell which aliases are theirs.
Status delete_from_tables(store::Client& store, const Subject& subject) {
    const Parameters whose = {{"site", subject.website_id}, {"whole", subject.is_whole_site ? "true" : "false"}};
    TRY_STATUS(execute(store, "delete-aliases.sql", whose));
    TRY_STATUS(execute(store, "delete-sessions.sql", whose));
    (void)failpoint("erase.between_tables");
    TRY_STATUS(execute(store, "delete-events.sql", whose));
    TRY_STATUS(execute(store, "delete-rejected.sql", whose));
    if (!subject.is_whole_site) return {};
    return execute(store, "delete-rejected-counts.sql", {{"site", subject.website_id}});
}

Status wait_for_old_parts(store::Client& store) {
    for (int look = 0;; ++look) {
        for (const std::string_view table : kTables)
            TRY_STATUS(execute(store, "remove-old-parts.sql", {{"table", std::string(table)}}));
        TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("old-parts.sql"))}));
        const auto parts = std::get<std::uint64_t>(answer.rows.at(0).at(0));
        if (parts == 0) return {};
        if (look == kLooksMax)
            return Error(Code::kTimeout,
                         "the store still has files of before the erasure; a query that reads them may be running");
        std::this_thread::sleep_for(kLookEvery);
    }
}

/// Also where it failed: a table that keeps no old parts is none that a power cut spares.
Status drop_old_parts(store::Client& store) {
    Status done;
    for (const std::string_view table : kTables)
        if (done) done = execute(store, "drop-old-parts.sql", {{"table", std::string(table)}});
    if (done) done = wait_for_old_parts(store);
    for (const std::string_view table : kTables) {
        const Status kept = execute(store, "keep-old-parts.sql", {{"table", std::string(table)}});
        if (done) done = kept;
    }
    return done;
}

Status io_error(const std::string& path, const std::error_code& error) {
    return Error(Code::kIo, "remove " + path + ": " + error.message());
}

/// Everything in the folder, and the folder too unless it is to stay. Durable on return.
Status remove_content(const std::string& path, bool folder_stays) {
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator(path, error); !error && entry != end(entry);
         entry.increment(error)) {
        std::error_code failed;
        std::filesystem::remove_all(entry->path(), failed);
        if (failed) return io_error(entry->path(), failed);
    }
    if (error && error != std::errc::no_such_file_or_directory) return io_error(path, error);
    if (error) return {};
    if (folder_stays) return sync_directory(path);
    std::filesystem::remove(path, error);
    if (error) return io_error(path, error);
    return sync_directory(std::filesystem::path(path).parent_path());
}

/// What was taken out of the tables is nobody's any more: the engine never reads it, and what was damaged is loaded
/// again from the log. Whose rows are in it nobody can say, so all of it goes. The folders of damaged parts stay,
/// empty: their number is in the store's identity (store::store_identity()), by which the loader learns that rows were
/// lost. A loss that it does not know of yet must not disappear, nor look like another one.
Status remove_detached_parts(store::Client& store) {
    const auto parts = [&store] {
        return store.query({.sql = std::string(sql::text("detached-parts.sql")), .timeout_ms = kDeletionTimeoutMs});
    };
    TRY(const store::Answer found, parts());
    for (const auto& part : found.rows) {
        // It ends in a slash, behind which parent_path() sees an empty name.
        std::string path = std::get<std::string>(part.at(0));
        while (path.ends_with('/')) path.pop_back();
        TRY_STATUS(remove_content(path, std::get<bool>(part.at(1))));
    }
    if (found.rows.empty()) return {};
    TRY(const store::Answer left, parts());
    if (left.rows.empty()) return {};
    return Error(Code::kIo, std::get<std::string>(left.rows.front().at(0)) + " can't be emptied; remove what is in it");
}

}  // namespace

Result<std::vector<std::uint64_t>> session_keys(store::Client& store, const Subject& subject) {
    std::vector<std::uint64_t> keys;
    for (;;) {
        TRY(const store::Answer answer,
            store.query({.sql = std::string(sql::text("session-keys.sql")),
                         .parameters = {{"site", subject.website_id},
                                        {"whole", subject.is_whole_site ? "true" : "false"},
                                        {"visitors", fmt::format("[{}]", fmt::join(subject.visitor_ids, ","))},
                                        {"after", std::to_string(keys.empty() ? 0 : keys.back())},
                                        {"limit", std::to_string(kKeysAtOnce)}},
                         .timeout_ms = kDeletionTimeoutMs}));
        for (const auto& row : answer.rows) keys.push_back(std::get<std::uint64_t>(row.at(0)));
        if (answer.rows.size() < kKeysAtOnce) return keys;
    }
}

Result<std::uint64_t> delete_rows(store::Client& store, const Subject& subject,
                                  std::span<const std::uint64_t> rejected_offsets) {
    TRY_STATUS(clear(store));
    TRY_STATUS(fill(store, "insert-visitors.sql", "visitor_id", subject.visitor_ids));
    TRY_STATUS(fill(store, "insert-entries.sql", "log_offset", rejected_offsets));
    TRY(const store::Answer sessions,
        store.query({.sql = std::string(sql::text("count-sessions.sql")),
                     .parameters = {{"site", subject.website_id}, {"whole", subject.is_whole_site ? "true" : "false"}},
                     .timeout_ms = kDeletionTimeoutMs}));
    TRY_STATUS(delete_from_tables(store, subject));
    TRY_STATUS(clear(store));
    TRY_STATUS(drop_old_parts(store));
    TRY_STATUS(remove_detached_parts(store));
    return std::get<std::uint64_t>(sessions.rows.at(0).at(0));
}

}  // namespace footfall::erase
