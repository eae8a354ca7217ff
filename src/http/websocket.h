#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace footfall::http {

struct WebSocketOptions {
    std::size_t message_bytes_max = 4 * 1024;  ///< a longer message (its fragments together) closes with 1009
    int ping_interval_ms = 15'000;             ///< a ping where nothing came for so long; as long again: closed
    int close_timeout_ms = 2'000;              ///< how long the peer's close frame is waited for
};

/// The server's end of one WebSocket (RFC 6455), made by Exchange::upgrade(). Handles are shared and may outlive the
/// connection and the server. All functions are thread-safe and return at once.
class WebSocket {
public:
    virtual ~WebSocket() = default;
    /// Sends a text, which must be UTF-8, as the newest: one that was offered before and of which no byte is sent yet
    /// is replaced. So a slow reader gets newer texts instead of a backlog, and at most one text that is being sent and
    /// one that waits are held, without copying them. A reader that takes nothing for ServerOptions::write_timeout_ms
    /// is closed. Nothing where the socket is closed.
    virtual void offer(std::shared_ptr<const std::string> text) = 0;
    /// Sends a close frame (behind the text that is being sent; one that waits is dropped) and ends the connection. The
    /// code is 1000 … 1003, 1007 … 1014 or 3000 … 4999; of the reason no more than 123 bytes are sent. From here on
    /// nothing is received any more. Nothing where the socket is closed.
    virtual void close(std::uint16_t code, std::string reason) = 0;
    /// False as soon as either end has begun to close, or the connection is lost.
    virtual bool is_open() const = 0;
};

/// Called on the loop's thread; they must not block, and are destroyed when the socket is closed. In the time between,
/// they may use the WebSocket, from which nothing comes back before they return.
struct WebSocketHandlers {
    /// A text message, valid UTF-8, for the time of the call. May be empty: texts are read and dropped.
    std::function<void(std::string_view text)> on_text;
    /// Once, whatever ended it; also where the client has gone before the 101 was sent. On the thread of ~Server where
    /// upgrade() came after the server's stop.
    std::function<void()> on_closed;
};

}  // namespace footfall::http
