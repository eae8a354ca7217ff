#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "log/log.h"

namespace footfall::process {

/// The sessions of footfall.sessions that a batch is about to change, as rows from before it. The table alone cannot
/// always give them back: a merge may join a former row with the one that cancels it before the checkpoint knows of the
/// batch. Each batch's replace those of the one before; older ones that were written from the same position are as
/// true.
class SessionUndo {
public:
    virtual ~SessionUndo() = default;
    /// `rows` is a block of ClickHouse's Native format, of sessions as the table holds them when it has the log up to
    /// `from`. Durable on return.
    virtual Status write_undo(log::Position from, std::string_view rows) = 0;
    /// What was written for this position; nothing where it was for another one, or is not there or damaged.
    virtual Result<std::optional<std::string>> read_undo(log::Position from) = 0;
    /// The table is another one now, of which the rows say nothing.
    virtual Status forget_undo() = 0;
};

/// In a file of its own.
class UndoFile final : public SessionUndo {
public:
    explicit UndoFile(std::string path) : path_(std::move(path)) {}

    Status write_undo(log::Position from, std::string_view rows) override;
    Result<std::optional<std::string>> read_undo(log::Position from) override;
    Status forget_undo() override;

private:
    std::string path_;
};

}  // namespace footfall::process
