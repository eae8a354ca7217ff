#include "log/kafka/share.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "base/logging.h"

namespace footfall::log::kafka {

bool Share::Turn::is_ending() const {
    const std::lock_guard lock(mutex_);
    return is_ending_;
}

void Share::Turn::wait(int ms) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return is_ending_; });
}

void Share::Turn::gets_on(std::uint64_t position, std::int64_t as_of_ms) {
    const std::lock_guard lock(mutex_);
    does_get_on_ = true;
    position_ = position;
    as_of_ms_ = std::max(as_of_ms_, as_of_ms);
    problem_.clear();
}

void Share::Turn::stands(std::string problem) {
    const std::lock_guard lock(mutex_);
    problem_ = std::move(problem);
}

class Share::Worker {
public:
    Worker(const ShareOptions& options, const Work& work, std::uint16_t partition)
        : options_(options), work_(work), partition_(partition), thread_([this] { run(); }) {}
    ~Worker() {
        request_stop();
        thread_.join();
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Without waiting for it.
    void request_stop() {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        wake_.notify_all();
        if (!turn_) return;
        const std::lock_guard turn_lock(turn_->mutex_);
        turn_->is_ending_ = true;
        turn_->wake_.notify_all();
    }

    Partition state() const {
        const std::lock_guard lock(mutex_);
        Partition out{.number = partition_,
                      .is_working = turn_ != nullptr,
                      .position = position_,
                      .as_of_ms = 0,
                      .problem = problem_};
        if (!turn_) return out;
        const std::lock_guard turn_lock(turn_->mutex_);
        if (turn_->does_get_on_) {
            out.position = turn_->position_;
            out.as_of_ms = turn_->as_of_ms_;
            out.problem.clear();
        }
        if (!turn_->problem_.empty()) out.problem = turn_->problem_;
        return out;
    }

private:
    void run() {
        int pause_ms = options_.retry_ms;
        std::minstd_rand random(partition_ + 1u);
        for (;;) {
            const auto turn = std::make_shared<Turn>(partition_);
            {
                const std::lock_guard lock(mutex_);
                if (is_stopping_) return;
                turn_ = turn;
            }
            const Status worked = work_(*turn);
            std::unique_lock lock(mutex_);
            turn_ = nullptr;
            if (turn->does_get_on_) {
                position_ = turn->position_;
                pause_ms = options_.retry_ms;
            }
            if (is_stopping_) return;
            problem_ = worked ? "it ended by itself" : worked.error().message;
            logging::warn(options_.name + ".failed", {{"partition", partition_}, {"error", problem_}});
            const int longer_ms = static_cast<int>(random() % static_cast<unsigned>(pause_ms / 2 + 1));
            wake_.wait_for(lock, std::chrono::milliseconds(pause_ms + longer_ms), [this] { return is_stopping_; });
            pause_ms = std::min(2 * pause_ms, options_.retry_ms_max);
        }
    }

    const ShareOptions& options_;
    const Work& work_;
    const std::uint16_t partition_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool is_stopping_ = false;
    std::shared_ptr<Turn> turn_;
    std::uint64_t position_ = 0;
    std::string problem_;
    std::thread thread_;  // last: it uses the rest
};

Share::Share(ShareOptions options, Work work) : options_(std::move(options)), work_(std::move(work)) {}

Result<std::unique_ptr<Share>> Share::open(ShareOptions options, Work work) {
    std::unique_ptr<Share> out(new Share(std::move(options), std::move(work)));
    TRY(out->membership_,
        Membership::open(out->options_.members, {.won = [share = out.get()](const auto& all) { share->won(all); },
                                                 .lost = [share = out.get()](const auto& all) { share->lost(all); }}));
    return out;
}

Share::~Share() { membership_.reset(); }

void Share::won(const std::vector<std::uint16_t>& partitions) {
    const std::lock_guard lock(mutex_);
    for (const std::uint16_t partition : partitions)
        workers_[partition] = std::make_unique<Worker>(options_, work_, partition);
}

void Share::lost(const std::vector<std::uint16_t>& partitions) {
    std::vector<std::unique_ptr<Worker>> ending;
    {
        const std::lock_guard lock(mutex_);
        for (const std::uint16_t partition : partitions)
            if (auto node = workers_.extract(partition)) ending.push_back(std::move(node.mapped()));
    }
    // All at once, then each is waited for.
    for (const auto& worker : ending) worker->request_stop();
}

std::vector<Share::Partition> Share::state() const {
    const std::lock_guard lock(mutex_);
    std::vector<Partition> out;
    for (const auto& [partition, worker] : workers_) out.push_back(worker->state());
    return out;
}

}  // namespace footfall::log::kafka
