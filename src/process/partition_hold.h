#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "log/log.h"
#include "process/audit.h"
#include "store/client.h"

namespace footfall::process {

/// Lets the loader of a partition, in whatever process it is, stand still between two batches (store_progress.h): its
/// tables hold just what the log says before the position then, until what it gives is gone. A loader that is taken
/// over meanwhile goes on: TablesHeld::is_intact. Of several that want it the next one has it when the one before has
/// let it go. Where the process that holds it dies, or can't reach the store, it goes on half a minute later. kTimeout
/// where the loader does not come to it within `timeout_ms`; else those of store::Client.
Result<TablesHeld> hold_partition(store::Client& store, std::uint16_t partition, int timeout_ms);

/// Waits until the tables hold what the log of a partition says before `position`. kTimeout as above.
Status wait_partition_loaded(store::Client& store, log::Position position, int timeout_ms);

}  // namespace footfall::process
