// Limits, slow and vanishing clients, early answers and the stop of the server, over real sockets.
#include <sys/resource.h>

#include <atomic>

#include "http/client.h"
#include "http/http.h"
#include "http/server_fixture.h"

namespace footfall::http {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

using ServerLimitsTest = ServerTest;

TEST_F(ServerLimitsTest, WhatIsNoRequestIsAnsweredWithItsStatusAndClosed) {
    start_echo({.header_bytes_max = 12 * 1024});
    const struct {
        std::string text;
        const char* status;
    } cases[] = {
        {"\x16\x03\x01\x02", "400"},
        {"GET / HTTP/1.1\n", "400"},
        {"GET / HTTP/1.1\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
        {"GET /" + std::string(9'000, 'a'), "414"},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(13'000, 'a'), "431"},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
        {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", "505"},
    };
    for (const auto& [text, status] : cases) {
        Raw raw(port());
        raw.send(text);
        const std::string answer = raw.read_until("}}");
        EXPECT_TRUE(answer.starts_with(std::string("HTTP/1.1 ") + status)) << text.substr(0, 80) << "\n" << answer;
        EXPECT_EQ(count(answer, "Connection: close\r\n"), 1);
        EXPECT_EQ(raw.read_all(), "");
        EXPECT_FALSE(raw.was_reset());
    }
}

TEST_F(ServerLimitsTest, TooLargeBodiesAreAnsweredEarlyAndWithoutAReset) {
    start_echo({.body_bytes_max = 1'000});
    EXPECT_TRUE(roundtrip("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1'000, 'x'))
                    .starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(roundtrip("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n")
                    .starts_with("HTTP/1.1 413 "));
    Raw raw(port());
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n");
    EXPECT_TRUE(raw.send(std::string(2'000'000, 'x')));
    raw.finish();
    const std::string answer = raw.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
    EXPECT_EQ(count(answer, "Connection: close\r\n"), 1);
    EXPECT_FALSE(raw.was_reset());
    const std::string chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_TRUE(roundtrip(chunked + "7d0\r\n" + std::string(2'000, 'x')).starts_with("HTTP/1.1 413 "));
    EXPECT_TRUE(roundtrip(chunked + "3e8\r\n" + std::string(1'000, 'x') + "\r\n1\r\n").starts_with("HTTP/1.1 413 "));
}

std::optional<Response> busy(const Request& request) {
    if (request.path != "/busy") return std::nullopt;
    return Response{.status = 503, .body = "busy"};
}

TEST_F(ServerLimitsTest, AnEarlyAnswerSparesTheClientItsBody) {
    std::atomic<int> handled{0};
    start(
        {},
        [&](Exchange& exchange) {
            ++handled;
            exchange.respond({});
        },
        busy);
    Raw raw(port());
    raw.send("POST /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_TRUE(raw.read_until("busy").starts_with("HTTP/1.1 503 "));
    EXPECT_EQ(handled, 0);
}

TEST_F(ServerLimitsTest, ARefusalByTheHeadersGoesBeforeTheBodysSize) {
    start_echo({.body_bytes_max = 1'000}, busy);
    EXPECT_TRUE(
        roundtrip("POST /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n").starts_with("HTTP/1.1 503 "));
}

TEST_F(ServerLimitsTest, ARefusalByTheHeadersEndsNoConnectionOnWhichNothingIsToCome) {
    start_echo({}, busy);
    Raw raw(port());
    raw.send("POST /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" + kGet);
    const std::string answer = raw.read_until("busy");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    EXPECT_EQ(count(answer, "Connection: close\r\n"), 0) << answer;
    EXPECT_TRUE(raw.read_until("[]").starts_with("HTTP/1.1 200 "));
    // Without a body there is nothing to be spared: the handler judges.
    raw.send("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(raw.read_until("[]").starts_with("HTTP/1.1 200 "));
}

double body_bytes() { return metrics::gauge("footfall_http_body_bytes", "").value(); }

std::string announced(std::size_t bytes) {
    return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}
const std::string kChunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(ServerLimitsTest, BodiesThatAreReceivedShareABudgetOfMemory) {
    metrics::Counter& refused = metrics::counter("footfall_http_bodies_refused_total", "");
    start_echo({.body_budget_bytes = 500'000});
    for (const std::string& half :
         {announced(1'000'000) + std::string(150'000, 'x'), kChunked + "f4240\r\n" + std::string(150'000, 'x')}) {
        Raw holder(port());
        ASSERT_TRUE(holder.send(half));
        EXPECT_TRUE(eventually([] { return body_bytes() > 130'000; }));
        const std::uint64_t before = refused.value();
        for (const std::string& sent : {announced(400'000) + std::string(400'000, 'x'),
                                        kChunked + "61a80\r\n" + std::string(400'000, 'x') + "\r\n0\r\n\r\n"}) {
            Raw raw(port());
            raw.send(sent);
            const std::string answer = raw.read_until("}}");
            EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
            EXPECT_EQ(count(answer, "Retry-After: 2\r\n"), 1) << answer;
            raw.finish();
            EXPECT_EQ(raw.read_all(), "");
            EXPECT_FALSE(raw.was_reset());
        }
        EXPECT_EQ(refused.value() - before, 2u);
        EXPECT_TRUE(roundtrip(announced(10'000) + std::string(10'000, 'x')).starts_with("HTTP/1.1 200 "))
            << "small ones need nothing of it";
        holder.close();
        EXPECT_TRUE(eventually([] { return body_bytes() == 0; }));
        EXPECT_TRUE(roundtrip(announced(250'000) + std::string(250'000, 'x')).starts_with("HTTP/1.1 200 "));
    }
}

TEST_F(ServerLimitsTest, ABodysMemoryIsGivenBackHoweverItEnds) {
    const std::string half = announced(200'000) + std::string(100'000, 'x');
    const auto is_held = [] { return body_bytes() > 80'000; };
    const auto is_free = [] { return body_bytes() == 0; };
    std::atomic<Exchange*> held{nullptr};
    start({.body_timeout_ms = 20'000}, [&](Exchange& exchange) { held = &exchange; });
    Raw answered(port());
    ASSERT_TRUE(answered.send(half));
    EXPECT_TRUE(eventually(is_held));
    ASSERT_TRUE(answered.send(std::string(100'000, 'x')));
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    EXPECT_TRUE(is_held()) << "as long as it is judged";
    held.exchange(nullptr)->complete({.body = "done"});
    EXPECT_TRUE(answered.read_until("done").starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(eventually(is_free)) << "the connection is open";

    Raw closed(port());
    ASSERT_TRUE(closed.send(half));
    EXPECT_TRUE(eventually(is_held));
    closed.reset();
    EXPECT_TRUE(eventually(is_free));

    Raw gone(port());
    ASSERT_TRUE(gone.send(half + std::string(100'000, 'x')));
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    gone.reset();
    held.exchange(nullptr)->complete({});
    EXPECT_TRUE(eventually(is_free)) << "nobody is there to read the answer";

    start({.body_timeout_ms = 50}, [](Exchange&) {});
    Raw slow(port());
    ASSERT_TRUE(slow.send(half));
    EXPECT_TRUE(slow.read_until("\r\n").starts_with("HTTP/1.1 408 "));
    EXPECT_TRUE(eventually(is_free)) << "while it is drained too";

    start({.body_bytes_max = 150'000}, [](Exchange&) {});
    Raw large(port());
    ASSERT_TRUE(large.send(kChunked + "186a0\r\n" + std::string(100'000, 'x') + "\r\n186a0\r\n"));
    EXPECT_TRUE(large.read_until("\r\n").starts_with("HTTP/1.1 413 "));
    EXPECT_TRUE(eventually(is_free));
}

TEST_F(ServerLimitsTest, WhatIsSentAfterAnEarlyAnswerIsDrainedSoThatItIsRead) {
    start_echo({.body_bytes_max = 4 << 20}, busy);
    Raw raw(port());
    raw.send("POST /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
    EXPECT_TRUE(raw.send(std::string(3'000'000, 'x')));
    const std::string answer = raw.read_until("busy");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    raw.finish();
    EXPECT_EQ(raw.read_all(), "");
    EXPECT_FALSE(raw.was_reset());
}

TEST_F(ServerLimitsTest, DrainingEndsAtItsBytesAndAtItsTime) {
    start_echo({.drain_bytes_max = 100'000}, busy);
    Raw endless(port());
    endless.send("POST /busy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string piece(100'000, 'x');
    EXPECT_TRUE(eventually([&] { return !endless.send(piece); }));

    start_echo({.drain_ms = 50}, busy);
    Raw silent(port());
    silent.send("POST /busy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    silent.read_until("busy");
    EXPECT_TRUE(eventually([&] { return !silent.send("x"); }));
}

TEST_F(ServerLimitsTest, SlowClientsAreCutAtTheirLimits) {
    start_echo({.header_timeout_ms = 50, .body_timeout_ms = 50, .idle_timeout_ms = 50});
    metrics::Counter& timeouts = metrics::counter("footfall_http_timeouts_total", "");
    const std::uint64_t before = timeouts.value();
    const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
    for (const std::string& text :
         {std::string("GET / HT"), head, head + "Content-Length: 5\r\n\r\n", head + "Content-Length: 5\r\n\r\nab",
          head + "Transfer-Encoding: chunked\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
        Raw raw(port());
        raw.send(text);
        EXPECT_TRUE(raw.read_all().starts_with("HTTP/1.1 408 ")) << text;
    }
    Raw silent(port());
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_EQ(timeouts.value() - before, 7u);
    Raw idle(port());
    idle.send(kGet);
    EXPECT_EQ(count(idle.read_all(), "HTTP/1.1 "), 1);
    // Being idle is no fault.
    EXPECT_EQ(timeouts.value() - before, 7u);
}

TEST_F(ServerLimitsTest, ADripDoesNotProlongTheTimeOfAHeader) {
    start_echo({.header_timeout_ms = 100, .drain_ms = 50});
    Raw raw(port());
    raw.send("GET / HTTP/1.1\r\nHost: x\r\nA: ");
    EXPECT_TRUE(eventually([&] { return !raw.send("a"); }));
}

TEST_F(ServerLimitsTest, AClientThatDoesNotReadIsCut) {
    start({.write_timeout_ms = 100},
          [](Exchange& exchange) { exchange.respond({.body = std::string(8'000'000, 'x')}); });
    metrics::Counter& timeouts = metrics::counter("footfall_http_timeouts_total", "");
    const std::uint64_t before = timeouts.value();
    Raw raw(port());
    raw.send(kGet);
    EXPECT_TRUE(eventually([&] { return timeouts.value() > before; }));
    EXPECT_TRUE(eventually([] { return open_connections() == 0; }));
}

TEST_F(ServerLimitsTest, ConnectionsOverTheLimitAreTurnedAway) {
    start_echo({.connections_max = 3});
    std::vector<std::unique_ptr<Raw>> open;
    for (int i = 0; i < 3; ++i) {
        open.push_back(std::make_unique<Raw>(port()));
        open.back()->send(kGet);
        EXPECT_TRUE(open.back()->read_until("[]").starts_with("HTTP/1.1 200 "));
    }
    Raw refused(port());
    refused.send(kGet);
    const std::string answer = refused.read_until("}}");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    EXPECT_EQ(count(answer, "Retry-After: "), 1);
    open.pop_back();
    EXPECT_TRUE(eventually([&] {
        Raw again(port());
        again.send(kGet);
        return again.read_until("\r\n").starts_with("HTTP/1.1 200 ");
    }));
}

TEST_F(ServerLimitsTest, OneAddressGetsNoMoreThanItsShare) {
    start_echo({.connections_per_address_max = 2, .common_headers = {{"X-Common", "always"}}});
    Raw first(port());
    Raw second(port());
    for (Raw* raw : {&first, &second}) {
        raw->send(kGet);
        EXPECT_TRUE(raw->read_until("[]").starts_with("HTTP/1.1 200 "));
    }
    // Those turned away do not pile up either; whether they are dropped at once or not, they are told the same.
    std::vector<std::unique_ptr<Raw>> more;
    for (int i = 0; i < 100; ++i) more.push_back(std::make_unique<Raw>(port()));
    for (auto& raw : more) {
        const std::string answer = raw->read_until("}}");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
        for (const char* line : {"Retry-After: 2\r\n", "Content-Type: application/json\r\n", "X-Common: always\r\n",
                                 "Connection: close\r\n"})
            EXPECT_EQ(count(answer, line), 1) << answer;
        EXPECT_EQ(count(answer, R"({"error":{"code":"overloaded","message":)"), 1) << answer;
    }
    more.clear();
    first.close();
    EXPECT_TRUE(eventually([&] {
        Raw again(port());
        again.send(kGet);
        return again.read_until("\r\n").starts_with("HTTP/1.1 200 ");
    }));
}

TEST_F(ServerLimitsTest, AThousandConnectionsAreServed) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_GE(limit.rlim_max, 4'096u);
    const rlimit raised{4'096, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &raised), 0);
    {
        start_echo({.loops = 2});
        std::vector<std::unique_ptr<Raw>> open;
        for (int i = 0; i < 1'000; ++i) open.push_back(std::make_unique<Raw>(port()));
        for (int round = 0; round < 3; ++round) {
            for (auto& raw : open) ASSERT_TRUE(raw->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"));
            for (auto& raw : open) ASSERT_TRUE(raw->read_until("]").ends_with("POST / [ab]"));
        }
        EXPECT_EQ(open_connections(), 1'000);
        open.clear();
        EXPECT_TRUE(eventually([] { return open_connections() == 0; }));
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_F(ServerLimitsTest, WithoutDescriptorsAcceptingPausesAndGoesOn) {
    start_echo();
    metrics::Counter& pauses = metrics::counter("footfall_http_accept_pauses_total", "");
    const std::uint64_t before = pauses.value();
    Raw kept(port());
    kept.send(kGet);
    kept.read_until("[]");
    const int next = ::dup(0);
    ::close(next);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    // One descriptor more, which the client takes: there is none for the server's end.
    const rlimit scarce{static_cast<rlim_t>(next) + 1, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &scarce), 0);
    Raw waiting(port());
    EXPECT_TRUE(waiting.is_connected());
    waiting.send(kGet);
    EXPECT_TRUE(eventually([&] { return pauses.value() > before; }));
    kept.send(kGet);
    EXPECT_TRUE(kept.read_until("[]").starts_with("HTTP/1.1 200 "));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_TRUE(waiting.read_until("[]").starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerLimitsTest, ARequestOutlivesItsClient) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) { held = &exchange; });
    for (const bool by_reset : {false, true}) {
        held = nullptr;
        Raw raw(port());
        raw.send("POST /gone HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
        ASSERT_TRUE(eventually([&] { return held != nullptr; }));
        if (by_reset) raw.reset();
        else raw.close();
        EXPECT_EQ(held.load()->request().body, "body");
        EXPECT_EQ(held.load()->request().path, "/gone");
        EXPECT_EQ(open_connections(), 1);
        held.load()->complete({.body = "nobody reads this"});
        EXPECT_TRUE(eventually([] { return open_connections() == 0; }));
    }
}

TEST_F(ServerLimitsTest, WhoLeavesIsForgottenAtOnce) {
    start_echo();
    Raw idle(port());
    idle.send(kGet);
    idle.read_until("[]");
    Raw in_header(port());
    in_header.send("GET /");
    Raw in_body(port());
    in_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n");
    ASSERT_TRUE(eventually([] { return open_connections() == 3; }));
    idle.close();
    in_header.close();
    in_body.reset();
    EXPECT_TRUE(eventually([] { return open_connections() == 0; }));
}

TEST_F(ServerLimitsTest, StopAnswersWhatIsInFlightAndClosesWhatIsIdle) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) {
        if (exchange.request().path == "/slow") held = &exchange;
        else exchange.respond({});
    });
    Raw idle(port());
    idle.send(kGet);
    idle.read_until("\r\n\r\n");
    Raw busy_one(port());
    busy_one.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    std::thread stopper([&] { server_->stop(20'000); });
    EXPECT_EQ(idle.read_all(), "");
    EXPECT_FALSE(Raw(port()).is_connected());
    held.load()->complete({});
    const std::string answer = busy_one.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_EQ(count(answer, "Connection: close\r\n"), 1);
    stopper.join();
}

TEST_F(ServerLimitsTest, AnIdleServerStopsWithoutWaitingForItsGrace) {
    start_echo({.loops = 2});
    Raw idle(port());
    idle.send(kGet);
    idle.read_until("[]");
    const auto before = std::chrono::steady_clock::now();
    server_->stop(60'000);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
}

TEST_F(ServerLimitsTest, AnAnswerAfterTheStopIsDroppedSafely) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) { held = &exchange; });
    Raw raw(port());
    raw.send(kGet);
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    server_->stop(10);
    EXPECT_EQ(raw.read_all(), "");
    EXPECT_EQ(held.load()->request().path, "/");
    held.load()->complete({});
    server_.reset();
}

// Every request that a handler saw is answered whole; a request that nobody saw may find its connection closed.
TEST_F(ServerLimitsTest, StopUnderLoadLosesNoRequestThatWasHandled) {
    for (int round = 0; round < 5; ++round) {
        std::atomic<int> handled{0};
        start({.loops = 2}, [&](Exchange& exchange) {
            ++handled;
            exchange.respond({.body = std::string(2'000, 'x')});
        });
        std::atomic<int> answered{0};
        std::atomic<int> torn{0};
        std::vector<std::thread> clients;
        for (int c = 0; c < 8; ++c) {
            clients.emplace_back([&] {
                Client client(address());
                for (;;) {
                    const auto response = client.send({.method = "POST", .body = "some body"}, 20'000);
                    if (!response) {
                        torn += response.error().code != Code::kUnavailable ? 1 : 0;
                        return;
                    }
                    answered += response->status == 200 && response->body.size() == 2'000 ? 1 : 0;
                }
            });
        }
        EXPECT_TRUE(eventually([&] { return answered > 200; }));
        server_->stop(20'000);
        for (auto& client : clients) client.join();
        EXPECT_EQ(answered, handled);
        EXPECT_EQ(torn, 0);
    }
}

}  // namespace
}  // namespace footfall::http
