#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "store/embedded/store_main.h"

namespace footfall::store {

/// What the supervisor sees of its child.
struct ChildState {
    bool ready = false;
    std::string problem = "the store is starting";  ///< empty where it is ready
    std::uint64_t starts = 0;
    pid_t pid = 0;
};

/// Keeps the child `footfall store` running: starts this program's own file again with the store's arguments, waits until it answers, and starts it again
/// with a growing pause when it dies. A folder that the engine does not open three times is moved aside (NAME.broken-<time>), a new one is made, and the
/// owner is told, who loads it from the log. Thread-safe.
class Supervisor {
public:
    struct Options {
        StoreOptions store;
        /// Called on the supervisor's thread when a child answers, before it counts as ready; `is_new` where its folder was made anew. An error is
        /// tried again after a pause.
        std::function<Status(bool is_new)> prepare;
    };
    Supervisor(Options options, Clock& clock);
    /// stop().
    ~Supervisor();

    void start();
    /// SIGTERM, up to 5 s, then SIGKILL; joins.
    void stop();
    ChildState state() const;

    /// "unix:…" for the client.
    static std::string address(const std::string& directory) { return "unix:" + directory + "/store.sock"; }

private:
    void run();
    Result<pid_t> spawn();
    /// Waits until the child answers and is prepared; the child's end otherwise.
    void bring_up(pid_t pid);
    int wait_for_end(pid_t pid);
    void set(bool ready, std::string problem);
    bool is_stopping() const;
    void pause_ms(std::int64_t ms);

    const Options options_;
    Clock& clock_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    ChildState state_;
    bool stopping_ = false;
    bool is_new_ = false;
    std::thread thread_;
};

}  // namespace footfall::store
