#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "http/body_stream.h"
#include "http/connection.h"

namespace footfall::http {

/// What a connection does while its answer is a stream. write(), offer(), end(), abort() and post() on any thread;
/// everything else on the loop's. The connection keeps it until the answer has ended, handles may longer.
class StreamSession final : public BodyStream, public std::enable_shared_from_this<StreamSession> {
public:
    StreamSession(Connection& connection, EventLoop& loop, Response head);

    Status write(std::string_view bytes, int timeout_ms) override;
    bool offer(std::string_view bytes) override;
    void end(std::string last) override;
    void abort() override;

    /// Queues it to its loop for the first time, to begin.
    void post();
    /// What was queued: begins, or sends what was written.
    void take_posted();
    /// Sends what there is, as far as the socket has room. The answer may have ended when this returns.
    void write_some();
    /// The connection is closed, or goes on without it: nothing is sent any more.
    void ended();

private:
    enum class Fate : std::uint8_t { kGoesOn, kEnded, kAborted };

    bool is_aborted();
    void begin();
    /// Puts what is to be sent next into the connection's buffers, which are empty. False where there is nothing.
    bool stage();
    void finish();
    void cut();
    void post_locked();

    Connection& connection_;  ///< alive until ended()
    EventLoop& loop_;         ///< likewise: other threads use it only while open_ is set, under the lock
    Response head_;
    bool has_begun_ = false;
    bool has_ended_ = false;
    bool has_body_ = true;      ///< the request or the status wants one
    bool is_chunked_ = true;    ///< else it lasts to the end of the connection
    bool is_complete_ = false;  ///< its last byte is staged
    std::string sending_;       ///< a chunk, staged behind its head

    std::mutex mutex_;  ///< guards what follows
    std::condition_variable room_;
    bool open_ = true;
    bool is_posted_ = false;
    Fate fate_ = Fate::kGoesOn;
    std::string waiting_;
};

}  // namespace footfall::http
