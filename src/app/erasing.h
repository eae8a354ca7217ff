#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "erase/erase.h"
#include "erase/export.h"

namespace footfall::app {

/// Erasures of a process: one at a time, and what is not complete is tried until it is. Thread-safe.
class Erasing {
public:
    /// What is passed outlives this.
    Erasing(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock, const std::string& data_dir,
            std::function<void(const erase::Subject&)> forget);
    /// Returns when the loader has stopped and the store is gone, or at once where nothing is under way.
    ~Erasing();

    /// Before the loader starts: keeps it from loading where an erasure is not complete. kCorrupt where it can't be
    /// told what was to be erased.
    Status hold_loader();
    /// Once, when everything is there that `forget` tells: completes it, and what fails later.
    void start();

    Result<erase::Report> erase(const erase::Subject& subject, log::ErasurePace pace);
    /// What erase() would find, and nothing is changed.
    Result<erase::Found> find(const erase::Subject& subject) const;
    /// A page of an export. The first one waits until the store holds what the log holds.
    Result<erase::ExportPage> export_page(const erase::ExportRequest& request, std::string_view from) const;
    /// While what it gives is there, nothing is erased. Waits for what is under way.
    std::unique_lock<std::mutex> keep_off() { return std::unique_lock(carrying_out_); }
    /// Why an erasure is not complete; empty where none is begun.
    std::string problem() const;

private:
    void run();

    const log::DiskLog& log_;
    store::Client& store_;
    process::Loader& loader_;
    erase::Eraser eraser_;

    std::mutex carrying_out_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string problem_;
    bool is_wanted_ = false;
    bool stopping_ = false;
    std::shared_ptr<void> still_;  ///< of the loader, from the start until it can load without the erased
    std::thread thread_;
};

}  // namespace footfall::app
