#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "store/redis/connection.h"

namespace footfall::store::redis {

/// Hears what is published on a channel, over a connection of its own and in a thread of its own. A connection that is
/// lost, or that says nothing for 5 seconds though it is asked, is made anew, at once and then later each time
/// (BackOff). What is published meanwhile is lost: `subscribed` tells that anything may have been said.
class Subscriber {
public:
    struct Handlers {
        std::function<void()> subscribed;  ///< from here on everything is heard; of each connection the first thing
        std::function<void(std::string_view)> message;
    };

    /// The handlers are called by the thread, one at a time, from now until the destructor has ended it.
    Subscriber(Endpoint endpoint, std::string channel, Handlers handlers);
    ~Subscriber();
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;

    /// Whether it hears at the moment, as far as is known. Thread-safe.
    bool is_subscribed() const { return is_subscribed_.load(); }

private:
    void run();
    /// Until the connection is lost or the end.
    Status listen();
    bool is_stopping() const;
    /// False at the end.
    bool wait(std::int64_t ms);

    const Endpoint endpoint_;
    const std::string channel_;
    const Handlers handlers_;
    BackOff back_off_;
    std::atomic<bool> is_subscribed_{false};
    mutable std::mutex mutex_;
    std::condition_variable stopped_;
    bool is_stopping_ = false;
    std::thread thread_;  // last: it uses the rest
};

}  // namespace footfall::store::redis
