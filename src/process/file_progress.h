#pragma once

#include <string>
#include <utility>

#include "process/progress.h"

namespace footfall::process {

/// Of the one loader of a data folder, whose lock keeps others away: two files, each replaced as a whole.
class FileProgress final : public Progress {
public:
    FileProgress(std::string checkpoint_path, std::string undo_path)
        : checkpoint_path_(std::move(checkpoint_path)), undo_(std::move(undo_path)) {}

    /// Lets the next loader begin at `position` or before, since entries from there on can be read that could not be.
    /// Durable on return. kIo.
    static Status set_back(const std::string& checkpoint_path, log::Position position);

    std::optional<Checkpoint> found() override;
    Status write(const Checkpoint& checkpoint) override;
    Result<Looked> check(Between) override { return Looked(); }
    Status write_undo(log::Position from, std::string_view rows) override { return undo_.write_undo(from, rows); }
    Result<std::optional<std::string>> read_undo(log::Position from) override { return undo_.read_undo(from); }
    Status forget_undo() override { return undo_.forget_undo(); }

private:
    const std::string checkpoint_path_;
    UndoFile undo_;
};

}  // namespace footfall::process
