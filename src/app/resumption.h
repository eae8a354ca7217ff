#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "process/loader.h"

namespace footfall::app {

/// Work on what is stored that a death or an error may cut off, and that has to be completed then: by the next start
/// before anything is loaded, and within a process tried again every 5 s until it is done. Thread-safe.
class Resumption {
public:
    struct Work {
        std::string name;    ///< of its thread and its lines in the log: "erase"
        std::string called;  ///< for people: "an erasure"
        std::function<Result<bool>()> is_pending;
        std::function<Status()> resume;
    };
    /// `one_at_a_time` is locked while `resume` runs. What is passed outlives this.
    Resumption(process::Loader& loader, std::mutex& one_at_a_time, Work work);
    ~Resumption() { stop(); }

    /// Before the loader starts: keeps it from loading where the work is not complete, and says whether that is so.
    /// kCorrupt where it can't be told what was to be done.
    Result<bool> hold_loader();
    /// Once, when everything is there that `resume` needs.
    void start();
    /// Nothing is tried any more. Returns when the loader has stopped and the store is gone, or at once where nothing
    /// is under way. The rest can be called all the same.
    void stop();
    /// A call of the work failed: where it is begun, it is tried again. Gives back the error, which says so then.
    Error failed(const Error& error);
    /// A call of the work succeeded, which completes what was pending first.
    void succeeded();
    /// Why the work is not complete; empty where none is begun.
    std::string problem() const;

private:
    void run();

    process::Loader& loader_;
    std::mutex& one_at_a_time_;
    const Work work_;
    const std::string begun_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string problem_;
    bool is_wanted_ = false;
    bool stopping_ = false;
    std::shared_ptr<void> still_;  ///< of the loader, from the start until it can load as it should
    std::thread thread_;
};

}  // namespace footfall::app
