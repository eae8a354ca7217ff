#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/cells.h"
#include "query/composer.h"
#include "query/funnel/funnel.h"
#include "query/statement_parts.h"
#include "query/touch_sql.h"

namespace footfall::query {
namespace {

constexpr std::string_view kInstant = "DateTime64(3, 'UTC')";

class FunnelStatement {
public:
    FunnelStatement(const FunnelPlan& funnel, const Zone& zone, const Shard& shard)
        : funnel_(funnel),
          shard_(shard),
          plan_(funnel.plan),
          composer_(zone, funnel.plan),
          site_(composer_.bind_as("site", "String", plan_.website_id)),
          from_(composer_.bind_as("from", kInstant, utc_text(plan_.range.from_ms))),
          to_(composer_.bind_as("to", kInstant, utc_text(plan_.range.to_ms))),
          window_(composer_.bind_as("window_ms", "Int64", std::to_string(funnel.window_ms))) {
        composer_.read_sessions_from(
            sessions_with_touches(plan_, {.site = site_, .from = from_, .to = to_, .touching = touching()}));
    }

    std::string whole() {
        std::vector<std::string> columns;
        if (has_breakdown()) columns.emplace_back("value");
        for (std::size_t step = 1; step <= funnel_.steps.size(); ++step)
            columns.push_back(by_session() ? fmt::format("uniqExactIf(visitor, reached >= {0}) AS visitors_{0}", step)
                                           : fmt::format("countIf(reached >= {0}) AS visitors_{0}", step));
        if (by_session())
            for (std::size_t step = 1; step <= funnel_.steps.size(); ++step)
                columns.push_back(fmt::format("countIf(reached >= {0}) AS sessions_{0}", step));
        if (has_breakdown()) columns.emplace_back("grouping(value) AS is_total");
        std::string sql = fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)", fmt::join(columns, ",\n    "), how_far());
        if (!has_breakdown()) return sql;
        sql += "\nGROUP BY value WITH ROLLUP";
        if (shard_.count > 1) return sql;
        return sql + fmt::format("\nORDER BY is_total DESC, visitors_1 DESC, value\nLIMIT 1 + {}",
                                 composer_.bind_as("limit", "UInt64", std::to_string(plan_.limit)));
    }
    std::vector<std::pair<std::string, std::string>> parameters() const { return composer_.parameters(); }

private:
    bool by_session() const { return funnel_.by == FunnelBy::kSession; }
    bool has_breakdown() const { return !plan_.dimensions.empty(); }

    /// The sessions that may have an event in the range.
    std::vector<std::string> touching() const {
        std::vector<std::string> where = {"website_id = " + site_, "started_at < " + to_, "ended_at >= " + from_};
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        return where;
    }

    /// Events that meet a step: whose, when, and which steps, a bit each.
    std::string met() {
        composer_.enter(funnel_.is_joined ? Composer::Scope::kEventsFirst : Composer::Scope::kEvents);
        std::vector<std::string> bits;
        for (std::size_t i = 0; i < funnel_.steps.size(); ++i) {
            const PlanStep& step = funnel_.steps[i];
            bits.push_back(fmt::format("{} * (event_type = '{}' AND {})", 1u << i, step.event_type,
                                       composer_.condition(step.condition)));
        }
        std::vector<std::string> columns = {by_session() ? "key AS whose" : "visitor_id AS whose", "visitor_id",
                                            "toUnixTimestamp64Milli(timestamp) AS at", "log_offset",
                                            fmt::format("toUInt32({}) AS steps", fmt::join(bits, " + "))};
        for (std::string& column : composer_.dimension_columns()) columns.push_back(std::move(column));
        std::vector<std::string> where = {"website_id = " + site_};
        for (std::string& bound : within("timestamp", from_, to_)) where.push_back(std::move(bound));
        where.emplace_back("event_type IN ('event', 'pageview')");
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        shard_.add_to(where, composer_);
        for (const Condition& filter : funnel_.filters) where.push_back(composer_.condition(filter));
        where.emplace_back("steps != 0");
        const std::string from = funnel_.is_joined
                                     ? "footfall.events " + composer_.joined_sessions(site_, {}, touching())
                                     : "footfall.events";
        return select(columns, from, where);
    }

    /// How far each came. Of each event that meets step k, began_k is the latest beginning by which it was reached in
    /// time, or -1; last_k the latest of all that were reached up to and with it. A later beginning leaves more time,
    /// so that it stands for all before it.
    std::string how_far() {
        const std::size_t steps = funnel_.steps.size();
        std::vector<std::string> columns;
        columns.push_back(fmt::format("arraySort(groupArray((at, log_offset, steps{}))) AS met",
                                      has_breakdown() ? ", toString(d1)" : ""));
        columns.emplace_back("met.1 AS times");
        columns.emplace_back("met.3 AS met_steps");
        columns.emplace_back("arrayMap((t, s) -> if(bitAnd(s, 1) != 0, t, toInt64(-1)), times, met_steps) AS began_1");
        for (std::size_t step = 2; step <= steps; ++step) {
            columns.push_back(fmt::format("arrayFill(b -> b >= 0, began_{0}) AS last_{0}", step - 1));
            columns.push_back(
                fmt::format("arrayMap((t, s, b) -> if(bitAnd(s, {}) != 0 AND b >= 0 AND t - b <= {}, b, toInt64(-1)),\n"
                            "        times, met_steps, arrayPushFront(arrayPopBack(last_{}), toInt64(-1))) AS began_{}",
                            1u << (step - 1), window_, step - 1, step));
        }
        std::string reached;
        for (std::size_t step = steps; step >= 1; --step)
            reached += fmt::format("arrayExists(b -> b >= 0, began_{0}), {0}, ", step);
        columns.push_back(fmt::format("multiIf({}0) AS reached", reached));
        if (by_session()) columns.emplace_back("any(visitor_id) AS visitor");
        if (has_breakdown()) columns.emplace_back("arrayFirst((v, s) -> bitAnd(s, 1) != 0, met.4, met_steps) AS value");
        return fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)\nGROUP BY whose\nHAVING reached > 0",
                           fmt::join(columns, ",\n    "), met());
    }

    const FunnelPlan& funnel_;
    const Shard shard_;
    const Plan& plan_;
    Composer composer_;
    const std::string site_;
    const std::string from_;
    const std::string to_;
    const std::string window_;
};

}  // namespace

std::vector<std::size_t> funnel_keys(const FunnelPlan& funnel) {
    if (funnel.plan.dimensions.empty()) return {};
    const std::size_t counts = funnel.steps.size() * (funnel.by == FunnelBy::kSession ? 2 : 1);
    return {0, 1 + counts};
}

void order_funnel(const FunnelPlan& funnel, store::Answer& answer) {
    if (funnel.plan.dimensions.empty()) return;
    const auto order = [](const std::vector<store::Value>& row) {
        return std::tuple(natural_of(row.back()), natural_of(row[1]));
    };
    std::ranges::sort(answer.rows, [&](const auto& one, const auto& other) {
        if (order(one) != order(other)) return order(one) > order(other);
        return text_of(one.front()) < text_of(other.front());
    });
    answer.rows.resize(std::min(answer.rows.size(), static_cast<std::size_t>(1 + funnel.plan.limit)));
}

store::Statement compose_funnel(const FunnelPlan& funnel, const Zone& zone, const Shard& shard, int timeout_ms) {
    FunnelStatement statement(funnel, zone, shard);
    std::string sql = statement.whole();
    store::Statement made = statement_of(std::move(sql), statement.parameters(), timeout_ms);
    for (auto& setting : touch_settings(funnel.plan)) made.settings.push_back(std::move(setting));
    return made;
}

}  // namespace footfall::query
