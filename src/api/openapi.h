#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/router.h"

/// The description of the HTTP interface for programs: OpenAPI 3.1, at GET /api/v1/openapi.json.
///
///     schema/api.json ─▶ openapi_document() ─▶ openapi_routes
///                          ▲ route_rules(), judge_access(), readers' tables, limits (openapi_facts.h)
///
/// schema/api.json has the words: what a route is for, what a member means, examples, the shape of answers. Whatever
/// the server knows by itself is put in from where it is used: who may call a route, the names and limits of requests,
/// which members a body has. So that neither says what the other does not know, each must name all that the other has.
namespace footfall::api {

/// The document that says it is of that version of the program. kCorrupt, naming it, where schema/api.json lacks a
/// route, a member of a body or a word, or has one that is not there.
Result<std::string> openapi_document(std::string_view version);
/// The same of other declarations than those that are part of the program.
Result<std::string> openapi_document(std::string_view version, std::string_view declarations);

/// Adds the route; the document is made once. Errors as openapi_document().
Status add_openapi_route(http::Router& router, std::string_view version);

}  // namespace footfall::api
