#include "ingest/client_address.h"

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
    };
    for (const Case& c : cases) {
        http::Request request;
        request.peer.address = *event::parse_ip(c.peer);
        request.headers = c.headers;
        EXPECT_EQ(event::format_ip(client_address(request, trusted)), c.expected) << c.peer;
    }
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
    for (const char* wrong : {"10.0.0.0/33", "10.0.0.0/", "host", "10.0.0.0/8 ; 1.1.1.1", "::1/129", ",1.1.1.1"})
        EXPECT_FALSE(parse_networks(wrong)) << wrong;
}

}  // namespace
}  // namespace footfall::ingest
