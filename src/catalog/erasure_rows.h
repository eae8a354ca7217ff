#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/database.h"
#include "catalog/erasure.h"

/// The rows behind the catalog's erasures: see Catalog::erasures() and what follows there. The database's lock is the
/// caller's.
namespace footfall::catalog {

Result<std::vector<Erasure>> read_erasures(const Database& database);
/// As one transaction.
Result<Erasure> write_erasure(const Database& database, Erasure erasure);
Status write_erasure_done(const Database& database, std::string_view id, std::int64_t now_ms);
/// Of `partition` number and end count.
Status write_erasure_archived(const Database& database, std::string_view id, const Erasure::Partition& partition,
                              std::int64_t now_ms);
Status delete_erasure(const Database& database, std::string_view id);

}  // namespace footfall::catalog
