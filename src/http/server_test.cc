// What the server answers to requests that are in order, over real sockets. Limits and faults: server_limits_test.cc.
#include "http/http.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/file.h"
#include "http/client.h"
#include "http/server_fixture.h"

namespace footfall::http {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(ServerTest, AnswersWithLengthDateAndServer) {
    start_echo({.clock = &clock_});
    const std::string answer = roundtrip("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(answer,
              "HTTP/1.1 200 OK\r\nServer: footfall\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: "
              "application/json\r\n"
              "Content-Length: 15\r\n\r\nPOST /a [hello]");
}

TEST_F(ServerTest, DateFollowsTheClock) {
    start_echo({.clock = &clock_});
    Raw raw(port());
    raw.send(kGet);
    EXPECT_EQ(count(raw.read_until("[]"), "08:49:37 GMT"), 1);
    clock_.set_wall_ms(784'111'778'500);
    raw.send(kGet);
    EXPECT_EQ(count(raw.read_until("[]"), "08:49:38 GMT"), 1);
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
    start_echo();
    std::string text;
    std::string expected;
    for (int i = 0; i < 500; ++i) {
        text += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
        expected += "POST /" + std::to_string(i) + " [abc]";
    }
    const std::string answer = roundtrip(text);
    EXPECT_EQ(count(answer, "HTTP/1.1 200"), 500);
    std::string bodies;
    for (std::size_t at = answer.find("\r\n\r\n"); at != std::string::npos; at = answer.find("\r\n\r\n", at + 1)) {
        const std::size_t end = std::min(answer.find("HTTP/1.1", at), answer.size());
        bodies += answer.substr(at + 4, end - at - 4);
    }
    EXPECT_EQ(bodies, expected);
}

TEST_F(ServerTest, PipelinedRequestsWaitForAnAnswerFromAnotherThread) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) {
        if (exchange.request().path == "/slow") held = &exchange;
        else exchange.respond({.body = "fast"});
    });
    Raw raw(port());
    raw.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /fast HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    held.load()->complete({.body = "slow"});
    const std::string answer = raw.read_all();
    EXPECT_LT(answer.find("slow"), answer.find("fast"));
    EXPECT_TRUE(answer.ends_with("fast"));
}

TEST_F(ServerTest, AClientThatSendsWithoutAPauseLeavesOthersTheirTurn) {
    // The loop is held in its handler until both clients have sent: then who is served when is no matter of luck.
    std::mutex sending;
    std::atomic<bool> is_held{false};
    std::string order;
    start({}, [&](Exchange& exchange) {
        const std::string_view path = exchange.request().path;
        if (path == "/hold") {
            is_held = true;
            const std::lock_guard wait(sending);
        }
        if (path == "/many" || path == "/one") order += path == "/many" ? 'm' : '1';
        exchange.respond({});
    });
    Raw many(port());
    Raw one(port());
    for (Raw* raw : {&many, &one}) {
        raw->send(kGet);
        raw->read_until("\r\n\r\n");
    }
    {
        const std::lock_guard hold(sending);
        std::string text = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n";
        for (int i = 0; i < 999; ++i) text += "GET /many HTTP/1.1\r\nHost: x\r\n\r\n";
        many.send(text + "GET /many HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        ASSERT_TRUE(eventually([&] { return is_held.load(); }));
        one.send("GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    EXPECT_TRUE(one.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(count(many.read_all(), "HTTP/1.1 200 "), 1'001);
    server_->stop(20'000);
    ASSERT_EQ(order.size(), 1'001u);
    EXPECT_LT(order.find('1'), 500u);
}

TEST_F(ServerTest, R17ARequestSaysHowLongThoseBesideItWaitForTheirTurn) {
    std::mutex mutex;
    std::vector<std::int64_t> queued_ms;
    start({}, [&](Exchange& exchange) {
        {
            const std::lock_guard lock(mutex);
            queued_ms.push_back(exchange.request().queued_ns / 1'000'000);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        exchange.respond({});
    });
    EXPECT_EQ(count(roundtrip("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "200 OK"), 1);
    EXPECT_LT(queued_ms.front(), 100);
    queued_ms.clear();
    // 600 connections are more than one turn takes: the last of them wait for the others of several turns.
    std::vector<std::unique_ptr<Raw>> clients;
    for (int i = 0; i < 600; ++i) clients.push_back(std::make_unique<Raw>(port()));
    for (const auto& client : clients) client->send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for (const auto& client : clients) EXPECT_EQ(count(client->read_all(), "200 OK"), 1);
    ASSERT_EQ(queued_ms.size(), 600u);
    EXPECT_GT(*std::max_element(queued_ms.begin(), queued_ms.end()), 500) << "of 1,200 ms in all";
    queued_ms.clear();
    EXPECT_EQ(count(roundtrip("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "200 OK"), 1);
    EXPECT_LT(queued_ms.front(), 500) << "it is over";
}

TEST_F(ServerTest, BodiesInAnyPiecesArriveWhole) {
    start_echo();
    const std::string small = "POST /s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    Raw dripping(port());
    for (const char c : small) dripping.send(std::string_view(&c, 1));
    EXPECT_TRUE(dripping.read_all().ends_with("POST /s [hello]"));

    const std::string body(300'000, 'b');
    const std::string head =
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n";
    Raw raw(port());
    raw.send(head.substr(0, 10));
    raw.send(head.substr(10));
    for (std::size_t at = 0; at < body.size(); at += 70'001) raw.send(std::string_view(body).substr(at, 70'001));
    EXPECT_TRUE(raw.read_all().ends_with("[" + body + "]"));
}

TEST_F(ServerTest, ChunkedBodiesAreJoinedAndTheNextRequestIsFound) {
    start_echo();
    std::string chunked = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 10'000; ++i) chunked += "a;x=y\r\n0123456789\r\n";
    // Extensions are limited in all: 4 bytes a chunk are too many.
    EXPECT_TRUE(roundtrip(chunked).starts_with("HTTP/1.1 400 "));
    chunked = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 10'000; ++i) chunked += "a\r\n0123456789\r\n";
    chunked += "0\r\nTrailer: dropped\r\n\r\n" + kGet;
    const std::string answer = roundtrip(chunked);
    EXPECT_EQ(count(answer, "0123456789"), 10'000);
    EXPECT_TRUE(answer.ends_with("GET / []")) << answer.substr(answer.size() - 100);

    Raw dripping(port());
    for (const char c : std::string_view("POST /d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: "
                                         "close\r\n\r\n3\r\nabc\r\n2;q\r\nde\r\n0\r\n\r\n"))
        dripping.send(std::string_view(&c, 1));
    EXPECT_TRUE(dripping.read_all().ends_with("POST /d [abcde]"));
}

TEST_F(ServerTest, BehindABodyStand64ReadableBytes) {
    // Under the address sanitizer a byte too few is a fault.
    start({}, [](Exchange& exchange) {
        const std::string_view body = exchange.request().body;
        int sum = 0;
        for (std::size_t i = 0; i < 64; ++i) sum += body.data()[body.size() + i];
        exchange.respond({.body = std::to_string(body.size()) + (sum == -1 ? "?" : "")});
    });
    Client client(address());
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{4'000}, std::size_t{4'096}, std::size_t{65'536}, std::size_t{1'000'000}}) {
        const std::string body(size, 'x');
        EXPECT_EQ(client.send({.method = "POST", .body = body}, 10'000)->body, std::to_string(size));
    }
    for (const char* size : {"1", "20", "1000"}) {
        const std::size_t bytes = std::stoul(size, nullptr, 16);
        EXPECT_TRUE(roundtrip("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(size) +
                              "\r\n" + std::string(bytes, 'x') + "\r\n0\r\n\r\n")
                        .ends_with("\r\n" + std::to_string(bytes)));
    }
}

TEST_F(ServerTest, ExpectationsAreAnsweredBeforeTheBodyIsSent) {
    start_echo();
    Raw raw(port());
    raw.send("POST /free HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("abc");
    EXPECT_TRUE(raw.read_until("]").ends_with("POST /free [abc]"));
    // Who sends the body at once does not need it, and neither does a request without a body or HTTP/1.0.
    EXPECT_EQ(count(roundtrip("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"),
                    "HTTP/1.1 100"),
              0);
    EXPECT_EQ(count(roundtrip("GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n"), "HTTP/1.1 100"), 0);
    EXPECT_EQ(
        count(roundtrip("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"), "HTTP/1.1 100"), 0);
    EXPECT_TRUE(roundtrip("GET / HTTP/1.1\r\nHost: x\r\nExpect: a pony\r\n\r\n").starts_with("HTTP/1.1 417 "));
}

TEST_F(ServerTest, VersionAndHeadAreRespected) {
    start_echo();
    const std::string old = roundtrip("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(count(old, "HTTP/1.1 200"), 1);
    const std::string kept = roundtrip("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(count(kept, "HTTP/1.1 200"), 2);
    EXPECT_EQ(count(kept, "Connection: keep-alive\r\n"), 1);
    const std::string closed = roundtrip("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n" + kGet);
    EXPECT_EQ(count(closed, "HTTP/1.1 200"), 1);
    EXPECT_EQ(count(closed, "Connection: close\r\n"), 1);
    const std::string head = roundtrip("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(head.find("Content-Length: 10\r\n"), std::string::npos) << head;
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
    // A HEAD before it does not take the body of a later refusal away.
    EXPECT_TRUE(roundtrip("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01").ends_with("}"));
}

TEST_F(ServerTest, StatusesWithoutABodyHaveNoLength) {
    start({}, [](Exchange& exchange) {
        exchange.respond({.status = exchange.request().path == "/204" ? 204 : 304, .body = "never sent"});
    });
    for (const char* path : {"/204", "/304"}) {
        const std::string answer = roundtrip(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
        EXPECT_EQ(count(answer, "Content-"), 0) << answer;
    }
}

TEST_F(ServerTest, HeadersOfAnAnswerCannotEndTheirLine) {
    start({}, [](Exchange& exchange) {
        exchange.respond({.status = 303, .headers = {{"Location", "/a\r\nSet-Cookie: b"}}});
    });
    const std::string answer = roundtrip(kGet);
    EXPECT_NE(answer.find("\r\nLocation: /a  Set-Cookie: b\r\n"), std::string::npos) << answer;
}

TEST_F(ServerTest, LargeAnswersReachSlowReadersWhole) {
    static const std::string assets(5'000'000, 's');
    start({}, [](Exchange& exchange) {
        if (exchange.request().path == "/static") exchange.respond({.static_body = assets});
        else exchange.respond({.body = std::string(5'000'000, 'd')});
    });
    const std::string path = "unix:" + testing::TempDir() + "http_large.sock";
    Server second({}, [](Exchange& exchange) { exchange.respond({.body = std::string(5'000'000, 'd')}); });
    ASSERT_TRUE(second.listen(path));
    ASSERT_TRUE(second.start());
    for (const std::string& where : {address(), path}) {
        Raw raw(where);
        // Both answers are asked for before anything is read; the second one waits until the first is out.
        raw.send(
            "GET /dynamic HTTP/1.1\r\nHost: x\r\n\r\nGET /static HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        const std::string answer = raw.read_all();
        EXPECT_EQ(count(answer, "HTTP/1.1 200"), 2) << where;
        EXPECT_GT(answer.size(), 10'000'000u) << where;
    }
}

TEST_F(ServerTest, AnswersFromOtherThreadsReachTheirConnections) {
    std::mutex mutex;
    std::vector<Exchange*> waiting;
    std::atomic<bool> stop{false};
    std::thread worker([&] {
        while (!stop) {
            std::vector<Exchange*> taken;
            {
                const std::lock_guard lock(mutex);
                taken.swap(waiting);
            }
            for (Exchange* exchange : taken) {
                Response response;
                response.body = std::string(exchange->request().body);
                exchange->complete(std::move(response));
            }
            std::this_thread::yield();
        }
    });
    std::atomic<unsigned> loops_seen{0};
    start({.loops = 2}, [&](Exchange& exchange) {
        loops_seen |= 1u << exchange.loop_index();
        const std::lock_guard lock(mutex);
        waiting.push_back(&exchange);
    });
    std::vector<std::thread> clients;
    std::atomic<int> right{0};
    for (int c = 0; c < 8; ++c) {
        clients.emplace_back([&, c] {
            Client client(address());
            for (int i = 0; i < 200; ++i) {
                const std::string body = std::to_string(c) + "/" + std::to_string(i);
                const auto response = client.send({.method = "POST", .target = "/", .body = body}, 10'000);
                if (response && response->body == body) ++right;
            }
        });
    }
    // Meanwhile clients that leave before their answer, in both manners.
    for (int i = 0; i < 100; ++i) {
        Raw gone(port());
        gone.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
        if (i % 2 == 0) gone.reset();
    }
    for (auto& client : clients) client.join();
    EXPECT_EQ(right, 1'600);
    EXPECT_EQ(loops_seen & ~3u, 0u);
    server_->stop(10'000);
    stop = true;
    worker.join();
}

TEST_F(ServerTest, TheHandlersOwnDataLastsUntilTheAnswer) {
    std::atomic<int> alive{0};
    struct Own {
        explicit Own(std::atomic<int>& n) : count(n) { ++count; }
        ~Own() { --count; }
        Own(const Own&) = delete;
        Own& operator=(const Own&) = delete;
        std::atomic<int>& count;
    };
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) {
        exchange.user_data = std::make_shared<Own>(alive);
        held = &exchange;
    });
    Raw raw(port());
    raw.send(kGet);
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    EXPECT_EQ(alive, 1);
    held.load()->complete({});
    raw.read_until("\r\n\r\n");
    EXPECT_EQ(alive, 0);
}

TEST_F(ServerTest, PeersAreMappedIntoVersion6) {
    start({}, [](Exchange& exchange) {
        const Peer& peer = exchange.request().peer;
        std::string text;
        for (const unsigned char byte : peer.address) text += std::to_string(byte) + ".";
        exchange.respond({.body = text + (peer.port > 0 && !peer.is_unix ? " with a port" : "")});
    });
    EXPECT_EQ(Client(address()).send({}, 10'000)->body, "0.0.0.0.0.0.0.0.0.0.255.255.127.0.0.1. with a port");
    EXPECT_EQ(Client("http://" + address() + "/").send({}, 10'000)->body,
              "0.0.0.0.0.0.0.0.0.0.255.255.127.0.0.1. with a port");
}

TEST_F(ServerTest, UnixSocketsOfAnyDepthWork) {
    const std::string directory = testing::TempDir() + "http_" + std::string(100, 'd');
    ASSERT_TRUE(make_directories(directory));
    Server server(
        {}, [](Exchange& exchange) { exchange.respond({.body = exchange.request().peer.is_unix ? "unix" : "tcp"}); });
    const std::string where = "unix:" + directory + "/s.sock";
    ASSERT_TRUE(server.listen(where));
    ASSERT_TRUE(server.start());
    Client client(where);
    EXPECT_EQ(client.send({}, 10'000)->body, "unix");
    server.stop(0);
    EXPECT_EQ(client.send({}, 10'000).error().code, Code::kUnavailable);
    EXPECT_FALSE(client.maybe_processed());
    EXPECT_FALSE(path_exists(directory + "/s.sock"));
}

TEST_F(ServerTest, AnAddressInUseIsSaidInOneSentence) {
    start_echo();
    Server second({}, [](Exchange& exchange) { exchange.respond({}); });
    const auto status = second.listen(address());
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kConflict);
    EXPECT_EQ(second.listen("nowhere").error().code, Code::kInvalidArgument);
    EXPECT_EQ(second.listen("unix:").error().code, Code::kInvalidArgument);
}

TEST_F(ServerTest, AnAddressIsTakenWithoutAnsweringThere) {
    auto bound = Listener::bind("127.0.0.1:0");
    ASSERT_TRUE(bound);
    Server server({}, [](Exchange& exchange) { exchange.respond({}); });
    ASSERT_TRUE(server.listen(std::move(*bound)));
    const std::string where = "127.0.0.1:" + std::to_string(server.port());
    EXPECT_EQ(Listener::bind(where).error().code, Code::kConflict);
    server.stop(0);

    auto first = Listener::bind(where);
    auto second = Listener::bind(where);
    ASSERT_TRUE(first && second);
    Client client(where);
    EXPECT_EQ(client.send({}, 10'000).error().code, Code::kUnavailable) << "nobody listens yet";
    Server one({}, [](Exchange& exchange) { exchange.respond({}); });
    Server other({}, [](Exchange& exchange) { exchange.respond({}); });
    ASSERT_TRUE(one.listen(std::move(*first)));
    EXPECT_EQ(other.listen(std::move(*second)).error().code, Code::kConflict);
}

TEST_F(ServerTest, RequestsAreCountedByClass) {
    metrics::Counter& found = metrics::counter("footfall_http_requests_total", "", "status=\"2xx\"");
    metrics::Counter& refused = metrics::counter("footfall_http_requests_total", "", "status=\"4xx\"");
    metrics::Counter& bad = metrics::counter("footfall_http_bad_requests_total", "");
    start_echo();
    const std::uint64_t before[] = {found.value(), refused.value(), bad.value()};
    roundtrip(kGet + kGet + "nonsense\r\n\r\n");
    EXPECT_EQ(found.value() - before[0], 2u);
    EXPECT_EQ(refused.value() - before[1], 1u);
    EXPECT_EQ(bad.value() - before[2], 1u);
}

TEST_F(ServerTest, CommonHeadersAreOnEveryAnswerThatDoesNotSayOtherwise) {
    ServerOptions options;
    options.common_headers = {{"X-Common", "always"}, {"Cache-Control", "no-store"}};
    options.body_bytes_max = 10;
    start(
        options,
        [](Exchange& exchange) {
            Response response;
            if (exchange.request().path == "/own") response.headers.emplace_back("cache-control", "public");
            if (exchange.request().path == "/empty") response.status = 204;
            exchange.respond(std::move(response));
        },
        [](const Request& request) -> std::optional<Response> {
            if (request.path == "/early") return Response{.status = 401};
            return std::nullopt;
        });
    const std::string host = " HTTP/1.1\r\nHost: x\r\n";
    for (const std::string& sent : {"GET /" + host + "\r\n", "GET /empty" + host + "\r\n", "HEAD /" + host + "\r\n",
                                    "POST /early" + host + "Content-Length: 1\r\n\r\n", std::string("nonsense\r\n\r\n"),
                                    "POST /" + host + "Content-Length: 11\r\n\r\n"}) {
        const std::string answer = roundtrip(sent);
        EXPECT_EQ(count(answer, "X-Common: always\r\n"), 1) << answer;
        EXPECT_EQ(count(answer, "Cache-Control: no-store\r\n"), 1) << answer;
    }
    const std::string own = roundtrip("GET /own" + host + "\r\n");
    EXPECT_EQ(count(own, "X-Common: always\r\n"), 1) << own;
    EXPECT_EQ(count(own, "no-store"), 0) << own;
    EXPECT_EQ(count(own, "cache-control: public\r\n"), 1) << own;
}

TEST_F(ServerTest, HeadersOfAPathAreOnAllItsAnswersAndOnThoseThatKnowNoPath) {
    static const Headers kOpen = {{"X-Open", "yes"}, {"X-Common", "else"}};
    static const Headers kNone;
    ServerOptions options;
    options.common_headers = {{"X-Common", "always"}};
    options.headers_of = [](std::string_view path) -> const Headers& {
        return path.empty() || path == "/open" ? kOpen : kNone;
    };
    options.body_bytes_max = 10;
    options.body_timeout_ms = 50;
    start_echo(options, [](const Request& request) -> std::optional<Response> {
        if (request.query == "early") return Response{.status = 401};
        return std::nullopt;
    });
    const std::string host = " HTTP/1.1\r\nHost: x\r\n";
    const std::string chunked = host + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string long_head = host + "A: " + std::string(20'000, 'a') + "\r\n\r\n";
    const auto expect = [&](const std::string& sent, const std::string& status, bool is_open) {
        Raw raw(port());
        raw.send(sent);
        const std::string answer = raw.read_until("\r\n\r\n");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + status)) << sent << answer;
        EXPECT_EQ(count(answer, "X-Open: yes\r\n"), is_open ? 1 : 0) << sent << answer;
        EXPECT_EQ(count(answer, "X-Common: else\r\n"), is_open ? 1 : 0) << sent << answer;
        EXPECT_EQ(count(answer, "X-Common: "), 1) << sent << answer;
    };
    for (const bool is_open : {true, false}) {
        const std::string post = std::string("POST ") + (is_open ? "/open" : "/other");
        expect(post + host + "\r\n", "200", is_open);
        expect(post + "?early" + host + "Content-Length: 1\r\n\r\n", "401", is_open);
        expect(post + host + "Content-Length: 11\r\n\r\n", "413", is_open);
        expect(post + host + "Content-Length: x\r\n\r\n", "400", is_open);
        expect(post + chunked + "b\r\n12345678901\r\n", "413", is_open);
        expect(post + chunked + "1\r\n", "408", is_open);
        expect(post + long_head, "431", true);
    }
    expect("nonsense\r\n\r\n", "400", true);
    // The path of the request before it is not that of the broken one.
    Raw raw(port());
    raw.send("GET /other" + host + "\r\n");
    raw.read_until("[]");
    raw.send("nonsense\r\n\r\n");
    EXPECT_EQ(count(raw.read_until("\r\n\r\n"), "X-Open: yes\r\n"), 1);
}

TEST_F(ServerTest, WhoAnswersHearsThatTheClientHasGone) {
    std::atomic<Exchange*> held{nullptr};
    std::atomic<int> gone{0};
    start({}, [&](Exchange& exchange) {
        exchange.on_client_gone([&] { ++gone; });
        held = &exchange;
    });
    const auto answer = [&] { held.exchange(nullptr)->complete({.body = "late"}); };
    Raw reset(port());
    Raw closed(port());
    Raw half_closed(port());
    int told = 0;
    for (Raw* raw : {&reset, &closed, &half_closed}) {
        ASSERT_TRUE(raw->send(kGet));
        ASSERT_TRUE(eventually([&] { return held != nullptr; }));
        EXPECT_EQ(gone, told);
        if (raw == &reset) raw->reset();
        else if (raw == &closed) raw->close();
        else raw->finish();
        ASSERT_TRUE(eventually([&] { return gone == told + 1; }));
        ++told;
        answer();
    }
    EXPECT_EQ(count(half_closed.read_all(), "late"), 1) << "who has only ended its own side reads the answer";
    // One that sent everything and hung up before anybody looked.
    Raw quick(port());
    ASSERT_TRUE(quick.send(kGet));
    quick.close();
    ASSERT_TRUE(eventually([&] { return held != nullptr && gone == told + 1; }));
    answer();
    // One that stays, and goes after its answer.
    Raw staying(port());
    ASSERT_TRUE(staying.send(kGet));
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    answer();
    EXPECT_EQ(count(staying.read_until("late"), "late"), 1);
    staying.close();
    ASSERT_TRUE(eventually([&] { return open_connections() == 0; }));
    EXPECT_EQ(gone, told + 1);
}

}  // namespace
}  // namespace footfall::http
