#pragma once

#include <cstdint>
#include <string>

namespace footfall {

/// Bytes of memory that this process may take: what the machine has, or less where a control group of it, or of one of
/// its parents, has a limit (cgroup v2 `memory.max`, v1 `memory.limit_in_bytes`), as a container or a systemd unit has.
/// `root` stands for "/" in tests. 0 where /proc says nothing. Thread-safe.
std::uint64_t memory_bytes(const std::string& root = {});

}  // namespace footfall
