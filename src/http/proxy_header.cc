#include "http/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

// Version 1 is a line, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n". Version 2:
//
//   12 signature | 1 version (high half) and command | 1 family (high half) and protocol | 2 bytes that follow
//   source address | destination address | 2 source port | 2 destination port | values: 1 type, 2 size, bytes …
//
// Numbers are in network order. Source: HAProxy 2.8, doc/proxy-protocol.txt.

namespace footfall::http {
namespace {

constexpr std::string_view kBeginV1 = "PROXY ";
constexpr std::string_view kSignatureV2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedV2 = 16;
constexpr unsigned char kLocal = 0x20;
constexpr unsigned char kProxy = 0x21;
constexpr unsigned char kTcp4 = 0x11;
constexpr unsigned char kTcp6 = 0x21;
constexpr unsigned char kTypeSsl = 0x20;
constexpr unsigned char kClientSsl = 0x01;
constexpr std::size_t kSslBytesMin = 5;

std::size_t number_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
           static_cast<unsigned char>(bytes[at + 1]);
}

bool is_begin_of(std::string_view text, std::string_view whole) {
    return text.substr(0, whole.size()) == whole.substr(0, text.size());
}

std::optional<Peer> read_address(int family, std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdefABCDEF.:";
    if (text.find_first_not_of(kDigits) != std::string_view::npos) return std::nullopt;
    Peer peer;
    if (family == AF_INET) peer.address[10] = peer.address[11] = 0xff;
    unsigned char* to = peer.address.data() + (family == AF_INET ? 12 : 0);
    if (::inet_pton(family, std::string(text).c_str(), to) != 1) return std::nullopt;
    return peer;
}

std::optional<std::uint16_t> read_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool is_whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
    if (!is_whole || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    return port;
}

ParseState parse_v1(std::string_view begin, ProxyHeader& header) {
    const std::size_t line_feed = begin.substr(0, kProxyHeaderV1BytesMax).find('\n');
    if (line_feed == std::string_view::npos)
        return begin.size() < kProxyHeaderV1BytesMax ? ParseState::kIncomplete : ParseState::kFailed;
    if (begin[line_feed - 1] != '\r') return ParseState::kFailed;
    header.bytes = line_feed + 1;
    std::string_view line = begin.substr(kBeginV1.size(), line_feed - 1 - kBeginV1.size());
    if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return ParseState::kDone;
    std::array<std::string_view, 5> words;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::size_t blank = std::min(line.find(' '), line.size());
        if ((blank == line.size()) != (i + 1 == words.size())) return ParseState::kFailed;
        words[i] = line.substr(0, blank);
        line.remove_prefix(std::min(blank + 1, line.size()));
    }
    const auto& [protocol, source, destination, source_port, destination_port] = words;
    if (protocol != "TCP4" && protocol != "TCP6") return ParseState::kFailed;
    const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
    auto peer = read_address(family, source);
    const auto port = read_port(source_port);
    if (!peer || !port || !read_address(family, destination) || !read_port(destination_port))
        return ParseState::kFailed;
    peer->port = *port;
    header.source = peer;
    return ParseState::kDone;
}

/// The values behind the addresses; false where one is longer than what there is.
bool read_values(std::string_view values, ProxyHeader& header) {
    while (!values.empty()) {
        if (values.size() < 3) return false;
        const auto type = static_cast<unsigned char>(values[0]);
        const std::size_t size = number_at(values, 1);
        values.remove_prefix(3);
        if (values.size() < size) return false;
        if (type == kTypeSsl) {
            if (size < kSslBytesMin) return false;
            header.is_tls = (static_cast<unsigned char>(values[0]) & kClientSsl) != 0;
        }
        values.remove_prefix(size);
    }
    return true;
}

ParseState parse_v2(std::string_view begin, ProxyHeader& header) {
    if (begin.size() < kFixedV2) return ParseState::kIncomplete;
    const auto command = static_cast<unsigned char>(begin[12]);
    const auto family = static_cast<unsigned char>(begin[13]);
    header.bytes = kFixedV2 + number_at(begin, 14);
    if (command != kLocal && command != kProxy) return ParseState::kFailed;
    if (header.bytes > kProxyHeaderBytesMax) return ParseState::kFailed;
    // Of the families those without an address of TCP are valid, and say nothing here.
    constexpr unsigned char kOthers[] = {0x00, 0x12, 0x22, 0x31, 0x32};
    const bool is_tcp = family == kTcp4 || family == kTcp6;
    if (command == kProxy && !is_tcp && std::find(std::begin(kOthers), std::end(kOthers), family) == std::end(kOthers))
        return ParseState::kFailed;
    const std::size_t address_bytes = family == kTcp4 ? 4 : 16;
    const std::size_t addresses_bytes = 2 * address_bytes + 4;
    const bool has_address = command == kProxy && is_tcp;
    if (has_address && header.bytes < kFixedV2 + addresses_bytes) return ParseState::kFailed;
    if (begin.size() < header.bytes) return ParseState::kIncomplete;
    if (!has_address) return ParseState::kDone;
    Peer peer;
    if (family == kTcp4) peer.address[10] = peer.address[11] = 0xff;
    std::memcpy(peer.address.data() + 16 - address_bytes, begin.data() + kFixedV2, address_bytes);
    peer.port = static_cast<std::uint16_t>(number_at(begin, kFixedV2 + 2 * address_bytes));
    const std::size_t values_at = kFixedV2 + addresses_bytes;
    if (!read_values(begin.substr(values_at, header.bytes - values_at), header)) return ParseState::kFailed;
    header.source = peer;
    return ParseState::kDone;
}

}  // namespace

ParseState parse_proxy_header(std::string_view begin, ProxyHeader& header) {
    header = {};
    if (!is_begin_of(begin, kBeginV1) && !is_begin_of(begin, kSignatureV2)) return ParseState::kFailed;
    if (begin.starts_with(kBeginV1)) return parse_v1(begin, header);
    if (begin.starts_with(kSignatureV2)) return parse_v2(begin, header);
    return ParseState::kIncomplete;
}

}  // namespace footfall::http
