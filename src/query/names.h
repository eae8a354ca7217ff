#pragma once

#include <span>
#include <string_view>
#include <vector>

/// What bodies of questions may say, told by the tables that read them: for whoever describes the interface, so that no
/// second list of it is kept. Names of metrics and dimensions are in vocabulary.h, limits in query.h and in the header
/// of each kind of question. All views have static storage.
namespace footfall::query {

// The members of a body, or of one of its objects.
std::vector<std::string_view> query_member_names();
std::vector<std::string_view> funnel_member_names();
std::vector<std::string_view> cohort_member_names();
std::vector<std::string_view> paths_member_names();
std::vector<std::string_view> step_member_names();

// The words that a member, or a part of it, may be.
std::vector<std::string_view> operator_names();            ///< of a filter that tests a dimension
std::vector<std::string_view> filter_group_names();        ///< that a filter over other filters begins with
std::vector<std::string_view> time_range_names();          ///< beside two instants
std::span<const std::string_view> compare_names();         ///< beside two days
std::span<const std::string_view> granularity_names();     ///< of a query
std::vector<std::string_view> cohort_granularity_names();  ///< of retention
std::span<const std::string_view> funnel_by_names();
std::span<const std::string_view> path_nodes_names();

}  // namespace footfall::query
