#pragma once

#include <string_view>

#include "api/fields.h"

/// The bodies of the routes that take small ones: read by these tables, and described by them in the OpenAPI document.
namespace footfall::api {

inline constexpr std::string_view kSessionTimeout = "session_timeout_minutes";
inline constexpr std::string_view kRetention = "retention_months";

inline constexpr BodyField kSetupBody[] = {
    {"token", FieldNeed::kRequired}, {"email", FieldNeed::kRequired}, {"password", FieldNeed::kRequired}};
/// A token, or a mail address and a password.
inline constexpr BodyField kSignInBody[] = {{"email"}, {"password"}, {"token"}};
inline constexpr BodyField kPasswordBody[] = {{"current", FieldNeed::kRequired}, {"new", FieldNeed::kRequired}};
inline constexpr BodyField kNewSiteBody[] = {{"name", FieldNeed::kRequired},
                                             {"domain", FieldNeed::kRequired},
                                             {"timezone", FieldNeed::kRequired},
                                             {"id"},
                                             {kSessionTimeout, FieldNeed::kOptional, FieldKind::kNumber},
                                             {"currency"},
                                             {kRetention, FieldNeed::kOptional, FieldKind::kNumber}};
inline constexpr BodyField kSiteBody[] = {{"name"},     {"domain"},
                                          {"timezone"}, {kSessionTimeout, FieldNeed::kOptional, FieldKind::kNumber},
                                          {"currency"}, {kRetention, FieldNeed::kOptional, FieldKind::kNumber}};
/// Of `page` and `event` exactly one.
inline constexpr BodyField kGoalBody[] = {{"name", FieldNeed::kRequired},
                                          {"page"},
                                          {"event"},
                                          {"match"},
                                          {"filters", FieldNeed::kOptional, FieldKind::kJson}};
inline constexpr BodyField kSegmentBody[] = {{"name", FieldNeed::kRequired},
                                             {"filters", FieldNeed::kRequired, FieldKind::kJson}};
inline constexpr BodyField kAnnotationBody[] = {{"date", FieldNeed::kRequired},
                                                {"time", FieldNeed::kOptional, FieldKind::kTextOrNull},
                                                {"text", FieldNeed::kRequired}};
inline constexpr BodyField kTicketBody[] = {{"website_id"}};

}  // namespace footfall::api
