#include "http/client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/clock.h"
#include "http/address.h"

namespace footfall::http {
namespace {

constexpr std::size_t kHeaderBytesMax = 64 * 1024;

Error broken(std::string_view what, int err) { return Error(Code::kUnavailable, errno_error(what, err).message); }

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    return out;
}

}  // namespace

std::string_view ClientResponse::header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers)
        if (name == lower_case_name) return value;
    return {};
}

Client::Client(std::string address, std::size_t answer_bytes_max) : address_(std::move(address)), answer_bytes_max_(answer_bytes_max) {}

Status Client::wait(short events, std::int64_t deadline_ns) {
    for (;;) {
        const std::int64_t left_ms = (deadline_ns - system_clock().steady_ns()) / 1'000'000;
        if (left_ms <= 0) return Error(Code::kTimeout, "no answer from " + address_ + " in time");
        pollfd poller{socket_.fd(), events, 0};
        const int ready = ::poll(&poller, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 60'000)));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return broken("poll " + address_, errno);
    }
}

Status Client::connect(std::int64_t deadline_ns) {
    buffer_.clear();
    TRY(const SocketAddress where, resolve_address(address_));
    socket_ = File(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_.is_open()) return broken("socket", errno);
    if (::connect(socket_.fd(), where.get(), where.length()) != 0) {
        if (errno != EINPROGRESS) {
            const int err = errno;
            socket_.close();
            return broken("connect to " + address_, err);
        }
        TRY_STATUS(wait(POLLOUT, deadline_ns));
        int err = 0;
        socklen_t size = sizeof err;
        ::getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &err, &size);
        if (err != 0) {
            socket_.close();
            return broken("connect to " + address_, err);
        }
    }
    if (where.family() != AF_UNIX) {
        const int on = 1;
        ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return {};
}

Result<ClientResponse> Client::send(const ClientRequest& request, int timeout_ms, bool is_idempotent) {
    const std::int64_t deadline_ns = system_clock().steady_ns() + timeout_ms * std::int64_t{1'000'000};
    const bool reused = socket_.is_open();
    maybe_processed_ = false;
    if (!reused) {
        TRY_STATUS(connect(deadline_ns));
    }
    auto response = exchange(request, deadline_ns);
    if (response) return response;
    socket_.close();
    // A kept connection may have been closed by the server while it was idle: the request never reached its handler then.
    const bool stale = reused && !answer_started_ && response.error().code == Code::kUnavailable && (is_idempotent || !maybe_processed_);
    if (!stale) return response;
    TRY_STATUS(connect(deadline_ns));
    response = exchange(request, deadline_ns);
    if (!response) socket_.close();
    return response;
}

Result<ClientResponse> Client::exchange(const ClientRequest& request, std::int64_t deadline_ns) {
    maybe_processed_ = false;
    answer_started_ = false;
    std::string head;
    head.reserve(256);
    head.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: footfall\r\n");
    for (const auto& [name, value] : request.headers) head.append(name).append(": ").append(value).append("\r\n");
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
        head.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
    head.append("\r\n");
    // A peer that has closed shows it before anything is sent.
    pollfd poller{socket_.fd(), POLLIN, 0};
    if (buffer_.empty() && ::poll(&poller, 1, 0) > 0) {
        char byte;
        if (::recv(socket_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return Error(Code::kUnavailable, address_ + " closed the connection");
    }
    TRY_STATUS(write_all(head, request.body, deadline_ns));

    for (;;) {
        TRY(const std::string status_line, read_line(deadline_ns));
        answer_started_ = true;
        ClientResponse response;
        if (!status_line.starts_with("HTTP/1.") || status_line.size() < 12 ||
            std::from_chars(status_line.data() + 9, status_line.data() + 12, response.status).ptr != status_line.data() + 12)
            return Error(Code::kUnavailable, address_ + " does not answer in HTTP");
        std::size_t header_bytes = status_line.size();
        std::size_t content_length = 0;
        bool has_length = false;
        bool chunked = false;
        bool close_after = status_line.starts_with("HTTP/1.0");
        for (;;) {
            TRY(const std::string line, read_line(deadline_ns));
            if (line.empty()) break;
            header_bytes += line.size();
            if (header_bytes > kHeaderBytesMax) return Error(Code::kUnavailable, address_ + " sent too many headers");
            const std::size_t colon = line.find(':');
            if (colon == std::string::npos) return Error(Code::kUnavailable, address_ + " sent a broken header");
            const std::size_t value_at = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
            std::string name = lower(std::string_view(line).substr(0, colon));
            std::string value = line.substr(value_at);
            if (name == "content-length") {
                has_length = std::from_chars(value.data(), value.data() + value.size(), content_length).ec == std::errc();
            } else if (name == "transfer-encoding") {
                chunked = lower(value) == "chunked";
            } else if (name == "connection") {
                close_after = lower(value) == "close" || (close_after && lower(value) != "keep-alive");
            }
            response.headers.emplace_back(std::move(name), std::move(value));
        }
        if (response.status == 100) continue;
        const bool no_body = request.method == "HEAD" || response.status == 204 || response.status == 304;
        const Error too_large(Code::kTooLarge, "the answer of " + address_ + " is larger than " + std::to_string(answer_bytes_max_) + " bytes");
        if (no_body) {
        } else if (chunked) {
            for (;;) {
                TRY(const std::string line, read_line(deadline_ns));
                std::size_t size = 0;
                if (std::from_chars(line.data(), line.data() + line.size(), size, 16).ec != std::errc())
                    return Error(Code::kUnavailable, address_ + " sent a broken chunk");
                if (size > answer_bytes_max_ - std::min(answer_bytes_max_, response.body.size())) return too_large;
                if (size > 0) TRY_STATUS(read_exactly(response.body, size, deadline_ns));
                TRY(std::string end, read_line(deadline_ns));
                while (size == 0 && !end.empty()) {  // trailers
                    TRY(end, read_line(deadline_ns));
                }
                if (size == 0) break;
            }
        } else if (has_length) {
            if (content_length > answer_bytes_max_) return too_large;
            TRY_STATUS(read_exactly(response.body, content_length, deadline_ns));
        } else {
            close_after = true;
            for (;;) {
                response.body += buffer_;
                buffer_.clear();
                if (response.body.size() > answer_bytes_max_) return too_large;
                TRY(const bool more, read_more(deadline_ns));
                if (!more) break;
            }
        }
        if (close_after) socket_.close();
        return response;
    }
}

Status Client::write_all(std::string_view head, std::string_view body, std::int64_t deadline_ns) {
    while (!head.empty() || !body.empty()) {
        iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = 2;
        const ssize_t n = ::sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return broken("send to " + address_, errno);
            TRY_STATUS(wait(POLLOUT, deadline_ns));
            continue;
        }
        auto sent = static_cast<std::size_t>(n);
        const std::size_t of_head = std::min(sent, head.size());
        head.remove_prefix(of_head);
        body.remove_prefix(sent - of_head);
        // From here on the server may have the whole of a small request.
        maybe_processed_ = true;
    }
    return {};
}

Result<bool> Client::read_more(std::int64_t deadline_ns) {
    for (;;) {
        const std::size_t at = buffer_.size();
        buffer_.resize(at + 64 * 1024);
        const ssize_t n = ::recv(socket_.fd(), buffer_.data() + at, buffer_.size() - at, 0);
        const int err = errno;
        buffer_.resize(at + (n > 0 ? static_cast<std::size_t>(n) : 0));
        if (n > 0) return true;
        if (n == 0) return false;
        if (err == EINTR) continue;
        if (err != EAGAIN) return broken("read from " + address_, err);
        TRY_STATUS(wait(POLLIN, deadline_ns));
    }
}

Status Client::read_exactly(std::string& out, std::size_t size, std::int64_t deadline_ns) {
    out.reserve(out.size() + size);
    while (size > 0) {
        if (buffer_.empty()) {
            TRY(const bool more, read_more(deadline_ns));
            if (!more) return Error(Code::kUnavailable, address_ + " closed the connection within its answer");
        }
        const std::size_t n = std::min(size, buffer_.size());
        out.append(buffer_, 0, n);
        buffer_.erase(0, n);
        size -= n;
    }
    return {};
}

Result<std::string> Client::read_line(std::int64_t deadline_ns) {
    for (;;) {
        const std::size_t end = buffer_.find('\n');
        if (end != std::string::npos) {
            std::string line = buffer_.substr(0, end > 0 && buffer_[end - 1] == '\r' ? end - 1 : end);
            buffer_.erase(0, end + 1);
            return line;
        }
        if (buffer_.size() > kHeaderBytesMax) return Error(Code::kUnavailable, address_ + " sent an endless line");
        TRY(const bool more, read_more(deadline_ns));
        if (!more) return Error(Code::kUnavailable, address_ + " closed the connection without an answer");
    }
}

}  // namespace footfall::http
