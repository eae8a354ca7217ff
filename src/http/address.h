#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace footfall::http {

/// A socket address, ready for bind(2) and connect(2).
class SocketAddress {
public:
    int family() const { return storage_.ss_family; }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t length() const { return length_; }

private:
    friend Result<std::vector<SocketAddress>> resolve_address(const std::string& text);
    static Result<SocketAddress> of_unix_path(std::string path);

    sockaddr_storage storage_{};
    socklen_t length_ = 0;
    File directory_;  ///< kept open where a unix path is reached through it
};

/// All addresses of "host:port", "[v6]:port", "http://host:port" or "unix:/path", in the order in which they should be
/// tried; at least one. An empty host means every address of this machine. A unix path longer than the kernel's 107
/// bytes is reached through its directory's descriptor, so that an installation may lie as deep as it wants; the
/// address then holds that descriptor. kInvalidArgument: not an address; kUnavailable: the name cannot be resolved now.
/// Blocks for as long as the system's resolver does.
Result<std::vector<SocketAddress>> resolve_address(const std::string& text);

/// What a client puts into Host for such an address: "host:port", or "localhost" for a unix socket.
std::string host_of_address(const std::string& text);

/// The URL by which a browser of this machine reaches a server that listens there, without a slash at its end. A server
/// that listens at every address is at localhost. A unix socket has no URL: its address comes back as it is.
std::string url_of_address(const std::string& text, std::string_view scheme = "http");

}  // namespace footfall::http
