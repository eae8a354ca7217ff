#include "log/disk/segments.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "base/file.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "log/disk/format.h"

namespace footfall::log {
namespace {

/// More ranges than this are not kept apart in the file: by then the disk is gone.
constexpr std::size_t kDamageMax = 10'000;

std::optional<Damage> parse_damage(std::string_view line) {
    Damage damage;
    const char* end = line.data() + line.size();
    const auto first = std::from_chars(line.data(), end, damage.first);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return std::nullopt;
    const auto last = std::from_chars(first.ptr + 1, end, damage.last);
    if (last.ec != std::errc() || last.ptr == end || *last.ptr != ' ') return std::nullopt;
    damage.where.assign(last.ptr + 1, end);
    return damage;
}

}  // namespace

std::string SegmentTable::path(std::uint64_t number) const { return directory_ + "/" + segment_name(number); }

void SegmentTable::add(const Segment& segment) {
    {
        const std::lock_guard lock(mutex_);
        segments_.push_back(segment);
        metrics::gauge("footfall_log_segments", "Segments of the event log").set(static_cast<double>(segments_.size()));
    }
    grown_.notify_all();
}

void SegmentTable::publish(std::uint64_t bytes, std::uint64_t end_offset) {
    {
        const std::lock_guard lock(mutex_);
        segments_.back().bytes = bytes;
        segments_.back().end_offset = end_offset;
    }
    grown_.notify_all();
}

void SegmentTable::seal_last(std::int64_t sealed_ms) {
    const std::lock_guard lock(mutex_);
    segments_.back().sealed = true;
    segments_.back().sealed_ms = sealed_ms;
}

std::vector<Segment> SegmentTable::plan_removal(std::uint64_t offset, std::int64_t sealed_ms_max) const {
    const std::lock_guard lock(mutex_);
    std::vector<Segment> out;
    for (const Segment& segment : segments_) {
        if (&segment == &segments_.back() || !segment.sealed) break;
        if (segment.end_offset > offset || segment.sealed_ms > sealed_ms_max) break;
        out.push_back(segment);
    }
    return out;
}

void SegmentTable::remove_before(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    while (segments_.size() > 1 && segments_.front().number < number) segments_.pop_front();
    begin_ = segments_.front().first_offset;
    metrics::gauge("footfall_log_segments", "Segments of the event log").set(static_cast<double>(segments_.size()));
}

Result<bool> SegmentTable::replace(std::uint64_t number, const std::string& from, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto segment =
        std::ranges::find_if(segments_, [number](const Segment& known) { return known.number == number; });
    if (segment == segments_.end()) return false;
    FOOTFALL_CHECK(segment->sealed);
    // Under the lock: who finds the segment the same before and after opening its file has the file that it says.
    if (std::rename(from.c_str(), path(number).c_str()) != 0) return errno_error("rename " + from, errno);
    segment->bytes = bytes;
    ++segment->replaced;
    return true;
}

std::size_t SegmentTable::count() const {
    const std::lock_guard lock(mutex_);
    return segments_.size();
}

std::vector<Segment> SegmentTable::all() const {
    const std::lock_guard lock(mutex_);
    return {segments_.begin(), segments_.end()};
}

std::optional<Segment> SegmentTable::at(std::uint64_t offset) const {
    const std::lock_guard lock(mutex_);
    if (segments_.empty()) return std::nullopt;
    const auto found = std::upper_bound(segments_.begin(), segments_.end(), offset,
                                        [](std::uint64_t o, const Segment& s) { return o < s.end_offset; });
    return found == segments_.end() ? segments_.back() : *found;
}

std::optional<Segment> SegmentTable::find(std::uint64_t number) const {
    const std::lock_guard lock(mutex_);
    const auto found = std::lower_bound(segments_.begin(), segments_.end(), number,
                                        [](const Segment& s, std::uint64_t n) { return s.number < n; });
    if (found == segments_.end() || found->number != number) return std::nullopt;
    return *found;
}

std::optional<Segment> SegmentTable::after(std::uint64_t number) const {
    const std::lock_guard lock(mutex_);
    const auto found = std::upper_bound(segments_.begin(), segments_.end(), number,
                                        [](std::uint64_t n, const Segment& s) { return n < s.number; });
    if (found == segments_.end()) return std::nullopt;
    return *found;
}

std::uint64_t SegmentTable::begin() const {
    const std::lock_guard lock(mutex_);
    return begin_;
}

std::uint64_t SegmentTable::end() const {
    const std::lock_guard lock(mutex_);
    return segments_.empty() ? begin_ : segments_.back().end_offset;
}

void SegmentTable::start_at(std::uint64_t offset) {
    const std::lock_guard lock(mutex_);
    begin_ = offset;
}

bool SegmentTable::wait_beyond(std::uint64_t offset, int timeout_ms) const {
    std::unique_lock lock(mutex_);
    return grown_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                           [&] { return !segments_.empty() && segments_.back().end_offset > offset; });
}

Status SegmentTable::load_damage() {
    if (!path_exists(damage_path())) return {};
    TRY(const std::string text, read_file(damage_path()));
    std::string_view rest = text;
    const std::lock_guard lock(damage_mutex_);
    while (!rest.empty()) {
        const std::size_t size = std::min(rest.find('\n'), rest.size());
        auto damage = parse_damage(rest.substr(0, size));
        if (!damage)
            return Error(Code::kCorrupt,
                         damage_path() + " is not readable as lines of FIRST LAST WHERE; mend or remove it");
        damage_.push_back(std::move(*damage));
        rest.remove_prefix(std::min(size + 1, rest.size()));
    }
    return {};
}

void SegmentTable::add_damage(const Damage& damage) {
    const std::lock_guard lock(damage_mutex_);
    for (const Damage& known : damage_)
        if (known.first <= damage.first && damage.last <= known.last) return;
    std::erase_if(damage_,
                  [&](const Damage& known) { return damage.first <= known.first && known.last <= damage.last; });
    metrics::counter("footfall_log_damaged_ranges_total", "Ranges of entries found unreadable").add();
    logging::error("log.damaged", {{"first", damage.first}, {"last", damage.last}, {"where", damage.where}});
    if (damage_.size() >= kDamageMax) return;
    damage_.push_back(damage);
    std::sort(damage_.begin(), damage_.end(), [](const Damage& a, const Damage& b) { return a.first < b.first; });
    // The list is a convenience for the next start: without it readers find the same ranges again.
    if (const auto written = write_damage_locked(); !written)
        logging::warn("log.damage_list_not_written", {{"error", written.error().message}});
}

Status SegmentTable::forget_damage(std::span<const Damage> ranges) {
    const std::lock_guard lock(damage_mutex_);
    std::erase_if(damage_, [&](const Damage& known) {
        return std::any_of(ranges.begin(), ranges.end(),
                           [&](const Damage& range) { return range.first == known.first && range.last == known.last; });
    });
    return write_damage_locked();
}

Status SegmentTable::write_damage_locked() const {
    std::string text;
    for (const Damage& damage : damage_) text += fmt::format("{} {} {}\n", damage.first, damage.last, damage.where);
    return write_file_atomically(damage_path(), text);
}

std::vector<Damage> SegmentTable::damage() const {
    const std::uint64_t oldest = begin();
    const std::lock_guard lock(damage_mutex_);
    std::vector<Damage> out;
    for (const Damage& damage : damage_)
        if (damage.last >= oldest) out.push_back(damage);
    return out;
}

}  // namespace footfall::log
