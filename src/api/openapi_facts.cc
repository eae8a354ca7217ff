#include "api/openapi_facts.h"

#include <span>
#include <utility>

#include "api/answer_format.h"
#include "api/bodies.h"
#include "api/gate.h"
#include "api/live_routes.h"
#include "api/query_endpoint.h"
#include "api/rejected_routes.h"
#include "catalog/annotations.h"
#include "catalog/catalog.h"
#include "catalog/goal.h"
#include "catalog/segment.h"
#include "query/cohorts/cohorts.h"
#include "query/funnel/funnel.h"
#include "query/names.h"
#include "query/paths/paths.h"
#include "query/query.h"
#include "query/vocabulary.h"

namespace footfall::api {
namespace {

constexpr catalog::Role kRoles[] = {catalog::Role::kOwner, catalog::Role::kAdmin, catalog::Role::kEditor,
                                    catalog::Role::kViewer};
constexpr catalog::Scope kScopes[] = {catalog::Scope::kCollect, catalog::Scope::kRead, catalog::Scope::kAdmin};

WordList words(std::string_view name, std::span<const std::string_view> names) {
    WordList list{.name = name, .words = {}};
    for (const std::string_view word : names) list.words.push_back({.name = std::string(word)});
    return list;
}

WordList metric_words() {
    WordList list{.name = "metrics", .words = {}};
    for (const query::Metric& metric : query::vocabulary().metrics()) {
        if (!metric.is_answered()) continue;
        list.words.push_back({metric.name, metric.description});
        for (const std::string& alias : metric.aliases)
            list.words.push_back({alias, "The same as " + metric.name + "."});
    }
    return list;
}

enum class Use : std::uint8_t { kGroups, kFiltersOnly };

/// Without those that take a key ("property:NAME"): these are a pattern.
WordList dimension_words(std::string_view name, Use use) {
    WordList list{.name = name, .words = {}};
    for (const query::Dimension& dimension : query::vocabulary().dimensions()) {
        if (dimension.is_internal || dimension.sources.empty() || dimension.takes_key()) continue;
        if (dimension.is_filter_only == (use == Use::kFiltersOnly))
            list.words.push_back({dimension.name, dimension.description});
    }
    return list;
}

struct FormatList {
    std::string_view name;
    std::span<const query::Format> formats;
};
constexpr FormatList kFormatLists[] = {{"formats", QueryEndpoint::kFormats},
                                       {"formats_of_json", QueryEndpoint::kFormatsOfJson}};

WordList format_words(const FormatList& of) {
    WordList list{.name = of.name, .words = {}};
    for (const query::Format format : of.formats)
        list.words.push_back({std::string(format_name(format)), std::string(content_type(format))});
    return list;
}

template <class T>
Limit limit(std::string_view name, T value) {
    return {name, static_cast<std::int64_t>(value)};
}

MemberList members(std::string_view name, std::span<const BodyField> body) {
    MemberList list{.name = name, .members = {}};
    for (const BodyField& field : body) {
        list.members.push_back(field.name);
        if (field.need == FieldNeed::kRequired) list.required.push_back(field.name);
    }
    return list;
}

}  // namespace

std::vector<WordList> request_words() {
    std::vector<std::string_view> roles;
    for (const catalog::Role role : kRoles) roles.push_back(catalog::role_name(role));
    std::vector<std::string_view> matches;
    for (const auto match : {catalog::Goal::Match::kIs, catalog::Goal::Match::kContains, catalog::Goal::Match::kMatches,
                             catalog::Goal::Match::kAny})
        matches.push_back(catalog::goal_match_name(match));
    return {metric_words(),
            dimension_words("dimensions", Use::kGroups),
            dimension_words("filter_dimensions", Use::kFiltersOnly),
            format_words(kFormatLists[0]),
            format_words(kFormatLists[1]),
            words("operators", query::operator_names()),
            words("filter_groups", query::filter_group_names()),
            words("time_ranges", query::time_range_names()),
            words("compares", query::compare_names()),
            words("granularities", query::granularity_names()),
            words("cohort_granularities", query::cohort_granularity_names()),
            words("funnel_by", query::funnel_by_names()),
            words("path_nodes", query::path_nodes_names()),
            words("goal_matches", matches),
            words("rejection_reasons", RejectedRoutes::kReasons),
            words("roles", roles)};
}

std::span<const query::Format> formats_named(std::string_view name) {
    for (const FormatList& list : kFormatLists)
        if (list.name == name) return list.formats;
    return {};
}

std::vector<Limit> request_limits() {
    return {limit("metrics_max", query::kMetricsMax),
            limit("dimensions_max", query::kDimensionsMax),
            limit("order_terms_max", query::kOrderTermsMax),
            limit("filter_conditions_max", query::kFiltersMax),
            limit("filter_values_max", query::kFilterValuesMax),
            limit("value_bytes_max", query::kValueBytesMax),
            limit("rows_default", query::kRowsDefault),
            limit("rows_streamed_max", query::kStreamedRowsMax),
            limit("offset_max", query::kOffsetMax),
            limit("batch_max", QueryEndpoint::kBatchMax),
            limit("funnel_steps_max", query::kFunnelStepsMax),
            limit("funnel_window_default", query::kFunnelWindowDefault),
            limit("funnel_window_max", query::kFunnelWindowMax),
            limit("funnel_values_default", query::kFunnelValuesDefault),
            limit("funnel_values_max", query::kFunnelValuesMax),
            limit("funnel_dropped_max", query::kFunnelDroppedMax),
            limit("cohorts_max", query::kCohortsMax),
            limit("path_depth_min", query::kPathDepthMin),
            limit("path_depth_max", query::kPathDepthMax),
            limit("path_depth_default", query::kPathDepthDefault),
            limit("path_nodes_max", query::kPathNodesMax),
            limit("path_nodes_default", query::kPathNodesDefault),
            limit("paths_max", query::kPathsMax),
            limit("paths_default", query::kPathsDefault),
            limit("session_timeout_min", catalog::kSessionTimeoutMin),
            limit("session_timeout_max", catalog::kSessionTimeoutMax),
            limit("session_timeout_default", catalog::kSessionTimeoutDefault),
            limit("retention_max", catalog::kRetentionMonthsMax),
            limit("retention_default", catalog::kRetentionMonthsDefault),
            limit("segment_name_max", catalog::kSegmentNameMax),
            limit("annotation_text_max", catalog::kAnnotationNoteMax),
            limit("rejected_days_default", RejectedRoutes::kDays),
            limit("rejected_days_max", RejectedRoutes::kDaysMax),
            limit("rejected_samples_default", RejectedRoutes::kLimit),
            limit("rejected_samples_max", RejectedRoutes::kLimitMax),
            limit("ticket_seconds", LiveRoutes::kTicketMs / 1'000)};
}

std::vector<MemberList> request_members() {
    return {{"query", query::query_member_names()},
            {"funnel", query::funnel_member_names()},
            {"retention", query::cohort_member_names()},
            {"paths", query::paths_member_names()},
            {"step", query::step_member_names()},
            {"batch", {QueryEndpoint::kBatchMember}, {QueryEndpoint::kBatchMember}},
            members("setup", kSetupBody),
            members("sign_in", kSignInBody),
            members("password", kPasswordBody),
            members("new_site", kNewSiteBody),
            members("site_change", kSiteBody),
            members("goal", kGoalBody),
            members("segment", kSegmentBody),
            members("annotation", kAnnotationBody),
            members("ticket", kTicketBody)};
}

Callers callers_of(Access access) {
    Callers callers;
    for (const catalog::Role role : kRoles) {
        Caller caller;
        caller.user = catalog::User{};
        caller.user->role = role;
        if (judge_access(access, caller)) callers.roles.push_back(catalog::role_name(role));
    }
    for (const catalog::Scope scope : kScopes) {
        Caller caller;
        caller.key = catalog::Key{};
        caller.key->scope = scope;
        if (judge_access(access, caller)) callers.scopes.push_back(catalog::scope_name(scope));
    }
    return callers;
}

}  // namespace footfall::api
