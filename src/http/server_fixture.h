#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/address.h"
#include "http/http.h"

namespace footfall::http {

/// A socket that sends what a test wants and reads what is on the wire. Reads give up after 20 s, so that a test fails
/// and does not hang.
class Raw {
public:
    explicit Raw(std::uint16_t port) : Raw("127.0.0.1:" + std::to_string(port)) {}
    explicit Raw(const std::string& address) {
        const auto where = resolve_address(address);
        fd_ = ::socket(where->front().family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        is_connected_ = ::connect(fd_, where->front().get(), where->front().length()) == 0;
        const timeval limit{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    ~Raw() { close(); }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;

    bool is_connected() const { return is_connected_; }
    int fd() const { return fd_; }
    /// False where the server does not take it.
    bool send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    /// No more will be sent.
    void finish() { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    /// Closes with a reset instead of an orderly end.
    void reset() {
        const linger hard{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close();
    }
    /// Everything until the server closes.
    std::string read_all() {
        std::string out;
        char buffer[16 * 1024];
        for (;;) {
            const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
            if (n <= 0) {
                was_reset_ = n < 0 && errno == ECONNRESET;
                timed_out_ = n < 0 && errno == EAGAIN;
                return out;
            }
            out.append(buffer, static_cast<std::size_t>(n));
        }
    }
    std::string read_until(std::string_view end) {
        std::string out;
        char byte = 0;
        while (!out.ends_with(end) && ::recv(fd_, &byte, 1, 0) == 1) out += byte;
        return out;
    }
    bool was_reset() const { return was_reset_; }
    bool timed_out() const { return timed_out_; }

private:
    int fd_ = -1;
    bool is_connected_ = false;
    bool was_reset_ = false;
    bool timed_out_ = false;
};

inline int count(std::string_view text, std::string_view part) {
    int n = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++n;
    return n;
}

/// Waits for what another thread does; false after 20 s.
inline bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

inline double open_connections() { return metrics::gauge("footfall_http_connections", "").value(); }

/// A server on a port of its own, over real sockets.
class ServerTest : public testing::Test {
protected:
    void start(const ServerOptions& options, Handler handler, HeaderCheck check = {}) {
        server_ = std::make_unique<Server>(options, std::move(handler), std::move(check));
        ASSERT_TRUE(server_->listen("127.0.0.1:0"));
        ASSERT_TRUE(server_->start());
    }
    /// Answers "METHOD /path [body]".
    void start_echo(const ServerOptions& options = {}, HeaderCheck check = {}) {
        start(
            options,
            [](Exchange& exchange) {
                const Request& request = exchange.request();
                Response response;
                response.body.append(request.method_name)
                    .append(" ")
                    .append(request.path)
                    .append(" [")
                    .append(request.body)
                    .append("]");
                exchange.respond(std::move(response));
            },
            std::move(check));
    }
    std::uint16_t port() const { return server_->port(); }
    std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
    /// Sends all of it, ends the stream, and reads till the server closes.
    std::string roundtrip(std::string_view text) {
        Raw raw(port());
        raw.send(text);
        raw.finish();
        std::string answer = raw.read_all();
        EXPECT_FALSE(raw.timed_out());
        return answer;
    }

    /// For those who want to say what time it is; it outlives the server. It starts at the instant of the example in
    /// RFC 9110.
    ManualClock clock_{784'111'777'000};
    std::unique_ptr<Server> server_;
};

}  // namespace footfall::http
