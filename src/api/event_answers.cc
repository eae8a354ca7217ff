#include "api/event_answers.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "api/answer_format.h"
#include "base/json.h"

namespace footfall::api {
namespace {

std::string event(std::string_view name, std::string_view data) {
    std::string out = "event: ";
    out.append(name).append("\ndata: ").append(data).append("\n\n");
    return out;
}

}  // namespace

void EventAnswer::tell_progress() {
    const query::Progress::Rows rows = progress_->rows();
    std::string data;
    json::Writer json(data);
    json.begin_object();
    json.member("rows_read", rows.read);
    json.key("rows_total");
    if (rows.total) json.number(*rows.total);
    else json.null();
    json.member("elapsed_ms", (clock_.steady_ns() - asked_ns_) / 1'000'000);
    json.end_object();
    const std::lock_guard lock(mutex_);
    if (!has_ended_) (void)body_->offer(event("progress", data));
}

void EventAnswer::end(const Result<std::string>& answer) {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    body_->end(answer ? event("answer", *answer) : event("error", http::error_response(answer.error()).body));
}

bool EventAnswer::has_ended() const {
    const std::lock_guard lock(mutex_);
    return has_ended_;
}

EventAnswers::EventAnswers(Clock& clock, Look look) : clock_(clock), look_(std::move(look)) {
    thread_.start("api-progress", kEveryMs, [this] { return turn(); });
}

std::shared_ptr<EventAnswer> EventAnswers::begin(http::Exchange& exchange) {
    const std::int64_t asked_ns = exchange.started_ns();
    http::Response head;
    head.content_type = content_type(query::Format::kEvents);
    head.headers.emplace_back("Cache-Control", "no-store");
    auto answer = std::make_shared<EventAnswer>(exchange.stream(std::move(head)), clock_, asked_ns);
    const std::lock_guard lock(mutex_);
    answers_.push_back(answer);
    return answer;
}

// What was seen in the turn before is told first, so that a store that is slow to say makes nobody wait.
std::int64_t EventAnswers::turn() {
    const std::int64_t began_ns = clock_.steady_ns();
    std::vector<std::shared_ptr<EventAnswer>> answers;
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(answers_, [](const auto& answer) { return answer->has_ended(); });
        answers = answers_;
    }
    std::vector<std::shared_ptr<query::Progress>> questions;
    for (const auto& answer : answers) {
        answer->tell_progress();
        questions.push_back(answer->progress());
    }
    // Where it does not say, the numbers stay as they are.
    if (!questions.empty() && look_) (void)look_(questions);
    const std::int64_t took_ms = (clock_.steady_ns() - began_ns) / 1'000'000;
    return std::max<std::int64_t>(0, kEveryMs - took_ms);
}

}  // namespace footfall::api
