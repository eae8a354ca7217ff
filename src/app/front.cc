#include "app/front.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "api/api.h"
#include "app/descriptors.h"
#include "app/https.h"
#include "ingest/ingest.h"

namespace footfall::app {
namespace {

/// The address with the port that it got; 0: as it is.
std::string with_port(const std::string& address, std::uint16_t port) {
    return port == 0 ? address : address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

}  // namespace

Status Front::bind_ports() {
    if (!listener_) {
        TRY(listener_, http::Listener::bind(settings_.http_listen));
    }
    if (!tls_listener_ && !settings_.http_tls_listen.empty()) {
        TRY(tls_listener_, http::Listener::bind(settings_.http_tls_listen, "http.tls_listen"));
    }
    return {};
}

Status Front::open_tls() {
    if (const auto files = tls_files(settings_)) {
        TRY(tls_, http::TlsContext::open(*files, clock_));
    }
    return {};
}

unsigned Front::loops() const {
    const auto loops = static_cast<unsigned>(settings_.http_loops);
    return loops != 0 ? loops : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

Result<std::vector<ingest::Network>> Front::trusted() const {
    return ingest::parse_networks(settings_.http_trusted_proxies);
}

Status Front::listen() {
    TRY(const auto trusted_networks, trusted());
    http::ServerOptions options;
    options.loops = loops();
    options.common_headers = api::security_headers();
    options.hsts_seconds = settings_.http_hsts_seconds;
    options.headers_of = [](std::string_view path) -> const http::Headers& {
        static const http::Headers none;
        // An answer to a request that was not read may be one to an event.
        return path.empty() || ingest::Endpoint::has_path(path) ? ingest::Endpoint::headers() : none;
    };
    // Each query that runs has a connection to the store, and a descriptor by which it is stopped.
    options.connections_max = connections_within_limit(static_cast<std::uint64_t>(settings_.http_connections_max),
                                                       2 * static_cast<std::uint64_t>(settings_.query_concurrency_max));
    options.body_budget_bytes = static_cast<std::size_t>(settings_.http_body_budget_bytes);
    options.connections_per_address_max = static_cast<std::size_t>(settings_.http_connections_per_address_max);
    if (settings_.http_proxy_protocol == "required")
        options.is_balancer = [trusted_networks](const http::Peer& peer) {
            return ingest::is_trusted_proxy(peer, trusted_networks);
        };
    server_ = std::make_unique<http::Server>(
        options, [this](http::Exchange& exchange) { router_.handle(exchange); },
        [this](const http::Request& request) { return router_.check(request); });
    FOOTFALL_CHECK(listener_.has_value());
    TRY_STATUS(server_->listen(std::move(*listener_)));
    listener_.reset();
    if (tls_listener_) {
        tls_port_ = tls_listener_->port();
        TRY_STATUS(server_->listen(std::move(*tls_listener_), tls_));
        tls_listener_.reset();
    }
    TRY_STATUS(server_->start());
    port_ = server_->port();
    return {};
}

void Front::stop(int grace_ms) {
    if (server_) server_->stop(grace_ms);
}

std::string Front::address() const { return with_port(settings_.http_listen, port_); }

std::string Front::tls_address() const { return with_port(settings_.http_tls_listen, tls_port_); }

void Front::refresh_certificate(http::TlsContext::Reread reread) {
    if (tls_) tls_->refresh(reread);
}

}  // namespace footfall::app
