#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::catalog {

/// Name of the newest migration of the catalog that this release has.
std::string_view newest_migration();
/// kConflict where a newer release wrote the catalog at `path`. Looks without changing anything, not even a companion
/// of the file; what is not there, or cannot be read, is left to Catalog::open().
Status check_version(const std::string& path);

}  // namespace footfall::catalog
