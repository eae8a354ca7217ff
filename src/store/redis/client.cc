#include "store/redis/client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace footfall::store::redis {
namespace {

constexpr std::int64_t kMs = 1'000'000;  // in nanoseconds

}  // namespace

/// Of one call at a time.
class Client::Turn {
public:
    Turn(Client& client, int timeout_ms) : client_(client) {
        std::unique_lock lock(client_.mutex_);
        has_come_ =
            client_.free_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return !client_.is_taken_; });
        if (has_come_) client_.is_taken_ = true;
    }
    ~Turn() {
        if (!has_come_) return;
        {
            const std::lock_guard lock(client_.mutex_);
            client_.is_taken_ = false;
        }
        client_.free_.notify_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    bool has_come() const { return has_come_; }

private:
    Client& client_;
    bool has_come_ = false;
};

Client::Client(Endpoint endpoint, Clock& clock) : endpoint_(std::move(endpoint)), clock_(clock) {}
Client::~Client() = default;

Error Client::failed(Code code, std::string_view text) {
    connection_.reset();
    is_up_ = false;
    not_before_ns_ = clock_.steady_ns() + back_off_.next_ms() * kMs;
    problem_ = fmt::format("Redis at {}:{}: {}", endpoint_.host, endpoint_.port, text);
    return {code, problem_};
}

Result<std::vector<Reply>> Client::run_all(const std::vector<Command>& commands, int timeout_ms) {
    const std::int64_t deadline_ns = clock_.steady_ns() + timeout_ms * kMs;
    const Turn turn(*this, timeout_ms);
    if (!turn.has_come()) return Error(Code::kTimeout, "too many wait for Redis");
    const auto left_ms = [&] {
        return static_cast<int>(std::max<std::int64_t>(1, (deadline_ns - clock_.steady_ns()) / kMs));
    };
    if (!connection_) {
        if (clock_.steady_ns() < not_before_ns_) return Error(Code::kUnavailable, problem_);
        auto opened = Connection::open(endpoint_, left_ms());
        if (!opened) return failed(opened.error().code, opened.error().message);
        connection_ = std::move(*opened);
    }
    for (const Command& command : commands)
        if (const Status appended = connection_->append(command); !appended)
            return failed(appended.error().code, appended.error().message);
    std::vector<Reply> replies;
    replies.reserve(commands.size());
    while (replies.size() < commands.size()) {
        auto reply = connection_->reply(left_ms());
        if (!reply) {
            const bool is_late = reply.error().code == Code::kTimeout;
            return failed(reply.error().code,
                          is_late ? fmt::format("no answer within {} ms", timeout_ms) : reply.error().message);
        }
        replies.push_back(std::move(*reply));
    }
    is_up_ = true;
    back_off_.reset();
    problem_.clear();
    return replies;
}

Result<Reply> Client::run(const Command& command, int timeout_ms) {
    TRY(auto replies, run_all({command}, timeout_ms));
    if (!replies[0].error.empty()) return Error(Code::kInternal, "Redis: " + replies[0].error);
    return std::move(replies[0]);
}

}  // namespace footfall::store::redis
