#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/cells.h"
#include "query/funnel/funnel_plan.h"
#include "query/visitor_statement.h"
#include "query/vocabulary.h"

namespace footfall::query {
namespace {

class FunnelStatement {
public:
    FunnelStatement(const FunnelPlan& funnel, const Zone& zone, const Shard& shard)
        : funnel_(funnel),
          is_part_(shard.count > 1),
          parts_(funnel.plan, funnel.filters, zone, shard, VisitorStatement::Since::kRange),
          window_(parts_.composer().bind_as("window_ms", "Int64", std::to_string(funnel.window_ms))) {}

    store::Statement made(int timeout_ms) {
        std::string sql = whole();
        return parts_.made_of(std::move(sql), timeout_ms);
    }

    store::Statement dropped(int timeout_ms) {
        tells_who_ = true;
        std::string sql = fmt::format(
            "SELECT\n    toUInt64(reached) AS step,\n    who,\n    toUInt64(last_at) AS told_at\nFROM\n(\n{}\n)\n"
            "WHERE reached < {}\nORDER BY step, told_at DESC, who\nLIMIT {} BY step",
            how_far(), funnel_.steps.size(),
            parts_.composer().bind_as("dropped_limit", "UInt64", std::to_string(funnel_.dropped_limit)));
        return parts_.made_of(std::move(sql), timeout_ms);
    }

private:
    std::string whole() {
        std::vector<std::string> columns;
        if (funnel_.has_breakdown()) columns.emplace_back("value");
        for (std::size_t step = 1; step <= funnel_.steps.size(); ++step)
            columns.push_back(by_session() ? fmt::format("uniqExactIf(visitor, reached >= {0}) AS visitors_{0}", step)
                                           : fmt::format("countIf(reached >= {0}) AS visitors_{0}", step));
        if (by_session())
            for (std::size_t step = 1; step <= funnel_.steps.size(); ++step)
                columns.push_back(fmt::format("countIf(reached >= {0}) AS sessions_{0}", step));
        if (funnel_.has_breakdown()) columns.emplace_back("grouping(value) AS is_total");
        std::string sql = fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)", fmt::join(columns, ",\n    "), how_far());
        if (!funnel_.has_breakdown()) return sql;
        sql += "\nGROUP BY value WITH ROLLUP";
        if (is_part_) return sql;
        return sql + fmt::format("\nORDER BY is_total DESC, visitors_1 DESC, value\nLIMIT 1 + {}",
                                 parts_.composer().bind_as("limit", "UInt64", std::to_string(funnel_.plan.limit)));
    }
    bool by_session() const { return funnel_.by == FunnelBy::kSession; }

    /// Events that meet a step: whose, when, and which steps, a bit each.
    std::string met() {
        Composer& composer = parts_.composer();
        composer.enter(funnel_.is_joined ? Composer::Scope::kEventsFirst : Composer::Scope::kEvents);
        std::vector<std::string> bits;
        for (std::size_t i = 0; i < funnel_.steps.size(); ++i) {
            const PlanStep& step = funnel_.steps[i];
            bits.push_back(fmt::format("{} * (event_type = '{}' AND {})", 1u << i, step.event_type,
                                       composer.condition(step.condition)));
        }
        std::vector<std::string> columns = {by_session() ? "key AS whose" : "visitor_id AS whose",
                                            "toUnixTimestamp64Milli(timestamp) AS at", "log_offset",
                                            fmt::format("toUInt32({}) AS steps", fmt::join(bits, " + "))};
        if (by_session()) columns.emplace_back("visitor_id");
        if (tells_who_)
            columns.push_back(
                composer.dimension({.name = "user_id", .dimension = vocabulary().dimension("user_id"), .key = {}}) +
                " AS name");
        for (std::string& column : composer.dimension_columns()) columns.push_back(std::move(column));
        std::vector<std::string> where = parts_.events_where();
        where.emplace_back("steps != 0");
        return select(columns, parts_.events(funnel_.is_joined), where);
    }

    /// How far each came. Of each event that meets step k, began_k is the latest beginning by which it was reached in
    /// time, or -1; last_k the latest of all that were reached up to and with it. A later beginning leaves more time,
    /// so that it stands for all before it.
    std::string how_far() {
        const std::size_t steps = funnel_.steps.size();
        std::vector<std::string> columns;
        columns.push_back(fmt::format("arraySort(groupArray((at, log_offset, steps{}))) AS met",
                                      funnel_.has_breakdown() ? ", toString(d1)" : ""));
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
        if (tells_who_) columns.insert(columns.end(), {"any(name) AS who", "max(at) AS last_at"});
        if (funnel_.has_breakdown())
            columns.emplace_back("arrayFirst((v, s) -> bitAnd(s, 1) != 0, met.4, met_steps) AS value");
        return fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)\nGROUP BY whose\nHAVING reached > 0",
                           fmt::join(columns, ",\n    "), met());
    }

    const FunnelPlan& funnel_;
    const bool is_part_;  ///< of the visitors
    bool tells_who_ = false;
    VisitorStatement parts_;
    const std::string window_;
};

}  // namespace

void arrange_funnel(const FunnelPlan& funnel, store::Answer& answer) {
    if (!funnel.has_breakdown()) return;
    const auto order = [](const std::vector<store::Value>& row) {
        return std::tuple(natural_of(row.back()), natural_of(row[1]));
    };
    std::ranges::sort(answer.rows, [&](const auto& one, const auto& other) {
        if (order(one) != order(other)) return order(one) > order(other);
        return text_of(one.front()) < text_of(other.front());
    });
    answer.rows.resize(std::min(answer.rows.size(), static_cast<std::size_t>(1 + funnel.plan.limit)));
}

store::Statement compose_dropped(const FunnelPlan& funnel, const Zone& zone, const Shard& shard, int timeout_ms) {
    return FunnelStatement(funnel, zone, shard).dropped(timeout_ms);
}

void arrange_dropped(const FunnelPlan& funnel, store::Answer& dropped) {
    const auto step = [](const auto& row) { return natural_of(row[0]); };
    std::ranges::sort(dropped.rows, [&](const auto& one, const auto& other) {
        if (step(one) != step(other)) return step(one) < step(other);
        if (natural_of(one[2]) != natural_of(other[2])) return natural_of(one[2]) > natural_of(other[2]);
        return text_of(one[1]) < text_of(other[1]);
    });
    std::uint64_t last = 0;
    std::int64_t count = 0;
    std::erase_if(dropped.rows, [&](const auto& row) {
        count = step(row) == last ? count + 1 : 1;
        last = step(row);
        return count > funnel.dropped_limit;
    });
}

store::Statement compose_funnel(const FunnelPlan& funnel, const Zone& zone, const Shard& shard, int timeout_ms) {
    return FunnelStatement(funnel, zone, shard).made(timeout_ms);
}

}  // namespace footfall::query
