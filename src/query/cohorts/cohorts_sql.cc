#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/cohorts/cohorts.h"
#include "query/composer.h"
#include "query/statement_parts.h"
#include "query/touch_sql.h"

namespace footfall::query {
namespace {

constexpr std::string_view kInstant = "DateTime64(3, 'UTC')";

class CohortStatement {
public:
    CohortStatement(const CohortPlan& cohorts, const Zone& zone, const Shard& shard)
        : cohorts_(cohorts),
          shard_(shard),
          plan_(cohorts.plan),
          composer_(zone, cohorts.plan),
          site_(composer_.bind_as("site", "String", plan_.website_id)),
          to_(composer_.bind_as("to", kInstant, utc_text(plan_.range.to_ms))),
          first_day_(composer_.bind_as("first", "Date", day_text(zone.day_of(plan_.range.from_ms)))) {
        const DimensionColumn column{.name = std::string(period_name(cohorts.period)),
                                     .dimension = vocabulary().bucket(period_name(cohorts.period)),
                                     .key = {}};
        FOOTFALL_CHECK(column.dimension != nullptr);
        composer_.read_sessions_from(
            sessions_with_touches(plan_, {.site = site_, .from = {}, .to = to_, .touching = all_sessions()}));
        composer_.enter(!cohorts.is_of_events ? Composer::Scope::kSessions
                        : cohorts.is_joined   ? Composer::Scope::kEventsFirst
                                              : Composer::Scope::kEvents);
        period_ = composer_.dimension(column);
    }

    std::string whole() {
        const std::string came = cohorts_.is_of_events ? by_events() : by_sessions();
        // Who comes by sessions comes first and again by each.
        const std::string again =
            cohorts_.is_of_events ? "groupUniqArrayIf(period, is_again)" : "groupUniqArray(period)";
        const std::string first = cohorts_.is_of_events ? "minIf(period, is_first)" : "min(period)";
        const std::string any = cohorts_.is_of_events ? "countIf(is_first) > 0 AND " : "";
        return fmt::format(
            "SELECT\n    toString(cohort) AS of_cohort,\n    toString(came) AS in_period,\n    count() AS visitors\n"
            "FROM\n(\n"
            "SELECT\n    {} AS cohort,\n    arrayJoin(arrayPushFront(arrayFilter(p -> p > cohort, {}), cohort)) AS "
            "came\n"
            "FROM\n(\n{}\n)\nGROUP BY visitor_id\nHAVING {}cohort >= {}\n)\n"
            "GROUP BY cohort, came\nORDER BY cohort, came",
            first, again, came, any, first_day_);
    }
    std::vector<std::pair<std::string, std::string>> parameters() const { return composer_.parameters(); }

private:
    std::vector<std::string> all_sessions() const {
        std::vector<std::string> where = {"website_id = " + site_, "started_at < " + to_};
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        return where;
    }
    std::string by_sessions() {
        std::vector<std::string> where = all_sessions();
        shard_.add_to(where, composer_);
        for (const Condition& filter : cohorts_.filters) where.push_back(composer_.condition(filter));
        add_not_cancelled(where, site_);
        return select({"visitor_id", period_ + " AS period"}, composer_.sessions(), where);
    }
    std::string is_met(const std::optional<PlanStep>& step) {
        if (!step) return "true";
        return fmt::format("(event_type = '{}' AND {})", step->event_type, composer_.condition(step->condition));
    }
    std::string by_events() {
        const std::vector<std::string> columns = {"visitor_id", period_ + " AS period",
                                                  is_met(cohorts_.first) + " AS is_first",
                                                  is_met(cohorts_.again) + " AS is_again"};
        std::vector<std::string> where = {"website_id = " + site_, fmt::format("toDate(timestamp) <= toDate({})", to_),
                                          "timestamp < " + to_, "event_type IN ('event', 'pageview')"};
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        shard_.add_to(where, composer_);
        for (const Condition& filter : cohorts_.filters) where.push_back(composer_.condition(filter));
        if (cohorts_.first && cohorts_.again) where.emplace_back("(is_first OR is_again)");
        const std::string from = cohorts_.is_joined
                                     ? "footfall.events " + composer_.joined_sessions(site_, {}, all_sessions())
                                     : "footfall.events";
        return select(columns, from, where);
    }

    const CohortPlan& cohorts_;
    const Shard shard_;
    const Plan& plan_;
    Composer composer_;
    const std::string site_;
    const std::string to_;
    const std::string first_day_;
    std::string period_;
};

}  // namespace

store::Statement compose_cohorts(const CohortPlan& cohorts, const Zone& zone, const Shard& shard, int timeout_ms) {
    CohortStatement statement(cohorts, zone, shard);
    std::string sql = statement.whole();
    store::Statement made = statement_of(std::move(sql), statement.parameters(), timeout_ms);
    for (auto& setting : touch_settings(cohorts.plan)) made.settings.push_back(std::move(setting));
    return made;
}

}  // namespace footfall::query
