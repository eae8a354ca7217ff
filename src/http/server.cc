#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/json.h"
#include "base/logging.h"
#include "http/address.h"
#include "http/event_loop.h"
#include "http/http.h"
#include "http/parser.h"

namespace footfall::http {
namespace {

constexpr int kBacklog = 1024;
// Of an answer, bytes that the kernel holds beyond what is on its way. It bounds the memory of slow readers, and makes
// their progress visible in small steps, so that the write timeout cuts those that stand still and not those that are
// far away.
constexpr int kUnsentBytesMax = 256 * 1024;

std::uint16_t bound_port(int fd) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
    return ntohs(name.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(name).sin_port
                                           : reinterpret_cast<sockaddr_in6&>(name).sin6_port);
}

Error address_in_use(const std::string& address, std::string_view setting) {
    return {Code::kConflict, "the address " + address + " is in use; choose another with " + std::string(setting)};
}

// What connections inherit from their listener costs no call for each of them.
void set_tcp_options(int fd) {
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytesMax, sizeof kUnsentBytesMax);
}

}  // namespace

struct Server::State {
    Shared shared;
    std::vector<std::unique_ptr<EventLoop>> loops;
    struct Listening {
        File socket;
        std::shared_ptr<const TlsContext> tls;
    };
    std::vector<Listening> listeners;
    std::vector<std::string> unix_paths;
    std::uint16_t port = 0;
    bool started = false;
    std::once_flag stopped;

    void stop(int grace_ms);
    bool is_abandoned() {
        bool any = false;
        for (auto& loop : loops) any = loop->is_abandoned() || any;
        return any;
    }
};

Server::Server(ServerOptions options, Handler handler, HeaderCheck check) : state_(std::make_unique<State>()) {
    state_->shared.options = std::move(options);
    state_->shared.handler = std::move(handler);
    state_->shared.check = std::move(check);
    for (unsigned i = 0; i < std::max(1u, state_->shared.options.loops); ++i)
        state_->loops.push_back(std::make_unique<EventLoop>(state_->shared, i));
}

Server::~Server() {
    stop(0);
    if (!state_->started || !state_->is_abandoned()) return;
    // Its holder may still call complete(): what it then touches must not be freed.
    logging::error("http.exchange_unanswered");
    [[maybe_unused]] State* const kept = state_.release();
}

Result<Listener> Listener::bind(const std::string& address, std::string_view setting) {
    TRY(const std::vector<SocketAddress> addresses, resolve_address(address));
    const SocketAddress& where = addresses.front();
    const bool is_unix = where.family() == AF_UNIX;
    const std::string path = is_unix ? address.substr(std::string_view("unix:").size()) : std::string();
    File listener(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener.is_open()) return errno_error("socket", errno);
    if (is_unix) {
        // Whoever calls holds the lock of the folder that the socket is in, so a socket that is there is a dead one's.
        TRY_STATUS(remove_file(path));
    } else {
        set_tcp_options(listener.fd());
    }
    // The socket is nobody else's from its first moment on.
    const mode_t mask = is_unix ? ::umask(0177) : 0;
    const int err = ::bind(listener.fd(), where.get(), where.length()) == 0 ? 0 : errno;
    if (is_unix) ::umask(mask);
    if (err == EADDRINUSE) return address_in_use(address, setting);
    if (err != 0) return errno_error("bind to " + address, err);
    return Listener(std::move(listener), address, is_unix ? absolute_path(path) : std::string(), std::string(setting));
}

std::uint16_t Listener::port() const { return unix_path_.empty() ? bound_port(socket_.fd()) : std::uint16_t{0}; }

Status Server::listen(Listener listener, std::shared_ptr<const TlsContext> tls) {
    const File& socket = listener.socket_;
    if (::listen(socket.fd(), kBacklog) != 0) {
        if (errno == EADDRINUSE) return address_in_use(listener.address_, listener.setting_);
        return errno_error("listen on " + listener.address_, errno);
    }
    if (!listener.unix_path_.empty()) state_->unix_paths.push_back(std::move(listener.unix_path_));
    else if (state_->port == 0) state_->port = listener.port();
    state_->listeners.push_back({std::move(listener.socket_), std::move(tls)});
    return {};
}

Status Server::listen(const std::string& address, std::shared_ptr<const TlsContext> tls) {
    TRY(Listener listener, Listener::bind(address));
    return listen(std::move(listener), std::move(tls));
}

std::uint16_t Server::port() const { return state_->port; }

Status Server::start() {
    State& state = *state_;
    for (auto& loop : state.loops) {
        TRY_STATUS(loop->open());
        for (const State::Listening& listener : state.listeners)
            TRY_STATUS(loop->add_listener(listener.socket.fd(), listener.tls.get()));
    }
    state.shared.loops_running = state.loops.size();
    state.started = true;
    for (auto& loop : state.loops) loop->start();
    return {};
}

void Server::stop(int grace_ms) {
    std::call_once(state_->stopped, [&] { state_->stop(grace_ms); });
}

void Server::State::stop(int grace_ms) {
    // New connections are refused at once instead of waiting for nobody; the descriptors stay open, since loops still
    // name them.
    for (const Listening& listener : listeners) ::shutdown(listener.socket.fd(), SHUT_RDWR);
    for (const std::string& path : unix_paths) ::unlink(path.c_str());
    if (started) {
        shared.stopping = true;
        for (auto& loop : loops) loop->wake();
        {
            std::unique_lock lock(shared.running_mutex);
            shared.loop_ended.wait_for(lock, std::chrono::milliseconds(grace_ms),
                                       [this] { return shared.loops_running == 0; });
        }
        shared.cutting = true;
        for (auto& loop : loops) loop->wake();
        for (auto& loop : loops) loop->join();
    }
    listeners.clear();
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
    if (error.name == kNotAcceptable) response.status = 406;
    if (error.name == kUpgradeRequired) {
        response.status = 426;
        response.headers = {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"}};
    }
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

std::optional<std::string_view> bearer_token(std::string_view authorization) {
    const std::size_t scheme_end = std::min(authorization.find(' '), authorization.size());
    if (!equal_ignoring_case(authorization.substr(0, scheme_end), "bearer")) return std::nullopt;
    const std::size_t token_at = authorization.find_first_not_of(' ', scheme_end);
    if (token_at == std::string_view::npos) return std::nullopt;
    return authorization.substr(token_at);
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
        if (key && *key == name)
            return percent_decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
    }
    return std::nullopt;
}

}  // namespace footfall::http
