#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "query/shared_answers.h"
#include "store/client.h"

namespace footfall::query {

/// What the tables hold, of all sites.
struct DataState {
    std::uint64_t loaded = 0;   ///< every entry of the event log before this offset
    std::uint64_t changes = 0;  ///< another number after rows were taken out or changed otherwise than by new entries
    bool is_steady = false;     ///< no such change is under way
};

/// Answers of the store, kept for as long as they are what the store would answer now (docs/adr/0022).
///
/// The loader tells of each batch which hours of which sites it touches, before it writes: every answer that depends on
/// one of them is dropped, and one that is being computed meanwhile is not kept. So a kept answer holds whatever the
/// tables hold, and needs no age. Equal questions at one time are asked of the store once. Bounded in memory: what was
/// asked for least lately goes first. Thread-safe.
class AnswerCache {
public:
    struct Options {
        std::uint64_t bytes_max = 0;         ///< of all answers and their questions, estimated; 0: nothing is kept
        std::function<DataState()> state{};  ///< never called under a lock of the cache
        SharedAnswers* shared = nullptr;     ///< asked before the store is; outlives this
    };
    explicit AnswerCache(Options options);

    /// What an answer depends on: rows of events of this site and time, and of sessions that reach into it.
    struct Scope {
        std::string site_id;
        std::int64_t from_ms = 0;
        std::int64_t to_ms = 0;  ///< not included
    };
    struct Kept {
        store::Answer answer;
        std::string source;      ///< `meta.source`
        double sample_rate = 1;  ///< of its visitors; where it is less, the answer is that of sampled_sql.h
    };
    struct Found {
        std::shared_ptr<const Kept> kept;
        bool is_cached = false;  ///< it was there, here or with others, or somebody else's computation gave it
    };
    /// Until when somebody waits for an answer.
    struct Wait {
        std::int64_t deadline_ns = 0;  ///< of the steady clock
        std::stop_token stop{};        ///< nobody waits any more
    };
    /// Asks the store. `stop` says that nobody waits for the answer any more, of all who asked for it.
    using Compute = std::function<Result<Kept>(const std::stop_token& stop)>;
    /// The answer to a question of which `key` says everything that it depends on but the rows in the scope. A
    /// computation of somebody else is waited for (took_too_long(), nobody_waits()); one that failed is made again. One
    /// of one's own goes on as long as anybody waits for it. Errors are those of `compute`.
    Result<Found> get(const std::string& key, const Scope& scope, const Wait& wait, const Compute& compute);
    /// Whether get() would have it.
    bool has(const std::string& key) const;

    /// Hours since 1970 (UTC), by site.
    using Hours = std::map<std::string, std::set<std::int64_t>, std::less<>>;
    /// A batch of the log up to `end` is about to be written that adds or changes rows of these hours.
    void touch(const Hours& hours, std::uint64_t end);
    /// Forgets everything, also of what is being computed.
    void clear();

private:
    struct Entry {
        std::string key;
        Scope scope;
        std::uint64_t changes = 0;
        std::shared_ptr<const Kept> kept;  ///< null while it is being computed
        std::size_t waiting = 0;           ///< for it while it is being computed, who computes it included
        std::stop_source stop{};           ///< of the computation
        bool is_failed = false;
        bool is_dropped = false;  ///< it is not in entries_ any more, or must not stay there
        bool is_listed = false;   ///< in used_, at `place`
        std::uint64_t bytes = 0;
        std::list<std::shared_ptr<Entry>>::iterator place;
    };
    using EntryPtr = std::shared_ptr<Entry>;

    // All under the mutex.
    bool is_touched(const Scope& scope, const Hours& hours) const;
    void drop(const EntryPtr& entry);
    void drop_all();
    void keep(const EntryPtr& entry, std::shared_ptr<const Kept> kept, const DataState& now);
    /// One less waits; the last one stops the computation, and nobody waits for that one any more.
    void leave(const EntryPtr& entry);
    /// From where others leave their answers, or by `compute`.
    Result<Kept> find_or_compute(const EntryPtr& entry, const Compute& compute, std::optional<std::string>& place,
                                 bool& is_found);
    Result<Found> compute_as(const EntryPtr& entry, std::unique_lock<std::mutex> lock, const Wait& wait,
                             const Compute& compute);
    /// Nothing where the computation failed.
    Result<std::optional<Found>> wait_for(const EntryPtr& entry, std::unique_lock<std::mutex> lock, const Wait& wait);

    const Options options_;
    mutable std::mutex mutex_;
    std::condition_variable_any computed_;
    std::unordered_map<std::string, EntryPtr> entries_;
    std::map<std::string, std::set<EntryPtr>, std::less<>> by_site_;
    std::list<EntryPtr> used_;  ///< the kept ones, most lately used first
    std::uint64_t bytes_ = 0;
    std::uint64_t changes_ = 0;  ///< of all entries
    std::size_t joined_ = 0;     ///< who waits for somebody else's computation
    // The batch that may be under way: told of, and not yet in the tables.
    Hours last_hours_;
    std::uint64_t last_end_ = 0;
};

}  // namespace footfall::query
