#include "http/websocket_session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/bytes.h"
#include "base/metrics.h"
#include "http/event_loop.h"

namespace footfall::http {
namespace {

constexpr std::size_t kReadStep = 4 * 1024;
// Of texts, bytes that the kernel holds beyond what is on its way: they are backlog too, which a newer text cannot
// replace. It is less than for answers, since here promptness matters and not throughput.
constexpr int kUnsentBytesMax = 16 * 1024;
// Control frames that are joined in one buffer leave it no larger than this when nothing is sent.
constexpr std::size_t kIdleOutMax = 1024;

struct Metrics {
    metrics::Gauge& open = metrics::gauge("footfall_http_websockets", "WebSockets that are open.");
    metrics::Counter& failed = metrics::counter("footfall_http_websocket_failures_total",
                                                "WebSockets whose client broke the protocol or a limit.");
    metrics::Counter& replaced = metrics::counter("footfall_http_websocket_texts_replaced_total",
                                                  "Texts that a newer one took the place of before they were sent.");
    std::atomic<int> open_count{0};
    void count(int change) { open.set(static_cast<double>(open_count += change)); }
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

bool lists(const Request& request, std::string_view header, std::string_view member) {
    const auto values = request.header_values(header);
    return std::any_of(values.begin(), values.end(),
                       [member](std::string_view value) { return has_list_member(value, member); });
}

// 16 bytes in base64: 22 digits and two signs that fill up.
bool is_key(std::string_view text) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return text.size() == 24 && text.ends_with("==") && text.find_first_not_of(kDigits) == 22;
}

Error no_handshake(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

}  // namespace

Result<std::string> accept_handshake(const Request& request, const Framing& framing) {
    constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    if (request.method != Method::kGet) return no_handshake("a WebSocket begins with GET");
    if (framing.is_http_1_0) return no_handshake("a WebSocket begins with HTTP/1.1");
    if (!lists(request, "upgrade", "websocket"))
        return no_handshake("this address is a WebSocket: the request needs \"Upgrade: websocket\"");
    if (!lists(request, "connection", "upgrade"))
        return no_handshake("the header \"Connection: Upgrade\" is missing; a proxy in between has to pass it on");
    const auto versions = request.header_values("sec-websocket-version");
    if (versions.size() != 1 || versions.front() != "13") {
        Error error = no_handshake("this server speaks version 13 of WebSocket");
        error.name = kUpgradeRequired;
        return error;
    }
    const auto keys = request.header_values("sec-websocket-key");
    if (keys.size() != 1 || !is_key(keys.front()))
        return no_handshake("there must be one Sec-WebSocket-Key, of 16 bytes in base64");
    const auto digest = sha1(std::string(keys.front()).append(kGuid));
    return base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

WebSocketSession::WebSocketSession(Connection& connection, EventLoop& loop, std::string accept,
                                   WebSocketOptions options, WebSocketHandlers handlers)
    : connection_(connection),
      loop_(loop),
      accept_(std::move(accept)),
      options_(options),
      handlers_(std::move(handlers)),
      reader_(options.message_bytes_max) {}

void WebSocketSession::offer(std::shared_ptr<const std::string> text) {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    if (waiting_) counters().replaced.add();
    waiting_ = std::move(text);
    post_locked();
}

void WebSocketSession::close(std::uint16_t code, std::string reason) {
    FOOTFALL_CHECK(is_close_code(code));
    const std::lock_guard lock(mutex_);
    if (begin_close_locked(code, std::move(reason))) post_locked();
}

bool WebSocketSession::is_open() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

void WebSocketSession::post() {
    const std::lock_guard lock(mutex_);
    post_locked();
}

// With the lock held: ended() needs it too, so the loop is there until this has returned.
void WebSocketSession::post_locked() {
    if (is_posted_) return;
    is_posted_ = true;
    loop_.post(shared_from_this());
}

bool WebSocketSession::begin_close_locked(std::uint16_t code, std::string reason) {
    if (!open_) return false;
    open_ = false;
    waiting_.reset();
    close_ = CloseFrame{code, std::move(reason)};
    return true;
}

bool WebSocketSession::begin_close(std::uint16_t code, std::string reason) {
    const std::lock_guard lock(mutex_);
    return begin_close_locked(code, std::move(reason));
}

void WebSocketSession::take_posted() {
    {
        const std::lock_guard lock(mutex_);
        is_posted_ = false;
    }
    if (!has_begun_) begin();
    else if (!has_ended_) write();
}

void WebSocketSession::begin() {
    has_begun_ = true;
    counters().count(1);
    if (!connection_.become_websocket(shared_from_this(), accept_)) return ended();
    ::setsockopt(connection_.fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytesMax, sizeof kUnsentBytesMax);
    alive();
    if (loop_.shared_.stopping) stop();
    else write();
    connection_.run();
}

void WebSocketSession::alive() {
    awaits_life_ = false;
    // Behind our close frame another time runs.
    if (!close_sent_) loop_.set_timer(connection_, life_timer_, Wait::kLife, options_.ping_interval_ms);
}

bool WebSocketSession::ask_for_life() {
    if (awaits_life_) return false;
    alive();
    awaits_life_ = true;
    ping_is_due_ = true;
    write();
    return true;
}

bool WebSocketSession::read() {
    if (!connection_.read_some(kReadStep) && connection_.in_.size() == 0) {
        if (connection_.end_of_stream_) connection_.close();
        else connection_.in_.shrink(0);
        return false;
    }
    alive();
    receive(connection_.in_.view());
    connection_.in_.consume(connection_.in_.size());
    write();
    return true;
}

void WebSocketSession::receive(std::string_view in) {
    for (;;) {
        switch (reader_.next(in)) {
            case WebSocketReader::Found::kNothing: return;
            case WebSocketReader::Found::kText:
                if (handlers_.on_text && is_open()) handlers_.on_text(reader_.payload());
                break;
            case WebSocketReader::Found::kPing: pong_ = reader_.payload(); break;
            case WebSocketReader::Found::kPong: break;
            case WebSocketReader::Found::kClose:
                peer_is_done_ = true;
                begin_close(reader_.close_code(), {});
                break;
            case WebSocketReader::Found::kFailed:
                counters().failed.add();
                peer_is_done_ = true;
                connection_.drain_after_ = true;  // it may be in the midst of a frame
                begin_close(reader_.close_code(), std::string(reader_.payload()));
                break;
        }
    }
}

void WebSocketSession::writable() {
    // Room after there was none: the client has taken something, even if it cannot answer a ping that stands behind.
    if (connection_.waiting_ == Wait::kWrite) alive();
    write();
}

void WebSocketSession::stage() {
    Connection& c = connection_;
    // A text of which nothing is sent is taken back: there may be a newer one, or none may follow any more.
    std::shared_ptr<const std::string> next;
    if (text_ && c.out_sent_ <= text_at_) {
        next = std::move(text_);
        c.out_.resize(text_at_);
        c.body_left_ = {};
    }
    const bool is_out = c.out_sent_ == c.out_.size() && c.body_left_.empty();
    if (text_ && !is_out) return;
    text_.reset();

    std::optional<CloseFrame> close;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_) {
            if (next) counters().replaced.add();
            next = std::move(waiting_);
        }
        if (close_) next.reset();
        if (is_out) close.swap(close_);
    }
    // Control frames join an empty buffer only, so that who sends pings and reads no pongs does not fill it.
    if (is_out) {
        c.out_.clear();
        c.out_sent_ = 0;
        if (c.out_.capacity() > kIdleOutMax) std::string().swap(c.out_);
    }
    if (is_out && !close_sent_) {
        if (pong_) append_frame_header(c.out_, Opcode::kPong, pong_->size());
        if (pong_) c.out_ += *std::exchange(pong_, std::nullopt);
        if (std::exchange(ping_is_due_, false)) append_frame_header(c.out_, Opcode::kPing, 0);
    }
    if (close) {
        append_close_frame(c.out_, close->code, close->reason);
        close_sent_ = true;
    } else if (next && !close_sent_) {
        text_at_ = c.out_.size();
        append_frame_header(c.out_, Opcode::kText, next->size());
        text_ = std::move(next);
        c.body_left_ = *text_;
    }
}

void WebSocketSession::write() {
    Connection& c = connection_;
    // What was begun, and then what had to wait for it.
    for (int round = 0; round < 2; ++round) {
        stage();
        if (!c.flush()) return;
    }
    if (c.waiting_ == Wait::kWrite) c.wait_for(Wait::kNone);
    if (!close_sent_) return;
    if (peer_is_done_) {
        ended();
        c.hang_up();
    } else if (c.waiting_ != Wait::kClose) {
        loop_.clear_timer(life_timer_);
        c.wait_for(Wait::kClose, options_.close_timeout_ms);
    }
}

void WebSocketSession::stop() {
    begin_close(close_code::kGoingAway, "the server stops");
    write();
}

void WebSocketSession::ended() {
    if (std::exchange(has_ended_, true)) return;
    counters().count(-1);
    loop_.clear_timer(life_timer_);
    connection_.body_left_ = {};
    text_.reset();
    {
        const std::lock_guard lock(mutex_);
        open_ = false;
        waiting_.reset();
    }
    // They may hold the handle, and so themselves.
    const WebSocketHandlers handlers = std::exchange(handlers_, {});
    if (handlers.on_closed) handlers.on_closed();
}

}  // namespace footfall::http
