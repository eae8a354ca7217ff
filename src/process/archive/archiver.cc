#include "process/archive/archiver.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "process/erased.h"
#include "process/tally.h"

namespace footfall::process::archive {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kLookEveryMs = 1'000;
constexpr std::int64_t kReleaseEveryNs = 20'000'000'000;
constexpr std::size_t kEntriesAtOnce = 4'000;
constexpr std::size_t kBytesAtOnce = 4u << 20;

std::int64_t hour_of(std::int64_t epoch_ms) { return epoch_ms - (epoch_ms % kHourMs + kHourMs) % kHourMs; }

}  // namespace

/// A range as it grows.
struct Archiver::Collected {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::int64_t hour_ms = 0;  ///< 0: no entry has said it yet
    std::int64_t oldest_ms = 0;
    std::size_t rows = 0;
    bool is_closed = false;
    FileBuilder builder;
    std::vector<log::Damage> damage;
};

Archiver::Archiver(const log::EventLog& log, Archive& archive, Clock& clock, ArchiverOptions options)
    : log_(log), archive_(archive), clock_(clock), options_(std::move(options)) {
    state_.next = archive_.missing_from(log_.begin().offset).first;
    checked_to_ = log_.begin().offset;
}

void Archiver::start() {
    thread_ = std::thread([this] { run(); });
}

void Archiver::interrupt() {
    {
        const std::lock_guard guard(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
}

bool Archiver::is_stopping() const {
    const std::lock_guard guard(mutex_);
    return stopping_;
}

void Archiver::stop() {
    interrupt();
    if (thread_.joinable()) thread_.join();
}

ArchiverState Archiver::state() const {
    const std::lock_guard guard(mutex_);
    return state_;
}

void Archiver::run() {
    name_thread("archiver");
    auto& lag = metrics::gauge("footfall_archive_lag_seconds",
                               "Age of the oldest entry of the log that the archive does not hold.");
    std::unique_lock guard(mutex_);
    while (!stopping_) {
        guard.unlock();
        const std::int64_t began_ns = clock_.steady_ns();
        Result<bool> stepped = step();
        if (stepped && !*stepped && options_.release) stepped = check();
        const std::int64_t took_ms = (clock_.steady_ns() - began_ns) / 1'000'000;
        guard.lock();
        const std::string problem = stepped ? "" : stepped.error().message;
        if (problem != state_.problem && !problem.empty()) logging::error("archive.failed", {{"error", problem}});
        if (problem != state_.problem && problem.empty()) logging::info("archive.goes_on", {{"next", state_.next}});
        state_.problem = problem;
        lag.set(state_.oldest_ms == 0 ? 0 : static_cast<double>(clock_.wall_ms() - state_.oldest_ms) / 1000);
        const std::int64_t rest_ms = !stepped ? options_.retry_ms : *stepped ? took_ms : kLookEveryMs;
        changed_.wait_for(guard, std::chrono::milliseconds(rest_ms), [this] { return stopping_; });
    }
}

bool Archiver::may_be_closed(const Archive::Missing& missing) const {
    if (!open_ || open_->first != missing.first || missing.end) return true;
    const std::uint64_t end = log_.end().offset;
    // By its bytes it may be full before it has so many entries.
    return clock_.wall_ms() >= open_->closed_at_ms || end >= open_->first + options_.rows_max ||
           end >= open_->seen_end + options_.rows_max / 4;
}

bool Archiver::is_full(const Collected& range) const {
    return range.rows >= options_.rows_max || range.builder.bytes() >= options_.bytes_max;
}

bool Archiver::closes(const log::StoredEntry& entry, Collected& range) {
    if (is_full(range)) return true;
    std::int64_t received_ms = 0;
    if (entry.kind == log::EntryKind::kEvent) {
        const auto event = records_.read(entry.payload, event::ReadTo::kUserId);
        if (event) received_ms = event->received_at;
    } else if (entry.kind == log::EntryKind::kTally) {
        const auto tally = read_tally(entry.payload);
        if (tally) received_ms = tally->received_at;
    } else if (entry.kind == log::EntryKind::kErased) {
        const auto erased = read_erased(entry.payload);
        if (erased) received_ms = erased->received_at;
    }
    if (received_ms <= 0) return false;
    if (range.oldest_ms == 0) range.oldest_ms = received_ms;
    const std::int64_t hour_ms = hour_of(received_ms);
    if (range.hour_ms == 0) range.hour_ms = hour_ms;
    // Requests of one moment are appended in any order, so that an entry of the hour before is nothing; one of long
    // before is: the clock was set back.
    return hour_ms > range.hour_ms || hour_ms < range.hour_ms - kHourMs;
}

/// Reads the range that begins with what is missing; whether there was anything.
Result<bool> Archiver::collect(Archive::Missing missing, Collected& range) {
    const std::uint64_t end = std::min(missing.end.value_or(log_.end().offset), log_.end().offset);
    range.first = range.end = missing.first;
    if (missing.first >= end) return false;
    const std::uint16_t partition = log_.begin().partition;
    // Of its own for each range: it gives what the log has now, also where that was rewritten since.
    TRY(const auto reader, log_.reader({.partition = partition, .offset = missing.first}));
    std::vector<log::StoredEntry> entries;
    while (range.end < end) {
        if (is_stopping()) return false;
        entries.clear();
        const std::uint64_t before = reader->position().offset;
        if (const Status read = reader->read(entries, kEntriesAtOnce, kBytesAtOnce); !read) {
            const std::uint64_t behind = std::min(reader->position().offset, end);
            if (read.error().code != Code::kCorrupt || behind <= before) return read.error();
            range.damage.push_back(
                {.partition = partition, .first = before, .last = behind - 1, .where = read.error().message});
            range.end = behind;
            continue;
        }
        for (const log::StoredEntry& entry : entries) {
            if (entry.position.offset >= end) break;
            if (closes(entry, range)) {
                range.is_closed = true;
                return true;
            }
            TRY_STATUS(range.builder.add(entry));
            ++range.rows;
            range.end = entry.position.offset + 1;
        }
        if (entries.empty()) break;
    }
    // Offsets may have gaps, at whose end there is nothing yet.
    if (range.end == range.first) return false;
    // What comes before a range that is there already will not grow.
    range.is_closed = is_full(range) || (missing.end && range.end == *missing.end);
    return true;
}

Result<bool> Archiver::check() {
    const std::uint64_t whole_to = archive_.missing_from(0).first;
    if (const auto range = archive_.range_at(checked_to_); range && checked_to_ < whole_to) {
        const auto nobody_else = archive_.lock();
        TRY(const Manifest manifest, archive_.manifest(*range));
        TRY([[maybe_unused]] const FileContent content, archive_.content(manifest));
        // What the log could not give it may give yet, when its file is put back: the log keeps that range.
        if (manifest.damage.empty()) {
            checked_to_ = range->end;
            return true;
        }
    }
    const std::int64_t now_ns = clock_.steady_ns();
    if (released_ns_ != 0 && now_ns - released_ns_ < kReleaseEveryNs) return false;
    released_ns_ = now_ns;
    TRY_STATUS(options_.release(std::min(checked_to_, whole_to)));
    return false;
}

Result<bool> Archiver::step() {
    static auto& events = metrics::counter("footfall_archive_events_total", "Events written to the archive.");
    static auto& bytes = metrics::counter("footfall_archive_bytes_total", "Bytes written to the archive.");
    const Archive::Missing missing = archive_.missing_from(log_.begin().offset);
    if (!may_be_closed(missing)) return false;
    if (options_.may_add) TRY_STATUS(options_.may_add());
    // From before the log is read until the range counts: nobody rewrites the one without the other.
    const auto nobody_else = archive_.lock();
    Collected range;
    TRY(const bool has_any, collect(missing, range));
    const std::int64_t now_ms = clock_.wall_ms();
    // A range of which no entry says when it was received is of the hour in which it was seen first.
    std::int64_t hour_ms = range.hour_ms;
    if (hour_ms == 0) hour_ms = open_ && open_->first == range.first ? open_->hour_ms : hour_of(now_ms);
    {
        const std::lock_guard guard(mutex_);
        state_.next = missing.first;
        state_.oldest_ms = range.oldest_ms;
    }
    if (!has_any) return false;
    const std::int64_t closed_at_ms = hour_ms + kHourMs + options_.after_ms;
    if (!range.is_closed && now_ms < closed_at_ms) {
        open_ = Open{.first = range.first, .seen_end = range.end, .hour_ms = hour_ms, .closed_at_ms = closed_at_ms};
        return false;
    }
    const std::uint64_t bytes_before = archive_.totals().bytes;
    const std::uint64_t count = range.builder.counts().events;
    TRY_STATUS(archive_.add({.first = range.first, .end = range.end}, hour_ms, range.builder, range.damage));
    open_.reset();
    events.add(count);
    bytes.add(archive_.totals().bytes - bytes_before);
    logging::info("archive.added", {{"first", range.first}, {"end", range.end}, {"events", count}});
    const std::lock_guard guard(mutex_);
    state_.next = range.end;
    state_.oldest_ms = 0;
    return true;
}

}  // namespace footfall::process::archive
