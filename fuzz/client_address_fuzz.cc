#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/client_address.h"

// Who sent a request, where strangers write the headers. Lines: the peer's address (anything else is a unix socket),
// the trusted networks, then a header each, "Name: value".

namespace {

using namespace footfall;
using event::kind::ip;

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

bool is_in(const ip& address, const std::vector<ingest::Network>& networks) {
    return std::any_of(networks.begin(), networks.end(),
                       [&](const auto& network) { return network.contains(address); });
}

// What an address says in text says the same address.
void check_text(const ip& address) {
    if (address == ip{}) return;
    FOOTFALL_CHECK(event::parse_ip(event::format_ip(address)) == address);
}

// The visitor cannot move the answer: whatever he claims stands left of what the proxies added.
void check_claim(const http::Request& request, const std::vector<ingest::Network>& trusted, const ip& answer) {
    std::vector<std::string> claims;
    claims.reserve(request.headers.size());
    http::Request claiming = request;
    std::vector<std::string_view> met;
    for (auto& [name, value] : claiming.headers) {
        std::string lower(name);
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
        const std::string_view kind = lower == "forwarded"         ? "for=203.0.113.66, "
                                      : lower == "x-forwarded-for" ? "203.0.113.66, "
                                                                   : "";
        if (kind.empty() || std::find(met.begin(), met.end(), kind) != met.end()) continue;
        met.push_back(kind);
        claims.push_back(std::string(kind) + std::string(value));
        value = claims.back();
    }
    FOOTFALL_CHECK(ingest::client_address(claiming, trusted) == answer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    http::Request request;
    const auto peer = event::parse_ip(take_line(text));
    request.peer.is_unix = !peer;
    if (peer) request.peer.address = *peer;
    const auto networks = ingest::parse_networks(take_line(text));
    if (!networks) {
        FOOTFALL_CHECK(networks.error().code == Code::kInvalidArgument && !networks.error().field.empty());
        return 0;
    }
    for (const ingest::Network& network : *networks) {
        FOOTFALL_CHECK(network.prefix_bits >= 0 && network.prefix_bits <= 128 && network.contains(network.address));
        check_text(network.address);
    }
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        const std::size_t colon = std::min(line.find(':'), line.size());
        request.headers.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
    }

    const ip answer = ingest::client_address(request, *networks);
    check_text(answer);
    const bool peer_is_proxy = request.peer.is_unix || is_in(request.peer.address, *networks);
    if (!peer_is_proxy) FOOTFALL_CHECK(answer == request.peer.address);
    // A hop that is no proxy ended the walk. Otherwise the walk ran out of hops, and a claim would be the next one.
    if (answer != request.peer.address && !is_in(answer, *networks)) check_claim(request, *networks, answer);
    return 0;
}
