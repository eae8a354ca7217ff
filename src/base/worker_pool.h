#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace footfall {

/// kLow: the threads give way to others where cores are short (nice 10).
enum class Priority : unsigned char { kNormal, kLow };

/// A fixed number of threads for blocking work, behind a bounded queue. The size is the limit on how many run at once.
class WorkerPool {
public:
    WorkerPool(std::string name, std::size_t threads, std::size_t queue_max, Priority priority = Priority::kNormal);
    ~WorkerPool() { stop(); }

    /// Finishes what was queued, then joins; takes nothing more. Of one thread, which is none of the pool's.
    void stop();

    /// False where the queue is full or the pool is stopping: the caller answers "overloaded". Thread-safe.
    [[nodiscard]] bool submit(std::function<void()> work);
    std::size_t queued() const;

private:
    void run();

    std::string name_;
    const std::size_t queue_max_;
    const Priority priority_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

/// Names the calling thread, for `top -H` and debuggers; cut to 15 characters.
void name_thread(const std::string& name);

}  // namespace footfall
