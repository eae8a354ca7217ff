#include "http/event_loop.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/clock.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "http/answer_head.h"
#include "http/stream_session.h"
#include "http/websocket_session.h"

namespace footfall::http {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr int kAcceptsPerTurn = 16;
/// A loop that waited so long for something to do had done all there was.
constexpr std::int64_t kIdleNs = 1'000'000;
constexpr std::int64_t kAcceptPauseNs = 100'000'000;
constexpr std::int64_t kLogEveryNs = 10'000'000'000;
constexpr std::size_t kTurnedAwayMax = 64;
constexpr std::uint64_t kWakeTag = 0;
constexpr std::uint64_t kCanaryTag = 2;

struct Metrics {
    metrics::Counter& accepted = metrics::counter("footfall_http_connections_total", "Connections that were accepted.");
    metrics::Counter& refused =
        metrics::counter("footfall_http_connections_refused_total", "Connections over a limit, turned away.");
    metrics::Counter& pauses = metrics::counter("footfall_http_accept_pauses_total",
                                                "Times that accepting was paused for want of descriptors or memory.");
    metrics::Gauge& open = metrics::gauge("footfall_http_connections", "Connections that are open.");
    metrics::Counter& strangers = metrics::counter(
        "footfall_http_proxy_header_failures_total",
        "Connections refused for want of a header of the PROXY protocol, or of one to believe.", "reason=\"stranger\"");
    metrics::Counter& malformed =
        metrics::counter("footfall_http_proxy_header_failures_total",
                         "Connections refused for want of a header of the PROXY protocol, or of one to believe.",
                         "reason=\"malformed\"");
    metrics::Counter& bodies_refused = metrics::counter("footfall_http_bodies_refused_total",
                                                        "Requests whose body found the memory for bodies spent.");
    metrics::Gauge& body_bytes = metrics::gauge(
        "footfall_http_body_bytes", "Memory of request bodies beyond the first 16 KiB of each connection, in bytes.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

bool is_mapped_v4(const Peer& peer) {
    static constexpr unsigned char kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(peer.address.data(), kPrefix, sizeof kPrefix) == 0;
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

// Whoever has one address of IPv6 has its /64.
std::string key_of(const Peer& peer) {
    return {reinterpret_cast<const char*>(peer.address.data()), is_mapped_v4(peer) ? std::size_t{16} : std::size_t{8}};
}

// Epoll data: the low bit tells listeners, by their index, from connections, which are aligned.
std::uint64_t listener_tag(std::size_t index) { return std::uint64_t{index} << 1 | 1; }

/// Makes an eventfd ready.
bool add_one(const File& event) {
    const std::uint64_t one = 1;
    return ::write(event.fd(), &one, sizeof one) == static_cast<ssize_t>(sizeof one);
}

}  // namespace

Response too_many_connections() { return overloaded("too many connections; try again later"); }

Response overloaded(std::string message) {
    Response response = error_response(Error(Code::kOverloaded, std::move(message)));
    response.headers.emplace_back("Retry-After", "2");
    return response;
}

Admission Shared::admit(const Peer* peer) {
    const std::size_t open = admitted_.fetch_add(1);
    if (open >= options.connections_max || (peer != nullptr && !count_address(*peer))) return turn_away();
    counters().open.set(static_cast<double>(open + 1));
    return Admission::kAdmitted;
}

Admission Shared::admit_address(const Peer& peer) {
    if (count_address(peer)) return Admission::kAdmitted;
    counters().refused.add();
    return turn_away();
}

bool Shared::count_address(const Peer& peer) {
    if (options.connections_per_address_max == 0 || peer.is_unix) return true;
    const std::lock_guard lock(addresses_mutex_);
    std::size_t& count = addresses_[key_of(peer)];
    if (count >= options.connections_per_address_max) return false;
    ++count;
    return true;
}

Admission Shared::turn_away() {
    counters().open.set(static_cast<double>(--admitted_));
    if (turned_away_.fetch_add(1) < kTurnedAwayMax) return Admission::kTurnedAway;
    --turned_away_;
    return Admission::kDropped;
}

void Shared::forget(const Peer* peer, Admission admission) {
    if (admission == Admission::kDropped) return;
    if (admission == Admission::kTurnedAway) {
        --turned_away_;
        return;
    }
    counters().open.set(static_cast<double>(--admitted_));
    if (peer == nullptr || options.connections_per_address_max == 0 || peer->is_unix) return;
    const std::lock_guard lock(addresses_mutex_);
    const auto found = addresses_.find(key_of(*peer));
    if (found != addresses_.end() && --found->second == 0) addresses_.erase(found);
}

bool Shared::hold_body(std::size_t bytes) {
    const std::size_t held = body_bytes_.fetch_add(bytes) + bytes;
    if (held <= options.body_budget_bytes) {
        counters().body_bytes.set(static_cast<double>(held));
        return true;
    }
    body_bytes_ -= bytes;
    counters().bodies_refused.add();
    return false;
}

void Shared::free_body(std::size_t bytes) { counters().body_bytes.set(static_cast<double>(body_bytes_ -= bytes)); }

EventLoop::EventLoop(Shared& shared, unsigned index) : shared_(shared), index_(index) {
    for (TimerNode& ring : timers_) ring.previous = ring.next = &ring;
}

EventLoop::~EventLoop() {
    join();
    bury();
}

Status EventLoop::open() {
    epoll_ = File(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.is_open()) return errno_error("epoll_create", errno);
    wake_ = File(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.is_open()) return errno_error("eventfd", errno);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;  // every write is an edge of its own, so the counter need not be read
    event.data.u64 = kWakeTag;
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, wake_.fd(), &event) != 0) return errno_error("epoll_ctl", errno);
    canary_ = File(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!canary_.is_open()) return errno_error("eventfd", errno);
    event.data.u64 = kCanaryTag;
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, canary_.fd(), &event) != 0) return errno_error("epoll_ctl", errno);
    return {};
}

Status EventLoop::watch_listener(std::size_t index) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;  // one loop is woken for one connection
    event.data.u64 = listener_tag(index);
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, listeners_[index].fd, &event) != 0)
        return errno_error("epoll_ctl", errno);
    return {};
}

Status EventLoop::add_listener(int fd, const TlsContext* tls) {
    listeners_.push_back({fd, tls});
    return watch_listener(listeners_.size() - 1);
}

void EventLoop::start() {
    thread_ = std::thread([this] { run(); });
}

void EventLoop::wake() { (void)add_one(wake_); }

std::int64_t EventLoop::queued_ns() const {
    const std::int64_t now_ns = shared_.options.clock->steady_ns();
    return std::max({waited_ns_, turn_ns_, now_ns - (canary_ns_ == 0 ? now_ns_ : canary_ns_)});
}

void EventLoop::join() {
    if (thread_.joinable()) thread_.join();
}

void EventLoop::post(Connection* connection, Response response) {
    const std::lock_guard lock(posted_mutex_);
    wake_for_first_posted();
    posted_.push_back({connection, std::move(response)});
}

void EventLoop::post(std::shared_ptr<WebSocketSession> session) {
    const std::lock_guard lock(posted_mutex_);
    wake_for_first_posted();
    posted_sessions_.push_back(std::move(session));
}

bool EventLoop::post(std::shared_ptr<StreamSession> session) {
    const std::lock_guard lock(posted_mutex_);
    wake_for_first_posted();
    posted_streams_.push_back(std::move(session));
    return !is_done_;
}

// Under the lock: once the loop has taken what is posted, a server that stops may be gone, and its eventfd with it.
// Waking it after the lock, with a count of those who do, was measured and costs the same.
void EventLoop::wake_for_first_posted() {
    if (posted_.empty() && posted_sessions_.empty() && posted_streams_.empty()) wake();
}

void EventLoop::take_posted() {
    {
        const std::lock_guard lock(posted_mutex_);
        taken_.swap(posted_);
        taken_sessions_.swap(posted_sessions_);
        taken_streams_.swap(posted_streams_);
    }
    for (Posted& item : taken_) item.connection->respond(std::move(item.response));
    taken_.clear();
    for (const auto& session : taken_sessions_) session->take_posted();
    taken_sessions_.clear();
    for (const auto& stream : taken_streams_) stream->take_posted();
    taken_streams_.clear();
}

bool EventLoop::is_abandoned() {
    take_posted();
    bury();
    return !connections_.empty();
}

void EventLoop::run() {
    name_thread("http-" + std::to_string(index_));
    while (serve_turn()) {}
    {
        const std::lock_guard posted(posted_mutex_);
        is_done_ = true;
    }
    // Whoever writes a stream that was begun too late must not wait for it to be sent.
    take_posted();
    bury();
    const std::lock_guard lock(shared_.running_mutex);
    --shared_.loops_running;
    shared_.loop_ended.notify_all();
}

bool EventLoop::serve_turn() {
    std::array<epoll_event, kEventsPerTurn> events;
    const std::int64_t ended_ns = shared_.options.clock->steady_ns();
    const int n = ::epoll_wait(epoll_.fd(), events.data(), kEventsPerTurn, timeout_ms());
    const std::int64_t began_ns = shared_.options.clock->steady_ns();
    turn_ns_ = began_ns - ended_ns < kIdleNs ? ended_ns - now_ns_ : 0;
    now_ns_ = began_ns;
    if (n < kEventsPerTurn) waited_ns_ = 0;
    else if (canary_ns_ == 0 && add_one(canary_)) canary_ns_ = now_ns_;
    std::vector<Connection*> again;
    again.swap(again_);
    for (Connection* connection : again) {
        connection->is_queued_ = false;
        connection->run();
    }
    for (int i = 0; i < n; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        dispatch(event.data.u64, event.events);
    }
    expire();
    bury();
    if (!accepting_ && phase_ == Phase::kServing && now_ns_ >= accept_again_ns_) resume_accepting();
    return !is_over();
}

void EventLoop::dispatch(std::uint64_t tag, std::uint32_t events) {
    if (tag == kWakeTag) {
        take_posted();
    } else if (tag == kCanaryTag) {
        waited_ns_ = shared_.options.clock->steady_ns() - std::exchange(canary_ns_, 0);
    } else if ((tag & 1) != 0) {
        if (accepting_) accept_some(listeners_[tag >> 1]);
    } else {
        std::bit_cast<Connection*>(tag)->ready(events);
    }
}

bool EventLoop::is_over() {
    if (phase_ == Phase::kServing && shared_.stopping) {
        phase_ = Phase::kStopping;
        if (accepting_) pause_accepting();
        const std::vector<Connection*> all(connections_.begin(), connections_.end());
        for (Connection* connection : all) connection->stop();
    }
    if (phase_ == Phase::kStopping && shared_.cutting) {
        phase_ = Phase::kCutting;
        const std::vector<Connection*> all(connections_.begin(), connections_.end());
        for (Connection* connection : all) connection->close();
    }
    bury();
    // What is left after the cut is in the hands of a handler, and has no socket any more.
    return phase_ == Phase::kCutting || (phase_ == Phase::kStopping && connections_.empty());
}

void EventLoop::pause_accepting() {
    for (const Listening& listener : listeners_) ::epoll_ctl(epoll_.fd(), EPOLL_CTL_DEL, listener.fd, nullptr);
    accepting_ = false;
    accept_again_ns_ = now_ns_ + kAcceptPauseNs;
}

void EventLoop::resume_accepting() {
    accepting_ = true;
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
        if (const Status watched = watch_listener(i); watched) continue;
        ::epoll_ctl(epoll_.fd(), EPOLL_CTL_DEL, listeners_[i].fd, nullptr);
        return pause_accepting();
    }
}

void EventLoop::accept_some(const Listening& listener) {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const int fd = ::accept4(listener.fd, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_connection(fd, peer_of(from), listener.tls);
            continue;
        }
        const int err = errno;
        if (err == EINTR || err == ECONNABORTED) continue;
        if (err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS) {
            counters().pauses.add();
            if (pause_logged_ns_ == 0 || now_ns_ - pause_logged_ns_ >= kLogEveryNs) {
                pause_logged_ns_ = now_ns_;
                logging::warn("http.accept_paused", {{"error", errno_error("accept", err).message}});
            }
            pause_accepting();
        }
        return;
    }
}

void EventLoop::take_connection(int fd, const Peer& peer, const TlsContext* tls) {
    const auto& is_balancer = shared_.options.is_balancer;
    if (is_balancer && !is_balancer(peer)) {
        refuse_proxy_header(ProxyRefusal::kStranger);
        ::close(fd);
        return;
    }
    // What a balancer brings counts by the address that it will name.
    const Admission admission = shared_.admit(is_balancer ? nullptr : &peer);
    if (admission == Admission::kAdmitted) counters().accepted.add();
    else counters().refused.add();
    if (admission == Admission::kDropped) {
        // It would not be worth a handshake.
        if (tls != nullptr) return void(::close(fd));
        // Nobody waits for its request, so a reset may overtake this answer.
        const Response busy = too_many_connections();
        std::string text;
        append_head(text, busy, busy.body.size(),
                    {.path = {}, .connection = "close", .date = date(), .options = shared_.options});
        text += busy.body;
        [[maybe_unused]] const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        ::close(fd);
        return;
    }
    auto* connection = new Connection(*this, fd, peer, admission, tls == nullptr ? nullptr : tls->begin(fd));
    connections_.insert(connection);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.u64 = reinterpret_cast<std::uint64_t>(connection);
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) return connection->close();
    connection->begin();
}

void EventLoop::refuse_proxy_header(ProxyRefusal why) {
    const bool is_stranger = why == ProxyRefusal::kStranger;
    (is_stranger ? counters().strangers : counters().malformed).add();
    if (refusal_logged_ns_ != 0 && now_ns_ - refusal_logged_ns_ < kLogEveryNs) return;
    refusal_logged_ns_ = now_ns_;
    logging::warn("http.proxy_header_refused",
                  {{"reason", is_stranger ? "the peer is no trusted proxy"
                                          : "the connection does not begin with a header of the PROXY protocol"}});
}

void EventLoop::watch_writable(Connection& connection) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = reinterpret_cast<std::uint64_t>(&connection);
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, connection.fd_, &event) != 0) connection.close();
}

void EventLoop::run_again(Connection& connection) {
    if (connection.is_queued_) return;
    connection.is_queued_ = true;
    again_.push_back(&connection);
}

void EventLoop::clear_timer(TimerNode& node) {
    if (node.next == nullptr) return;
    node.previous->next = node.next;
    node.next->previous = node.previous;
    node.next = node.previous = nullptr;
}

void EventLoop::set_timer(Connection& connection, TimerNode& node, Wait wait, int ms) {
    clear_timer(node);
    node.connection = &connection;
    node.deadline_ns = now_ns_ + ms * std::int64_t{1'000'000};
    TimerNode& ring = timers_[static_cast<std::size_t>(wait)];
    TimerNode* before = ring.previous;
    while (before != &ring && before->deadline_ns > node.deadline_ns) before = before->previous;
    node.previous = before;
    node.next = before->next;
    before->next->previous = &node;
    before->next = &node;
}

int EventLoop::timeout_ms() const {
    if (!again_.empty()) return 0;
    std::int64_t earliest = accepting_ || phase_ != Phase::kServing ? INT64_MAX : accept_again_ns_;
    for (const TimerNode& ring : timers_)
        if (ring.next != &ring) earliest = std::min(earliest, ring.next->deadline_ns);
    if (earliest == INT64_MAX) return -1;
    const std::int64_t left_ns = earliest - shared_.options.clock->steady_ns();
    return static_cast<int>(std::clamp<std::int64_t>(left_ns / 1'000'000 + 1, 0, 60'000));
}

void EventLoop::expire() {
    for (std::size_t wait = 0; wait < kWaits; ++wait) {
        TimerNode& ring = timers_[wait];
        while (ring.next != &ring && ring.next->deadline_ns <= now_ns_) {
            TimerNode& node = *ring.next;
            clear_timer(node);
            node.connection->timed_out(static_cast<Wait>(wait));
        }
    }
}

void EventLoop::remove(Connection& connection) {
    clear_timer(connection.timer_);
    if (connection.is_queued_) std::erase(again_, &connection);
    connection.is_queued_ = false;
    if (connections_.erase(&connection) > 0) graveyard_.push_back(&connection);
}

void EventLoop::bury() {
    for (const Connection* connection : graveyard_) delete connection;
    graveyard_.clear();
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
