#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "app/commands.h"
#include "catalog/catalog.h"

namespace footfall::app {

/// What doctor says of how long events are kept: of each site that deletes any since when, and which keep all for ever.
/// `days_missing`: by site, how many days whose events are gone nothing tells at present. `problem` is why a deletion
/// is not complete; empty where none is begun.
Finding check_retention(const decltype(catalog::Snapshot::sites)& sites,
                        const std::map<std::string, std::uint64_t>& days_missing, const std::string& problem);

}  // namespace footfall::app
