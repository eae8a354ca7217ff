#pragma once

#include <cstdint>
#include <string>

namespace footfall::store {

/// Exit codes of the child that its supervisor understands.
inline constexpr int kExitCannotOpen = 3;  ///< the engine does not open this directory
inline constexpr int kExitInUse = 4;       ///< another process holds it
inline constexpr int kExitUnsupported = 5; ///< CPU or library; trying again does not help

struct StoreOptions {
    std::string directory;             ///< absolute
    std::string library;
    std::int64_t memory_max = 600'000'000;
    int threads = 2;
};

/// The child process `footfall store`: confines itself, opens the engine and serves the ClickHouse HTTP interface on DIRECTORY/store.sock until SIGTERM.
/// Returns the exit code.
int run_store(const StoreOptions& options);

}  // namespace footfall::store
