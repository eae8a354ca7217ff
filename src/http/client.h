#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace footfall::http {

struct ClientRequest {
    std::string_view method = "GET";
    std::string_view target = "/";  ///< path and query, encoded
    std::vector<std::pair<std::string_view, std::string_view>> headers{};
    std::string_view body{};        ///< sent as it is, without a copy
};

struct ClientResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::string body;

    /// Value of the first header of that name; empty where there is none.
    std::string_view header(std::string_view lower_case_name) const;
};

/// A blocking HTTP/1.1 client of one server: one object is one connection, kept alive between requests and opened again where it was lost. For
/// programs on this machine and in this installation, not for the open internet. Not thread-safe.
class Client {
public:
    /// "unix:/path", "host:port" or "http://host:port". `answer_bytes_max`: a longer answer is kTooLarge.
    explicit Client(std::string address, std::size_t answer_bytes_max = 512u << 20);

    /// Sends a request and reads its answer within `timeout_ms`. Any status is an answer, not an error. kUnavailable: no connection, or it broke;
    /// kTimeout. After an error `maybe_processed()` says whether the server may have acted on the request. A kept connection that the server had closed
    /// meanwhile is opened again without the caller noticing, as long as nothing of an answer came and `is_idempotent` or no byte was accepted.
    Result<ClientResponse> send(const ClientRequest& request, int timeout_ms, bool is_idempotent = false);

    /// Of the last send() that failed: false only where the request cannot have reached the server's handler.
    bool maybe_processed() const { return maybe_processed_; }
    void close() { socket_.close(); }

private:
    Status connect(std::int64_t deadline_ns);
    Result<ClientResponse> exchange(const ClientRequest& request, std::int64_t deadline_ns);
    Status write_all(std::string_view head, std::string_view body, std::int64_t deadline_ns);
    /// Reads more into buffer_; false at the end of the stream.
    Result<bool> read_more(std::int64_t deadline_ns);
    Status read_exactly(std::string& out, std::size_t size, std::int64_t deadline_ns);
    Result<std::string> read_line(std::int64_t deadline_ns);
    Status wait(short events, std::int64_t deadline_ns);

    const std::string address_;
    const std::size_t answer_bytes_max_;
    File socket_;
    std::string buffer_;      ///< read and not used yet
    bool maybe_processed_ = false;
    bool answer_started_ = false;
};

}  // namespace footfall::http
