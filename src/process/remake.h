#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "store/client.h"

namespace footfall::process {

/// Visitors of some sites: every one of these numbers on every one of these sites. (A visitor's number is made of the
/// site too, so what is too much is little.)
struct SomeVisitors {
    std::vector<std::string> sites;  ///< sorted
    std::vector<std::uint64_t> ids;  ///< sorted

    bool hold(std::string_view website_id, std::uint64_t visitor_id) const;
    /// Takes the others in.
    void add(const SomeVisitors& others);
    bool operator==(const SomeVisitors&) const = default;
};

struct Remade {
    std::uint64_t events = 0;
    std::uint64_t sessions_before = 0;
    std::uint64_t sessions = 0;
};

/// Deletes the visitors' rows of footfall.events, footfall.sessions and footfall.session_alias and makes them again
/// from the entries of the log before `end`, as the loader would have: where what the log says of events has changed,
/// their sessions may be others, more or fewer. The tables must be held at `end` (Loader::hold), and in between answers
/// lack those visitors. After an error any part may be done; it can be called again. `go_on` is asked every some
/// thousand entries; its error ends it.
///
/// Two deletions over all parts that have rows of them, one reading of the log, and the loader's inserts; the loader's
/// memory for a batch, and the visitors' ids in the store. Errors are those of the log and store::Client.
Result<Remade> remake_rows(const log::EventLog& log, store::Client& store, const SomeVisitors& visitors,
                           log::Position end, const std::function<Status()>& go_on);

}  // namespace footfall::process
