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
/// over, since it counts no more. `site_id` empty: all of them. What makes days must not run meanwhile. Errors are
/// those of store::Client.
Result<std::vector<process::AuditRow>> audit(store::Client& store, const Registry& registry,
                                             const std::vector<catalog::Site>& sites, const std::string& site_id);

}  // namespace footfall::rollup
