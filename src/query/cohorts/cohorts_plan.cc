#include "query/cohorts/cohorts_plan.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/names.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

constexpr std::array<std::pair<std::string_view, Period>, 3> kPeriods = {
    {{"day", Period::kDay}, {"week", Period::kWeek}, {"month", Period::kMonth}}};

Result<Period> period_of(const std::string& granularity) {
    for (const auto& [name, period] : kPeriods)
        if (name == granularity) return period;
    return refuse("unknown_granularity", "granularity",
                  fmt::format("a cohort is of a day, a week or a month, not of a '{}'", granularity),
                  nearest(granularity, cohort_granularity_names()));
}

Result<CohortPlan> make_plan_of(const CohortRequest& request, const PlanContext& context) {
    CohortPlan cohorts;
    TRY(cohorts.period, period_of(request.of.granularity));
    cohorts.now_ms = context.now_ms;
    Plan& plan = cohorts.plan;
    TRY(plan, begin_visitor_plan(request.of, context));
    cohorts.filters = plan.condition->children;
    plan.reasons.erase(plan.reasons.begin());  // of the range, which is of whole periods here
    if (plan.range.unit != Range::Unit::kEverything) {
        const Day first = period_start(cohorts.period, context.zone.day_of(plan.range.from_ms));
        plan.range.from_ms = std::max<std::int64_t>(0, context.zone.day_start_ms(first));
        TRY([[maybe_unused]] const auto starts, cohorts.starts(context.zone, first));
    }
    if (request.first) {
        TRY(cohorts.first, plan_step(*request.first, "first", context));
        plan.condition->children.push_back(cohorts.first->condition);
    }
    if (request.again) {
        TRY(cohorts.again, plan_step(*request.again, "again", context));
        plan.condition->children.push_back(cohorts.again->condition);
    }
    const TablesNeeded needed = tables_needed(plan);
    cohorts.is_of_events = cohorts.first || cohorts.again || !needed.of_event.empty();
    cohorts.is_joined = cohorts.is_of_events && !needed.of_session.empty();
    plan.reasons.push_back(fmt::format("{}s of {} that begin from {} on, before {}", period_name(cohorts.period),
                                       context.zone.name(), context.zone.instant_text(plan.range.from_ms),
                                       context.zone.instant_text(plan.range.to_ms)));
    plan.reasons.emplace_back(!cohorts.is_of_events ? "source 'sessions': all that started before the range's end"
                              : cohorts.is_joined
                                  ? "source 'events', joined with 'sessions': all from before the range's end"
                                  : "source 'events': all from before the range's end");
    TRY_STATUS(end_visitor_plan(context, plan));
    return cohorts;
}

class CohortQuestion final : public VisitorQuestion {
public:
    CohortQuestion(CohortPlan cohorts, const Zone& zone) : cohorts_(std::move(cohorts)), zone_(zone) {}

    const Plan& plan() const override { return cohorts_.plan; }
    // Whoever came before is in no cohort.
    bool is_of_all_before() const override { return true; }
    store::Statement compose(const Shard& shard, int timeout_ms) const override {
        return compose_cohorts(cohorts_, zone_, shard, timeout_ms);
    }
    std::vector<std::size_t> keys() const override { return {0, 1}; }
    Result<std::string> write(const AnswerParts& parts) const override { return write_cohorts(cohorts_, zone_, parts); }

private:
    const CohortPlan cohorts_;
    const Zone& zone_;
};

}  // namespace

std::vector<std::string_view> cohort_granularity_names() {
    std::vector<std::string_view> names;
    for (const auto& [name, period] : kPeriods) names.push_back(name);
    return names;
}

Day period_start(Period period, Day day) {
    switch (period) {
        case Period::kDay: return day;
        case Period::kWeek: return cctz::prev_weekday(day + 1, cctz::weekday::monday);
        case Period::kMonth: return Day(cctz::civil_month(day));
    }
    FOOTFALL_CHECK(false);  // every period was met
    return day;
}

Day next_period(Period period, Day start) {
    switch (period) {
        case Period::kDay: return start + 1;
        case Period::kWeek: return start + 7;
        case Period::kMonth: return Day(cctz::civil_month(start) + 1);
    }
    FOOTFALL_CHECK(false);  // every period was met
    return start;
}

std::string_view period_name(Period period) { return kPeriods[static_cast<std::size_t>(period)].first; }

Result<std::vector<Day>> CohortPlan::starts(const Zone& zone, Day from) const {
    const std::int64_t end_ms = std::min(plan.range.to_ms, now_ms + 1);
    std::vector<Day> days;
    for (Day day = period_start(period, from); zone.day_start_ms(day) < end_ms; day = next_period(period, day)) {
        if (days.size() == kCohortsMax)
            return refuse(
                "limit_exceeded", "granularity",
                fmt::format("at most {} cohorts are told; ask for a shorter range or longer periods", kCohortsMax));
        days.push_back(day);
    }
    return days;
}

Result<std::unique_ptr<VisitorQuestion>> CohortRequest::plan(const PlanContext& context) const {
    TRY(auto cohorts, make_plan_of(*this, context));
    return std::unique_ptr<VisitorQuestion>(std::make_unique<CohortQuestion>(std::move(cohorts), context.zone));
}

}  // namespace footfall::query
