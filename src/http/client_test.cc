// The client against our server, and against a server that does what its script says.
#include "http/client.h"

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/file.h"
#include "http/client_tls.h"
#include "http/encoding.h"
#include "http/server_fixture.h"
#include "http/tls_fixture.h"

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

std::string encoded_answer(std::string_view coding, const std::string& bytes, int status = 200) {
    return "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Encoding: " + std::string(coding) +
           "\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + bytes;
}

TEST(ClientTest, CompressedAnswersAreAskedForAndDecompressedHoweverTheyAreFramed) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919);
    for (const std::string_view coding : {"gzip", "zstd"}) {
        const std::string bytes = encode_body(coding, text);
        const std::string head = "HTTP/1.1 200 OK\r\nContent-Encoding: " + std::string(coding) + "\r\n";
        std::string chunks = head + "Transfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < bytes.size(); at += 7)
            chunks +=
                std::to_string(std::min<std::size_t>(7, bytes.size() - at)) + "\r\n" + bytes.substr(at, 7) + "\r\n";
        chunks += "0\r\n\r\n";
        ScriptedServer server(
            {{{encoded_answer(coding, bytes), chunks, encoded_answer(coding, encode_body(coding, "no"), 500),
               encoded_answer(coding, ""), kOk, encoded_answer("Identity", "as it is"), head + "\r\n" + bytes}}});
        // The limit is that of what comes out.
        Client client(server.address(), text.size());
        const ClientRequest request{.accept_encoding = coding};
        const auto expect = [&](int status, const std::string& body) {
            const auto response = client.send(request, 20'000);
            ASSERT_TRUE(response) << response.error().message;
            EXPECT_EQ(response->status, status);
            EXPECT_TRUE(response->body == body) << response->body.size() << " bytes for " << body.size();
        };
        expect(200, text);
        EXPECT_NE(server.first_head().find("\r\nAccept-Encoding: " + std::string(coding) + "\r\n"), std::string::npos)
            << server.first_head();
        expect(200, text);
        expect(500, "no");
        expect(200, "");
        expect(200, "ok");
        expect(200, "as it is");
        expect(200, text);
    }
}

TEST(ClientTest, AnAnswerThatNobodyWantedCompressedIsGivenAsItComes) {
    const std::string bytes = gzip("text");
    ScriptedServer server({{{encoded_answer("gzip", bytes)}}});
    Client client(server.address());
    EXPECT_EQ(client.send({}, 20'000)->body, bytes);
    EXPECT_EQ(server.first_head().find("Accept-Encoding"), std::string::npos);
}

TEST(ClientTest, CompressedAnswersOverTheLimitAreNotHeld) {
    for (const std::string_view coding : {"gzip", "zstd"}) {
        ScriptedServer server({{{encoded_answer(coding, encode_body(coding, std::string(1'001, 'x')))}},
                               {{encoded_answer(coding, encode_body(coding, std::string(64 << 20, '\0')))}}});
        Client client(server.address(), 1'000);
        for (int i = 0; i < 2; ++i)
            EXPECT_EQ(client.send({.accept_encoding = coding}, 20'000).error().code, Code::kTooLarge);
    }
}

TEST(ClientTest, CompressedAnswersThatCannotBeTrustedAreErrors) {
    for (const std::string_view coding : {"gzip", "zstd"}) {
        const std::string bytes = encode_body(coding, "a text that is cut short");
        for (const std::string& answer : {encoded_answer(coding, bytes.substr(0, bytes.size() - 1)),
                                          encoded_answer(coding, bytes + "x"), encoded_answer(coding, "plain text"),
                                          encoded_answer("lz4", bytes), encoded_answer("gzip, gzip", bytes)}) {
            ScriptedServer server({{{answer}}});
            Client client(server.address());
            const auto response = client.send({.accept_encoding = coding}, 20'000);
            ASSERT_FALSE(response) << answer;
            EXPECT_EQ(response.error().code, Code::kUnavailable) << answer;
            EXPECT_FALSE(client.is_open()) << answer;
        }
    }
}

TEST(ClientTest, ACompressedStreamIsGivenInPiecesHoweverDenseItIs) {
    constexpr std::size_t kBytes = 64 << 20;
    for (const std::string_view coding : {"gzip", "zstd"}) {
        ScriptedServer server({{{encoded_answer(coding, encode_body(coding, std::string(kBytes, '\0'))), kOk}}});
        // Of a stream the limit of whole answers is not asked.
        Client client(server.address(), 1'000);
        std::size_t bytes = 0;
        std::size_t largest = 0;
        const auto count = [&](const ClientResponse& head, std::string_view part) -> Status {
            EXPECT_EQ(head.status, 200);
            bytes += part.size();
            largest = std::max(largest, part.size());
            return {};
        };
        const auto response = client.send_streaming({.accept_encoding = coding}, 60'000, count);
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_EQ(response->body, "");
        EXPECT_EQ(bytes, kBytes);
        EXPECT_LT(largest, 256u << 10);
        EXPECT_EQ(client.send({.accept_encoding = coding}, 20'000)->body, "ok") << "the connection goes on";
    }
    ScriptedServer server({{{encoded_answer("gzip", gzip("text"))}}});
    Client client(server.address());
    const auto refused = client.send_streaming(
        {.accept_encoding = "gzip"}, 20'000,
        [](const ClientResponse&, std::string_view) -> Status { return Error(Code::kConflict, "enough"); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
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

class ClientTlsTest : public ServerTest {
protected:
    /// Echoes, by a certificate for `name`.
    void start_tls(const std::string& name) {
        files_ = make_tls_pair(name);
        server_ = std::make_unique<Server>(
            ServerOptions{.body_bytes_max = 64 << 20, .clock = &system_clock()},
            [](Exchange& exchange) { exchange.respond({.body = std::string(exchange.request().body)}); });
        ASSERT_TRUE(server_->listen("127.0.0.1:0", TlsContext::open(files_).value()));
        ASSERT_TRUE(server_->start());
    }
    std::string url() const { return "https://localhost:" + std::to_string(port()); }
    std::shared_ptr<const ClientTls> believing(const std::string& authorities) const {
        return ClientTls::open(authorities).value();
    }

    TlsFiles files_;
};

TEST_F(ClientTlsTest, BodiesOfEverySizeGoBothWaysOverOneConnection) {
    start_tls("localhost");
    Client client(url(), Client::kAnswerBytesMax, believing(files_.certificate));
    for (const std::size_t size : {0u, 1u, 16'384u, 16'385u, 1'000'000u, 32u << 20, 3u}) {
        std::string body(size, '\0');
        for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 3);
        const auto response = client.send({.method = "POST", .body = body}, 60'000);
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_TRUE(response->body == body) << size;
        EXPECT_TRUE(client.is_open());
    }
}

TEST_F(ClientTlsTest, AKeptConnectionIsNotTakenForAClosedOneBecauseTlsHadAWord) {
    start_tls("localhost");
    Client client(url(), Client::kAnswerBytesMax, believing(files_.certificate));
    ASSERT_TRUE(client.send({}, 10'000));
    // Tickets of TLS 1.3 may come behind the answer.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto again = client.send({.method = "POST", .body = "x"}, 10'000);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->body, "x");
}

TEST_F(ClientTlsTest, WhoIsNotBelievedGetsNothing) {
    start_tls("localhost");
    const TlsFiles others = make_tls_pair("other");
    Client distrusting(url(), Client::kAnswerBytesMax, believing(others.certificate));
    const auto refused = distrusting.send({.method = "POST", .body = "secret"}, 10'000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kUnavailable);
    EXPECT_NE(refused.error().message.find("is not believed"), std::string::npos) << refused.error().message;
    EXPECT_FALSE(distrusting.maybe_processed());

    Client by_another_name("https://127.0.0.1:" + std::to_string(port()), Client::kAnswerBytesMax,
                           believing(files_.certificate));
    EXPECT_FALSE(by_another_name.send({}, 10'000)) << "the certificate is for a name, not for this address";
}

TEST_F(ClientTlsTest, HttpAndHttpsAreNotMixed) {
    start_tls("localhost");
    EXPECT_EQ(Client(url()).send({}, 5'000).error().code, Code::kInvalidArgument);
    EXPECT_FALSE(Client("127.0.0.1:" + std::to_string(port())).send({}, 5'000).value_or(ClientResponse{}).status ==
                 200);
    EXPECT_FALSE(ClientTls::open("/nowhere.pem"));
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
