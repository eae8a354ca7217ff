#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "app/resumption.h"
#include "base/clock.h"
#include "base/result.h"
#include "erase/erase.h"
#include "erase/export.h"

namespace footfall::app {

/// What erases and exports in an installation. Thread-safe.
class Erasing {
public:
    virtual ~Erasing() = default;
    /// On return with a value nothing of the subject is left that was acknowledged before the call.
    virtual Result<erase::Report> erase(const erase::Subject& subject, log::ErasurePace pace) = 0;
    /// What erase() would find, and nothing is changed.
    virtual Result<erase::Found> find(const erase::Subject& subject) const = 0;
    /// A page of an export. The first one waits until the store holds what the log holds.
    virtual Result<erase::ExportPage> export_page(const erase::ExportRequest& request, std::string_view from) const = 0;
};

/// Erasures of the embedded form: one at a time, and what is not complete is tried until it is.
class EmbeddedErasing final : public Erasing {
public:
    /// `one_at_a_time` is shared with whatever else changes what is stored; `complete_others` completes that, where a
    /// part of it is pending, since it may name who is to be erased. `forget_rollups` takes away what was summed up of
    /// the subject's site. What is passed outlives this.
    EmbeddedErasing(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock,
                    erase::EraserOptions options, std::mutex& one_at_a_time,
                    std::function<void(const erase::Subject&)> forget,
                    std::function<Status(const erase::Subject& subject)> forget_rollups,
                    std::function<Status()> complete_others);

    /// Before the loader starts: keeps it from loading where an erasure is not complete. kCorrupt where it can't be
    /// told what was to be erased.
    Status hold_loader();
    /// Once, when everything is there that `forget` tells: completes it, and what fails later.
    void start() { resumption_.start(); }
    /// What is pending is left to the next start.
    void stop() { resumption_.stop(); }

    Result<erase::Report> erase(const erase::Subject& subject, log::ErasurePace pace) override;
    /// Completes one that is pending. The lock is the caller's already.
    Status complete();
    Result<erase::Found> find(const erase::Subject& subject) const override;
    Result<erase::ExportPage> export_page(const erase::ExportRequest& request, std::string_view from) const override;
    /// Why an erasure is not complete; empty where none is begun.
    std::string problem() const { return resumption_.problem(); }

private:
    const log::EventLog& history_;
    store::Client& store_;
    process::Loader& loader_;
    std::mutex& one_at_a_time_;
    const std::function<Status(const erase::Subject&)> forget_rollups_;
    const std::function<Status()> complete_others_;
    erase::Eraser eraser_;
    Resumption resumption_;  ///< the last: its thread uses the rest
};

}  // namespace footfall::app
