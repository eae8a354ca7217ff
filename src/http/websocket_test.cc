// WebSockets over real sockets: the handshake, both directions, and everything that ends one. What a frame may look
// like is in websocket_frame_test.cc.
#include "http/websocket.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "http/client.h"
#include "http/websocket_fixture.h"

namespace footfall::http {
namespace {

using Text = std::shared_ptr<const std::string>;
Text make_text(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

std::uint64_t counted(const char* name) { return metrics::counter(name, "").value(); }

const std::string kStart = "GET /live HTTP/1.1\r\nHost: x\r\n";
const std::string kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const std::string kVersion = "Sec-WebSocket-Version: 13\r\n";
const std::string kUpgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

/// A server whose /live is a WebSocket that sends back what it gets; everything else is answered "plain".
class WebSocketTest : public ServerTest {
protected:
    void TearDown() override { server_.reset(); }

    void start_live(const ServerOptions& options = {}, const WebSocketOptions& socket_options = {}) {
        start(options, [this, socket_options](Exchange& exchange) {
            if (exchange.request().path == "/live") upgrade(exchange, socket_options);
            else exchange.respond({.body = "plain"});
        });
    }
    void upgrade(Exchange& exchange, const WebSocketOptions& options) {
        const auto self = std::make_shared<std::shared_ptr<WebSocket>>();
        captured_ = self;
        WebSocketHandlers handlers;
        handlers.on_text = [this, self](std::string_view text) {
            ++texts_;
            (*self)->offer(make_text(std::string(text)));
        };
        handlers.on_closed = [this] { ++closed_; };
        auto socket = exchange.upgrade(options, std::move(handlers));
        if (!socket) return exchange.respond(error_response(socket.error()));
        *self = *socket;
        const std::lock_guard lock(mutex_);
        sockets_.push_back(std::move(*socket));
    }
    /// The server's end of the n-th that was opened.
    std::shared_ptr<WebSocket> socket(std::size_t n = 0) {
        const std::lock_guard lock(mutex_);
        return sockets_.at(n);
    }
    /// Lets a server with the fixture's clock see what time it is.
    void turn() { EXPECT_TRUE(roundtrip("GET / HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("plain")); }
    void advance_ms(std::int64_t ms) {
        clock_.advance_ms(ms);
        turn();
    }
    void expect_closed(int n) {
        EXPECT_TRUE(eventually([&] { return closed_ >= n && open_connections() == 0; }));
        EXPECT_EQ(closed_, n);
        EXPECT_EQ(metrics::gauge("footfall_http_websockets", "").value(), 0);
    }

    std::mutex mutex_;
    std::vector<std::shared_ptr<WebSocket>> sockets_;
    std::weak_ptr<void> captured_;  ///< by the handlers of the last one, which hold their own handle
    std::atomic<int> texts_{0};
    std::atomic<int> closed_{0};
};

TEST_F(WebSocketTest, TheHandshakeIsAnsweredAsPublished) {
    start_live({.common_headers = {{"X-Common", "always"}}, .clock = &clock_});
    WebSocketClient client(port());
    EXPECT_EQ(client.answer(),
              "HTTP/1.1 101 Switching Protocols\r\nServer: footfall\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
              "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
              "X-Common: always\r\n\r\n");
}

TEST_F(WebSocketTest, HandshakesMayBeWrittenInManyWays) {
    start_live();
    for (const std::string& headers :
         {std::string("upgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
                      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"),
          kUpgrade + kVersion + kKey + "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: x\r\n",
          "Upgrade: other/2\r\nUpgrade: more , websocket\r\nConnection: x\r\nConnection: Upgrade\r\n" + kVersion + kKey,
          kUpgrade + kVersion + kKey + "Content-Length: 3\r\n"}) {
        Raw raw(port());
        raw.send(kStart + headers + "\r\n" + (headers.ends_with("Length: 3\r\n") ? "abc" : "") +
                 client_frame(kFinal | kText, "after"));
        const std::string answer = raw.read_until("\r\n\r\n");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << headers << answer;
        EXPECT_EQ(count(answer, "Sec-WebSocket-Extensions"), 0);
        EXPECT_EQ(count(answer, "Sec-WebSocket-Protocol"), 0);
        EXPECT_TRUE(
            raw.read_until("after").ends_with("\x81\x05"
                                              "after"));
    }
}

TEST_F(WebSocketTest, WhatIsNoHandshakeIsAnsweredAndTheConnectionGoesOn) {
    start_live();
    const std::string get = kStart;
    const struct {
        std::string head;
        const char* status;
    } cases[] = {
        {get, "400"},
        {get + "Upgrade: websocket\r\n" + kVersion + kKey, "400"},
        {get + "Upgrade: websocket\r\nConnection: keep-alive\r\n" + kVersion + kKey, "400"},
        {get + "Connection: Upgrade\r\n" + kVersion + kKey, "400"},
        {get + "Connection: Upgrade\r\nUpgrade: h2c\r\n" + kVersion + kKey, "400"},
        {get + kUpgrade + kVersion, "400"},
        {get + kUpgrade + kVersion + kKey + kKey, "400"},
        {get + kUpgrade + kVersion + "Sec-WebSocket-Key: \r\n", "400"},
        {get + kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n", "400"},
        {get + kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=A\r\n", "400"},
        {get + kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ===\r\n", "400"},
        {get + kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBs-SBub25jZQ==\r\n", "400"},
        {get + kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==AAAA\r\n", "400"},
        {"POST /live HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" + kUpgrade + kVersion + kKey, "400"},
        {"GET /live HTTP/1.0\r\nConnection: keep-alive\r\n" + kUpgrade + kVersion + kKey, "400"},
        {get + kUpgrade + kKey, "426"},
        {get + kUpgrade + "Sec-WebSocket-Version: 8\r\n" + kKey, "426"},
        {get + kUpgrade + kVersion + kVersion + kKey, "426"},
    };
    for (const auto& [head, status] : cases) {
        Raw raw(port());
        raw.send(head + "\r\n");
        const std::string answer = raw.read_until("}}");
        EXPECT_TRUE(answer.starts_with(std::string("HTTP/1.1 ") + status)) << head << answer;
        const bool is_version = std::string(status) == "426";
        EXPECT_EQ(count(answer, "Sec-WebSocket-Version: 13\r\n"), is_version) << answer;
        EXPECT_EQ(count(answer, "\r\nUpgrade: websocket\r\n"), is_version) << answer;
        raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(raw.read_until("plain").starts_with("HTTP/1.1 200 ")) << head;
    }
    EXPECT_TRUE(sockets_.empty());
}

TEST_F(WebSocketTest, TextsGoBothWays) {
    start_live();
    WebSocketClient client(port());
    for (const std::string& text :
         {std::string("one"), std::string(), std::string(4'096, 'a'), std::string("\xe2\x82\xac \xf0\x9f\x98\x80")}) {
        client.send_text(text);
        EXPECT_EQ(client.read_text(), text);
    }
    for (const std::size_t size : {125, 126, 65'535, 65'536, 262'144}) {
        socket()->offer(make_text(std::string(size, 'b')));
        EXPECT_EQ(client.read_text(), std::string(size, 'b'));
    }
    const std::string frame = client_frame(kText, "drip") + client_frame(kFinal | kContinuation, "ped");
    for (const char c : frame) client.send(std::string_view(&c, 1));
    EXPECT_EQ(client.read_text(), "dripped");
    EXPECT_TRUE(socket()->is_open());
}

TEST_F(WebSocketTest, FramesBehindTheHandshakeAreNotLost) {
    start_live();
    WebSocketClient client(port(), client_frame(kFinal | kText, "early"));
    EXPECT_EQ(client.read_text(), "early");
}

TEST_F(WebSocketTest, AConnectionMayServeRequestsBefore) {
    start_live({.header_timeout_ms = 50, .idle_timeout_ms = 50});
    Raw raw(port());
    raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + kStart + kUpgrade + kVersion + kKey + "\r\n" +
             client_frame(kFinal | kText, "third"));
    EXPECT_TRUE(raw.read_until("third").ends_with("\x81\x05third"));
    // The times of requests do not hold any more.
    const std::uint64_t before = counted("footfall_http_timeouts_total");
    Raw silent(port());
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_EQ(counted("footfall_http_timeouts_total"), before + 1);
    raw.send(client_frame(kFinal | kText, "later"));
    EXPECT_EQ(raw.read_until("later"), "\x81\x05later");
}

TEST_F(WebSocketTest, UnixSocketsServeThemToo) {
    const std::string where = "unix:" + testing::TempDir() + "websocket.sock";
    Server server({}, [this](Exchange& exchange) { upgrade(exchange, {}); });
    ASSERT_TRUE(server.listen(where));
    ASSERT_TRUE(server.start());
    WebSocketClient client(where);
    client.send_text("local");
    EXPECT_EQ(client.read_text(), "local");
}

TEST_F(WebSocketTest, WithoutAHandlerTextsAreDropped) {
    start({}, [this](Exchange& exchange) {
        auto socket = exchange.upgrade({}, {});
        const std::lock_guard lock(mutex_);
        sockets_.push_back(*socket);
    });
    WebSocketClient client(port());
    client.send_text("into the void");
    client.send(client_frame(kFinal | kPing, "still there"));
    EXPECT_EQ(client.read_frame().payload, "still there");
    client.close();
    EXPECT_TRUE(eventually([&] { return !socket()->is_open(); }));
}

TEST_F(WebSocketTest, AnotherThreadMayUpgrade) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) { held = &exchange; });
    std::thread worker([&] {
        EXPECT_TRUE(eventually([&] { return held != nullptr; }));
        upgrade(*held, {});
        socket()->offer(make_text("at once"));
    });
    WebSocketClient client(port());
    EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 101 "));
    EXPECT_EQ(client.read_text(), "at once");
    worker.join();
}

TEST_F(WebSocketTest, WhoHasGoneBeforeTheUpgradeIsClosedOnce) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) {
        exchange.user_data = std::make_shared<int>(1);
        held = &exchange;
    });
    Raw gone(port());
    gone.send(kStart + kUpgrade + kVersion + kKey + "\r\n");
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    gone.reset();
    upgrade(*held, {});
    expect_closed(1);
    EXPECT_FALSE(socket()->is_open());
}

TEST_F(WebSocketTest, AnUpgradeAfterTheStopIsDroppedSafely) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) { held = &exchange; });
    Raw raw(port());
    raw.send(kStart + kUpgrade + kVersion + kKey + "\r\n");
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    server_->stop(10);
    upgrade(*held, {});
    socket()->offer(make_text("nobody reads this"));
    server_.reset();
    expect_closed(1);
    socket()->offer(make_text("nor this"));
    socket()->close(1000, {});
    EXPECT_FALSE(socket()->is_open());
}

// One breach of each code; websocket_frame_test.cc has them all.
TEST_F(WebSocketTest, BreachesAreClosedWithTheirCodeAndWithoutAReset) {
    start_live();
    const std::uint64_t before = counted("footfall_http_websocket_failures_total");
    const struct {
        std::string stream;
        unsigned code;
    } cases[] = {
        {client_frame(kFinal | 0x40 | kText, "a"), 1002},
        {client_frame(kFinal | kBinary, "a"), 1003},
        {client_frame(kFinal | kText, "\xff"), 1007},
        {client_frame(kFinal | kText, std::string(4'097, 'a')), 1009},
        // Refused at its header, whatever of it comes.
        {client_header(kFinal | kText, 64u << 20), 1009},
        {client_header(kFinal | kText, 64u << 20) + std::string(2 << 20, 'a'), 1009},
    };
    int opened = 0;
    for (const auto& [stream, code] : cases) {
        WebSocketClient client(port());
        EXPECT_TRUE(client.send(client_frame(kFinal | kText, "good") + stream));
        // It goes on for a while: a reset would refuse the later pieces, and may destroy the close frame elsewhere.
        EXPECT_TRUE(eventually([&] { return closed_ > opened; }));
        for (int i = 0; i < 10; ++i) EXPECT_TRUE(client.send(std::string(10'000, 'a'))) << code;
        ServerFrame frame = client.read_frame();
        if (frame.opcode == kText) frame = client.read_frame();  // a close is not held up by a text that waits
        EXPECT_EQ(frame.opcode, kClose);
        EXPECT_EQ(frame.close_code(), code);
        EXPECT_GT(frame.payload.size(), 2u);  // says why
        client.finish();
        EXPECT_EQ(client.read_all(), "");
        EXPECT_FALSE(client.was_reset()) << code;
        expect_closed(++opened);
        EXPECT_EQ(texts_, opened);
    }
    EXPECT_EQ(counted("footfall_http_websocket_failures_total") - before, std::size(cases));
}

TEST_F(WebSocketTest, AClientThatGoesOnAfterItsBreachIsCut) {
    start_live({.drain_bytes_max = 100'000});
    WebSocketClient client(port());
    client.send(client_header(kFinal | kText, 64u << 20));
    const std::string piece(100'000, 'x');
    EXPECT_TRUE(eventually([&] { return !client.send(piece); }));
    expect_closed(1);
}

TEST_F(WebSocketTest, PingsAreAnswered) {
    start_live();
    WebSocketClient client(port());
    for (const std::string& payload : {std::string("once"), std::string(), std::string(125, 'p')}) {
        client.send(client_frame(kFinal | kPing, payload));
        const ServerFrame pong = client.read_frame();
        EXPECT_EQ(pong.opcode, kPong);
        EXPECT_EQ(pong.payload, payload);
    }
    client.send(client_frame(kText, "be") + client_frame(kFinal | kPing, "between"));
    EXPECT_EQ(client.read_frame().payload, "between");
    client.send(client_frame(kFinal | kContinuation, "gun"));
    EXPECT_EQ(client.read_text(), "begun");
    // One that nobody asked for is no fault.
    client.send(client_frame(kFinal | kPong, "unasked"));
    client.send_text("still here");
    EXPECT_EQ(client.read_text(), "still here");
}

TEST_F(WebSocketTest, WhoSendsPingsAndReadsNoPongsIsOwedTheNewestOnly) {
    start_live({.write_timeout_ms = 60'000});
    WebSocketClient client(port());
    constexpr int kRounds = 600;
    constexpr int kPingsPerRound = 1'000;
    for (int round = 0; round < kRounds; ++round) {
        std::string pings;
        for (int i = 0; i < kPingsPerRound; ++i)
            pings += client_frame(kFinal | kPing, std::to_string(round) + std::string(100, ' '));
        ASSERT_TRUE(client.send(pings));
    }
    // The server reads on, so that it sees the text behind them.
    client.send_text("the end");
    int pongs = 0;
    bool is_newest = false;
    for (bool is_end = false; !is_end || !is_newest;) {
        const ServerFrame frame = client.read_frame();
        ASSERT_TRUE(frame.opcode == kPong || frame.payload == "the end");
        is_end = is_end || frame.opcode == kText;
        is_newest = is_newest || frame.payload.starts_with(std::to_string(kRounds - 1) + " ");
        pongs += frame.opcode == kPong;
    }
    // What the kernel holds: an answer to each read would be twice as many.
    EXPECT_LT(pongs, 8'000);
}

TEST_F(WebSocketTest, SilenceIsAskedAndThenCut) {
    start_live({.clock = &clock_});
    WebSocketClient client(port());
    client.send_text("hello");
    EXPECT_EQ(client.read_text(), "hello");
    advance_ms(14'999);
    client.send_text("just in time");
    EXPECT_EQ(client.read_text(), "just in time");
    advance_ms(14'999);
    socket()->offer(make_text("no ping so far"));
    EXPECT_EQ(client.read_text(), "no ping so far");
    advance_ms(1);
    EXPECT_EQ(client.read_frame().opcode, kPing);
    // Whatever comes is a sign of life, for the whole interval.
    advance_ms(14'999);
    client.send(client_frame(kFinal | kPong, "") + client_frame(kFinal | kText, "alive"));
    EXPECT_EQ(client.read_text(), "alive");
    advance_ms(14'999);
    EXPECT_EQ(closed_, 0);
    advance_ms(1);
    EXPECT_EQ(client.read_frame().opcode, kPing);
    const std::uint64_t before = counted("footfall_http_timeouts_total");
    advance_ms(14'999);
    EXPECT_EQ(closed_, 0);
    advance_ms(1);
    EXPECT_EQ(client.read_all(), "");
    EXPECT_TRUE(eventually([&] { return closed_ == 1; }));
    EXPECT_EQ(counted("footfall_http_timeouts_total"), before + 1);
}

TEST_F(WebSocketTest, DifferentIntervalsKeepTheirOrder) {
    std::atomic<int> ping_interval_ms{0};
    start({.idle_timeout_ms = 1'000'000, .clock = &clock_}, [&](Exchange& exchange) {
        if (exchange.request().path != "/live") return exchange.respond({.body = "plain"});
        upgrade(exchange, {.ping_interval_ms = ping_interval_ms});
    });
    std::vector<std::unique_ptr<WebSocketClient>> clients;
    for (const int interval_ms : {30'000, 10'000, 40'000, 20'000}) {
        ping_interval_ms = interval_ms;
        clients.push_back(std::make_unique<WebSocketClient>(port()));
    }
    for (const std::size_t next : {1u, 3u, 0u, 2u}) {
        char byte = 0;
        EXPECT_EQ(::recv(clients[next]->fd(), &byte, 1, MSG_DONTWAIT), -1) << next;
        advance_ms(10'000);
        EXPECT_EQ(clients[next]->read_frame().opcode, kPing) << next;
    }
}

TEST_F(WebSocketTest, AReaderThatStopsGetsTheNewestAndHoldsTwo) {
    start_live({.write_timeout_ms = 60'000});
    WebSocketClient client(port());
    ASSERT_TRUE(eventually([&] { return !sockets_.empty(); }));
    std::vector<std::weak_ptr<const std::string>> offered;
    const auto held = [&] {
        return std::count_if(offered.begin(), offered.end(), [](const auto& text) { return !text.expired(); });
    };
    constexpr std::size_t kBytes = 256 * 1024;
    for (int i = 0; i < 500; ++i) {
        auto text = make_text(std::to_string(i) + std::string(kBytes - 10, ' '));
        offered.push_back(text);
        socket()->offer(std::move(text));
        EXPECT_LE(held(), 2) << i;
    }
    EXPECT_GE(held(), 1);
    int received = 0;
    std::string newest;
    do {
        newest = client.read_text();
        ++received;
    } while (!newest.empty() && !newest.starts_with("499 "));
    EXPECT_TRUE(newest.starts_with("499 "));
    // What the kernel had taken before the stall, and the newest.
    EXPECT_LT(received, 100);
    EXPECT_TRUE(eventually([&] { return held() == 0; }));
}

// A unix socket takes a small frame as a whole or not at all, so what is staged when it is full has not begun.
TEST_F(WebSocketTest, ATextThatFoundNoRoomIsReplacedToo) {
    const std::string where = "unix:" + testing::TempDir() + "websocket_full.sock";
    Server server({}, [this](Exchange& exchange) {
        if (exchange.request().path == "/live") upgrade(exchange, {});
        else exchange.respond({.body = "plain"});
    });
    ASSERT_TRUE(server.listen(where));
    ASSERT_TRUE(server.start());
    Client other(where);
    std::size_t n = 0;
    for (const bool is_closed : {false, true}) {
        WebSocketClient client(where);
        const auto offer = [&](const std::string& name) {
            auto text = make_text(name + std::string(1'000, ' '));
            std::weak_ptr<const std::string> offered = text;
            socket(n)->offer(std::move(text));
            EXPECT_TRUE(other.send({}, 20'000));  // the loop has taken it
            return offered;
        };
        std::weak_ptr<const std::string> stuck;
        for (int i = 0; i < 100'000 && stuck.expired(); ++i) stuck = offer("taken");
        ASSERT_FALSE(stuck.expired());
        const auto newer = offer("newer");
        EXPECT_TRUE(stuck.expired());
        const auto newest = offer("newest");
        EXPECT_TRUE(newer.expired());
        client.send(client_frame(kFinal | kPing, "first"));
        EXPECT_TRUE(other.send({}, 20'000));
        EXPECT_FALSE(newest.expired());
        if (is_closed) socket(n)->close(1'000, "enough");
        EXPECT_TRUE(other.send({}, 20'000));
        EXPECT_EQ(newest.expired(), is_closed);
        ServerFrame frame = client.read_frame();
        while (frame.opcode == kText && frame.payload.starts_with("taken")) frame = client.read_frame();
        // What may not wait goes first, and the text is not lost over it, unless nothing may follow.
        EXPECT_EQ(frame.payload, "first");
        if (is_closed) EXPECT_EQ(client.read_close(), 1'000u);
        else EXPECT_TRUE(client.read_text().starts_with("newest"));
        ++n;
    }
}

TEST_F(WebSocketTest, ATextOfWhichNothingIsSentIsReplaced) {
    // The loop is held while all of this is offered.
    std::atomic<bool> is_held{false};
    std::mutex hold;
    start({}, [&](Exchange& exchange) {
        if (exchange.request().path == "/live") return upgrade(exchange, {});
        is_held = true;
        const std::lock_guard wait(hold);
        exchange.respond({.body = "plain"});
    });
    WebSocketClient client(port());
    ASSERT_TRUE(eventually([&] { return !sockets_.empty(); }));
    const std::uint64_t before = counted("footfall_http_websocket_texts_replaced_total");
    Raw other(port());
    {
        const std::lock_guard lock(hold);
        other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        ASSERT_TRUE(eventually([&] { return is_held.load(); }));
        for (const char* text : {"first", "second", "third"}) socket()->offer(make_text(text));
    }
    EXPECT_EQ(client.read_text(), "third");
    EXPECT_EQ(counted("footfall_http_websocket_texts_replaced_total") - before, 2u);
}

TEST_F(WebSocketTest, AReaderThatTakesNothingIsCut) {
    start_live({.write_timeout_ms = 100});
    const std::uint64_t before = counted("footfall_http_timeouts_total");
    WebSocketClient client(port());
    ASSERT_TRUE(eventually([&] { return !sockets_.empty(); }));
    const auto text = make_text(std::string(256 * 1024, 'x'));
    EXPECT_TRUE(eventually([&] {
        socket()->offer(text);
        return !socket()->is_open();
    }));
    expect_closed(1);
    EXPECT_EQ(counted("footfall_http_timeouts_total"), before + 1);
    EXPECT_EQ(text.use_count(), 1);
}

TEST_F(WebSocketTest, AReaderThatTakesALittleGoesOn) {
    start_live({.write_timeout_ms = 10'000, .clock = &clock_}, {.ping_interval_ms = 15'000});
    WebSocketClient client(port());
    ASSERT_TRUE(eventually([&] { return !sockets_.empty(); }));
    const auto text = make_text(std::string(64 << 20, 'x'));
    socket()->offer(text);
    // Longer than any of the times, but never without progress so long. It cannot answer a ping that stands behind.
    std::string taken(2 << 20, '\0');
    for (int i = 0; i < 6; ++i) {
        std::size_t held = 0;
        while (held < taken.size()) {
            const ssize_t n = ::recv(client.fd(), taken.data(), taken.size() - held, 0);
            ASSERT_GT(n, 0);
            held += static_cast<std::size_t>(n);
        }
        turn();
        advance_ms(9'000);
        ASSERT_EQ(closed_, 0) << i;
    }
    EXPECT_EQ(text.use_count(), 2);  // it is not out yet
}

TEST_F(WebSocketTest, TheServerClosesAndWaitsForTheClient) {
    start_live({.clock = &clock_});
    for (const bool answers : {true, false}) {
        closed_ = 0;
        WebSocketClient client(port());
        const std::size_t n = answers ? 0 : 1;
        ASSERT_TRUE(eventually([&] {
            const std::lock_guard lock(mutex_);
            return sockets_.size() == n + 1;
        }));
        socket(n)->close(4'001, "access ended");
        EXPECT_FALSE(socket(n)->is_open());
        socket(n)->offer(make_text("too late"));
        socket(n)->close(4'002, "also too late");
        const ServerFrame frame = client.read_frame();
        EXPECT_EQ(frame.opcode, kClose);
        EXPECT_EQ(frame.payload, close_payload(4'001, "access ended"));
        client.send_text("not heard any more");
        turn();
        EXPECT_EQ(closed_, 0);
        if (answers) {
            client.send(client_frame(kFinal | kClose, close_payload(4'001)));
        } else {
            advance_ms(1'999);
            EXPECT_EQ(closed_, 0);
            advance_ms(1);
        }
        EXPECT_EQ(client.read_all(), "");
        EXPECT_TRUE(eventually([&] { return closed_ == 1; }));
    }
    EXPECT_EQ(texts_, 0);
}

TEST_F(WebSocketTest, ACloseComesBehindTheTextThatIsBeingSent) {
    start_live({.write_timeout_ms = 60'000});
    WebSocketClient client(port());
    ASSERT_TRUE(eventually([&] { return !sockets_.empty(); }));
    const auto first = make_text(std::string(32 << 20, 'a'));
    socket()->offer(first);
    // It is begun when its first bytes are there.
    char byte = 0;
    ASSERT_EQ(::recv(client.fd(), &byte, 1, MSG_PEEK), 1);
    socket()->offer(make_text("dropped"));
    socket()->close(1'000, "done");
    EXPECT_EQ(client.read_text(), *first);
    EXPECT_EQ(client.read_close(), 1'000u);
}

TEST_F(WebSocketTest, TheClientClosesAndIsAnswered) {
    start_live();
    int opened = 0;
    for (const auto& [payload, code] : {std::pair<std::string, unsigned>{close_payload(1'000, "bye"), 1'000},
                                        {close_payload(4'999), 4'999},
                                        {"", 1'005},
                                        {close_payload(1'005), 1'002},
                                        {"x", 1'002}}) {
        WebSocketClient client(port());
        client.send(client_frame(kFinal | kClose, payload));
        EXPECT_EQ(client.read_close(), code);
        EXPECT_EQ(client.read_all(), "");
        EXPECT_FALSE(client.was_reset());
        client.close();
        expect_closed(++opened);
        EXPECT_TRUE(eventually([&] { return captured_.expired(); }));
    }
}

TEST_F(WebSocketTest, WhoVanishesIsForgottenOnce) {
    start_live();
    int opened = 0;
    for (const char* how : {"end", "half", "reset", "in a frame"}) {
        WebSocketClient client(port());
        client.send_text("here");
        EXPECT_EQ(client.read_text(), "here");
        const std::string_view manner(how);
        if (manner == "in a frame") client.send(client_header(kFinal | kText, 100) + "some");
        if (manner == "half") client.finish();
        else if (manner == "reset") client.reset();
        else client.close();
        expect_closed(++opened);
        EXPECT_FALSE(socket(static_cast<std::size_t>(opened) - 1)->is_open());
    }
}

TEST_F(WebSocketTest, StopClosesWithGoingAwayAndDoesNotWaitLonger) {
    start_live({.loops = 2});
    std::vector<std::unique_ptr<WebSocketClient>> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(std::make_unique<WebSocketClient>(port()));
    std::thread stopper([&] { server_->stop(60'000); });
    for (auto& client : clients) {
        EXPECT_EQ(client->read_close(), 1'001u);
        client->send(client_frame(kFinal | kClose, close_payload(1'001)));
        EXPECT_EQ(client->read_all(), "");
    }
    stopper.join();
    expect_closed(10);
}

TEST_F(WebSocketTest, AnUpgradeDuringTheStopIsClosedAtOnce) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) { held = &exchange; });
    Raw idle(port());
    idle.send("GET /");
    Raw raw(port());
    raw.send(kStart + kUpgrade + kVersion + kKey + "\r\n");
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    std::thread stopper([&] { server_->stop(60'000); });
    EXPECT_TRUE(eventually([&] { return !Raw(port()).is_connected(); }));
    upgrade(*held, {});
    const std::string answer = raw.read_until("stops");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
    EXPECT_TRUE(answer.ends_with("\x88\x12\x03\xe9the server stops")) << answer;
    raw.close();
    idle.close();
    stopper.join();
    expect_closed(1);
}

TEST_F(WebSocketTest, StopCutsThoseThatDoNotAnswer) {
    start_live({}, {.close_timeout_ms = 60'000});
    WebSocketClient silent(port());
    WebSocketClient stalled(port());
    ASSERT_TRUE(eventually([&] {
        const std::lock_guard lock(mutex_);
        return sockets_.size() == 2;
    }));
    socket(1)->offer(make_text(std::string(32 << 20, 'a')));
    server_->stop(50);
    EXPECT_EQ(silent.read_close(), 1'001u);
    EXPECT_EQ(silent.read_all(), "");
    expect_closed(2);
}

TEST_F(WebSocketTest, TheyCountAsConnections) {
    start_live({.connections_max = 2, .connections_per_address_max = 2});
    WebSocketClient first(port());
    WebSocketClient second(port());
    EXPECT_TRUE(second.answer().starts_with("HTTP/1.1 101 "));
    Raw third(port());
    third.send(kStart + "\r\n");
    EXPECT_TRUE(third.read_until("}}").starts_with("HTTP/1.1 503 "));
    first.close();
    EXPECT_TRUE(eventually([&] { return WebSocketClient(port()).answer().starts_with("HTTP/1.1 101 "); }));
}

TEST_F(WebSocketTest, AStormLeavesOthersTheirTurn) {
    start_live();
    WebSocketClient stormy(port());
    std::atomic<bool> stop{false};
    std::thread storm([&] {
        std::string texts;
        for (int i = 0; i < 1'000; ++i) texts += client_frame(kFinal | kText, "subscribe");
        while (!stop && stormy.send(texts)) {}
    });
    std::thread reader([&] {
        while (!stop) stormy.read_frame();
    });
    WebSocketClient calm(port());
    for (int i = 0; i < 100; ++i) {
        calm.send_text(std::to_string(i));
        EXPECT_EQ(calm.read_text(), std::to_string(i));
    }
    stop = true;
    storm.join();
    ::shutdown(stormy.fd(), SHUT_RDWR);
    reader.join();
}

// For the thread sanitizer: everything that any thread may do, while clients come, go and stay.
TEST_F(WebSocketTest, ManyThreadsOfferAndClose) {
    start_live({.loops = 2});
    std::atomic<bool> stop{false};
    std::vector<std::thread> publishers;
    const auto text = make_text(std::string(10'000, 'x'));
    for (int p = 0; p < 4; ++p) {
        publishers.emplace_back([&, p] {
            for (unsigned i = 0; !stop; ++i) {
                std::vector<std::shared_ptr<WebSocket>> sockets;
                {
                    const std::lock_guard lock(mutex_);
                    sockets = sockets_;
                }
                for (const auto& each : sockets) each->offer(text);
                if (p == 0 && !sockets.empty() && i % 16 == 0) sockets[i / 16 % sockets.size()]->close(1'000, "enough");
            }
        });
    }
    std::vector<std::thread> clients;
    std::atomic<int> right{0};
    constexpr int kClients = 4;
    constexpr int kRounds = 25;
    for (int c = 0; c < kClients; ++c) {
        clients.emplace_back([&, c] {
            for (int round = 0; round < kRounds; ++round) {
                WebSocketClient client(port());
                const ServerFrame frame = client.read_frame();
                right += frame.opcode == kClose || frame.payload == *text;
                if ((round + c) % 3 == 0) client.reset();
                else if ((round + c) % 3 == 1) client.send(client_frame(kFinal | kClose, ""));
            }
        });
    }
    for (auto& client : clients) client.join();
    server_->stop(20'000);
    stop = true;
    for (auto& publisher : publishers) publisher.join();
    EXPECT_EQ(right, kClients * kRounds);
    expect_closed(kClients * kRounds);
}

TEST_F(WebSocketTest, OneTextIsSharedByAll) {
    start_live();
    std::vector<std::unique_ptr<WebSocketClient>> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(std::make_unique<WebSocketClient>(port()));
    const auto text = make_text(std::string(256 * 1024, 'x'));
    for (std::size_t i = 0; i < clients.size(); ++i) socket(i)->offer(text);
    for (auto& client : clients) EXPECT_EQ(client->read_text(), *text);
    EXPECT_TRUE(eventually([&] { return text.use_count() == 1; }));
}

}  // namespace
}  // namespace footfall::http
