#pragma once

#include <cstdint>

namespace footfall::app {

/// Raises this process's limit on open files as far as it may go, and with it that of the children it starts from then
/// on: the store's process opens a file for each column of each part that a query reads.
void raise_descriptor_limit();

/// How many of `wanted` connections may be open at once so that the limit on open files leaves `others` descriptors,
/// and a reserve, to everything else: the event log and the other files first of all. At least one. Logs a warning
/// where it is fewer than wanted.
std::uint64_t connections_within_limit(std::uint64_t wanted, std::uint64_t others);

}  // namespace footfall::app
