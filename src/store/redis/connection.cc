#include "store/redis/connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <hiredis/hiredis.h>

#include "base/bytes.h"

namespace footfall::store::redis {
namespace {

constexpr std::int64_t kPauseMs = 50;
constexpr std::int64_t kPauseMostMs = 2'000;

timeval in_ms(std::int64_t ms) {
    ms = std::max<std::int64_t>(1, ms);  // 0 would be for ever
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

Reply take(void* raw) {
    const std::unique_ptr<redisReply, ReplyDeleter> reply(static_cast<redisReply*>(raw));
    return reply_of(*reply);
}

}  // namespace

void Connection::Deleter::operator()(redisContext* context) const { redisFree(context); }

Error Connection::lost() const { return {Code::kUnavailable, context_->errstr}; }

Result<Connection> Connection::open(const Endpoint& endpoint, int timeout_ms) {
    Connection out(redisConnectWithTimeout(endpoint.host.c_str(), endpoint.port,
                                           in_ms(std::min(timeout_ms, endpoint.connect_timeout_ms))));
    if (!out.context_) return Error(Code::kInternal, "no memory for a connection");
    if (out.context_->err != 0) return out.lost();
    redisEnableKeepAlive(out.context_.get());
    if (endpoint.password.empty()) return out;
    TRY_STATUS(out.append(endpoint.user.empty() ? Command{"AUTH", endpoint.password}
                                                : Command{"AUTH", endpoint.user, endpoint.password}));
    TRY(const Reply reply, out.reply(timeout_ms));
    if (!reply.error.empty()) return Error(Code::kForbidden, reply.error);
    return out;
}

Status Connection::append(const Command& command) {
    std::vector<const char*> words;
    std::vector<std::size_t> sizes;
    words.reserve(command.size());
    sizes.reserve(command.size());
    for (const std::string& word : command) {
        words.push_back(word.data());
        sizes.push_back(word.size());
    }
    const int done = redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), words.data(), sizes.data());
    if (done != REDIS_OK) return lost();
    return {};
}

Result<Reply> Connection::reply(int timeout_ms) {
    TRY_STATUS(send(timeout_ms));
    TRY(auto reply, reply_within(timeout_ms));
    if (!reply) return Error(Code::kTimeout, "no answer in time");
    return std::move(*reply);
}

Status Connection::send(int timeout_ms) {
    redisSetTimeout(context_.get(), in_ms(timeout_ms));
    int is_sent = 0;
    while (is_sent == 0) {
        if (redisBufferWrite(context_.get(), &is_sent) == REDIS_OK) continue;
        if (errno == EAGAIN) return Error(Code::kTimeout, "it does not take what is sent");
        return lost();
    }
    return {};
}

Result<std::optional<Reply>> Connection::reply_within(int timeout_ms) {
    using std::chrono::steady_clock;
    const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        void* raw = nullptr;
        if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) return lost();
        if (raw != nullptr) return std::optional<Reply>(take(raw));
        // hiredis's own wait begins anew with each byte that comes.
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
        pollfd waiting{.fd = context_->fd, .events = POLLIN, .revents = 0};
        const int ready = left > 0 ? ::poll(&waiting, 1, static_cast<int>(left)) : 0;
        if (ready == 0) return std::optional<Reply>();
        if (ready < 0 && errno == EINTR) continue;
        if (redisBufferRead(context_.get()) != REDIS_OK) return lost();
    }
}

std::int64_t BackOff::next_ms() {
    pause_ms_ = std::clamp(pause_ms_ * 2, kPauseMs, kPauseMostMs);
    std::uint16_t chance = 0;
    random_bytes(&chance, sizeof chance);
    return pause_ms_ + pause_ms_ / 2 * chance / 65'536;
}

}  // namespace footfall::store::redis
