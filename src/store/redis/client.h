#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

struct redisContext;  // NOLINT(readability-identifier-naming): hiredis's

namespace footfall::store::redis {

struct Endpoint {
    std::string host = "127.0.0.1";
    int port = 6379;
    std::string user;  ///< empty: the default one
    std::string password;
    int connect_timeout_ms = 500;
};

/// A value of a reply: none where the key is not there; arrays as their elements.
struct Reply {
    std::optional<std::string> text;  ///< of strings and statuses
    std::int64_t number = 0;          ///< of integers
    std::vector<Reply> elements;
    std::string error;  ///< of one command of several
};

using Command = std::vector<std::string>;

/// A connection to Redis, by hiredis. Thread-safe: one call at a time, others wait for their turn within their
/// deadline.
///
/// Where the server is away a call fails at once, and is tried again after 50 ms, twice as long each time up to 2 s,
/// with up to half of it more by chance, so that many processes do not come back together.
class Client {
public:
    explicit Client(Endpoint endpoint, Clock& clock = system_clock());
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Sends all commands at once and gives a reply for each. kTimeout where `timeout_ms` passed, kUnavailable where
    /// nobody answers, kForbidden where the server refuses the password: in all three what was sent may be carried out.
    Result<std::vector<Reply>> run_all(const std::vector<Command>& commands, int timeout_ms);
    /// One command; its own error, for instance of a wrong type, is kInternal.
    Result<Reply> run(const Command& command, int timeout_ms);
    /// Whether the last call was answered.
    bool is_up() const;

private:
    struct ContextDeleter {
        void operator()(redisContext* context) const;
    };
    Status connect(int timeout_ms);
    Error failed(Code code, std::string text);

    const Endpoint endpoint_;
    Clock& clock_;
    mutable std::timed_mutex mutex_;
    std::unique_ptr<redisContext, ContextDeleter> context_;
    std::int64_t not_before_ns_ = 0;
    std::int64_t pause_ms_ = 0;
    std::string problem_;
};

}  // namespace footfall::store::redis
