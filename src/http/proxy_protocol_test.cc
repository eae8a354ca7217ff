#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "http/server_fixture.h"
#include "http/tls_fixture.h"

namespace footfall::http {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
constexpr std::string_view kFrom7 = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";

double failures(const std::string& reason) {
    return static_cast<double>(
        metrics::counter("footfall_http_proxy_header_failures_total", "", "reason=\"" + reason + "\"").value());
}

/// Version 2 for 192.0.2.9, with TLS to the balancer where that is so.
std::string v2_from_9(bool is_tls) {
    std::string out("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\xc6\x33\x64\x01\xdc\x04\x01\xbb", 28);
    if (!is_tls) return out;
    out[15] = 20;
    return out + std::string("\x20\0\x05\x01\0\0\0\0", 8);
}

class ProxyProtocolTest : public ServerTest {
protected:
    /// Answers "a.b.c.d:port tls=0 [bytes of the body]" of the peer.
    static void tell_peer(Exchange& exchange) {
        const Request& request = exchange.request();
        Response response;
        for (int i = 12; i < 16; ++i)
            response.body += std::to_string(request.peer.address[static_cast<std::size_t>(i)]) + (i < 15 ? "." : ":");
        response.body += std::to_string(request.peer.port) + (request.is_tls ? " tls=1 [" : " tls=0 [");
        response.body += std::to_string(request.body.size()) + "]";
        exchange.respond(std::move(response));
    }
    static ServerOptions options() {
        return {.is_balancer = [](const Peer& peer) { return peer.address[12] == 127; }};
    }
};

TEST_F(ProxyProtocolTest, TheAddressOfTheHeaderIsThePeers) {
    start(options(), tell_peer);
    EXPECT_TRUE(roundtrip(std::string(kFrom7) + std::string(kGet)).ends_with("192.0.2.7:56324 tls=0 [0]"));
    EXPECT_TRUE(roundtrip(v2_from_9(false) + std::string(kGet)).ends_with("192.0.2.9:56324 tls=0 [0]"));
    EXPECT_TRUE(roundtrip(v2_from_9(true) + std::string(kGet)).ends_with("192.0.2.9:56324 tls=1 [0]"));
    const std::string own = roundtrip("PROXY UNKNOWN\r\n" + std::string(kGet));
    EXPECT_NE(own.find("127.0.0.1:"), std::string::npos) << own;
    // For all requests of the connection, and bodies lie where they should.
    const std::string two = roundtrip(
        std::string(kFrom7) + "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + std::string(kGet));
    EXPECT_EQ(count(two, "192.0.2.7:56324 tls=0 [5]"), 1) << two;
    EXPECT_EQ(count(two, "192.0.2.7:56324 tls=0 [0]"), 1) << two;
}

TEST_F(ProxyProtocolTest, PiecesMakeNoDifference) {
    start(options(), tell_peer);
    for (const std::string& header : {std::string(kFrom7), v2_from_9(true)}) {
        Raw raw(port());
        for (const char c : header) ASSERT_TRUE(raw.send({&c, 1}));
        raw.send(kGet);
        EXPECT_NE(raw.read_all().find("192.0.2."), std::string::npos);
    }
}

TEST_F(ProxyProtocolTest, WhatIsNoHeaderIsClosedWithoutAnAnswerAndCounted) {
    start(options(), tell_peer);
    const double before = failures("malformed");
    const std::vector<std::string> wrong = {std::string(kGet), "PROXY TCP4 1.2.3.4\r\n", "\x16\x03\x01",
                                            std::string(200, 'P'),
                                            std::string("\r\n\r\n\0\r\nQUIT\n\x31", 13) + "\x11..."};
    for (const std::string& text : wrong) {
        Raw raw(port());
        raw.send(text);
        EXPECT_EQ(raw.read_all(), "") << text;
        EXPECT_FALSE(raw.timed_out());
    }
    EXPECT_EQ(failures("malformed"), before + static_cast<double>(wrong.size()));
    // One that ends in its midst is none either.
    EXPECT_EQ(roundtrip("PROXY TCP4 192.0.2."), "");
    EXPECT_EQ(failures("malformed"), before + static_cast<double>(wrong.size()) + 1);
    // Who only looks whether the port is open makes no mistake.
    { Raw look(port()); }
    EXPECT_TRUE(roundtrip(std::string(kFrom7) + std::string(kGet)).starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(failures("malformed"), before + static_cast<double>(wrong.size()) + 1);
}

TEST_F(ProxyProtocolTest, AHeaderHasTheTimeOfARequests) {
    ServerOptions hasty = options();
    hasty.header_timeout_ms = 50;
    start(hasty, tell_peer);
    metrics::Counter& timeouts = metrics::counter("footfall_http_timeouts_total", "");
    const std::uint64_t before = timeouts.value();
    Raw slow(port());
    slow.send("PROXY TCP4 192.0.2.");
    EXPECT_EQ(slow.read_all(), "");
    EXPECT_FALSE(slow.timed_out());
    EXPECT_EQ(timeouts.value(), before + 1);
}

TEST_F(ProxyProtocolTest, AStrangerIsNotLetIn) {
    start({.is_balancer = [](const Peer& peer) { return peer.address[12] == 10; }}, tell_peer);
    const double before = failures("stranger");
    Raw raw(port());
    raw.send(std::string(kFrom7) + std::string(kGet));
    EXPECT_EQ(raw.read_all(), "");
    EXPECT_EQ(failures("stranger"), before + 1);
}

TEST_F(ProxyProtocolTest, WithoutItAHeaderIsNoRequest) {
    start({}, tell_peer);
    EXPECT_TRUE(roundtrip(std::string(kFrom7) + std::string(kGet)).starts_with("HTTP/1.1 400 "));
}

TEST_F(ProxyProtocolTest, LimitsAreThoseOfTheClientsAddress) {
    ServerOptions with_limit = options();
    with_limit.connections_per_address_max = 2;
    start(with_limit, tell_peer);
    const std::string kept = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    std::vector<std::unique_ptr<Raw>> open;
    for (const std::string& header : {std::string(kFrom7), std::string(kFrom7), v2_from_9(false), v2_from_9(false)}) {
        open.push_back(std::make_unique<Raw>(port()));
        open.back()->send(header + kept);
        EXPECT_TRUE(open.back()->read_until("]").starts_with("HTTP/1.1 200 "));
    }
    Raw third(port());
    third.send(std::string(kFrom7) + kept);
    EXPECT_TRUE(third.read_until("}}").starts_with("HTTP/1.1 503 "));
    open.front()->close();
    EXPECT_TRUE(eventually([&] {
        Raw again(port());
        again.send(std::string(kFrom7) + kept);
        return again.read_until("\r\n").starts_with("HTTP/1.1 200 ");
    }));
    open.clear();
    third.close();
    EXPECT_TRUE(eventually([] { return open_connections() == 0; }));
}

// More than are turned away with an answer, all of one address: the counts come out even.
TEST_F(ProxyProtocolTest, ThoseTurnedAwayAreForgottenHoweverManyTheyAre) {
    ServerOptions with_limit = options();
    with_limit.connections_per_address_max = 1;
    start(with_limit, tell_peer);
    for (int round = 0; round < 2; ++round) {
        std::vector<std::unique_ptr<Raw>> many;
        for (int i = 0; i < 100; ++i) {
            many.push_back(std::make_unique<Raw>(port()));
            many.back()->send(kFrom7);
        }
        for (std::size_t i = 1; i < many.size(); ++i) {
            const std::string answer = many[i]->read_until("}}");
            EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 503 ")) << answer;
        }
        many.clear();
        EXPECT_TRUE(eventually([] { return open_connections() == 0; }));
        EXPECT_TRUE(eventually(
            [&] { return roundtrip(std::string(kFrom7) + std::string(kGet)).starts_with("HTTP/1.1 200 "); }));
    }
}

TEST_F(ProxyProtocolTest, TlsBeginsBehindTheHeader) {
    const auto context = TlsContext::open(make_tls_pair("balanced.example")).value();
    server_ = std::make_unique<Server>(options(), tell_peer);
    ASSERT_TRUE(server_->listen("127.0.0.1:0", context));
    ASSERT_TRUE(server_->start());
    for (const std::string& header : {std::string(kFrom7), v2_from_9(false)}) {
        TlsClient client(port(), {.before = header});
        ASSERT_TRUE(client.is_connected()) << client.failure();
        client.send(kGet);
        EXPECT_NE(client.read_all().find("56324 tls=1 [0]"), std::string::npos);
    }
    TlsClient without(port());
    EXPECT_FALSE(without.is_connected());
}

TEST_F(ProxyProtocolTest, AStopClosesWhoHasNotSaidWhoHeIs) {
    ServerOptions patient = options();
    patient.header_timeout_ms = 60'000;
    start(patient, tell_peer);
    Raw raw(port());
    raw.send("PROXY ");
    EXPECT_TRUE(eventually([] { return open_connections() == 1; }));
    server_->stop(60'000);
    EXPECT_EQ(raw.read_all(), "");
    EXPECT_FALSE(raw.timed_out());
}

}  // namespace
}  // namespace footfall::http
