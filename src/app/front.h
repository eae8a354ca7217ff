#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/http.h"
#include "http/router.h"
#include "http/tls.h"
#include "ingest/client_address.h"

namespace footfall::app {

/// What a process listens with: ports, TLS, the router, and the HTTP server as the settings say it. Opened in two steps
/// so that a port in use is known before anything is made.
class Front {
public:
    Front(const Settings& settings, Clock& clock) : settings_(settings), clock_(clock) {}

    /// Takes the ports that are not taken yet.
    Status bind_ports();
    /// Reads the certificate, where there is one.
    Status open_tls();
    /// Event loops of the server.
    unsigned loops() const;
    /// Networks whose word on the client's address is believed.
    Result<std::vector<ingest::Network>> trusted() const;

    http::Router& router() { return router_; }
    /// Serves what the router has; the ports must be taken.
    Status listen();
    /// Takes no new connection, answers what is in flight, at most for so long.
    void stop(int grace_ms);

    /// HOST:PORT, with the port that it got since listen().
    std::string address() const;
    /// Of https; empty where there is none.
    std::string tls_address() const;
    bool has_tls() const { return tls_ != nullptr; }
    void refresh_certificate(http::TlsContext::Reread reread);

private:
    const Settings& settings_;
    Clock& clock_;
    std::optional<http::Listener> listener_;      ///< until listen()
    std::optional<http::Listener> tls_listener_;  ///< likewise
    std::shared_ptr<http::TlsContext> tls_;       ///< none without TLS
    http::Router router_;
    std::unique_ptr<http::Server> server_;
    std::atomic<std::uint16_t> port_{0};  ///< that the server got; commands ask from their own thread
    std::uint16_t tls_port_ = 0;
};

}  // namespace footfall::app
