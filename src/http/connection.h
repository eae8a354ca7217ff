#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "http/http.h"
#include "http/parser.h"
#include "http/tls_stream.h"

namespace footfall::http {

class EventLoop;
class StreamSession;
class WebSocketSession;
enum class Admission : std::uint8_t;

/// Node of a list in the order of its deadlines. The members of one list wait equally long, so that a new one is the
/// last: setting and clearing a timer costs a few stores. (Where WebSockets differ in their options, it costs a search
/// from the end.)
struct TimerNode {
    TimerNode* previous = nullptr;
    TimerNode* next = nullptr;
    std::int64_t deadline_ns = 0;
    class Connection* connection = nullptr;
};

enum class Wait : std::uint8_t {
    kNone,
    kHeader,
    kBody,
    kIdle,
    kWrite,
    kDrain,
    kClose,  ///< for the close frame of a WebSocket's client
    kLife,   ///< for a sign of life of a WebSocket's client
};
inline constexpr std::size_t kWaits = 8;

/// A buffer that grows and always has 64 readable bytes behind what it holds.
class ReadBuffer {
public:
    static constexpr std::size_t kPadding = 64;
    std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
    std::size_t size() const { return end_ - begin_; }
    /// Room behind what is held.
    std::size_t room() const { return capacity_ - end_; }
    char* room_at() { return data_.get() + end_; }
    void added(std::size_t n) { end_ += n; }
    void consume(std::size_t n);
    /// Forgets what is behind the first `size` bytes.
    void truncate(std::size_t size) { end_ = begin_ + size; }
    std::size_t capacity() const { return capacity_; }
    /// What reserve() would make of the capacity.
    std::size_t capacity_for(std::size_t size) const;
    /// Makes room so that `size` bytes can be held in all; moves what is held to the front.
    void reserve(std::size_t size);
    /// Gives memory back where more than `keep` bytes are allocated and nothing is held.
    void shrink(std::size_t keep);

private:
    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// One connection of one loop: reads a request, hands it to the handler, writes its answer, goes on with the next. Once
/// it is a WebSocket, its session reads and writes instead; while an answer is a stream, that one writes. All on the
/// loop's thread, but complete(), stream() and upgrade(), which queue to it.
class Connection final : public Exchange {
public:
    /// `tls`: where the client must begin with a handshake.
    Connection(EventLoop& loop, int fd, Peer peer, Admission admission, std::unique_ptr<TlsStream> tls);
    virtual ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    const Request& request() const override { return request_; }
    void respond(Response response) override;
    void complete(Response response) override;
    std::shared_ptr<BodyStream> stream(Response head) override;
    Result<std::shared_ptr<WebSocket>> upgrade(WebSocketOptions options, WebSocketHandlers handlers) override;
    void on_client_gone(std::function<void()> handler) override;
    std::int64_t started_ns() const override { return started_ns_; }
    unsigned loop_index() const override;

    /// Goes on as far as it can now. It may have left its loop when this returns, but not the memory: that stays till
    /// the turn is over.
    void run();
    /// What epoll says of the socket.
    void ready(std::uint32_t events);
    /// Its time of waiting is over.
    void timed_out(Wait wait);
    /// The loop knows it: it may read and write. Where there are too many connections it answers so without reading a
    /// request, and closes.
    void begin();
    /// The server stops: an idle connection goes now, a busy one after its answer.
    void stop();
    /// At once; a request in flight keeps the object until it is answered.
    void close();

private:
    friend class EventLoop;
    friend class StreamSession;
    friend class WebSocketSession;
    enum class State : std::uint8_t {
        kProxyHeader,
        kHandshake,
        kHead,
        kBody,
        kInFlight,
        kWriting,
        kStreaming,
        kWebSocket,
        kDraining,
        kClosed
    };

    bool step();
    bool on_proxy_header();
    bool on_handshake();
    bool on_head();
    bool on_body();
    bool on_chunks();
    bool on_drain();
    void begin_request();
    /// Answers instead of reading the body.
    void answer_by_head(Response response);
    void dispatch();
    void refuse(const ParseFailure& failure);
    void answer_early(Response response);
    void start_answer(Response response, bool early);
    void append_head(const Response& response, std::optional<std::uint64_t> body_bytes);
    bool write_some();
    /// recv(2) and sendmsg(2), or what they are with TLS.
    ssize_t receive(char* to, std::size_t size);
    ssize_t send(std::span<const iovec> parts);
    bool has_unsent() const;
    /// A write did not fit: epoll tells when there is room.
    void await_room();
    /// Writes what is held of out_ and body_left_; false where it must wait for room, or the connection has gone.
    bool flush();
    void finish_answer();
    void forget_request();
    /// Tells who waits to hear that the client has gone.
    void tell_gone();
    /// Begins an answer that is a stream, whose head is then to be written; false where the client has gone.
    bool begin_stream(std::shared_ptr<StreamSession> session, const Response& head);
    /// Becomes a WebSocket, whose 101 is then to be written; false where the client has gone.
    bool become_websocket(std::shared_ptr<WebSocketSession> session, std::string accept);
    /// Closes when everything is out, so that the client can still read it.
    void hang_up();
    void drain();
    /// Reads once, into at least `room` bytes; true where bytes came.
    bool read_some(std::size_t room);
    /// The same within a request, whose views follow the buffer where it moves.
    bool read_body(std::size_t room);
    /// False where the request was refused for want of memory.
    bool reserve_for_body(std::size_t size);
    /// Takes the memory of a body, `bytes` in all, out of the loops' budget; false as above.
    bool hold_body(std::size_t bytes);
    void free_body();
    void send_continue();
    void wait_for(Wait wait);
    void wait_for(Wait wait, int ms);

    EventLoop& loop_;
    int fd_;
    std::unique_ptr<TlsStream> tls_;  ///< none: plain
    Admission admission_;
    bool is_addressed_;  ///< its address is known, and counted where it was admitted
    State state_ = State::kHead;
    bool readable_ = true;
    bool peer_is_done_ =
        false;  ///< epoll told of the end of the stream and won't again, so reading goes on until it is there
    bool end_of_stream_ = false;
    bool is_running_ = false;
    bool is_queued_ = false;       ///< among the loop's again_
    bool waits_writable_ = false;  ///< EPOLLOUT is asked for
    bool closing_ = false;         ///< no further request after this answer
    bool drain_after_ = false;     ///< the client may still be sending when the answer is out
    TimerNode timer_;
    Wait waiting_ = Wait::kNone;

    ReadBuffer in_;
    HeadParser head_;
    std::optional<ChunkDecoder> chunks_;
    std::string chunked_body_;
    Request request_;
    Framing framing_;
    std::size_t consumed_ = 0;   ///< of in_, when the request is answered
    std::size_t body_held_ = 0;  ///< of the loops' budget for bodies
    std::int64_t started_ns_ = 0;
    std::function<void()> client_gone_;  ///< of the request in flight; empty: nobody waits to hear it

    std::string out_;  ///< the head of an answer, and a small body
    std::size_t out_sent_ = 0;
    std::string large_body_;      ///< a large body, as the handler gave it
    std::string_view body_left_;  ///< of large_body_ or of static bytes
    std::size_t drained_ = 0;
    std::shared_ptr<StreamSession> stream_;
    std::shared_ptr<WebSocketSession> websocket_;
};

}  // namespace footfall::http
