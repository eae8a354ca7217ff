#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "ingest/dedup.h"
#include "log/log.h"

namespace footfall::ingest {

/// What one request wants in the log. Made on a loop thread, then owned by the committer until `finished` is called.
struct Submission {
    struct Item {
        std::uint32_t begin = 0;  ///< of the record in `records`
        std::uint32_t size = 0;
        std::uint32_t site = 0;      ///< index into `tallies`
        bool has_client_id = false;  ///< false: the server made the id, so it can't be a repetition
        Uuid event_id{};
    };
    /// What the request had of one site beside events that are new.
    struct Tally {
        std::string website_id{};                              ///< empty for events of unknown sites
        std::uint64_t duplicates = 0;                          ///< filled by the committer
        std::map<std::string_view, std::uint64_t> rejected{};  ///< by reason, reasons are constants
        std::int64_t received_at = 0;                          ///< of what was rejected; filled by the committer
    };

    std::string records;
    std::vector<Item> items;
    std::vector<Tally> tallies;
    std::vector<std::string> samples;    ///< of rejected events, as write_rejected() gives them
    std::vector<std::string> kept_days;  ///< entries kKeptDay, which the installation itself submits
    std::int64_t receive_ms = 0;
    std::int64_t submitted_ns = 0;  ///< set by the committer
    /// Called once on the committer's thread: the number of duplicates when everything is durable, or why nothing of it
    /// is.
    std::function<void(Result<std::uint64_t> duplicates)> finished;

    std::size_t bytes() const {
        std::size_t sum = records.size() + items.size() * sizeof(Item) + 512;
        for (const std::string& sample : samples) sum += sample.size();
        for (const std::string& day : kept_days) sum += day.size();
        return sum;
    }
};

struct CommitterOptions {
    std::size_t queue_bytes_max = 64 * 1024 * 1024;
    std::size_t group_bytes_max = 4 * 1024 * 1024;
    /// Where several requests share a group, the next one begins at the earliest this long after the one before, or
    /// twice the time that one took, up to the maximum: the disk rests half of the time. A sync costs 0.1 to 0.4 ms of
    /// CPU whatever its size; without a pause, many fast clients on few cores make many small groups.
    std::int64_t group_interval_ns = 1'000'000;
    std::int64_t group_interval_ns_max = 5'000'000;
    /// What has waited longer for its group is refused without being tried, so that a log that takes seconds to say no
    /// does not let a whole queue wait for it. 0: everything is tried.
    std::int64_t wait_ns_max = 0;
};

/// The one writer of the log, or one of several collectors' to Kafka. Takes all submissions that wait (a group),
/// removes repetitions, appends the rest and the tallies in one synced append, and only then answers. Deduplicating
/// here, on one thread and right before the append, means that a copy of an id that is still pending is in the same
/// group or an earlier one: it shares that one's fate without any waiting list. A collector of the cluster form has no
/// index: it can't know what another one took, so that repetitions are removed behind the log (deduplicate/), and each
/// entry gets the key by which its copies meet there.
///
/// Cost: two wake-ups and one fdatasync a group, whatever its size; 0.2 to 0.5 µs an event for the look-up. A request
/// that is alone is committed at once; with others it may wait `group_interval_ns` longer.
class Committer {
public:
    /// `fatal` is called once, on the committer's thread, when the log or the index can't be trusted any more: the
    /// process must end.
    /// `dedup`: none in the cluster form.
    Committer(log::Appender& log, Dedup* dedup, Clock& clock, CommitterOptions options,
              std::function<void(Error)> fatal);
    /// Commits what was submitted, then joins.
    ~Committer();

    /// False where the queue is full, stopped or failed: nothing was taken, the caller answers 503. Thread-safe.
    [[nodiscard]] bool submit(std::unique_ptr<Submission> submission);
    /// Waits until everything submitted so far is answered and ends the thread; later submissions are refused.
    /// Idempotent.
    void stop();
    /// Bytes that wait. Thread-safe.
    std::size_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }
    /// How long what waits beyond the next group takes to be written, at the speed of the last groups; ns. Thread-safe.
    std::int64_t backlog_ns() const;
    /// Whether a submission would be refused now, to answer before a body is read.
    bool is_full() const {
        return queued_bytes() >= options_.queue_bytes_max || failed_.load(std::memory_order_relaxed);
    }

private:
    using Group = std::vector<std::unique_ptr<Submission>>;
    void run();
    void commit(Group& group);
    void refuse_late(Group& group);
    void note_speed(std::size_t bytes, std::int64_t took_ns);
    Status append(Group& group);
    std::string_view key_of(std::string_view website_id, const Uuid* event_id);
    void acknowledge_first(Group& group);
    void fail(const Error& error);

    log::Appender& log_;
    Dedup* const dedup_;
    Clock& clock_;
    const CommitterOptions options_;
    const std::function<void(Error)> fatal_;

    std::mutex mutex_;
    std::condition_variable ready_;
    Group queue_;
    bool stopping_ = false;
    std::atomic<std::size_t> queued_bytes_{0};
    std::atomic<double> bytes_per_ns_{0};  ///< of the last groups; 0 before the first
    std::atomic<bool> failed_{false};

    // Of the committer's thread alone; kept to reuse their memory.
    std::vector<log::Entry> entries_;
    std::map<std::string, Submission::Tally> group_tallies_;
    std::vector<std::string> tally_records_;
    std::deque<std::string> keys_;
    std::vector<std::uint64_t> duplicates_;
    std::optional<Error> index_failure_;

    std::thread thread_;
};

/// The tally's log entry, {"website_id":…,"duplicates":n,"rejected":{reason:n}}, with "received_at" where something was
/// rejected.
std::string write_tally(const Submission::Tally& tally);

}  // namespace footfall::ingest
