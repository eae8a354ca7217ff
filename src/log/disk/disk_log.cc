#include "log/disk/disk_log.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "log/disk/format.h"
#include "log/disk/recovery.h"
#include "log/disk/rewrite.h"
#include "log/disk/segments.h"

namespace footfall::log {
namespace {

constexpr std::uint64_t kSegmentBytesMin = 16u << 10;
/// A segment that has to be made while the writer waits is kept small: 4 MiB of zeros are 5 to 40 ms.
constexpr std::uint64_t kHurriedSegmentBytes = 4u << 20;
/// A segment takes at most this share of what is free, so that a small disk is not filled with zeros.
constexpr std::uint64_t kFreeShare = 8;
/// Zeros are synced in steps, so that a group's sync never waits behind a whole segment of them.
constexpr std::uint64_t kZeroStep = 1u << 20;
constexpr std::size_t kReadAtOnce = 10'000;
constexpr std::size_t kReadBytesAtOnce = 16u << 20;
constexpr std::int64_t kSpaceCheckNs = 100'000'000;
constexpr std::uint64_t kFreeBytesMinCap = 256u << 20;
constexpr std::uint64_t kFreeInodesMinCap = 1000;
constexpr std::uint64_t kFreeMinShare = 20;
constexpr std::uint64_t kReserveShare = 32;
/// Without traffic nothing shows that a disk takes writes again, and without readiness no traffic may come.
constexpr std::int64_t kFailureToldNs = 5'000'000'000;

struct Meters {
    metrics::Histogram& append =
        metrics::histogram("footfall_log_append_seconds", "Time to append and sync a group of entries");
    metrics::Histogram& sync = metrics::histogram("footfall_log_sync_seconds", "Time of the sync alone");
    metrics::Counter& bytes = metrics::counter("footfall_log_bytes_total", "Bytes of frames appended");
    metrics::Counter& entries = metrics::counter("footfall_log_entries_total", "Entries appended");
    metrics::Counter& groups = metrics::counter("footfall_log_groups_total", "Groups appended");
    metrics::Counter& refused =
        metrics::counter("footfall_log_refused_total", "Groups refused: disk full or write failed");
};

/// A write that failed leaves the log as it was: whatever the cause, the caller may try again.
Error refused(const Error& cause, std::string_view where) {
    return Error(Code::kOverloaded, cause.context(where).message);
}

Status fill_with_zeros(const File& file, std::uint64_t size, const std::atomic<bool>& stopping) {
    const std::string zeros(static_cast<std::size_t>(std::min(kZeroStep, size)), '\0');
    for (std::uint64_t at = 0; at < size; at += kZeroStep) {
        if (stopping) return Error(Code::kUnavailable, "stopping");
        const std::uint64_t step = std::min(kZeroStep, size - at);
        TRY_STATUS(file.write_at(std::string_view(zeros).substr(0, static_cast<std::size_t>(step)), at));
        TRY_STATUS(file.sync_data());
    }
    return file.sync();
}

/// A file of zeros, synced. Stops with kUnavailable once `stopping` is set. Leaves no file behind on an error.
Result<File> make_zeros(const std::string& path, std::uint64_t size, const std::atomic<bool>& stopping) {
    TRY(File file, File::open(path, O_RDWR | O_CREAT | O_TRUNC));
    if (auto filled = fill_with_zeros(file, size, stopping); !filled) {
        // A file whose sync failed is thrown away, never synced again.
        if (const auto removed = remove_file(path); !removed)
            logging::warn("log.temporary_not_removed", {{"error", removed.error().message}});
        return Error(std::move(filled.error()));
    }
    return file;
}

Status rename_durably(const std::string& from, const std::string& to, const File& directory) {
    if (std::rename(from.c_str(), to.c_str()) != 0) return errno_error("rename " + to, errno);
    return directory.sync();
}

/// Whether every entry of a range can be read.
bool is_whole(const std::shared_ptr<SegmentTable>& table, const Damage& range) {
    const auto reader = make_disk_reader(table, range.first);
    std::vector<StoredEntry> entries;
    for (std::uint64_t next = range.first; next <= range.last; next = reader->position().offset) {
        entries.clear();
        if (!reader->read(entries, kReadAtOnce, kReadBytesAtOnce) || entries.empty()) return false;
    }
    return true;
}

}  // namespace

struct DiskLog::State {
    State(DiskLogOptions o, Clock& c, File d, LockFile l, RecoveredLog r)
        : options(std::move(o)),
          clock(c),
          directory(std::move(d)),
          lock(std::move(l)),
          meta(r.meta),
          table(std::move(r.table)),
          active(std::move(r.active)),
          next_number(r.next_number),
          summary(r.summary) {}

    struct Spare {
        File file;
        std::uint64_t capacity = 0;
    };

    std::string path(std::string_view name) const { return options.directory + "/" + std::string(name); }

    Status check_space();
    /// What the file system lacks for appending; thread-safe.
    Status judge(const DiskSpace& space) const;
    void tend_reserve(std::uint64_t free);
    Status make_reserve();
    std::uint64_t segment_size(std::uint64_t need) const;
    Status stop(const Error& cause, std::string_view where);
    /// Makes sure that the active segment has room for a frame of `size`.
    Status make_room(std::uint64_t size);
    Status seal();
    /// Seals the active segment where it is the one of this number.
    Status seal_active(std::uint64_t number);
    Status start_segment(std::uint64_t need);
    /// The spare if it is ready and large enough, else a file made now; its path is given back.
    Result<std::pair<Spare, std::string>> take_blank(std::uint64_t need);
    void adopt_spare();
    void request_spare();
    void make_spare(std::uint64_t size);
    Status write_group(std::string_view frame);
    Status roll_back();
    /// Overwrites a group whose sync failed, so that what its senders were refused is not in the log at the next start.
    /// The failed sync is not tried again: these are other bytes, and nothing is acknowledged by their sync. Where the
    /// disk refuses them too, the group is in doubt, and the senders' retries settle it by their event ids.
    void withdraw(std::size_t bytes);

    const DiskLogOptions options;
    Clock& clock;
    /// For its sync. Opened once, since a change of segments must not take a want of descriptors for a failed sync.
    const File directory;
    const LockFile lock;
    LogMeta meta;
    const std::shared_ptr<SegmentTable> table;
    Meters meters;

    /// Held by who appends, and by who closes a segment to rewrite it.
    std::mutex append_mutex;

    // Of who holds it.
    FrameWriter writer;
    std::optional<ActiveSegment> active;
    std::uint64_t next_number;
    const Recovery summary;
    std::vector<Damage> restored;
    /// Bytes behind active->at that a failed write may have touched; nothing is appended before they are zero and
    /// synced.
    std::uint64_t dirty_bytes = 0;
    std::int64_t next_space_check_ns = 0;
    std::optional<Error> no_space;

    // Set at opening.
    std::uint64_t free_bytes_min = 0;
    std::uint64_t free_inodes_min = 0;
    std::uint64_t reserve_bytes = 0;

    std::atomic<bool> stopped{false};
    std::atomic<bool> stopping{false};

    struct Failure {
        std::string message;
        std::int64_t at_ns = 0;
    };
    mutable std::mutex failure_mutex;
    std::optional<Failure> failure;  ///< of the last append

    std::mutex spare_mutex;
    std::optional<Spare> spare;
    bool spare_requested = false;

    std::atomic<bool> reserve_held{false};
    std::atomic<bool> reserve_changing{false};

    /// Makes spares and the reserve. Last: its destructor waits for work that uses the members above.
    WorkerPool background{"log.spare", 1, 4};
};

Status DiskLog::State::stop(const Error& cause, std::string_view where) {
    stopped = true;
    logging::error("log.stopped", {{"at", where}, {"error", cause.message}});
    return Error(Code::kIo, fmt::format("the event log has stopped, since it cannot know what is on disk: {}: {}",
                                        where, cause.message));
}

Status DiskLog::State::check_space() {
    const std::int64_t now = clock.steady_ns();
    if (now >= next_space_check_ns) {
        next_space_check_ns = now + kSpaceCheckNs;
        no_space.reset();
        const auto known = disk_space(options.directory);
        if (!known) return refused(known.error(), "looking for free space");
        tend_reserve(known->bytes_free);
        if (const Status judged = judge(*known); !judged) no_space = judged.error();
    }
    if (no_space) return *no_space;
    return {};
}

Status DiskLog::State::judge(const DiskSpace& space) const {
    if (space.is_read_only)
        return Error(
            Code::kOverloaded,
            fmt::format(
                "the disk of {} is read-only; mount it writable again, and start Footfall again if it stays refused",
                options.directory));
    // Room that the reserve gave back is not for events.
    const std::uint64_t bytes_min = free_bytes_min + (reserve_held ? 0 : reserve_bytes);
    if (space.bytes_free < bytes_min)
        return Error(Code::kOverloaded,
                     fmt::format("the disk of {} is nearly full ({:.1f} MiB free, events are refused below {:.1f}); "
                                 "free some space",
                                 options.directory, static_cast<double>(space.bytes_free) / (1 << 20),
                                 static_cast<double>(bytes_min) / (1 << 20)));
    if (space.inodes > 0 && space.inodes_free < free_inodes_min)
        return Error(Code::kOverloaded,
                     fmt::format("the disk of {} is nearly out of inodes ({} free, events are refused below {}); "
                                 "remove some files",
                                 options.directory, space.inodes_free, free_inodes_min));
    return {};
}

void DiskLog::State::tend_reserve(std::uint64_t free) {
    const bool gives = reserve_held && free < reserve_bytes;
    const bool takes = reserve_bytes > 0 && !reserve_held && free >= free_bytes_min + 2 * reserve_bytes;
    if ((!gives && !takes) || reserve_changing.exchange(true)) return;
    const bool queued = background.submit([this, gives] {
        // Not held before its room is free, for judge().
        reserve_held = false;
        const Status changed = gives ? remove_file(path("reserve")) : make_reserve();
        reserve_held = gives != changed.has_value();
        if (!changed && !stopping)
            logging::warn(gives ? "log.reserve_not_freed" : "log.reserve_not_made",
                          {{"error", changed.error().message}});
        reserve_changing = false;
    });
    if (!queued) reserve_changing = false;
}

Status DiskLog::State::make_reserve() {
    const std::string temporary = path("reserve.tmp");
    TRY(const File made, make_zeros(temporary, reserve_bytes, stopping));
    return rename_durably(temporary, path("reserve"), directory);
}

std::uint64_t DiskLog::State::segment_size(std::uint64_t need) const {
    std::uint64_t size = options.segment_bytes_max;
    if (const auto space = disk_space(options.directory)) size = std::min(size, space->bytes_free / kFreeShare);
    return std::max({size, kSegmentBytesMin, need}) / kSegmentHeaderBlock * kSegmentHeaderBlock + kSegmentHeaderBlock;
}

Status DiskLog::State::make_room(std::uint64_t size) {
    if (active && active->at + size + kSegmentEndBytes <= active->capacity) return {};
    if (failpoint("log.rotate") == Fault::kError)
        return Error(Code::kOverloaded, "changing the segment: injected error");
    // A segment without entries is not sealed but replaced, under its own number.
    if (active && active->count > 0) TRY_STATUS(seal());
    return start_segment(kSegmentHeaderBlock + size + kSegmentEndBytes);
}

Status DiskLog::State::seal() {
    const std::uint64_t end_offset = table->end();
    const std::int64_t now = clock.wall_ms();
    const std::string footer = encode_segment_footer({.number = active->number,
                                                      .first_offset = active->first_offset,
                                                      .log_id = meta.log_id,
                                                      .sealed_ms = now,
                                                      .count = active->count,
                                                      .last_offset = end_offset - 1});
    // From here on no frame goes into this segment, whatever becomes of the footer.
    active->capacity = active->at;
    if (const auto written = active->file.write_at(footer, active->at); !written)
        return refused(written.error(), "closing a segment");
    if (const auto synced = active->file.sync_data(); !synced) return stop(synced.error(), "closing a segment");
    // Without the cut the next start reads the frames up to the footer; nothing depends on it.
    if (const auto cut = active->file.truncate(active->at + footer.size()); !cut)
        logging::warn("log.segment_not_cut",
                      {{"segment", segment_name(active->number)}, {"error", cut.error().message}});
    table->seal_last(now);
    active.reset();
    return {};
}

Status DiskLog::State::seal_active(std::uint64_t number) {
    const std::lock_guard guard(append_mutex);
    if (!active || active->number != number) return {};
    if (stopped) return Error(Code::kIo, "the event log has stopped after a failed sync; the process must end");
    TRY_STATUS(roll_back());
    return seal();
}

Result<std::pair<DiskLog::State::Spare, std::string>> DiskLog::State::take_blank(std::uint64_t need) {
    {
        const std::lock_guard guard(spare_mutex);
        if (spare && spare->capacity >= need) {
            auto taken = std::make_pair(std::move(*spare), path("spare"));
            spare.reset();
            return taken;
        }
    }
    const std::uint64_t size = std::max(need, std::min(segment_size(need), kHurriedSegmentBytes));
    const std::string temporary = path("segment.tmp");
    const std::atomic<bool> never{false};
    TRY(File file, make_zeros(temporary, size, never));
    return std::make_pair(Spare{std::move(file), size}, temporary);
}

Status DiskLog::State::start_segment(std::uint64_t need) {
    const bool replaces = active.has_value();
    const std::uint64_t number = replaces ? active->number : next_number;
    const std::uint64_t first = table->end();
    auto blank = take_blank(need);
    if (!blank) return refused(blank.error(), "making a segment");
    auto& [file, from] = *blank;
    const std::string header = encode_segment_header(
        {.number = number, .first_offset = first, .log_id = meta.log_id, .created_ms = clock.wall_ms()});
    if (const auto written = file.file.write_at(header, 0); !written)
        return refused(written.error(), "making a segment");
    if (const auto synced = file.file.sync_data(); !synced) return stop(synced.error(), "making a segment");
    if (std::rename(from.c_str(), table->path(number).c_str()) != 0)
        return refused(errno_error("rename " + from, errno), "making a segment");
    auto synced = directory.sync();
    if (failpoint("log.segment_created") == Fault::kError) synced = Error(Code::kIo, "injected error");
    if (!synced) return stop(synced.error(), "making a segment");

    active =
        ActiveSegment{.file = std::move(file.file), .number = number, .first_offset = first, .capacity = file.capacity};
    if (!replaces) {
        table->add({.number = number, .first_offset = first, .end_offset = first, .bytes = kSegmentHeaderBlock});
        next_number = number + 1;
    }
    request_spare();
    return {};
}

void DiskLog::State::adopt_spare() {
    auto file = File::open(path("spare"), O_RDWR);
    if (!file) return;
    const auto size = file->size();
    const auto head = file->read_at(0, kSegmentHeaderBlock);
    const bool blank = size && head && *size >= kSegmentBytesMin &&
                       *size <= options.segment_bytes_max + kSegmentHeaderBlock &&
                       head->find_first_not_of('\0') == std::string::npos;
    if (blank) {
        const std::lock_guard guard(spare_mutex);
        spare = Spare{std::move(*file), *size};
    } else if (const auto removed = remove_file(path("spare")); !removed) {
        logging::warn("log.spare_not_removed", {{"error", removed.error().message}});
    }
}

void DiskLog::State::request_spare() {
    const std::lock_guard guard(spare_mutex);
    if (spare || spare_requested) return;
    spare_requested = background.submit([this] { make_spare(segment_size(0)); });
}

void DiskLog::State::make_spare(std::uint64_t size) {
    const std::string temporary = path("spare.tmp");
    auto made = make_zeros(temporary, size, stopping);
    Status status = made ? rename_durably(temporary, path("spare"), directory) : Status(made.error());
    if (!status) {
        // The writer makes a small segment itself meanwhile.
        if (!stopping) logging::warn("log.spare_not_made", {{"error", status.error().message}});
    }
    const std::lock_guard guard(spare_mutex);
    spare_requested = false;
    if (status) spare = Spare{std::move(*made), size};
}

Status DiskLog::State::write_group(std::string_view frame) {
    Status written;
    if (failpoint("log.before_write") == Fault::kError) written = errno_error("write", ENOSPC);
    if (written) written = active->file.write_at(frame, active->at);
    if (written && failpoint("log.after_write") == Fault::kError) written = errno_error("write", EIO);
    if (!written) {
        dirty_bytes = frame.size();
        TRY_STATUS(roll_back());
        return refused(written.error(), "appending to the event log");
    }
    const std::int64_t began = clock.steady_ns();
    auto synced = failpoint("mutant.skip_sync") == Fault::kError ? Status() : active->file.sync_data();
    if (failpoint("log.sync") == Fault::kError) synced = Error(Code::kIo, "fdatasync: injected error");
    meters.sync.observe_ns(clock.steady_ns() - began);
    if (!synced) {
        withdraw(frame.size());
        return stop(synced.error(), "appending to the event log");
    }
    (void)failpoint("log.after_sync");
    return {};
}

void DiskLog::State::withdraw(std::size_t bytes) {
    const auto zeroed = active->file.write_at(std::string(bytes, '\0'), active->at);
    const auto synced = zeroed ? active->file.sync() : zeroed;
    if (!synced) logging::error("log.not_withdrawn", {{"offset", table->end()}, {"error", synced.error().message}});
}

Status DiskLog::State::roll_back() {
    if (dirty_bytes == 0) return {};
    const std::string zeros(static_cast<std::size_t>(dirty_bytes), '\0');
    if (const auto zeroed = active->file.write_at(zeros, active->at); !zeroed) {
        // The place cannot be written, so it is cut off, and the segment closed before the next group.
        if (const auto cut = active->file.truncate(active->at); !cut)
            return refused(cut.error(), "undoing a failed append");
        active->capacity = active->at;
    }
    if (const auto synced = active->file.sync(); !synced) return stop(synced.error(), "undoing a failed append");
    dirty_bytes = 0;
    return {};
}

DiskLog::DiskLog(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<DiskLog>> DiskLog::open(DiskLogOptions options, Clock& clock) {
    options.directory = absolute_path(options.directory);
    options.segment_bytes_max = std::clamp<std::uint64_t>(options.segment_bytes_max, kSegmentBytesMin, 1u << 30);
    const std::string where = "opening the event log in " + options.directory;
    if (!path_exists(options.directory)) {
        if (const auto made = make_directories(options.directory); !made) return made.error().context(where);
        const std::string parent = options.directory.substr(0, options.directory.rfind('/') + 1);
        if (const auto synced = sync_directory(parent); !synced) return synced.error().context(where);
    }
    auto directory = File::open(options.directory, O_RDONLY | O_DIRECTORY);
    if (!directory) return directory.error().context(where);
    auto lock = LockFile::acquire(options.directory + "/lock", options.lock_wait_ms);
    if (!lock) return lock.error().context(where);
    const std::int64_t began = clock.steady_ns();
    auto recovered = recover(options.directory, clock.wall_ms());
    if (!recovered) return recovered.error().context(where);
    const auto space = disk_space(options.directory);
    if (!space) return space.error().context(where);

    auto state = std::make_unique<State>(std::move(options), clock, std::move(*directory), std::move(*lock),
                                         std::move(*recovered));
    state->free_bytes_min =
        state->options.free_bytes_min.value_or(std::min(space->bytes / kFreeMinShare, kFreeBytesMinCap));
    state->free_inodes_min =
        state->options.free_inodes_min.value_or(std::min(space->inodes / kFreeMinShare, kFreeInodesMinCap));
    state->reserve_bytes = std::min(state->options.reserve_bytes, space->bytes / kReserveShare);
    state->reserve_held = path_exists(state->path("reserve"));
    // At once, since the rest of a start needs room too.
    if (state->reserve_held && space->bytes_free < state->reserve_bytes) {
        if (const auto freed = remove_file(state->path("reserve")); !freed) return freed.error().context(where);
        state->reserve_held = false;
    }
    state->adopt_spare();
    // On a full disk the log opens all the same, so that what is in it can be read; append() tries again.
    if (!state->active) {
        if (const auto started = state->start_segment(0); !started) {
            if (state->stopped) return started.error().context(where);
            logging::warn("log.no_segment", {{"error", started.error().message}});
        }
    } else {
        state->request_spare();
    }
    for (const Damage& range : state->table->damage())
        if (is_whole(state->table, range)) state->restored.push_back(range);
    logging::info("log.opened", {{"directory", state->options.directory},
                                 {"segments", state->table->count()},
                                 {"begin", state->table->begin()},
                                 {"end", state->table->end()},
                                 {"bytes_cut", state->summary.bytes_cut},
                                 {"damaged_ranges", state->table->damage().size()},
                                 {"ms", (clock.steady_ns() - began) / 1'000'000}});
    return std::unique_ptr<DiskLog>(new DiskLog(std::move(state)));
}

DiskLog::~DiskLog() {
    state_->stopping = true;
    if (state_->stopped || !state_->active || state_->active->count == 0 || state_->dirty_bytes > 0) return;
    if (const auto sealed = state_->seal(); !sealed)
        logging::warn("log.not_sealed", {{"error", sealed.error().message}});
}

Result<Position> DiskLog::append(std::span<const Entry> group) {
    State& s = *state_;
    const std::lock_guard appending(s.append_mutex);
    const std::uint64_t first = s.table->end();
    if (s.stopped) return Error(Code::kIo, "the event log has stopped after a failed sync; the process must end");
    if (group.empty()) return Position{.partition = 0, .offset = first};
    const std::int64_t began = s.clock.steady_ns();
    auto ready = [&]() -> Status {
        TRY_STATUS(s.check_space());
        TRY_STATUS(s.writer.build(group));
        TRY_STATUS(s.roll_back());
        TRY_STATUS(s.make_room(s.writer.size()));
        return s.write_group(s.writer.finish(first, frame_seed(s.meta.log_id, s.active->number)));
    }();
    if (!ready) {
        if (ready.error().code == Code::kOverloaded) {
            s.meters.refused.add();
            const std::lock_guard guard(s.failure_mutex);
            s.failure = {.message = ready.error().message, .at_ns = began};
        }
        return Error(std::move(ready.error()));
    }
    s.active->at += s.writer.size();
    s.active->count += group.size();
    s.table->publish(s.active->at, first + group.size());
    {
        const std::lock_guard guard(s.failure_mutex);
        s.failure.reset();
    }
    s.meters.append.observe_ns(s.clock.steady_ns() - began);
    s.meters.bytes.add(s.writer.size());
    s.meters.entries.add(group.size());
    s.meters.groups.add();
    return Position{.partition = 0, .offset = first};
}

Position DiskLog::end() const { return {.partition = 0, .offset = state_->table->end()}; }
Position DiskLog::begin() const { return {.partition = 0, .offset = state_->table->begin()}; }
bool DiskLog::wait_beyond(Position position, int timeout_ms) const {
    return state_->table->wait_beyond(position.offset, timeout_ms);
}
std::vector<Damage> DiskLog::damage() const { return state_->table->damage(); }
const std::vector<Damage>& DiskLog::restored() const { return state_->restored; }
Status DiskLog::forget_damage(std::span<const Damage> ranges) { return state_->table->forget_damage(ranges); }

Result<Erased> DiskLog::erase(const ErasureRange& range, const Replacement& replacement, ErasurePace pace) {
    const Rewriting to_tombstones = [&replacement](const StoredEntry& entry) -> Result<std::optional<Rewritten>> {
        auto payload = replacement(entry);
        if (!payload) return std::optional<Rewritten>();
        return std::optional<Rewritten>({.kind = EntryKind::kErased, .payload = std::move(*payload)});
    };
    return rewrite(range, to_tombstones, pace);
}

Result<Erased> DiskLog::rewrite(const ErasureRange& range, const Rewriting& rewriting, ErasurePace pace) {
    State& s = *state_;
    const RewriteAccess access{
        .table = *s.table, .directory = s.directory, .clock = s.clock, .seal = [&s](std::uint64_t number) {
            return s.seal_active(number);
        }};
    return rewrite_segments(access, range, rewriting, pace);
}

LogCut DiskLog::cut() const {
    const SegmentTable& table = *state_->table;
    LogCut cut{.log_id = table.log_id(), .begin = table.begin(), .end = 0, .segments = {}, .damage = table.damage()};
    for (const Segment& segment : table.all())
        cut.segments.push_back({.number = segment.number,
                                .first_offset = segment.first_offset,
                                .end_offset = segment.end_offset,
                                .bytes = segment.bytes + (segment.sealed ? kSegmentEndBytes : 0),
                                .sealed = segment.sealed});
    cut.end = cut.segments.empty() ? cut.begin : cut.segments.back().end_offset;
    return cut;
}

bool DiskLog::stopped() const { return state_->stopped; }
const DiskLog::Recovery& DiskLog::recovery() const { return state_->summary; }

Result<std::unique_ptr<LogReader>> DiskLog::reader(Position from) const {
    if (from.partition != 0) return Error(Code::kNotFound, "the disk log has partition 0 only");
    if (from.offset < begin().offset)
        return Error(Code::kNotFound, fmt::format("entries before {} were deleted from the event log", begin().offset));
    if (from.offset > end().offset)
        return Error(Code::kInvalidArgument, fmt::format("the event log ends at {}, before {}; is it an older copy?",
                                                         end().offset, from.offset));
    return make_disk_reader(state_->table, from.offset);
}

Status DiskLog::release(Position position) {
    State& s = *state_;
    const auto doomed = s.table->plan_removal(position.offset, s.clock.wall_ms() - s.options.retention_ms_min);
    if (doomed.empty()) return {};
    const auto first = s.table->after(doomed.back().number);
    FOOTFALL_CHECK(first.has_value());
    // Once the new beginning is on disk, the segments before it are leftovers, however many of the deletions a crash
    // undoes.
    const LogMeta meta{.log_id = s.meta.log_id, .first_number = first->number, .first_offset = first->first_offset};
    TRY_STATUS(write_file_atomically(s.path("log.meta"), encode_meta(meta)));
    s.table->remove_before(first->number);
    for (const Segment& segment : doomed) TRY_STATUS(remove_file(s.table->path(segment.number)));
    TRY_STATUS(s.directory.sync());
    logging::info("log.released", {{"segments", doomed.size()}, {"begin", first->first_offset}});
    return {};
}

std::optional<std::string> DiskLog::refusing() const {
    const auto space = disk_space(state_->options.directory);
    if (const Status judged = space ? state_->judge(*space) : Status(space.error()); !judged)
        return judged.error().message;
    const std::lock_guard guard(state_->failure_mutex);
    if (state_->failure && state_->clock.steady_ns() - state_->failure->at_ns < kFailureToldNs)
        return "the disk refused the last events: " + state_->failure->message;
    return std::nullopt;
}

void DiskLog::tend_reserve() {
    if (const auto space = disk_space(state_->options.directory)) state_->tend_reserve(space->bytes_free);
}

}  // namespace footfall::log
