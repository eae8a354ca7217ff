#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "store/client.h"

namespace footfall::query {

/// How far the statements of a question have come, which run one after the other. They carry its mark, by which
/// look_at_progress() finds the one that runs. Thread-safe.
class Progress {
public:
    Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// What the statements' setting log_comment is; no other question's, of any process, has or ends with it.
    const std::string& mark() const { return mark_; }
    /// A statement ended, having read so many rows, or failed.
    void statement_ended(std::optional<std::uint64_t> rows_read);

    struct Rows {
        std::uint64_t read = 0;
        std::optional<std::uint64_t> total;  ///< that will have been read, as far as is known
    };
    /// Neither number ever falls.
    Rows rows() const;

private:
    friend Status look_at_progress(store::Client& store, std::span<const std::shared_ptr<Progress>> questions);
    std::uint64_t ended() const;
    /// What runs has read so much, where no statement ended since there were `ended`.
    void saw(std::uint64_t ended, const Rows& running);
    void show();  ///< under the mutex

    const std::string mark_;
    mutable std::mutex mutex_;
    std::uint64_t ended_ = 0;  ///< statements
    Rows of_ended_;
    Rows of_running_;
    Rows shown_;
};

/// Asks the store how far the statements of these questions are.
Status look_at_progress(store::Client& store, std::span<const std::shared_ptr<Progress>> questions);

}  // namespace footfall::query
