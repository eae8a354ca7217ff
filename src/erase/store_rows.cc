#include "erase/store_rows.h"

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "erase/sql.h"
#include "store/native.h"

namespace footfall::erase {
namespace {

/// A deletion writes the parts anew that have rows of it: a minute for some GiB.
constexpr int kDeletionTimeoutMs = 600'000;
/// A query that still reads keeps some files, and has a time limit of its own.
constexpr int kLooksMax = 300;
constexpr auto kLookEvery = std::chrono::milliseconds(100);
constexpr std::array<std::string_view, 5> kTables = {"events", "sessions", "session_alias", "rejected",
                                                     "rejected_counts"};

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

}  // namespace

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
    return std::get<std::uint64_t>(sessions.rows.at(0).at(0));
}

}  // namespace footfall::erase
