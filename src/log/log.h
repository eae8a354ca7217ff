#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace footfall::log {

/// What an entry holds. Every entry takes one offset.
enum class EntryKind : std::uint8_t {
    kEvent = 1,  ///< a record, as schema/event.schema.json defines it
    kTally = 2,  ///< what one request had besides events: {"website_id":…,"duplicates":n,"rejected":{"reason":n}}, and
                 ///< "received_at" (epoch ms) where something was rejected
    /// What is left of an entry that was erased, as process/erased.h writes it: the site and the kind that it had, and
    /// of an event its id. Whatever reads the log passes over it; audit counts it.
    kErased = 3,
    /// A rejected event as it was sent, for people to look at; the tally of its request counts it. As ingest/rejected.h
    /// writes it.
    kRejected = 4,
    /// What a site's day came to, written when its events were about to expire, as process/kept_day.h says: from then
    /// on there is nothing else that it could be made of.
    kKeptDay = 5,
};

/// An entry's place: the same everywhere, here and in Kafka. The disk log is the case of one partition, number 0.
struct Position {
    std::uint16_t partition = 0;
    std::uint64_t offset = 0;
    auto operator<=>(const Position&) const = default;
};

struct Entry {
    EntryKind kind = EntryKind::kEvent;
    std::string_view payload;
    /// Entries of one key are in one partition, where a log has several; without one they are in any.
    std::string_view key = {};
};

/// An entry as it was read. The payload borrows from the reader and is valid until its next call.
struct StoredEntry {
    Position position;
    EntryKind kind = EntryKind::kEvent;
    std::string_view payload;
};

/// Damage that recovery or a reader met: entries [first, last] of a partition cannot be read. Named in /readyz, doctor
/// and audit.
struct Damage {
    std::uint16_t partition = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::string where;
};

class EventLog;

/// Reads entries in order from a position. One thread at a time; any number of readers beside one writer.
class LogReader {
public:
    virtual ~LogReader() = default;
    /// Appends up to `max_entries` entries (and about `max_bytes`) to `out`, only ones that are durable; nothing at the
    /// end of the log. Entries borrow until the next call. kCorrupt names the damaged range, kNotFound entries that
    /// were deleted meanwhile; the next call goes on behind them. After any other error the next call tries again.
    virtual Status read(std::vector<StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) = 0;
    /// Position of the next entry that read() will give.
    virtual Position position() const = 0;
    /// Waits until read() may have something to give or to tell, or the time has passed (false). `log` is the one that
    /// this is a reader of.
    virtual bool wait(const EventLog& log, int timeout_ms);
};

/// Where entries are made durable: an event log, or what a collector of the cluster form writes to (kafka/collected.h).
class Appender {
public:
    virtual ~Appender() = default;
    /// Appends the group as a whole and returns the position of its first entry; the rest follow without a gap. On
    /// return with a value every entry is durable: synced to disk. kOverloaded (full disk, write failed): nothing of
    /// the group is in the log, it may be tried again. kTooLarge: neither, and it never will be (the disk log takes 64
    /// MiB a group). Any other error: the log has stopped and the process must end (the group was withdrawn, or where
    /// that failed too, whether it is durable is not known). An empty group is nothing. One thread at a time.
    virtual Result<Position> append(std::span<const Entry> group) = 0;
};

/// The durable event log. Implementations: disk/ (embedded), kafka/ (cluster).
class EventLog : public Appender {
public:
    /// Position behind the last durable entry. Thread-safe.
    virtual Position end() const = 0;
    /// Position of the oldest entry that is kept. Thread-safe.
    virtual Position begin() const = 0;
    /// Waits until end() is beyond `position` or the time has passed; true where there is something to read.
    /// Thread-safe.
    virtual bool wait_beyond(Position position, int timeout_ms) const = 0;
    /// A reader from a position; kNotFound where entries from there on have been deleted, kInvalidArgument beyond the
    /// end.
    virtual Result<std::unique_ptr<LogReader>> reader(Position from) const = 0;
    /// Damage found at opening or by readers. Thread-safe.
    virtual std::vector<Damage> damage() const = 0;
    /// Allows segments that end before `position` to be deleted. The caller's checkpoint beyond it is durable already.
    virtual Status release(Position position) = 0;
};

inline bool LogReader::wait(const EventLog& log, int timeout_ms) { return log.wait_beyond(position(), timeout_ms); }

}  // namespace footfall::log
