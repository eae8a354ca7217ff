#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"

namespace footfall::ingest {

struct DedupOptions {
    /// Made where it does not exist. Nothing else may be kept in it.
    std::string directory;
    /// Bound of the filters that are kept in memory; beyond it look-ups read the disk (or the page cache).
    std::uint64_t memory_max = 128u << 20;
    /// Ids that are held in memory before they are written to disk; decides how much of the log a start has to replay.
    std::uint32_t flush_ids = 128u << 10;
    /// Ids are written at the latest when they are this old, so that the log can be deleted behind them.
    std::int64_t flush_age_ms = 6 * 3'600'000;
};

/// The durable index of the event ids received in the last seven days. One thread, the committer, which for every group
/// of requests asks seen() for each id, appends the group to the log, and then calls commit() or abort().
///
/// An id is (site, UUID). It is a duplicate for 7 days after its first receipt, to the second: at least 7 days, at most
/// one second more.
///
/// Design, with the load it is made for: 5,000 events/s for 7 days are 3.0 × 10^9 ids.
/// - Key: 96 bits of XXH3-128 with a secret of 192 random bytes that never leaves the installation, so nobody can craft
///   two ids that collide. By chance, among 3 × 10^9: (3 × 10^9)² / 2^97 = 6 × 10^-11 for one wrong duplicate in a week
///   at full load.
/// - A record has 16 bytes: key and second of receipt. With filter and fences 17.5 bytes an id on disk: 53 GB at that
///   load.
/// - New ids go to a table in memory (35 bytes each). With 128 Ki of them, or the oldest 6 h old, a background thread
///   sorts the table and writes it as a run (dedup_run.h), while a fresh table takes the new ids; 2.3 MB, once in 26 s
///   at 5,000/s. commit() only swaps.
/// - Buckets: an id goes to the section of its bucket in a run. A UUIDv7 has the bucket of its own hour. So an id of
///   now is looked for in the few runs that hold ids of its hour, whatever the age of the index. UUIDs of other kinds
///   have one bucket, and version 7 ids that are more than 7 days and an hour old or 10 minutes ahead when they come
///   another, for otherwise anybody could make buckets without number. Whether an id is early or late depends on when
///   it comes, so a version 7 id is looked for in its hour and among those.
/// - Runs: four of a level are merged into one of the next, in the background, in streams with constant memory, up to
///   32 Mi ids; so a look-up asks at most 3 runs of each of 4 levels and the large ones: for an id of now 2 to 15, for
///   other ids 12 + (their number / 32 million). Every id is written 5 times: 440 KB/s at 5,000/s. Expired records are
///   left out; a run with none but expired ones is deleted whole, two days late, so that a wall clock that runs ahead
///   for a day makes it forget nothing.
/// - Memory: filter and fences of a section have 1.47 MB a million ids. Those that are used most, for their size, are
///   resident, up to memory_max: at 5,000/s the present hour's 18 million ids take 27 MB. Other ids fit up to 87
///   million; beyond that a look-up reads 64 bytes of each filter that is not resident, about 1 µs while the system has
///   them in its cache. No id is ever forgotten for want of memory.
/// - Start: the manifest names the runs and the offset of the log up to which they are complete. Nothing is scanned;
///   the caller replays the log from there: 0.13 million entries at most in steady state, 0.7 million where the disk
///   could not keep up before. Filters are resident again after the first look-ups.
/// - Damage: every byte that is read is covered by a CRC, and a damaged one is an error, never "not seen".
/// - Files: manifest (log offset, runs), secret, NUMBER.run, lock. A file is made as NAME.tmp, synced, renamed, the
///   directory synced; runs that the manifest does not name are of no meaning and removed at opening.
class Dedup {
public:
    /// kCorrupt: a file is damaged or missing, and named. kConflict: another process has the index open.
    static Result<std::unique_ptr<Dedup>> open(DedupOptions options, Clock& clock);
    /// Ends the background work. What is not in a run is replayed by the next start.
    ~Dedup();
    Dedup(const Dedup&) = delete;
    Dedup& operator=(const Dedup&) = delete;

    /// Offset of the first log entry that the runs may not contain. After open() the caller passes the events from here
    /// to the log's end to restore(). Later: entries before it are not needed by the index any more, so the log may
    /// release them. Thread-safe.
    std::uint64_t replay_from() const;
    /// Takes in an event that the log has, in the order of their offsets. What the index knows already is ignored.
    /// kOverloaded: more than the table holds is to be replayed, and runs cannot be written.
    Status restore(std::string_view site, const Uuid& id, std::int64_t receive_ms, std::uint64_t offset);

    /// Whether the id was received in the last 7 days, in an earlier group or in this one; if not it belongs to the
    /// group from now on. kOverloaded: runs cannot be written and the table in memory is full; try again later.
    /// kCorrupt or kIo: the index cannot say, and names the file. In both cases abort() the group.
    Result<bool> seen(std::string_view site, const Uuid& id, std::int64_t receive_ms);
    /// The group is in the log, which now ends at `end_offset`. Never waits for the disk and does not fail for it.
    Status commit(std::uint64_t end_offset);
    /// The group is not in the log: its ids are forgotten.
    void abort();

    /// Waits until nothing is left to write or merge, or `timeout_ms` have passed (false). For tests and measurements.
    bool settle(int timeout_ms);

    struct Statistics {
        std::uint64_t ids_in_memory = 0;
        std::uint64_t ids_in_runs = 0;
        std::uint64_t runs = 0;
        std::uint64_t run_bytes = 0;
        std::uint64_t resident_bytes = 0;  ///< filters and fences
    };
    /// On the committer's thread, as everything but replay_from().
    Statistics statistics() const;

private:
    struct State;
    explicit Dedup(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace footfall::ingest
