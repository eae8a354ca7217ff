#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "app/resumption.h"
#include "base/clock.h"
#include "base/result.h"
#include "rescore/rescore.h"

namespace footfall::app {

/// Re-scorings of bots of a process: one at a time, and what is not complete is tried until it is. Thread-safe.
class Rescoring {
public:
    /// `one_at_a_time` is shared with whatever else changes what is stored; `complete_others` completes that, where a
    /// part of it is pending. The other two: see rescore::Rescorer. What is passed outlives this.
    Rescoring(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock,
              rescore::RescorerOptions options, std::mutex& one_at_a_time, std::function<rescore::Judge()> make_judge,
              std::function<void()> remade, std::function<Status(const std::string& site_id)> forget_rollups,
              std::function<Status()> complete_others);
    /// Ends and waits for what is under way. The store is gone, or answers.
    ~Rescoring();

    /// Before the loader starts: keeps it from loading, and answers from being given, where a re-scoring is not
    /// complete. kCorrupt where it can't be told what was to be done.
    Status hold_loader();
    /// Once, when everything is there that `remade` tells: completes it, and what fails later.
    void start() { resumption_.start(); }
    /// What is under way ends with an error soon, and is gone on with by the next start.
    void interrupt() { rescorer_.stop(); }
    /// What is pending is left to the next start.
    void stop() { resumption_.stop(); }

    Result<rescore::Report> rescore(rescore::Request request, log::ErasurePace pace);
    /// Completes one that is pending. The lock is the caller's already.
    Status complete();
    /// Why a re-scoring is not complete; empty where none is begun.
    std::string problem() const { return resumption_.problem(); }
    /// Why the store can't be asked at present, since it lacks rows that are made again; empty where it can.
    std::string why_not_answering() const;
    /// How often so far rows were taken out of it.
    std::uint64_t remakes() const { return rescorer_.remakes(); }

private:
    std::mutex& one_at_a_time_;
    const std::function<Status(const std::string&)> forget_rollups_;
    const std::function<Status()> complete_others_;
    rescore::Rescorer rescorer_;
    Resumption resumption_;  ///< the last: its thread uses the rest
};

}  // namespace footfall::app
