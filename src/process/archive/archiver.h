#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "log/log.h"
#include "process/archive/archive.h"

namespace footfall::process::archive {

struct ArchiverOptions {
    std::int64_t after_ms = 5 * 60'000;  ///< behind an hour's end it is archived
    std::size_t rows_max = 65'536;       ///< most entries of a range
    std::size_t bytes_max = 32u << 20;   ///< most bytes of its records, by one entry
    std::int64_t retry_ms = 5'000;       ///< after an error
    /// Why nothing may be added now, as for want of room.
    std::function<Status()> may_add{};
    /// Told now and then up to where the archive has the log without a gap, each of its files from where the log began
    /// at the start read again and compared with its checksum: what is before that the log may give away.
    std::function<Status(std::uint64_t offset)> release{};
};

struct ArchiverState {
    std::uint64_t next = 0;  ///< offset of the first entry that the archive does not hold
    /// When that one was received, epoch ms; 0 where there is none, or it does not say so.
    std::int64_t oldest_ms = 0;
    std::string problem;  ///< why it does not get on; empty where it does
};

/// Copies the log into the archive, range by range. A range is closed, and never another one then, where the next event
/// was received in a later hour, where it has as much as a file may have, or where the clock is `after_ms` behind the
/// end of its hour. Its hour is that of its first entry that says when it was received. Between two ranges it rests as
/// long as one took, so that others find the disk and the cores idle at least half of the time. Entries that the log
/// can't read are named in the manifest. Memory: see FileBuilder, of bytes_max.
///
/// One thread of its own. Public functions are thread-safe.
class Archiver {
public:
    /// What is passed outlives this.
    Archiver(const log::EventLog& log, Archive& archive, Clock& clock, ArchiverOptions options);
    ~Archiver() { stop(); }

    /// Once.
    void start();
    /// Nothing more is begun; of a range under way what is not written yet is left to the next start.
    void interrupt();
    /// The same, and waits for the end.
    void stop();
    ArchiverState state() const;

    /// Archives the next range; false where none is closed. For the thread, and for tests instead of it.
    Result<bool> step();
    /// Reads one more range again, or tells `release` where there is none; true where there may be more to do.
    /// Likewise.
    Result<bool> check();

private:
    struct Collected;
    void run();
    Result<bool> collect(Archive::Missing missing, Collected& range);
    bool is_full(const Collected& range) const;
    bool is_stopping() const;
    /// Whether the range ends before this entry.
    bool closes(const log::StoredEntry& entry, Collected& range);
    bool may_be_closed(const Archive::Missing& missing) const;

    const log::EventLog& log_;
    Archive& archive_;
    Clock& clock_;
    const ArchiverOptions options_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    ArchiverState state_;
    bool stopping_ = false;

    // Of whoever steps.
    /// What was looked at and was not closed yet: nothing is read again before it can be.
    struct Open {
        std::uint64_t first = 0;
        std::uint64_t seen_end = 0;
        std::int64_t hour_ms = 0;
        std::int64_t closed_at_ms = 0;
    };
    std::optional<Open> open_;
    std::uint64_t checked_to_ = 0;
    std::int64_t released_ns_ = 0;
    event::RecordReader records_;
    std::thread thread_;
};

}  // namespace footfall::process::archive
