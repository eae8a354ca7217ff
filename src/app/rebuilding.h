#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "process/rebuild.h"

namespace footfall::app {

/// `footfall rebuild` within a process: at most one is under way, on a thread of its own, and whoever asks is told how
/// far it is. Thread-safe.
class Rebuilding {
public:
    struct Options {
        /// Bytes that are free where the store is, less what has to stay so.
        std::function<Result<std::uint64_t>()> room;
        /// Why the tables can't be made anew now; empty where they can.
        std::function<std::string()> why_not;
        /// What was made of the tables is forgotten, before others take their place. `changing` is locked.
        std::function<Status()> forget_derived;
        /// Others have.
        std::function<void()> exchanged;
    };
    /// `history` is the event log with its archive. For the others see process::Rebuild. What is passed outlives this.
    Rebuilding(const log::EventLog& history, store::Client& store, store::Client& shadow, process::Loader& loader,
               std::mutex& changing, Clock& clock, Options options);
    ~Rebuilding() { stop(); }

    struct Progress {
        std::uint64_t number = 0;  ///< of the rebuild, which is the last one that was begun
        bool is_running = false;
        process::Rebuild::Progress done;
        std::int64_t ms = 0;         ///< that it has taken
        std::optional<Error> error;  ///< where it came to one

        double events_per_second() const;
    };
    /// Begins one where none is under way. kUnavailable where it can't be now, or there is no room for its tables
    /// beside those that there are.
    Result<std::uint64_t> begin();
    /// Waits until the rebuild of that number is over, at most `timeout_ms`. kNotFound where it is not the last one.
    Result<Progress> wait(std::uint64_t number, int timeout_ms) const;
    /// How far the one is that is under way.
    std::optional<Progress> running() const;
    /// The log and the tables were changed otherwise than by the loader: what was read of it so far is not what it
    /// says. One that is under way begins again.
    void tables_changed();
    /// What is under way ends soon, and none is begun any more.
    void interrupt();
    /// What is under way ends, with the tables as they were or as they are to be. None is begun any more.
    void stop();

private:
    void run();
    Status check_room();

    const log::EventLog& history_;
    store::Client& store_;
    process::Rebuild rebuild_;
    std::mutex& changing_;
    Clock& clock_;
    const Options options_;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    Progress progress_;
    std::int64_t began_ns_ = 0;
    bool is_outdated_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace footfall::app
