#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/worker_pool.h"
#include "store/embedded/session.h"

namespace footfall::store::embedded {

/// Ends statements that read and for whose answers nobody waits any more. The engine's KILL QUERY finds a statement by
/// its setting log_comment (its text is the engine's own where it has parameters, without comments), and none that has
/// not begun, so it is repeated until the statement has ended. Thread-safe; none of its calls waits for the engine.
class Canceller {
public:
    using Number = std::uint64_t;  ///< of a statement; 0 is none

    explicit Canceller(SessionPool& sessions) : sessions_(sessions) {}
    /// When every statement has ended.
    ~Canceller();

    /// A statement that may be cancelled from now until ended().
    Number add();
    /// Nothing where it has ended.
    void cancel(Number number);
    bool is_cancelled(Number number) const;
    void ended(Number number);

    /// What its log_comment must begin with to be found.
    static std::string mark(Number number);

private:
    void run();
    std::vector<Number> cancelled() const;  ///< under the mutex
    void kill(Number number) const;

    SessionPool& sessions_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<Number, bool> statements_;  ///< that have not ended; whether they are cancelled
    Number last_ = 0;
    bool is_running_ = false;  ///< run()
    WorkerPool thread_{"store-cancel", 1, 1};
};

}  // namespace footfall::store::embedded
