#include "http/tls.h"

#include <sys/stat.h>

#include <mutex>
#include <utility>
#include <vector>

#include "base/file.h"
#include "http/tls_fixture.h"
#include "http/websocket.h"
#include "http/websocket_fixture.h"

namespace footfall::http {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kLastGet = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

std::uint64_t failures() { return metrics::counter("footfall_http_tls_handshake_failures_total", "").value(); }

class TlsTest : public ServerTest {
protected:
    /// Answers "METHOD /path tls=1 [bytes of the body]", and to /large much more.
    void start_tls(const ServerOptions& options = {}, Handler handler = answer) {
        files_ = make_tls_pair("first.example");
        context_ = TlsContext::open(files_).value();
        server_ = std::make_unique<Server>(options, std::move(handler));
        ASSERT_TRUE(server_->listen("127.0.0.1:0", context_));
        ASSERT_TRUE(server_->start());
    }
    static void answer(Exchange& exchange) {
        const Request& request = exchange.request();
        Response response;
        if (request.path == "/large") {
            response.body = std::string(5'000'000, 'L');
        } else {
            response.body.append(request.method_name).append(" ").append(request.path);
            response.body += request.is_tls ? " tls=1 [" : " tls=0 [";
            response.body += std::to_string(request.body.size()) + "]";
        }
        exchange.respond(std::move(response));
    }

    TlsFiles files_;
    std::shared_ptr<TlsContext> context_;
};

TEST_F(TlsTest, BothVersionsAreAnsweredAndEndInOrder) {
    start_tls();
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsClient client(port(), {.version_min = version, .version_max = version, .protocols = "\x02h2\x08http/1.1"});
        ASSERT_TRUE(client.is_connected()) << client.failure();
        EXPECT_EQ(client.protocol(), "http/1.1");
        client.send(kGet);
        EXPECT_TRUE(client.read_until("]").ends_with("GET / tls=1 [0]"));
        client.send(kLastGet);
        EXPECT_TRUE(client.read_all().ends_with("GET / tls=1 [0]"));
        EXPECT_TRUE(client.ended_in_order());
        EXPECT_EQ(SSL_session_reused(client.ssl()), 0);
        EXPECT_FALSE(SSL_SESSION_has_ticket(SSL_get0_session(client.ssl())));
    }
}

TEST_F(TlsTest, OldVersionsWeakCiphersAndOtherProtocolsAreRefusedAndCounted) {
    start_tls();
    const std::uint64_t before = failures();
    TlsClient old(port(), {.version_min = TLS1_VERSION, .version_max = TLS1_1_VERSION});
    EXPECT_FALSE(old.is_connected());
    TlsClient other(port(), {.protocols = "\x02h2"});
    EXPECT_EQ(other.failure(), "tlsv1 alert no application protocol");
    EXPECT_TRUE(eventually([&] { return failures() == before + 2; }));
    TlsClient client(port(), {.version_max = TLS1_2_VERSION});
    ASSERT_TRUE(client.is_connected());
    EXPECT_EQ(client.protocol(), "");
    EXPECT_TRUE(std::string_view(SSL_get_cipher(client.ssl())).starts_with("ECDHE-ECDSA-"));
    // Asked for a new handshake, it goes on with the old one.
    SSL_renegotiate(client.ssl());
    EXPECT_NE(SSL_do_handshake(client.ssl()), 1);
}

TEST_F(TlsTest, WhoSpeaksPlainHttpIsToldAndOthersAreCut) {
    start_tls({.drain_ms = 50});
    const std::uint64_t before = failures();
    const std::string answer = roundtrip(kGet);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_NE(answer.find("this port speaks TLS; use https://"), std::string::npos) << answer;
    Raw garbage(port());
    garbage.send("SSH-2.0-OpenSSH_9.2\r\n");
    garbage.finish();
    // An alert, or nothing.
    EXPECT_EQ(count(garbage.read_all(), "HTTP"), 0);
    Raw gone(port());
    gone.close();
    EXPECT_TRUE(eventually([&] { return failures() == before + 3; }));
    TlsClient client(port());
    EXPECT_TRUE(client.is_connected());
}

TEST_F(TlsTest, AHandshakeHasTheTimeOfAHeader) {
    start_tls({.header_timeout_ms = 50});
    metrics::Counter& timeouts = metrics::counter("footfall_http_timeouts_total", "");
    const std::uint64_t before = timeouts.value();
    for (const char* begin : {"", "\x16\x03\x01\x02"}) {
        Raw raw(port());
        raw.send(begin);
        EXPECT_EQ(raw.read_all(), "");
        EXPECT_FALSE(raw.timed_out());
    }
    EXPECT_EQ(timeouts.value(), before + 2);
    // What is left of it is that of the first request. It is longer here, so that a busy machine ends the handshake.
    start_tls({.header_timeout_ms = 1'000});
    TlsClient silent(port());
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_TRUE(silent.ended_in_order());
    EXPECT_EQ(timeouts.value(), before + 3);
}

TEST_F(TlsTest, LargeBodiesArriveWholeAndSoDoLargeAnswersToSlowReaders) {
    start_tls();
    TlsClient client(port());
    const std::string body(1'000'000, 'b');
    const std::string head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
    EXPECT_TRUE(client.send(head + body + "GET /large HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kLastGet)));
    EXPECT_TRUE(client.read_until("]").ends_with("POST /a tls=1 [1000000]"));
    const std::string rest = client.read_all();
    EXPECT_TRUE(client.ended_in_order());
    EXPECT_EQ(count(rest, "HTTP/1.1 200 "), 2);
    EXPECT_GT(rest.size(), 5'000'000u);
    EXPECT_TRUE(rest.ends_with("GET / tls=1 [0]"));
}

TEST_F(TlsTest, BodiesInSmallRecordsAndChunksArriveWhole) {
    start_tls();
    TlsClient client(port());
    const std::string text =
        "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
        "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (const char c : text) ASSERT_TRUE(client.send({&c, 1}));
    EXPECT_TRUE(client.read_until("]").starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "));
    EXPECT_TRUE(client.read_until("]").ends_with("POST /b tls=1 [3]"));
}

TEST_F(TlsTest, WebSocketsWork) {
    std::shared_ptr<WebSocket> socket;
    start_tls({}, [&](Exchange& exchange) {
        auto upgraded = exchange.upgrade(
            {.message_bytes_max = 100'000},
            {.on_text = [&](std::string_view text) { socket->offer(std::make_shared<std::string>(text)); },
             .on_closed = {}});
        ASSERT_TRUE(upgraded);
        socket = *upgraded;
    });
    TlsClient client(port());
    client.send(
        "GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    const std::string text(60'000, 't');
    client.send(client_frame(kFinal | kText, text));
    EXPECT_EQ(client.read_until(std::string(60'000, 't')).size(), 4 + text.size());
    server_->stop(1'000);
}

// A text that was handed over is not taken back, whatever comes while it waits for room.
TEST_F(TlsTest, AWebSocketThatDoesNotReadGetsWholeTextsAndTheNewestLast) {
    std::shared_ptr<WebSocket> socket;
    std::mutex mutex;
    start_tls({}, [&](Exchange& exchange) {
        auto upgraded = exchange.upgrade({}, {});
        ASSERT_TRUE(upgraded);
        const std::lock_guard lock(mutex);
        socket = *upgraded;
    });
    TlsClient client(port());
    client.send(
        "GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    metrics::Counter& replaced = metrics::counter("footfall_http_websocket_texts_replaced_total", "");
    const std::uint64_t before = replaced.value();
    // Until the buffers of the kernel are full and some are replaced.
    int sent = 0;
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(mutex);
        socket->offer(std::make_shared<std::string>(std::string(99'990, 'w') + std::to_string(100'000 + sent++)));
        return replaced.value() > before + 100;
    }));
    socket->offer(std::make_shared<std::string>(std::string(99'992, 'w') + "the-end!"));
    socket->close(1000, {});
    client.raw().send("");
    std::string all = client.read_until("\x88\x02\x03\xe8");
    all.resize(all.size() - 4);
    const std::size_t frame = 10 + 99'996;
    EXPECT_EQ(all.size() % frame, 0u);
    for (std::size_t at = 0; at + frame <= all.size(); at += frame)
        EXPECT_EQ(all.substr(at, 2), "\x81\x7f") << "at " << at;
}

TEST_F(TlsTest, OverTheLimitsItIsTurnedAwayInItsOwnTongue) {
    start_tls({.connections_max = 1});
    TlsClient first(port());
    first.send(kGet);
    EXPECT_TRUE(first.read_until("]").starts_with("HTTP/1.1 200 "));
    TlsClient second(port());
    ASSERT_TRUE(second.is_connected());
    EXPECT_TRUE(second.read_until("}}").starts_with("HTTP/1.1 503 "));
}

TEST_F(TlsTest, APlainListenerOfTheSameServerStaysPlain) {
    start_tls();
    context_.reset();
    Server both({}, answer);
    ASSERT_TRUE(both.listen("127.0.0.1:0"));
    const std::string path = "unix:" + testing::TempDir() + "http_tls.sock";
    ASSERT_TRUE(both.listen(path, TlsContext::open(files_).value()));
    ASSERT_TRUE(both.start());
    Raw raw(both.port());
    raw.send(kLastGet);
    EXPECT_TRUE(raw.read_all().ends_with("GET / tls=0 [0]"));
}

TEST_F(TlsTest, AStopEndsWhatIsOpenInOrder) {
    start_tls();
    TlsClient idle(port());
    idle.send(kGet);
    idle.read_until("]");
    Raw shaking(port());
    shaking.send("\x16");
    server_->stop(5'000);
    EXPECT_EQ(idle.read_all(), "");
    EXPECT_TRUE(idle.ended_in_order());
    EXPECT_EQ(shaking.read_all(), "");
}

TEST_F(TlsTest, ARenewedPairIsTakenForNewConnectionsAndOpenOnesGoOn) {
    start_tls();
    TlsClient open(port());
    EXPECT_EQ(open.subject(), "first.example");
    const TlsFiles second = make_tls_pair("second.example", 30 * 24 * 3600);
    context_->refresh(TlsContext::Reread::kIfChanged);
    EXPECT_EQ(TlsClient(port()).subject(), "first.example");
    // One after the other, as tools write them: in between the pair does not fit, and the old one stays.
    ASSERT_TRUE(write_file_atomically(files_.certificate, *read_file(second.certificate)));
    context_->refresh(TlsContext::Reread::kIfChanged);
    EXPECT_EQ(TlsClient(port()).subject(), "first.example");
    ASSERT_TRUE(write_file_atomically(files_.key, *read_file(second.key)));
    context_->refresh(TlsContext::Reread::kIfChanged);
    EXPECT_EQ(TlsClient(port()).subject(), "second.example");
    const double expires = metrics::gauge("footfall_tls_certificate_expires_seconds", "").value();
    EXPECT_NEAR(expires, static_cast<double>(system_clock().wall_ms()) / 1000 + 30 * 24 * 3600, 60);
    open.send(kGet);
    EXPECT_TRUE(open.read_until("]").ends_with("GET / tls=1 [0]"));
    // Of files that are gone, too.
    ASSERT_TRUE(remove_file(files_.certificate));
    context_->refresh(TlsContext::Reread::kAlways);
    EXPECT_EQ(TlsClient(port()).subject(), "second.example");
}

TEST(TlsContextTest, APairThatDoesNotFitIsRefusedWithWhatToDo) {
    const TlsFiles one = make_tls_pair("one.example");
    const TlsFiles other = make_tls_pair("other.example");
    const std::string text = testing::TempDir() + "text.pem";
    ASSERT_TRUE(write_file_atomically(text, "no PEM\n"));
    const std::string cut = testing::TempDir() + "cut.pem";
    const std::string whole = *read_file(one.certificate);
    ASSERT_TRUE(write_file_atomically(cut, whole + whole.substr(0, whole.size() / 2)));
    const struct {
        TlsFiles files;
        std::string_view field;
        std::string_view message;
    } cases[] = {
        {{one.certificate, other.key}, "http.tls_key", "does not belong to the first certificate in"},
        {{one.certificate + "x", one.key}, "http.tls_certificate", "No such file or directory"},
        {{one.certificate, one.key + "x"}, "http.tls_key", "No such file or directory"},
        {{text, one.key}, "http.tls_certificate", "is no certificate in PEM form"},
        {{cut, one.key}, "http.tls_certificate", "is no certificate in PEM form"},
        {{one.key, one.key}, "http.tls_certificate", "is no certificate in PEM form"},
        {{one.certificate, text}, "http.tls_key", "is no private key in PEM form"},
    };
    for (const auto& [files, field, message] : cases) {
        const auto context = TlsContext::open(files);
        ASSERT_FALSE(context) << message;
        EXPECT_EQ(context.error().code, Code::kInvalidArgument);
        EXPECT_EQ(context.error().field, field) << context.error().message;
        EXPECT_NE(context.error().message.find(message), std::string::npos) << context.error().message;
        EXPECT_FALSE(inspect_tls_pair(files));
    }
}

TEST(TlsContextTest, AnExpiredCertificateIsTaken) {
    const TlsFiles files = make_tls_pair("expired.example", -24 * 3600);
    const auto context = TlsContext::open(files);
    ASSERT_TRUE(context) << context.error().message;
    EXPECT_LT((*context)->expires_s(), system_clock().wall_ms() / 1000);
}

TEST(TlsContextTest, AKeyThatOthersReadIsSeen) {
    const TlsFiles files = make_tls_pair("open.example");
    ASSERT_EQ(::chmod(files.key.c_str(), 0640), 0);
    EXPECT_FALSE(inspect_tls_pair(files)->others_read_key);
    ASSERT_EQ(::chmod(files.key.c_str(), 0644), 0);
    EXPECT_TRUE(inspect_tls_pair(files)->others_read_key);
}

}  // namespace
}  // namespace footfall::http
