#include "http/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/metrics.h"
#include "http/answer_head.h"
#include "http/event_loop.h"
#include "http/proxy_header.h"
#include "http/stream_session.h"
#include "http/websocket_session.h"

namespace footfall::http {
namespace {

constexpr std::size_t kReadStep = 4 * 1024;
// Of a body that is only announced, no more room than this is made before its bytes come.
constexpr std::size_t kBodyStep = 64 * 1024;
constexpr std::size_t kChunkStep = 16 * 1024;
// What each connection may take and keep for requests without asking: most of them fit, and cost no shared counter.
constexpr std::size_t kFreeBodyBytes = 16 * 1024;
constexpr std::size_t kDrainStep = kFreeBodyBytes;
// What an idle connection may keep of its answers.
constexpr std::size_t kIdleBufferMax = 64 * 1024;
// A larger body is sent from where it is instead of being copied behind its head.
constexpr std::size_t kCopiedBodyMax = 16 * 1024;
// Reads, requests and answers of one connection in one turn of the loop.
constexpr int kStepsPerTurn = 64;

struct Metrics {
    std::array<metrics::Counter*, 6> by_class{};
    metrics::Counter& bad = metrics::counter("footfall_http_bad_requests_total",
                                             "Requests that could not be read as HTTP, or broke a limit.");
    metrics::Counter& handshakes =
        metrics::counter("footfall_http_tls_handshakes_total", "TLS handshakes that came to their end.");
    metrics::Counter& handshake_failures =
        metrics::counter("footfall_http_tls_handshake_failures_total",
                         "TLS handshakes that failed: another protocol or version, or the client's refusal.");
    metrics::Counter& timeouts = metrics::counter("footfall_http_timeouts_total",
                                                  "Connections that were closed because the client was too slow.");
    Metrics() {
        for (std::size_t i = 1; i < by_class.size(); ++i)
            by_class[i] = &metrics::counter("footfall_http_requests_total", "Requests answered, by class of status.",
                                            "status=\"" + std::to_string(i) + "xx\"");
    }
    void answered(int status) { by_class[static_cast<std::size_t>(std::clamp(status / 100, 1, 5))]->add(); }
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

Code code_of(int status) {
    switch (status) {
        case 408: return Code::kTimeout;
        case 413:
        case 414:
        case 431: return Code::kTooLarge;
        case 417:
        case 501:
        case 505: return Code::kUnsupported;
        default: return Code::kInvalidArgument;
    }
}

}  // namespace

void ReadBuffer::consume(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
}

std::size_t ReadBuffer::capacity_for(std::size_t size) const {
    return size <= capacity_ ? capacity_ : std::max(size, capacity_ * 2);
}

void ReadBuffer::reserve(std::size_t size) {
    if (begin_ + size <= capacity_) return;
    if (size <= capacity_) {
        std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
    } else {
        const std::size_t capacity = capacity_for(size);
        // Zeroed: the padding is read (and ignored) by the JSON parser before anything is received there.
        auto grown = std::make_unique<char[]>(capacity + kPadding);
        if (data_) std::memcpy(grown.get(), data_.get() + begin_, end_ - begin_);
        data_ = std::move(grown);
        capacity_ = capacity;
    }
    end_ -= begin_;
    begin_ = 0;
}

void ReadBuffer::shrink(std::size_t keep) {
    if (capacity_ <= keep || end_ != begin_) return;
    data_.reset();
    capacity_ = begin_ = end_ = 0;
}

Connection::Connection(EventLoop& loop, int fd, Peer peer, Admission admission, std::unique_ptr<TlsStream> tls)
    : loop_(loop),
      fd_(fd),
      tls_(std::move(tls)),
      admission_(admission),
      is_addressed_(!loop.shared_.options.is_balancer),
      state_(!is_addressed_ ? State::kProxyHeader
             : tls_         ? State::kHandshake
                            : State::kHead),
      head_(loop.shared_.options.header_bytes_max) {
    request_.peer = peer;
    request_.is_tls = tls_ != nullptr;
    // It is the time of what comes before the header too.
    wait_for(Wait::kHeader);
}

Connection::~Connection() {
    free_body();
    if (fd_ >= 0) ::close(fd_);
    loop_.shared_.forget(is_addressed_ ? &request_.peer : nullptr, admission_);
}

unsigned Connection::loop_index() const { return loop_.index_; }

void Connection::wait_for(Wait wait) {
    const ServerOptions& options = loop_.shared_.options;
    switch (wait) {
        case Wait::kHeader: return wait_for(wait, options.header_timeout_ms);
        case Wait::kBody: return wait_for(wait, options.body_timeout_ms);
        case Wait::kIdle: return wait_for(wait, options.idle_timeout_ms);
        case Wait::kWrite: return wait_for(wait, options.write_timeout_ms);
        case Wait::kDrain: return wait_for(wait, options.drain_ms);
        case Wait::kNone:
        case Wait::kClose:
        case Wait::kLife: break;  // have no time of the server's
    }
    waiting_ = Wait::kNone;
    loop_.clear_timer(timer_);
}

void Connection::wait_for(Wait wait, int ms) {
    waiting_ = wait;
    loop_.set_timer(*this, timer_, wait, ms);
}

void Connection::ready(std::uint32_t events) {
    constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if ((events & (EPOLLIN | kEnd)) != 0) readable_ = true;
    if ((events & kEnd) != 0) {
        peer_is_done_ = true;
        if (state_ == State::kInFlight || state_ == State::kStreaming) tell_gone();
    }
    // Not only its own side: it reads nothing any more either.
    if (state_ == State::kStreaming && (events & (EPOLLHUP | EPOLLERR)) != 0) return close();
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        if (state_ == State::kWriting && !write_some()) return;
        if (state_ == State::kStreaming) stream_->write_some();
        if (state_ == State::kWebSocket) websocket_->writable();
    }
    run();
}

// A loop, since requests that were sent together would nest calls otherwise; with a limit, since a client that sends
// without a pause would have the loop for itself otherwise.
void Connection::run() {
    if (is_running_) return;
    is_running_ = true;
    for (int steps = 0; step(); ++steps) {
        if (steps < kStepsPerTurn || state_ == State::kClosed) continue;
        loop_.run_again(*this);
        break;
    }
    is_running_ = false;
}

/// False where it must wait for something.
bool Connection::step() {
    switch (state_) {
        case State::kProxyHeader: return on_proxy_header();
        case State::kHandshake: return on_handshake();
        case State::kHead: return on_head();
        case State::kBody: return framing_.chunked ? on_chunks() : on_body();
        case State::kWebSocket: return websocket_->read();
        case State::kDraining: return on_drain();
        case State::kInFlight:
        case State::kWriting:
        case State::kStreaming:
        case State::kClosed: return false;
    }
    return false;
}

void Connection::begin() {
    if (admission_ != Admission::kTurnedAway || state_ != State::kHead) return;
    answer_early(too_many_connections());
    run();
}

bool Connection::on_proxy_header() {
    // Looked at before it is taken, and not a byte more: what follows is TLS's, or the first request's.
    std::array<char, kProxyHeaderBytesMax> bytes;
    ssize_t n = 0;
    do {
        n = ::recv(fd_, bytes.data(), bytes.size(), MSG_PEEK);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) return false;
    ProxyHeader header;
    // Nothing at all, as of one who only looks whether the port is open, is no mistake.
    ParseState state =
        n > 0 ? parse_proxy_header({bytes.data(), static_cast<std::size_t>(n)}, header) : ParseState::kIncomplete;
    if (state == ParseState::kIncomplete && n > 0 && !peer_is_done_) return false;
    if (state == ParseState::kDone && ::recv(fd_, bytes.data(), header.bytes, 0) != static_cast<ssize_t>(header.bytes))
        state = ParseState::kFailed;
    if (state != ParseState::kDone) {
        if (n > 0) loop_.refuse_proxy_header(ProxyRefusal::kMalformed);
        close();
        return false;
    }
    if (header.source) request_.peer = *header.source;
    request_.is_tls = request_.is_tls || header.is_tls;
    if (admission_ == Admission::kAdmitted) admission_ = loop_.shared_.admit_address(request_.peer);
    is_addressed_ = true;
    if (admission_ == Admission::kDropped) {
        close();
        return false;
    }
    state_ = tls_ ? State::kHandshake : State::kHead;
    begin();
    return true;
}

bool Connection::on_handshake() {
    switch (tls_->handshake()) {
        case TlsStream::Handshake::kDone:
            counters().handshakes.add();
            state_ = State::kHead;
            begin();
            return true;
        case TlsStream::Handshake::kWaiting:
            if (has_unsent()) await_room();
            return false;
        case TlsStream::Handshake::kPlainHttp:
            counters().handshake_failures.add();
            tls_.reset();
            refuse({400, "this port speaks TLS; use https://"});
            return true;
        case TlsStream::Handshake::kFailed: break;
    }
    counters().handshake_failures.add();
    // The alert is to be read.
    drain();
    return true;
}

ssize_t Connection::receive(char* to, std::size_t size) {
    return tls_ ? tls_->read(to, size) : ::recv(fd_, to, size, 0);
}

ssize_t Connection::send(std::span<const iovec> parts) {
    if (tls_) return tls_->send(parts);
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    return parts.size() == 1 ? ::send(fd_, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                             : ::sendmsg(fd_, &message, MSG_NOSIGNAL);
}

bool Connection::has_unsent() const { return tls_ && tls_->has_unsent(); }

void Connection::await_room() {
    if (waits_writable_) return;
    waits_writable_ = true;
    loop_.watch_writable(*this);
}

bool Connection::read_some(std::size_t room) {
    if (!readable_ || end_of_stream_ || fd_ < 0) return false;
    if (in_.room() < room) in_.reserve(in_.size() + room);
    for (;;) {
        const std::size_t size = in_.room();
        const ssize_t n = receive(in_.room_at(), size);
        if (n > 0) {
            in_.added(static_cast<std::size_t>(n));
            // Less than there was room for: the socket is empty, and epoll tells when it isn't any more. Of TLS a read
            // gives no more than a record.
            const bool is_drained = tls_ ? tls_->is_drained() : static_cast<std::size_t>(n) < size;
            if (is_drained && !peer_is_done_) readable_ = false;
            return true;
        }
        if (n < 0 && errno == EINTR) continue;
        readable_ = false;
        if (n == 0 || errno != EAGAIN) end_of_stream_ = true;
        return false;
    }
}

bool Connection::read_body(std::size_t room) {
    if (!readable_) {
        if (end_of_stream_) close();
        return false;
    }
    if (in_.room() < room && !reserve_for_body(in_.size() + room)) return true;
    if (read_some(1)) return true;
    if (end_of_stream_) close();
    return false;
}

// The views of the request point into the buffer: where it moves, they are made anew.
bool Connection::reserve_for_body(std::size_t size) {
    if (!hold_body(in_.capacity_for(size) + chunked_body_.capacity())) return false;
    const char* before = in_.view().data();
    in_.reserve(size);
    if (in_.view().data() != before) head_.parse(in_.view(), request_, framing_);
    return true;
}

bool Connection::hold_body(std::size_t bytes) {
    const std::size_t wanted = bytes - std::min(bytes, kFreeBodyBytes);
    if (wanted <= body_held_) return true;
    if (!loop_.shared_.hold_body(wanted - body_held_)) {
        answer_early(overloaded("too many large requests are being received; try again later"));
        return false;
    }
    body_held_ = wanted;
    return true;
}

void Connection::free_body() {
    if (body_held_ == 0) return;
    loop_.shared_.free_body(body_held_);
    body_held_ = 0;
}

bool Connection::on_head() {
    if (in_.size() > 0) {
        if (started_ns_ == 0) started_ns_ = loop_.now_ns_;
        switch (head_.parse(in_.view(), request_, framing_)) {
            case ParseState::kFailed: refuse(head_.failure()); return true;
            case ParseState::kDone: begin_request(); return true;
            case ParseState::kIncomplete: break;
        }
        if (waiting_ == Wait::kIdle) wait_for(Wait::kHeader);
    }
    if (read_some(kReadStep)) return true;
    if (end_of_stream_) close();
    return false;
}

void Connection::begin_request() {
    const ServerOptions& options = loop_.shared_.options;
    request_.content_length = framing_.content_length;
    const std::size_t whole = head_.head_bytes() + static_cast<std::size_t>(framing_.content_length);
    // What has come of a small body is taken before the request is judged: a refusal then costs no connection, which in
    // an overload would be made again at once.
    if (in_.size() < whole && whole <= kFreeBodyBytes && !framing_.expects_continue) {
        if (!reserve_for_body(whole)) return;
        (void)read_some(whole - in_.size());
    }
    request_.queued_ns = loop_.queued_ns();
    if (loop_.shared_.check && (framing_.chunked || framing_.content_length > 0)) {
        if (auto answer = loop_.shared_.check(request_)) return answer_by_head(std::move(*answer));
    }
    if (framing_.content_length > options.body_bytes_max) return refuse({413, "the body is too large"});
    // A little more than the body: a read that fills its room has to be repeated, to see whether the socket holds more.
    const std::size_t room = (std::min(whole, head_.head_bytes() + kBodyStep) / kReadStep + 1) * kReadStep;
    if (in_.size() < whole && !reserve_for_body(room)) return;
    state_ = State::kBody;
    if (framing_.chunked) {
        chunks_.emplace(options.body_bytes_max);
        chunked_body_.clear();
        // Behind the head only what was not decoded yet is kept.
        consumed_ = head_.head_bytes();
    } else if (in_.size() >= whole) {
        return;
    }
    if (framing_.expects_continue && in_.size() == head_.head_bytes()) send_continue();
    if (state_ == State::kBody) wait_for(Wait::kBody);
}

void Connection::answer_by_head(Response response) {
    const std::uint64_t there = in_.size() - head_.head_bytes();
    if (framing_.chunked || framing_.content_length > there) return answer_early(std::move(response));
    consumed_ = head_.head_bytes() + static_cast<std::size_t>(framing_.content_length);
    start_answer(std::move(response), false);
}

void Connection::send_continue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const iovec part{const_cast<char*>(kContinue.data()), kContinue.size()};
    // The answers before this are out, so these few bytes find room; where not, half a line must not stay.
    if (send({&part, 1}) != static_cast<ssize_t>(kContinue.size()) || has_unsent()) close();
}

bool Connection::on_body() {
    const std::size_t head = head_.head_bytes();
    const std::size_t whole = head + static_cast<std::size_t>(framing_.content_length);
    if (in_.size() >= whole) {
        request_.body = in_.view().substr(head, whole - head);
        consumed_ = whole;
        dispatch();
        return true;
    }
    // Room is doubled as the body comes, never beyond its end.
    return read_body(in_.room() > 0 ? 0 : std::min(whole - in_.size(), std::max(in_.size(), kBodyStep)));
}

bool Connection::on_chunks() {
    std::string_view rest = in_.view().substr(consumed_);
    const ParseState parsed = chunks_->feed(rest, chunked_body_);
    if (parsed == ParseState::kFailed) {
        refuse(chunks_->failure());
        return true;
    }
    if (!hold_body(in_.capacity() + chunked_body_.capacity())) return true;
    if (parsed == ParseState::kDone) {
        consumed_ = in_.size() - rest.size();
        const std::size_t size = chunked_body_.size();
        chunked_body_.append(ReadBuffer::kPadding, '\0');
        request_.body = std::string_view(chunked_body_).substr(0, size);
        dispatch();
        return true;
    }
    in_.truncate(consumed_);
    return read_body(kChunkStep);
}

bool Connection::on_drain() {
    const bool more = read_some(kDrainStep);
    drained_ += in_.size();
    in_.consume(in_.size());
    if (!end_of_stream_ && drained_ <= loop_.shared_.options.drain_bytes_max) return more;
    close();
    return false;
}

void Connection::dispatch() {
    state_ = State::kInFlight;
    wait_for(Wait::kNone);
    loop_.shared_.handler(*this);
}

void Connection::refuse(const ParseFailure& failure) {
    counters().bad.add();
    Response response = error_response(Error(code_of(failure.status), std::string(failure.message)));
    response.status = failure.status;
    answer_early(std::move(response));
}

void Connection::answer_early(Response response) {
    response.close = true;
    start_answer(std::move(response), true);
}

void Connection::on_client_gone(std::function<void()> handler) {
    client_gone_ = std::move(handler);
    if (peer_is_done_ || end_of_stream_ || state_ == State::kClosed) tell_gone();
}

void Connection::tell_gone() {
    if (const auto handler = std::exchange(client_gone_, nullptr)) handler();
}

void Connection::complete(Response response) { loop_.post(this, std::move(response)); }

std::shared_ptr<BodyStream> Connection::stream(Response head) {
    auto session = std::make_shared<StreamSession>(*this, loop_, std::move(head));
    session->post();
    return session;
}

bool Connection::begin_stream(std::shared_ptr<StreamSession> session, const Response& head) {
    user_data.reset();
    if (state_ == State::kClosed) {
        client_gone_ = nullptr;
        loop_.remove(*this);
        return false;
    }
    FOOTFALL_CHECK(state_ == State::kInFlight);
    counters().answered(head.status);
    // Without chunks the end of the connection is the end of the body.
    closing_ = head.close || !framing_.keep_alive || framing_.is_http_1_0 || end_of_stream_ ||
               loop_.shared_.stopping.load(std::memory_order_relaxed);
    drain_after_ = false;
    append_head(head, std::nullopt);
    forget_request();
    stream_ = std::move(session);
    state_ = State::kStreaming;
    return true;
}

Result<std::shared_ptr<WebSocket>> Connection::upgrade(WebSocketOptions options, WebSocketHandlers handlers) {
    TRY(std::string accept, accept_handshake(request_, framing_));
    auto session = std::make_shared<WebSocketSession>(*this, loop_, std::move(accept), options, std::move(handlers));
    // From here on the loop may go on with the connection.
    session->post();
    return std::shared_ptr<WebSocket>(std::move(session));
}

bool Connection::become_websocket(std::shared_ptr<WebSocketSession> session, std::string accept) {
    user_data.reset();
    client_gone_ = nullptr;
    if (state_ == State::kClosed) {
        loop_.remove(*this);
        return false;
    }
    FOOTFALL_CHECK(state_ == State::kInFlight);
    counters().answered(101);
    closing_ = false;
    append_head(
        {.status = 101,
         .content_type = {},
         .headers = {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", std::move(accept)}}},
        0);
    forget_request();
    // What is in the buffer is the session's, which shrinks it.
    free_body();
    websocket_ = std::move(session);
    state_ = State::kWebSocket;
    return true;
}

void Connection::respond(Response response) {
    user_data.reset();
    client_gone_ = nullptr;
    if (state_ == State::kClosed) return loop_.remove(*this);  // the client has gone
    FOOTFALL_CHECK(state_ == State::kInFlight);
    start_answer(std::move(response), false);
    run();
}

void Connection::start_answer(Response response, bool early) {
    counters().answered(response.status);
    closing_ = response.close || !framing_.keep_alive || end_of_stream_ ||
               loop_.shared_.stopping.load(std::memory_order_relaxed);
    drain_after_ = early;
    std::string_view body = response.static_body.empty() ? std::string_view(response.body) : response.static_body;
    append_head(response, body.size());
    if (request_.method == Method::kHead || !may_have_body(response.status)) body = {};
    if (body.size() <= kCopiedBodyMax) {
        out_ += body;
    } else if (response.static_body.empty()) {
        large_body_ = std::move(response.body);
        body_left_ = large_body_;
    } else {
        body_left_ = body;
    }
    state_ = State::kWriting;
    write_some();
}

void Connection::append_head(const Response& response, std::optional<std::uint64_t> body_bytes) {
    out_.clear();
    out_sent_ = 0;
    // Of a head that is not whole, what was read of the path is not to be relied on.
    const std::string_view path = head_.head_bytes() > 0 ? request_.path : std::string_view();
    const std::string_view fate = closing_ ? "close" : framing_.is_http_1_0 ? "keep-alive" : "";
    http::append_head(out_, response, body_bytes,
                      {.path = path,
                       .connection = fate,
                       .date = loop_.date(),
                       .is_http_1_0 = framing_.is_http_1_0,
                       .is_tls = request_.is_tls,
                       .options = loop_.shared_.options});
}

/// False where the connection must wait for room, or has gone.
bool Connection::write_some() {
    if (!flush()) return false;
    finish_answer();
    return state_ != State::kClosed;
}

bool Connection::flush() {
    while (out_sent_ < out_.size() || !body_left_.empty() || has_unsent()) {
        const iovec parts[2] = {{out_.data() + out_sent_, out_.size() - out_sent_},
                                {const_cast<char*>(body_left_.data()), body_left_.size()}};
        const ssize_t n = send({parts, body_left_.empty() ? std::size_t{1} : std::size_t{2}});
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) {
                close();
                return false;
            }
            if (waiting_ != Wait::kWrite) wait_for(Wait::kWrite);
            await_room();
            return false;
        }
        const auto sent = static_cast<std::size_t>(n);
        const std::size_t of_head = std::min(sent, out_.size() - out_sent_);
        out_sent_ += of_head;
        body_left_.remove_prefix(sent - of_head);
        if (waiting_ == Wait::kWrite) wait_for(Wait::kWrite);  // it moves, so it may go on
    }
    return true;
}

void Connection::finish_answer() {
    std::string().swap(large_body_);
    if (closing_) return hang_up();
    forget_request();
    if (out_.capacity() > kIdleBufferMax) std::string().swap(out_);
    state_ = State::kHead;
    wait_for(in_.size() > 0 ? Wait::kHeader : Wait::kIdle);
}

void Connection::forget_request() {
    in_.consume(consumed_);
    consumed_ = 0;
    head_.reset();
    started_ns_ = 0;
    request_.method = Method::kOther;
    request_.body = {};
    request_.headers.clear();
    if (chunked_body_.capacity() > kFreeBodyBytes) std::string().swap(chunked_body_);
    in_.shrink(kFreeBodyBytes);
    // With more requests behind this one the memory stays as it is, and so does its share of the budget.
    if (in_.capacity() <= kFreeBodyBytes) free_body();
}

void Connection::hang_up() {
    // What was sent and not read turns a close into a reset, which may destroy the answer before it is read.
    if (drain_after_ || in_.size() > consumed_ || readable_) return drain();
    close();
}

// Takes what the client still sends, for a while.
void Connection::drain() {
    // What follows is dropped: it need not be deciphered for that.
    if (tls_) tls_->end();
    tls_.reset();
    ::shutdown(fd_, SHUT_WR);
    state_ = State::kDraining;
    drained_ = in_.size();
    in_.consume(in_.size());
    in_.shrink(0);
    std::string().swap(chunked_body_);
    free_body();
    wait_for(Wait::kDrain);
}

void Connection::timed_out(Wait wait) {
    if (wait == Wait::kLife && websocket_->ask_for_life()) return;
    // Counted first: who sees its end may look.
    if (wait != Wait::kIdle && wait != Wait::kDrain) counters().timeouts.add();
    if ((wait != Wait::kHeader && wait != Wait::kBody) || in_.size() == 0) return close();
    refuse({408, "the request took too long"});
    run();
}

void Connection::stop() {
    if (state_ == State::kWebSocket) return websocket_->stop();
    if (state_ == State::kProxyHeader || state_ == State::kHandshake) return close();
    // What has arrived is still answered.
    if (state_ == State::kHead && in_.size() == 0) {
        readable_ = true;
        run();
    }
    if (state_ == State::kHead && in_.size() == 0) close();
}

void Connection::close() {
    if (state_ == State::kClosed) return;
    const bool in_flight = state_ == State::kInFlight;
    state_ = State::kClosed;
    loop_.clear_timer(timer_);
    if (tls_) tls_->end();
    tls_.reset();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    if (websocket_) websocket_->ended();
    if (stream_) {
        stream_->ended();
        tell_gone();
    }
    // A request in flight keeps the object, and what it borrows, until somebody answers.
    if (in_flight) tell_gone();
    else loop_.remove(*this);
}

}  // namespace footfall::http
