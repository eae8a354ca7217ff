#include "app/rebuilding.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"

namespace footfall::app {
namespace {

struct Metrics {
    metrics::Counter& events =
        metrics::counter("footfall_rebuild_events_total", "Events written into tables that are made anew.");
    metrics::Counter& runs =
        metrics::counter("footfall_rebuilds_total", "Rebuilds whose tables took the place of the others.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

}  // namespace

Rebuilding::Rebuilding(const log::EventLog& history, store::Client& store, store::Client& shadow,
                       process::Loader& loader, std::mutex& changing, Clock& clock, Options options)
    : history_(history),
      store_(store),
      rebuild_(history, store, shadow, loader, changing),
      changing_(changing),
      clock_(clock),
      options_(std::move(options)) {
    counters();
}

double Rebuilding::Progress::events_per_second() const {
    return ms == 0 ? 0.0 : static_cast<double>(done.events) * 1000.0 / static_cast<double>(ms);
}

Status Rebuilding::check_room() {
    TRY(const std::uint64_t bytes, process::Rebuild::bytes_of_tables(store_));
    TRY(const std::uint64_t room, options_.room());
    // Parts that are merged stand beside what they are merged of.
    const std::uint64_t needed = bytes * 3 / 2;
    if (room >= needed) return {};
    return Error(
        Code::kUnavailable,
        fmt::format("the tables are made anew beside those that there are, which takes about {} MiB of disk, and "
                    "{} MiB are free",
                    needed >> 20, room >> 20));
}

Result<std::uint64_t> Rebuilding::begin() {
    if (std::string why = options_.why_not(); !why.empty()) return Error(Code::kUnavailable, std::move(why));
    {
        const std::lock_guard lock(mutex_);
        if (progress_.is_running) return progress_.number;
    }
    TRY_STATUS(check_room());
    const std::lock_guard lock(mutex_);
    if (stopping_) return Error(Code::kUnavailable, "Footfall is stopping");
    if (progress_.is_running) return progress_.number;
    if (thread_.joinable()) thread_.join();  // of the one before, which is over
    progress_ = {.number = progress_.number + 1, .is_running = true, .done = {}, .ms = 0, .error = {}};
    progress_.done.entries_of = history_.end().offset;
    began_ns_ = clock_.steady_ns();
    thread_ = std::thread([this] { run(); });
    return progress_.number;
}

void Rebuilding::run() {
    name_thread("rebuild");
    logging::info("rebuild.begun", {{"entries", history_.end().offset}});
    const auto tell = [this](const process::Rebuild::Progress& done) {
        const std::lock_guard lock(mutex_);
        counters().events.add(done.events - progress_.done.events);
        progress_.done = done;
        progress_.ms = (clock_.steady_ns() - began_ns_) / 1'000'000;
    };
    const auto go_on = [this]() -> Status {
        const std::lock_guard lock(mutex_);
        if (stopping_) return Error(Code::kUnavailable, "Footfall is stopping; the tables are as they were");
        if (is_outdated_) return Error(Code::kUnavailable, "the log was changed meanwhile");
        return {};
    };
    const auto exchange_next = [this]() -> Status {
        if (std::string why = options_.why_not(); !why.empty()) return Error(Code::kUnavailable, std::move(why));
        return options_.forget_derived();
    };
    for (;;) {
        {
            // A change that is under way ends before the log is read.
            const std::lock_guard nothing_is_changed(changing_);
            const std::lock_guard lock(mutex_);
            is_outdated_ = false;
        }
        const auto done = rebuild_.run(tell, go_on, exchange_next);
        if (done) options_.exchanged();
        std::unique_lock lock(mutex_);
        progress_.ms = (clock_.steady_ns() - began_ns_) / 1'000'000;
        if (!done && is_outdated_ && !stopping_) {
            progress_.done = {.entries = 0, .entries_of = history_.end().offset, .events = 0};
            began_ns_ = clock_.steady_ns();
            logging::info("rebuild.begun_again", {{"why", done.error().message}});
            continue;
        }
        progress_.is_running = false;
        if (done) {
            progress_.done = *done;
            counters().runs.add();
            logging::info("rebuild.done", {{"events", done->events}, {"ms", progress_.ms}});
        } else {
            progress_.error = done.error();
            logging::warn("rebuild.failed", {{"error", done.error().message}});
        }
        changed_.notify_all();
        return;
    }
}

Result<Rebuilding::Progress> Rebuilding::wait(std::uint64_t number, int timeout_ms) const {
    std::unique_lock lock(mutex_);
    if (number != progress_.number || number == 0)
        return Error(Code::kNotFound,
                     "the server was started again since, and the tables are as they were; run it again");
    changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return !progress_.is_running; });
    return progress_;
}

std::optional<Rebuilding::Progress> Rebuilding::running() const {
    const std::lock_guard lock(mutex_);
    if (!progress_.is_running) return std::nullopt;
    return progress_;
}

void Rebuilding::tables_changed() {
    const std::lock_guard lock(mutex_);
    is_outdated_ = true;
}

void Rebuilding::interrupt() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
}

void Rebuilding::stop() {
    interrupt();
    if (thread_.joinable()) thread_.join();
}

}  // namespace footfall::app
