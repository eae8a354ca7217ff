#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "erase/pending.h"
#include "erase/subject.h"
#include "log/disk/disk_log.h"
#include "process/archive/archive.h"
#include "process/loader.h"
#include "store/client.h"

/// Erasure of a visitor or of a site, from everything that an installation keeps (docs/adr/0010):
///
///     command ─▶ subject.h: who that is ─▶ pending.h: on disk until it is done
///                    │
///                    ├─▶ log: its entries become tombstones, segment by segment, beside the server's work
///                    ├─▶ archive: likewise, range by range
///                    └─▶ loader held ─▶ the log's last entries ─▶ store_rows.h: rows and their files ─▶ what is in
///                    memory
///
/// A death at any point is gone on with by the next start, before it loads or answers anything.
namespace footfall::erase {

struct Report {
    std::uint64_t events = 0;
    std::uint64_t rejected = 0;  ///< samples of rejected events
    std::uint64_t visitors = 0;  ///< visitor ids that had events
    std::uint64_t sessions = 0;  ///< 0 where nothing was erased
    std::uint64_t segments = 0;  ///< of the log, written anew
    std::string note{};          ///< what is left for people to do; empty: nothing
};

/// What the log says of a subject at present.
struct Found {
    Subject subject;  ///< followed to whom else it shows to be the same person
    std::uint64_t events = 0;
    std::uint64_t visitors = 0;
    std::uint64_t rejected = 0;
    /// Places of samples of rejected events, those of earlier erasures among them.
    std::vector<log::Position> rejected_places;
    bool is_begun = false;  ///< an erasure of it was begun and is not complete
};
/// Reads the log in that range, and where that shows more of the subject than was known, all of it before the range's
/// end. About 1 µs an event. Damaged entries are passed over: nobody can say whose they are.
Result<Found> find(const log::EventLog& log, Subject subject, log::ErasureRange range);
/// The same of several logs together: whoever one of them shows to be the same person is looked for in all.
struct Stretch {
    const log::EventLog* log;
    log::ErasureRange range;
};
Result<Found> find(std::vector<Stretch> stretches, Subject subject);

struct EraserOptions {
    std::string data_dir;  ///< PendingErasure has a file in it, and stores that were moved aside lie there
    int hold_timeout_ms = 60'000;
    /// The log and what it has given away; null: nothing of it.
    const log::EventLog* history = nullptr;
    /// Does to the archive what was done to the log; nothing where there is none.
    process::archive::RewriteArchive rewrite_archive{};
};

/// Carries erasures out, one call at a time.
class Eraser {
public:
    /// `forget` tells the other parts that keep something in memory, once log and tables have nothing of the subject
    /// any more. What is passed outlives this.
    Eraser(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock, EraserOptions options,
           std::function<void(const Subject&)> forget);

    /// On return with a value nothing of the subject is left that was acknowledged before the call: not in the log, not
    /// in the store, and in no file of theirs. What comes for it later is new and stays. After an error the erasure
    /// stays pending, and resume() goes on with it.
    Result<Report> erase(const Subject& subject, log::ErasurePace pace);

    /// Whether an erasure is not complete.
    Result<bool> is_pending() const;
    /// Completes it. Before the loader loads anything, its first call of a process takes what the log held when this
    /// was made, and no more.
    Status resume();

private:
    /// `found` is what is before `end`. kUpToEnd: nothing behind it is taken,
    /// unless the store makes another try needed.
    enum class Extent : std::uint8_t { kUpToNow, kUpToEnd };
    Result<Report> carry_out(Found found, std::uint64_t end, Extent extent, log::ErasurePace pace);
    /// What a store that was moved aside has is nothing that anybody can prove.
    Status remove_stores_aside() const;

    log::DiskLog& log_;
    const log::EventLog& history_;
    store::Client& store_;
    process::Loader& loader_;
    Clock& clock_;
    const EraserOptions options_;
    const std::function<void(const Subject&)> forget_;
    const PendingErasure pending_;
    std::optional<std::uint64_t> end_at_start_;
};

}  // namespace footfall::erase
