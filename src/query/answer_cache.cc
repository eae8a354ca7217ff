#include "query/answer_cache.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/metrics.h"
#include "query/kept_answer.h"
#include "query/refusals.h"

namespace footfall::query {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
/// Of an entry beside its texts: nodes of the maps and the list.
constexpr std::uint64_t kEntryBytes = 600;

struct Metrics {
    metrics::Counter& hits = metrics::counter("footfall_query_cache_total",
                                              "Questions to the store, by what became of "
                                              "them in the cache.",
                                              "result=\"hit\"");
    metrics::Counter& joins = metrics::counter("footfall_query_cache_total",
                                               "Questions to the store, by what became of "
                                               "them in the cache.",
                                               "result=\"joined\"");
    metrics::Counter& misses = metrics::counter("footfall_query_cache_total",
                                                "Questions to the store, by what became of "
                                                "them in the cache.",
                                                "result=\"miss\"");
    metrics::Counter& touched =
        metrics::counter("footfall_query_cache_dropped_total", "Answers that left the cache.", "why=\"touched\"");
    metrics::Counter& pushed_out =
        metrics::counter("footfall_query_cache_dropped_total", "Answers that left the cache.", "why=\"room\"");
    metrics::Gauge& bytes = metrics::gauge("footfall_query_cache_bytes", "Memory of the answers that are kept.");
    metrics::Gauge& waiting =
        metrics::gauge("footfall_query_cache_waiting", "Queries that wait for the answer to an equal one.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

std::uint64_t size_of(const AnswerCache::Kept& kept) {
    std::uint64_t bytes = sizeof(kept);
    for (const auto& column : kept.answer.columns) bytes += sizeof(column) + column.name.size() + column.type.size();
    for (const auto& row : kept.answer.rows) {
        bytes += sizeof(std::vector<store::Value>) + row.capacity() * sizeof(store::Value);
        for (const store::Value& value : row)
            if (const auto* text = std::get_if<std::string>(&value)) bytes += text->capacity();
    }
    return bytes;
}

}  // namespace

AnswerCache::AnswerCache(Options options) : options_(std::move(options)) { counters(); }

Result<AnswerCache::Found> AnswerCache::get(const std::string& key, const Scope& scope, const Wait& wait,
                                            const Compute& compute) {
    if (options_.bytes_max == 0) {
        TRY(Kept kept, compute(wait.stop));
        return Found{.kept = std::make_shared<const Kept>(std::move(kept)), .is_cached = false};
    }
    for (;;) {
        const DataState state = options_.state();
        std::unique_lock lock(mutex_);
        // Of two that looked at one time the later one may come first; numbers only grow.
        if (state.changes > changes_) {
            drop_all();
            changes_ = state.changes;
        }
        const auto found = entries_.find(key);
        if (found == entries_.end() || state.changes < changes_) {
            counters().misses.add();
            const auto entry = std::make_shared<Entry>();
            entry->key = key;
            entry->scope = scope;
            entry->changes = state.changes;
            // What is told of and not yet written may be missing from what is about to be read.
            entry->is_dropped = !state.is_steady || state.changes < changes_ ||
                                (last_end_ > state.loaded && is_touched(scope, last_hours_));
            if (!entry->is_dropped) {
                entries_.emplace(key, entry);
                by_site_[scope.site_id].insert(entry);
            }
            return compute_as(entry, std::move(lock), wait, compute);
        }
        const EntryPtr entry = found->second;
        if (entry->kept) {
            counters().hits.add();
            used_.splice(used_.begin(), used_, entry->place);
            return Found{.kept = entry->kept, .is_cached = true};
        }
        TRY(std::optional<Found> joined, wait_for(entry, std::move(lock), wait));
        if (joined) return std::move(*joined);
    }
}

Result<std::optional<AnswerCache::Found>> AnswerCache::wait_for(const EntryPtr& entry,
                                                                std::unique_lock<std::mutex> lock, const Wait& wait) {
    const auto deadline = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(wait.deadline_ns));
    ++entry->waiting;
    counters().waiting.set(static_cast<double>(++joined_));
    const bool is_over =
        computed_.wait_until(lock, wait.stop, deadline, [&] { return entry->kept != nullptr || entry->is_failed; });
    counters().waiting.set(static_cast<double>(--joined_));
    if (entry->kept) {
        counters().joins.add();
        return std::optional(Found{.kept = entry->kept, .is_cached = true});
    }
    if (is_over) return std::optional<Found>();
    lock.unlock();
    leave(entry);
    return wait.stop.stop_requested() ? nobody_waits() : took_too_long();
}

void AnswerCache::leave(const EntryPtr& entry) {
    {
        const std::lock_guard lock(mutex_);
        if (--entry->waiting > 0 || entry->kept || entry->is_failed) return;
        drop(entry);
    }
    entry->stop.request_stop();
}

Result<AnswerCache::Found> AnswerCache::compute_as(const EntryPtr& entry, std::unique_lock<std::mutex> lock,
                                                   const Wait& wait, const Compute& compute) {
    entry->waiting = 1;
    lock.unlock();
    // Of who computes it only the wish to wait ends: the work is for the others too.
    std::optional<std::stop_callback<std::function<void()>>> leaving(std::in_place, wait.stop,
                                                                     [this, &entry] { leave(entry); });
    std::optional<std::string> place;
    bool is_found = false;
    Result<Kept> made = find_or_compute(entry, compute, place, is_found);
    leaving.reset();
    const DataState now = options_.state();
    lock.lock();
    if (!made) {
        entry->is_failed = true;
        drop(entry);
        computed_.notify_all();
        return made.error();
    }
    auto kept = std::make_shared<const Kept>(std::move(*made));
    keep(entry, kept, now);
    const bool is_kept = entry->is_listed;
    computed_.notify_all();
    lock.unlock();
    if (is_kept && place && !is_found) options_.shared->put(*place, encode_kept(*kept));
    return Found{.kept = std::move(kept), .is_cached = is_found};
}

Result<AnswerCache::Kept> AnswerCache::find_or_compute(const EntryPtr& entry, const Compute& compute,
                                                       std::optional<std::string>& place, bool& is_found) {
    if (options_.shared != nullptr) {
        const Scope& scope = entry->scope;
        place = options_.shared->place_of(entry->key, scope.site_id, scope.from_ms, scope.to_ms);
        const auto bytes = place ? options_.shared->get(*place) : std::nullopt;
        if (auto kept = bytes ? decode_kept(*bytes) : std::nullopt) {
            is_found = true;
            return std::move(*kept);
        }
    }
    return compute(entry->stop.get_token());
}

void AnswerCache::keep(const EntryPtr& entry, std::shared_ptr<const Kept> kept, const DataState& now) {
    entry->kept = std::move(kept);
    entry->bytes = kEntryBytes + 2 * entry->key.size() + size_of(*entry->kept);
    // One answer does not push out all others.
    if (entry->is_dropped || !now.is_steady || now.changes != entry->changes || entry->bytes > options_.bytes_max / 4)
        return drop(entry);
    used_.push_front(entry);
    entry->place = used_.begin();
    entry->is_listed = true;
    bytes_ += entry->bytes;
    while (bytes_ > options_.bytes_max) {
        counters().pushed_out.add();
        drop(EntryPtr(used_.back()));
    }
    counters().bytes.set(static_cast<double>(bytes_));
}

bool AnswerCache::has(const std::string& key) const {
    const DataState state = options_.bytes_max == 0 ? DataState{} : options_.state();
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found != entries_.end() && found->second->kept && found->second->changes == state.changes;
}

bool AnswerCache::is_touched(const Scope& scope, const Hours& hours) const {
    const auto site = hours.find(scope.site_id);
    if (site == hours.end()) return false;
    const auto first = site->second.lower_bound(scope.from_ms / kHourMs);
    return first != site->second.end() && *first * kHourMs < scope.to_ms;
}

void AnswerCache::touch(const Hours& hours, std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    last_hours_ = hours;
    last_end_ = end;
    for (const auto& [site, touched] : hours) {
        const auto found = by_site_.find(site);
        if (found == by_site_.end()) continue;
        const std::set<EntryPtr> entries = found->second;
        for (const EntryPtr& entry : entries) {
            if (!is_touched(entry->scope, hours)) continue;
            if (entry->kept) counters().touched.add();
            drop(entry);
        }
    }
    counters().bytes.set(static_cast<double>(bytes_));
}

void AnswerCache::clear() {
    const std::lock_guard lock(mutex_);
    drop_all();
}

void AnswerCache::drop_all() {
    while (!entries_.empty()) drop(EntryPtr(entries_.begin()->second));
    counters().bytes.set(0);
}

void AnswerCache::drop(const EntryPtr& entry) {
    entry->is_dropped = true;
    const auto found = entries_.find(entry->key);
    if (found == entries_.end() || found->second != entry) return;
    const auto site = by_site_.find(entry->scope.site_id);
    site->second.erase(entry);
    if (site->second.empty()) by_site_.erase(site);
    if (std::exchange(entry->is_listed, false)) {
        used_.erase(entry->place);
        bytes_ -= entry->bytes;
    }
    entries_.erase(found);
}

}  // namespace footfall::query
