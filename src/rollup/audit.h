#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "process/audit.h"
#include "rollup/registry.h"
#include "store/client.h"

namespace footfall::rollup {

/// Holds footfall.rollup_days against the events and sessions: for each site, dimension and day that counts, the number
/// of rows and the sum of their hashes. A row a site that has any. A day that something comes for meanwhile is passed
/// over, since it counts no more. Conversions are compared where they are of the goals that there are. What makes days
/// must not run meanwhile. Errors are those of store::Client.
Result<std::vector<process::AuditRow>> audit(store::Client& store, const Registry& registry,
                                             const catalog::Snapshot& snapshot,
                                             const std::vector<std::string>& site_ids);

}  // namespace footfall::rollup
