#include "erase/store_rows.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <map>
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
#include "enrich/identity.h"
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
constexpr std::array<std::string_view, 1> kUndoTables = {"loader_undo"};

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

Parameters whose_of(const Subject& subject) {
    return {{"site", subject.website_id}, {"whole", subject.is_whole_site ? "true" : "false"}};
}

/// With the ids themselves: for questions, whose text the engine does not keep.
Parameters whose_with_ids(const Subject& subject) {
    Parameters whose = whose_of(subject);
    whose.emplace_back("visitors", fmt::format("[{}]", fmt::join(subject.visitor_ids, ",")));
    return whose;
}

/// An offset is of its partition, so each of those is a deletion of its own.
Status delete_samples(store::Client& store, const Subject& subject, std::span<const log::Position> places) {
    std::map<std::uint16_t, std::vector<std::uint64_t>> offsets;
    for (const log::Position& place : places) offsets[place.partition].push_back(place.offset);
    // Of a whole site there is something to delete without any.
    if (offsets.empty() && subject.is_whole_site) offsets[0] = {};
    for (const auto& [partition, of_partition] : offsets) {
        TRY_STATUS(execute(store, "clear-entries.sql"));
        TRY_STATUS(fill(store, "insert-entries.sql", "log_offset", of_partition));
        Parameters which = whose_of(subject);
        which.emplace_back("partition", std::to_string(partition));
        TRY_STATUS(execute(store, "delete-rejected.sql", std::move(which)));
    }
    return {};
}

/// In this order: events tell which aliases are theirs.
Status delete_from_tables(store::Client& store, const Subject& subject, std::span<const log::Position> places) {
    const Parameters whose = whose_of(subject);
    TRY_STATUS(execute(store, "delete-aliases.sql", whose));
    TRY_STATUS(execute(store, "delete-sessions.sql", whose));
    (void)failpoint("erase.between_tables");
    TRY_STATUS(execute(store, "delete-events.sql", whose));
    TRY_STATUS(delete_samples(store, subject, places));
    if (!subject.is_whole_site) return {};
    return execute(store, "delete-rejected-counts.sql", {{"site", subject.website_id}});
}

Status wait_for_old_parts(store::Client& store, std::span<const std::string_view> tables) {
    std::vector<std::string> names(tables.begin(), tables.end());
    // Its sums are made again meanwhile, and name nobody.
    std::erase(names, "rollup_days");
    for (int look = 0;; ++look) {
        for (const std::string_view table : tables)
            TRY_STATUS(execute(store, "remove-old-parts.sql", {{"table", std::string(table)}}));
        TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("old-parts.sql")),
                                                     .parameters = {{"tables", store::array_literal(names)}}}));
        const auto parts = std::get<std::uint64_t>(answer.rows.at(0).at(0));
        if (parts == 0) return {};
        if (look == kLooksMax)
            return Error(Code::kTimeout,
                         "the store still has files of before the erasure; a query that reads them may be running");
        std::this_thread::sleep_for(kLookEvery);
    }
}

/// Also where it failed: a table that keeps no old parts is none that a power cut spares.
Status drop_old_parts(store::Client& store, std::span<const std::string_view> tables) {
    Status done;
    for (const std::string_view table : tables)
        if (done) done = execute(store, "drop-old-parts.sql", {{"table", std::string(table)}});
    if (done) done = wait_for_old_parts(store, tables);
    for (const std::string_view table : tables) {
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

Result<store::Answer> ask_detached_parts(store::Client& store) {
    return store.query({.sql = std::string(sql::text("detached-parts.sql")), .timeout_ms = kDeletionTimeoutMs});
}

}  // namespace

Result<std::vector<std::uint64_t>> session_keys(store::Client& store, const Subject& subject) {
    std::vector<std::uint64_t> keys;
    for (;;) {
        Parameters which = whose_with_ids(subject);
        which.emplace_back("after", std::to_string(keys.empty() ? 0 : keys.back()));
        which.emplace_back("limit", std::to_string(kKeysAtOnce));
        TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("session-keys.sql")),
                                                     .parameters = std::move(which),
                                                     .timeout_ms = kDeletionTimeoutMs}));
        for (const auto& row : answer.rows) keys.push_back(std::get<std::uint64_t>(row.at(0)));
        if (answer.rows.size() < kKeysAtOnce) return keys;
    }
}

Status follow_rows(store::Client& store, Subject& subject) {
    if (subject.is_whole_site) return {};
    const auto ask = [&](std::string_view name, Parameters parameters) {
        parameters.emplace_back("site", subject.website_id);
        return store.query({.sql = std::string(sql::text(name)),
                            .parameters = std::move(parameters),
                            .timeout_ms = kDeletionTimeoutMs});
    };
    // The user_id that a visitor id is made of, and no other that was sent with it: see SubjectReader::follow().
    TRY(const store::Answer users,
        ask("user-ids.sql", {{"visitors", fmt::format("[{}]", fmt::join(subject.visitor_ids, ","))}}));
    for (const auto& row : users.rows) {
        const auto& user_id = std::get<std::string>(row.at(0));
        if (std::get<std::uint64_t>(row.at(1)) == enrich::Identity::known_id(subject.website_id, user_id) &&
            std::ranges::find(subject.user_ids, user_id) == subject.user_ids.end())
            subject.user_ids.push_back(user_id);
    }
    TRY(const store::Answer visitors, ask("visitor-ids.sql", {{"users", store::array_literal(subject.user_ids)}}));
    for (const auto& row : visitors.rows) {
        const auto id = std::get<std::uint64_t>(row.at(0));
        if (std::ranges::find(subject.visitor_ids, id) == subject.visitor_ids.end()) subject.visitor_ids.push_back(id);
    }
    return {};
}

Result<Rows> count_rows(store::Client& store, const Subject& subject) {
    TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("count-events.sql")),
                                                 .parameters = whose_with_ids(subject),
                                                 .timeout_ms = kDeletionTimeoutMs}));
    const auto& row = answer.rows.at(0);
    return Rows{.events = std::get<std::uint64_t>(row.at(0)), .visitors = std::get<std::uint64_t>(row.at(1))};
}

Result<std::uint64_t> delete_rows(store::Client& store, const Subject& subject,
                                  std::span<const log::Position> rejected_places) {
    TRY_STATUS(clear(store));
    TRY_STATUS(fill(store, "insert-visitors.sql", "visitor_id", subject.visitor_ids));
    TRY(const store::Answer sessions, store.query({.sql = std::string(sql::text("count-sessions.sql")),
                                                   .parameters = whose_of(subject),
                                                   .timeout_ms = kDeletionTimeoutMs}));
    TRY_STATUS(delete_from_tables(store, subject, rejected_places));
    TRY_STATUS(clear(store));
    TRY_STATUS(drop_old_parts(store, kTables));
    return std::get<std::uint64_t>(sessions.rows.at(0).at(0));
}

Status delete_undo(store::Client& store) {
    TRY_STATUS(execute(store, "clear-undo.sql"));
    return drop_old_parts(store, kUndoTables);
}

Result<std::vector<std::string>> detached_parts(store::Client& store) {
    TRY(const store::Answer found, ask_detached_parts(store));
    std::vector<std::string> paths;
    for (const auto& part : found.rows) paths.push_back(std::get<std::string>(part.at(0)));
    return paths;
}

/// What was taken out of the tables is nobody's any more: the engine never reads it, and what was damaged is loaded
/// again from the log. Whose rows are in it nobody can say, so all of it goes. The folders of damaged parts stay,
/// empty: their number is in the store's identity (store::store_identity()), by which the loader learns that rows were
/// lost. A loss that it does not know of yet must not disappear, nor look like another one.
Status remove_detached_parts(store::Client& store) {
    TRY(const store::Answer found, ask_detached_parts(store));
    for (const auto& part : found.rows) {
        // It ends in a slash, behind which parent_path() sees an empty name.
        std::string path = std::get<std::string>(part.at(0));
        while (path.ends_with('/')) path.pop_back();
        TRY_STATUS(remove_content(path, std::get<bool>(part.at(1))));
    }
    if (found.rows.empty()) return {};
    TRY(const store::Answer left, ask_detached_parts(store));
    if (left.rows.empty()) return {};
    return Error(Code::kIo, std::get<std::string>(left.rows.front().at(0)) + " can't be emptied; remove what is in it");
}

}  // namespace footfall::erase
