#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

#include "base/clock.h"
#include "base/result.h"
#include "log/log.h"
#include "process/loader.h"
#include "store/client.h"

namespace footfall::process {

class TableWriter;

/// The tables of events and sessions made anew from the event log, archive included, while they are being asked and
/// loaded: into tables of their own (the database footfall_rebuild), by the loader's own writer, and then put in the
/// place of the others between two batches of the loader. Until then the others answer.
///
/// A death at any moment leaves tables that the next start takes for what they are: those of before, or the new ones,
/// or, where it came amid the exchange, some of both, which have another identity than the loader's checkpoint says, so
/// that the loader compares everything with the log. What is left of the database is deleted by clear().
class Rebuild {
public:
    struct Options {
        std::size_t rows_max = 100'000;     ///< of one insert
        std::size_t bytes_max = 64u << 20;  ///< of records of one insert
        int hold_timeout_ms = 30'000;       ///< to wait for the loader to come between two batches
    };
    struct Progress {
        std::uint64_t entries = 0;     ///< of the log that are read
        std::uint64_t entries_of = 0;  ///< that it holds now
        std::uint64_t events = 0;      ///< written
    };
    /// `shadow` speaks to the same store as `store`, in the database kDatabase. `changing` is locked while the tables
    /// are exchanged: erasures and re-scorings lock it too. What is passed outlives this.
    Rebuild(const log::EventLog& history, store::Client& store, store::Client& shadow, Loader& loader,
            std::mutex& changing, Options options);
    Rebuild(const log::EventLog& history, store::Client& store, store::Client& shadow, Loader& loader,
            std::mutex& changing);

    static constexpr const char* kDatabase = "footfall_rebuild";

    /// Deletes what a rebuild that did not come to its end has left. Before the loader starts, and at each run.
    static Status clear(store::Client& store);

    /// What the tables take on disk that are made anew.
    static Result<std::uint64_t> bytes_of_tables(store::Client& store);

    /// Makes them. `tell` is told how far it is, after each batch; `go_on` is asked before each and under the lock, and
    /// its error ends it, with the tables as they were. `exchange_next` is called under the lock, right before the
    /// tables are exchanged. Errors: those of the log and the store, kTimeout where the loader does not come to rest.
    /// One call at a time.
    Result<Progress> run(const std::function<void(const Progress&)>& tell, const std::function<Status()>& go_on,
                         const std::function<Status()>& exchange_next);

private:
    Status fill_to(log::LogReader& reader, TableWriter& writer, log::Position end, Progress& progress,
                   const std::function<void(const Progress&)>& tell, const std::function<Status()>& go_on);

    const log::EventLog& history_;
    store::Client& store_;
    store::Client& shadow_;
    Loader& loader_;
    std::mutex& changing_;
    const Options options_;
};

}  // namespace footfall::process
