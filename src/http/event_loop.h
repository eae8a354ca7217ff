#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/file.h"
#include "http/connection.h"
#include "http/http.h"

namespace footfall::http {

/// What the loops of a server share.
struct Shared {
    ServerOptions options;
    Handler handler;
    HeaderCheck check;
    std::atomic<std::size_t> connections{0};
    std::atomic<bool> stopping{false};
    std::atomic<bool> cutting{false};  ///< the grace is over: connections are closed whatever they do
    std::mutex addresses_mutex;
    std::unordered_map<std::string, std::size_t> addresses;  ///< open connections by peer, only where they are limited

    bool admit(const Peer& peer);
    void forget(const Peer& peer);
};

/// One thread with one epoll set. A connection is registered once, edge-triggered, and never again: no epoll_ctl a request.
class EventLoop {
public:
    EventLoop(Shared& shared, unsigned index);
    ~EventLoop();

    Status open();
    void add_listener(int fd);
    void start();
    /// Wakes the loop to see that the server stops. Thread-safe.
    void wake();
    void join();

    /// Queues an answer. Thread-safe; the loop is woken where the queue was empty.
    void post(Connection* connection, Response response);

private:
    friend class Connection;
    struct Posted {
        Connection* connection;
        Response response;
    };

    void run();
    void take_posted();
    void accept_some(int listener);
    void pause_accepting();
    void set_timer(Connection& connection, Wait wait);
    void clear_timer(Connection& connection);
    int timeout_ms();
    void expire();
    void remove(Connection& connection);
    std::string_view date();

    Shared& shared_;
    const unsigned index_;
    File epoll_;
    File wake_;
    std::vector<int> listeners_;
    bool accepting_ = true;
    std::int64_t accept_again_ns_ = 0;
    std::unordered_set<Connection*> connections_;
    std::vector<Connection*> graveyard_;  ///< deleted after the events of a turn, which may still name them
    std::array<TimerNode, 6> timers_;     ///< by Wait, rings
    std::int64_t now_ns_ = 0;
    std::string date_;
    std::int64_t date_second_ = 0;

    std::mutex posted_mutex_;
    std::vector<Posted> posted_;
    std::thread thread_;
};

}  // namespace footfall::http
