#include "loadgen/driver.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"

namespace footfall::loadgen {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kAnswerTimeoutMs = 30'000;

std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view name) {
    const auto at = text.find(name);
    if (at == std::string_view::npos) return std::nullopt;
    std::uint64_t value = 0;
    const char* begin = text.data() + at + name.size();
    const auto parsed = std::from_chars(begin, text.data() + text.size(), value);
    return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

struct Answer {
    int status = 0;
    std::string_view body;
    bool close = false;
};

/// The answer at the front of `text`, once it is whole. Reads what our server and nginx write: Content-Length, or no
/// body at all.
std::optional<Answer> whole_answer(std::string_view text) {
    const auto head_end = text.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return std::nullopt;
    const std::string_view head = text.substr(0, head_end + 2);
    auto length = number_behind(head, "\r\nContent-Length: ");
    if (!length) length = number_behind(head, "\r\ncontent-length: ");
    const std::size_t size = length.value_or(0);
    if (text.size() < head_end + 4 + size) return std::nullopt;
    Answer answer;
    answer.status = static_cast<int>(number_behind(head, "HTTP/1.1 ").value_or(0));
    answer.body = text.substr(head_end + 4, size);
    answer.close = head.find("\r\nConnection: close\r\n") != std::string_view::npos ||
                   head.find("\r\nconnection: close\r\n") != std::string_view::npos;
    return answer;
}

struct Connection {
    File socket;
    std::string unsent;  // the rest of a request that the socket did not take at once
    std::string answer;
    bool busy = false;
    std::int64_t due_ns = 0;
};

class Driver {
public:
    Driver(RequestSource& requests, const DriveOptions& options, Clock& clock)
        : requests_(requests), options_(options), clock_(clock) {}

    footfall::Result<Result> run() {
        epoll_ = File(epoll_create1(EPOLL_CLOEXEC));
        if (!epoll_.is_open()) return errno_error("epoll_create1", errno);
        connections_.resize(options_.connections);
        for (Connection& connection : connections_) {
            TRY_STATUS(connect(connection));
            idle_.push_back(&connection);
        }
        begin_ns_ = clock_.steady_ns();
        end_ns_ = begin_ns_ + static_cast<std::int64_t>(options_.seconds * 1e9);
        std::int64_t last_answer_ns = begin_ns_;
        std::vector<epoll_event> ready(options_.connections);
        for (;;) {
            TRY_STATUS(start_what_is_due());
            if (idle_.size() == connections_.size() && !may_start()) break;
            const int count = epoll_wait(epoll_.fd(), ready.data(), static_cast<int>(ready.size()), wait_ms());
            if (count < 0 && errno != EINTR) return errno_error("epoll_wait", errno);
            if (count > 0) last_answer_ns = clock_.steady_ns();
            else if (clock_.steady_ns() - last_answer_ns > kAnswerTimeoutMs * 1'000'000LL &&
                     idle_.size() != connections_.size())
                return Error(Code::kTimeout, fmt::format("{} requests got no answer within {} ms",
                                                         connections_.size() - idle_.size(), kAnswerTimeoutMs));
            for (int i = 0; i < count; ++i)
                TRY_STATUS(handle(*static_cast<Connection*>(ready[static_cast<std::size_t>(i)].data.ptr)));
        }
        result_.seconds = static_cast<double>(last_answer_ns - begin_ns_) / 1e9;
        std::sort(result_.latencies_ms.begin(), result_.latencies_ms.end());
        return std::move(result_);
    }

private:
    bool may_start() const {
        return !exhausted_ && clock_.steady_ns() < end_ns_ && (options_.requests == 0 || started_ < options_.requests);
    }

    std::int64_t next_due_ns() const {
        return begin_ns_ + static_cast<std::int64_t>(static_cast<double>(started_) / options_.rate * 1e9);
    }

    int wait_ms() const {
        if (options_.rate <= 0 || idle_.empty() || !may_start()) return 1'000;
        // Rounded down: a loop that polls for the last millisecond keeps to its times.
        return static_cast<int>(std::clamp<std::int64_t>((next_due_ns() - clock_.steady_ns()) / 1'000'000, 0, 1'000));
    }

    Status start_what_is_due() {
        while (!idle_.empty() && may_start()) {
            std::int64_t due = clock_.steady_ns();
            if (options_.rate > 0) {
                if (next_due_ns() > due) return {};
                if (due - next_due_ns() > 1'000'000) ++result_.late;
                due = next_due_ns();
            }
            const std::string_view request = requests_.next();
            if (request.empty()) {
                exhausted_ = true;
                break;
            }
            Connection& connection = *idle_.front();
            idle_.pop_front();
            connection.busy = true;
            connection.due_ns = due;
            ++started_;
            TRY_STATUS(send(connection, request));
        }
        return {};
    }

    Status connect(Connection& connection) {
        connection.socket = File(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!connection.socket.is_open()) return errno_error("socket", errno);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(options_.port);
        if (inet_pton(AF_INET, options_.address.c_str(), &address.sin_addr) != 1)
            return Error(Code::kInvalidArgument, fmt::format("'{}' is not an IPv4 address", options_.address));
        const int fd = connection.socket.fd();
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            return errno_error(fmt::format("connect to {}:{}", options_.address, options_.port), errno);
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &connection;
        if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) return errno_error("epoll_ctl", errno);
        return {};
    }

    Status send(Connection& connection, std::string_view text) {
        const ssize_t sent = ::send(connection.socket.fd(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return broken(connection);
        const auto taken = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
        if (taken == text.size()) {
            if (!connection.unsent.empty()) {
                connection.unsent.clear();
                return want(connection, EPOLLIN);
            }
            return {};
        }
        const bool was_waiting = !connection.unsent.empty();
        connection.unsent = std::string(text.substr(taken));
        return was_waiting ? Status() : want(connection, EPOLLIN | EPOLLOUT);
    }

    Status want(Connection& connection, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = &connection;
        if (epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, connection.socket.fd(), &event) != 0)
            return errno_error("epoll_ctl", errno);
        return {};
    }

    Status broken(Connection& connection) {
        if (connection.busy) ++result_.broken;
        return reopen(connection);
    }

    Status reopen(Connection& connection) {
        if (connection.busy) idle_.push_back(&connection);
        connection.busy = false;
        connection.unsent.clear();
        connection.answer.clear();
        connection.socket.close();
        return connect(connection);
    }

    Status handle(Connection& connection) {
        if (!connection.unsent.empty()) TRY_STATUS(send(connection, std::string(connection.unsent)));
        char buffer[kReadBytes];
        const ssize_t got = ::recv(connection.socket.fd(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
        if (got <= 0) return broken(connection);
        connection.answer.append(buffer, static_cast<std::size_t>(got));
        const auto answer = whole_answer(connection.answer);
        if (!answer) return {};
        note(*answer, connection.due_ns);
        if (answer->close) return reopen(connection);
        connection.answer.clear();
        connection.busy = false;
        idle_.push_back(&connection);
        return {};
    }

    void note(const Answer& answer, std::int64_t due_ns) {
        if (answer.status != options_.expected_status) {
            ++result_.other_statuses[answer.status];
            return;
        }
        ++result_.requests;
        result_.latencies_ms.push_back(static_cast<float>(static_cast<double>(clock_.steady_ns() - due_ns) / 1e6));
        result_.events += number_behind(answer.body, "\"received\":").value_or(0);
        result_.duplicates += number_behind(answer.body, "\"duplicates\":").value_or(0);
        if (answer.body.find("\"reason\"") != std::string_view::npos) ++result_.rejected;
    }

    RequestSource& requests_;
    const DriveOptions& options_;
    Clock& clock_;
    File epoll_;
    std::vector<Connection> connections_;
    std::deque<Connection*> idle_;
    std::int64_t begin_ns_ = 0;
    std::int64_t end_ns_ = 0;
    std::uint64_t started_ = 0;
    bool exhausted_ = false;  ///< the source has no more requests
    Result result_;
};

}  // namespace

footfall::Result<Result> drive(RequestSource& requests, const DriveOptions& options, Clock& clock) {
    return Driver(requests, options, clock).run();
}

}  // namespace footfall::loadgen
