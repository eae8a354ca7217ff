#include "query/site_info.h"

namespace footfall::query {
namespace {

Operator operator_of(catalog::Goal::Match match) {
    switch (match) {
        case catalog::Goal::Match::kAny:
        case catalog::Goal::Match::kIs: return Operator::kIs;
        case catalog::Goal::Match::kContains: return Operator::kContains;
        case catalog::Goal::Match::kMatches: return Operator::kMatches;
    }
    return Operator::kIs;
}

}  // namespace

GoalDeclaration declaration_of(const catalog::Goal& goal) {
    const bool is_page = goal.kind == catalog::Goal::Kind::kPage;
    return {.name = goal.name,
            .of = is_page ? GoalDeclaration::Of::kPage : GoalDeclaration::Of::kEvent,
            .is_of_any = goal.match == catalog::Goal::Match::kAny,
            .op = operator_of(goal.match),
            .value = goal.value,
            .filters = goal.filters};
}

SiteInfo site_info(const catalog::Snapshot& snapshot, const catalog::Site& site) {
    SiteInfo info{.id = site.id,
                  .timezone = site.timezone,
                  .created_ms = site.created_ms,
                  .currency = site.counting.currency,
                  .session_timeout_longest_ms = site.counting.session_timeout_longest * std::int64_t{60'000}};
    info.expired_ms = site.retention.expiring_ms;
    info.kept_days = site.retention.kept_days();
    for (const catalog::Goal& goal : snapshot.goals_of(site.id)) info.goals.push_back(declaration_of(goal));
    for (const catalog::Segment& segment : snapshot.segments_of(site.id))
        info.segments.push_back({.name = segment.name, .filters = segment.filters});
    return info;
}

}  // namespace footfall::query
