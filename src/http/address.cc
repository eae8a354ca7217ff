#include "http/address.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>

namespace footfall::http {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kHttp = "http://";

std::string without_scheme(const std::string& text) {
    std::string out = text.starts_with(kHttp) ? text.substr(kHttp.size()) : text;
    if (out.ends_with('/')) out.pop_back();
    return out;
}

std::string without_brackets(const std::string& host) {
    return host.size() >= 2 && host.front() == '[' && host.back() == ']' ? host.substr(1, host.size() - 2) : host;
}

/// Whether a server that listens at this host listens at every address of the machine: "", "0.0.0.0", "::", or another
/// way to write them.
bool is_wildcard(const std::string& host) {
    if (host.empty()) return true;
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* list = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return false;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    if (list->ai_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(list->ai_addr)->sin6_addr);
    return reinterpret_cast<const sockaddr_in*>(list->ai_addr)->sin_addr.s_addr == INADDR_ANY;
}

}  // namespace

Result<SocketAddress> SocketAddress::of_unix_path(std::string path) {
    if (path.empty()) return Error(Code::kInvalidArgument, "'unix:' needs the path of a socket behind it");
    SocketAddress out;
    auto* address = reinterpret_cast<sockaddr_un*>(&out.storage_);
    address->sun_family = AF_UNIX;
    if (path.size() >= sizeof address->sun_path) {
        const std::filesystem::path whole(path);
        TRY(out.directory_, File::open(whole.parent_path().string(), O_RDONLY | O_DIRECTORY));
        path = "/proc/self/fd/" + std::to_string(out.directory_.fd()) + "/" + whole.filename().string();
        if (path.size() >= sizeof address->sun_path)
            return Error(Code::kInvalidArgument, "the name of the socket " + whole.string() + " is too long");
    }
    std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
    out.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return out;
}

Result<std::vector<SocketAddress>> resolve_address(const std::string& text) {
    std::vector<SocketAddress> out;
    if (text.starts_with(kUnix)) {
        TRY(SocketAddress address, SocketAddress::of_unix_path(text.substr(kUnix.size())));
        out.push_back(std::move(address));
        return out;
    }
    const std::string host_port = without_scheme(text);
    const std::size_t colon = host_port.rfind(':');
    if (colon == std::string::npos)
        return Error(Code::kInvalidArgument, "'" + text + "' is no address; use HOST:PORT or unix:PATH");
    const std::string host = without_brackets(host_port.substr(0, colon));
    const std::string port = host_port.substr(colon + 1);
    // getaddrinfo cuts a larger number to 16 bits and listens somewhere else.
    std::uint16_t port_number = 0;
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), port_number);
    if (port.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size())
        return Error(Code::kInvalidArgument, "'" + text + "' has no port from 0 to 65535");
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (host.empty() ? AI_PASSIVE : 0);
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &list);
    if (code == EAI_AGAIN)
        return Error(Code::kUnavailable, "'" + text + "' cannot be resolved now: " + gai_strerror(code));
    if (code != 0) return Error(Code::kInvalidArgument, "'" + text + "' is no address: " + gai_strerror(code));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    for (const addrinfo* found = list; found != nullptr; found = found->ai_next) {
        SocketAddress& address = out.emplace_back();
        std::memcpy(&address.storage_, found->ai_addr, found->ai_addrlen);
        address.length_ = found->ai_addrlen;
    }
    return out;
}

std::string host_of_address(const std::string& text) {
    return text.starts_with(kUnix) ? std::string("localhost") : without_scheme(text);
}

std::string url_of_address(const std::string& text, std::string_view scheme) {
    if (text.starts_with(kUnix)) return text;
    const std::string host_port = without_scheme(text);
    const std::size_t colon = std::min(host_port.rfind(':'), host_port.size());
    const bool anywhere = is_wildcard(without_brackets(host_port.substr(0, colon)));
    return std::string(scheme) + "://" + (anywhere ? "localhost" + host_port.substr(colon) : host_port);
}

}  // namespace footfall::http
