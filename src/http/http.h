#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace footfall::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

/// Address of the peer as the socket gave it, or a balancer by the PROXY protocol: IPv6, or IPv4 mapped; `is_unix` for
/// a unix socket.
struct Peer {
    std::array<unsigned char, 16> address{};
    std::uint16_t port = 0;
    bool is_unix = false;
};

/// A request as it was read. All views borrow from the connection's buffer and are valid until its response has been
/// given.
struct Request {
    Method method = Method::kOther;
    std::string_view method_name;
    std::string_view target;                                             // as sent: path and query
    std::string_view path;                                               // percent-encoded as sent
    std::string_view query;                                              // behind the '?', without it
    std::vector<std::pair<std::string_view, std::string_view>> headers;  // names as sent
    std::uint64_t content_length = 0;  // as announced; 0 where the body is chunked, or there is none
    std::string_view
        body;  // de-chunked; still content-encoded. At least 64 readable bytes follow it (simdjson's padding)
    Peer peer;
    /// How long the requests that are ready on this loop wait for their turn, as of this one's headers. ns.
    std::int64_t queued_ns = 0;
    bool is_tls = false;  ///< it came over TLS to this server, or to a balancer that says so by the PROXY protocol

    /// Value of the first header of that name (ASCII case ignored); empty where there is none.
    std::string_view header(std::string_view lower_case_name) const;
    /// All values of a header, in order.
    std::vector<std::string_view> header_values(std::string_view lower_case_name) const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Response {
    int status = 200;
    std::string_view content_type = "application/json";  // a constant
    Headers headers{};
    std::string body{};
    /// Static bytes instead of `body`, for assets: not copied, must live as long as the server.
    std::string_view static_body{};
    bool close = false;
};

class BodyStream;
class TlsContext;
class WebSocket;
struct WebSocketOptions;
struct WebSocketHandlers;

/// One request in flight. Belongs to its connection, which keeps it alive, and its Request, until respond() or
/// complete() was called, stream() was, or upgrade() succeeded: exactly once, by whoever took the exchange.
class Exchange {
public:
    virtual const Request& request() const = 0;
    /// Answers. On the connection's loop thread only.
    virtual void respond(Response response) = 0;
    /// Answers from any thread: queued to the loop, which is woken once for many.
    virtual void complete(Response response) = 0;
    /// Answers with this head, and a body that comes bit by bit (http/body_stream.h); the Response's own body and
    /// length are not looked at. From any thread: queued to the loop as an answer of complete() is. To a client of
    /// HTTP/1.1 the body is chunked, to one of 1.0 it lasts to the end of the connection; where the request or the
    /// status wants none, what is written is dropped. Whoever calls must end() or abort() it.
    virtual std::shared_ptr<BodyStream> stream(Response head) = 0;
    /// Answers with 101 and turns the connection into a WebSocket (RFC 6455; http/websocket.h). From any thread: queued
    /// to the loop as an answer of complete() is. The socket takes texts at once, and the handlers may be called before
    /// this returns, but not where it is called on the loop's thread. The connection goes on counting against the
    /// server's limits. Origin and Sec-WebSocket-Protocol are the caller's to judge; no extension is agreed on.
    /// kInvalidArgument where the request is no such handshake, or one of another version, which error_response()
    /// answers with 426 and the right one: the exchange is then still to be answered.
    virtual Result<std::shared_ptr<WebSocket>> upgrade(WebSocketOptions options, WebSocketHandlers handlers) = 0;
    /// Has `handler` called once if the client closes its connection, or its own side of it, before the answer, or
    /// before the end of one that is a stream(): nobody waits for that any more, but the exchange is to be answered all
    /// the same. On the connection's loop thread only,
    /// at any time before the answer, and called there; at once where the client has gone already. A client that has
    /// only ended its own side still reads the answer.
    virtual void on_client_gone(std::function<void()> handler) = 0;
    /// Steady time at which the request's first byte was read, ns.
    virtual std::int64_t started_ns() const = 0;
    /// Which of the server's loops this is: 0 … loops-1. For state per loop (parsers, caches) without locks.
    virtual unsigned loop_index() const = 0;
    /// Room for the handler's own data, kept with the exchange until it is answered (one allocation is reused by the
    /// connection).
    std::shared_ptr<void> user_data;

protected:
    ~Exchange() = default;
};

/// Called on the loop thread; must not block. It answers at once or hands the exchange on.
using Handler = std::function<void(Exchange&)>;
/// Called when the headers of a request with a body are there, before the body is read; `body` is still empty. On the
/// loop thread; must not block. A response ends the request: it is sent, and what the client still sends is drained, up
/// to ServerOptions::drain_bytes_max or drain_ms, then the connection is closed. It goes on where the body had come
/// with the headers.
using HeaderCheck = std::function<std::optional<Response>(const Request&)>;

struct ServerOptions {
    unsigned loops = 1;
    std::size_t header_bytes_max = 16 * 1024;
    std::size_t body_bytes_max = 1024 * 1024;  // as sent, before decompression; more is 413
    /// Memory for the bodies that are being received or judged, beyond the first 16 KiB of each connection; what would
    /// need more is answered 503.
    std::size_t body_budget_bytes = 128 * 1024 * 1024;
    int header_timeout_ms = 5'000;
    int body_timeout_ms = 10'000;
    int idle_timeout_ms = 30'000;
    int write_timeout_ms = 10'000;
    std::size_t drain_bytes_max = 4 * 1024 * 1024;
    int drain_ms = 2'000;
    std::size_t connections_max = 10'000;         // more are answered 503 and closed
    std::size_t connections_per_address_max = 0;  // 0: no limit; an IPv6 address counts as its /64
    /// Where it is set, every connection must begin with a header of the PROXY protocol (http/proxy_header.h) and come
    /// from a peer of which this says true: nobody else's header is believed, so nobody else is let in. The address in
    /// it takes the peer's place for everything, the limit above included. Called on the loops.
    std::function<bool(const Peer&)> is_balancer{};
    std::string server_name = "footfall";
    /// On every answer, the server's own early ones included, but where the answer has a header of that name itself.
    Headers common_headers{};
    /// The same for the answers to one path, as far as they say more than `common_headers` or something else. Asked
    /// with an empty path for what is answered before the path is known: a connection that is turned away, a head that
    /// is broken or late. Called on the loops; what it gives must live as long as the server.
    std::function<const Headers&(std::string_view path)> headers_of{};
    /// For how long browsers that came by TLS shall come by nothing else (Strict-Transport-Security, RFC 6797),
    /// seconds; 0: says nothing of it.
    std::int64_t hsts_seconds = 0;
    Clock* clock = &system_clock();
};

/// An address that is taken but not listened on: who connects is refused. For what must know that it will get its port
/// before it makes anything.
class Listener {
public:
    /// "host:port" (port 0: any), kConflict where another process listens there, or "unix:/path", in place of a socket
    /// that is there. Two that are bound to one port at the same time are told apart by Server::listen().
    /// `setting` is where another can be named, for the message.
    static Result<Listener> bind(const std::string& address, std::string_view setting = "--listen");
    /// That it got; 0 for a unix socket.
    std::uint16_t port() const;

private:
    friend class Server;
    Listener(File socket, std::string address, std::string unix_path, std::string setting)
        : socket_(std::move(socket)),
          address_(std::move(address)),
          unix_path_(std::move(unix_path)),
          setting_(std::move(setting)) {}
    File socket_;
    std::string address_;
    std::string unix_path_;  ///< empty for TCP
    std::string setting_;
};

/// HTTP/1.1 and 1.0, with TLS or without, on epoll loops, one thread each; a connection lives and dies on its loop.
/// Requests of one connection are handled in order, one at a time (pipelined ones wait). Thread-safe where it says so.
class Server {
public:
    Server(ServerOptions options, Handler handler, HeaderCheck check = {});
    /// Stops at once where stop() was not called.
    ~Server();

    /// Several calls listen on several addresses; with `tls` (http/tls.h) to https.
    Status listen(Listener listener, std::shared_ptr<const TlsContext> tls = nullptr);
    /// Binds and listens.
    Status listen(const std::string& address, std::shared_ptr<const TlsContext> tls = nullptr);
    /// The port that the first TCP listen() got.
    std::uint16_t port() const;
    /// Starts the loop threads.
    Status start();
    /// Stops accepting, lets requests in flight finish (idle connections are closed, answers carry "Connection: close",
    /// WebSockets get a close frame with 1001) up to `grace_ms`, then closes the rest and joins. Thread-safe, once. An
    /// exchange that is still in somebody's hands afterwards stays valid, its answer is dropped.
    void stop(int grace_ms);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// `Error::name` of a handshake in another version of WebSocket than ours.
inline constexpr std::string_view kUpgradeRequired = "upgrade_required";
/// `Error::name` where the request's Accept takes nothing that could be answered.
inline constexpr std::string_view kNotAcceptable = "not_acceptable";

/// The error body of the contract: {"error":{"code","field","message","did_you_mean"}}.
Response error_response(const Error& error);

/// The token of "Bearer TOKEN", an Authorization header's value; the scheme's name has no case (RFC 9110). nullopt for
/// another scheme, or without a token.
std::optional<std::string_view> bearer_token(std::string_view authorization);

/// Decodes %XX and, in a query, '+'. nullopt for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
/// Value of a name in a query string, decoded; nullopt where it is not there.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace footfall::http
