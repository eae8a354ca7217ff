#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "process/sessions/fold.h"
#include "process/sessions/undo.h"
#include "store/client.h"

namespace footfall::process {

/// footfall.sessions and footfall.session_alias, as the fold needs them. Errors are those of store::Client; after one,
/// what the tables hold of the batch is not known until delete_beyond(). Not thread-safe.
class SessionStore {
public:
    /// `undo` is what insert() and delete_beyond() use between them, and outlives this; none where delete_beyond() is
    /// never called.
    SessionStore(store::Client& store, SessionUndo* undo) : store_(store), undo_(undo) {}

    /// Takes away what batches wrote that end at `position` or later, and puts back the sessions that went with it
    /// because a merge had joined their former row with the row that cancels it. Waits until it is done. False: there
    /// is such a session which the undo does not have, and only the log from its beginning makes it again.
    Result<bool> delete_beyond(log::Position position);
    /// The tables are new, or lost rows or had some erased: what the undo says is of others.
    Status forget_undo() const { return undo_ == nullptr ? Status() : undo_->forget_undo(); }
    /// Starts the fold from the tables, which hold what the log says before `position`: the sessions of its partition
    /// whose last_at() is `last_from` or later, and the engaged times of the last entries before it.
    Status start(SessionFold& fold, std::int64_t last_from, log::Position position);
    /// Loads all sessions that these look-ups ask for, and tells the fold so.
    Status look_up(SessionFold& fold, std::span<const SessionFold::LookUp> who);
    /// Writes what a batch changed, durable on return. `from` is the position that the tables hold the log up to,
    /// `last` the batch's last entry.
    Status insert(std::span<const SessionChange> changes, std::span<const SessionAlias> aliases, log::Position from,
                  log::Position last);

private:
    Status load(SessionFold& fold, const store::Answer& sessions);
    Result<bool> put_back(log::Position position);
    Result<bool> has_all_touched();

    store::Client& store_;
    SessionUndo* const undo_;
    /// Sessions from before the checkpoint that must be there after the deletion; kept until it has succeeded.
    std::set<std::uint64_t> touched_;
};

}  // namespace footfall::process
