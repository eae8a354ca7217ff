#include "query/sampled_sql.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "query/sql.h"
#include "query/statement_parts.h"

namespace footfall::query {
namespace {

constexpr int kReplicates = 32;       // as schema/dimensions.json has them
constexpr int kReplicatesMin = 20;    // with a visitor who adds something: -32 ln(12 / 32) = 31 of them
constexpr const char* kT = "2.0395";  // of Student's t, two-sided 95 %, 31 degrees of freedom

/// The plan of the numbers that add up, by the plan's dimensions and replicate, of the sample alone.
Plan by_replicate(const Plan& plan) {
    Plan parts = plan;
    parts.sample = Sample{};
    parts.dimensions.push_back({"replicate", vocabulary().dimension("replicate"), {}});
    parts.metrics.clear();
    for (const BaseMetric& base : plan.bases) parts.metrics.push_back({base.metric->name, base.metric});
    parts.total_keeps = plan.has_total ? 1 : 0;
    parts.top_rows.reset();
    return parts;
}

/// Composes what is over the replicates' rows, whose columns are d1, d2, … and, of base metrics, m1, m2, ….
class Estimates {
public:
    explicit Estimates(const Plan& plan) : plan_(plan) {}

    /// Of each group the sums over its replicates.
    std::vector<std::string> sums() const {
        std::vector<std::string> columns = groups();
        for (std::size_t i = 1; i <= plan_.bases.size(); ++i) {
            columns.push_back(fmt::format("sum(m{0}) AS sum{0}", i));
            columns.push_back(fmt::format("sum(pow(toFloat64(m{0}), 2)) AS squares{0}", i));
            columns.push_back(fmt::format("countIf(m{0} != 0) AS parts{0}", i));
        }
        for (const MetricColumn& column : plan_.metrics) {
            const Metric& metric = *column.metric;
            if (metric.quotient.empty()) continue;
            const auto [over, under] = parts_of(metric);
            const std::string products =
                fmt::format("sum(toFloat64(m{0}) * toFloat64(m{1})) AS products{0}_{1}", over, under);
            if (std::find(columns.begin(), columns.end(), products) != columns.end()) continue;
            columns.push_back(products);
            columns.push_back(fmt::format("countIf(m{0} != m{1}) AS rest{0}_{1}", over, under));
        }
        return columns;
    }
    std::vector<std::string> groups() const {
        std::vector<std::string> columns = names("d", plan_.dimensions.size());
        if (plan_.has_total) columns.emplace_back("is_total");
        return columns;
    }
    /// The statement over them, which reads from that.
    std::string select_from(const std::string& sums) const {
        std::vector<std::string> with;
        std::vector<std::string> columns = names("d", plan_.dimensions.size());
        std::vector<std::string> lower;
        std::vector<std::string> upper;
        for (std::size_t i = 1; i <= plan_.metrics.size(); ++i) {
            const Metric& metric = *plan_.metrics[i - 1].metric;
            const Estimate of = metric.quotient.empty() ? sum(metric) : quotient(metric);
            columns.push_back(fmt::format("{} AS v{}", of.value, i));
            with.push_back(fmt::format("toFloat64(v{0}) AS value{0}", i));
            with.push_back(fmt::format("{} AS error{}", of.error, i));
            with.push_back(fmt::format("{} AND error{} > 0 AS is_known{}", of.is_known, i, i));
            std::string low = fmt::format("value{0} - error{0}", i);
            std::string high =
                fmt::format("if(value{0} > 0, value{0} * exp(error{0} / value{0}), value{0} + error{0})", i);
            if (!of.least.empty()) low = fmt::format("greatest({}, {})", of.least, low);
            if (!of.most.empty()) high = fmt::format("least({}, {})", of.most, high);
            lower.push_back(fmt::format("if(is_known{0}, {1}, NULL) AS l{0}", i, typed(metric, low, "floor")));
            upper.push_back(fmt::format("if(is_known{0}, {1}, NULL) AS u{0}", i, typed(metric, high, "ceil")));
        }
        columns.insert(columns.end(), lower.begin(), lower.end());
        columns.insert(columns.end(), upper.begin(), upper.end());
        if (plan_.has_total) columns.emplace_back("is_total");
        return fmt::format("WITH\n    {}\nSELECT\n    {}\nFROM\n(\n{}\n)", fmt::join(with, ",\n    "),
                           fmt::join(columns, ",\n    "), sums);
    }

private:
    /// Expressions: the value, how far either end of the interval is, what they cannot pass (or empty), and whether
    /// there is an interval.
    struct Estimate {
        std::string value;
        std::string error;
        std::string least;
        std::string most;
        std::string is_known;
    };

    /// The end of an interval as the metric's values are.
    static std::string typed(const Metric& metric, const std::string& end, std::string_view rounded) {
        if (metric.type == ValueType::kInteger) return fmt::format("toInt64({}({}))", rounded, end);
        return metric.type == ValueType::kDecimal ? fmt::format("toDecimal128({}, 4)", end) : end;
    }
    std::size_t base_of(std::string_view name) const {
        const auto found = std::find_if(plan_.bases.begin(), plan_.bases.end(),
                                        [&](const BaseMetric& base) { return base.metric->name == name; });
        FOOTFALL_CHECK(found != plan_.bases.end());
        return static_cast<std::size_t>(found - plan_.bases.begin()) + 1;
    }
    std::pair<std::size_t, std::size_t> parts_of(const Metric& metric) const {
        return {base_of(metric.quotient[0]), base_of(metric.quotient[1])};
    }
    /// How far either end of the interval is from a sum over the replicates with that sum of squared deviations:
    /// Student's t times the standard error, which is less by what of all visitors the sample has.
    static std::string error_of(const std::string& deviations) {
        return fmt::format("{} * sqrt({} * greatest(0, {}))", kT,
                           (1 - Sample{}.rate()) * kReplicates / (kReplicates - 1), deviations);
    }
    Estimate sum(const Metric& metric) const {
        const std::size_t i = base_of(metric.name);
        const bool is_count = metric.type == ValueType::kInteger;
        return {
            .value = fmt::format("{} * sum{}", Sample{}.one_in, i),
            .error = fmt::format("{} * {}", Sample{}.one_in,
                                 error_of(fmt::format("squares{0} - pow(toFloat64(sum{0}), 2) / {1}", i, kReplicates))),
            .least = is_count ? fmt::format("toFloat64(sum{})", i) : "",
            .most = "",
            .is_known = fmt::format("parts{} >= {}", i, kReplicatesMin)};
    }
    Estimate quotient(const Metric& metric) const {
        const auto [over, under] = parts_of(metric);
        const double scale = static_cast<double>(metric.times) / static_cast<double>(metric.per);
        const bool is_share = metric.times == 100;
        const std::string ratio = fmt::format("toFloat64(sum{}) / toFloat64(sum{})", over, under);
        std::string known = fmt::format("parts{} >= {} AND parts{} >= {}", over, kReplicatesMin, under, kReplicatesMin);
        if (is_share) known += fmt::format(" AND rest{}_{} >= {}", over, under, kReplicatesMin);
        return {.value = fmt::format("if(sum{} = 0, NULL, {} * {})", under, scale, ratio),
                .error = fmt::format(
                    "{} * {} / toFloat64(sum{})", scale,
                    error_of(fmt::format("squares{0} - 2 * {2} * products{0}_{1} + pow({2}, 2) * squares{1}", over,
                                         under, ratio)),
                    under),
                .least = "0",
                .most = is_share ? "100" : "",
                .is_known = std::move(known)};
    }

    const Plan& plan_;
};

}  // namespace

store::Statement compose_sampled(const Plan& plan, const Range& range, const Zone& zone, int timeout_ms) {
    store::Statement statement = compose_groups(by_replicate(plan), range, zone, timeout_ms);
    const Estimates estimates(plan);
    std::string sql =
        fmt::format("SELECT\n    {}\nFROM\n(\n{}\n)", fmt::join(estimates.sums(), ",\n    "), statement.sql);
    if (!plan.dimensions.empty()) sql += fmt::format("\nGROUP BY {}", fmt::join(estimates.groups(), ", "));
    sql = estimates.select_from(sql);
    if (!plan.dimensions.empty()) {
        std::vector<std::string> order;
        if (plan.has_total) order.emplace_back("is_total DESC");
        for (const OrderKey& key : plan.order)
            order.push_back(fmt::format("{}{}{}", key.of == OrderKey::Of::kDimension ? 'd' : 'v', key.index + 1,
                                        key.direction == Direction::kDescending ? " DESC" : ""));
        if (plan.has_total)
            sql += fmt::format(
                "\nQUALIFY is_total = 1 OR row_number() OVER (ORDER BY {0}) > 1 + {{offset:UInt64}}\nORDER BY {0}\n"
                "LIMIT 1 + {{limit:UInt64}}",
                fmt::join(order, ", "));
        else
            sql +=
                fmt::format("\nORDER BY {}\nLIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}", fmt::join(order, ", "));
        statement.parameters.emplace_back("limit", std::to_string(plan.limit));
        statement.parameters.emplace_back("offset", std::to_string(plan.offset));
    }
    statement.sql = std::move(sql);
    return statement;
}

}  // namespace footfall::query
