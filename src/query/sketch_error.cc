#include "query/sketch_error.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace footfall::query {
namespace {

constexpr double kNormal = 1.96;  // standard errors to either end of 95 %

/// uniqCombined64(14) keeps sets of up to 511 as they are. From 512 on it may say less than there is: that it says less
/// than 512 less four standard errors happens once in 30,000 times.
constexpr double kExactBelow = 495;

std::optional<double> number_of(const store::Value& value) {
    if (const auto* natural = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*natural);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
    if (const auto* number = std::get_if<double>(&value)) return *number;
    return std::nullopt;
}

/// Of a metric that is no quotient.
double error_of(const Metric& metric) { return metric.rollup ? metric.rollup->standard_error : 0; }

class Row {
public:
    Row(const Plan& plan, std::span<const store::Value> values) : plan_(plan), values_(values) {}

    Interval interval(std::size_t i) const {
        const Metric& metric = *plan_.metrics[i].metric;
        const std::optional<double> value = number_of(values_[i]);
        const double error = value ? kNormal * *value * standard_error(metric, *value) : 0;
        if (error == 0) return {values_[i], values_[i]};
        if (metric.type == ValueType::kInteger)
            return {static_cast<std::int64_t>(std::floor(*value - error)),
                    static_cast<std::int64_t>(std::ceil(*value + error))};
        const double most = metric.times == 100 ? 100 : HUGE_VAL;
        return {std::clamp(*value - error, 0.0, most), std::clamp(*value + error, 0.0, most)};
    }

private:
    /// Relative; 0 where the value is known to be exact.
    double standard_error(const Metric& metric, double value) const {
        if (metric.quotient.empty()) return value < kExactBelow ? 0 : error_of(metric);
        const Metric& over = part(metric.quotient[0]);
        const Metric& under = part(metric.quotient[1]);
        return are_exact(metric, over, under, value) ? 0 : std::hypot(error_of(over), error_of(under));
    }
    bool are_exact(const Metric& metric, const Metric& over, const Metric& under, double value) const {
        const double ratio = value * static_cast<double>(metric.per) / static_cast<double>(metric.times);
        std::optional<double> of_over = told(over);
        std::optional<double> of_under = told(under);
        if (!of_over && of_under) of_over = ratio * *of_under;
        if (!of_under && of_over && ratio > 0) of_under = *of_over / ratio;
        const auto is_exact = [](const Metric& of, const std::optional<double>& count) {
            return error_of(of) == 0 || (count && *count < kExactBelow);
        };
        return is_exact(over, of_over) && is_exact(under, of_under);
    }
    const Metric& part(std::string_view name) const {
        const auto found = std::find_if(plan_.bases.begin(), plan_.bases.end(),
                                        [&](const BaseMetric& base) { return base.metric->name == name; });
        FOOTFALL_CHECK(found != plan_.bases.end());
        return *found->metric;
    }
    std::optional<double> told(const Metric& metric) const {
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i)
            if (plan_.metrics[i].metric->name == metric.name) return number_of(values_[i]);
        return std::nullopt;
    }

    const Plan& plan_;
    const std::span<const store::Value> values_;
};

}  // namespace

std::vector<Interval> intervals_of_sketches(const Plan& plan, std::span<const store::Value> values) {
    FOOTFALL_CHECK(values.size() == plan.metrics.size());
    const Row row(plan, values);
    std::vector<Interval> intervals;
    for (std::size_t i = 0; i < plan.metrics.size(); ++i) intervals.push_back(row.interval(i));
    return intervals;
}

}  // namespace footfall::query
