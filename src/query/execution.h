#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "query/progress.h"
#include "query/refusals.h"
#include "store/client.h"

namespace footfall::query {

/// The statements of one question, on one deadline. Of the service.
class Execution {
public:
    struct Limits {
        std::int64_t deadline_ns = 0;
        std::uint64_t memory_max = 0;            ///< bytes of one statement; 0: the store's own limit
        std::uint64_t all_cores_memory_max = 0;  ///< bytes of one statement on all cores
    };
    /// `progress` is told of the statements; null: nobody looks.
    Execution(store::Client& store, Clock& clock, const Limits& limits, std::stop_token stop,
              std::shared_ptr<Progress> progress = nullptr)
        : store_(store),
          clock_(clock),
          started_ns_(clock.steady_ns()),
          limits_(limits),
          stop_(std::move(stop)),
          progress_(std::move(progress)) {}

    double took_ms() const { return static_cast<double>(clock_.steady_ns() - started_ns_) / 1e6; }
    std::int64_t deadline_ns() const { return limits_.deadline_ns; }
    const std::stop_token& stop() const { return stop_; }
    int left_ms() const {
        return static_cast<int>(std::max<std::int64_t>(0, limits_.deadline_ns - clock_.steady_ns()) / 1'000'000);
    }

    /// While it lives, the statements end by that word instead: others wait for their answers too.
    class Shared {
    public:
        Shared(Execution& execution, std::stop_token stop)
            : execution_(execution), own_(std::exchange(execution.stop_, std::move(stop))) {}
        ~Shared() { execution_.stop_ = std::move(own_); }
        Shared(const Shared&) = delete;
        Shared& operator=(const Shared&) = delete;

    private:
        Execution& execution_;
        std::stop_token own_;
    };

    /// took_too_long() past the deadline, nobody_waits() once that is so. A statement that the store calls wrong is
    /// kInternal: nobody who asks can write one.
    Result<store::Answer> ask(store::Statement statement) {
        if (stop_.stop_requested()) return nobody_waits();
        const int left_ms = this->left_ms();
        if (left_ms <= 0) return took_too_long();
        statement.timeout_ms = left_ms;
        limit_memory(statement.settings);
        if (progress_) statement.settings.emplace_back("log_comment", progress_->mark());
        auto answered = store_.query(statement, stop_);
        if (progress_) progress_->statement_ended(answered ? std::optional(answered->rows_read) : std::nullopt);
        return of_ours(std::move(answered));
    }

    /// The rows of a statement as they come (store::Client::stream_rows). Errors as ask(), and those of the takers.
    Status stream(store::Statement statement, const store::Client::TakeColumns& begin,
                  const store::Client::TakeRow& take) {
        if (stop_.stop_requested()) return nobody_waits();
        const int left_ms = this->left_ms();
        if (left_ms <= 0) return took_too_long();
        statement.timeout_ms = left_ms;
        limit_memory(statement.settings);
        return of_ours(store_.stream_rows(statement, begin, take, stop_));
    }

    /// The engine gives a question a second thread only for 1 GiB of free memory, which the embedded store of a small
    /// machine has not, since each thread keeps groups and sets of its own: of few groups they fit, or they are made by
    /// one thread after all. A slow answer is better than none. Errors as ask().
    Result<store::Answer> ask_on_all_cores(store::Statement statement) {
        store::Statement wide = statement;
        wide.settings.emplace_back("max_threads_min_free_memory_per_thread", "0");
        const std::uint64_t memory_max = limits_.memory_max == 0
                                             ? limits_.all_cores_memory_max
                                             : std::min(limits_.all_cores_memory_max, limits_.memory_max);
        wide.settings.emplace_back(kMemorySetting, std::to_string(memory_max));
        auto answer = ask(std::move(wide));
        if (answer || answer.error().code != Code::kTooLarge) return answer;
        return ask(std::move(statement));
    }

    /// The bytes of a statement that names its FORMAT. Errors as ask().
    Result<std::string> fetch(store::Statement statement) {
        if (stop_.stop_requested()) return nobody_waits();
        const int left_ms = this->left_ms();
        if (left_ms <= 0) return took_too_long();
        statement.timeout_ms = left_ms;
        limit_memory(statement.settings);
        return of_ours(store_.fetch(statement));
    }

private:
    static constexpr std::string_view kMemorySetting = "max_memory_usage";

    template <class T>
    Result<T> of_ours(Result<T> answered) const {
        if (answered) return answered;
        if (stop_.stop_requested()) return nobody_waits();
        if (answered.error().code == Code::kTimeout) return took_too_long();
        if (answered.error().code != Code::kInvalidArgument) return answered;
        Error error = answered.error().context("the store refused the planner's statement");
        error.code = Code::kInternal;
        return error;
    }
    // A statement that brings a limit of its own has a smaller one.
    void limit_memory(store::Settings& settings) const {
        if (limits_.memory_max == 0) return;
        const auto own = std::find_if(settings.begin(), settings.end(),
                                      [](const auto& setting) { return setting.first == kMemorySetting; });
        if (own == settings.end()) settings.emplace_back(kMemorySetting, std::to_string(limits_.memory_max));
    }

    store::Client& store_;
    Clock& clock_;
    const std::int64_t started_ns_;
    const Limits limits_;
    std::stop_token stop_;
    const std::shared_ptr<Progress> progress_;
};

}  // namespace footfall::query
