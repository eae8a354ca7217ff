#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/http.h"

namespace footfall::http {

/// Whether an answer of that status has a body: 1xx, 204 and 304 end with their head, and say nothing of a length.
bool may_have_body(int status);

/// What an answer's head says beside the Response.
struct HeadContext {
    std::string_view path;        ///< of the request; empty where it was not read
    std::string_view connection;  ///< value of the header of that name; empty: none
    std::string_view date;
    bool is_http_1_0 = false;  ///< of the request: it knows no chunks
    bool is_tls = false;       ///< as Request::is_tls
    const ServerOptions& options;
};

/// Appends the head of an answer, its empty line included: the Response's own headers, then those of its path and the
/// common ones, as far as none of that name is there yet. Without `body_bytes` the body comes in chunks, or lasts to
/// the end of the connection.
void append_head(std::string& out, const Response& response, std::optional<std::uint64_t> body_bytes,
                 const HeadContext& context);

}  // namespace footfall::http
