#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/redis/connection.h"

namespace footfall::store::redis {

/// Asks Redis over one connection. Thread-safe: one call at a time, others wait for their turn within their deadline.
///
/// Where the server is away a call fails at once, and is tried again after a while, longer each time (BackOff).
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
    bool is_up() const { return is_up_.load(); }

private:
    class Turn;
    Error failed(Code code, std::string_view text);

    const Endpoint endpoint_;
    Clock& clock_;
    // Not a timed_mutex, whose calls GCC 12's thread sanitizer does not know.
    std::mutex mutex_;
    std::condition_variable free_;
    bool is_taken_ = false;
    std::atomic<bool> is_up_{false};
    // Of the call whose turn it is.
    std::optional<Connection> connection_;
    BackOff back_off_;
    std::int64_t not_before_ns_ = 0;
    std::string problem_;
};

}  // namespace footfall::store::redis
