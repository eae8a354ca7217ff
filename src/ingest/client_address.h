#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "http/http.h"

namespace footfall::ingest {

/// A network in CIDR form; IPv4 networks are held mapped into IPv6.
struct Network {
    event::kind::ip address{};
    int prefix_bits = 128;

    bool contains(const event::kind::ip& ip) const;
};

/// "127.0.0.0/8, ::1/128": networks separated by commas; an address alone is a network of one.
Result<std::vector<Network>> parse_networks(std::string_view text);

/// The visitor's address: the peer's, or, where the peer is a trusted proxy, the last hop of X-Forwarded-For (or of
/// Forwarded, where there is no X-Forwarded-For) that is not a trusted proxy itself. What stands left of that hop is
/// the client's own claim and is not looked at. A hop that is no address ends the walk at the hop behind it. Looks at
/// 32 hops at most.
event::kind::ip client_address(const http::Request& request, std::span<const Network> trusted);

/// What counts as one sender: the address of IPv4, the /64 of IPv6, which whoever has one address there has whole.
std::string_view sender_of(const event::kind::ip& ip);

/// 127.0.0.0/8 or ::1.
bool is_loopback(const event::kind::ip& ip);

/// Whether what a peer says of those before it is believed: it is a trusted proxy.
bool is_trusted_proxy(const http::Peer& peer, std::span<const Network> trusted);

/// Whether the client speaks https: with the proxy in front, as X-Forwarded-Proto (or proto= of Forwarded) of a trusted
/// proxy says, whatever the proxy itself speaks with this server; without such a word, with this server.
bool is_https(const http::Request& request, std::span<const Network> trusted);

}  // namespace footfall::ingest
