#include "store/redis/client.h"

#include <atomic>
#include <chrono>

#include <gtest/gtest.h>

#include "base/worker_pool.h"
#include "store/redis/testing/running_redis.h"

namespace footfall::store::redis {
namespace {

constexpr int kSoonMs = 5'000;

/// As soon as the client tries again.
testing::AssertionResult answers_again(Client& client) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
        if (client.run(Command{"PING"}, kSoonMs)) return testing::AssertionSuccess();
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return testing::AssertionFailure() << "no answer for 10 s";
}

TEST(RedisClientTest, SeveralCommandsAreAnsweredInOrderAndAnErrorIsOneOfThem) {
    RunningRedis server;
    Client client(server.endpoint());
    const std::string bytes("a\0b\r\n", 5);
    const auto replies = client.run_all(
        {{"SET", "k", bytes}, {"GET", "k"}, {"GET", "none"}, {"INCR", "n"}, {"INCR", "k"}, {"MGET", "k", "none"}},
        kSoonMs);
    ASSERT_TRUE(replies) << replies.error().message;
    ASSERT_EQ(replies->size(), 6U);
    EXPECT_EQ((*replies)[0].text, "OK");
    EXPECT_EQ((*replies)[1].text, bytes);
    EXPECT_FALSE((*replies)[2].text);
    EXPECT_EQ((*replies)[3].number, 1);
    EXPECT_NE((*replies)[4].error, "");
    ASSERT_EQ((*replies)[5].elements.size(), 2U);
    EXPECT_EQ((*replies)[5].elements[0].text, bytes);
    EXPECT_FALSE((*replies)[5].elements[1].text);
    EXPECT_EQ(client.run(Command{"INCR", "k"}, kSoonMs).error().code, Code::kInternal);
    EXPECT_TRUE(client.run(Command{"PING"}, kSoonMs)) << "an error is no lost connection";
}

TEST(RedisClientTest, R22ItComesBackAfterTheServer) {
    RunningRedis server;
    Client client(server.endpoint());
    ASSERT_TRUE(client.run(Command{"SET", "k", "v"}, kSoonMs));
    server.kill();
    EXPECT_EQ(client.run(Command{"GET", "k"}, kSoonMs).error().code, Code::kUnavailable);
    EXPECT_FALSE(client.is_up());
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(client.run(Command{"GET", "k"}, kSoonMs));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2)) << "it does not wait for who is away";
    server.start();
    EXPECT_TRUE(answers_again(client));
    EXPECT_EQ(client.run(Command{"GET", "k"}, kSoonMs)->text, "v");
}

TEST(RedisClientTest, R25AServerThatHangsCostsNoMoreThanTheDeadline) {
    RunningRedis server;
    Client client(server.endpoint());
    ASSERT_TRUE(client.run(Command{"SET", "k", "v"}, kSoonMs));
    server.stop();
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(client.run(Command{"GET", "k"}, 100).error().code, Code::kTimeout);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(1'100));
    server.go_on();
    EXPECT_TRUE(answers_again(client));
    EXPECT_EQ(client.run(Command{"GET", "k"}, kSoonMs)->text, "v") << "the late answer is nobody's";
}

TEST(RedisClientTest, AWrongPasswordIsSaid) {
    RunningRedis server("right");
    Client client(server.endpoint());
    EXPECT_TRUE(client.run(Command{"PING"}, kSoonMs));
    Endpoint wrong = server.endpoint();
    wrong.password = "wrong";
    Client other(wrong);
    const auto refused = other.run(Command{"PING"}, kSoonMs);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kForbidden);
    EXPECT_EQ(refused.error().message.find("wrong"), std::string::npos) << refused.error().message;
}

TEST(RedisClientTest, ManyThreadsShareIt) {
    RunningRedis server;
    Client client(server.endpoint());
    std::atomic<int> right{0};
    {
        WorkerPool pool("askers", 8, 8);
        for (int i = 0; i < 8; ++i)
            ASSERT_TRUE(pool.submit([&, i] {
                const std::string key = std::to_string(i);
                for (int n = 1; n <= 200; ++n) {
                    const auto reply = client.run(Command{"INCR", key}, kSoonMs);
                    if (reply && reply->number == n) ++right;
                }
            }));
    }
    EXPECT_EQ(right, 1'600);
}

}  // namespace
}  // namespace footfall::store::redis
