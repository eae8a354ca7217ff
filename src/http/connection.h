#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/http.h"
#include "http/parser.h"

namespace footfall::http {

class EventLoop;

/// Node of a list in the order of its deadlines. All members of one list wait equally long, so that a new one is always the last.
struct TimerNode {
    TimerNode* previous = nullptr;
    TimerNode* next = nullptr;
    std::int64_t deadline_ns = 0;
    class Connection* connection = nullptr;
};

enum class Wait : std::uint8_t { kNone, kHeader, kBody, kIdle, kWrite, kDrain };

/// A buffer that grows and always has 64 readable bytes behind what it holds.
class ReadBuffer {
public:
    static constexpr std::size_t kPadding = 64;
    std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
    std::size_t size() const { return end_ - begin_; }
    /// Room behind what is held.
    std::size_t free() const { return capacity_ - end_; }
    char* free_at() { return data_.get() + end_; }
    void added(std::size_t n) { end_ += n; }
    void consume(std::size_t n);
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

/// One connection of one loop: reads a request, hands it to the handler, writes its answer, goes on with the next. All on the loop's thread, but
/// complete(), which queues to it.
class Connection final : public Exchange {
public:
    Connection(EventLoop& loop, int fd, Peer peer);
    ~Connection();

    const Request& request() const override { return request_; }
    void respond(Response response) override;
    void complete(Response response) override;
    std::int64_t started_ns() const override { return started_ns_; }
    unsigned loop_index() const override;

    /// The socket may be read or written now. The connection may be gone when it returns.
    void ready(bool readable, bool writable, bool hung_up);
    /// Its time of waiting is over.
    void timed_out();
    /// The server stops: an idle connection goes now, a busy one after its answer.
    void stop();
    /// At once; a request in flight keeps the object until it is answered.
    void close();
    bool in_flight() const { return state_ == State::kInFlight; }

private:
    friend class EventLoop;
    enum class State : std::uint8_t { kHead, kBody, kInFlight, kWriting, kDraining, kClosed };

    void run();
    bool read_some();
    bool on_head();
    bool on_body();
    void dispatch();
    void refuse(const ParseFailure& failure);
    void answer_early(Response response);
    void start_answer(const Response& response, bool early);
    bool write_some();
    void finish_answer();
    void begin_request();
    void wait_for(Wait wait);
    void send_continue();

    EventLoop& loop_;
    int fd_;
    State state_ = State::kHead;
    bool readable_ = true;
    bool end_of_stream_ = false;
    bool running_ = false;
    bool closing_ = false;      ///< no further request after this answer
    bool drain_after_ = false;  ///< the client may still be sending when the answer is out
    TimerNode timer_;
    Wait waiting_ = Wait::kNone;

    ReadBuffer in_;
    HeadParser head_;
    std::unique_ptr<ChunkDecoder> chunks_;
    std::string chunked_body_;
    Request request_;
    Framing framing_;
    std::size_t consumed_ = 0;  ///< of in_, when the request is answered
    std::int64_t started_ns_ = 0;

    std::string out_;
    std::size_t out_sent_ = 0;
    std::string_view static_out_;
    std::size_t drained_ = 0;
};

}  // namespace footfall::http
