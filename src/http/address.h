#pragma once

#include <sys/socket.h>

#include <string>

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
    friend Result<SocketAddress> resolve_address(const std::string& text);
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
    File directory_;  ///< kept open where a unix path is reached through it
};

/// "host:port", "[v6]:port", "http://host:port" or "unix:/path". A unix path longer than the kernel's 107 bytes is reached through its directory's
/// descriptor, so that an installation may lie as deep as it wants; the address then holds that descriptor.
Result<SocketAddress> resolve_address(const std::string& text);

}  // namespace footfall::http
