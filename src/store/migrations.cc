#include "store/migrations.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/logging.h"

namespace footfall::store {

namespace migration_files {
std::span<const TextFile> files();
}
namespace schema_files {
std::span<const TextFile> files();
}
namespace sql {
std::span<const TextFile> files();
}

namespace {

constexpr int kTimeoutMs = 3'600'000;  // a table may have to be written anew

std::string statement(std::string_view name) {
    for (const TextFile& file : sql::files())
        if (file.name == name) return std::string(file.text);
    FOOTFALL_CHECK(false);
}

std::string checksum(std::string_view text) {
    const auto digest = sha256(text);
    return to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string text_of(const Value& value) {
    return std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : std::string();
}

Result<bool> has_table(Client& client) {
    TRY(const Answer answer, client.query({.sql = statement("has-migrations.sql")}));
    if (answer.rows.size() != 1 || !std::holds_alternative<std::uint64_t>(answer.rows[0][0]))
        return Error(Code::kInternal, "the event store does not say which tables it has");
    return std::get<std::uint64_t>(answer.rows[0][0]) > 0;
}

// Checksums by name, of what was applied.
Result<std::map<std::string, std::string>> applied_migrations(Client& client) {
    std::map<std::string, std::string> applied;
    TRY(const bool recorded, has_table(client));
    if (!recorded) return applied;
    TRY(const Answer answer, client.query({.sql = statement("applied-migrations.sql")}));
    for (const auto& row : answer.rows) applied[text_of(row[0])] = text_of(row[1]);
    return applied;
}

Status record(Client& client, std::span<const TextFile* const> files) {
    std::vector<std::string> names;
    std::vector<std::string> checksums;
    for (const TextFile* file : files) {
        names.emplace_back(file->name);
        checksums.push_back(checksum(file->text));
    }
    return client.execute({.sql = statement("record-migrations.sql"),
                           .parameters = {{"names", array_literal(names)}, {"checksums", array_literal(checksums)}}});
}

Status drop_table(Client& client, const std::string& name) {
    return client.execute(
        {.sql = statement("drop-table.sql"), .parameters = {{"table", name}}, .timeout_ms = kTimeoutMs});
}

Status drop_unfinished_tables(Client& client) {
    TRY(const Answer answer, client.query({.sql = statement("unfinished-tables.sql")}));
    for (const auto& row : answer.rows) TRY_STATUS(drop_table(client, text_of(row[0])));
    return {};
}

// The tables at once as all migrations leave them, which spares a new store their many statements.
Status create(Client& client) {
    for (const TextFile& file : schema())
        if (const Status done = client.execute({.sql = std::string(file.text), .timeout_ms = kTimeoutMs}); !done)
            return done.error().context(fmt::format("schema {}", file.name));
    std::vector<const TextFile*> all;
    for (const TextFile& file : migrations()) all.push_back(&file);
    TRY_STATUS(record(client, all));
    logging::info("store.created", {{"migrations", all.size()}});
    return {};
}

}  // namespace

std::span<const TextFile> migrations() { return migration_files::files(); }

std::span<const TextFile> schema() { return schema_files::files(); }

Status migrate(Client& client) {
    TRY(const auto applied, applied_migrations(client));
    if (!applied.empty()) return migrate(client, migrations());
    TRY(const Answer tables, client.query({.sql = statement("tables.sql")}));
    const auto has_rows = [](const auto& row) { return std::get<std::uint64_t>(row.at(1)) > 0; };
    if (std::any_of(tables.rows.begin(), tables.rows.end(), has_rows)) return migrate(client, migrations());
    // What a death left of the first start, perhaps of another release.
    for (const auto& row : tables.rows) TRY_STATUS(drop_table(client, text_of(row[0])));
    return create(client);
}

Status migrate(Client& client, std::span<const TextFile> files) {
    TRY(const auto applied, applied_migrations(client));
    for (const auto& [name, sum] : applied) {
        const auto file = std::find_if(files.begin(), files.end(), [&](const TextFile& f) { return f.name == name; });
        if (file == files.end())
            return Error(Code::kConflict, fmt::format("the event store was made by a newer release: it has the "
                                                      "migration {}, which this one does not know; "
                                                      "run that release. Nothing was changed",
                                                      name));
        if (checksum(file->text) != sum)
            return Error(Code::kConflict, fmt::format("the migration {} was applied to the event store with another "
                                                      "text than this release has; run the release "
                                                      "that made the store. Nothing was changed",
                                                      name));
    }
    std::vector<const TextFile*> unrecorded;
    bool has_looked = false;
    for (const TextFile& file : files) {
        if (applied.contains(std::string(file.name))) continue;
        // The first that is carried out is the one that was cut off, if any was.
        if (!std::exchange(has_looked, true)) TRY_STATUS(drop_unfinished_tables(client));
        if (const Status done = client.execute({.sql = std::string(file.text), .timeout_ms = kTimeoutMs}); !done)
            return done.error().context(fmt::format("migration {}", file.name));
        unrecorded.push_back(&file);
        // The first ones make the table that they are recorded in.
        TRY(const bool recordable, has_table(client));
        if (!recordable) continue;
        TRY_STATUS(record(client, unrecorded));
        for (const TextFile* one : unrecorded) logging::info("store.migrated", {{"migration", one->name}});
        unrecorded.clear();
    }
    return {};
}

namespace {

Result<std::string> identity_of(Client& client, std::vector<std::string> tables) {
    TRY(const Answer answer, client.query({.sql = statement("identity.sql"),
                                           .parameters = {{"tables", array_literal(tables)}},
                                           .settings = {{"priority", "1"}}}));
    const std::uint64_t* broken = answer.rows.size() == 1 ? std::get_if<std::uint64_t>(&answer.rows[0][1]) : nullptr;
    if (broken == nullptr || text_of(answer.rows[0][0]).empty())
        return Error(Code::kInvalidArgument, fmt::format("the event store has no table of {} yet", tables.front()));
    return fmt::format("{}:{}", text_of(answer.rows[0][0]), *broken);
}

}  // namespace

Result<std::string> store_identity(Client& client) {
    return identity_of(client, {"events", "sessions", "session_alias"});
}

Result<std::string> rejected_identity(Client& client) { return identity_of(client, {"rejected", "rejected_counts"}); }

Result<DamagedParts> damaged_parts(Client& client) {
    TRY(const Answer answer,
        client.query({.sql = statement("damaged-parts.sql"), .settings = {{"priority", "1"}}, .timeout_ms = 5'000}));
    const auto& row = answer.rows.at(0);
    return DamagedParts{.parts = std::get<std::uint64_t>(row.at(0)),
                        .bytes = std::get<std::uint64_t>(row.at(1)),
                        .a_folder = text_of(row.at(2))};
}

}  // namespace footfall::store
