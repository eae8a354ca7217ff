#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/names.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kCut = 10'000;

using Month = cctz::civil_month;

// Named ranges of days begin with a day of the site's calendar and end with today, that day included.
struct NamedDays {
    std::string_view name;
    Day (*first)(Day today);
};
constexpr std::array<NamedDays, 7> kNamedDays = {{
    {"7d", [](Day today) { return today - 6; }},
    {"30d", [](Day today) { return today - 29; }},
    {"today", [](Day today) { return today; }},
    {"month", [](Day today) { return Day(Month(today)); }},
    {"6mo", [](Day today) { return Day(Month(today) - 5); }},
    {"12mo", [](Day today) { return Day(Month(today) - 11); }},
    {"year", [](Day today) { return Day(cctz::civil_year(today)); }},
}};

constexpr std::string_view kLast30Minutes = "last_30_minutes";
constexpr std::string_view kLast24Hours = "last_24_hours";
constexpr std::string_view kAll = "all";

Range of_days(const Zone& zone, Day first, Day last) {
    return {zone.day_start_ms(first), zone.day_start_ms(last + 1), Range::Unit::kDays};
}

Result<Range> named_range(const std::string& name, const Zone& zone, std::int64_t now_ms) {
    // The instant of asking is inside: an event is in the answer the moment it is stored.
    if (name == kLast30Minutes) return Range{now_ms - 30 * kMinute, now_ms + 1, Range::Unit::kInstants};
    if (name == kLast24Hours) return Range{now_ms - 24 * kHour, now_ms + 1, Range::Unit::kInstants};
    const Day today = zone.day_of(now_ms);
    if (name == kAll) return Range{0, zone.day_start_ms(today + 1), Range::Unit::kEverything};
    for (const NamedDays& days : kNamedDays)
        if (days.name == name) return of_days(zone, days.first(today), today);
    const std::vector<std::string_view> names = time_range_names();
    return refuse("unknown_time_range", "time_range",
                  fmt::format("there is no time range '{}'; one of {}", name, fmt::join(names, ", ")),
                  nearest(name, names));
}

Result<Range> day_range(const RangeRequest& asked, const Zone& zone, std::string_view field) {
    const auto first = parse_day(asked.from);
    const auto last = parse_day(asked.to);
    constexpr const char* kHelp = "write a day of the years 1970 to 2105 as YYYY-MM-DD";
    if (!first) return refuse("invalid_date", fmt::format("{}[0]", field), kHelp);
    if (!last) return refuse("invalid_date", fmt::format("{}[1]", field), kHelp);
    if (*last < *first) return refuse("invalid_range", std::string(field), "the range ends before it begins");
    return of_days(zone, *first, *last);
}

Result<Range> instant_range(const RangeRequest& asked, const Zone& zone) {
    const auto from = zone.parse_instant(asked.from);
    const auto to = zone.parse_instant(asked.to);
    constexpr const char* kHelp = "write an instant as ISO 8601, for instance 2026-11-01T12:00:00Z";
    if (!from) return refuse("invalid_instant", "time_range[0]", kHelp);
    if (!to) return refuse("invalid_instant", "time_range[1]", kHelp);
    if (*to <= *from) return refuse("invalid_range", "time_range", "the range ends before it begins");
    return Range{*from, *to, Range::Unit::kInstants};
}

/// The day of the other range that stands against a day of this one. 29 February stands against 1 March.
Day day_before(Compare compare, const Range& range, const Zone& zone, Day day) {
    if (compare == Compare::kPreviousYear) return Day(day.year() - 1, day.month(), day.day());
    return day - (zone.day_of(range.to_ms) - zone.day_of(range.from_ms));
}

/// The same time of the day that stands against the day of an instant; its end, where that day is shorter.
std::int64_t instant_before(Compare compare, const Range& range, const Zone& zone, std::int64_t ms) {
    const Day day = zone.day_of(ms);
    const Day other = day_before(compare, range, zone, day);
    return std::min(zone.day_start_ms(other) + (ms - zone.day_start_ms(day)), zone.day_start_ms(other + 1));
}

/// The range that `range` is compared with. Days that are not over are compared with as much of the other days: half of
/// today against the whole of yesterday says nothing. Instants keep their length, or their time of day a year before.
Result<Range> range_before(Compare compare, const Range& range, const Zone& zone, std::int64_t now_ms) {
    const bool by_year = compare == Compare::kPreviousYear;
    const std::string_view name = by_year ? "year" : "period";
    if (range.unit == Range::Unit::kEverything)
        return refuse("unsupported_compare", "compare", fmt::format("there is no {} before 'all'", name));
    Range previous{range.from_ms - (range.to_ms - range.from_ms), range.from_ms, range.unit};
    if (by_year || range.unit == Range::Unit::kDays) {
        previous.from_ms = instant_before(compare, range, zone, range.from_ms);
        previous.to_ms = instant_before(compare, range, zone, range.to_ms);
    }
    if (range.unit == Range::Unit::kDays && now_ms >= range.from_ms && now_ms < range.to_ms)
        previous.to_ms = std::min(previous.to_ms, instant_before(compare, range, zone, now_ms + 1));
    if (previous.to_ms <= previous.from_ms) {
        // 29 February alone; or a day that the zone left out, for which the one before it stands.
        if (by_year) previous.to_ms = zone.day_start_ms(zone.day_of(previous.from_ms) + 1);
        else previous = {zone.day_start_ms(zone.day_of(previous.from_ms - 1)), previous.from_ms, range.unit};
    }
    if (previous.from_ms < 0)
        return refuse("invalid_range", "compare", fmt::format("the {} before begins before 1970", name));
    return previous;
}

/// The days that `range` is compared with, cut as range_before() does, the first day standing against the first.
Result<Range> range_beside(const RangeRequest& asked, const Range& range, const Zone& zone, std::int64_t now_ms) {
    if (range.unit != Range::Unit::kDays)
        return refuse("unsupported_compare", "compare", "days are compared with days, not with instants or 'all'");
    TRY(Range other, day_range(asked, zone, "compare"));
    other.from_ms = std::max<std::int64_t>(other.from_ms, 0);
    other.to_ms = std::max<std::int64_t>(other.to_ms, 0);
    if (now_ms < range.from_ms || now_ms >= range.to_ms) return other;
    const Day today = zone.day_of(now_ms);
    const Day against = zone.day_of(other.from_ms) + (today - zone.day_of(range.from_ms));
    const std::int64_t cut = zone.day_start_ms(against) + (now_ms + 1 - zone.day_start_ms(today));
    other.to_ms = std::min({other.to_ms, cut, zone.day_start_ms(against + 1)});
    return other;
}

/// The bucket that holds a moment, as answers write it.
std::string bucket_of(std::string_view granularity, const Zone& zone, std::int64_t ms) {
    const std::int64_t seconds = ms / 1000;
    if (granularity == "minute") return zone.instant_text(seconds / 60 * kMinute);
    if (granularity == "hour") return zone.instant_text(1000 * zone.hour_start(zone.hour_key(seconds)));
    const Day day = zone.day_of(ms);
    if (granularity == "week") return day_text(cctz::prev_weekday(day + 1, cctz::weekday::monday));
    return day_text(granularity == "month" ? Day(Month(day)) : day);
}

}  // namespace

std::vector<std::string_view> time_range_names() {
    std::vector<std::string_view> names = {kLast30Minutes, kLast24Hours, kAll};
    for (const NamedDays& days : kNamedDays) names.push_back(days.name);
    return names;
}

Status resolve_range(const PlanContext& context, Plan& plan) {
    plan.now_ms = context.now_ms;
    const RangeRequest& asked = context.request.range;
    switch (asked.kind) {
        case RangeRequest::Kind::kNamed: {
            TRY(plan.range, named_range(asked.from, context.zone, context.now_ms));
            break;
        }
        case RangeRequest::Kind::kDays: {
            TRY(plan.range, day_range(asked, context.zone, "date_range"));
            break;
        }
        case RangeRequest::Kind::kInstants: {
            TRY(plan.range, instant_range(asked, context.zone));
            break;
        }
    }
    // East of UTC 1970 begins before the epoch. No event is that old, and the engine's toDate() of such an instant is a
    // day of 2149, so that nothing would lie behind it.
    plan.range.from_ms = std::max<std::int64_t>(plan.range.from_ms, 0);
    plan.range.to_ms = std::max<std::int64_t>(plan.range.to_ms, 0);
    plan.reasons.push_back(fmt::format("from {} to {}, by the clock of {}",
                                       context.zone.instant_text(plan.range.from_ms),
                                       context.zone.instant_text(plan.range.to_ms), context.zone.name()));
    if (context.now_ms >= plan.range.from_ms && context.now_ms < plan.range.to_ms) {
        const auto bucket = std::find_if(plan.dimensions.begin(), plan.dimensions.end(),
                                         [](const auto& column) { return !column.dimension->granularity.empty(); });
        if (bucket != plan.dimensions.end())
            plan.running = bucket_of(bucket->dimension->granularity, context.zone, context.now_ms);
    }
    if (context.request.compare == Compare::kNothing) return {};
    // Not to the millisecond: questions that follow each other soon are the same one then (answer_cache.h).
    const std::int64_t cut_ms = (context.now_ms / kCut + 1) * kCut - 1;
    if (context.request.compare == Compare::kDays) {
        TRY(plan.previous, range_beside(context.request.compare_days, plan.range, context.zone, cut_ms));
    } else {
        TRY(plan.previous, range_before(context.request.compare, plan.range, context.zone, cut_ms));
    }
    plan.reasons.push_back(fmt::format("compared with the {}, from {} to {}",
                                       context.request.compare == Compare::kPreviousYear     ? "year before"
                                       : context.request.compare == Compare::kPreviousPeriod ? "period before"
                                                                                             : "days asked for",
                                       context.zone.instant_text(plan.previous->from_ms),
                                       context.zone.instant_text(plan.previous->to_ms)));
    return {};
}

}  // namespace footfall::query
