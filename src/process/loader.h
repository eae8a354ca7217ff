#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/log.h"
#include "process/audit.h"
#include "process/progress.h"
#include "process/rejected.h"
#include "process/table_writer.h"
#include "store/client.h"

namespace footfall::process {

struct LoaderOptions {
    std::string checkpoint_path = {};   ///< a small file, written atomically
    std::string undo_path = {};         ///< of the sessions that the batch under way changes, see SessionUndo
    std::int64_t interval_ms = 400;     ///< least time between the starts of two inserts while keeping up
    std::size_t rows_max = 100'000;     ///< most rows of one insert, when behind
    std::size_t bytes_max = 64u << 20;  ///< most record bytes of one insert
    TouchListener touched = {};         ///< told on the loader's thread of each batch, before it is written
    /// In place of the two files.
    std::shared_ptr<Progress> progress = {};
    /// Called on the loader's thread when others have held the tables by way of `progress`, before it reads on: the log
    /// may say something else of what is before it. After an error nothing is read, and it is called again.
    std::function<Status()> released = {};
};

/// What the loader has done, for /readyz, /metrics, the status page and `meta.as_of`.
struct LoaderState {
    log::Position loaded;       ///< everything before it is in the store
    std::int64_t as_of_ms = 0;  ///< every event acknowledged before this moment is in the store
    std::uint64_t rows = 0;     ///< rows inserted since the start
    /// Whether everything was loaded that the log held when the loader last asked the store what it holds: after its
    /// own start, or the store's. Until then the store lacks events that were acknowledged long ago.
    bool is_caught_up = false;
    /// How often what the tables hold became doubtful: after a start of the store and a failed insert. Between two
    /// equal values nothing was taken out of them.
    std::uint64_t doubts = 0;
    std::uint64_t holds = 0;  ///< how often so far others asked to change the tables, or to look at them unchanged
    bool is_held = false;     ///< somebody may be at that
    std::string problem;      ///< why it does not get on at the moment; empty where it does
};

/// Reads the log and writes footfall.events, each event once, the sessions that they make, and what was rejected.
/// Batches are closed ranges of the log, split by the table's partitions (months), each piece one block of one insert,
/// so that it is there as a whole or not at all. Insert tokens are off: they err both ways (docs/adr/0002). After a
/// start, and after every insert whose result is not known, the loader asks the store which offsets above its
/// checkpoint it holds, inserts what is missing and replaces what is there twice. The checkpoint only spares questions:
/// an old or lost one costs time, never a count. Rejected events that the store has lost, or never had, it reads again
/// from the log, before it goes on.
///
/// One thread of its own. Public functions are thread-safe.
class Loader {
public:
    Loader(log::EventLog& log, store::Client& store, Clock& clock, LoaderOptions options);
    /// Stops without waiting for the rest; it is loaded after the next start.
    ~Loader();

    /// Once. Does nothing where stop() was called already.
    void start();
    /// Loads what the log holds now, at most for `grace_ms`, and ends the thread.
    void stop(int grace_ms);
    /// The same in two steps, for whoever can end what it waits for: asks for the end and waits for it at most
    /// `timeout_ms`; whether it has come. stop() is still to be called.
    bool stop_within(int grace_ms, int timeout_ms);

    LoaderState state() const;
    /// Whether its thread has ended: after stop(), or where another process has its partition now.
    bool has_ended() const;
    /// Waits until everything before `position` is in the store; kTimeout with the reason otherwise.
    Status wait_loaded(log::Position position, int timeout_ms) const;
    /// Lets the loader begin no batch until what it gives is gone, which must not outlive the loader: also not after it
    /// asked the store what it holds. Does not wait.
    std::shared_ptr<void> keep_still();
    /// Keeps the loader between two batches, where the tables hold just what the log says before its position, until
    /// what it gives is gone, which must not outlive the loader. kTimeout where it does not come there. A loader that
    /// has to stop, or to ask the store after a restart what it holds, goes on all the same: TablesHeld::is_intact.
    Result<TablesHeld> hold(int timeout_ms);
    /// While tables are held: what others took out of the log and the tables meanwhile is forgotten here too, that is
    /// the sessions in memory, what was read ahead of the log, and the undo file. Done on return; kTimeout, kIo.
    Status forget(int timeout_ms);
    /// While tables are held: others have put tables in their place that hold the same of the log. As forget(), and the
    /// checkpoint names them. Durable on return; kTimeout, kIo, and those of store::Client.
    Status adopt(int timeout_ms);
    /// The store was started again, perhaps as another one: ask it what it holds. (It carries an identity, which the
    /// checkpoint remembers: a store that is new or lost parts is loaded with everything that the log has.)
    void store_restarted();

private:
    void run();
    void load_until_stopped();
    /// Waits while somebody holds the tables.
    void wait_for_holds();
    Status step();
    Status forget_now();
    Status ask_to_forget(bool adopt, int timeout_ms);
    std::shared_ptr<void> count_in(int& counter);
    void note_caught_up();  ///< under the mutex
    void note_inserted(std::size_t rows);
    void report_lag() const;
    Status reconcile();
    /// After others have held the tables: sessions in memory, and what was read ahead, may be of what is erased by now.
    Status take_up_again();
    /// Goes back to where a process has written that the partition was taken from.
    Status look_for_others();
    /// Fills the tables of rejected events from the log where they are not those that the checkpoint was written with.
    Status restore_rejected();
    Status refill_rejected(log::Position end);
    Status load(const std::vector<log::StoredEntry>& entries, log::Position next);
    Result<std::vector<std::uint64_t>> present_offsets(std::uint16_t partition, std::uint64_t first,
                                                       std::uint64_t last);
    Status write_checkpoint(log::Position position, std::int64_t as_of_ms = 0);
    bool stop_requested(bool caught_up) const;
    void sleep_ms(std::int64_t ms);

    log::EventLog& log_;
    store::Client& store_;
    Clock& clock_;
    const LoaderOptions options_;
    const std::shared_ptr<Progress> progress_;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    LoaderState state_;
    bool stopping_ = false;
    bool in_doubt_requested_ = false;
    bool is_reconciled_ = false;  ///< `loaded` is of this store, since its last start
    bool ended_ = false;          ///< the thread loads nothing any more
    std::int64_t stop_deadline_ns_ = 0;
    int holds_ = 0;
    int stills_ = 0;
    bool is_forget_wanted_ = false;
    bool is_adoption_wanted_ = false;  ///< with that
    Status forgotten_;                 ///< what came of it last
    bool is_between_batches_ = false;  ///< and what the tables hold is known
    std::uint64_t steps_ = 0;

    // Of the loader's thread alone.
    std::unique_ptr<log::LogReader> reader_;
    bool in_doubt_ = true;         ///< what the store holds beyond the checkpoint is not known
    std::uint64_t doubt_end_ = 0;  ///< offsets below it may be in the store already
    log::Position catch_up_to_;
    std::string store_identity_;
    std::string rejected_identity_;     ///< empty: of a checkpoint that does not say it
    bool is_rejected_in_doubt_ = true;  ///< whether the tables of rejected events are those is to be asked
    std::int64_t last_insert_ns_ = 0;
    std::chrono::steady_clock::time_point looked_{};
    bool is_held_elsewhere_ = false;
    bool was_held_elsewhere_ = false;  ///< and has not taken up again since
    TableWriter writer_;
    RejectedStore rejected_store_;

    std::thread thread_;
};

}  // namespace footfall::process
