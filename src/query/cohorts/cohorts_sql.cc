#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/cohorts/cohorts_plan.h"
#include "query/visitor_statement.h"

namespace footfall::query {
namespace {

class CohortStatement {
public:
    CohortStatement(const CohortPlan& cohorts, const Zone& zone, const Shard& shard)
        : cohorts_(cohorts),
          parts_(cohorts.plan, cohorts.filters, zone, shard, VisitorStatement::Since::kAlways),
          first_day_(parts_.composer().bind_as("first", "Date", day_text(zone.day_of(cohorts.plan.range.from_ms)))) {
        const DimensionColumn column{.name = std::string(period_name(cohorts.period)),
                                     .dimension = vocabulary().bucket(period_name(cohorts.period)),
                                     .key = {}};
        FOOTFALL_CHECK(column.dimension != nullptr);
        parts_.composer().enter(!cohorts.is_of_events ? Composer::Scope::kSessions
                                : cohorts.is_joined   ? Composer::Scope::kEventsFirst
                                                      : Composer::Scope::kEvents);
        period_ = parts_.composer().dimension(column);
    }

    store::Statement made(int timeout_ms) {
        std::string sql = whole();
        return parts_.made_of(std::move(sql), timeout_ms);
    }

private:
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
    /// Whoever came before the range is in no cohort: a set of them takes a quarter of the time that it takes to put
    /// everybody's periods of all time together.
    bool has_before() const { return cohorts_.plan.range.unit != Range::Unit::kEverything; }
    std::string range_start() {
        return parts_.composer().bind_as("range_from", "DateTime64(3, 'UTC')", utc_text(cohorts_.plan.range.from_ms));
    }
    void add_before(std::vector<std::string>& where, std::string_view column) {
        where.push_back(fmt::format("toDate({}) <= toDate({})", column, range_start()));
        where.push_back(fmt::format("{} < {}", column, range_start()));
    }
    void add_since(std::vector<std::string>& where, std::string_view column) {
        where.push_back(fmt::format("toDate({}) >= toDate({})", column, range_start()));
        where.push_back(fmt::format("{} >= {}", column, range_start()));
    }
    static std::string is_none_of(const std::string& visitors) {
        return fmt::format("visitor_id NOT IN\n(\n{}\n)", visitors);
    }

    std::string by_sessions() {
        const auto all = [this] { return parts_.whole_sessions_where(); };
        std::vector<std::string> where = all();
        if (has_before()) {
            std::vector<std::string> before = all();
            add_before(before, "started_at");
            add_since(where, "started_at");
            where.push_back(is_none_of(select({"visitor_id"}, parts_.composer().sessions(), before)));
        }
        return select({"visitor_id", period_ + " AS period"}, parts_.composer().sessions(), where);
    }
    std::string is_met(const std::optional<PlanStep>& step) {
        if (!step) return "true";
        return fmt::format("(event_type = '{}' AND {})", step->event_type,
                           parts_.composer().condition(step->condition));
    }
    std::string by_events() {
        const std::string came_before = has_before() ? by_events_before() : "";
        const std::vector<std::string> columns = {"visitor_id", period_ + " AS period",
                                                  is_met(cohorts_.first) + " AS is_first",
                                                  is_met(cohorts_.again) + " AS is_again"};
        std::vector<std::string> where = parts_.events_where();
        if (cohorts_.first && cohorts_.again) where.emplace_back("(is_first OR is_again)");
        if (has_before()) {
            add_since(where, "timestamp");
            where.push_back(is_none_of(came_before));
        }
        return select(columns, parts_.events(cohorts_.is_joined), where);
    }
    std::string by_events_before() {
        std::vector<std::string> where = parts_.events_where();
        where.push_back(is_met(cohorts_.first));
        add_before(where, "timestamp");
        return select({"visitor_id"}, parts_.events(cohorts_.is_joined), where);
    }

    const CohortPlan& cohorts_;
    VisitorStatement parts_;
    const std::string first_day_;
    std::string period_;
};

}  // namespace

store::Statement compose_cohorts(const CohortPlan& cohorts, const Zone& zone, const Shard& shard, int timeout_ms) {
    return CohortStatement(cohorts, zone, shard).made(timeout_ms);
}

}  // namespace footfall::query
