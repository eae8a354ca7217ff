// Answers whose body comes bit by bit, over real sockets: order, framing, back-pressure, and every way in which they
// end.
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/body_stream.h"
#include "http/client.h"
#include "http/server_fixture.h"
#include "http/tls_fixture.h"

namespace footfall::http {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
// More than the sockets of a connection and the stream hold together, whatever the system's defaults.
constexpr std::size_t kTooMuch = 64u << 20;

/// The body of a chunked answer, as far as it came; `is_whole` where the last chunk did.
struct Dechunked {
    std::string body;
    bool is_whole = false;
    std::string rest;
};
Dechunked dechunked(std::string_view text) {
    Dechunked out;
    for (;;) {
        const std::size_t line_end = text.find("\r\n");
        if (line_end == std::string_view::npos) return out;
        const std::size_t size = std::stoul(std::string(text.substr(0, line_end)), nullptr, 16);
        text.remove_prefix(line_end + 2);
        if (size == 0) {
            out.is_whole = text.starts_with("\r\n");
            out.rest = text.substr(out.is_whole ? 2 : 0);
            return out;
        }
        out.body += text.substr(0, size);
        if (text.size() < size + 2) return out;
        EXPECT_EQ(text.substr(size, 2), "\r\n");
        text.remove_prefix(size + 2);
    }
}

/// Numbers, so that what is missing, doubled or in the wrong place is seen.
std::string numbers(std::size_t bytes) {
    std::string out;
    for (std::size_t i = 0; out.size() < bytes; ++i) out += std::to_string(i) + "\n";
    return out;
}

class StreamTest : public ServerTest {
protected:
    ~StreamTest() override {
        // No handler begins another one, and those that are under way end.
        if (server_) server_->stop(0);
        for (std::thread& thread : threads_) thread.join();
    }
    using Writer = std::function<void(BodyStream&)>;

    /// Answers GET / with what `writer` writes, on a thread of its own, and everything else at once.
    Handler streaming(Writer writer, Response head = {.content_type = "text/plain"}) {
        return [this, writer = std::move(writer), head = std::move(head)](Exchange& exchange) {
            if (exchange.request().path != "/") return exchange.respond({.body = "beside"});
            const std::lock_guard lock(mutex_);
            threads_.emplace_back([writer, stream = exchange.stream(head)] { writer(*stream); });
        };
    }
    void start_streaming(Writer writer, const ServerOptions& options = {}) {
        start(options, streaming(std::move(writer)));
    }

    std::mutex mutex_;
    std::vector<std::thread> threads_;
};

TEST_F(StreamTest, BytesArriveInTheirOrderInChunks) {
    const std::string text = numbers(3'000'000);
    start_streaming([&](BodyStream& stream) {
        std::string_view left = text;
        for (std::size_t n = 1; !left.empty(); n = n * 3 % 70'001) {
            EXPECT_TRUE(stream.write(left.substr(0, n)));
            left.remove_prefix(std::min(n, left.size()));
        }
        stream.end();
    });
    const std::string answer = roundtrip(kGet);
    const std::size_t head_end = answer.find("\r\n\r\n") + 4;
    const std::string head = answer.substr(0, head_end);
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
    EXPECT_EQ(count(head, "Transfer-Encoding: chunked\r\n"), 1) << head;
    EXPECT_EQ(count(head, "Content-Type: text/plain\r\n"), 1) << head;
    EXPECT_EQ(count(head, "Content-Length"), 0) << head;
    const Dechunked got = dechunked(std::string_view(answer).substr(head_end));
    EXPECT_TRUE(got.body == text) << got.body.size() << " of " << text.size();
    EXPECT_TRUE(got.is_whole);
    EXPECT_EQ(got.rest, "");
}

TEST_F(StreamTest, WhatIsWrittenIsSentBeforeTheEnd) {
    std::atomic<bool> may_end{false};
    start_streaming([&](BodyStream& stream) {
        EXPECT_TRUE(stream.write("first"));
        EXPECT_TRUE(eventually([&] { return may_end.load(); }));
        stream.end("last");
    });
    Raw raw(port());
    raw.send(kGet);
    EXPECT_TRUE(raw.read_until("first\r\n").ends_with("\r\n\r\n5\r\nfirst\r\n"));
    may_end = true;
    EXPECT_EQ(raw.read_until("0\r\n\r\n"), "4\r\nlast\r\n0\r\n\r\n");
}

TEST_F(StreamTest, TheConnectionGoesOnWithThePipelinedRequests) {
    start_streaming([](BodyStream& stream) {
        EXPECT_TRUE(stream.write("a"));
        stream.end();
    });
    Raw raw(port());
    raw.send(kGet + "GET /beside HTTP/1.1\r\nHost: x\r\n\r\n" + kGet + "GET /beside HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 2; ++i) {
        const std::string streamed = raw.read_until("0\r\n\r\n");
        EXPECT_TRUE(streamed.starts_with("HTTP/1.1 200 ")) << streamed;
        EXPECT_EQ(count(streamed, "Connection: close"), 0) << streamed;
        EXPECT_TRUE(raw.read_until("beside").starts_with("HTTP/1.1 200 "));
    }
    raw.send(kGet);
    EXPECT_TRUE(raw.read_until("0\r\n\r\n").ends_with("1\r\na\r\n0\r\n\r\n")) << "on the kept connection";
}

TEST_F(StreamTest, AClientThatReadsSlowlyMakesTheWriterWait) {
    std::atomic<std::size_t> written{0};
    std::atomic<bool> has_ended{false};
    const std::string piece(100'000, 'x');
    start_streaming([&](BodyStream& stream) {
        while (written < kTooMuch) {
            EXPECT_TRUE(stream.write(piece));
            written += piece.size();
        }
        stream.end();
        has_ended = true;
    });
    Raw raw(port());
    raw.send(kGet);
    raw.read_until("\r\n\r\n");
    // Nothing is read: it comes to a standstill. What it has written by then is what the sockets and the stream hold.
    std::size_t before = 0;
    EXPECT_TRUE(eventually([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        return std::exchange(before, written.load()) == written && written > 0;
    }));
    EXPECT_LT(written, kTooMuch / 2);
    EXPECT_FALSE(has_ended);
    std::string rest;
    std::string buffer(64 * 1024, '\0');
    while (!rest.ends_with("\r\n0\r\n\r\n")) {
        const ssize_t n = ::recv(raw.fd(), buffer.data(), buffer.size(), 0);
        ASSERT_GT(n, 0);
        rest.append(buffer, 0, static_cast<std::size_t>(n));
        if (rest.size() > 4'000'000) rest.erase(0, rest.size() - 1'000);
    }
    EXPECT_TRUE(eventually([&] { return has_ended.load(); }));
}

TEST_F(StreamTest, WhoDoesNotWantToWaitIsToldThatThereIsNoRoom) {
    std::atomic<bool> has_refused{false};
    const std::string piece(100'000, 'x');
    start_streaming([&](BodyStream& stream) {
        std::size_t taken = 0;
        while (taken < kTooMuch && stream.offer(piece)) {
            taken += piece.size();
            std::this_thread::yield();
        }
        EXPECT_LT(taken, kTooMuch);
        EXPECT_GT(taken, 0u);
        const Status late = stream.write(std::string(kTooMuch, 'x'), 10);
        EXPECT_TRUE(!late && late.error().code == Code::kTimeout);
        has_refused = true;
        // Behind it, of any size and without waiting.
        stream.end("the end" + std::string(1'000'000, '.'));
    });
    Raw raw(port());
    raw.send(kGet);
    ASSERT_TRUE(eventually([&] { return has_refused.load(); }));
    raw.finish();
    const std::string answer = raw.read_all();
    EXPECT_EQ(count(answer, "the end..."), 1);
    EXPECT_TRUE(answer.ends_with("...\r\n0\r\n\r\n"));
}

TEST_F(StreamTest, AClientThatLeavesEndsTheWriting) {
    for (const bool by_reset : {false, true}) {
        std::atomic<int> gone{0};
        std::atomic<bool> has_failed{false};
        start({}, [&, stream_to = streaming([&](BodyStream& stream) {
                          Status written;
                          do written = stream.write("some more ");
                          while (written);
                          EXPECT_EQ(written.error().code, Code::kUnavailable);
                          EXPECT_FALSE(stream.offer("x"));
                          stream.end();
                          has_failed = true;
                      })](Exchange& exchange) {
            exchange.on_client_gone([&] { ++gone; });
            stream_to(exchange);
        });
        Raw raw(port());
        raw.send(kGet);
        raw.read_until("some more ");
        EXPECT_EQ(gone, 0);
        if (by_reset) raw.reset();
        else raw.close();
        EXPECT_TRUE(eventually([&] { return has_failed.load(); }));
        EXPECT_TRUE(eventually([&] { return gone == 1 && open_connections() == 0; }));
    }
}

TEST_F(StreamTest, AnAbortedBodyIsSeenNotToBeWhole) {
    std::atomic<bool> may_abort{false};
    start_streaming([&](BodyStream& stream) {
        EXPECT_TRUE(stream.write("half"));
        EXPECT_TRUE(eventually([&] { return may_abort.load(); }));
        stream.abort();
    });
    Raw chunked(port());
    chunked.send(kGet);
    EXPECT_TRUE(chunked.read_until("half\r\n").ends_with("4\r\nhalf\r\n"));
    may_abort = true;
    EXPECT_EQ(chunked.read_all(), "") << "no last chunk";
    may_abort = false;
    Raw old(port());
    old.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(old.read_until("half").ends_with("\r\n\r\nhalf"));
    may_abort = true;
    EXPECT_EQ(old.read_all(), "");
    EXPECT_TRUE(old.was_reset()) << "an orderly end would be that of the body";
    Client client(address());
    const auto answer = client.send({}, 20'000);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kUnavailable);
}

TEST_F(StreamTest, AReaderThatNeverReadsIsCutOff) {
    metrics::Counter& timeouts = metrics::counter("footfall_http_timeouts_total", "");
    const std::uint64_t before = timeouts.value();
    std::atomic<bool> has_failed{false};
    start_streaming(
        [&](BodyStream& stream) {
            const Status written = stream.write(std::string(kTooMuch, 'x'));
            EXPECT_FALSE(written);
            has_failed = true;
            stream.abort();
        },
        {.write_timeout_ms = 100});
    Raw raw(port());
    raw.send(kGet);
    EXPECT_TRUE(eventually([&] { return has_failed.load(); }));
    EXPECT_EQ(timeouts.value() - before, 1u);
    EXPECT_TRUE(eventually([] { return open_connections() == 0; }));
    Raw other(port());
    other.send("GET /beside HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(other.read_until("beside").starts_with("HTTP/1.1 200 ")) << "others are served";
}

TEST_F(StreamTest, AWriterThatTakesItsTimeIsNotCutOff) {
    start_streaming(
        [](BodyStream& stream) {
            for (int i = 0; i < 5; ++i) {
                EXPECT_TRUE(stream.write("."));
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
            }
            stream.end();
        },
        {.header_timeout_ms = 30, .body_timeout_ms = 30, .idle_timeout_ms = 30, .write_timeout_ms = 30});
    EXPECT_TRUE(roundtrip(kGet).ends_with("0\r\n\r\n"));
}

TEST_F(StreamTest, ToHttp10TheEndOfTheConnectionIsTheEnd) {
    start_streaming([](BodyStream& stream) {
        EXPECT_TRUE(stream.write("one "));
        stream.end("two");
    });
    const std::string answer = roundtrip("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(answer.ends_with("\r\n\r\none two")) << answer;
    EXPECT_EQ(count(answer, "Connection: close\r\n"), 1) << answer;
    EXPECT_EQ(count(answer, "Transfer-Encoding"), 0) << answer;
    EXPECT_EQ(count(answer, "Content-Length"), 0) << answer;
}

TEST_F(StreamTest, HeadGetsNoBody) {
    const std::string piece(1'000'000, '#');
    start_streaming([&](BodyStream& stream) {
        EXPECT_TRUE(stream.write(piece));
        stream.end("last");
    });
    const std::string answer =
        roundtrip("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /beside HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answer.find('#'), std::string::npos);
    EXPECT_EQ(count(answer, "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n"), 1) << answer;
    EXPECT_TRUE(answer.ends_with("beside")) << answer;
}

TEST_F(StreamTest, AServerThatStopsLetsAStreamEndWithinItsGrace) {
    std::atomic<bool> is_stopping{false};
    start_streaming([&](BodyStream& stream) {
        EXPECT_TRUE(stream.write("first "));
        EXPECT_TRUE(eventually([&] { return is_stopping.load(); }));
        EXPECT_TRUE(stream.write("second"));
        stream.end();
    });
    Raw raw(port());
    raw.send(kGet);
    raw.read_until("first ");
    Raw idle(port());
    idle.send("GET /beside HTTP/1.1\r\nHost: x\r\n\r\n");
    idle.read_until("beside");
    std::thread stopper([&] { server_->stop(20'000); });
    EXPECT_EQ(idle.read_all(), "");
    is_stopping = true;
    EXPECT_TRUE(raw.read_all().ends_with("6\r\nsecond\r\n0\r\n\r\n"));
    stopper.join();
}

TEST_F(StreamTest, AServerWhoseGraceIsOverEndsTheWriting) {
    std::atomic<bool> has_failed{false};
    std::atomic<Exchange*> held{nullptr};
    auto stream_to = streaming([&](BodyStream& stream) {
        while (stream.write("and so on ")) {}
        has_failed = true;
        stream.end();
    });
    start({}, [&](Exchange& exchange) {
        if (exchange.request().path == "/held") held = &exchange;
        else stream_to(exchange);
    });
    Raw raw(port());
    raw.send(kGet);
    raw.read_until("and so on ");
    Raw late(port());
    late.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    server_->stop(10);
    EXPECT_TRUE(eventually([&] { return has_failed.load(); }));
    EXPECT_FALSE(raw.read_all().ends_with("0\r\n\r\n"));
    // One that is begun by somebody who does not know yet.
    const auto stream = held.load()->stream({});
    EXPECT_FALSE(stream->write(std::string(10 * BodyStream::kWaitingBytesMax, 'x')));
    stream->end();
    server_.reset();
    EXPECT_FALSE(stream->offer("x")) << "handles outlive the server";
}

TEST_F(StreamTest, ItGoesThroughTls) {
    const std::string text = numbers(2'000'000);
    server_ = std::make_unique<Server>(ServerOptions{}, streaming([&](BodyStream& stream) {
                                           std::string_view left = text;
                                           while (!left.empty()) {
                                               EXPECT_TRUE(stream.write(left.substr(0, 50'000)));
                                               left.remove_prefix(std::min<std::size_t>(50'000, left.size()));
                                           }
                                           stream.end();
                                       }));
    auto context = TlsContext::open(make_tls_pair("stream"));
    ASSERT_TRUE(context) << context.error().message;
    ASSERT_TRUE(server_->listen("127.0.0.1:0", std::move(*context)));
    ASSERT_TRUE(server_->start());
    TlsClient client(port());
    ASSERT_TRUE(client.is_connected()) << client.failure();
    client.send(kGet);
    client.read_until("\r\n\r\n");
    const Dechunked got = dechunked(client.read_until("\r\n0\r\n\r\n"));
    EXPECT_TRUE(got.body == text) << got.body.size();
    EXPECT_TRUE(got.is_whole);
    client.send("GET /beside HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.read_until("beside").starts_with("HTTP/1.1 200 ")) << "the connection goes on";
}

TEST_F(StreamTest, ManyAtOnceGetEachTheirOwn) {
    std::atomic<int> next{0};
    start_streaming(
        [&](BodyStream& stream) {
            const std::string piece = std::to_string(next++) + ",";
            for (int i = 0; i < 2'000; ++i) EXPECT_TRUE(stream.write(piece));
            stream.end();
        },
        {.loops = 2});
    std::vector<std::thread> clients;
    std::atomic<int> right{0};
    for (int c = 0; c < 8; ++c)
        clients.emplace_back([&] {
            Client client(address());
            for (int i = 0; i < 5; ++i) {
                const auto answer = client.send({}, 20'000);
                if (!answer) continue;
                const std::string piece = answer->body.substr(0, answer->body.find(',') + 1);
                std::string expected;
                for (int k = 0; k < 2'000; ++k) expected += piece;
                right += answer->body == expected ? 1 : 0;
            }
        });
    for (auto& client : clients) client.join();
    EXPECT_EQ(right, 40);
}

// The client's own side: a body by parts.

TEST_F(StreamTest, TheClientGivesABodyInPartsAsItComes) {
    std::atomic<bool> may_end{false};
    const std::string text = numbers(2'000'000);
    start_streaming([&](BodyStream& stream) {
        EXPECT_TRUE(stream.write("first"));
        EXPECT_TRUE(eventually([&] { return may_end.load(); }));
        EXPECT_TRUE(stream.write(text));
        stream.end();
    });
    Client client(address(), 1'000);  // which is no limit here
    std::string got;
    std::size_t largest = 0;
    const auto answer = client.send_streaming({}, 20'000, [&](const ClientResponse& head, std::string_view part) {
        EXPECT_EQ(head.status, 200);
        EXPECT_EQ(head.header("content-type"), "text/plain");
        got += part;
        largest = std::max(largest, part.size());
        may_end = true;
        return Status();
    });
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(got == "first" + text) << got.size();
    EXPECT_EQ(answer->body, "");
    EXPECT_LE(largest, 256u * 1024);
    EXPECT_TRUE(client.is_open());
    std::string of_length;
    ASSERT_TRUE(client.send_streaming({.target = "/beside"}, 20'000, [&](const ClientResponse&, std::string_view part) {
        of_length += part;
        return Status();
    }));
    EXPECT_EQ(of_length, "beside");
}

TEST_F(StreamTest, TheClientTellsWhoWantsNoMoreAndWhatIsNotWhole) {
    std::atomic<bool> has_failed{false};
    start_streaming([&](BodyStream& stream) {
        while (stream.write("some more ")) {}
        has_failed = true;
        stream.abort();
    });
    Client client(address());
    const auto refused = client.send_streaming(
        {}, 20'000, [](const ClientResponse&, std::string_view) -> Status { return Error(Code::kConflict, "enough"); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_FALSE(client.is_open());
    EXPECT_TRUE(eventually([&] { return has_failed.load(); })) << "the server hears of it";
}

}  // namespace
}  // namespace footfall::http
