#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "log/log.h"

namespace footfall::process {

/// An event that takes part in a session, with what the live numbers keep of its session.
struct SeenEvent {
    std::string website_id;
    std::uint64_t visitor_id = 0;
    std::int64_t at_ms = 0;  ///< its time, or that of its receipt where it claims to be of the future
    std::string source;
};

/// The event log read backwards from a position, some of it at a time: how far back is needed shows only on the way.
/// Not thread-safe.
class Lookback {
public:
    Lookback(const log::EventLog& log, log::Position from) : log_(log), unread_(from) {}

    /// Whether nothing is left that could be read.
    bool is_over() const { return unread_ <= log_.begin(); }
    /// When what is left was received, at the latest; epoch ms. The greatest number while nothing was read.
    std::int64_t unread_ms() const { return unread_ms_; }

    /// The next so many entries before those that were read, in the order of the log. Entries that are damaged or were
    /// deleted meanwhile are left out: the log names them. After an error the next call tries again.
    Result<std::vector<SeenEvent>> read(std::uint64_t entries_max);

private:
    const log::EventLog& log_;
    log::Position unread_;  ///< everything before it
    std::int64_t unread_ms_ = INT64_MAX;
    event::RecordReader records_;
    std::vector<log::StoredEntry> entries_;
};

}  // namespace footfall::process
