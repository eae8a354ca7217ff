#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/cluster/freshness.h"
#include "base/clock.h"
#include "base/result.h"
#include "query/answer_cache.h"
#include "store/client.h"

namespace footfall::app::cluster {

/// How many entries of `events` the loaders have come past, of all partitions; 0 of a store that is new.
Result<std::uint64_t> loaded_entries(store::Client& store);

/// What a query node knows of what loaders elsewhere do: how far they are, and what they changed. It asks the store,
/// four times a second, for their checkpoints and for the hours in which rows came since; answers that were kept of
/// those are dropped. So a kept answer is older than the tables by that time at the most.
///
/// One thread of its own; public functions are thread-safe.
class StoreWatch {
public:
    struct Options {
        std::uint16_t partitions = 1;  ///< of the topic `events`
        int interval_ms = 250;
        /// Where the stages before tell how far they are; outlives this. None: nobody knows.
        FreshnessBoard* board = nullptr;
        /// Told of hours in which rows came, behind the cache.
        std::function<void(const query::AnswerCache::Hours& hours)> touched{};
        /// Another text when rows were taken out otherwise than by loaders: nothing that was kept is true any more.
        std::function<std::string()> erased{};
    };
    /// `store` outlives this.
    StoreWatch(store::Client& store, Clock& clock, const Options& options);
    ~StoreWatch();
    StoreWatch(const StoreWatch&) = delete;
    StoreWatch& operator=(const StoreWatch&) = delete;

    /// `cache` is told from now on until stop(). Once.
    void start(query::AnswerCache& cache);
    /// Asks nobody any more; what it knows stays.
    void stop();

    query::DataState data_state() const;
    /// Of all loaders, a number that grows when a partition goes to another one; nothing where the store can't be
    /// asked.
    std::optional<std::uint64_t> claims() const;
    /// Every event that was acknowledged before is in the store; 0: nobody knows yet. It stands still while Redis is
    /// away.
    std::int64_t as_of_ms() const;
    /// Why the store can't be asked; empty where it can.
    std::string problem() const;

private:
    struct Partition {
        std::uint64_t loaded = 0;
        std::uint64_t claim = 0;
    };
    void run();
    Status look();
    Status tell_touched(const std::map<std::uint16_t, Partition>& before);

    store::Client& store_;
    Clock& clock_;
    const Options options_;
    query::AnswerCache* cache_ = nullptr;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::map<std::uint16_t, Partition> partitions_;
    Freshness freshness_;
    std::string erased_;
    std::uint64_t changes_ = 0;
    std::string problem_ = "the store was not asked yet";

    std::thread thread_;
};

}  // namespace footfall::app::cluster
