#include "query/executor.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/metrics.h"
#include "query/refusals.h"

namespace footfall::query {
namespace {

struct Metrics {
    metrics::Gauge& running = metrics::gauge("footfall_queries_running", "Queries that have their turn.");
    metrics::Gauge& waiting = metrics::gauge("footfall_queries_waiting", "Queries that wait for their turn.");
    metrics::Histogram& wait = metrics::histogram("footfall_query_wait_seconds", "A query's wait for its turn.");
};
Metrics& shown() {
    static Metrics instance;
    return instance;
}

void count_refusal(std::string_view why) {
    metrics::counter("footfall_queries_refused_total", "Queries that never had their turn, by why.",
                     fmt::format("why=\"{}\"", why))
        .add();
}

}  // namespace

Executor::Executor(Clock& clock, const QueueLimits& limits)
    : clock_(clock), queue_(limits), threads_("query", limits.running_max, limits.running_max) {
    FOOTFALL_CHECK(limits.running_max > 0 && limits.site_running_max > 0);
    shown();
    FOOTFALL_CHECK(watch_.submit([this] { watch(); }));
    for (std::size_t i = 0; i < limits.running_max; ++i) FOOTFALL_CHECK(threads_.submit([this] { work(); }));
}

Result<Executor::Ticket> Executor::submit(Task task) {
    const std::unique_lock lock(mutex_);
    if (is_stopping_) return stopping();
    const std::string site_id = task.site_id;
    const std::int64_t deadline_ns = task.deadline_ns;
    switch (queue_.add(site_id, {.ticket = last_ + 1, .since_ns = clock_.steady_ns(), .task = std::move(task)})) {
        case Queue::Added::kYes: break;
        case Queue::Added::kSiteIsFull: count_refusal("site_waiting_max"); return site_waits_enough();
        case Queue::Added::kIsFull: count_refusal("waiting_max"); return too_many_wait();
    }
    show();
    ready_.notify_one();
    if (deadline_ns < watched_ns_) watched_.notify_one();
    return ++last_;
}

void Executor::cancel(Ticket ticket) {
    std::vector<Waiting> taken;
    {
        const std::lock_guard lock(mutex_);
        taken = queue_.take_if([&](const Waiting& waiting) { return waiting.ticket == ticket; });
        show();
    }
    refuse(taken, nobody_waits(), "client_gone");
}

void Executor::expire() {
    std::vector<Waiting> taken;
    {
        const std::lock_guard lock(mutex_);
        const std::int64_t now_ns = clock_.steady_ns();
        taken = queue_.take_if([&](const Waiting& waiting) { return waiting.task.deadline_ns <= now_ns; });
        show();
    }
    refuse(taken, waited_too_long(), "timeout");
}

void Executor::stop() {
    std::vector<Waiting> taken;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(is_stopping_, true)) return;
        taken = queue_.take_if([](const Waiting&) { return true; });
    }
    ready_.notify_all();
    watched_.notify_all();
    refuse(taken, stopping(), "stopping");
    threads_.stop();
    watch_.stop();
}

void Executor::refuse(const std::vector<Waiting>& tasks, const Error& error, std::string_view why) const {
    for (const Waiting& waiting : tasks) {
        count_refusal(why);
        waiting.task.refuse(error);
    }
}

void Executor::show() const {
    shown().running.set(static_cast<double>(queue_.running()));
    shown().waiting.set(static_cast<double>(queue_.waiting()));
}

void Executor::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        std::optional<Waiting> turn;
        ready_.wait(lock, [&] {
            if (!is_stopping_) turn = queue_.next();
            return is_stopping_ || turn.has_value();
        });
        if (!turn) return;
        show();
        lock.unlock();
        const std::string site_id = turn->task.site_id;
        const std::int64_t now_ns = clock_.steady_ns();
        shown().wait.observe_ns(now_ns - turn->since_ns);
        Next next = Next::kDone;
        if (turn->task.deadline_ns > now_ns) next = turn->task.run();
        else refuse({*turn}, waited_too_long(), "timeout");
        // What the task holds goes without the lock.
        if (next == Next::kDone) turn.reset();
        else turn->since_ns = clock_.steady_ns();
        lock.lock();
        queue_.ended(site_id);
        if (turn && !is_stopping_) {
            if (turn->task.deadline_ns < watched_ns_) watched_.notify_one();
            queue_.add_again(site_id, std::move(*turn));
            turn.reset();
        }
        show();
        // Of two that its end lets run this thread takes one.
        ready_.notify_one();
        if (!turn) continue;
        lock.unlock();
        refuse({*turn}, stopping(), "stopping");
        turn.reset();
        lock.lock();
    }
}

void Executor::watch() {
    std::unique_lock lock(mutex_);
    while (!is_stopping_) {
        watched_ns_ = kNever;
        queue_.for_each_waiting(
            [&](const Waiting& waiting) { watched_ns_ = std::min(watched_ns_, waiting.task.deadline_ns); });
        const std::int64_t left_ns = watched_ns_ == kNever ? 0 : watched_ns_ - clock_.steady_ns();
        if (watched_ns_ == kNever) watched_.wait(lock);
        else if (left_ns > 0) watched_.wait_for(lock, std::chrono::nanoseconds(left_ns));
        if (watched_ns_ == kNever || clock_.steady_ns() < watched_ns_) continue;
        lock.unlock();
        expire();
        lock.lock();
    }
}

}  // namespace footfall::query
