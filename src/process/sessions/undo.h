#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "log/log.h"

namespace footfall::process {

/// The undo file of footfall.sessions: those that a batch is about to change, as rows from before it. The table alone
/// cannot always give them back: a merge may join a former row with the one that cancels it before the checkpoint knows
/// of the batch. One file, replaced by each batch; an older one that was written from the same position is as true.
class SessionUndo {
public:
    /// An empty path: nothing is kept, by who takes nothing back.
    explicit SessionUndo(std::string path) : path_(std::move(path)) {}

    /// `rows` is a block of ClickHouse's Native format, of sessions as the table holds them when it has the log up to
    /// `from`. Durable on return. kIo.
    Status write(log::Position from, std::string_view rows) const;
    /// What was written for this position; nothing where the file is of another one, is not there or is damaged.
    std::optional<std::string> read(log::Position from) const;
    /// The table is another one now, of which the file says nothing.
    Status forget() const;

private:
    std::string path_;
};

}  // namespace footfall::process
