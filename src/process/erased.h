#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"
#include "log/log.h"

namespace footfall::process {

/// What is left of an entry of the log that was erased: nothing that says whose it was.
struct ErasedEntry {
    std::string website_id;
    log::EntryKind kind = log::EntryKind::kEvent;  ///< that it had
    /// Of an event, so that it stays known when it is sent again: the client's id says nothing of a visitor.
    Uuid event_id{};
    std::int64_t received_at = 0;  ///< of an event, epoch ms; its id is to be known for seven days from then on
    /// It was older than its site keeps events (src/retention): then event_id and received_at are there as long as an
    /// event of that id could come again.
    bool is_expired = false;
    bool began_session = false;  ///< of an event, that the store had a session which it was the first of
};

/// The payload of the log entry kErased: {"website_id":…,"kind":n}, and of an event "event_id", "received_at" and,
/// where it is so, "began_session"; "expired" where it is so.
std::string write_erased(const ErasedEntry& entry);
/// kCorrupt for anything else.
Result<ErasedEntry> read_erased(std::string_view payload);

}  // namespace footfall::process
