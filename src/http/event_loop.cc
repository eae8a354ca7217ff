#include "http/event_loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/clock.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"

namespace footfall::http {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr int kAcceptsPerTurn = 16;
constexpr std::int64_t kAcceptPauseNs = 100'000'000;

struct Metrics {
    metrics::Counter& accepted = metrics::counter("footfall_http_connections_total", "Connections that were accepted.");
    metrics::Counter& refused = metrics::counter("footfall_http_connections_refused_total", "Connections over a limit, closed at once.");
    metrics::Counter& timeouts = metrics::counter("footfall_http_timeouts_total", "Connections that were closed because the client was too slow.");
    metrics::Gauge& open = metrics::gauge("footfall_http_connections", "Connections that are open.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

Peer peer_of(const sockaddr_storage& from) {
    Peer peer;
    if (from.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
        peer.address[10] = peer.address[11] = 0xff;
        std::memcpy(peer.address.data() + 12, &v4.sin_addr, 4);
        peer.port = ntohs(v4.sin_port);
    } else if (from.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
        std::memcpy(peer.address.data(), &v6.sin6_addr, 16);
        peer.port = ntohs(v6.sin6_port);
    } else {
        peer.is_unix = true;
    }
    return peer;
}

std::string key_of(const Peer& peer) { return {reinterpret_cast<const char*>(peer.address.data()), peer.address.size()}; }

// Epoll data: the low bit tells listeners from connections, 0 is the wake-up descriptor.
std::uint64_t listener_tag(int fd) { return static_cast<std::uint64_t>(fd) << 1 | 1; }

}  // namespace

bool Shared::admit(const Peer& peer) {
    if (connections.fetch_add(1) >= options.connections_max) {
        --connections;
        return false;
    }
    if (options.connections_per_address_max == 0 || peer.is_unix) return true;
    const std::lock_guard lock(addresses_mutex);
    std::size_t& count = addresses[key_of(peer)];
    if (count >= options.connections_per_address_max) {
        --connections;
        return false;
    }
    ++count;
    return true;
}

void Shared::forget(const Peer& peer) {
    counters().open.set(static_cast<double>(--connections));
    if (options.connections_per_address_max == 0 || peer.is_unix) return;
    const std::lock_guard lock(addresses_mutex);
    const auto found = addresses.find(key_of(peer));
    if (found != addresses.end() && --found->second == 0) addresses.erase(found);
}

EventLoop::EventLoop(Shared& shared, unsigned index) : shared_(shared), index_(index) {
    for (TimerNode& ring : timers_) ring.previous = ring.next = &ring;
}

EventLoop::~EventLoop() {
    join();
    for (Connection* connection : graveyard_) delete connection;
}

Status EventLoop::open() {
    epoll_ = File(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.is_open()) return errno_error("epoll_create", errno);
    wake_ = File(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.is_open()) return errno_error("eventfd", errno);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = 0;
    ::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, wake_.fd(), &event);
    return {};
}

void EventLoop::add_listener(int fd) {
    listeners_.push_back(fd);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;  // one loop is woken for one connection
    event.data.u64 = listener_tag(fd);
    ::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event);
}

void EventLoop::start() { thread_ = std::thread([this] { run(); }); }

void EventLoop::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_.fd(), &one, sizeof one);
}

void EventLoop::join() {
    if (thread_.joinable()) thread_.join();
}

void EventLoop::post(Connection* connection, Response response) {
    bool was_empty = false;
    {
        const std::lock_guard lock(posted_mutex_);
        was_empty = posted_.empty();
        posted_.push_back({connection, std::move(response)});
    }
    if (was_empty) wake();
}

void EventLoop::take_posted() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(wake_.fd(), &count, sizeof count);
    std::vector<Posted> posted;
    {
        const std::lock_guard lock(posted_mutex_);
        posted.swap(posted_);
    }
    for (Posted& item : posted) item.connection->respond(std::move(item.response));
}

void EventLoop::run() {
    name_thread("http-" + std::to_string(index_));
    std::array<epoll_event, kEventsPerTurn> events;
    bool stopping = false;
    for (;;) {
        now_ns_ = shared_.options.clock->steady_ns();
        const int n = ::epoll_wait(epoll_.fd(), events.data(), kEventsPerTurn, timeout_ms());
        now_ns_ = shared_.options.clock->steady_ns();
        for (int i = 0; i < n; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.u64 == 0) {
                take_posted();
            } else if (event.data.u64 & 1) {
                if (accepting_) accept_some(static_cast<int>(event.data.u64 >> 1));
            } else {
                auto* connection = reinterpret_cast<Connection*>(event.data.u64);
                connection->ready((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0, (event.events & EPOLLOUT) != 0,
                                  (event.events & (EPOLLHUP | EPOLLERR)) != 0);
            }
        }
        expire();
        for (Connection* connection : graveyard_) delete connection;
        graveyard_.clear();
        if (!accepting_ && !stopping && now_ns_ >= accept_again_ns_) {
            accepting_ = true;
            auto listeners = std::move(listeners_);
            listeners_.clear();
            for (const int fd : listeners) add_listener(fd);
        }
        if (shared_.stopping.load(std::memory_order_relaxed)) {
            if (!stopping) {
                stopping = true;
                if (accepting_) pause_accepting();
            }
            const std::vector<Connection*> all(connections_.begin(), connections_.end());
            for (Connection* connection : all) {
                if (shared_.cutting.load(std::memory_order_relaxed)) connection->close();
                else connection->stop();
            }
            if (connections_.empty() && graveyard_.empty()) return;
        }
    }
}

void EventLoop::pause_accepting() {
    for (const int fd : listeners_) ::epoll_ctl(epoll_.fd(), EPOLL_CTL_DEL, fd, nullptr);
    accepting_ = false;
    accept_again_ns_ = now_ns_ + kAcceptPauseNs;
}

void EventLoop::accept_some(int listener) {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                logging::warn("http.accept_paused", {{"error", errno_error("accept", errno).message}});
                pause_accepting();
            }
            return;
        }
        const Peer peer = peer_of(from);
        if (!shared_.admit(peer)) {
            counters().refused.add();
            static constexpr std::string_view kBusy =
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            [[maybe_unused]] const ssize_t n = ::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            ::close(fd);
            continue;
        }
        counters().accepted.add();
        counters().open.set(static_cast<double>(shared_.connections.load()));
        if (!peer.is_unix) {
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        auto* connection = new Connection(*this, fd, peer);
        connections_.insert(connection);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.u64 = reinterpret_cast<std::uint64_t>(connection);
        if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) connection->close();
    }
}

void EventLoop::clear_timer(Connection& connection) {
    TimerNode& node = connection.timer_;
    if (node.next == nullptr) return;
    node.previous->next = node.next;
    node.next->previous = node.previous;
    node.next = node.previous = nullptr;
}

void EventLoop::set_timer(Connection& connection, Wait wait) {
    clear_timer(connection);
    const ServerOptions& options = shared_.options;
    int ms = 0;
    switch (wait) {
        case Wait::kNone: return;
        case Wait::kHeader: ms = options.header_timeout_ms; break;
        case Wait::kBody: ms = options.body_timeout_ms; break;
        case Wait::kIdle: ms = options.idle_timeout_ms; break;
        case Wait::kWrite: ms = options.write_timeout_ms; break;
        case Wait::kDrain: ms = options.drain_ms; break;
    }
    TimerNode& node = connection.timer_;
    node.connection = &connection;
    node.deadline_ns = now_ns_ + ms * std::int64_t{1'000'000};
    TimerNode& ring = timers_[static_cast<std::size_t>(wait)];
    node.previous = ring.previous;
    node.next = &ring;
    ring.previous->next = &node;
    ring.previous = &node;
}

int EventLoop::timeout_ms() {
    std::int64_t earliest = accepting_ || shared_.stopping ? INT64_MAX : accept_again_ns_;
    for (const TimerNode& ring : timers_)
        if (ring.next != &ring) earliest = std::min(earliest, ring.next->deadline_ns);
    if (earliest == INT64_MAX) return -1;
    return static_cast<int>(std::clamp<std::int64_t>((earliest - now_ns_) / 1'000'000 + 1, 0, 60'000));
}

void EventLoop::expire() {
    for (TimerNode& ring : timers_) {
        while (ring.next != &ring && ring.next->deadline_ns <= now_ns_) {
            Connection& connection = *ring.next->connection;
            clear_timer(connection);
            if (connection.waiting_ != Wait::kIdle) counters().timeouts.add();
            connection.timed_out();
        }
    }
}

void EventLoop::remove(Connection& connection) {
    clear_timer(connection);
    if (connections_.erase(&connection) > 0) graveyard_.push_back(&connection);
}

std::string_view EventLoop::date() {
    const std::int64_t second = shared_.options.clock->wall_ms() / 1000;
    if (second != date_second_) {
        date_second_ = second;
        const auto time = static_cast<std::time_t>(second);
        std::tm utc{};
        gmtime_r(&time, &utc);
        char text[40];
        date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc));
    }
    return date_;
}

}  // namespace footfall::http
