#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "log/log.h"
#include "process/sessions/undo.h"

namespace footfall::process {

/// How far a loader came, and with which tables.
struct Checkpoint {
    log::Position position;         ///< everything before it is in the tables
    std::string store_identity;     ///< of the store that holds it
    std::string rejected_identity;  ///< the same of its tables of rejected events; empty: not known
    std::int64_t as_of_ms = 0;      ///< every event that was acknowledged before is in; 0: not known
};

/// Where a loader keeps what it must not forget: its checkpoint, and the sessions that its batch under way changes.
/// Implementations: file_progress.h, beside the log of the embedded form; store_progress.h, in the store, where a
/// partition may go from one process to another. Of the loader's thread alone.
class Progress : public SessionUndo {
public:
    /// What was kept when this process took the partition over; nothing where there was nothing, or not readable.
    virtual std::optional<Checkpoint> found() = 0;
    /// Durable on return. kConflict: another process has the partition now.
    virtual Status write(const Checkpoint& checkpoint) = 0;
    struct Looked {
        /// A process that did not know that its partition was gone has written entries from this offset on meanwhile,
        /// so that what the tables hold from there on is not known; told once.
        std::optional<std::uint64_t> written_from{};
        bool is_held = false;  ///< somebody wants that no batch is written now; it was told that none will be
    };
    enum class Between : unsigned char {
        kBatches,  ///< the tables hold just what the log says before the checkpoint
        kDoubt,    ///< what they hold is not known, and is about to be changed
    };
    /// Before a batch is written, before the store is asked what it holds, and now and then. kConflict: another process
    /// has the partition now, and nothing may be written.
    virtual Result<Looked> check(Between between) = 0;
};

}  // namespace footfall::process
