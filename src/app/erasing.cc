#include "app/erasing.h"

#include <chrono>
#include <utility>

#include "base/logging.h"
#include "base/worker_pool.h"

namespace footfall::app {
namespace {

constexpr auto kRetryEvery = std::chrono::seconds(5);
constexpr int kLoadedWaitMs = 60'000;
constexpr const char* kBegun = "an erasure is begun and not complete; it is tried again by itself";

}  // namespace

Erasing::Erasing(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock,
                 const std::string& data_dir, std::function<void(const erase::Subject&)> forget)
    : log_(log),
      store_(store),
      loader_(loader),
      eraser_(log, store, loader, clock, erase::EraserOptions{.data_dir = data_dir}, std::move(forget)) {}

Erasing::~Erasing() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

Status Erasing::hold_loader() {
    TRY(is_wanted_, eraser_.is_pending());
    if (is_wanted_) {
        problem_ = kBegun;
        still_ = loader_.keep_still();
        logging::info("erase.resumed", {});
    }
    return {};
}

void Erasing::start() {
    thread_ = std::thread([this] { run(); });
}

void Erasing::run() {
    name_thread("erasing");
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return is_wanted_ || stopping_; });
        if (stopping_) return;
        lock.unlock();
        Status done;
        {
            const std::lock_guard one_at_a_time(carrying_out_);
            done = eraser_.resume();
        }
        if (!done) logging::warn("erase.retry", {{"error", done.error().message}});
        lock.lock();
        is_wanted_ = !done;
        problem_ = done ? std::string() : std::string(kBegun) + ": " + done.error().message;
        // A store that only does not answer yet loads nothing of the erased either way.
        if (done || done.error().code != Code::kTimeout) still_.reset();
        if (!done) changed_.wait_for(lock, kRetryEvery, [this] { return stopping_; });
    }
}

Result<erase::Report> Erasing::erase(const erase::Subject& subject, log::ErasurePace pace) {
    Result<erase::Report> report = [&] {
        const std::lock_guard one_at_a_time(carrying_out_);
        return eraser_.erase(subject, pace);
    }();
    if (report) return report;
    const auto is_pending = eraser_.is_pending();
    if (is_pending && !*is_pending) return report;
    {
        const std::lock_guard lock(mutex_);
        is_wanted_ = true;
        problem_ = std::string(kBegun) + ": " + report.error().message;
    }
    changed_.notify_all();
    return report.error().context(kBegun);
}

Result<erase::Found> Erasing::find(const erase::Subject& subject) const {
    return erase::find(log_, subject, {.begin = 0, .end = log_.end().offset});
}

Result<erase::ExportPage> Erasing::export_page(const erase::ExportRequest& request, std::string_view from) const {
    if (from.empty()) TRY_STATUS(loader_.wait_loaded(log_.end(), kLoadedWaitMs));
    return erase::export_page(log_, store_, request, from);
}

std::string Erasing::problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
}

}  // namespace footfall::app
