#include "query/progress.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "query/cells.h"

namespace footfall::query {
namespace {

/// Of the statement that looks, which must not take long: what it tells is shown at once or not at all.
constexpr int kTimeoutMs = 200;

constexpr std::size_t kMarkBytes = 24;
constexpr std::string_view kMarkBegin = "question ";

}  // namespace

Progress::Progress() : mark_(std::string(kMarkBegin) + random_token(kMarkBytes)) {}

void Progress::show() {
    shown_.read = std::max(shown_.read, of_ended_.read + of_running_.read);
    if (of_ended_.total || of_running_.total)
        shown_.total = std::max(
            {shown_.total.value_or(0), of_ended_.total.value_or(0) + of_running_.total.value_or(0), shown_.read});
}

void Progress::statement_ended(std::optional<std::uint64_t> rows_read) {
    const std::lock_guard lock(mutex_);
    ++ended_;
    const std::uint64_t read = rows_read.value_or(of_running_.read);
    of_ended_.read += read;
    of_ended_.total = of_ended_.total.value_or(0) + read;
    of_running_ = {};
    show();
}

Progress::Rows Progress::rows() const {
    const std::lock_guard lock(mutex_);
    return shown_;
}

std::uint64_t Progress::ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

void Progress::saw(std::uint64_t ended, const Rows& running) {
    const std::lock_guard lock(mutex_);
    // Of one that has ended meanwhile the rows are counted already.
    if (ended != ended_) return;
    of_running_ = running;
    show();
}

Status look_at_progress(store::Client& store, std::span<const std::shared_ptr<Progress>> questions) {
    if (questions.empty()) return {};
    std::vector<std::uint64_t> ended;
    for (const auto& question : questions) ended.push_back(question->ended());
    // The embedded store puts a mark of its own in front.
    TRY(const store::Answer answer,
        store.query(
            {.sql = fmt::format("SELECT right(Settings['log_comment'], {}) AS mark, sum(read_rows), "
                                "sum(total_rows_approx) FROM system.processes WHERE mark LIKE '{}%' GROUP BY mark",
                                questions.front()->mark().size(), kMarkBegin),
             .settings = {{"priority", "1"}},
             .timeout_ms = kTimeoutMs}));
    std::map<std::string, Progress::Rows> running;
    for (const auto& row : answer.rows) {
        const std::uint64_t total = natural_of(row.at(2));
        running[std::get<std::string>(row.at(0))] = {.read = natural_of(row.at(1)),
                                                     .total = total > 0 ? std::optional(total) : std::nullopt};
    }
    for (std::size_t i = 0; i < questions.size(); ++i)
        if (const auto found = running.find(questions[i]->mark()); found != running.end())
            questions[i]->saw(ended[i], found->second);
    return {};
}

}  // namespace footfall::query
