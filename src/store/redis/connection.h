#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

struct redisContext;  // NOLINT(readability-identifier-naming): hiredis's

namespace footfall::store::redis {

struct Endpoint {
    std::string host = "127.0.0.1";
    int port = 6379;
    std::string user = {};  ///< empty: the default one
    std::string password = {};
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

/// A connection by hiredis, which the client and the subscriber share. Not thread-safe; ends with this.
class Connection {
public:
    /// kUnavailable where nobody answers in time, kForbidden where the server refuses the password.
    static Result<Connection> open(const Endpoint& endpoint, int timeout_ms);

    /// Puts a command behind those that wait to be sent.
    Status append(const Command& command);
    /// Sends what waits, and waits for the next reply. kTimeout where `timeout_ms` passed, kUnavailable where the
    /// connection is lost; after either it is of no use any more.
    Result<Reply> reply(int timeout_ms);
    /// Sends what waits. Errors as of reply().
    Status send(int timeout_ms);
    /// A reply that comes without being asked for now; none where it does not within `timeout_ms`, and the connection
    /// stays.
    Result<std::optional<Reply>> reply_within(int timeout_ms);

private:
    struct Deleter {
        void operator()(redisContext* context) const;
    };
    explicit Connection(redisContext* context) : context_(context) {}
    Error lost() const;

    std::unique_ptr<redisContext, Deleter> context_;
};

/// When to try again who was away: after 50 ms, twice as long each time up to 2 s, with up to half of it more by
/// chance, so that many processes do not come back together. Not thread-safe.
class BackOff {
public:
    /// Until the next attempt, in ms.
    std::int64_t next_ms();
    void reset() { pause_ms_ = 0; }

private:
    std::int64_t pause_ms_ = 0;
};

}  // namespace footfall::store::redis
