// The client against our server, and against a server that does what its script says.
#include "http/client.h"

#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/file.h"
#include "http/server_fixture.h"

namespace footfall::http {
namespace {

/// Takes connections one after the other; each one reads requests (the head, and a body of its Content-Length where
/// `reads_body`) and sends one answer of its list for each, then closes.
class ScriptedServer {
public:
    struct Connection {
        std::vector<std::string> answers;
        bool reads_body = true;
    };

    explicit ScriptedServer(std::vector<Connection> connections) : connections_(std::move(connections)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where;
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&where), size), 0);
        EXPECT_EQ(::listen(listener_, 16), 0);
        EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size), 0);
        port_ = ntohs(where.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~ScriptedServer() {
        drain();
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    int requests() const { return requests_; }
    int closed() const { return closed_; }
    /// Lets a server that does not wait for bodies read what else is sent.
    void drain() { may_drain_ = true; }
    /// Bytes that came after an answer that did not wait for them.
    std::size_t drained() const { return drained_; }
    /// Of the first request; read it after its answer.
    const std::string& first_head() const { return first_head_; }

private:
    void run() {
        for (const Connection& script : connections_) {
            const int fd = ::accept(listener_, nullptr, nullptr);
            if (fd < 0) return;
            std::string buffer;
            for (const std::string& answer : script.answers) {
                if (!read_request(fd, buffer, script.reads_body)) break;
                ++requests_;
                [[maybe_unused]] const ssize_t n = ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
            }
            if (!script.reads_body) {
                // The client sees the answer when it has to wait for room. A server that read as fast as it sends would
                // make it wait for none.
                ::shutdown(fd, SHUT_WR);
                while (!may_drain_) std::this_thread::yield();
                char rest[4096];
                for (ssize_t n = 0; (n = ::recv(fd, rest, sizeof rest, 0)) > 0;)
                    drained_ += static_cast<std::size_t>(n);
            }
            ::close(fd);
            ++closed_;
        }
    }
    bool read_request(int fd, std::string& buffer, bool reads_body) {
        for (;;) {
            const std::size_t head = buffer.find("\r\n\r\n");
            if (head != std::string::npos) {
                if (first_head_.empty()) first_head_ = buffer.substr(0, head + 4);
                const std::size_t at = buffer.find("Content-Length: ");
                const std::size_t length = reads_body && at < head ? std::stoul(buffer.substr(at + 16)) : 0;
                if (buffer.size() >= head + 4 + length) {
                    buffer.erase(0, head + 4 + length);
                    return true;
                }
            }
            char piece[4096];
            const ssize_t n = ::recv(fd, piece, sizeof piece, 0);
            if (n <= 0) return false;
            buffer.append(piece, static_cast<std::size_t>(n));
        }
    }

    std::vector<Connection> connections_;
    int listener_;
    std::uint16_t port_ = 0;
    std::atomic<int> requests_{0};
    std::atomic<int> closed_{0};
    std::atomic<bool> may_drain_{false};
    std::atomic<std::size_t> drained_{0};
    std::string first_head_;
    std::thread thread_;
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(ClientTest, ReadsAnswersHoweverTheyAreFramed) {
    std::string many_chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string joined;
    for (int i = 0; i < 20'000; ++i) {
        many_chunks += "1\r\nx\r\n";
        joined += 'x';
    }
    many_chunks += "0\r\n\r\n";
    const struct {
        std::string answer;
        int status;
        std::string body;
    } cases[] = {
        {kOk, 200, "ok"},
        {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
        {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nTrailer: t\r\n\r\n", 200,
         "abc"},
        {many_chunks, 200, joined},
        {"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kOk, 200, "ok"},
        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy", 503, "busy"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'y'), 200,
         std::string(1'000'000, 'y')},
    };
    for (const auto& [answer, status, body] : cases) {
        ScriptedServer server({{{answer}}});
        Client client(server.address());
        const auto response = client.send({}, 20'000);
        ASSERT_TRUE(response) << response.error().message << "\n" << answer.substr(0, 200);
        EXPECT_EQ(response->status, status);
        EXPECT_EQ(response->body, body) << answer.substr(0, 200);
    }
}

TEST(ClientTest, AnswersThatCannotBeTrustedAreErrors) {
    const std::string answers[] = {
        "",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncut",
        "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    };
    for (const std::string& answer : answers) {
        ScriptedServer server({{{answer}}});
        Client client(server.address());
        const auto response = client.send({}, 20'000);
        ASSERT_FALSE(response) << answer;
        EXPECT_EQ(response.error().code, Code::kUnavailable) << answer;
        EXPECT_TRUE(client.maybe_processed()) << answer;
        EXPECT_FALSE(client.is_open()) << answer;
    }
}

TEST(ClientTest, AnswersOverTheLimitAreNotHeld) {
    const std::string body(1'001, 'x');
    for (const std::string& answer :
         {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + body, "HTTP/1.0 200 OK\r\n\r\n" + body,
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + body.substr(0, 1'000) +
              "\r\n1\r\nx\r\n0\r\n\r\n"}) {
        ScriptedServer server({{{answer}}});
        Client client(server.address(), 1'000);
        EXPECT_EQ(client.send({}, 20'000).error().code, Code::kTooLarge) << answer.substr(0, 100);
    }
}

TEST(ClientTest, OneConnectionServesManyRequests) {
    ScriptedServer server({{{kOk, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                             "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", kOk}}});
    Client client(server.address());
    EXPECT_EQ(client.send({}, 20'000)->body, "ok");
    EXPECT_EQ(client.send({.method = "HEAD"}, 20'000)->body, "");
    EXPECT_EQ(client.send({}, 20'000)->status, 304);
    EXPECT_EQ(client.send({}, 20'000)->body, "ok");
    EXPECT_EQ(server.requests(), 4);
}

TEST(ClientTest, SendsWhatItIsGivenAndNoMore) {
    ScriptedServer server({{{kOk}}});
    Client client(server.address());
    ASSERT_TRUE(
        client.send({.method = "POST", .target = "/a?b=c", .headers = {{"X-Name", "value"}}, .body = "body"}, 20'000));
    EXPECT_EQ(server.first_head(),
              "POST /a?b=c HTTP/1.1\r\nHost: " + server.address() + "\r\nX-Name: value\r\nContent-Length: 4\r\n\r\n");
    for (const ClientRequest& broken : {ClientRequest{.target = "/a b"}, ClientRequest{.target = "/\r\nX: y"},
                                        ClientRequest{.headers = {{"A", "b\r\nC: d"}}}}) {
        EXPECT_EQ(client.send(broken, 20'000).error().code, Code::kInvalidArgument);
        EXPECT_FALSE(client.maybe_processed());
    }
}

TEST(ClientTest, AConnectionThatTheServerClosedIsOpenedAgain) {
    // The first connection closes after its answer without having said so.
    ScriptedServer server({{{kOk}}, {{kOk}}});
    Client client(server.address());
    ASSERT_TRUE(client.send({}, 20'000));
    ASSERT_TRUE(eventually([&] { return server.closed() == 1; }));
    EXPECT_TRUE(client.is_open());
    EXPECT_EQ(client.send({.method = "POST", .body = "insert"}, 20'000)->body, "ok");
    EXPECT_EQ(server.requests(), 2);
}

TEST(ClientTest, ARequestThatMayHaveBeenProcessedIsRepeatedOnlyIfItIsIdempotent) {
    for (const bool is_idempotent : {false, true}) {
        // The second request is read, and the connection closed without an answer.
        ScriptedServer server({{{kOk, ""}}, {{kOk}}});
        Client client(server.address());
        ASSERT_TRUE(client.send({}, 20'000));
        const auto response = client.send({.method = "POST", .body = "insert"}, 20'000, is_idempotent);
        EXPECT_EQ(response.has_value(), is_idempotent);
        if (!is_idempotent) {
            EXPECT_EQ(response.error().code, Code::kUnavailable);
            EXPECT_TRUE(client.maybe_processed());
        }
    }
    // On a connection that is new a broken answer is not repeated: the server is not idle, it fails.
    ScriptedServer server({{{""}}, {{kOk}}});
    Client client(server.address());
    EXPECT_FALSE(client.send({}, 20'000, true));
    EXPECT_EQ(server.requests(), 1);
}

TEST(ClientTest, WhatWasNotAskedForIsNotTakenForAnAnswer) {
    ScriptedServer server({{{kOk + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", kOk}}, {{kOk}}});
    Client client(server.address());
    EXPECT_EQ(client.send({}, 20'000)->body, "ok");
    EXPECT_EQ(client.send({}, 20'000)->body, "ok");
}

TEST(ClientTest, AnAnswerThatComesBeforeTheBodyIsSentIsRead) {
    ScriptedServer server(
        {{{"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"}, false}});
    Client client(server.address());
    const std::string body(64 << 20, 'x');
    const auto response = client.send({.method = "POST", .body = body}, 20'000);
    server.drain();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 413);
    EXPECT_EQ(response->body, "big");
    EXPECT_FALSE(client.is_open());
    // The rest was not sent.
    ASSERT_TRUE(eventually([&] { return server.closed() == 1; }));
    EXPECT_LT(server.drained(), body.size() / 2);
}

TEST(ClientTest, NobodyThereIsUnavailableAndNotProcessed) {
    std::string address;
    {
        const ScriptedServer server({});
        address = server.address();
    }
    for (const std::string& where : {address, "unix:" + testing::TempDir() + "nobody.sock",
                                     "unix:" + testing::TempDir() + std::string(120, 'd') + "/nobody.sock"}) {
        Client client(where);
        const auto response = client.send({}, 20'000);
        ASSERT_FALSE(response);
        EXPECT_EQ(response.error().code, Code::kUnavailable) << response.error().message;
        EXPECT_FALSE(client.maybe_processed());
    }
    for (const char* where : {"nonsense", "unix:", "127.0.0.1:http"})
        EXPECT_EQ(Client(where).send({}, 20'000).error().code, Code::kInvalidArgument) << where;
}

TEST(ClientTest, ADeadlineEndsEveryWait) {
    std::atomic<Exchange*> held{nullptr};
    Server silent({}, [&](Exchange& exchange) { held = &exchange; });
    ASSERT_TRUE(silent.listen("127.0.0.1:0"));
    ASSERT_TRUE(silent.start());
    Client client("127.0.0.1:" + std::to_string(silent.port()));
    const auto response = client.send({}, 50);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Code::kTimeout);
    EXPECT_TRUE(client.maybe_processed());
    EXPECT_FALSE(client.is_open());
    ASSERT_TRUE(eventually([&] { return held != nullptr; }));
    held.load()->complete({});

    // A unix socket whose backlog is full lets connections wait, but not for ever.
    const std::string path = testing::TempDir() + "http_full.sock";
    ASSERT_TRUE(remove_file(path));
    const auto where = resolve_address("unix:" + path);
    const File listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.fd(), where->front().get(), where->front().length()), 0);
    ASSERT_EQ(::listen(listener.fd(), 0), 0);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(std::make_unique<Client>("unix:" + path));
        EXPECT_EQ(clients.back()->send({}, 50).error().code, Code::kTimeout);
    }
    EXPECT_FALSE(clients.back()->maybe_processed());
}

class ClientServerTest : public ServerTest {};

TEST_F(ClientServerTest, LargeBodiesGoBothWaysOverBothKindsOfSocket) {
    const std::string path = "unix:" + testing::TempDir() + "http_client.sock";
    server_ = std::make_unique<Server>(
        ServerOptions{.body_bytes_max = 64 << 20, .clock = &system_clock()},
        [](Exchange& exchange) { exchange.respond({.body = std::string(exchange.request().body)}); });
    ASSERT_TRUE(server_->listen("127.0.0.1:0"));
    ASSERT_TRUE(server_->listen(path));
    ASSERT_TRUE(server_->start());
    std::string body(32 << 20, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 3);
    for (const std::string& where : {address(), path}) {
        Client client(where);
        for (int round = 0; round < 2; ++round) {
            const auto response = client.send({.method = "POST", .body = body}, 60'000);
            ASSERT_TRUE(response) << response.error().message;
            EXPECT_TRUE(response->body == body) << where;
        }
    }
}

TEST_F(ClientServerTest, EveryAddressOfANameIsTried) {
    start_echo();  // on 127.0.0.1 only, while "localhost" may be ::1 first
    EXPECT_EQ(Client("localhost:" + std::to_string(port())).send({}, 20'000)->status, 200);
}

TEST_F(ClientServerTest, AWaitEndsWhenItIsStoppedAndTheServerHearsOfIt) {
    std::atomic<Exchange*> held{nullptr};
    std::atomic<bool> is_gone{false};
    start({}, [&](Exchange& exchange) {
        if (exchange.request().path == "/fast") return exchange.respond({.body = "fast"});
        exchange.on_client_gone([&] { is_gone = true; });
        held = &exchange;
    });
    Client client(address());
    std::stop_source stop;
    std::jthread stopper([&] {
        EXPECT_TRUE(eventually([&] { return held != nullptr; }));
        stop.request_stop();
    });
    const auto stopped = client.send({}, 60'000, true, stop.get_token());
    ASSERT_FALSE(stopped.has_value());
    EXPECT_EQ(stopped.error().code, Code::kUnavailable);
    EXPECT_EQ(stopped.error().name, kStopped);
    EXPECT_TRUE(eventually([&] { return is_gone.load(); }));
    held.load()->complete({});
    EXPECT_EQ(client.send({.target = "/never"}, 60'000, true, stop.get_token()).error().name, kStopped);
    // The next one is another matter, with a wish of its own or none.
    std::stop_source other;
    for (const std::stop_token& token : {other.get_token(), std::stop_token()}) {
        const auto response = client.send({.target = "/fast"}, 20'000, true, token);
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_EQ(response->body, "fast");
    }
}

}  // namespace
}  // namespace footfall::http
