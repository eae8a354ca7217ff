#pragma once

#include "base/result.h"
#include "store/client.h"

namespace footfall::store {

/// Brings the store's tables to this release: runs the files of sql/clickhouse/migrations/ that have not run, in order, and notes each with its checksum
/// in footfall.schema_migrations. Idempotent; every file may be run again after a crash. kConflict, with nothing changed, where the store was written by a
/// newer release or a file that has run was changed since.
Status migrate(Client& client);

}  // namespace footfall::store
