#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "query/fair_queue.h"

namespace footfall::query {

/// Runs questions on a bounded number of threads. What finds them busy waits for its turn, which goes from site to site
/// (fair_queue.h), for no longer than its deadline, and in a bounded queue. Thread-safe.
class Executor {
public:
    enum class Next : std::uint8_t { kDone, kAgain };
    struct Task {
        std::string site_id;           ///< empty: no site's
        std::int64_t deadline_ns = 0;  ///< of the steady clock
        /// Called on a thread of the executor when it is its turn. With kAgain it takes another turn, behind the others
        /// of its site.
        std::function<Next()> run;
        /// Called in place of run() where it does not come to it: the deadline passed, it was cancelled, or the
        /// executor stops. From any thread; must not block.
        std::function<void(const Error&)> refuse;
    };
    using Ticket = std::uint64_t;

    Executor(Clock& clock, const QueueLimits& limits);
    ~Executor() { stop(); }

    /// kLimited where too many of its site wait already, kOverloaded where too many do in all, kUnavailable once it
    /// stops. Neither of the task's functions is called then.
    Result<Ticket> submit(Task task);
    /// Nobody waits for it any more: where it waits it is refused before this returns; where it runs, nothing.
    void cancel(Ticket ticket);
    /// Refuses what waits and has passed its deadline. Done by itself, by the machine's clock.
    void expire();
    /// Refuses what waits, and returns when nothing runs.
    void stop();

private:
    struct Waiting {
        Ticket ticket = 0;
        std::int64_t since_ns = 0;
        Task task;
    };
    using Queue = FairQueue<Waiting>;
    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

    void work();
    void watch();
    void refuse(const std::vector<Waiting>& tasks, const Error& error, std::string_view why) const;
    void show() const;  ///< under the mutex

    Clock& clock_;
    std::mutex mutex_;
    std::condition_variable ready_;
    std::condition_variable watched_;
    Queue queue_;
    Ticket last_ = 0;
    std::int64_t watched_ns_ = kNever;  ///< the deadline that watch() waits for
    bool is_stopping_ = false;
    WorkerPool watch_{"query-watch", 1, 1};
    WorkerPool threads_;
};

}  // namespace footfall::query
