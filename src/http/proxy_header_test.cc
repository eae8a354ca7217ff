#include "http/proxy_header.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace footfall::http {
namespace {

/// A header of version 2; `announced`: another size than that of `rest`.
std::string v2(unsigned char command, unsigned char family, const std::string& rest, int announced = -1) {
    const std::size_t size = announced < 0 ? rest.size() : static_cast<std::size_t>(announced);
    std::string out("\r\n\r\n\0\r\nQUIT\n", 12);
    out += static_cast<char>(command);
    out += static_cast<char>(family);
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size & 0xff);
    return out + rest;
}

std::string value(unsigned char type, const std::string& bytes) {
    std::string out(1, static_cast<char>(type));
    out += static_cast<char>(bytes.size() >> 8);
    out += static_cast<char>(bytes.size() & 0xff);
    return out + bytes;
}

/// "address port", "own", "tls …"; "incomplete" or "failed".
std::string read(std::string_view text) {
    ProxyHeader header;
    switch (parse_proxy_header(text, header)) {
        case ParseState::kIncomplete: return "incomplete";
        case ParseState::kFailed: return "failed";
        case ParseState::kDone: break;
    }
    std::string out = header.is_tls ? "tls " : "";
    if (header.source) {
        char address[INET6_ADDRSTRLEN] = "";
        ::inet_ntop(AF_INET6, header.source->address.data(), address, sizeof address);
        out += std::string(address) + " " + std::to_string(header.source->port);
    } else {
        out += "own";
    }
    return out + " +" + std::to_string(text.size() - header.bytes);
}

const std::string kV4Addresses("\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb", 12);
const std::string kV6Addresses = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07" +
                                 std::string(16, '\x02') + std::string("\xdc\x04\x01\xbb", 4);

struct Case {
    std::string header;
    std::string expected;
};

std::vector<Case> cases() {
    const std::string ssl("\x01\0\0\0\0", 5);
    const std::string no_ssl("\x02\0\0\0\0", 5);
    return {
        // Version 1.
        {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "::ffff:192.0.2.1 56324 +0"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 0 65535\r\nGET / HTTP/1.1\r\n", "::ffff:192.0.2.1 0 +16"},
        {"PROXY TCP6 2001:db8::7 ::1 56324 443\r\n", "2001:db8::7 56324 +0"},
        {"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "::ffff:192.0.2.1 1 +0"},
        {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 +0"},
        {"PROXY UNKNOWN\r\nX", "own +1"},
        {"PROXY UNKNOWN any \x01 thing\r\n", "own +0"},
        {"PROXY UNKNOWN " + std::string(91, 'f') + "\r\n", "own +0"},
        {"PROXY UNKNOWN " + std::string(92, 'f') + "\r\n", "failed"},
        {"PROXY UNKNOWNS\r\n", "failed"},
        {"PROXY unknown\r\n", "failed"},
        {"PROXY UNKNOWN\n", "failed"},
        {"PROXY \r\n", "failed"},
        {"PROXY TCP4\r\n", "failed"},
        {"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", "failed"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n", "failed"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n", "failed"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n", "failed"},
        {"PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n", "failed"},
        {"PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n", "failed"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n", "failed"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n", "failed"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 -1 2\r\n", "failed"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n", "failed"},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n", "failed"},
        {"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n", "failed"},
        {"PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n", "failed"},
        {"PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n", "failed"},
        {"PROXY TCP6 192.0.2.1 ::1 1 2\r\n", "failed"},
        {std::string("PROXY TCP4 192.0.2.1\0 198.51.100.1 1 2\r\n", 41), "failed"},
        {"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "failed"},
        {"proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n", "failed"},
        // Version 2.
        {v2(0x21, 0x11, kV4Addresses), "::ffff:192.0.2.1 56324 +0"},
        {v2(0x21, 0x11, kV4Addresses) + "GET", "::ffff:192.0.2.1 56324 +3"},
        {v2(0x21, 0x21, kV6Addresses), "2001:db8::7 56324 +0"},
        {v2(0x21, 0x11, kV4Addresses + value(0x05, "unique") + value(0x20, ssl)), "tls ::ffff:192.0.2.1 56324 +0"},
        {v2(0x21, 0x21, kV6Addresses + value(0x20, ssl + value(0x21, "TLSv1.3"))), "tls 2001:db8::7 56324 +0"},
        {v2(0x21, 0x11, kV4Addresses + value(0x20, no_ssl)), "::ffff:192.0.2.1 56324 +0"},
        {v2(0x21, 0x11, kV4Addresses + value(0x04, "")), "::ffff:192.0.2.1 56324 +0"},
        {v2(0x20, 0x00, ""), "own +0"},
        {v2(0x20, 0x11, kV4Addresses) + "GET", "own +3"},
        {v2(0x20, 0xff, "\x01\x02"), "own +0"},
        {v2(0x21, 0x00, "whatever"), "own +0"},
        {v2(0x21, 0x12, kV4Addresses), "own +0"},
        {v2(0x21, 0x31, std::string(216, 'u')), "own +0"},
        {v2(0x21, 0x11, kV4Addresses + value(0x04, std::string(4'096 - 16 - 12 - 3, 'n'))),
         "::ffff:192.0.2.1 56324 +0"},
        {v2(0x21, 0x11, kV4Addresses + value(0x04, std::string(4'096 - 16 - 12 - 2, 'n'))), "failed"},
        {v2(0x20, 0x00, "", 0xffff), "failed"},
        {v2(0x11, 0x11, kV4Addresses), "failed"},
        {v2(0x31, 0x11, kV4Addresses), "failed"},
        {v2(0x22, 0x11, kV4Addresses), "failed"},
        {v2(0x21, 0x41, kV4Addresses), "failed"},
        {v2(0x21, 0x10, kV4Addresses), "failed"},
        {v2(0x21, 0x13, kV4Addresses), "failed"},
        {v2(0x21, 0x11, kV4Addresses.substr(1)), "failed"},
        {v2(0x21, 0x21, kV6Addresses.substr(1)), "failed"},
        {v2(0x21, 0x11, kV4Addresses + "\x04"), "failed"},
        {v2(0x21, 0x11, kV4Addresses + std::string("\x04\0\x02n", 4)), "failed"},
        {v2(0x21, 0x11, kV4Addresses + value(0x20, "\x01")), "failed"},
        // Something else.
        {"GET / HTTP/1.1\r\n\r\n", "failed"},
        {"PUT / HTTP/1.1\r\n\r\n", "failed"},
        {"\x16\x03\x01", "failed"},
        {"\r\n\r\nGET / HTTP/1.1\r\n", "failed"},
    };
}

TEST(ProxyHeaderTest, TakesWhatTheProtocolAllowsAndRefusesTheRest) {
    for (const auto& [header, expected] : cases()) EXPECT_EQ(read(header), expected) << header;
}

TEST(ProxyHeaderTest, PiecesMakeNoDifference) {
    for (const auto& [header, expected] : cases()) {
        for (std::size_t size = 0; size < header.size(); ++size) {
            const std::string found = read(header.substr(0, size));
            if (found == "incomplete") continue;
            // Told early, and told the same; what follows a header is not its own.
            EXPECT_EQ(found.substr(0, found.find('+')), expected.substr(0, expected.find('+')))
                << header << " " << size;
        }
    }
}

}  // namespace
}  // namespace footfall::http
