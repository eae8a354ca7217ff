#include "store/redis/subscriber.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/worker_pool.h"

namespace footfall::store::redis {
namespace {

constexpr int kTimeoutMs = 1'000;
/// How soon the end is seen.
constexpr int kPollMs = 100;
constexpr auto kPingAfter = std::chrono::seconds(2);
constexpr auto kSilentAfter = std::chrono::seconds(5);

}  // namespace

Subscriber::Subscriber(Endpoint endpoint, std::string channel, Handlers handlers)
    : endpoint_(std::move(endpoint)),
      channel_(std::move(channel)),
      handlers_(std::move(handlers)),
      thread_([this] { run(); }) {}

Subscriber::~Subscriber() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    stopped_.notify_all();
    thread_.join();
}

bool Subscriber::is_stopping() const {
    const std::lock_guard lock(mutex_);
    return is_stopping_;
}

bool Subscriber::wait(std::int64_t ms) {
    std::unique_lock lock(mutex_);
    return !stopped_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return is_stopping_; });
}

void Subscriber::run() {
    name_thread("redis-hear");
    bool is_told = false;
    do {
        const Status listened = listen();
        if (listened) return;
        // Once for each time that it is away, not for each attempt.
        if (is_subscribed_.exchange(false) || !is_told)
            logging::warn("redis.subscription_lost",
                          {{"channel", channel_},
                           {"error", fmt::format("Redis at {}:{}: {}", endpoint_.host, endpoint_.port,
                                                 listened.error().message)}});
        is_told = true;
    } while (wait(back_off_.next_ms()));
}

Status Subscriber::listen() {
    using std::chrono::steady_clock;
    TRY(Connection connection, Connection::open(endpoint_, kTimeoutMs));
    TRY_STATUS(connection.append({"SUBSCRIBE", channel_}));
    TRY(const Reply subscribed, connection.reply(kTimeoutMs));
    if (!subscribed.error.empty()) return Error(Code::kForbidden, subscribed.error);
    back_off_.reset();
    is_subscribed_ = true;
    handlers_.subscribed();
    auto heard = steady_clock::now();
    auto pinged = heard;
    while (!is_stopping()) {
        TRY(const auto reply, connection.reply_within(kPollMs));
        const auto now = steady_clock::now();
        if (reply) {
            heard = now;
            const std::vector<Reply>& words = reply->elements;  // ["message", channel, text], or ["pong", ""]
            if (words.size() == 3 && words[0].text == "message" && words[2].text) handlers_.message(*words[2].text);
        } else if (now - heard > kSilentAfter) {
            return Error(Code::kTimeout, "it has said nothing for 5 seconds");
        } else if (now - heard > kPingAfter && now - pinged > kPingAfter) {
            pinged = now;
            TRY_STATUS(connection.append({"PING"}));
            TRY_STATUS(connection.send(kTimeoutMs));
        }
    }
    return {};
}

}  // namespace footfall::store::redis
