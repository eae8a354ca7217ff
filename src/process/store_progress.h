#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "process/progress.h"
#include "store/client.h"

namespace footfall::process {

/// Of the loader of one partition, in the store itself: the process that takes the partition over finds there what the
/// one before it has left, and a store that is another one says nothing of this one.
///
/// Who took a partition over last has it, and says so by a number higher than any before (a claim); of two that took it
/// at the same moment it is the one with the larger token. The store knows no such thing as a condition of an insert,
/// so a process that stands still between check() and its insert, and goes on when the partition is another's, writes
/// all the same. It learns of that by its next call here and says from where on it wrote; the owner then compares with
/// the log from there. Only one that stands still just there, goes on, and dies before it has said so leaves rows
/// twice, which audit shows.
class StoreProgress final : public Progress {
public:
    /// Takes the partition over. Errors are those of store::Client; kConflict: another one did so at the same moment.
    static Result<std::shared_ptr<StoreProgress>> take_over(store::Client& store, std::uint16_t partition);

    std::optional<Checkpoint> found() override {
        const bool is_new = last_ && last_->position.offset == 0 && last_->store_identity.empty();
        return is_new ? std::nullopt : last_;
    }
    Status write(const Checkpoint& checkpoint) override;
    Result<Looked> check(Between between) override;
    Status write_undo(log::Position from, std::string_view rows) override;
    Result<std::optional<std::string>> read_undo(log::Position from) override;
    /// There is nothing to forget: the undo is of the store that it is in, and lost with it.
    Status forget_undo() override { return {}; }

private:
    StoreProgress(store::Client& store, std::uint16_t partition) : store_(store), partition_(partition) {}
    struct Owner {
        bool is_this = false;
        std::uint64_t doubts = 0;
        std::string hold;  ///< who wants it to stand still; empty: nobody
    };
    Result<Owner> ask_owner();
    Status insert_checkpoint(const Checkpoint& checkpoint);
    /// Says from where on this process may have written although the partition was another's, and that it is.
    Error lost();
    /// Goes back to where others have written, and takes note of that away.
    Result<std::optional<std::uint64_t>> take_in_doubts();

    store::Client& store_;
    const std::uint16_t partition_;
    std::uint64_t claim_ = 0;
    std::string token_;
    std::uint64_t step_ = 0;
    std::optional<Checkpoint> last_;
    std::string held_;         ///< for whom the last checkpoint says that it stands still
    bool is_writing_ = false;  ///< since the last check(), perhaps
};

}  // namespace footfall::process
