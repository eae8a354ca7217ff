#include "deduplicate/workers.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <random>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/logging.h"

namespace footfall::deduplicate {

class Workers::Worker {
public:
    Worker(const WorkersOptions& options, Clock& clock, std::uint16_t partition)
        : options_(options),
          clock_(clock),
          each_(of_partition(options.each, partition)),
          state_({.number = partition, .is_working = false, .position = 0, .problem = {}}),
          thread_([this] { run(); }) {}
    ~Worker() {
        request_stop();
        thread_.join();
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Without waiting for it.
    void request_stop() {
        {
            const std::lock_guard lock(mutex_);
            is_stopping_ = true;
        }
        wake_.notify_all();
    }

    Partition state() const {
        const std::lock_guard lock(mutex_);
        return state_;
    }

private:
    static DeduplicatorOptions of_partition(DeduplicatorOptions options, std::uint16_t partition) {
        options.partition = partition;
        options.index.directory = fmt::format("{}/{}-{}", options.index.directory, options.source, partition);
        return options;
    }

    void run() {
        int pause_ms = options_.retry_ms;
        std::minstd_rand random(each_.partition + 1u);
        while (!is_stopping()) {
            const Status worked = work(pause_ms);
            if (worked) return;
            tell(false, 0, worked.error().message);
            logging::warn("deduplicate.failed", {{"partition", each_.partition}, {"error", worked.error().message}});
            const int longer_ms = static_cast<int>(random() % static_cast<unsigned>(pause_ms / 2 + 1));
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, std::chrono::milliseconds(pause_ms + longer_ms), [this] { return is_stopping_; });
            pause_ms = std::min(2 * pause_ms, options_.retry_ms_max);
        }
    }

    /// Until it is to stop, or with the reason for which it can't go on.
    Status work(int& pause_ms) {
        std::error_code failed;
        std::filesystem::create_directories(options_.each.index.directory, failed);
        if (failed) return Error(Code::kIo, fmt::format("{}: {}", options_.each.index.directory, failed.message()));
        TRY(const auto deduplicator, Deduplicator::open(each_, clock_));
        tell(true, deduplicator->position(), {});
        while (!is_stopping()) {
            TRY(const std::size_t taken, deduplicator->step(options_.wait_ms));
            if (taken == 0) continue;
            pause_ms = options_.retry_ms;
            tell(true, deduplicator->position(), {});
        }
        return {};
    }

    bool is_stopping() const {
        const std::lock_guard lock(mutex_);
        return is_stopping_;
    }
    void tell(bool is_working, std::uint64_t position, std::string problem) {
        const std::lock_guard lock(mutex_);
        state_.is_working = is_working;
        if (is_working) state_.position = position;
        state_.problem = std::move(problem);
    }

    const WorkersOptions& options_;
    Clock& clock_;
    const DeduplicatorOptions each_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool is_stopping_ = false;
    Partition state_;
    std::thread thread_;  // last: it uses the rest
};

Workers::Workers(WorkersOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}

Result<std::unique_ptr<Workers>> Workers::open(WorkersOptions options, Clock& clock) {
    std::unique_ptr<Workers> out(new Workers(std::move(options), clock));
    const WorkersOptions& set = out->options_;
    TRY(out->membership_,
        log::kafka::Membership::open({.brokers = set.each.brokers,
                                      .group = set.members,
                                      .topic = set.each.source,
                                      .session_timeout_ms = set.session_timeout_ms,
                                      .more = set.each.more},
                                     {.won = [workers = out.get()](const auto& all) { workers->won(all); },
                                      .lost = [workers = out.get()](const auto& all) { workers->lost(all); }}));
    return out;
}

Workers::~Workers() { membership_.reset(); }

void Workers::won(const std::vector<std::uint16_t>& partitions) {
    const std::lock_guard lock(mutex_);
    for (const std::uint16_t partition : partitions)
        workers_[partition] = std::make_unique<Worker>(options_, clock_, partition);
}

void Workers::lost(const std::vector<std::uint16_t>& partitions) {
    std::vector<std::unique_ptr<Worker>> ending;
    {
        const std::lock_guard lock(mutex_);
        for (const std::uint16_t partition : partitions)
            if (auto node = workers_.extract(partition)) ending.push_back(std::move(node.mapped()));
    }
    // All at once, then each is waited for.
    for (const auto& worker : ending) worker->request_stop();
}

std::vector<Workers::Partition> Workers::state() const {
    const std::lock_guard lock(mutex_);
    std::vector<Partition> out;
    for (const auto& [partition, worker] : workers_) out.push_back(worker->state());
    return out;
}

}  // namespace footfall::deduplicate
