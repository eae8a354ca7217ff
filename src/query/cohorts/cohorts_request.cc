#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/cohorts/cohorts.h"
#include "query/passes/passes.h"
#include "query/request_reader.h"

namespace footfall::query {
namespace {

using simdjson::dom::element;

constexpr std::array<std::pair<std::string_view, Period>, 3> kPeriods = {
    {{"day", Period::kDay}, {"week", Period::kWeek}, {"month", Period::kMonth}}};

Result<Period> period_of(const std::string& granularity) {
    std::vector<std::string_view> names;
    for (const auto& [name, period] : kPeriods) {
        if (name == granularity) return period;
        names.push_back(name);
    }
    return refuse("unknown_granularity", "granularity",
                  fmt::format("a cohort is of a day, a week or a month, not of a '{}'", granularity),
                  nearest(granularity, names));
}

}  // namespace

Result<CohortRequest> parse_cohorts(std::string_view body) {
    CohortRequest request;
    request.of.granularity = "week";
    FilterReader filters;
    const auto step = [&filters](std::optional<Step>& into, const char* name) {
        return Member{name, [&into, &filters, name](element value) -> Status {
                          TRY(into, read_step(value, name, filters));
                          return {};
                      }};
    };
    std::vector<Member> members = {step(request.first, "first"), step(request.again, "again")};
    for (const std::string_view name :
         {"website_id", "date_range", "time_range", "granularity", "filters", "include_bots", "explain"})
        members.push_back(member_of(name, request.of, filters));
    TRY_STATUS(read_body(body, "a question of retention", members, request.of));
    return request;
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

Result<CohortPlan> make_cohort_plan(const CohortRequest& request, const PlanContext& context) {
    CohortPlan cohorts;
    TRY(cohorts.period, period_of(request.of.granularity));
    cohorts.now_ms = context.now_ms;
    Plan& plan = cohorts.plan;
    plan.website_id = context.site.id;
    plan.currency = context.site.currency;
    plan.include_bots = request.of.include_bots;
    TRY_STATUS(resolve_range(context, plan));
    plan.reasons.clear();
    if (plan.range.unit != Range::Unit::kEverything) {
        const Day first = period_start(cohorts.period, context.zone.day_of(plan.range.from_ms));
        plan.range.from_ms = std::max<std::int64_t>(0, context.zone.day_start_ms(first));
        TRY([[maybe_unused]] const auto starts, cohorts.starts(context.zone, first));
    }
    TRY(cohorts.filters, lower_all_of(request.of.filters, context));
    plan.condition = Condition{.kind = Condition::Kind::kAnd, .children = cohorts.filters, .column = {}, .values = {}};
    if (request.first) {
        TRY(cohorts.first, plan_step(*request.first, "first", context));
        plan.condition->children.push_back(cohorts.first->condition);
    }
    if (request.again) {
        TRY(cohorts.again, plan_step(*request.again, "again", context));
        plan.condition->children.push_back(cohorts.again->condition);
    }
    TRY_STATUS(add_goals_asked_for(context, plan));

    cohorts.is_of_events = cohorts.first || cohorts.again;
    std::string of_session;
    std::string of_event;
    for_each_column(plan, [&](const DimensionColumn& column) {
        if (find_source(column.dimension->sources, "events") == nullptr) of_session = column.name;
        if (column.dimension->varies_in_session || find_source(column.dimension->sources, "sessions") == nullptr)
            of_event = column.name;
    });
    cohorts.is_of_events = cohorts.is_of_events || !of_event.empty();
    cohorts.is_joined = cohorts.is_of_events && !of_session.empty();
    plan.reasons.push_back(fmt::format("{}s of {} that begin from {} on, before {}", period_name(cohorts.period),
                                       context.zone.name(), context.zone.instant_text(plan.range.from_ms),
                                       context.zone.instant_text(plan.range.to_ms)));
    plan.reasons.emplace_back(!cohorts.is_of_events ? "source 'sessions': all that started before the range's end"
                              : cohorts.is_joined
                                  ? "source 'events', joined with 'sessions': all from before the range's end"
                                  : "source 'events': all from before the range's end");
    plan.reasons.emplace_back(plan.include_bots == Toggle::kOn ? "bots are counted, as asked" : "bots are left out");
    plan.reasons.emplace_back("exact: no sampling, no sketches");
    return cohorts;
}

}  // namespace footfall::query
