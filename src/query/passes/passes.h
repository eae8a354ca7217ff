#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "query/plan.h"

/// The planner's passes, each in a file of its name; plan.cc has their order.
namespace footfall::query {

/// Names → declarations. Adds the first column that a granularity asks for.
Status resolve_names(const PlanContext& context, Plan& plan);
/// The range as asked → milliseconds, by the site's calendar; and what it is compared with.
Status resolve_range(const PlanContext& context, Plan& plan);
/// The table that answers all columns, and the rows of it that any metric looks at.
Status choose_source(const PlanContext& context, Plan& plan);
/// Whether days of footfall.rollup_days can stand for rows of the tables.
Status choose_rollup(const PlanContext& context, Plan& plan);
/// Filters → one condition of positive tests, with the values checked by the type of their dimension.
Status lower_filters(const PlanContext& context, Plan& plan);
/// Where goals are asked for: what they are, and how the sessions that met them are found.
Status resolve_goals(const PlanContext& context, Plan& plan);
/// The order, completed so that no two rows are equal in it: pages then neither repeat nor miss a row. Also limit and
/// offset.
Status order_rows(const PlanContext& context, Plan& plan);
/// Whether the first rows can be found without counting every group.
Status find_top_rows(const PlanContext& context, Plan& plan);
/// Whether an estimate from some of the visitors can stand for the answer where too many rows would be read.
Status allow_sampling(const PlanContext& context, Plan& plan);

/// The declaration of a dimension's name; 400 "unknown_dimension" or "unsupported_dimension" at `field`.
Result<DimensionColumn> resolve_dimension(const Vocabulary& vocabulary, std::string_view name,
                                          const std::string& field);
/// The same of a filter, which may ask for more than rows can be put into groups by.
Result<DimensionColumn> resolve_filtered(const Vocabulary& vocabulary, std::string_view name, const std::string& field);
/// A refusal: kInvalidArgument with the contract's error code in `name`.
Error refuse(std::string_view code, std::string field, std::string message, std::string did_you_mean = {});

}  // namespace footfall::query
