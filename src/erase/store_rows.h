#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "erase/subject.h"
#include "log/log.h"
#include "store/client.h"

namespace footfall::erase {

/// Keys of the subject's sessions, in order: 8 bytes each. Errors are those of store::Client.
Result<std::vector<std::uint64_t>> session_keys(store::Client& store, const Subject& subject);

/// Adds to a visitor whom the store's events show to be the same person, as SubjectReader::follow() does by the log:
/// the store has them for longer than Kafka. Errors are those of store::Client.
Status follow_rows(store::Client& store, Subject& subject);

/// The subject's events in the store. Errors are those of store::Client.
struct Rows {
    std::uint64_t events = 0;
    std::uint64_t visitors = 0;  ///< visitor ids that have some
};
Result<Rows> count_rows(store::Client& store, const Subject& subject);

/// Deletes the subject's rows from every table of the store, with the samples of rejected events at these places of
/// the log, and waits until no file of a table has them any more. The tables must be held: what is inserted meanwhile
/// may stay. The subject's sessions before that. After an error any part of it may be done; it can be called again.
/// Errors are those of store::Client; kTimeout where old files do not go.
Result<std::uint64_t> delete_rows(store::Client& store, const Subject& subject,
                                  std::span<const log::Position> rejected_places);
/// Deletes what loaders of the cluster form keep of the sessions that their last batches changed. All of them must
/// stand still: between two batches none needs it. Files likewise.
Status delete_undo(store::Client& store);

/// Folders of parts that were taken out of the tables, by the engine as damaged or by hand, and that have content:
/// whose rows are in them nobody can say.
Result<std::vector<std::string>> detached_parts(store::Client& store);
/// Empties them, whoever's rows are in them. kIo where that can't be done. The store must be on this machine.
Status remove_detached_parts(store::Client& store);

}  // namespace footfall::erase
