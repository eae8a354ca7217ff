#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "http/http.h"
#include "query/query.h"

namespace footfall::api {

/// The format that a request asks for, out of those `offered`, of which the first is given where it leaves the choice
/// open: `?format=` decides, else Accept (RFC 9110, section 12.5.1). Errors name what is offered: kInvalidArgument with
/// the name "unsupported_format" for another `?format=`; "not_acceptable", which error_response() answers with 406,
/// where Accept takes nothing of it.
Result<query::Format> answer_format(const http::Request& request, std::span<const query::Format> offered);

/// What `?format=` calls a format.
std::string_view format_name(query::Format format);
/// The media type of a format.
std::string_view content_type(query::Format format);

}  // namespace footfall::api
