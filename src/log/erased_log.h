#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "log/disk/disk_log.h"
#include "log/log.h"

namespace footfall::log {

/// What is erased of a log that can't be rewritten.
struct Erasures {
    std::string version{};  ///< another text where they are others; empty: there are none
    std::uint64_t end = 0;  ///< behind the last entry that may be erased
    /// For each reader one of its own, of one thread.
    std::function<Replacement()> begin{};
};
/// Gives what is erased of a partition, by its number in positions, as of now. Thread-safe.
using ErasuresOf = std::function<Result<Erasures>(std::uint16_t partition)>;

/// A log as a rewritten one would be read: what is erased comes as its tombstone (EntryKind::kErased), at the same
/// offset. Where nothing is erased its readers are the log's own, and cost nothing more; else an entry from before the
/// erasures' end is looked at (1 µs), and one from behind it costs a comparison. Everything else is the log's.
/// Thread-safe as the log is.
class ErasedLog final : public EventLog {
public:
    /// Nothing is erased before the first refresh(); without `erasures` nothing ever is. `log` outlives this and its
    /// readers.
    ErasedLog(EventLog& log, ErasuresOf erasures)
        : log_(log), partition_(log.begin().partition), erasures_(std::move(erasures)) {}

    /// Asks what is erased: readers that are made from then on go by it, those of before do not. True: by something
    /// else than before. After an error it is as it was.
    Result<bool> refresh();

    Result<Position> append(std::span<const Entry> group) override { return log_.append(group); }
    Position end() const override { return log_.end(); }
    Position begin() const override { return log_.begin(); }
    bool wait_beyond(Position position, int timeout_ms) const override {
        return log_.wait_beyond(position, timeout_ms);
    }
    Result<std::unique_ptr<LogReader>> reader(Position from) const override;
    std::vector<Damage> damage() const override { return log_.damage(); }
    Status release(Position position) override { return log_.release(position); }

private:
    class Reader;

    EventLog& log_;
    const std::uint16_t partition_;
    const ErasuresOf erasures_;
    mutable std::mutex mutex_;
    Erasures known_;
};

}  // namespace footfall::log
