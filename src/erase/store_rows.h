#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "erase/subject.h"
#include "store/client.h"

namespace footfall::erase {

/// Keys of the subject's sessions, in order: 8 bytes each. Errors are those of store::Client.
Result<std::vector<std::uint64_t>> session_keys(store::Client& store, const Subject& subject);

/// Deletes the subject's rows from every table of the store, with the samples of rejected events at these offsets of
/// the log, and waits until no file of a table has them any more; parts that were taken out of the tables are emptied,
/// whoever's rows are in them. The tables must be held: what is inserted meanwhile may stay. The subject's sessions
/// before that. After an error any part of it may be done; it can be called again. Errors are those of store::Client;
/// kTimeout where old files do not go, kIo where those of a part that was taken out can't be removed. The store must be
/// on this machine.
Result<std::uint64_t> delete_rows(store::Client& store, const Subject& subject,
                                  std::span<const std::uint64_t> rejected_offsets);

}  // namespace footfall::erase
