#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "http/http.h"
#include "http/parser.h"

namespace footfall::http {

/// What a balancer says of a connection before the client's first byte, by HAProxy's PROXY protocol.
struct ProxyHeader {
    std::size_t bytes = 0;  ///< of the header; the client's begin behind them
    /// The client's address. None where the balancer speaks for itself (LOCAL, as for a health check) or does not know
    /// (UNKNOWN, or no address of TCP): then it is the balancer's own.
    std::optional<Peer> source;
    bool is_tls = false;  ///< the client speaks TLS with the balancer (PP2_TYPE_SSL; version 2 alone can say so)
};

/// Longest header of version 1, its CR LF included, and the longest of version 2 that is taken.
inline constexpr std::size_t kProxyHeaderV1BytesMax = 107;
inline constexpr std::size_t kProxyHeaderBytesMax = 4 * 1024;

/// Reads a header of version 1 or 2 from the first bytes of a connection, strictly: kFailed where they can't become
/// one. Call again with more on kIncomplete; what comes of it does not depend on the pieces. Of the additional values
/// (TLVs) of version 2 all but PP2_TYPE_SSL are skipped; they must fit into the header.
ParseState parse_proxy_header(std::string_view begin, ProxyHeader& header);

}  // namespace footfall::http
