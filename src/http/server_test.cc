// The server over real sockets. Answers are read as a raw client reads them, so that what is on the wire is what is tested.
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "http/address.h"
#include "http/client.h"
#include "http/http.h"
#include "http/router.h"

namespace footfall::http {
namespace {

class Raw {
public:
    explicit Raw(std::uint16_t port) {
        const auto where = resolve_address("127.0.0.1:" + std::to_string(port));
        fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
        EXPECT_EQ(::connect(fd_, where->get(), where->length()), 0);
        timeval limit{10, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    ~Raw() { ::close(fd_); }
    void send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    void finish() { ::shutdown(fd_, SHUT_WR); }
    /// Everything until the server closes.
    std::string read_all() {
        std::string out;
        char buffer[4096];
        for (;;) {
            const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
            if (n <= 0) {
                reset_ = n < 0 && errno == ECONNRESET;
                return out;
            }
            out.append(buffer, static_cast<std::size_t>(n));
        }
    }
    std::string read_until(std::string_view end) {
        std::string out;
        char byte;
        while (!out.ends_with(end) && ::recv(fd_, &byte, 1, 0) == 1) out += byte;
        return out;
    }
    bool was_reset() const { return reset_; }

private:
    int fd_;
    bool reset_ = false;
};

int count(const std::string& text, std::string_view part) {
    int n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

class ServerTest : public testing::Test {
protected:
    void start(ServerOptions options, Handler handler, HeaderCheck check = {}) {
        server_ = std::make_unique<Server>(options, std::move(handler), std::move(check));
        ASSERT_TRUE(server_->listen("127.0.0.1:0"));
        ASSERT_TRUE(server_->start());
    }
    void start_echo(ServerOptions options = {}) {
        start(options, [](Exchange& exchange) {
            Response response;
            response.body = std::string(exchange.request().method_name) + " " + std::string(exchange.request().path) + " [" + std::string(exchange.request().body) + "]";
            exchange.respond(std::move(response));
        });
    }
    std::uint16_t port() const { return server_->port(); }
    std::string roundtrip(const std::string& text) {
        Raw raw(port());
        raw.send(text);
        raw.finish();
        return raw.read_all();
    }
    std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersWithLengthDateAndServer) {
    start_echo();
    const std::string answer = roundtrip("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_NE(answer.find("\r\nContent-Length: 15\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nDate: "), std::string::npos);
    EXPECT_NE(answer.find("\r\nServer: footfall\r\n"), std::string::npos);
    EXPECT_TRUE(answer.ends_with("POST /a [hello]")) << answer;
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
    start_echo();
    std::string text;
    for (int i = 0; i < 50; ++i) text += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    const std::string answer = roundtrip(text);
    EXPECT_EQ(count(answer, "HTTP/1.1 200"), 50);
    std::size_t at = 0;
    for (int i = 0; i < 50; ++i) {
        const std::size_t next = answer.find("POST /" + std::to_string(i) + " [abc]");
        ASSERT_NE(next, std::string::npos);
        EXPECT_GE(next, at);
        at = next;
    }
}

TEST_F(ServerTest, BodiesInAnyPiecesArriveWhole) {
    start_echo();
    const std::string body(300'000, 'b');
    const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    Raw raw(port());
    raw.send(head.substr(0, 10));
    raw.send(head.substr(10));
    for (std::size_t at = 0; at < body.size(); at += 70'001) raw.send(std::string_view(body).substr(at, 70'001));
    EXPECT_TRUE(raw.read_all().ends_with("[" + body + "]"));

    std::string chunked = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 1'000; ++i) chunked += "a\r\n0123456789\r\n";
    chunked += "0\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string answer = roundtrip(chunked);
    EXPECT_EQ(count(answer, "0123456789"), 1'000);
    EXPECT_TRUE(answer.ends_with("GET /next []")) << answer.substr(answer.size() - 100);
}

TEST_F(ServerTest, TooLargeBodiesAreAnsweredEarlyAndWithoutAReset) {
    start_echo({.body_bytes_max = 1000});
    Raw raw(port());
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n");
    raw.send(std::string(2'000'000, 'x'));
    raw.finish();
    const std::string answer = raw.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
    EXPECT_FALSE(raw.was_reset());
    EXPECT_TRUE(roundtrip("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x')).starts_with("HTTP/1.1 413 "));
}

TEST_F(ServerTest, HeaderCheckAnswersBeforeTheBodyIsSent) {
    std::atomic<int> handled{0};
    start({}, [&](Exchange& exchange) { ++handled; exchange.respond({}); },
          [](const Request& request) -> std::optional<Response> {
              if (request.path != "/busy") return std::nullopt;
              Response response;
              response.status = 503;
              return response;
          });
    Raw raw(port());
    raw.send("POST /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_TRUE(raw.read_until("\r\n\r\n").starts_with("HTTP/1.1 503 "));
    EXPECT_EQ(handled, 0);
    Raw other(port());
    other.send("POST /free HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(other.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    other.send("abc");
    EXPECT_TRUE(other.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, SlowClientsAreCutAtTheirLimits) {
    start_echo({.header_timeout_ms = 50, .body_timeout_ms = 50, .idle_timeout_ms = 50});
    Raw header(port());
    header.send("GET / HT");
    EXPECT_TRUE(header.read_all().starts_with("HTTP/1.1 408 "));
    Raw body(port());
    body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    EXPECT_TRUE(body.read_all().starts_with("HTTP/1.1 408 "));
    Raw silent(port());
    EXPECT_EQ(silent.read_all(), "");
    Raw idle(port());
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(count(idle.read_all(), "HTTP/1.1 200"), 1);
}

TEST_F(ServerTest, VersionAndHeadAreRespected) {
    start_echo();
    const std::string old = roundtrip("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(count(old, "HTTP/1.1 200"), 1);
    EXPECT_EQ(count(roundtrip("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200"), 2);
    const std::string head = roundtrip("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(head.find("Content-Length: 10\r\n"), std::string::npos) << head;
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
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
    start({.loops = 2}, [&](Exchange& exchange) {
        const std::lock_guard lock(mutex);
        waiting.push_back(&exchange);
    });
    std::vector<std::thread> clients;
    std::atomic<int> right{0};
    for (int c = 0; c < 8; ++c) {
        clients.emplace_back([&, c] {
            Client client("127.0.0.1:" + std::to_string(port()));
            for (int i = 0; i < 200; ++i) {
                const std::string body = std::to_string(c) + "/" + std::to_string(i);
                const auto response = client.send({.method = "POST", .target = "/", .body = body}, 10'000);
                if (response && response->body == body) ++right;
            }
        });
    }
    // Meanwhile clients that leave before their answer.
    for (int i = 0; i < 100; ++i) {
        Raw gone(port());
        gone.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    }
    for (auto& client : clients) client.join();
    EXPECT_EQ(right, 1'600);
    server_->stop(2'000);
    stop = true;
    worker.join();
}

TEST_F(ServerTest, StopAnswersWhatIsInFlightAndClosesWhatIsIdle) {
    std::atomic<Exchange*> held{nullptr};
    start({}, [&](Exchange& exchange) {
        if (exchange.request().path == "/slow") held = &exchange;
        else exchange.respond({});
    });
    Raw idle(port());
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    idle.read_until("\r\n\r\n");
    Raw busy(port());
    busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    while (held == nullptr) std::this_thread::yield();
    std::thread stopper([&] { server_->stop(10'000); });
    EXPECT_EQ(idle.read_all(), "");
    held.load()->complete({});
    const std::string answer = busy.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
    stopper.join();
}

TEST_F(ServerTest, ConnectionsOverTheLimitAreTurnedAway) {
    start_echo({.connections_max = 3});
    std::vector<std::unique_ptr<Raw>> open;
    for (int i = 0; i < 3; ++i) {
        open.push_back(std::make_unique<Raw>(port()));
        open.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(open.back()->read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    }
    EXPECT_TRUE(Raw(port()).read_all().starts_with("HTTP/1.1 503 "));
}

TEST_F(ServerTest, UnixSocketsOfAnyDepthWork) {
    std::string directory = testing::TempDir() + "http_" + std::string(100, 'd');
    ASSERT_TRUE(make_directories(directory));
    Server server({}, [](Exchange& exchange) {
        Response response;
        response.body = exchange.request().peer.is_unix ? "unix" : "tcp";
        exchange.respond(std::move(response));
    });
    const std::string address = "unix:" + directory + "/s.sock";
    ASSERT_TRUE(server.listen(address));
    ASSERT_TRUE(server.start());
    Client client(address);
    EXPECT_EQ(client.send({}, 5'000)->body, "unix");
    server.stop(0);
    EXPECT_EQ(client.send({}, 5'000).error().code, Code::kUnavailable);
    EXPECT_FALSE(client.maybe_processed());
}

TEST_F(ServerTest, AnAddressInUseIsSaidInOneSentence) {
    start_echo();
    Server second({}, [](Exchange& exchange) { exchange.respond({}); });
    const auto status = second.listen("127.0.0.1:" + std::to_string(port()));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kConflict);
}

TEST_F(ServerTest, RouterFindsPathsMethodsAndParameters) {
    Router router;
    const auto say = [](std::string text) {
        return [text](Exchange& exchange) {
            Response response;
            response.body = text + std::string(path_parameter("/sites/{id}/keys", exchange.request().path, "{id}"));
            exchange.respond(std::move(response));
        };
    };
    router.add(Method::kGet, "/sites/{id}/keys", say("keys of "));
    router.add(Method::kPost, "/events", say("post"));
    start({}, [&](Exchange& exchange) { router.handle(exchange); });
    Client client("127.0.0.1:" + std::to_string(port()));
    EXPECT_EQ(client.send({.target = "/sites/a/keys"}, 5'000)->body, "keys of a");
    EXPECT_EQ(client.send({.method = "HEAD", .target = "/sites/a/keys"}, 5'000)->status, 200);
    EXPECT_EQ(client.send({.target = "/sites//keys"}, 5'000)->status, 404);
    EXPECT_EQ(client.send({.target = "/sites/a/keys/"}, 5'000)->status, 404);
    const auto wrong = client.send({.target = "/events"}, 5'000);
    EXPECT_EQ(wrong->status, 405);
    EXPECT_EQ(wrong->header("allow"), "POST");
}

}  // namespace
}  // namespace footfall::http
