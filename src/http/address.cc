#include "http/address.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

namespace footfall::http {

Result<SocketAddress> resolve_address(const std::string& text) {
    SocketAddress out;
    if (text.starts_with("unix:")) {
        std::string path = text.substr(5);
        auto* address = reinterpret_cast<sockaddr_un*>(&out.storage_);
        address->sun_family = AF_UNIX;
        if (path.size() >= sizeof address->sun_path) {
            const std::filesystem::path whole(path);
            TRY(out.directory_, File::open(whole.parent_path().string(), O_RDONLY | O_DIRECTORY));
            path = "/proc/self/fd/" + std::to_string(out.directory_.fd()) + "/" + whole.filename().string();
            if (path.size() >= sizeof address->sun_path) return Error(Code::kInvalidArgument, "the socket's name in " + text + " is too long");
        }
        std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
        out.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
        return out;
    }
    std::string host_port = text.starts_with("http://") ? text.substr(7) : text;
    if (host_port.ends_with('/')) host_port.pop_back();
    const std::size_t colon = host_port.rfind(':');
    if (colon == std::string::npos) return Error(Code::kInvalidArgument, "'" + text + "' is no address; use HOST:PORT");
    std::string host = host_port.substr(0, colon);
    const std::string port = host_port.substr(colon + 1);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (host.empty() ? AI_PASSIVE : 0);
    addrinfo* found = nullptr;
    if (const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found); code != 0)
        return Error(Code::kInvalidArgument, "'" + text + "' is no address: " + gai_strerror(code));
    std::memcpy(&out.storage_, found->ai_addr, found->ai_addrlen);
    out.length_ = found->ai_addrlen;
    ::freeaddrinfo(found);
    return out;
}

}  // namespace footfall::http
