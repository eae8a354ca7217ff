#include "app/resumption.h"

#include <chrono>
#include <utility>

#include "base/logging.h"
#include "base/worker_pool.h"

namespace footfall::app {
namespace {

constexpr auto kRetryEvery = std::chrono::seconds(5);

}  // namespace

Resumption::Resumption(process::Loader& loader, std::mutex& one_at_a_time, Work work)
    : loader_(loader),
      one_at_a_time_(one_at_a_time),
      work_(std::move(work)),
      begun_(work_.called + " is begun and not complete; it is tried again by itself") {}

void Resumption::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

Result<bool> Resumption::hold_loader() {
    TRY(is_wanted_, work_.is_pending());
    if (is_wanted_) {
        problem_ = begun_;
        still_ = loader_.keep_still();
        logging::info(work_.name + ".resumed", {});
    }
    return is_wanted_;
}

void Resumption::start() {
    thread_ = std::thread([this] { run(); });
}

void Resumption::run() {
    name_thread(work_.name);
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return is_wanted_ || stopping_; });
        if (stopping_) return;
        lock.unlock();
        Status done;
        {
            const std::lock_guard one_at_a_time(one_at_a_time_);
            done = work_.resume();
        }
        if (!done) logging::warn(work_.name + ".retry", {{"error", done.error().message}});
        lock.lock();
        is_wanted_ = !done;
        problem_ = done ? std::string() : begun_ + ": " + done.error().message;
        // A store that only does not answer yet loads nothing wrong either way.
        if (done || done.error().code != Code::kTimeout) still_.reset();
        if (!done) changed_.wait_for(lock, kRetryEvery, [this] { return stopping_; });
    }
}

Error Resumption::failed(const Error& error) {
    const auto is_pending = work_.is_pending();
    if (is_pending && !*is_pending) return error;
    {
        const std::lock_guard lock(mutex_);
        is_wanted_ = true;
        problem_ = begun_ + ": " + error.message;
    }
    changed_.notify_all();
    return error.context(begun_);
}

void Resumption::succeeded() {
    const std::lock_guard lock(mutex_);
    is_wanted_ = false;
    problem_.clear();
    still_.reset();
}

std::string Resumption::problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
}

}  // namespace footfall::app
