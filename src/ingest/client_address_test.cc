#include "ingest/client_address.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace footfall::ingest {
namespace {

struct Case {
    const char* peer;
    std::vector<std::pair<std::string_view, std::string_view>> headers;
    const char* expected;
};

TEST(ClientAddressTest, OnlyHopsBehindTrustedProxiesAreBelieved) {
    const auto trusted = parse_networks("127.0.0.0/8, ::1, 10.0.0.0/8, 2001:db8:ffff::/48").value();
    const Case cases[] = {
        {"127.0.0.1", {}, "127.0.0.1"},
        {"203.0.113.9", {{"X-Forwarded-For", "198.51.100.1"}}, "203.0.113.9"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1"}}, "198.51.100.1"},
        {"127.0.0.1", {{"x-forwarded-for", "1.1.1.1, 198.51.100.1"}}, "198.51.100.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "1.1.1.1, 198.51.100.1, 10.1.2.3"}}, "198.51.100.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "198.51.100.1:4711"}}, "198.51.100.1"},
        {"::1", {{"X-Forwarded-For", "[2001:db8::7]:80"}}, "2001:db8::7"},
        {"2001:db8:ffff::1", {{"X-Forwarded-For", "2001:db8::7"}}, "2001:db8::7"},
        {"127.0.0.1", {{"X-Forwarded-For", "unknown"}}, "127.0.0.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1, garbage, 10.0.0.1"}}, "10.0.0.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "10.0.0.1, 10.0.0.2"}}, "10.0.0.1"},
        {"127.0.0.1", {{"X-Forwarded-For", ""}}, "127.0.0.1"},
        {"127.0.0.1", {{"Forwarded", "for=198.51.100.1;proto=https"}}, "198.51.100.1"},
        {"127.0.0.1", {{"Forwarded", "for=1.1.1.1, proto=https; For=\"[2001:db8::7]:4711\""}}, "2001:db8::7"},
        {"127.0.0.1", {{"Forwarded", "for=1.1.1.1"}, {"X-Forwarded-For", "198.51.100.1"}}, "198.51.100.1"},
        // An IPv4 address written as IPv6 is the same address, as peer, as proxy and as visitor.
        {"::ffff:127.0.0.1", {{"X-Forwarded-For", "::ffff:198.51.100.1"}}, "198.51.100.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1, [::ffff:10.0.0.1]:443"}}, "198.51.100.1"},
        {"::ffff:203.0.113.9", {{"X-Forwarded-For", "198.51.100.1"}}, "203.0.113.9"},
        // One bit beside each trusted network.
        {"2001:db8:fffe::1", {{"X-Forwarded-For", "198.51.100.1"}}, "2001:db8:fffe::1"},
        {"::2", {{"X-Forwarded-For", "198.51.100.1"}}, "::2"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1, 11.0.0.1"}}, "11.0.0.1"},
        // The right-most header line is the last hop's, and proxies may have written into several.
        {"127.0.0.1",
         {{"X-Forwarded-For", "1.1.1.1"},
          {"X-Forwarded-For", "198.51.100.1"},
          {"X-Forwarded-For", "10.0.0.1,10.0.0.2"}},
         "198.51.100.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "\t198.51.100.1:80 ,\t10.0.0.1:1\t"}}, "198.51.100.1"},
        // What is no address ends the walk at the hop that wrote it.
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1,"}}, "127.0.0.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1,,10.0.0.1"}}, "10.0.0.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1, [2001:db8::7"}}, "127.0.0.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1, 10.0.0.300"}}, "127.0.0.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1, 0x0a000001"}}, "127.0.0.1"},
        {"127.0.0.1", {{"X-Forwarded-For", "198.51.100.1, ' OR 1=1 --"}}, "127.0.0.1"},
        {"127.0.0.1", {{"Forwarded", "for=198.51.100.1, for=_hidden"}}, "127.0.0.1"},
        {"127.0.0.1", {{"Forwarded", "for=198.51.100.1, for=unknown;by=10.0.0.1"}}, "127.0.0.1"},
        {"127.0.0.1", {{"Forwarded", "for=198.51.100.1, proto=https"}}, "127.0.0.1"},
        {"127.0.0.1", {{"Forwarded", "for=198.51.100.1, for="}}, "127.0.0.1"},
        {"127.0.0.1", {{"Forwarded", "by=1.1.1.1;FOR=\"198.51.100.1:80\";host=x, for=10.0.0.1"}}, "198.51.100.1"},
    };
    for (const Case& c : cases) {
        http::Request request;
        request.peer.address = *event::parse_ip(c.peer);
        request.headers = c.headers;
        EXPECT_EQ(event::format_ip(client_address(request, trusted)), c.expected)
            << c.peer << " " << (c.headers.empty() ? "" : c.headers[0].second);
    }
}

TEST(ClientAddressTest, ThirtyTwoHopsAreLookedAtOverAllHeaders) {
    const auto trusted = parse_networks("10.0.0.0/8").value();
    for (const int proxies : {0, 1, 30, 31, 32, 33}) {
        std::string hops = "198.51.100.1";
        for (int i = 0; i < proxies; ++i) hops += ", 10.0.0.9";
        // The same hops in one header, and cut into two where there is a comma.
        const std::size_t comma = std::min(hops.find(','), hops.size());
        http::Request one;
        one.headers = {{"X-Forwarded-For", hops}};
        http::Request two = one;
        if (comma < hops.size())
            two.headers = {{"X-Forwarded-For", std::string_view(hops).substr(0, comma)},
                           {"X-Forwarded-For", std::string_view(hops).substr(comma + 1)}};
        for (http::Request* request : {&one, &two}) {
            request->peer.address = *event::parse_ip("10.0.0.1");
            EXPECT_EQ(event::format_ip(client_address(*request, trusted)), proxies < 32 ? "198.51.100.1" : "10.0.0.9")
                << proxies;
        }
    }
}

TEST(ClientAddressTest, TheProxyBehindAUnixSocketNeedsNoTrustedNetwork) {
    http::Request request;
    request.peer.is_unix = true;
    request.headers = {{"X-Forwarded-For", "1.1.1.1, 198.51.100.1"}};
    EXPECT_EQ(event::format_ip(client_address(request, {})), "198.51.100.1");
    request.headers.clear();
    EXPECT_EQ(event::format_ip(client_address(request, {})), "");
}

TEST(ClientAddressTest, TenThousandHopsAreNotWalked) {
    std::string hops;
    for (int i = 0; i < 10'000; ++i) hops += "10.0.0.1,";
    hops += "10.0.0.2";
    http::Request request;
    request.peer.address = *event::parse_ip("127.0.0.1");
    request.headers = {{"X-Forwarded-For", hops}};
    EXPECT_EQ(event::format_ip(client_address(request, parse_networks("127.0.0.0/8,10.0.0.0/8").value())), "10.0.0.1");
}

TEST(NetworkTest, PrefixesThatDoNotEndAtAByteAreExact) {
    const Network network = parse_networks("192.168.16.0/20").value().at(0);
    EXPECT_TRUE(network.contains(*event::parse_ip("192.168.31.255")));
    EXPECT_FALSE(network.contains(*event::parse_ip("192.168.32.0")));
    EXPECT_TRUE(parse_networks("0.0.0.0/0").value().at(0).contains(*event::parse_ip("9.9.9.9")));
    EXPECT_TRUE(parse_networks("").value().empty());
    // IPv4 networks are held in IPv6, so that either writing names the same.
    EXPECT_TRUE(parse_networks("::ffff:10.0.0.0/104").value().at(0).contains(*event::parse_ip("10.255.0.1")));
    EXPECT_FALSE(parse_networks("0.0.0.0/0").value().at(0).contains(*event::parse_ip("2001:db8::1")));
    EXPECT_TRUE(parse_networks("::/0").value().at(0).contains(*event::parse_ip("9.9.9.9")));
    const Network odd = parse_networks(" 2001:db8:8000::/33 ").value().at(0);
    EXPECT_TRUE(odd.contains(*event::parse_ip("2001:db8:ffff::1")));
    EXPECT_FALSE(odd.contains(*event::parse_ip("2001:db8:7fff::1")));
    EXPECT_EQ(parse_networks("10.0.0.0/8, ::1,192.0.2.1").value().size(), 3u);
    for (const char* wrong : {"10.0.0.0/33", "10.0.0.0/", "host", "10.0.0.0/8 ; 1.1.1.1", "::1/129", ",1.1.1.1",
                              "10.0.0.0/-1", "10.0.0.0/8x", "[::1]"})
        EXPECT_FALSE(parse_networks(wrong)) << wrong;
}

TEST(SchemeTest, IsHttpsByTheWordOfATrustedProxyOrByTls) {
    const auto trusted = parse_networks("10.0.0.0/8").value();
    const struct {
        const char* peer;
        const char* header;
        const char* value;
        bool is_https;
    } cases[] = {
        {"10.0.0.1", "X-Forwarded-Proto", "https", true},
        {"10.0.0.1", "x-forwarded-proto", " HTTPS ", true},
        {"10.0.0.1", "X-Forwarded-Proto", "https, http", true},
        {"10.0.0.1", "X-Forwarded-Proto", "http", false},
        {"10.0.0.1", "X-Forwarded-Proto", "http, https", false},
        {"10.0.0.1", "X-Forwarded-Proto", "httpsx", false},
        {"10.0.0.1", "X-Forwarded-Proto", "", false},
        {"10.0.0.1", "Forwarded", "for=1.2.3.4;Proto=https;by=x", true},
        {"10.0.0.1", "Forwarded", "for=1.2.3.4;proto=\"https\", for=5.6.7.8;proto=http", true},
        {"10.0.0.1", "Forwarded", "for=1.2.3.4, for=5.6.7.8;proto=https", false},
        {"10.0.0.1", "X-Forwarded-Ssl", "on", false},
        {"11.0.0.1", "X-Forwarded-Proto", "https", false},
        {"11.0.0.1", "Forwarded", "proto=https", false},
    };
    for (const auto& c : cases) {
        http::Request request;
        request.peer.address = *event::parse_ip(c.peer);
        request.headers = {{c.header, c.value}};
        EXPECT_EQ(is_https(request, trusted), c.is_https) << c.peer << " " << c.header << " " << c.value;
        // A trusted proxy that comes by TLS itself may still say that its client does not.
        request.is_tls = true;
        const bool says_http = std::string_view(c.peer) == "10.0.0.1" && !c.is_https &&
                               std::string_view(c.header) == "X-Forwarded-Proto" && *c.value != '\0';
        EXPECT_EQ(is_https(request, trusted), !says_http) << c.peer << " " << c.header << " " << c.value;
    }
}

}  // namespace
}  // namespace footfall::ingest
