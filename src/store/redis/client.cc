#include "store/redis/client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include "base/bytes.h"

namespace footfall::store::redis {
namespace {

constexpr std::int64_t kMs = 1'000'000;  // in nanoseconds
constexpr std::int64_t kPauseMs = 50;
constexpr std::int64_t kPauseMostMs = 2'000;

timeval in_ms(std::int64_t ms) {
    return {.tv_sec = static_cast<time_t>(ms / 1'000), .tv_usec = static_cast<suseconds_t>(ms % 1'000 * 1'000)};
}

Reply reply_of(const redisReply& raw) {
    Reply reply;
    switch (raw.type) {
        case REDIS_REPLY_NIL: break;
        case REDIS_REPLY_INTEGER: reply.number = raw.integer; break;
        case REDIS_REPLY_ERROR: reply.error.assign(raw.str, raw.len); break;
        case REDIS_REPLY_ARRAY:
            for (std::size_t i = 0; i < raw.elements; ++i) reply.elements.push_back(reply_of(*raw.element[i]));
            break;
        default: reply.text.emplace(raw.str, raw.len);
    }
    return reply;
}

struct ReplyDeleter {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

int append(redisContext* context, const Command& command) {
    std::vector<const char*> words;
    std::vector<std::size_t> sizes;
    for (const std::string& word : command) {
        words.push_back(word.data());
        sizes.push_back(word.size());
    }
    return redisAppendCommandArgv(context, static_cast<int>(words.size()), words.data(), sizes.data());
}

}  // namespace

void Client::ContextDeleter::operator()(redisContext* context) const { redisFree(context); }

Client::Client(Endpoint endpoint, Clock& clock) : endpoint_(std::move(endpoint)), clock_(clock) {}
Client::~Client() = default;

Error Client::failed(Code code, std::string text) {
    context_.reset();
    pause_ms_ = std::clamp(pause_ms_ * 2, kPauseMs, kPauseMostMs);
    std::uint16_t chance = 0;
    random_bytes(&chance, sizeof chance);
    not_before_ns_ = clock_.steady_ns() + (pause_ms_ + pause_ms_ / 2 * chance / 65'536) * kMs;
    problem_ = fmt::format("Redis at {}:{}: {}", endpoint_.host, endpoint_.port, text);
    return {code, problem_};
}

Status Client::connect(int timeout_ms) {
    context_.reset(redisConnectWithTimeout(endpoint_.host.c_str(), endpoint_.port,
                                           in_ms(std::min(timeout_ms, endpoint_.connect_timeout_ms))));
    if (!context_) return failed(Code::kInternal, "no memory for a connection");
    if (context_->err != 0) return failed(Code::kUnavailable, context_->errstr);
    redisEnableKeepAlive(context_.get());
    if (endpoint_.password.empty()) return {};
    redisSetTimeout(context_.get(), in_ms(timeout_ms));
    const Command auth = endpoint_.user.empty() ? Command{"AUTH", endpoint_.password}
                                                : Command{"AUTH", endpoint_.user, endpoint_.password};
    void* raw = nullptr;
    if (append(context_.get(), auth) != REDIS_OK || redisGetReply(context_.get(), &raw) != REDIS_OK)
        return failed(Code::kUnavailable, context_->errstr);
    const std::unique_ptr<redisReply, ReplyDeleter> reply(static_cast<redisReply*>(raw));
    if (reply->type == REDIS_REPLY_ERROR) return failed(Code::kForbidden, reply->str);
    return {};
}

Result<std::vector<Reply>> Client::run_all(const std::vector<Command>& commands, int timeout_ms) {
    const std::int64_t deadline_ns = clock_.steady_ns() + timeout_ms * kMs;
    std::unique_lock lock(mutex_, std::chrono::milliseconds(timeout_ms));
    if (!lock.owns_lock()) return Error(Code::kTimeout, "too many wait for Redis");
    const auto left_ms = [&] { return std::max<std::int64_t>(1, (deadline_ns - clock_.steady_ns()) / kMs); };
    if (!context_) {
        if (clock_.steady_ns() < not_before_ns_) return Error(Code::kUnavailable, problem_);
        TRY_STATUS(connect(static_cast<int>(left_ms())));
    }
    redisSetTimeout(context_.get(), in_ms(left_ms()));
    for (const Command& command : commands)
        if (append(context_.get(), command) != REDIS_OK) return failed(Code::kUnavailable, context_->errstr);
    std::vector<Reply> replies;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        void* raw = nullptr;
        // The time is that of all: the library's own begins anew with each read.
        if (i > 0) redisSetTimeout(context_.get(), in_ms(left_ms()));
        if (redisGetReply(context_.get(), &raw) != REDIS_OK) {
            const bool is_late = context_->err == REDIS_ERR_IO && clock_.steady_ns() >= deadline_ns;
            return failed(is_late ? Code::kTimeout : Code::kUnavailable,
                          is_late ? fmt::format("no answer within {} ms", timeout_ms) : context_->errstr);
        }
        const std::unique_ptr<redisReply, ReplyDeleter> reply(static_cast<redisReply*>(raw));
        replies.push_back(reply_of(*reply));
    }
    pause_ms_ = 0;
    problem_.clear();
    return replies;
}

Result<Reply> Client::run(const Command& command, int timeout_ms) {
    TRY(auto replies, run_all({command}, timeout_ms));
    if (!replies[0].error.empty()) return Error(Code::kInternal, "Redis: " + replies[0].error);
    return std::move(replies[0]);
}

bool Client::is_up() const {
    const std::lock_guard lock(mutex_);
    return context_ != nullptr;
}

}  // namespace footfall::store::redis
