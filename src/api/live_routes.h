#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/gate.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "http/router.h"
#include "http/websocket.h"
#include "store/live.h"

namespace footfall::api {

/// WS /api/v1/live and POST /api/v1/live/ticket. Each socket follows one site: a snapshot when it is open, then the
/// whole numbers again whenever they change, at most four times a second, and after 10 seconds without a change. All
/// sockets of a site get the same text; a reader that is slow gets newer numbers, not a backlog. While there are no
/// numbers nothing is sent, and from kStaleMs on whoever was told some is closed with 1013 (try again later): what was
/// told is not what is any more.
///
/// Whether a socket's caller still may is asked twice a second: it is closed with 4401 where the session or the key has
/// ended, 4403 where it may no longer read the site, and 4404 where the site is gone.
///
/// A ticket is for clients that can set neither a header nor a cookie: it opens one socket within 30 seconds, of the
/// site that it was asked for or, without one, of any that its caller may read, for as long as the session or the key
/// with which it was asked for is in force.
class LiveRoutes {
public:
    static constexpr std::int64_t kTicketMs = 30'000;
    static constexpr std::size_t kTicketsMax = 10'000;
    static constexpr std::int64_t kStaleMs = 5'000;
    static constexpr std::uint16_t kTryAgainLater = 1013;
    static constexpr std::uint16_t kSignedOut = 4401;
    static constexpr std::uint16_t kForbidden = 4403;
    static constexpr std::uint16_t kNoSite = 4404;

    LiveRoutes(const catalog::Catalog& catalog, const Gate& gate, store::LiveStore& live, Clock& clock);
    /// Sends nothing any more; the sockets are the server's to close.
    ~LiveRoutes();

    void add_to(http::Router& router);

private:
    struct Socket {
        std::shared_ptr<http::WebSocket> socket;
        Credential credential;
        bool is_new = true;
    };
    /// What those who follow a site have last been told.
    struct Site {
        std::vector<Socket> sockets;
        std::uint64_t version = 0;
        std::int64_t read_ns = 0;
        std::int64_t sent_ns = 0;
        std::string told;  ///< the message but for its head
    };
    struct Ticket {
        Credential credential;
        std::string site_id;  ///< empty: the caller's choice
        std::int64_t ends_ns = 0;
    };

    void connect(http::Exchange& exchange);
    Status try_connect(http::Exchange& exchange);
    void give_ticket(http::Exchange& exchange, const Caller& caller);
    std::optional<Ticket> take_ticket(const std::string& token);
    void run();
    void end_lost_access(std::int64_t now_ns);
    static void end_stale(const Site& site, std::int64_t now_ns);
    bool is_due(const std::string& site_id, const Site& site, std::int64_t now_ns);
    void tell(Site& site, const store::LiveNumbers& numbers, std::int64_t now_ns);

    const catalog::Catalog& catalog_;
    const Gate& gate_;
    store::LiveStore& live_;
    Clock& clock_;
    const RouteRule& rule_;

    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    bool has_new_ = false;
    std::map<std::string, Site> sites_;  // the thread alone takes sites and sockets out
    std::map<std::string, Ticket> tickets_;
    std::int64_t judged_ns_ = 0;
    std::thread thread_;
};

}  // namespace footfall::api
