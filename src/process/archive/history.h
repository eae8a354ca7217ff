#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "process/archive/archive.h"

namespace footfall::process::archive {

/// The event log from its very beginning: what the log has given away is read from the archive, in the same order and
/// at the same offsets, and what follows from the log. Whoever needs history reads this: the loader that fills a store,
/// audit, erasure, export, re-scoring. Samples of rejected events are not in the archive, so their offsets are passed
/// over there. Everything else is the log's own. Thread-safe as the log is.
class History final : public log::EventLog {
public:
    /// `archive` gives the archive at each use, null where there is none, or it can't be opened at present. What is
    /// passed outlives this and its readers.
    History(log::EventLog& log, std::function<const Archive*()> archive);

    Result<log::Position> append(std::span<const log::Entry> group) override { return log_.append(group); }
    log::Position end() const override { return log_.end(); }
    /// Offset 0: nothing is ever thrown away that the archive does not hold.
    log::Position begin() const override { return {}; }
    bool wait_beyond(log::Position position, int timeout_ms) const override {
        return log_.wait_beyond(position, timeout_ms);
    }
    /// Its read() gives kUnavailable while entries are wanted that are in the archive alone, and that can't be opened;
    /// kCorrupt for entries that the archive can't give either, and goes on behind them. A reader holds one range of
    /// the archive in memory: 32 MiB of records, and while it is unpacked about three times as much.
    Result<std::unique_ptr<log::LogReader>> reader(log::Position from) const override;
    std::vector<log::Damage> damage() const override;
    Status release(log::Position position) override { return log_.release(position); }

private:
    class Reader;
    void add_damage(const log::Damage& lost) const;

    log::EventLog& log_;
    const std::function<const Archive*()> archive_;
    mutable std::mutex mutex_;
    mutable std::vector<log::Damage> damage_;  ///< of the archive, as readers met it
};

}  // namespace footfall::process::archive
