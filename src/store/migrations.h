#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "base/text_file.h"
#include "store/client.h"

namespace footfall::store {

/// The migrations that this release carries: sql/clickhouse/NNNN-name.sql, sorted, one statement each.
std::span<const TextFile> migrations();

/// Brings the store's tables to this release: carries out, in order, the migrations that footfall.schema_migrations
/// does not name, and records each with the SHA-256 of its text. What was applied is never applied again; a crash
/// between the two repeats one statement, so each must bear that (IF NOT EXISTS). kConflict, with nothing changed,
/// where the store has migrations that this release does not know (a newer release made it) or an applied one has
/// another text now.
Status migrate(Client& client);
/// The same with other files, for tests.
Status migrate(Client& client, std::span<const TextFile> files);

/// A text that changes when rows that were in footfall.events may be gone: the table was made anew, or damaged parts
/// were taken out. Whoever keeps a note of what is stored (the loader's checkpoint) keeps this beside it, and starts
/// from the beginning of the log when it differs. kInvalidArgument before migrate().
Result<std::string> store_identity(Client& client);

}  // namespace footfall::store
