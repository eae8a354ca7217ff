#include "base/repeating_thread.h"

#include <chrono>
#include <utility>

#include "base/worker_pool.h"

namespace footfall {

void RepeatingThread::start(std::string name, std::int64_t first_wait_ms, std::function<std::int64_t()> turn) {
    thread_ = std::thread([this, name = std::move(name), first_wait_ms, turn = std::move(turn)] {
        name_thread(name);
        run(first_wait_ms, turn);
    });
}

void RepeatingThread::run(std::int64_t wait_ms, const std::function<std::int64_t()>& turn) {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return stopping_; });
            if (stopping_) return;
        }
        wait_ms = turn();
    }
}

void RepeatingThread::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool RepeatingThread::is_stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

}  // namespace footfall
