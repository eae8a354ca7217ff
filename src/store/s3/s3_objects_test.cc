#include "store/s3/s3_objects.h"

#include <poll.h>

#include <atomic>
#include <mutex>

#include <gtest/gtest.h>

#include "base/worker_pool.h"
#include "store/testing/s3_server.h"

namespace footfall::store {
namespace {

std::unique_ptr<S3Objects> open(S3Options options) {
    auto opened = S3Objects::open(std::move(options));
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
}

/// A server that gives one scripted answer a connection, and keeps what it was asked. An empty answer closes the
/// connection, "…" never answers.
class Scripted {
public:
    explicit Scripted(std::vector<std::string> answers) : answers_(std::move(answers)), pool_("scripted", 1, 1) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        port_ = free_port();
        const int yes = 1;
        ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port_);
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(fd_, 16), 0);
        EXPECT_TRUE(pool_.submit([this] { run(); }));
    }
    ~Scripted() {
        is_done_ = true;
        pool_.stop();
        ::close(fd_);
        for (const int held : held_) ::close(held);
    }
    Scripted(const Scripted&) = delete;
    Scripted& operator=(const Scripted&) = delete;

    S3Options options() const {
        S3Options options = s3_keys();
        options.endpoint = "http://127.0.0.1:" + std::to_string(port_);
        return options;
    }
    static S3Options s3_keys() {
        return {.bucket = "archive", .credentials = [] {
                    return S3Credentials{"key-of-4711", "secret-of-4711", "token"};
                }};
    }
    std::vector<std::string> asked() const {
        const std::lock_guard guard(mutex_);
        return asked_;
    }

private:
    void run() {
        std::size_t next = 0;
        while (!is_done_) {
            pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
            if (::poll(&waiting, 1, 20) <= 0) continue;
            const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            std::string request;
            char buffer[4096];
            while (request.find("\r\n\r\n") == std::string::npos) {
                const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
                if (n <= 0) break;
                request.append(buffer, static_cast<std::size_t>(n));
            }
            {
                const std::lock_guard guard(mutex_);
                asked_.push_back(request);
            }
            const std::string answer = answers_[std::min(next++, answers_.size() - 1)];
            if (answer == "…") {
                held_.push_back(fd);
                continue;
            }
            (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
            ::shutdown(fd, SHUT_WR);
            while (::recv(fd, buffer, sizeof buffer, 0) > 0) {}
            ::close(fd);
        }
    }

    const std::vector<std::string> answers_;
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> is_done_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> asked_;
    std::vector<int> held_;
    WorkerPool pool_;
};

std::string answer(const std::string& status, const std::string& content = "") {
    return "HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Length: " + std::to_string(content.size()) +
           "\r\n\r\n" + content;
}

std::string fault(const std::string& status, const std::string& code) {
    return answer(status, "<Error><Code>" + code + "</Code><Message>" + code + " said it</Message></Error>");
}

TEST(S3ObjectsTest, WhatPassesIsTriedAgain) {
    const Scripted server({fault("503 Slow Down", "SlowDown"), answer("500 Oh"), "", answer("429 No"),
                           fault("400 Bad", "RequestTimeout"), answer("200 OK")});
    const auto objects = open(server.options());
    const Status done = objects->put("a/b=1", "content");
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(server.asked().size(), 6u);
}

TEST(S3ObjectsTest, ThatWhichNoRepetitionMendsIsToldAtOnceWithWhatToDo) {
    const std::pair<std::string, std::string> cases[] = {
        {fault("403 Forbidden", "RequestTimeTooSkewed"), "clock"},
        {fault("403 Forbidden", "AccessDenied"), "s3:PutObject"},
        {fault("403 Forbidden", "InvalidAccessKeyId"), "archive.s3_credentials"},
        {fault("403 Forbidden", "SignatureDoesNotMatch"), "secret key is wrong"},
        {fault("404 Not Found", "NoSuchBucket"), "archive.s3_bucket"},
        {fault("400 Bad Request", "AuthorizationHeaderMalformed"), "archive.s3_region"},
        {answer("307 Elsewhere"), "elsewhere"},
        {answer("404 Not Found", "<html>"), "404"}};
    for (const auto& [said, told] : cases) {
        const Scripted server({said});
        const auto objects = open(server.options());
        for (const Error& error :
             {objects->put("a", "1").error(), objects->get("a").error(), objects->remove("a").error()}) {
            EXPECT_EQ(error.code, Code::kUnavailable);
            EXPECT_NE(error.message.find(told), std::string::npos) << error.message;
            EXPECT_EQ(error.message.find("4711"), std::string::npos) << error.message;
        }
        EXPECT_EQ(server.asked().size(), 3u) << told;
    }
}

TEST(S3ObjectsTest, AFullServerIsToldAsOne) {
    const Scripted server({answer("507 Insufficient Storage")});
    EXPECT_EQ(open(server.options())->put("a", "1").error().code, Code::kOverloaded);
}

TEST(S3ObjectsTest, ACallEndsWithItsLimitWhateverTheServerDoes) {
    for (const std::string& said : {std::string("…"), answer("503 Slow Down"), std::string()}) {
        const Scripted server({said});
        S3Options options = server.options();
        options.call_limit_ms = 400;
        const auto begun = std::chrono::steady_clock::now();
        const auto got = open(std::move(options))->get("a");
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, Code::kUnavailable);
        EXPECT_NE(got.error().message.find("tried"), std::string::npos) << got.error().message;
        EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
    }
}

TEST(S3ObjectsTest, AStopEndsACallThatWaits) {
    const Scripted server({"…"});
    std::atomic<bool> is_stopping{false};
    S3Options options = server.options();
    options.is_stopping = [&] { return is_stopping || !server.asked().empty(); };
    const auto got = open(std::move(options))->get("a");
    ASSERT_FALSE(got);
    EXPECT_NE(got.error().message.find("stopped"), std::string::npos) << got.error().message;
}

TEST(S3ObjectsTest, AnAnswerThatIsCutOffIsNoObject) {
    const Scripted server({"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhalf"});
    S3Options options = server.options();
    options.call_limit_ms = 300;
    EXPECT_FALSE(open(std::move(options))->get("a"));
}

TEST(S3ObjectsTest, ContentAndTokenAreSigned) {
    const Scripted server({answer("200 OK")});
    ASSERT_TRUE(open(server.options())->put("a/b=1", "content"));
    const std::string asked = server.asked().at(0);
    EXPECT_TRUE(asked.starts_with("PUT /archive/a/b%3D1 HTTP/1.1")) << asked;
    const std::size_t signed_headers = asked.find("SignedHeaders=");
    ASSERT_NE(signed_headers, std::string::npos) << asked;
    const std::string names = asked.substr(signed_headers, asked.find(',', signed_headers) - signed_headers);
    for (const char* name : {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "content-md5"})
        EXPECT_NE(names.find(name), std::string::npos) << names;
    EXPECT_NE(asked.find("ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"), std::string::npos);
    EXPECT_EQ(asked.find("secret-of-4711"), std::string::npos);
}

TEST(S3ObjectsTest, AServerThatDiesAmidAPutHasTheFormerObjectOrTheNewOneWhole) {
    S3Server server(S3Server::Kind::kFiles);
    const auto objects = open(server.options());
    const std::string former(3'000'000, 'a');
    const std::string later(8'000'000, 'b');
    ASSERT_TRUE(objects->put("x", former));
    WorkerPool pool("putting", 1, 1);
    std::atomic<bool> is_enough{false};
    int done = 0;
    // It is tried again until the server is there, and then it counts.
    ASSERT_TRUE(pool.submit([&] {
        while (!is_enough) done += objects->put("x", done % 2 == 0 ? later : former) ? 1 : 0;
    }));
    for (int round = 0; round < 3; ++round) {
        server.kill();
        server.start();
    }
    is_enough = true;
    pool.stop();
    EXPECT_GT(done, 0);
    const auto got = objects->get("x");
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_TRUE(*got == (done % 2 == 1 ? later : former)) << "what was acknowledged last is there";
}

TEST(S3ObjectsTest, WrongKeysAndBucketsAreRefusedByARealServer) {
    S3Options wrong = shared_s3_server().options();
    wrong.credentials = [] { return S3Credentials{"footfall", "wrong", ""}; };
    EXPECT_NE(open(std::move(wrong))->put("a", "1").error().message.find("secret key"), std::string::npos);
    S3Options elsewhere = shared_s3_server().options();
    elsewhere.bucket = "nobodys";
    EXPECT_NE(open(std::move(elsewhere))->list("").error().message.find("archive.s3_bucket"), std::string::npos);
}

TEST(S3ObjectsTest, PrefixesOfOneBucketDoNotSeeEachOther) {
    S3Options options = shared_s3_server().options();
    options.prefix = "one";
    const auto one = open(options);
    options.prefix = "one-more";
    const auto more = open(options);
    ASSERT_TRUE(one->put("a", "1"));
    ASSERT_TRUE(more->put("b", "2"));
    EXPECT_EQ(one->list("").value(), (std::vector<ObjectInfo>{{"a", 1}}));
    EXPECT_EQ(more->list("").value(), (std::vector<ObjectInfo>{{"b", 1}}));
    EXPECT_EQ(one->where(), "s3://archive/one");
}

TEST(S3ObjectsTest, WhatCannotBeRightIsNamedByItsSetting) {
    const auto field = [](auto change) {
        S3Options options = Scripted::s3_keys();
        change(options);
        return S3Objects::open(std::move(options)).error().field;
    };
    EXPECT_EQ(field([](S3Options& o) { o.bucket = "No"; }), "archive.s3_bucket");
    EXPECT_EQ(field([](S3Options& o) { o.bucket = "a/../b"; }), "archive.s3_bucket");
    EXPECT_EQ(field([](S3Options& o) { o.region = ""; }), "archive.s3_region");
    EXPECT_EQ(field([](S3Options& o) { o.endpoint = "s3.example.com"; }), "archive.s3_endpoint");
    EXPECT_EQ(field([](S3Options& o) { o.endpoint = "https://a/b"; }), "archive.s3_endpoint");
    EXPECT_EQ(field([](S3Options& o) { o.prefix = "/a"; }), "archive.s3_prefix");
}

TEST(S3ObjectsTest, AnObjectIsBounded) {
    const Scripted server({answer("200 OK")});
    EXPECT_EQ(open(server.options())->put("a", std::string(S3Objects::kObjectBytesMax + 1, 'x')).error().code,
              Code::kTooLarge);
    EXPECT_TRUE(server.asked().empty());
}

}  // namespace
}  // namespace footfall::store
