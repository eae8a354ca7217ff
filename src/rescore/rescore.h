#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "event/event.h"
#include "log/disk/disk_log.h"
#include "process/archive/archive.h"
#include "process/loader.h"
#include "rescore/pending.h"
#include "store/client.h"

/// Verdicts on stored events become those of today's lists (docs/adr/0011):
///
///     command ─▶ the log is judged: whose verdicts are others ─▶ pending.h: on disk until it is done
///                    │
///                    ├─▶ log: those events get their new verdict, segment by segment, beside the server's work
///                    ├─▶ archive: likewise, range by range
///                    └─▶ loader held ─▶ process/remake.h: rows of those visitors made again ─▶ live numbers
///
/// A death at any point is gone on with by the next start, before it answers any question.
namespace footfall::rescore {

/// The verdict of today on an event by what is stored of it. One thread; what it gives is valid until its next call.
using Judge = std::function<event::Verdict(const event::Event& stored)>;

struct Report {
    std::uint64_t events = 0;    ///< whose verdict is another
    std::uint64_t visitors = 0;  ///< whose rows were made again
    std::uint64_t rows = 0;      ///< of events, that were made again
    std::uint64_t sessions_before = 0;
    std::uint64_t sessions = 0;
    std::uint64_t segments = 0;  ///< of the log, written anew
};

struct RescorerOptions {
    std::string data_dir;  ///< Pending has a file in it
    int loaded_timeout_ms = 60'000;
    int hold_timeout_ms = 60'000;
    /// More are refused: their ids are in memory, here and in the store.
    std::size_t visitors_max = 5'000'000;
    /// The log and what it has given away; null: nothing of it.
    const log::EventLog* history = nullptr;
    /// Does to the archive what was done to the log; nothing where there is none.
    process::archive::RewriteArchive rewrite_archive{};
};

/// Carries re-scorings out, one call at a time.
class Rescorer {
public:
    /// `make_judge` gives one that judges by the lists of that moment; `remade` tells the other parts that keep
    /// something in memory that the log says something else now. What is passed outlives this.
    Rescorer(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock, RescorerOptions options,
             std::function<Judge()> make_judge, std::function<void()> remade);

    /// On return with a value each event of the request has the verdict of today, in the log and in the store, and
    /// sessions are those that these make. Events whose reason stays are not touched, also where other lists judged
    /// them. `request.end` is not looked at: it is where the log goes now. Errors before anything is changed:
    /// kTooLarge for more visitors than there may be, kTimeout where the store does not hold the log. After any
    /// other the re-scoring stays pending, and resume() goes on with it.
    Result<Report> rescore(Request request, log::ErasurePace pace);

    /// Whether a re-scoring is not complete.
    Result<bool> is_pending() const;
    /// Completes it, by the lists of now.
    Status resume();
    /// From when rows are taken out until they are all there again, and after an error until another try has made them:
    /// answers would be wrong. Thread-safe.
    bool is_remaking() const { return is_remaking_.load(); }
    /// How often so far rows were taken out: what was asked of the store at one count and at another is not of one
    /// moment. Thread-safe.
    std::uint64_t remakes() const { return remakes_.load(); }
    /// Before the loader loads anything: what a death left is answered from when it is complete.
    void expect_resume() { is_remaking_ = true; }
    /// What is under way comes to an error soon, and no more is begun: the next start goes on. Thread-safe.
    void stop() { is_stopping_ = true; }

private:
    struct Found {
        std::uint64_t events = 0;
        process::SomeVisitors visitors;
    };
    Result<Found> find(const Request& request, const Judge& judge) const;
    Result<Report> carry_out(const Begun& begun, const Judge& judge, log::ErasurePace pace);
    Status go_on() const;

    log::DiskLog& log_;
    const log::EventLog& history_;
    store::Client& store_;
    process::Loader& loader_;
    Clock& clock_;
    const RescorerOptions options_;
    const std::function<Judge()> make_judge_;
    const std::function<void()> remade_;
    const Pending pending_;
    std::atomic<bool> is_remaking_{false};
    std::atomic<std::uint64_t> remakes_{0};
    std::atomic<bool> is_stopping_{false};
};

}  // namespace footfall::rescore
