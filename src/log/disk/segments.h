#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/log.h"

namespace footfall::log {

/// One segment as readers may see it: up to what is durable.
struct Segment {
    std::uint64_t number = 0;
    std::uint64_t first_offset = 0;
    std::uint64_t end_offset = 0;  ///< behind its last durable entry
    std::uint64_t bytes = 0;       ///< where its durable frames end
    bool sealed = false;
    std::int64_t sealed_ms = 0;
    std::uint64_t replaced = 0;  ///< how often another file took its place since the log was opened
};

/// What the writer, the readers and the background share: which segments there are, how far they are durable, and what
/// is damaged. Owned together by the log and its readers. Thread-safe.
class SegmentTable {
public:
    SegmentTable(std::string directory, std::uint64_t log_id) : directory_(std::move(directory)), log_id_(log_id) {}

    const std::string& directory() const { return directory_; }
    std::uint64_t log_id() const { return log_id_; }
    std::string path(std::uint64_t number) const;

    /// Appends a segment of the next place in order.
    void add(const Segment& segment);
    /// The last segment has durable frames up to here; wakes those who wait.
    void publish(std::uint64_t bytes, std::uint64_t end_offset);
    void seal_last(std::int64_t sealed_ms);
    /// Takes out the segments that end at or before `offset` and were sealed at or before `sealed_ms_max`, but never
    /// the last.
    std::vector<Segment> plan_removal(std::uint64_t offset, std::int64_t sealed_ms_max) const;
    void remove_before(std::uint64_t number);
    /// Puts the file `from` in the place of a sealed segment's, with the same entries in `bytes` bytes of frames.
    /// Whoever has the former one open reads on in the new one. False where the segment was deleted meanwhile.
    Result<bool> replace(std::uint64_t number, const std::string& from, std::uint64_t bytes);

    std::size_t count() const;
    std::vector<Segment> all() const;
    /// The segment that holds `offset`, or the first one behind it; the last one for the end of the log; nullopt if
    /// there is none.
    std::optional<Segment> at(std::uint64_t offset) const;
    /// The segment's present state; nullopt where it was deleted.
    std::optional<Segment> find(std::uint64_t number) const;
    /// The one that follows.
    std::optional<Segment> after(std::uint64_t number) const;
    /// Offset of the oldest entry that was not released, whether it can be read or not.
    std::uint64_t begin() const;
    std::uint64_t end() const;
    /// Where the log begins; set before the first segment is added.
    void start_at(std::uint64_t offset);
    bool wait_beyond(std::uint64_t offset, int timeout_ms) const;

    /// Reads the list of known damage. A list that cannot be read is an error: it must not be taken for "none".
    Status load_damage();
    /// Adds a range, counts and logs it, and writes the list, unless all of it is known.
    void add_damage(const Damage& damage);
    std::vector<Damage> damage() const;
    /// Takes these ranges out of the list; durable on return.
    Status forget_damage(std::span<const Damage> ranges);

private:
    std::string damage_path() const { return directory_ + "/damage"; }
    Status write_damage_locked() const;

    const std::string directory_;
    const std::uint64_t log_id_;

    mutable std::mutex mutex_;
    mutable std::condition_variable grown_;
    std::deque<Segment> segments_;
    std::uint64_t begin_ = 0;

    mutable std::mutex damage_mutex_;
    std::vector<Damage> damage_;
};

/// A reader of the table's segments from `offset` on.
std::unique_ptr<LogReader> make_disk_reader(std::shared_ptr<SegmentTable> table, std::uint64_t offset);

}  // namespace footfall::log
