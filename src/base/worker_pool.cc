#include "base/worker_pool.h"

#include <pthread.h>
#include <sys/resource.h>

namespace footfall {

WorkerPool::WorkerPool(std::string name, std::size_t threads, std::size_t queue_max, Priority priority)
    : name_(std::move(name)), queue_max_(queue_max), priority_(priority) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void WorkerPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

bool WorkerPool::submit(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || queue_.size() >= queue_max_) return false;
        queue_.push_back(std::move(work));
    }
    ready_.notify_one();
    return true;
}

std::size_t WorkerPool::queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void WorkerPool::run() {
    name_thread(name_);
    // Linux takes 0 for the calling thread alone. Where it is refused the work is done all the same.
    if (priority_ == Priority::kLow) (void)::setpriority(PRIO_PROCESS, 0, 10);
    for (;;) {
        std::function<void()> work;
        {
            std::unique_lock lock(mutex_);
            ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            work = std::move(queue_.front());
            queue_.pop_front();
        }
        work();
    }
}

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace footfall
