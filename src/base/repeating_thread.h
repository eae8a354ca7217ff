#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace footfall {

/// A thread that does the same again and again until it is stopped. Started and stopped by its owner, of one thread;
/// is_stopping() is thread-safe.
class RepeatingThread {
public:
    RepeatingThread() = default;
    RepeatingThread(const RepeatingThread&) = delete;
    ~RepeatingThread() { stop(); }

    /// Calls `turn` in `first_wait_ms`, and then each time in as many ms as it said. Once.
    void start(std::string name, std::int64_t first_wait_ms, std::function<std::int64_t()> turn);
    /// No turn begins any more, and on return none is under way.
    void stop();
    /// Asked by a turn that may take long.
    bool is_stopping() const;

private:
    void run(std::int64_t wait_ms, const std::function<std::int64_t()>& turn);

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace footfall
