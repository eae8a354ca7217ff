#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "query/answer_cache.h"

namespace footfall::query {

/// How many events the store holds, of all sites: asked of it again when it may hold others, since asking takes 2 ms.
/// Thread-safe; several may ask at once.
class KnownSize {
public:
    /// `state` as of AnswerCache; without one the store is asked each time.
    explicit KnownSize(std::function<DataState()> state) : state_(std::move(state)) {}

    Result<std::uint64_t> get(const std::function<Result<std::uint64_t>()>& ask) {
        if (!state_) return ask();
        // Before the answer, which may be of more than that but of no less.
        const DataState now = state_();
        {
            const std::lock_guard lock(mutex_);
            if (is_known_ && now.is_steady && now.loaded == of_.loaded && now.changes == of_.changes) return size_;
        }
        TRY(const std::uint64_t size, ask());
        const std::lock_guard lock(mutex_);
        is_known_ = now.is_steady;
        of_ = now;
        size_ = size;
        return size;
    }

private:
    const std::function<DataState()> state_;
    std::mutex mutex_;
    bool is_known_ = false;
    DataState of_;
    std::uint64_t size_ = 0;
};

}  // namespace footfall::query
