#include <algorithm>
#include <utility>

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
    Execution(store::Client& store, Clock& clock, int timeout_ms)
        : store_(store), clock_(clock), started_ns_(clock.steady_ns()), timeout_ms_(timeout_ms) {}

    double took_ms() const { return static_cast<double>(clock_.steady_ns() - started_ns_) / 1e6; }

    Result<store::Answer> ask(store::Statement statement) {
        const int left_ms = timeout_ms_ - static_cast<int>(std::min<double>(took_ms(), timeout_ms_));
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
    const int timeout_ms_;
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
                                 const std::function<std::string()>& as_of) {
    Execution execution(store_, clock_, options_.timeout_ms);
    TRY(const Zone zone, Zone::load(site.timezone));
    TRY(const Plan plan,
        make_plan(
            {.request = request, .site = site, .zone = zone, .vocabulary = vocabulary(), .now_ms = clock_.wall_ms()}));

    AnswerParts parts;
    parts.as_of = as_of();
    store::Statement statement = compose(plan, plan.range, zone, options_.timeout_ms);
    if (request.explain == Toggle::kOn) {
        TRY(const store::Answer estimate, execution.ask(compose_estimate(statement)));
        parts.explanation = Explanation{statement, rows_of_estimate(estimate)};
    }
    TRY(parts.current, execution.ask(std::move(statement)));
    if (plan.previous) {
        TRY(parts.previous, execution.ask(compose(plan, *plan.previous, zone, options_.timeout_ms)));
    }
    parts.took_ms = execution.took_ms();
    return write_answer(plan, zone, parts);
}

}  // namespace footfall::query
