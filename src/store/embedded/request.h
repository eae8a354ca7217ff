#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/http.h"
#include "store/embedded/canceller.h"
#include "store/embedded/engine.h"
#include "store/embedded/session.h"

namespace footfall::store::embedded {

/// A request of the ClickHouse HTTP interface, taken apart. Borrows from the HTTP request.
struct StoreRequest {
    std::string text;                            ///< the statement
    std::vector<std::string_view> data;          ///< pieces of the data of a formatted INSERT
    std::shared_ptr<const std::string> decoded;  ///< the body that `data` borrows from, where it came compressed
    std::string insert_format;  ///< its format; empty for every other statement, whose whole text is in `text`
    Parameters parameters;
    Scope scope;
    std::string default_format = "TabSeparated";
    std::string query_id;
    bool read_only = false;  ///< GET may not change anything
    /// cancel_http_readonly_queries_on_client_close: a statement that only reads ends where its client has gone.
    bool ends_with_connection = false;
    /// wait_end_of_query=0: the answer may be sent as it comes, and be cut where the statement fails then.
    bool is_streamed = false;
    Canceller::Number number = 0;      ///< where it is such a one
    bool may_be_encoded = false;       ///< enable_http_compression: the answer may be compressed as the client can
    std::string_view answer_encoding;  ///< and by what it is: zstd or gzip; empty: not at all
};

/// Reads URL, headers and body as a ClickHouse server does: the statement in the URL, in the body, in a form, or split
/// over URL and body, which may be compressed as HTTP does it (Content-Encoding). kUnsupported for what this store does
/// not speak (compressed blocks, sessions), kTooLarge for a body of more than `body_bytes_max` when it is decompressed,
/// kInvalidArgument for what is broken.
Result<StoreRequest> read_request(const http::Request& request, std::size_t body_bytes_max);

}  // namespace footfall::store::embedded
