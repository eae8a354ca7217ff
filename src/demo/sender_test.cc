// The sender against our own server, whose handler plays an endpoint that is busy, gone, or refuses.
#include "demo/sender.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <thread>
#include <vector>

#include "base/file.h"
#include "http/http.h"

namespace footfall::demo {
namespace {

constexpr std::string_view kTaken = R"({"status":"ok","received":1,"rejected":[],"duplicates":0})";

class SenderTest : public testing::Test {
protected:
    using Answers = std::vector<http::Response>;

    /// Gives the answers in turn, the last one again and again.
    void serve(Answers answers, const std::string& listen = "127.0.0.1:0") {
        server_ = std::make_unique<http::Server>(
            http::ServerOptions{}, [this, answers = std::move(answers)](http::Exchange& exchange) {
                const std::lock_guard lock(mutex_);
                bodies_.emplace_back(exchange.request().body);
                authorization_ = exchange.request().header("authorization");
                exchange.respond(http::Response(answers[std::min(bodies_.size(), answers.size()) - 1]));
            });
        ASSERT_TRUE(server_->listen(listen));
        ASSERT_TRUE(server_->start());
    }
    static http::Response answer(int status, std::string_view body = kTaken, const char* retry_after = nullptr) {
        http::Response response;
        response.status = status;
        response.body = body;
        if (retry_after != nullptr) response.headers.emplace_back("Retry-After", retry_after);
        return response;
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(server_->port()); }
    std::size_t requests() {
        const std::lock_guard lock(mutex_);
        return bodies_.size();
    }

    std::mutex mutex_;
    std::vector<std::string> bodies_;
    std::string authorization_;
    std::unique_ptr<http::Server> server_;
};

TEST_F(SenderTest, SendsTheBodyOnceWithItsKey) {
    serve({answer(200)});
    Sender sender(address(), "ff_secret", system_clock());
    ASSERT_TRUE(sender.send("[1]"));
    EXPECT_EQ(bodies_, (std::vector<std::string>{"[1]"}));
    EXPECT_EQ(authorization_, "Bearer ff_secret");
}

TEST_F(SenderTest, SendsTheSameAgainAfterTheTimeThatABusyServerNames) {
    serve({answer(503, "{}", "1"), answer(429, "{}", "1"), answer(200)});
    Sender sender(address(), "k", system_clock());
    const std::int64_t began = system_clock().steady_ns();
    ASSERT_TRUE(sender.send("[1]"));
    EXPECT_EQ(bodies_, (std::vector<std::string>{"[1]", "[1]", "[1]"}));
    EXPECT_GE(system_clock().steady_ns() - began, 2'000'000'000) << "it did not wait as long as it was told";
}

TEST_F(SenderTest, WaitsForAServerThatIsStartedAgain) {
    // The first server hangs up on whoever comes, and is gone.
    File dying(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    ASSERT_EQ(::bind(dying.fd(), reinterpret_cast<sockaddr*>(&where), size), 0);
    ASSERT_EQ(::listen(dying.fd(), 1), 0);
    ASSERT_EQ(::getsockname(dying.fd(), reinterpret_cast<sockaddr*>(&where), &size), 0);
    const std::string address = "127.0.0.1:" + std::to_string(ntohs(where.sin_port));
    std::thread sending([&] { EXPECT_TRUE(Sender(address, "k", system_clock()).send("[1]")); });
    const int met = ::accept(dying.fd(), nullptr, nullptr);
    const linger hard{1, 0};  // leaves no connection behind that would keep the port
    ::setsockopt(met, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    ::close(met);
    dying.close();
    serve({answer(200)}, address);
    sending.join();
    EXPECT_EQ(bodies_, (std::vector<std::string>{"[1]"}));
}

TEST_F(SenderTest, GivesUpWhereWaitingDoesNotHelp) {
    serve({answer(401, R"({"error":{"message":"unknown or revoked key"}})")});
    EXPECT_EQ(Sender(address(), "k", system_clock()).send("[1]").error().code, Code::kForbidden);
    EXPECT_EQ(requests(), 1u);
}

TEST_F(SenderTest, ARefusedEventIsAnError) {
    serve({answer(200, R"({"status":"ok","received":0,"rejected":[{"index":0,"reason":"unknown"}],"duplicates":0})")});
    const Status status = Sender(address(), "k", system_clock()).send("[1]");
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("unknown"), std::string::npos);
}

}  // namespace
}  // namespace footfall::demo
