#include "ingest/committer.h"

#include <algorithm>
#include <chrono>

#include "base/failpoint.h"
#include "base/json.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"

namespace footfall::ingest {
namespace {

struct Metrics {
    metrics::Histogram& wait = metrics::histogram("footfall_commit_wait_seconds",
                                                  "From the submission of a request to the start of its group.");
    metrics::Histogram& group =
        metrics::histogram("footfall_commit_group_seconds", "Deduplicating, appending and syncing one group.");
    metrics::Histogram& lookup =
        metrics::histogram("footfall_dedup_lookup_seconds", "Looking up the event ids of one group.");
    metrics::Counter& requests =
        metrics::counter("footfall_commit_requests_total", "Requests whose events are durable.");
    metrics::Counter& groups = metrics::counter("footfall_commit_groups_total", "Groups appended to the log.");
    metrics::Counter& refused =
        metrics::counter("footfall_commit_refused_total", "Requests whose group could not be made durable.");
    metrics::Gauge& queue =
        metrics::gauge("footfall_commit_queue_bytes", "Bytes that waited for the log when the last group was formed.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

}  // namespace

std::string write_tally(const Submission::Tally& tally) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("website_id", tally.website_id);
    writer.member("duplicates", tally.duplicates);
    writer.key("rejected");
    writer.begin_object();
    for (const auto& [reason, count] : tally.rejected) writer.member(reason, count);
    writer.end_object();
    if (!tally.rejected.empty()) writer.member("received_at", tally.received_at);
    writer.end_object();
    return out;
}

Committer::Committer(log::Appender& log, Dedup* dedup, Clock& clock, CommitterOptions options,
                     std::function<void(Error)> fatal)
    : log_(log), dedup_(dedup), clock_(clock), options_(options), fatal_(std::move(fatal)), thread_([this] {
          run();
      }) {}

Committer::~Committer() { stop(); }

bool Committer::submit(std::unique_ptr<Submission> submission) {
    const std::size_t bytes = submission->bytes();
    submission->submitted_ns = clock_.steady_ns();
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || is_full()) return false;
        queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
        queue_.push_back(std::move(submission));
        if (queue_.size() > 1) return true;  // the thread has been woken, or is busy and will look again
    }
    ready_.notify_one();
    return true;
}

void Committer::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void Committer::run() {
    name_thread("committer");
    Group waiting;
    Group group;
    bool shared = false;  // by several requests: the group before
    std::int64_t began_ns = 0;
    std::int64_t took_ns = 0;
    for (;;) {
        if (waiting.empty()) {
            std::unique_lock lock(mutex_);
            ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            if (shared) {
                const std::int64_t interval_ns =
                    std::clamp(2 * took_ns, options_.group_interval_ns, options_.group_interval_ns_max);
                const std::int64_t pause_ns = began_ns + interval_ns - clock_.steady_ns();
                if (pause_ns > 0)
                    ready_.wait_for(lock, std::chrono::nanoseconds(pause_ns), [this] { return stopping_; });
            }
            waiting.swap(queue_);
        }
        std::size_t bytes = 0;
        std::size_t taken = 0;
        while (taken < waiting.size() && (taken == 0 || bytes + waiting[taken]->bytes() <= options_.group_bytes_max)) {
            bytes += waiting[taken]->bytes();
            group.push_back(std::move(waiting[taken++]));
        }
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(taken));
        counters().queue.set(static_cast<double>(queued_bytes()));
        shared = group.size() > 1;
        began_ns = clock_.steady_ns();
        for (const auto& submission : group) counters().wait.observe_ns(began_ns - submission->submitted_ns);
        refuse_late(group);
        if (!group.empty()) commit(group);
        took_ns = clock_.steady_ns() - began_ns;
        group.clear();
        note_speed(bytes, took_ns);
        queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    }
}

void Committer::note_speed(std::size_t bytes, std::int64_t took_ns) {
    const double now = static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(took_ns, 1));
    const double before = bytes_per_ns_.load(std::memory_order_relaxed);
    bytes_per_ns_.store(before == 0 ? now : before + (now - before) / 4, std::memory_order_relaxed);
}

std::int64_t Committer::backlog_ns() const {
    const std::size_t queued = queued_bytes();
    const double speed = bytes_per_ns_.load(std::memory_order_relaxed);
    if (queued <= options_.group_bytes_max || speed == 0) return 0;
    return static_cast<std::int64_t>(static_cast<double>(queued - options_.group_bytes_max) / speed);
}

void Committer::refuse_late(Group& group) {
    if (options_.wait_ns_max == 0) return;
    const std::int64_t oldest_ns = clock_.steady_ns() - options_.wait_ns_max;
    const auto late = std::stable_partition(
        group.begin(), group.end(), [&](const auto& submission) { return submission->submitted_ns >= oldest_ns; });
    counters().refused.add(static_cast<std::uint64_t>(group.end() - late));
    for (auto it = late; it != group.end(); ++it)
        (*it)->finished(Error(Code::kOverloaded, "the event log does not take entries fast enough"));
    group.erase(late, group.end());
}

void Committer::commit(Group& group) {
    const std::int64_t started = clock_.steady_ns();
    if (failpoint("mutant.ack_before_sync") == Fault::kError) return acknowledge_first(group);
    const Status status =
        failed_.load() ? Status(Error(Code::kUnavailable, "the event log has stopped")) : append(group);
    if (!status) {
        if (dedup_ != nullptr) dedup_->abort();
        counters().refused.add(group.size());
        // A full or failing disk may recover, and nothing of the group is in the log. Anything else leaves the durable
        // state unknown.
        if (status.error().code != Code::kOverloaded && !failed_.exchange(true)) fail(status.error());
        for (auto& submission : group) submission->finished(Error(status.error()));
        return;
    }
    counters().requests.add(group.size());
    counters().groups.add();
    counters().group.observe_ns(clock_.steady_ns() - started);
    for (std::size_t i = 0; i < group.size(); ++i) group[i]->finished(duplicates_[i]);
    if (index_failure_ && !failed_.exchange(true)) fail(*index_failure_);
}

/// Copies of an event meet in one partition; without an id of its own an entry goes by its site. Empty where the log is
/// the disk's, which has one.
std::string_view Committer::key_of(std::string_view website_id, const Uuid* event_id) {
    if (dedup_ != nullptr) return {};
    std::string& key = keys_.emplace_back(website_id);
    if (event_id != nullptr) key.append("/").append(event_id->text());
    return key;
}

// What the fault tests must notice: an answer that does not wait for the disk.
void Committer::acknowledge_first(Group& group) {
    for (auto& submission : group) submission->finished(0);
    if (const Status status = append(group); !status) fail(status.error());
}

Status Committer::append(Group& group) {
    entries_.clear();
    group_tallies_.clear();
    tally_records_.clear();
    keys_.clear();
    duplicates_.assign(group.size(), 0);
    const std::int64_t began_ns = clock_.steady_ns();
    const bool skip_dedup = failpoint("mutant.skip_dedup") == Fault::kError;
    for (std::size_t i = 0; i < group.size(); ++i) {
        Submission& submission = *group[i];
        for (const Submission::Item& item : submission.items) {
            Submission::Tally& tally = submission.tallies[item.site];
            if (item.has_client_id && dedup_ != nullptr && !skip_dedup) {
                TRY(const bool seen, dedup_->seen(tally.website_id, item.event_id, submission.receive_ms));
                if (seen) {
                    ++tally.duplicates;
                    ++duplicates_[i];
                    continue;
                }
            }
            entries_.push_back({.kind = log::EntryKind::kEvent,
                                .payload = std::string_view(submission.records).substr(item.begin, item.size),
                                .key = key_of(tally.website_id, &item.event_id)});
        }
        for (const Submission::Tally& tally : submission.tallies) {
            if (tally.duplicates == 0 && tally.rejected.empty()) continue;
            Submission::Tally& sum = group_tallies_[tally.website_id];
            sum.website_id = tally.website_id;
            sum.duplicates += tally.duplicates;
            for (const auto& [reason, count] : tally.rejected) sum.rejected[reason] += count;
            if (!tally.rejected.empty()) sum.received_at = std::max(sum.received_at, submission.receive_ms);
        }
        for (const std::string& sample : submission.samples)
            entries_.push_back({.kind = log::EntryKind::kRejected, .payload = sample});
        for (const std::string& day : submission.kept_days)
            entries_.push_back({.kind = log::EntryKind::kKeptDay, .payload = day});
    }
    counters().lookup.observe_ns(clock_.steady_ns() - began_ns);
    for (const auto& [website_id, tally] : group_tallies_) tally_records_.push_back(write_tally(tally));
    for (std::size_t i = 0; const auto& [website_id, tally] : group_tallies_)
        entries_.push_back(
            {.kind = log::EntryKind::kTally, .payload = tally_records_[i++], .key = key_of(website_id, nullptr)});
    if (entries_.empty()) return {};
    TRY(const log::Position first, log_.append(entries_));
    // From here on the group is durable and must be answered so; an index that fails now ends the process after that,
    // and the next start rebuilds what it missed from the log.
    if (dedup_ == nullptr) return {};
    if (const Status remembered = dedup_->commit(first.offset + entries_.size()); !remembered)
        index_failure_ = remembered.error();
    return {};
}

void Committer::fail(const Error& error) {
    logging::error("log.failed", {{"error", error.message}});
    fatal_(error);
}

}  // namespace footfall::ingest
