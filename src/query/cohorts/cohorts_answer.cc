#include <map>
#include <span>
#include <utility>

#include "base/json.h"
#include "query/cells.h"
#include "query/cohorts/cohorts_plan.h"

namespace footfall::query {
namespace {

/// By the first day of the cohort, and of the period.
using Counts = std::map<std::pair<Day, Day>, std::uint64_t>;

void write_cohort(json::Writer& json, std::span<const Day> periods, const Counts& counts) {
    const Day cohort = periods.front();
    const auto count = [&](Day period) {
        const auto found = counts.find({cohort, period});
        return found == counts.end() ? 0 : found->second;
    };
    const std::uint64_t size = count(cohort);
    json.begin_object();
    json.member("date", day_text(cohort));
    json.member("visitors", size);
    json.key("periods");
    json.begin_array();
    for (const Day period : periods) {
        json.begin_object();
        json.member("visitors", count(period));
        json.key("rate");
        if (size == 0) json.null();
        else json.number(100.0 * static_cast<double>(count(period)) / static_cast<double>(size));
        json.end_object();
    }
    json.end_array();
    json.end_object();
}

}  // namespace

Result<std::string> write_cohorts(const CohortPlan& cohorts, const Zone& zone, const AnswerParts& parts) {
    Counts counts;
    for (const auto& row : parts.current.rows) counts[{day_of(row.at(0)), day_of(row.at(1))}] = natural_of(row.at(2));
    std::vector<Day> starts;
    const bool is_everything = cohorts.plan.range.unit == Range::Unit::kEverything;
    if (!is_everything || !counts.empty()) {
        TRY(starts, cohorts.starts(
                        zone, is_everything ? counts.begin()->first.first : zone.day_of(cohorts.plan.range.from_ms)));
    }
    std::string out;
    json::Writer json(out);
    json.begin_object();
    json.member("granularity", period_name(cohorts.period));
    json.key("running");
    if (!starts.empty() && zone.day_start_ms(next_period(cohorts.period, starts.back())) > cohorts.now_ms)
        json.string(day_text(starts.back()));
    else json.null();
    json.key("cohorts");
    json.begin_array();
    for (std::span<const Day> left(starts); !left.empty(); left = left.subspan(1)) write_cohort(json, left, counts);
    json.end_array();
    write_meta(json, cohorts.plan, zone, parts);
    json.end_object();
    return out;
}

}  // namespace footfall::query
