#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/api.h"
#include "app/archiving.h"
#include "ingest/ingest.h"
#include "log/log.h"
#include "process/loader.h"

namespace footfall::app {

/// What the status page shows of a server.
struct ServerStatus {
    std::int64_t started_ms = 0;
    std::int64_t now_ms = 0;
    std::vector<api::NotReady> not_ready;
    std::vector<ingest::MinuteCounts::Minute> minutes;  ///< the last half hour
    process::LoaderState loader;
    bool is_store_ready = false;
    Archiving::State archive;
    log::Position log_end;
};
/// As JSON, with what the process has counted since its start.
std::string status_json(const ServerStatus& status);

}  // namespace footfall::app
