#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace footfall::store::embedded {

/// How `footfall store` runs. What serve passes to its child stands on the command line in the form of to_arguments().
struct StoreOptions {
    std::string data_dir;                    ///< absolute; the store's own, made where missing
    std::string address;                     ///< "unix:/path"
    std::string library;                     ///< path of libchdb.so
    std::uint64_t memory_max = 600'000'000;  ///< bytes of all statements, caches and merges together
    unsigned threads = 0;                    ///< of one query, and queries at once; 0: as many as there are cores
    std::string log_level = "info";          ///< debug, info, warn, error
    std::string log_format = "text";         ///< text, json
    int parent_pid = 0;                      ///< process to end with; 0: none
};

std::vector<std::string> to_arguments(const StoreOptions& options);
/// Reads "--name=value" words. kInvalidArgument names an unknown or broken one.
Result<StoreOptions> parse_store_options(std::span<const std::string> words);

/// Exit codes of the store, for the supervisor.
enum class StoreExit : int {
    kStopped = 0,
    kUsage = 64,
    kWillNotOpen = 65,  ///< the engine does not open this directory, though it can be written
    kNoEngine = 69,     ///< no library, or a processor without AVX2
    kFailed = 70,       ///< anything else
    kInUse = 75,        ///< another process has the directory
};

/// Hosts the engine behind the ClickHouse HTTP interface until SIGTERM or SIGINT, confined to its directory (see
/// confine.h). Statements that run then have about 2 s, and the process ends within 5 s in any case. Takes over the
/// whole process: call it from main(), before any thread. Returns the exit code. Prints nothing when it is ready: ask
/// /ping.
int run_store(const StoreOptions& options);

}  // namespace footfall::store::embedded
