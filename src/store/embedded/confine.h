#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace footfall::store {

/// Takes from this process, for good, what hosting the engine does not need, so that a statement that gets around everything else still finds little:
/// - files: writes only beneath `directory`, reads besides only of the system's libraries, time zones, the `readable` paths and figures of the machine;
/// - network: no TCP connection, no listening (the store's own unix socket is unaffected);
/// - no new privileges, no core dumps, no execve, ptrace, mount.
/// Landlock gives the first two, as far as the kernel has them (files from Linux 5.13, network from 6.7); what is not available is returned as a
/// sentence each, to be logged and shown by doctor. Call before the engine is opened and before other threads exist.
Result<std::vector<std::string>> confine(const std::string& directory, const std::vector<std::string>& readable);

}  // namespace footfall::store
