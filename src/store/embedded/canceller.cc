#include "store/embedded/canceller.h"

#include <chrono>

#include <fmt/format.h>

#include "base/logging.h"

namespace footfall::store::embedded {
namespace {

/// Between two attempts at one statement: it may not have begun at the first, and ends some milliseconds after it.
constexpr std::chrono::milliseconds kRepeatAfter{50};

}  // namespace

Canceller::~Canceller() { thread_.stop(); }

std::string Canceller::mark(Number number) { return fmt::format("statement {} ", number); }

Canceller::Number Canceller::add() {
    const std::lock_guard lock(mutex_);
    statements_.emplace(++last_, false);
    return last_;
}

void Canceller::cancel(Number number) {
    const std::lock_guard lock(mutex_);
    const auto found = statements_.find(number);
    if (found == statements_.end()) return;
    found->second = true;
    if (!is_running_) is_running_ = thread_.submit([this] { run(); });
    changed_.notify_all();
}

bool Canceller::is_cancelled(Number number) const {
    const std::lock_guard lock(mutex_);
    const auto found = statements_.find(number);
    return found != statements_.end() && found->second;
}

void Canceller::ended(Number number) {
    const std::lock_guard lock(mutex_);
    if (statements_.erase(number) > 0) changed_.notify_all();
}

std::vector<Canceller::Number> Canceller::cancelled() const {
    std::vector<Number> numbers;
    for (const auto& [number, is_cancelled] : statements_)
        if (is_cancelled) numbers.push_back(number);
    return numbers;
}

void Canceller::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        const std::vector<Number> numbers = cancelled();
        if (numbers.empty()) {
            is_running_ = false;
            return;
        }
        lock.unlock();
        for (const Number number : numbers) kill(number);
        lock.lock();
        changed_.wait_for(lock, kRepeatAfter, [&] { return cancelled() != numbers; });
    }
}

void Canceller::kill(Number number) const {
    auto session = sessions_.take();
    if (!session) return logging::warn("store.cancel_failed", {{"reason", session.error().message}});
    // Never SYNC: the engine would wait for its connection to be used again. What writes is left to end.
    const Outcome killed = (*session)->connection().run(
        fmt::format("KILL QUERY WHERE startsWith(Settings['log_comment'], '{}') AND query_kind = 'Select' ASYNC",
                    mark(number)),
        "Null", {});
    if (!killed.error.empty()) return logging::warn("store.cancel_failed", {{"reason", killed.error}});
    sessions_.give_back(std::move(*session));
}

}  // namespace footfall::store::embedded
