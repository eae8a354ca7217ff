#include "ingest/client_address.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace footfall::ingest {
namespace {

constexpr int kHopsMax = 32;

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// ASCII case counts as equal; `lower` is lower case.
bool is_word(std::string_view text, std::string_view lower) {
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80", each also in quotes.
std::optional<event::kind::ip> parse_hop(std::string_view hop) {
    hop = trim(hop);
    if (hop.size() >= 2 && hop.front() == '"' && hop.back() == '"') hop = hop.substr(1, hop.size() - 2);
    if (hop.starts_with('[')) {
        const std::size_t end = hop.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        return event::parse_ip(hop.substr(1, end - 1));
    }
    if (std::count(hop.begin(), hop.end(), ':') == 1) hop = hop.substr(0, hop.find(':'));
    return event::parse_ip(hop);
}

// A parameter ("for", "proto") of one element of a Forwarded header.
std::string_view forwarded_parameter(std::string_view element, std::string_view name) {
    while (!element.empty()) {
        const std::size_t end = std::min(element.find(';'), element.size());
        const std::string_view pair = trim(element.substr(0, end));
        element.remove_prefix(std::min(end + 1, element.size()));
        if (pair.size() > name.size() && pair[name.size()] == '=' && is_word(pair.substr(0, name.size()), name))
            return pair.substr(name.size() + 1);
    }
    return {};
}

bool is_trusted(const event::kind::ip& ip, std::span<const Network> trusted) {
    return std::any_of(trusted.begin(), trusted.end(), [&](const Network& network) { return network.contains(ip); });
}

}  // namespace

bool Network::contains(const event::kind::ip& ip) const {
    const auto whole = static_cast<std::size_t>(prefix_bits / 8);
    if (!std::equal(ip.begin(), ip.begin() + static_cast<std::ptrdiff_t>(whole), address.begin())) return false;
    const int rest = prefix_bits % 8;
    return rest == 0 || (ip[whole] >> (8 - rest)) == (address[whole] >> (8 - rest));
}

Result<std::vector<Network>> parse_networks(std::string_view text) {
    std::vector<Network> networks;
    while (!trim(text).empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        const std::string_view item = trim(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
        const std::size_t slash = item.find('/');
        const std::string_view address = item.substr(0, slash);
        const auto ip = event::parse_ip(address);
        const bool is_v4 = address.find(':') == std::string_view::npos;
        int bits = is_v4 ? 32 : 128;
        if (slash != std::string_view::npos) {
            const std::string_view digits = item.substr(slash + 1);
            const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
            if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || digits.empty()) bits = -1;
        }
        if (!ip || bits < 0 || bits > (is_v4 ? 32 : 128))
            return Error(Code::kInvalidArgument, "'" + std::string(item) + "' is not a network such as 10.0.0.0/8",
                         "http.trusted_proxies");
        networks.push_back({*ip, is_v4 ? bits + 96 : bits});
    }
    return networks;
}

std::string_view sender_of(const event::kind::ip& ip) {
    static const Network mapped_v4 = {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, .prefix_bits = 96};
    return {reinterpret_cast<const char*>(ip.data()), mapped_v4.contains(ip) ? ip.size() : 8};
}

bool is_loopback(const event::kind::ip& ip) {
    static const auto loopback = parse_networks("127.0.0.0/8, ::1/128").value();
    return std::ranges::any_of(loopback, [&](const Network& network) { return network.contains(ip); });
}

bool is_trusted_proxy(const http::Peer& peer, std::span<const Network> trusted) {
    // A unix socket's peer can only be a proxy on this machine.
    return peer.is_unix || is_trusted(peer.address, trusted);
}

bool is_https(const http::Request& request, std::span<const Network> trusted) {
    if (!is_trusted_proxy(request.peer, trusted)) return request.is_tls;
    // Of several proxies the first one met the client. A client that claims https for itself gets a cookie that its
    // own browser won't keep.
    std::string_view proto = request.header("x-forwarded-proto");
    if (proto.empty()) {
        const std::string_view forwarded = request.header("forwarded");
        proto = forwarded_parameter(forwarded.substr(0, forwarded.find(',')), "proto");
        if (proto.size() >= 2 && proto.front() == '"' && proto.back() == '"') proto = proto.substr(1, proto.size() - 2);
    }
    proto = trim(proto.substr(0, proto.find(',')));
    return proto.empty() ? request.is_tls : is_word(proto, "https");
}

event::kind::ip client_address(const http::Request& request, std::span<const Network> trusted) {
    event::kind::ip address = request.peer.address;
    if (!is_trusted_proxy(request.peer, trusted)) return address;
    bool is_forwarded = false;
    auto values = request.header_values("x-forwarded-for");
    if (values.empty()) {
        values = request.header_values("forwarded");
        is_forwarded = true;
    }
    int hops = 0;
    for (auto value = values.rbegin(); value != values.rend(); ++value) {
        std::string_view rest = *value;
        while (!rest.empty() && hops++ < kHopsMax) {
            const std::size_t comma = rest.rfind(',');
            const std::string_view element = comma == std::string_view::npos ? rest : rest.substr(comma + 1);
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
            const auto hop = parse_hop(is_forwarded ? forwarded_parameter(element, "for") : element);
            if (!hop) return address;
            address = *hop;
            if (!is_trusted(address, trusted)) return address;
        }
    }
    return address;
}

}  // namespace footfall::ingest
