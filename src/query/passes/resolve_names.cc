#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/nearest.h"
#include "query/names.h"
#include "query/passes/passes.h"

namespace footfall::query {
namespace {

constexpr std::array<std::string_view, 5> kGranularities = {"minute", "hour", "day", "week", "month"};

Status resolve_metrics(const PlanContext& context, Plan& plan) {
    const auto& names = context.request.metrics;
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string field = fmt::format("metrics[{}]", i);
        const Metric* metric = context.vocabulary.metric(names[i]);
        if (metric == nullptr || metric->is_internal)
            return refuse("unknown_metric", std::move(field), fmt::format("there is no metric '{}'", names[i]),
                          context.vocabulary.nearest_metric(names[i]));
        if (!metric->is_answered())
            return refuse("unsupported_metric", std::move(field),
                          fmt::format("the metric '{}' is not available in this version", names[i]));
        if (std::any_of(plan.metrics.begin(), plan.metrics.end(),
                        [&](const auto& column) { return column.name == names[i]; }))
            return refuse("duplicate_metric", std::move(field),
                          fmt::format("the metric '{}' is named twice", names[i]));
        plan.metrics.push_back({names[i], metric});
    }
    return {};
}

Status resolve_dimensions(const PlanContext& context, Plan& plan) {
    const auto& names = context.request.dimensions;
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string field = fmt::format("dimensions[{}]", i);
        TRY(auto column, resolve_dimension(context.vocabulary, names[i], field));
        if (std::any_of(plan.dimensions.begin(), plan.dimensions.end(),
                        [&](const auto& other) { return other.name == names[i]; }))
            return refuse("duplicate_dimension", std::move(field),
                          fmt::format("the dimension '{}' is named twice", names[i]));
        plan.dimensions.push_back(std::move(column));
    }
    return {};
}

Status add_granularity(const PlanContext& context, Plan& plan) {
    const std::string& granularity = context.request.granularity;
    if (granularity.empty()) return {};
    const Dimension* bucket = context.vocabulary.bucket(granularity);
    if (bucket == nullptr)
        return refuse("unknown_granularity", "granularity",
                      fmt::format("there is no granularity '{}'; one of minute, hour, day, week, month", granularity),
                      nearest(granularity, kGranularities));
    const auto named = std::find_if(plan.dimensions.begin(), plan.dimensions.end(),
                                    [](const auto& column) { return !column.dimension->granularity.empty(); });
    if (named != plan.dimensions.end()) {
        plan.reasons.push_back(
            fmt::format("granularity '{}' adds no column: the time dimension '{}' is named", granularity, named->name));
        return {};
    }
    plan.reasons.push_back(fmt::format("granularity '{}' adds the first column '{}'", granularity, bucket->name));
    plan.dimensions.insert(plan.dimensions.begin(), {bucket->name, bucket, {}});
    return {};
}

}  // namespace

std::span<const std::string_view> granularity_names() { return kGranularities; }

Error refuse(std::string_view code, std::string field, std::string message, std::string did_you_mean) {
    Error error(Code::kInvalidArgument, std::move(message), std::move(field));
    error.name = code;
    error.did_you_mean = std::move(did_you_mean);
    return error;
}

Result<DimensionColumn> resolve_dimension(const Vocabulary& vocabulary, std::string_view name,
                                          const std::string& field) {
    TRY(DimensionColumn column, resolve_filtered(vocabulary, name, field));
    if (column.dimension->is_filter_only)
        return refuse("unsupported_dimension", field, fmt::format("'{}' is for filters: a number of each event", name));
    return column;
}

Result<DimensionColumn> resolve_filtered(const Vocabulary& vocabulary, std::string_view name,
                                         const std::string& field) {
    const Dimension* dimension = vocabulary.dimension(name);
    if (dimension == nullptr || dimension->is_internal)
        return refuse("unknown_dimension", field, fmt::format("there is no dimension '{}'", name),
                      vocabulary.nearest_dimension(name));
    if (dimension->sources.empty())
        return refuse("unsupported_dimension", field,
                      fmt::format("the dimension '{}' is not available in this version", name));
    std::string key(dimension->takes_key() ? name.substr(dimension->name.size()) : std::string_view());
    if (dimension->takes_key() && key.empty())
        return refuse("unknown_dimension", field, fmt::format("'{}' needs a name after the colon", name));
    return DimensionColumn{std::string(name), dimension, std::move(key)};
}

Status resolve_names(const PlanContext& context, Plan& plan) {
    plan.website_id = context.site.id;
    plan.currency = context.site.currency;
    TRY_STATUS(resolve_metrics(context, plan));
    TRY_STATUS(resolve_dimensions(context, plan));
    return add_granularity(context, plan);
}

}  // namespace footfall::query
