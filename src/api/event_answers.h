#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/repeating_thread.h"
#include "base/result.h"
#include "http/body_stream.h"
#include "http/http.h"
#include "query/progress.h"

namespace footfall::api {

/// The answer to a question as server-sent events (text/event-stream of the HTML standard): how far it is, now and
/// then, and at last the answer or what went wrong. Thread-safe.
class EventAnswer {
public:
    EventAnswer(std::shared_ptr<http::BodyStream> body, Clock& clock, std::int64_t asked_ns)
        : body_(std::move(body)), clock_(clock), asked_ns_(asked_ns) {}

    const std::shared_ptr<query::Progress>& progress() const { return progress_; }
    /// Nothing where the answer is there, or where the client does not read what it was told before.
    void tell_progress();
    /// The end, once: `event: answer` with the answer's JSON, or `event: error` with the body of the error.
    void end(const Result<std::string>& answer);
    bool has_ended() const;

private:
    const std::shared_ptr<http::BodyStream> body_;
    Clock& clock_;
    const std::int64_t asked_ns_;
    const std::shared_ptr<query::Progress> progress_ = std::make_shared<query::Progress>();
    mutable std::mutex mutex_;
    bool has_ended_ = false;
};

/// Tells of all answers that are on their way how far they are, four times a second. Thread-safe.
class EventAnswers {
public:
    static constexpr std::int64_t kEveryMs = 250;
    /// Asks the store how far questions are.
    using Look = std::function<Status(std::span<const std::shared_ptr<query::Progress>> questions)>;

    EventAnswers(Clock& clock, Look look);

    /// Begins the answer to an exchange: with 200, whatever becomes of it.
    std::shared_ptr<EventAnswer> begin(http::Exchange& exchange);
    /// No answer is told of any more.
    void stop() { thread_.stop(); }

private:
    std::int64_t turn();

    Clock& clock_;
    const Look look_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<EventAnswer>> answers_;
    RepeatingThread thread_;
};

}  // namespace footfall::api
