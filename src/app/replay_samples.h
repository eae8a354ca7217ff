#pragma once

#include "base/result.h"
#include "ingest/replay.h"
#include "process/rejected.h"
#include "store/client.h"

namespace footfall::app {

/// Sends the samples of the store that the filter names again, the oldest first, some hundred at a time.
Result<ingest::ReplayReport> replay_samples(store::Client& store, ingest::Replay& replay,
                                            const process::RejectedFilter& filter, ingest::ReplayMode mode);

}  // namespace footfall::app
