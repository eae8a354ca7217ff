#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "base/text_file.h"
#include "store/client.h"

namespace footfall::store {

/// The migrations that this release carries: sql/clickhouse/NNNN-name.sql, sorted, one statement each.
std::span<const TextFile> migrations();

/// What all migrations together make: sql/clickhouse/schema/, the database, then tables, then views, one statement
/// each. The files are written by a test (UPDATE_GOLDEN=1), which fails where the two differ.
std::span<const TextFile> schema();

/// Brings the store's tables to this release: carries out, in order, the migrations that footfall.schema_migrations
/// does not name, and records each with the SHA-256 of its text. What was applied is never applied again; a crash
/// between the two repeats one statement, so each must bear that (IF NOT EXISTS; OR REPLACE, of which what a death
/// leaves is dropped). A store without records and rows, so a new one, or one whose first start was cut off, gets the
/// tables of schema() instead, and the records in one insert. kConflict, with nothing changed, where the store has
/// migrations that this release does not know (a newer release made it) or an applied one has another text now.
Status migrate(Client& client);
/// The same with other files and never by schema(), for tests.
Status migrate(Client& client, std::span<const TextFile> files);

/// A text that changes when rows that were in footfall.events may be gone: the table was made anew, or damaged parts
/// were taken out. Whoever keeps a note of what is stored (the loader's checkpoint) keeps this beside it, and starts
/// from the beginning of the log when it differs. kInvalidArgument before migrate().
Result<std::string> store_identity(Client& client);
/// The same of the tables of rejected events, which are filled apart: a lost sample is no lost event.
Result<std::string> rejected_identity(Client& client);

/// Parts that were found damaged at an opening and taken out of their tables, and that have files still. What they held
/// is filled in from the log; nothing reads them any more.
struct DamagedParts {
    std::uint64_t parts = 0;
    std::uint64_t bytes = 0;
    std::string a_folder;  ///< where the files of one of them are
};
/// Waits 5 s at most. Errors are those of Client.
Result<DamagedParts> damaged_parts(Client& client);

}  // namespace footfall::store
