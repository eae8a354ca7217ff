#include "http/connection.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/json.h"
#include "base/metrics.h"
#include "http/event_loop.h"

namespace footfall::http {
namespace {

constexpr std::size_t kReadStep = 4 * 1024;
constexpr std::size_t kIdleBufferMax = 64 * 1024;

struct Metrics {
    std::array<metrics::Counter*, 6> by_class{};
    metrics::Counter& bad = metrics::counter("footfall_http_bad_requests_total", "Requests that could not be read as HTTP, or broke a limit.");
    Metrics() {
        for (std::size_t i = 1; i < by_class.size(); ++i)
            by_class[i] = &metrics::counter("footfall_http_requests_total", "Requests answered, by class of status.", "status=\"" + std::to_string(i) + "xx\"");
    }
    void answered(int status) {
        if (metrics::Counter* counter = by_class[static_cast<std::size_t>(std::clamp(status / 100, 1, 5))]) counter->add();
    }
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200: return "OK";
        case 201: return "Created";
        case 204: return "No Content";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return status < 400 ? "OK" : "Error";
    }
}

std::string_view code_of(int status) {
    switch (status) {
        case 408: return "timeout";
        case 413: return "too_large";
        case 414: return "too_large";
        case 431: return "too_large";
        default: return "bad_request";
    }
}

}  // namespace

void ReadBuffer::consume(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
}

void ReadBuffer::reserve(std::size_t size) {
    if (begin_ + size <= capacity_) return;
    if (size <= capacity_) {
        std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
    } else {
        const std::size_t capacity = std::max(size, capacity_ * 2);
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

Connection::Connection(EventLoop& loop, int fd, Peer peer) : loop_(loop), fd_(fd), head_(loop.shared_.options.header_bytes_max) {
    request_.peer = peer;
    wait_for(Wait::kHeader);
}

Connection::~Connection() {
    if (fd_ >= 0) ::close(fd_);
    loop_.shared_.forget(request_.peer);
}

unsigned Connection::loop_index() const { return loop_.index_; }

void Connection::wait_for(Wait wait) {
    waiting_ = wait;
    loop_.set_timer(*this, wait);
}

void Connection::ready(bool readable, bool writable, bool hung_up) {
    if (readable) readable_ = true;
    if (hung_up && state_ != State::kInFlight) return close();
    if (writable && state_ == State::kWriting && !write_some()) return;
    run();
}

/// The whole life of the connection as far as it gets now: a loop, since requests that were sent together would nest calls otherwise.
void Connection::run() {
    if (running_) return;
    running_ = true;
    bool progress = true;
    while (progress) {
        switch (state_) {
            case State::kHead: progress = on_head(); break;
            case State::kBody: progress = on_body(); break;
            case State::kDraining:
                progress = read_some();
                drained_ += in_.size();
                in_.consume(in_.size());
                if (end_of_stream_ || drained_ > loop_.shared_.options.drain_bytes_max) {
                    close();
                    progress = false;
                }
                break;
            case State::kInFlight:
            case State::kWriting:
            case State::kClosed: progress = false; break;
        }
    }
    running_ = false;
}

/// Reads once; true where bytes came.
bool Connection::read_some() {
    if (!readable_ || fd_ < 0) return false;
    in_.reserve(in_.size() + kReadStep);
    for (;;) {
        const std::size_t room = in_.free();
        const ssize_t n = ::recv(fd_, in_.free_at(), room, 0);
        if (n > 0) {
            in_.added(static_cast<std::size_t>(n));
            // Less than there was room for: the socket is empty, and epoll tells when it isn't any more.
            if (static_cast<std::size_t>(n) < room) readable_ = false;
            return true;
        }
        if (n == 0) {
            end_of_stream_ = true;
            readable_ = false;
            return false;
        }
        if (errno == EINTR) continue;
        readable_ = false;
        if (errno != EAGAIN) end_of_stream_ = true;
        return false;
    }
}

bool Connection::on_head() {
    if (in_.size() == 0 || head_.head_bytes() == 0) {
        if (in_.size() > 0) {
            if (waiting_ == Wait::kIdle) wait_for(Wait::kHeader);
            if (started_ns_ == 0) started_ns_ = loop_.now_ns_;
            const ParseState parsed = head_.parse(in_.view(), request_, framing_);
            if (parsed == ParseState::kFailed) {
                refuse(head_.failure());
                return true;
            }
            if (parsed == ParseState::kDone) {
                begin_request();
                return true;
            }
        }
        if (read_some()) return true;
        if (end_of_stream_) close();
        return false;
    }
    return false;
}

void Connection::begin_request() {
    const ServerOptions& options = loop_.shared_.options;
    if (!framing_.chunked && framing_.content_length > options.body_bytes_max) return refuse({413, "the body is too large"});
    if (!framing_.chunked) {
        const std::size_t whole = head_.head_bytes() + static_cast<std::size_t>(framing_.content_length);
        if (in_.size() + in_.free() < whole) {
            // The views of the request point into the buffer, so it must not move after this.
            in_.reserve(whole);
            head_.parse(in_.view(), request_, framing_);
        }
    }
    if (loop_.shared_.check) {
        if (auto early = loop_.shared_.check(request_)) return answer_early(std::move(*early));
    }
    const bool has_body = framing_.chunked || framing_.content_length > 0;
    const bool body_is_here = !framing_.chunked && in_.size() >= head_.head_bytes() + framing_.content_length;
    if (framing_.expects_continue && has_body && !body_is_here) send_continue();
    if (framing_.chunked) {
        chunks_ = std::make_unique<ChunkDecoder>(options.body_bytes_max);
        chunked_body_.clear();
    }
    state_ = State::kBody;
    if (has_body && !body_is_here) wait_for(Wait::kBody);
}

void Connection::send_continue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    // Nothing else is on its way out, so these few bytes find room; where not, the client sends its body after a while anyway.
    [[maybe_unused]] const ssize_t n = ::send(fd_, kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
}

bool Connection::on_body() {
    const std::size_t head = head_.head_bytes();
    if (framing_.chunked) {
        // Chunks are taken out behind the head, which stays where it is: the request borrows from it.
        std::string_view rest = in_.view().substr(head + consumed_);
        const std::size_t before = rest.size();
        const ParseState parsed = chunks_->feed(rest, chunked_body_);
        consumed_ += before - rest.size();
        if (parsed == ParseState::kFailed) {
            refuse(chunks_->failure());
            return true;
        }
        if (parsed == ParseState::kDone) {
            consumed_ += head;
            chunks_.reset();
            chunked_body_.reserve(chunked_body_.size() + ReadBuffer::kPadding);
            request_.body = chunked_body_;
            dispatch();
            return true;
        }
        if (in_.free() < kReadStep) {
            in_.reserve(in_.size() + 64 * 1024);
            head_.parse(in_.view(), request_, framing_);
            if (in_.size() > head + 2 * loop_.shared_.options.body_bytes_max + 64 * 1024) {
                refuse({413, "the body's framing is too large"});
                return true;
            }
        }
    } else if (in_.size() >= head + framing_.content_length) {
        request_.body = in_.view().substr(head, static_cast<std::size_t>(framing_.content_length));
        consumed_ = head + static_cast<std::size_t>(framing_.content_length);
        dispatch();
        return true;
    }
    if (!readable_) return false;
    // Reads into the room behind what is held; begin_request() made enough of it for the whole body.
    const ssize_t n = ::recv(fd_, in_.free_at(), in_.free(), 0);
    if (n > 0) {
        if (static_cast<std::size_t>(n) < in_.free()) readable_ = false;
        in_.added(static_cast<std::size_t>(n));
        return true;
    }
    if (n < 0 && errno == EINTR) return true;
    readable_ = false;
    if (n == 0 || errno != EAGAIN) close();
    return false;
}

void Connection::dispatch() {
    state_ = State::kInFlight;
    wait_for(Wait::kNone);
    loop_.shared_.handler(*this);
}

void Connection::refuse(const ParseFailure& failure) {
    counters().bad.add();
    Response response;
    response.status = failure.status;
    json::Writer writer(response.body);
    writer.begin_object();
    writer.key("error");
    writer.begin_object();
    writer.member("code", code_of(failure.status));
    writer.member("message", failure.message);
    writer.end_object();
    writer.end_object();
    answer_early(std::move(response));
}

void Connection::answer_early(Response response) {
    response.close = true;
    start_answer(response, true);
}

void Connection::complete(Response response) { loop_.post(this, std::move(response)); }

void Connection::respond(Response response) {
    user_data.reset();
    if (state_ == State::kClosed) return loop_.remove(*this);  // the client has gone
    start_answer(response, false);
    run();
}

void Connection::start_answer(const Response& response, bool early) {
    counters().answered(response.status);
    closing_ = response.close || !framing_.keep_alive || end_of_stream_ || loop_.shared_.stopping.load(std::memory_order_relaxed);
    drain_after_ = early;
    const bool is_head = request_.method == Method::kHead;
    const bool no_body = response.status == 204 || response.status == 304;
    const std::string_view body = response.static_body.empty() ? std::string_view(response.body) : response.static_body;
    out_.clear();
    out_sent_ = 0;
    out_ += "HTTP/1.1 ";
    json::append_number(out_, std::int64_t{response.status});
    out_ += ' ';
    out_ += reason_phrase(response.status);
    out_ += "\r\nServer: ";
    out_ += loop_.shared_.options.server_name;
    out_ += "\r\nDate: ";
    out_ += loop_.date();
    if (!no_body) {
        if (!response.content_type.empty()) {
            out_ += "\r\nContent-Type: ";
            out_ += response.content_type;
        }
        out_ += "\r\nContent-Length: ";
        json::append_number(out_, std::uint64_t{body.size()});
    }
    for (const auto& [name, value] : response.headers) {
        out_ += "\r\n";
        out_ += name;
        out_ += ": ";
        out_ += value;
    }
    if (closing_) out_ += "\r\nConnection: close";
    else if (framing_.is_http_1_0) out_ += "\r\nConnection: keep-alive";
    out_ += "\r\n\r\n";
    static_out_ = {};
    if (!no_body && !is_head) {
        if (response.static_body.empty()) out_ += body;
        else static_out_ = body;
    }
    state_ = State::kWriting;
    write_some();
}

/// False where the connection must wait for room, or has gone.
bool Connection::write_some() {
    while (out_sent_ < out_.size() || !static_out_.empty()) {
        iovec parts[2] = {{out_.data() + out_sent_, out_.size() - out_sent_}, {const_cast<char*>(static_out_.data()), static_out_.size()}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = static_out_.empty() ? 1 : 2;
        const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) {
                if (waiting_ != Wait::kWrite) wait_for(Wait::kWrite);
                return false;
            }
            close();
            return false;
        }
        const auto sent = static_cast<std::size_t>(n);
        const std::size_t of_head = std::min(sent, out_.size() - out_sent_);
        out_sent_ += of_head;
        static_out_.remove_prefix(sent - of_head);
        if (waiting_ == Wait::kWrite) wait_for(Wait::kWrite);  // it moves, so it may go on
    }
    finish_answer();
    return state_ != State::kClosed;
}

void Connection::finish_answer() {
    if (closing_ && drain_after_) {
        // What the client still sends is taken for a while: a reset would destroy the answer before it is read.
        ::shutdown(fd_, SHUT_WR);
        state_ = State::kDraining;
        drained_ = in_.size();
        in_.consume(in_.size());
        wait_for(Wait::kDrain);
        return;
    }
    if (closing_) return close();
    in_.consume(consumed_);
    consumed_ = 0;
    head_.reset();
    started_ns_ = 0;
    request_.body = {};
    request_.headers.clear();
    if (chunked_body_.capacity() > kIdleBufferMax) std::string().swap(chunked_body_);
    if (out_.capacity() > kIdleBufferMax) std::string().swap(out_);
    in_.shrink(kIdleBufferMax);
    state_ = State::kHead;
    wait_for(in_.size() > 0 ? Wait::kHeader : Wait::kIdle);
}

void Connection::timed_out() {
    switch (waiting_) {
        case Wait::kHeader:
        case Wait::kBody:
            if (in_.size() == 0) return close();
            refuse({408, "the request took too long"});
            return run();
        case Wait::kNone:
        case Wait::kIdle:
        case Wait::kWrite:
        case Wait::kDrain: return close();
    }
}

void Connection::stop() {
    if (state_ == State::kHead && in_.size() == 0) close();
}

void Connection::close() {
    if (state_ == State::kClosed) return;
    const bool answered = state_ != State::kInFlight;
    state_ = State::kClosed;
    loop_.clear_timer(*this);
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    // A request in flight keeps the object, and what it borrows, until somebody answers.
    if (answered) loop_.remove(*this);
}

}  // namespace footfall::http
