#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/json.h"
#include "http/address.h"
#include "http/event_loop.h"
#include "http/http.h"
#include "http/parser.h"

namespace footfall::http {

struct Server::State {
    Shared shared;
    std::vector<std::unique_ptr<EventLoop>> loops;
    std::vector<File> listeners;
    std::vector<std::string> unix_paths;
    std::uint16_t port = 0;
    bool started = false;
    bool stopped = false;
};

Server::Server(ServerOptions options, Handler handler, HeaderCheck check) : state_(std::make_unique<State>()) {
    state_->shared.options = std::move(options);
    state_->shared.handler = std::move(handler);
    state_->shared.check = std::move(check);
    for (unsigned i = 0; i < std::max(1u, state_->shared.options.loops); ++i)
        state_->loops.push_back(std::make_unique<EventLoop>(state_->shared, i));
}

Server::~Server() { stop(0); }

Status Server::listen(const std::string& address) {
    TRY(const SocketAddress where, resolve_address(address));
    File listener(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener.is_open()) return errno_error("socket", errno);
    const int on = 1;
    if (where.family() == AF_UNIX) {
        // Whoever calls holds the lock of the folder that the socket is in, so a socket that is there is a dead one's.
        const std::string path = address.substr(5);
        TRY_STATUS(remove_file(path));
        state_->unix_paths.push_back(path);
    } else {
        ::setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    const mode_t mask = ::umask(0177);
    const int bound = ::bind(listener.fd(), where.get(), where.length());
    const int err = errno;
    ::umask(mask);
    if (bound != 0) {
        if (err == EADDRINUSE) return Error(Code::kConflict, "the address " + address + " is in use; choose another with --listen");
        return errno_error("bind to " + address, err);
    }
    if (::listen(listener.fd(), 1024) != 0) return errno_error("listen on " + address, errno);
    if (where.family() != AF_UNIX && state_->port == 0) {
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        ::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&name), &size);
        state_->port = ntohs(name.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(name).sin_port : reinterpret_cast<sockaddr_in6&>(name).sin6_port);
    }
    state_->listeners.push_back(std::move(listener));
    return {};
}

std::uint16_t Server::port() const { return state_->port; }

Status Server::start() {
    for (auto& loop : state_->loops) {
        TRY_STATUS(loop->open());
        for (const File& listener : state_->listeners) loop->add_listener(listener.fd());
    }
    for (auto& loop : state_->loops) loop->start();
    state_->started = true;
    return {};
}

void Server::stop(int grace_ms) {
    State& state = *state_;
    if (!state.started || state.stopped) return;
    state.stopped = true;
    state.shared.stopping = true;
    for (auto& loop : state.loops) loop->wake();
    // The loops end by themselves when their last connection has gone.
    for (int waited = 0; waited < grace_ms && state.shared.connections.load() > 0; waited += 5) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    state.shared.cutting = true;
    for (auto& loop : state.loops) loop->wake();
    for (auto& loop : state.loops) loop->join();
    for (const std::string& path : state.unix_paths) ::unlink(path.c_str());
    state.listeners.clear();
}

std::string_view Request::header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers)
        if (equal_ignoring_case(name, lower_case_name)) return value;
    return {};
}

std::vector<std::string_view> Request::header_values(std::string_view lower_case_name) const {
    std::vector<std::string_view> values;
    for (const auto& [name, value] : headers)
        if (equal_ignoring_case(name, lower_case_name)) values.push_back(value);
    return values;
}

Response error_response(const Error& error) {
    Response response;
    response.status = http_status(error.code);
    json::Writer writer(response.body);
    writer.begin_object();
    writer.key("error");
    writer.begin_object();
    writer.member("code", error.name.empty() ? code_name(error.code) : std::string_view(error.name));
    if (!error.field.empty()) writer.member("field", error.field);
    writer.member("message", error.message);
    if (!error.did_you_mean.empty()) writer.member("did_you_mean", error.did_you_mean);
    writer.end_object();
    writer.end_object();
    return response;
}

namespace {
int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}
}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const auto key = percent_decode(pair.substr(0, equals), true);
        if (key && *key == name) return percent_decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
    }
    return std::nullopt;
}

}  // namespace footfall::http
