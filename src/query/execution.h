#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"
#include "base/result.h"
#include "store/client.h"

namespace footfall::query {

/// The statements of one question, on one deadline. Of the service.
class Execution {
public:
    Execution(store::Client& store, Clock& clock, std::int64_t deadline_ns)
        : store_(store), clock_(clock), started_ns_(clock.steady_ns()), deadline_ns_(deadline_ns) {}

    double took_ms() const { return static_cast<double>(clock_.steady_ns() - started_ns_) / 1e6; }
    std::int64_t deadline_ns() const { return deadline_ns_; }
    int left_ms() const {
        return static_cast<int>(std::max<std::int64_t>(0, deadline_ns_ - clock_.steady_ns()) / 1'000'000);
    }

    /// kTimeout past the deadline. A statement that the store calls wrong is kInternal: nobody who asks can write one.
    Result<store::Answer> ask(store::Statement statement) {
        const int left_ms = this->left_ms();
        if (left_ms <= 0)
            return Error(Code::kTimeout, "the query took too long; ask for a shorter range or fewer dimensions");
        statement.timeout_ms = left_ms;
        return of_ours(store_.query(statement));
    }

    /// The bytes of a statement that names its FORMAT.
    Result<std::string> fetch(store::Statement statement) {
        statement.timeout_ms = std::max(1, left_ms());
        return of_ours(store_.fetch(statement));
    }

private:
    template <class T>
    static Result<T> of_ours(Result<T> answered) {
        if (answered || answered.error().code != Code::kInvalidArgument) return answered;
        Error error = answered.error().context("the store refused the planner's statement");
        error.code = Code::kInternal;
        return error;
    }

    store::Client& store_;
    Clock& clock_;
    const std::int64_t started_ns_;
    const std::int64_t deadline_ns_;
};

}  // namespace footfall::query
