#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "app/settings.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "log/erased_log.h"
#include "process/archive/archivers.h"

/// How the processes of the cluster form go by the erasures that the catalog has (docs/adr/0034).
namespace footfall::app::cluster {

/// What is erased, as the catalog says when it is asked: for who writes to the store or has to be exact. `catalog`
/// outlives this and the next.
log::ErasuresOf erasures_asked(const catalog::Catalog& catalog);
/// The same as this process has heard it last (Catalog::take_in_others()): asks nobody.
log::ErasuresOf erasures_heard(const catalog::Catalog& catalog);

/// By what a partition's archive is still to be rewritten: erasures that are done, and so change no more.
Result<std::vector<process::archive::ArchiversOptions::Rewrite>> rewrites_of(const catalog::Snapshot& heard,
                                                                             std::uint16_t partition);
/// Partitions whose archive has entries yet that `order` erases; none where nothing is archived.
std::size_t archives_left(const Settings& settings, const catalog::Erasure& order);

/// Whether no entry that `order` erases can be in Kafka any more, whose partitions begin at `begins`, nor in an
/// archive, and nobody goes by answers of before any more.
bool is_outlived(const Settings& settings, const catalog::Erasure& order,
                 const std::map<std::uint16_t, std::uint64_t>& begins, std::int64_t now_ms);
/// Removes those, so that the catalog names nobody for longer. Asks Kafka only where there may be one. Any number of
/// processes may do this.
Status remove_outlived(const Settings& settings, catalog::Catalog& catalog, std::int64_t now_ms);

}  // namespace footfall::app::cluster
