#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
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
#include "http/tls.h"

namespace footfall::http {

/// What becomes of a new connection.
enum class Admission : std::uint8_t {
    kAdmitted,
    kTurnedAway,  ///< over a limit: answered 503, drained and closed
    kDropped,     ///< too many are being turned away already: told the same, and closed at once
};

/// Why a connection is refused where all must come from a balancer.
enum class ProxyRefusal : std::uint8_t {
    kStranger,   ///< the peer is no balancer
    kMalformed,  ///< the connection does not begin with a header of the PROXY protocol
};

/// 503 that tells when to come back.
Response overloaded(std::string message);
Response too_many_connections();

/// What the loops of a server share. Thread-safe.
struct Shared {
    ServerOptions options;
    Handler handler;
    HeaderCheck check;
    std::atomic<bool> stopping{false};
    std::atomic<bool> cutting{false};  ///< the grace is over: connections are closed whatever they do

    std::mutex running_mutex;
    std::condition_variable loop_ended;
    std::size_t loops_running = 0;

    /// Judges a new connection. `peer`: none where its address is not known yet; then admit_address() follows.
    Admission admit(const Peer* peer);
    /// Judges the address of a connection that was admitted without one.
    Admission admit_address(const Peer& peer);
    /// The connection has gone; `peer` where its address was judged.
    void forget(const Peer* peer, Admission admission);
    /// Takes memory for a body out of the budget; false where it is spent.
    bool hold_body(std::size_t bytes);
    void free_body(std::size_t bytes);

private:
    /// False where the address has as many as it may; otherwise it has one more.
    bool count_address(const Peer& peer);
    Admission turn_away();

    std::atomic<std::size_t> admitted_{0};
    std::atomic<std::size_t> turned_away_{0};
    std::atomic<std::size_t> body_bytes_{0};
    std::mutex addresses_mutex_;
    std::unordered_map<std::string, std::size_t> addresses_;  ///< admitted ones by peer, only where they are limited
};

/// One thread with one epoll set. A connection is registered once, edge-triggered: no epoll_ctl a request. A small
/// request costs epoll_wait, recv and send, and where another thread answers, its share of a write to the eventfd,
/// which is never read.
class EventLoop {
public:
    EventLoop(Shared& shared, unsigned index);
    ~EventLoop();

    Status open();
    /// `tls`: none for plain HTTP; it must live as long as the loop.
    Status add_listener(int fd, const TlsContext* tls);
    void start();
    /// Wakes the loop to see that the server stops. Thread-safe.
    void wake();
    void join();
    /// After join(): takes the answers that came too late, and says whether an exchange is still in somebody's hands.
    bool is_abandoned();

    /// Queues an answer, or a WebSocket or a stream that has something to send. Thread-safe; the loop is woken where
    /// nothing was queued.
    void post(Connection* connection, Response response);
    void post(std::shared_ptr<WebSocketSession> session);
    /// False where the loop is over, so that nothing will be sent; is_abandoned() takes it all the same.
    bool post(std::shared_ptr<StreamSession> session);

private:
    friend class Connection;
    friend class StreamSession;
    friend class WebSocketSession;
    struct Posted {
        Connection* connection;
        Response response;
    };
    struct Listening {
        int fd;
        const TlsContext* tls;
    };

    void run();
    /// False when the loop is over.
    bool serve_turn();
    void dispatch(std::uint64_t tag, std::uint32_t events);
    void wake_for_first_posted();  ///< under posted_mutex_, before something is posted
    void take_posted();
    void accept_some(const Listening& listener);
    void take_connection(int fd, const Peer& peer, const TlsContext* tls);
    /// Counts, and logs now and then: it is a setting that is wrong, here or there.
    void refuse_proxy_header(ProxyRefusal why);
    void pause_accepting();
    void resume_accepting();
    Status watch_listener(std::size_t index);
    /// Asks for EPOLLOUT too, which a connection needs only where a write did not fit.
    void watch_writable(Connection& connection);
    /// Lets a connection go on in the next turn, when the others had theirs.
    void run_again(Connection& connection);
    void set_timer(Connection& connection, TimerNode& node, Wait wait, int ms);
    void clear_timer(TimerNode& node);
    int timeout_ms() const;
    void expire();
    bool is_over();
    /// How long what is ready waits for its turn.
    std::int64_t queued_ns() const;
    void remove(Connection& connection);
    void bury();
    std::string_view date();

    enum class Phase : std::uint8_t { kServing, kStopping, kCutting };

    Shared& shared_;
    const unsigned index_;
    File epoll_;
    File wake_;
    /// Made ready in a turn that did not take all that was: the system gives them in their order, so it comes when
    /// what was ready with it has had its turn.
    File canary_;
    std::int64_t canary_ns_ = 0;  ///< when; 0: it isn't ready
    std::int64_t waited_ns_ = 0;  ///< how long the last one did
    std::int64_t turn_ns_ = 0;    ///< how long the turn before took, in which what is ready now was made so
    std::vector<Listening> listeners_;
    bool accepting_ = true;
    std::int64_t accept_again_ns_ = 0;
    std::int64_t pause_logged_ns_ = 0;
    std::int64_t refusal_logged_ns_ = 0;
    Phase phase_ = Phase::kServing;
    std::unordered_set<Connection*> connections_;
    std::vector<Connection*> again_;
    std::vector<Connection*> graveyard_;    ///< deleted after the events of a turn, which may still name them
    std::array<TimerNode, kWaits> timers_;  ///< by Wait, rings
    std::int64_t now_ns_ = 0;
    std::string date_;
    std::int64_t date_second_ = -1;

    std::mutex posted_mutex_;
    std::vector<Posted> posted_;
    std::vector<std::shared_ptr<WebSocketSession>> posted_sessions_;
    std::vector<std::shared_ptr<StreamSession>> posted_streams_;
    bool is_done_ = false;  ///< nothing is sent any more
    // The loop's own, swapped with those that are posted so that both keep their memory.
    std::vector<Posted> taken_;
    std::vector<std::shared_ptr<WebSocketSession>> taken_sessions_;
    std::vector<std::shared_ptr<StreamSession>> taken_streams_;
    std::thread thread_;
};

}  // namespace footfall::http
