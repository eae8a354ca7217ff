#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "http/connection.h"
#include "http/websocket.h"
#include "http/websocket_frame.h"

namespace footfall::http {

/// The value of Sec-WebSocket-Accept for a handshake (RFC 6455 section 4.2). kInvalidArgument where it is none; its
/// name is kUpgradeRequired where it is one of another version.
Result<std::string> accept_handshake(const Request& request, const Framing& framing);

/// What a connection does while it is a WebSocket: frames in, frames out. offer(), close(), is_open() and post() on any
/// thread; everything else on the loop's. The connection keeps it as long as it lives itself, handles may longer.
class WebSocketSession final : public WebSocket, public std::enable_shared_from_this<WebSocketSession> {
public:
    WebSocketSession(Connection& connection, EventLoop& loop, std::string accept, WebSocketOptions options,
                     WebSocketHandlers handlers);

    void offer(std::shared_ptr<const std::string> text) override;
    void close(std::uint16_t code, std::string reason) override;
    bool is_open() const override;

    /// Queues it to its loop for the first time, to begin.
    void post();
    /// What was queued: begins, or sends what was offered.
    void take_posted();
    /// One step of its connection; false where it must wait.
    bool read();
    /// The socket has room again.
    void writable();
    /// Nothing came for the interval of the pings: sends one. False where one was sent already.
    bool ask_for_life();
    /// The server stops.
    void stop();
    /// The connection is closed, or about to be: nothing is sent any more. The handler gets to know once.
    void ended();

private:
    struct CloseFrame {
        std::uint16_t code = close_code::kNone;
        std::string reason;
    };

    void begin();
    void alive();
    void receive(std::string_view in);
    /// Nothing goes on from here but a close frame, the first that was asked for; false where that was so already.
    bool begin_close(std::uint16_t code, std::string reason);
    bool begin_close_locked(std::uint16_t code, std::string reason);
    void post_locked();
    /// Puts what is to be sent next into the connection's buffers, as far as a frame that is being sent allows.
    void stage();
    void write();

    Connection& connection_;  ///< alive until ended()
    EventLoop& loop_;         ///< likewise: other threads use it only while open_ is set, under the lock
    const std::string accept_;
    const WebSocketOptions options_;
    WebSocketHandlers handlers_;
    WebSocketReader reader_;
    TimerNode life_timer_;
    bool has_begun_ = false;
    bool has_ended_ = false;
    bool ping_is_due_ = false;
    bool awaits_life_ = false;                 ///< a ping is out, or on its way, and nothing came since
    bool close_sent_ = false;                  ///< or at least staged: no frame follows it
    bool peer_is_done_ = false;                ///< its close frame came, or it broke the protocol
    std::optional<std::string> pong_;          ///< the newest that is owed
    std::shared_ptr<const std::string> text_;  ///< staged, its header at text_at_ of the connection's out_
    std::size_t text_at_ = 0;

    mutable std::mutex mutex_;  ///< guards what follows
    bool open_ = true;
    bool is_posted_ = false;
    std::shared_ptr<const std::string> waiting_;
    std::optional<CloseFrame> close_;
};

}  // namespace footfall::http
