#include "http/client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <optional>

#include "base/clock.h"
#include "http/address.h"
#include "http/client_tls.h"
#include "http/encoding.h"
#include "http/parser.h"
#include "http/tls_stream.h"

namespace footfall::http {
namespace {

constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr std::size_t kLineStep = 16 * 1024;
constexpr std::size_t kBodyStep = 128 * 1024;
constexpr std::size_t kDecodedStep = 64 * 1024;
constexpr int kInterimAnswersMax = 16;
// Of the size that an answer claims, no more is set aside before it comes.
constexpr std::size_t kReserveMax = 16 * 1024 * 1024;

Error broken(std::string_view what, int err) { return Error(Code::kUnavailable, errno_error(what, err).message); }

Error stopped(const std::string& address) {
    Error error(Code::kUnavailable, "nobody waits any more for the answer of " + address);
    error.name = kStopped;
    return error;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    return out;
}

bool has_line_break(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

template <class Number>
bool read_number(std::string_view text, Number& out, int base = 10) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

constexpr std::string_view kHttps = "https://";

/// The address as resolve_address() takes it.
std::string plain(const std::string& address) {
    return address.starts_with(kHttps) ? address.substr(kHttps.size()) : address;
}

/// The name or address in "host:port", of IPv6 without brackets.
std::string name_in(const std::string& host) {
    const std::string name = host.substr(0, host.rfind(':'));
    return name.starts_with('[') && name.ends_with(']') ? name.substr(1, name.size() - 2) : name;
}

Result<std::string> head_of(const ClientRequest& request, const std::string& host) {
    bool is_broken = has_line_break(request.method) || has_line_break(request.target) ||
                     has_line_break(request.accept_encoding) || request.target.find(' ') != std::string_view::npos;
    std::string head;
    head.reserve(256 + request.target.size());
    head.append(request.method)
        .append(" ")
        .append(request.target)
        .append(" HTTP/1.1\r\nHost: ")
        .append(host)
        .append("\r\n");
    for (const auto& [name, value] : request.headers) {
        is_broken = is_broken || has_line_break(name) || has_line_break(value);
        head.append(name).append(": ").append(value).append("\r\n");
    }
    if (is_broken)
        return Error(Code::kInvalidArgument, "a request's target or header has a line break or a blank in it");
    if (!request.accept_encoding.empty())
        head.append("Accept-Encoding: ").append(request.accept_encoding).append("\r\n");
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
        head.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
    return head.append("\r\n");
}

}  // namespace

std::string_view ClientResponse::header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers)
        if (name == lower_case_name) return value;
    return {};
}

Client::Client(std::string address, std::size_t answer_bytes_max, std::shared_ptr<const ClientTls> tls)
    : address_(std::move(address)),
      host_(host_of_address(plain(address_))),
      answer_bytes_max_(answer_bytes_max),
      tls_(std::move(tls)) {}

Client::~Client() { close(); }

void Client::close() {
    if (stream_) stream_->end();
    stream_.reset();
    socket_.close();
    buffer_.clear();
    buffer_at_ = 0;
}

Error Client::too_large() const {
    return Error(Code::kTooLarge,
                 "the answer of " + address_ + " is larger than " + std::to_string(answer_bytes_max_) + " bytes");
}

Result<short> Client::wait(short events, std::int64_t deadline_ns) {
    for (;;) {
        const std::int64_t left_ms = (deadline_ns - system_clock().steady_ns()) / 1'000'000;
        if (left_ms <= 0) return Error(Code::kTimeout, "no answer from " + address_ + " in time");
        if (stop_.stop_requested()) return stopped(address_);
        pollfd pollers[2] = {{socket_.fd(), events, 0}, {wake_.fd(), POLLIN, 0}};
        const int ready =
            ::poll(pollers, wake_.is_open() ? 2 : 1, static_cast<int>(std::min<std::int64_t>(left_ms, 60'000)));
        if (ready > 0 && pollers[0].revents != 0) return pollers[0].revents;
        if (ready < 0 && errno != EINTR) return broken("poll " + address_, errno);
    }
}

Status Client::connect(std::int64_t deadline_ns) {
    close();
    if (address_.starts_with(kHttps) != (tls_ != nullptr))
        return Error(Code::kInvalidArgument, address_ + " is https, and whom to believe is not said; or the other way");
    auto resolved = resolve_address(plain(address_));
    if (!resolved) {
        // A unix path whose folder is not there is a server that is not there.
        if (resolved.error().code == Code::kInvalidArgument) return std::move(resolved.error());
        return Error(Code::kUnavailable, std::move(resolved.error().message));
    }
    const std::vector<SocketAddress>& addresses = *resolved;
    int err = 0;
    for (const SocketAddress& where : addresses) {
        socket_ = File(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket_.is_open()) return broken("socket", errno);
        const bool is_unix = where.family() == AF_UNIX;
        if (is_unix) {
            // A unix socket whose backlog is full refuses at once where it may not block; blocking, it waits for room
            // this long.
            const std::int64_t left_us =
                std::max<std::int64_t>(1'000, (deadline_ns - system_clock().steady_ns()) / 1'000);
            const timeval limit{left_us / 1'000'000, left_us % 1'000'000};
            ::setsockopt(socket_.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
            ::fcntl(socket_.fd(), F_SETFL, 0);
        }
        do {
            err = ::connect(socket_.fd(), where.get(), where.length()) == 0 ? 0 : errno;
        } while (err == EINTR);
        if (is_unix) {
            ::fcntl(socket_.fd(), F_SETFL, O_NONBLOCK);
        } else if (err == EINPROGRESS) {
            TRY_STATUS(wait(POLLOUT, deadline_ns));
            socklen_t size = sizeof err;
            ::getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &err, &size);
        }
        if (err == 0) {
            const int on = 1;
            if (!is_unix) ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return tls_ ? begin_tls(deadline_ns) : Status();
        }
        socket_.close();
    }
    if (err == EAGAIN) return Error(Code::kTimeout, address_ + " accepts no connection in time");
    return broken("connect to " + address_, err);
}

Status Client::begin_tls(std::int64_t deadline_ns) {
    stream_ = tls_->begin(socket_.fd(), name_in(host_));
    for (;;) {
        switch (stream_->handshake()) {
            case TlsStream::Handshake::kDone: return {};
            case TlsStream::Handshake::kWaiting: {
                TRY([[maybe_unused]] const short events,
                    wait(static_cast<short>(stream_->has_unsent() ? POLLIN | POLLOUT : POLLIN), deadline_ns));
                break;
            }
            case TlsStream::Handshake::kPlainHttp:
            case TlsStream::Handshake::kFailed: {
                const std::string why = stream_->distrust();
                return Error(Code::kUnavailable, why.empty()
                                                     ? address_ + " does not speak TLS"
                                                     : "the certificate of " + address_ + " is not believed: " + why);
            }
        }
    }
}

Status Client::flush_tls(std::int64_t deadline_ns) {
    while (stream_->has_unsent()) {
        if (stream_->send({}) < 0 && errno != EAGAIN) return broken("send to " + address_, errno);
        if (!stream_->has_unsent()) break;
        TRY([[maybe_unused]] const short events, wait(POLLOUT, deadline_ns));
    }
    return {};
}

bool Client::is_stale() {
    pollfd poller{socket_.fd(), POLLIN | POLLRDHUP, 0};
    // Whatever can be read between two answers was not asked for: it must not be taken for the next answer.
    if (buffer_at_ < buffer_.size()) return true;
    if (::poll(&poller, 1, 0) == 0) return false;
    // TLS has words of its own, which are no answer.
    char byte = 0;
    return !stream_ || stream_->read(&byte, 1) >= 0 || errno != EAGAIN;
}

Result<ClientResponse> Client::send(const ClientRequest& request, int timeout_ms, bool is_idempotent,
                                    const std::stop_token& stop) {
    const std::int64_t deadline_ns = system_clock().steady_ns() + timeout_ms * std::int64_t{1'000'000};
    maybe_processed_ = false;
    answer_started_ = false;
    if (stop.stop_requested()) return stopped(address_);
    if (!stop.stop_possible()) return send_within(request, deadline_ns, is_idempotent);
    wake_ = File(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.is_open()) return broken("eventfd", errno);
    stop_ = stop;
    std::optional<std::stop_callback<std::function<void()>>> waking(std::in_place, stop, [this] {
        const std::uint64_t one = 1;
        // It cannot be full, and a wait looks at stop_ besides.
        (void)!::write(wake_.fd(), &one, sizeof one);
    });
    auto response = send_within(request, deadline_ns, is_idempotent);
    waking.reset();
    wake_.close();
    stop_ = {};
    return response;
}

Result<ClientResponse> Client::send_streaming(const ClientRequest& request, int timeout_ms, const Sink& sink,
                                              const std::stop_token& stop) {
    sink_ = &sink;
    auto response = send(request, timeout_ms, true, stop);
    sink_ = nullptr;
    return response;
}

Result<ClientResponse> Client::send_within(const ClientRequest& request, std::int64_t deadline_ns, bool is_idempotent) {
    if (socket_.is_open() && !is_stale()) {
        auto response = exchange(request, deadline_ns);
        if (response) return response;
        close();
        // The server may have closed the connection, idle in its eyes, just before the request came.
        const bool may_repeat = !answer_started_ && response.error().code == Code::kUnavailable &&
                                response.error().name != kStopped && (is_idempotent || !maybe_processed_);
        if (!may_repeat) return response;
    }
    if (auto connected = connect(deadline_ns); !connected) {
        close();
        return std::move(connected.error());
    }
    auto response = exchange(request, deadline_ns);
    if (!response) close();
    return response;
}

Result<ClientResponse> Client::exchange(const ClientRequest& request, std::int64_t deadline_ns) {
    TRY(const std::string head, head_of(request, host_));
    TRY(const bool sent_whole, write_all(head, request.body, deadline_ns));
    ClientResponse response;
    Framing framing;
    for (int interim = 0;; ++interim) {
        TRY_STATUS(read_head(response, framing, deadline_ns));
        if (response.status >= 200) break;
        if (interim == kInterimAnswersMax) return Error(Code::kUnavailable, address_ + " does not come to its answer");
    }
    const bool has_body = request.method != "HEAD" && response.status != 204 && response.status != 304;
    const std::string_view encoding = response.header("content-encoding");
    const bool is_encoded =
        !request.accept_encoding.empty() && !encoding.empty() && !equal_ignoring_case(encoding, "identity");
    if (has_body && is_encoded) TRY_STATUS(read_encoded(response, framing, deadline_ns));
    if (has_body && !is_encoded) TRY_STATUS(read_body(response, framing, deadline_ns));
    if (framing.close_after || !sent_whole) close();
    return response;
}

Result<bool> Client::write_all(std::string_view head, std::string_view body, std::int64_t deadline_ns) {
    while (!head.empty() || !body.empty()) {
        iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = body.empty() ? 1 : 2;
        const ssize_t n =
            stream_ ? stream_->send({parts, message.msg_iovlen}) : ::sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            // The answer may have come before the server hung up; reading tells.
            if (errno == EPIPE || errno == ECONNRESET) return false;
            if (errno != EAGAIN) return broken("send to " + address_, errno);
            // What can be read by TLS need not be an answer.
            TRY(const short events, wait(static_cast<short>(stream_ ? POLLOUT : POLLOUT | POLLIN), deadline_ns));
            if ((events & POLLIN) != 0) return false;
            continue;
        }
        const auto sent = static_cast<std::size_t>(n);
        const std::size_t of_head = std::min(sent, head.size());
        head.remove_prefix(of_head);
        body.remove_prefix(sent - of_head);
        maybe_processed_ = true;
    }
    if (stream_) TRY_STATUS(flush_tls(deadline_ns));
    return true;
}

Status Client::read_head(ClientResponse& response, Framing& framing, std::int64_t deadline_ns) {
    response = {};
    framing = {};
    TRY(const std::string status_line, read_line(deadline_ns));
    answer_started_ = true;
    const std::string_view line(status_line);
    if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
        !read_number(line.substr(9, 3), response.status) || response.status < 100 || response.status == 101)
        return Error(Code::kUnavailable, address_ + " does not answer in HTTP/1.1");
    const bool is_http_1_0 = line[7] == '0';
    bool close = false;
    bool keep = false;
    std::size_t head_bytes = line.size();
    for (;;) {
        TRY(const std::string header, read_line(deadline_ns));
        if (header.empty()) break;
        head_bytes += header.size();
        if (head_bytes > kHeadBytesMax) return Error(Code::kUnavailable, address_ + " sent too many headers");
        const std::size_t colon = header.find(':');
        if (colon == std::string::npos) return Error(Code::kUnavailable, address_ + " sent a broken header");
        std::string name = lower(std::string_view(header).substr(0, colon));
        std::string value(trim_blanks(std::string_view(header).substr(colon + 1)));
        if (name == "content-length") {
            std::size_t length = 0;
            if (!read_number(std::string_view(value), length) ||
                (framing.has_length && length != framing.content_length))
                return Error(Code::kUnavailable, address_ + " sent a broken Content-Length");
            framing.has_length = true;
            framing.content_length = length;
        } else if (name == "transfer-encoding") {
            if (framing.chunked || lower(value) != "chunked")
                return Error(Code::kUnavailable, address_ + " sent an unknown transfer coding");
            framing.chunked = true;
        } else if (name == "connection") {
            close = close || has_list_member(value, "close");
            keep = keep || has_list_member(value, "keep-alive");
        }
        response.headers.emplace_back(std::move(name), std::move(value));
    }
    if (framing.chunked && framing.has_length)
        return Error(Code::kUnavailable, address_ + " sent both a length and a transfer coding");
    framing.close_after = close || (is_http_1_0 && !keep);
    return {};
}

Status Client::pass_on(ClientResponse& response) {
    if (sink_ == nullptr || response.body.empty()) return {};
    TRY_STATUS((*sink_)(response, response.body));
    response.body.clear();
    return {};
}

Status Client::read_body(ClientResponse& response, Framing& framing, std::int64_t deadline_ns) {
    std::string& body = response.body;
    if (framing.chunked) return read_chunks(response, deadline_ns);
    if (framing.has_length) {
        if (sink_ == nullptr && framing.content_length > answer_bytes_max_) return too_large();
        if (sink_ == nullptr) body.reserve(std::min(framing.content_length, kReserveMax));
        return read_exactly(response, framing.content_length, deadline_ns);
    }
    framing.close_after = true;
    body.assign(buffer_, buffer_at_);
    buffer_.clear();
    buffer_at_ = 0;
    for (;;) {
        TRY_STATUS(pass_on(response));
        if (body.size() > answer_bytes_max_) return too_large();
        TRY(const bool more, receive(body, kBodyStep, deadline_ns));
        if (!more) return {};
    }
}

Status Client::read_encoded(ClientResponse& response, Framing& framing, std::int64_t deadline_ns) {
    const std::string encoding(response.header("content-encoding"));
    auto decoder = make_decoder(encoding);
    if (!decoder)
        return Error(Code::kUnavailable, address_ + " sent an answer in the encoding '" + encoding.substr(0, 32) + "'");
    const Error broken_off(Code::kUnavailable, address_ + " sent an answer that is no valid " + encoding + " data");
    const Sink* const sink = sink_;
    std::string whole;
    std::string step(kDecodedStep, '\0');
    bool is_empty = true;
    const auto give = [&](const ClientResponse& head, std::string_view part) -> Status {
        if (sink != nullptr) return (*sink)(head, part);
        if (part.size() > answer_bytes_max_ - whole.size()) return too_large();
        whole.append(part);
        return {};
    };
    const Sink decode = [&](const ClientResponse& head, std::string_view part) -> Status {
        is_empty = false;
        for (std::size_t size = step.size(); !part.empty() || size == step.size();) {
            auto decoded = (*decoder)->decode(part, step);
            if (!decoded) return broken_off;
            size = *decoded;
            if (size > 0) TRY_STATUS(give(head, std::string_view(step).substr(0, size)));
        }
        return {};
    };
    sink_ = &decode;
    Status read = read_body(response, framing, deadline_ns);
    sink_ = sink;
    TRY_STATUS(std::move(read));
    // What has no body may all the same be said to be encoded.
    if (!is_empty && !(*decoder)->is_whole()) return broken_off;
    response.body = std::move(whole);
    return {};
}

Status Client::read_chunks(ClientResponse& response, std::int64_t deadline_ns) {
    for (;;) {
        TRY(const std::string line, read_line(deadline_ns));
        std::size_t size = 0;
        if (!read_number(trim_blanks(std::string_view(line).substr(0, line.find(';'))), size, 16))
            return Error(Code::kUnavailable, address_ + " sent a broken chunk");
        if (size == 0) break;
        if (sink_ == nullptr && size > answer_bytes_max_ - response.body.size()) return too_large();
        TRY_STATUS(read_exactly(response, size, deadline_ns));
        TRY(const std::string end, read_line(deadline_ns));
        if (!end.empty()) return Error(Code::kUnavailable, address_ + " sent a broken chunk");
    }
    for (std::size_t trailer_bytes = 0;;) {
        TRY(const std::string trailer, read_line(deadline_ns));
        if (trailer.empty()) return {};
        trailer_bytes += trailer.size();
        if (trailer_bytes > kHeadBytesMax) return Error(Code::kUnavailable, address_ + " sent too many trailers");
    }
}

Result<bool> Client::receive(std::string& out, std::size_t size_max, std::int64_t deadline_ns) {
    const std::size_t at = out.size();
    for (;;) {
        out.resize(at + size_max);
        const ssize_t n =
            stream_ ? stream_->read(out.data() + at, size_max) : ::recv(socket_.fd(), out.data() + at, size_max, 0);
        const int err = errno;
        out.resize(at + (n > 0 ? static_cast<std::size_t>(n) : 0));
        if (n > 0) return true;
        if (n == 0) return false;
        if (err == EINTR) continue;
        if (err != EAGAIN) return broken("read from " + address_, err);
        TRY_STATUS(wait(POLLIN, deadline_ns));
    }
}

Status Client::read_exactly(ClientResponse& response, std::size_t size, std::int64_t deadline_ns) {
    std::string& out = response.body;
    const auto take_buffered = [&] {
        const std::size_t n = std::min(size, buffer_.size() - buffer_at_);
        out.append(buffer_, buffer_at_, n);
        buffer_at_ += n;
        size -= n;
    };
    take_buffered();
    // A large body is received where it stays; the rest of a small one comes with what follows it, as lines do.
    while (size >= kLineStep) {
        const std::size_t before = out.size();
        TRY(const bool more, receive(out, std::min(kBodyStep, size), deadline_ns));
        if (!more) return Error(Code::kUnavailable, address_ + " closed the connection within its answer");
        size -= out.size() - before;
        TRY_STATUS(pass_on(response));
    }
    while (size > 0) {
        buffer_.clear();
        buffer_at_ = 0;
        TRY(const bool more, receive(buffer_, kLineStep, deadline_ns));
        if (!more) return Error(Code::kUnavailable, address_ + " closed the connection within its answer");
        take_buffered();
    }
    return pass_on(response);
}

Result<std::string> Client::read_line(std::int64_t deadline_ns) {
    std::size_t looked_at = buffer_at_;
    for (;;) {
        const std::size_t end = buffer_.find('\n', looked_at);
        if (end != std::string::npos) {
            const std::size_t line_end = end > buffer_at_ && buffer_[end - 1] == '\r' ? end - 1 : end;
            std::string line = buffer_.substr(buffer_at_, line_end - buffer_at_);
            buffer_at_ = end + 1;
            return line;
        }
        buffer_.erase(0, buffer_at_);
        buffer_at_ = 0;
        if (buffer_.size() > kHeadBytesMax) return Error(Code::kUnavailable, address_ + " sent an endless line");
        looked_at = buffer_.size();
        TRY(const bool more, receive(buffer_, kLineStep, deadline_ns));
        if (!more) return Error(Code::kUnavailable, address_ + " closed the connection without an answer");
    }
}

}  // namespace footfall::http
