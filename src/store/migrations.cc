#include "store/migrations.h"

#include <algorithm>
#include <map>
#include <span>

#include "base/bytes.h"
#include "base/logging.h"
#include "base/text_file.h"

namespace footfall::store {

namespace migrations {
std::span<const TextFile> files();
}

Status migrate(Client& client) {
    // The first two statements are the ground that the list itself stands on.
    TRY_STATUS(client.execute({.sql = "CREATE DATABASE IF NOT EXISTS footfall ENGINE = Atomic"}));
    TRY_STATUS(client.execute({.sql = "CREATE TABLE IF NOT EXISTS footfall.schema_migrations (name String, checksum String) ENGINE = MergeTree ORDER BY name "
                                      "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"}));
    TRY(const Answer rows, client.query({.sql = "SELECT name, any(checksum) FROM footfall.schema_migrations GROUP BY name"}));
    std::map<std::string, std::string> applied;
    for (const auto& row : rows.rows) applied.emplace(std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1)));
    const auto known = migrations::files();
    const auto checksum = [](const TextFile& file) {
        const auto digest = sha256(file.text);
        return to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
    };
    for (const auto& [name, sum] : applied) {
        const auto file = std::find_if(known.begin(), known.end(), [&](const TextFile& f) { return f.name == name; });
        if (file == known.end())
            return Error(Code::kConflict, "the store was written by a newer release (" + name + "); start that one, nothing was changed");
        if (checksum(*file) != sum)
            return Error(Code::kConflict, "the store was made by another build's " + name + "; start that build, or move the store folder away to rebuild it from the log");
    }
    for (const TextFile& file : known) {
        if (applied.contains(std::string(file.name))) continue;
        if (const Status status = client.execute({.sql = std::string(file.text)}); !status) return status.error().context("migration " + std::string(file.name));
        TRY_STATUS(client.execute({.sql = "INSERT INTO footfall.schema_migrations SELECT {name:String}, {checksum:String}",
                                   .parameters = {{"name", std::string(file.name)}, {"checksum", checksum(file)}}}));
        logging::info("store.migrated", {{"file", file.name}});
    }
    return {};
}

}  // namespace footfall::store
