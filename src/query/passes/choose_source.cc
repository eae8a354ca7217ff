#include <algorithm>

#include <fmt/format.h>

#include "query/passes/passes.h"

namespace footfall::query {
namespace {

void add_base(const Metric& metric, Plan& plan) {
    FOOTFALL_CHECK(metric.sources.size() == 1);
    const auto is_there = [&](const BaseMetric& base) { return base.metric == &metric; };
    if (std::none_of(plan.bases.begin(), plan.bases.end(), is_there))
        plan.bases.push_back({&metric, &metric.sources.front()});
}

/// The first that is asked for of those that differ between a session's events; or empty.
std::string_view varying_column(const Plan& plan) {
    std::string_view found;
    const auto look = [&](const DimensionColumn& column) {
        if (column.dimension->varies_in_session && found.empty()) found = column.name;
    };
    for_each_column(plan, look);
    return found;
}

/// Whether the sessions alone answer what is asked of events, which spares a join of the two or a look at many more
/// rows: who had a session of that kind had an event in it. Where it varies within a session, that is known of those
/// that are not mixed.
bool sessions_answer_for_events(const PlanContext& context, const Plan& plan) {
    if (!std::all_of(plan.bases.begin(), plan.bases.end(), [](const BaseMetric& base) {
            return base.source->source != "events" || base.source->by_sessions;
        }))
        return false;
    bool is_asked_of_sessions = false;
    bool is_asked_of_events = false;
    const auto look = [&](const DimensionColumn& column) {
        const bool is_of_sessions =
            column.dimension->varies_in_session || find_source(column.dimension->sources, "events") == nullptr;
        (is_of_sessions ? is_asked_of_sessions : is_asked_of_events) = true;
    };
    for_each_column(plan, look);
    // In a range that is no shorter than what ends a session, every session that touches it has an event.
    const auto is_long = [&](const Range& range) {
        return range.to_ms - range.from_ms >= context.site.session_timeout_longest_ms;
    };
    return is_asked_of_sessions && !is_asked_of_events && is_long(plan.range) &&
           (!plan.previous || is_long(*plan.previous));
}

Branch branch_of(Plan& plan, std::string_view source, std::string_view why_alone, std::string_view why_joined) {
    if (std::none_of(plan.bases.begin(), plan.bases.end(),
                     [&](const BaseMetric& base) { return base.source->source == source; }))
        return Branch::kNone;
    const std::string missing = first_missing(plan, source);
    if (missing.empty()) {
        plan.reasons.emplace_back(why_alone);
        return Branch::kAlone;
    }
    plan.reasons.push_back(fmt::format(fmt::runtime(why_joined), missing));
    return Branch::kJoined;
}

}  // namespace

// Two sources so far: events, and the sessions that they make. Rollups and the live store add a choice here; the
// composer asks the declarations by source.
Status choose_source(const PlanContext& context, Plan& plan) {
    for (const MetricColumn& column : plan.metrics) {
        if (column.metric->quotient.empty()) add_base(*column.metric, plan);
        for (const std::string& part : column.metric->quotient) add_base(*context.vocabulary.metric(part), plan);
    }
    for (const BaseMetric& base : plan.bases)
        for (const std::string& type : base.source->event_types)
            if (std::find(plan.event_types.begin(), plan.event_types.end(), type) == plan.event_types.end())
                plan.event_types.push_back(type);
    std::sort(plan.event_types.begin(), plan.event_types.end());
    const std::string alone = fmt::format("source 'events': the raw events answer every column; types read: {}",
                                          fmt::join(plan.event_types, ", "));
    const std::string joined =
        fmt::format("source 'events', joined with 'sessions', which alone have '{{}}'; types read: {}",
                    fmt::join(plan.event_types, ", "));
    plan.events = branch_of(plan, "events", alone, joined);
    if (plan.events == Branch::kAlone && plan.condition && has_part_of_sessions_alone(*plan.condition))
        plan.reasons.back() += "; of the sessions that meet what is asked of sessions";
    const std::string_view varying = varying_column(plan);
    const std::string by_events =
        varying.empty() ? "" : fmt::format("; where '{}' differs within one, by its events", varying);
    if (plan.events != Branch::kNone && sessions_answer_for_events(context, plan)) {
        plan.events = varying.empty() ? Branch::kBySessions : Branch::kBySessionsWithMixed;
        plan.reasons.back() =
            "source 'sessions' for what is asked of events: those with an event in the range" + by_events;
    }
    plan.sessions = branch_of(plan, "sessions", "source 'sessions': those that started in the range",
                              "source 'sessions': those with an event in the range, since '{}' is of events");
    if (plan.sessions == Branch::kAlone && !varying.empty()) {
        plan.sessions = Branch::kWithMixed;
        plan.reasons.back() += by_events;
    }
    // A session counts where it has a pageview or a custom event that the request asks for.
    if (plan.sessions == Branch::kJoined) plan.event_types = {"event", "pageview"};
    plan.include_bots = context.request.include_bots;
    plan.reasons.push_back(plan.include_bots == Toggle::kOn ? "bots are counted, as asked" : "bots are left out");
    for (const MetricColumn& column : plan.metrics)
        if (column.metric->totals != TotalsRule::kSum && !plan.dimensions.empty() &&
            context.request.totals == Toggle::kOn)
            plan.reasons.push_back(
                fmt::format("the total of '{}' is over the whole range; the rows do not add up to it", column.name));
    return {};
}

}  // namespace footfall::query
