#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/log.h"

namespace footfall::log {

struct DiskLogOptions {
    /// Made where it does not exist. Nothing else may be kept in it.
    std::string directory;
    /// Size to which segments are preallocated, 16 KiB to 1 GiB. Smaller ones are made where the disk has little room,
    /// larger ones for a group that would not fit.
    std::uint64_t segment_bytes_max = 64u << 20;
    /// Entries are kept this long after their segment was closed, released or not.
    std::int64_t retention_ms_min = 24 * 3'600'000;
    /// High-water mark: appends are refused while the file system has less than this free. Default: a twentieth of it,
    /// at most 256 MiB. Where the reserve is not held, by its size more.
    std::optional<std::uint64_t> free_bytes_min;
    /// The same for inodes, on file systems that count them. Default: a twentieth of them, at most 1,000.
    std::optional<std::uint64_t> free_inodes_min{};
    /// Size of the file whose deletion lets the rest of the product write when the disk is full, at most a 32nd of the
    /// file system; 0 for none.
    std::uint64_t reserve_bytes = 16u << 20;
    /// How long to wait for a process that still holds the log.
    int lock_wait_ms = 5000;
};

/// One segment's file as a copy needs it. What its first `bytes` bytes hold does not change any more, whatever is
/// appended.
struct CutSegment {
    std::uint64_t number = 0;
    std::uint64_t first_offset = 0;
    std::uint64_t end_offset = 0;  ///< behind its last entry
    std::uint64_t bytes = 0;       ///< of the file: header, frames, and the footer where it is sealed
    bool sealed = false;
};

/// The log as it was at one moment, all of it durable.
struct LogCut {
    std::uint64_t log_id = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::vector<CutSegment> segments;
    std::vector<Damage> damage;
};

/// The offsets among which DiskLog::erase() looks.
struct ErasureRange {
    std::uint64_t begin = 0;
    std::uint64_t end = std::numeric_limits<std::uint64_t>::max();  ///< behind the last one
};
/// What stays of an entry that is to be erased, shorter than it or not much longer; nothing for one that stays. Of the
/// same entry it says the same whenever it is asked.
using Replacement = std::function<std::optional<std::string>(const StoredEntry& entry)>;

/// What takes an entry's place.
struct Rewritten {
    EntryKind kind = EntryKind::kErased;
    std::string payload;
};
/// The same for other changes of entries than that they are erased. An error ends the rewriting with it.
using Rewriting = std::function<Result<std::optional<Rewritten>>(const StoredEntry& entry)>;

enum class ErasurePace : std::uint8_t {
    kAtOnce,
    kBesideOthers,  ///< after each segment a pause as long as it took, for the disk and the cores of others
};

/// What was erased, or rewritten.
struct Erased {
    std::uint64_t entries = 0;
    std::uint64_t segments = 0;  ///< written anew
};

/// The EventLog on local disk: segments of frames, a frame a group, each made durable with one write and one fdatasync
/// before append() returns. The format stands in format.h.
///
/// Cost of a group of n records of 350 to 900 bytes, one thread: n × 1 to 2 µs of compression, one pwrite, one
/// fdatasync (0.2 to 5 ms, by the disk); no allocation in steady state. Memory: three times the largest group so far in
/// the writer, one frame a reader (at most 64 MiB), 64 bytes a segment. The next segment is made in a thread of its
/// own, in small synced steps, so that a change of segments costs three small syncs and no wait for zeros to reach the
/// disk.
///
/// Opening reads the headers and footers of closed segments and every frame of the last one, so its time does not grow
/// with the log. What was cut from the last segment's torn tail is logged ("log.tail_cut"). Readers verify every frame.
///
/// Failures. A failed write (no space, EIO): kOverloaded, the place is zeroed and synced before anything else goes
/// there. A file that cannot be opened, for want of descriptors say: kOverloaded too. A failed fdatasync, or fsync of a
/// directory that names entries: kIo, `stopped()`, and every later append is refused; a second sync that succeeds would
/// prove nothing, so the process must end and the next start trusts the disk alone. A group beyond 64 MiB: kTooLarge,
/// nothing of it is in the log and the log goes on.
class DiskLog final : public EventLog {
public:
    /// Takes the directory's lock, recovers, and has a segment ready for appending where the disk lets it. `clock`
    /// outlives the log. kConflict: another process has it open. kCorrupt: not a log of this version, or one whose
    /// segments are gone as a whole.
    static Result<std::unique_ptr<DiskLog>> open(DiskLogOptions options, Clock& clock);
    /// Seals the last segment, so that the next start knows where it ended. Readers may outlive the log.
    ~DiskLog() override;

    Result<Position> append(std::span<const Entry> group) override;
    Position end() const override;
    Position begin() const override;
    bool wait_beyond(Position position, int timeout_ms) const override;
    Result<std::unique_ptr<LogReader>> reader(Position from) const override;
    std::vector<Damage> damage() const override;
    /// Ranges that an earlier run could not read and that were whole at opening, since their file was put back. They
    /// are named as damage until forget_damage(), so that whoever passed over them can go back first.
    const std::vector<Damage>& restored() const;
    /// Durable on return: the next start knows nothing of these ranges. kIo.
    Status forget_damage(std::span<const Damage> ranges);
    /// Deletes closed segments that end at or before `position` and are older than the retention. Durable: a deleted
    /// segment does not come back. On the appending thread or another; one call at a time.
    Status release(Position position) override;

    /// Takes the content of entries out of the log for good: each for which `replacement` has something keeps its
    /// offset and becomes one of kind kErased. Durable on return, and no file of the log's has the former bytes any
    /// more (a reader that was amid a frame may still give it out). Beside appends and readers; one call at a time.
    /// Reads all segments of the range: about 1 s a GiB of them and what `replacement` takes. kIo, kOverloaded: some
    /// segments may be done, another call does the rest.
    Result<Erased> erase(const ErasureRange& range, const Replacement& replacement, ErasurePace pace);
    /// The same with what `rewriting` has in the place of each entry, of whatever kind; entries that were erased are
    /// not asked about. A payload should not be much longer than the one it replaces.
    Result<Erased> rewrite(const ErasureRange& range, const Rewriting& rewriting, ErasurePace pace);

    /// What a copy made now has to hold; files that release() deletes meanwhile are missed by who copies. Thread-safe.
    LogCut cut() const;

    /// True after an error that ends the log. Thread-safe.
    bool stopped() const;
    /// Why events are refused at present, for people: too little room, a file system that is read-only, or an append
    /// that failed within the last 5 s with none since that succeeded. Looks at the file system. Thread-safe.
    std::optional<std::string> refusing() const;
    /// Gives the reserve back to the file system when less than its size is free, so that the rest of the product can
    /// write, and takes it when there is room for it twice above the high-water mark. In the background; call it every
    /// second or so. Thread-safe.
    void tend_reserve();

    /// What recovery met at opening.
    struct Recovery {
        std::uint64_t bytes_cut = 0;     ///< of a torn tail
        std::uint64_t entries_read = 0;  ///< verified in the last segment
        std::uint64_t segments = 0;
    };
    const Recovery& recovery() const;

private:
    struct State;
    explicit DiskLog(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace footfall::log
