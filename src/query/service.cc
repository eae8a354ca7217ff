#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/answer.h"
#include "query/plan.h"
#include "query/query.h"
#include "query/sql.h"
#include "query/vocabulary.h"
#include "query/zone.h"

namespace footfall::query {
namespace {

// The statements of one request, on one deadline.
class Execution {
public:
    Execution(store::Client& store, Clock& clock, std::int64_t deadline_ns)
        : store_(store), clock_(clock), started_ns_(clock.steady_ns()), deadline_ns_(deadline_ns) {}

    double took_ms() const { return static_cast<double>(clock_.steady_ns() - started_ns_) / 1e6; }
    int left_ms() const {
        return static_cast<int>(std::max<std::int64_t>(0, deadline_ns_ - clock_.steady_ns()) / 1'000'000);
    }

    Result<store::Answer> ask(store::Statement statement) {
        const int left_ms = this->left_ms();
        if (left_ms <= 0)
            return Error(Code::kTimeout, "the query took too long; ask for a shorter range or fewer dimensions");
        statement.timeout_ms = left_ms;
        auto answer = store_.query(statement);
        if (!answer && answer.error().code == Code::kInvalidArgument) {
            Error error = answer.error().context("the store refused the planner's statement");
            error.code = Code::kInternal;
            return error;
        }
        return answer;
    }

private:
    store::Client& store_;
    Clock& clock_;
    const std::int64_t started_ns_;
    const std::int64_t deadline_ns_;
};

/// A statement without dimensions on every core. The engine gives a question a second thread only for 1 GiB of free
/// memory, which the embedded store has not, since each thread keeps sets of its own: of one group they fit.
store::Statement on_all_cores(store::Statement statement) {
    statement.settings.emplace_back("max_threads_min_free_memory_per_thread", "0");
    return statement;
}

/// The rows and totals of a plan over a range.
class Question {
public:
    Question(Execution& execution, const Plan& plan, const Range& range, const Zone& zone, int timeout_ms)
        : execution_(execution), plan_(plan), range_(range), zone_(zone), timeout_ms_(timeout_ms) {}

    store::Statement statement() const { return compose(plan_, range_, zone_, timeout_ms_); }

    Result<store::Answer> ask() {
        if (plan_.top_rows) {
            TRY(std::optional<store::Answer> found, ask_for_top_rows());
            if (found) return std::move(*found);
        }
        return ask_plainly();
    }
    /// By statement(), whatever the plan has for a quicker way.
    Result<store::Answer> ask_plainly() {
        if (plan_.dimensions.empty()) {
            auto answer = execution_.ask(on_all_cores(statement()));
            if (answer || answer.error().code != Code::kTooLarge) return answer;
        }
        auto answer = execution_.ask(statement());
        if (answer) answer->rows_read += rows_read_;
        return answer;
    }

private:
    /// Nothing where the candidates do not decide. What arrives between the two statements may be any group's.
    Result<std::optional<store::Answer>> ask_for_top_rows() {
        std::uint64_t size_before = 0;
        if (!plan_.has_total) {
            TRY(size_before, number(compose_size(timeout_ms_)));
        }
        TRY(const store::Answer groups, execution_.ask(compose_candidates(plan_, range_, zone_, timeout_ms_)));
        rows_read_ += groups.rows_read;
        const std::size_t count = plan_.top_rows->candidates;
        if (groups.rows.size() < 1 + count + 1) return std::optional<store::Answer>();
        std::vector<std::string> candidates;
        for (std::size_t i = 1; i <= count; ++i) candidates.push_back(std::get<std::string>(groups.rows[i][0]));
        // Bytes that are no UTF-8 do not come as they are, and would not find their group again.
        constexpr std::string_view kReplaced = "\xEF\xBF\xBD";
        for (const std::string& candidate : candidates)
            if (candidate.find(kReplaced) != std::string::npos) return std::optional<store::Answer>();
        const auto& rest = groups.rows[count + 1];
        TRY(store::Answer answer, execution_.ask(compose_top_rows(plan_, range_, zone_, candidates,
                                                                  std::get<std::string>(rest[0]), timeout_ms_)));
        rows_read_ += answer.rows_read;
        if (answer.rows.size() != (plan_.has_total ? 1 : 0) + static_cast<std::size_t>(plan_.limit))
            return std::optional<store::Answer>();
        const std::size_t metric = plan_.dimensions.size() + plan_.order.front().index;
        const std::uint64_t last = natural(answer.rows.back()[metric]);
        const std::uint64_t others = natural(rest[1]);
        const auto decides = [&](std::uint64_t before, std::uint64_t now) {
            return now >= before && last > others + (now - before);
        };
        const std::uint64_t of_all = natural(groups.rows.front()[1]);
        if (plan_.has_total) {
            if (!decides(of_all, natural(answer.rows.front().back()))) return std::optional<store::Answer>();
            answer.columns.pop_back();
            for (auto& row : answer.rows) row.pop_back();
        } else if (last <= others) {
            return std::optional<store::Answer>();
        } else {
            // The table's size costs nothing and says the most that can have come; what has come of what is asked for
            // is counted only where that is too much.
            TRY(const std::uint64_t size_now, number(compose_size(timeout_ms_)));
            if (!decides(size_before, size_now)) {
                TRY(const std::uint64_t of_all_now, number(compose_bound(plan_, range_, zone_, timeout_ms_)));
                if (!decides(of_all, of_all_now)) return std::optional<store::Answer>();
            }
        }
        answer.rows_read = rows_read_;
        return std::optional<store::Answer>(std::move(answer));
    }

    /// Of a statement whose answer is one.
    Result<std::uint64_t> number(store::Statement statement) {
        TRY(const store::Answer answer, execution_.ask(std::move(statement)));
        rows_read_ += answer.rows_read;
        return natural(answer.rows.at(0).at(0));
    }
    static std::uint64_t natural(const store::Value& value) {
        const auto* number = std::get_if<std::uint64_t>(&value);
        FOOTFALL_CHECK(number != nullptr);  // the declarations name counts alone
        return *number;
    }

    Execution& execution_;
    const Plan& plan_;
    const Range& range_;
    const Zone& zone_;
    const int timeout_ms_;
    std::uint64_t rows_read_ = 0;  ///< by what did not become the answer
};

// ESTIMATE has a row for each table that is read; none where no part can hold a row.
std::uint64_t rows_of_estimate(const store::Answer& answer) {
    constexpr std::size_t kRows = 3;
    std::uint64_t total = 0;
    for (const auto& row : answer.rows)
        if (row.size() > kRows)
            if (const auto* rows = std::get_if<std::uint64_t>(&row[kRows])) total += *rows;
    return total;
}

}  // namespace

Result<std::string> Service::run(const Request& request, const SiteInfo& site,
                                 const std::function<std::string()>& as_of, Format format,
                                 std::optional<std::int64_t> asked_ns) {
    const std::int64_t deadline_ns =
        asked_ns.value_or(clock_.steady_ns()) + options_.timeout_ms * std::int64_t{1'000'000};
    Execution execution(store_, clock_, deadline_ns);
    if (asked_ns && execution.left_ms() <= 0)
        return Error(Code::kOverloaded, "the query waited too long for others; try again in a moment");
    TRY(const Zone zone, Zone::load(site.timezone));
    Request asked = request;
    if (format != Format::kJson) asked.totals = Toggle::kOff;  // no other has a place for them
    TRY(const Plan plan,
        make_plan(
            {.request = asked, .site = site, .zone = zone, .vocabulary = vocabulary(), .now_ms = clock_.wall_ms()}));

    AnswerParts parts;
    parts.as_of = as_of();
    Question current(execution, plan, plan.range, zone, options_.timeout_ms);
    if (request.explain == Toggle::kOn) {
        const store::Statement statement = current.statement();
        TRY(const store::Answer estimate, execution.ask(compose_estimate(statement)));
        parts.explanation = Explanation{statement, rows_of_estimate(estimate)};
        TRY(parts.current, current.ask_plainly());
    } else {
        TRY(parts.current, current.ask());
    }
    if (format != Format::kJson) return write_rows(plan, zone, parts.current, format);
    if (plan.previous) {
        TRY(parts.previous, Question(execution, plan, *plan.previous, zone, options_.timeout_ms).ask());
    }
    parts.took_ms = execution.took_ms();
    return write_answer(plan, zone, parts);
}

}  // namespace footfall::query
