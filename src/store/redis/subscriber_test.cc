#include "store/redis/subscriber.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "store/redis/testing/running_redis.h"

namespace footfall::store::redis {
namespace {

constexpr int kSoonMs = 5'000;

class SubscriberTest : public testing::Test {
protected:
    bool eventually(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }
    Subscriber::Handlers handlers() {
        return {.subscribed =
                    [this] {
                        const std::lock_guard lock(mutex_);
                        ++subscribed_;
                    },
                .message =
                    [this](std::string_view text) {
                        const std::lock_guard lock(mutex_);
                        heard_.emplace_back(text);
                    }};
    }
    int subscribed() {
        const std::lock_guard lock(mutex_);
        return subscribed_;
    }
    std::vector<std::string> heard() {
        const std::lock_guard lock(mutex_);
        return heard_;
    }
    void publish(const std::string& text) {
        Client client(server_.endpoint());
        ASSERT_TRUE(client.run({"PUBLISH", "news", text}, kSoonMs));
    }

    RunningRedis server_;
    std::mutex mutex_;
    int subscribed_ = 0;
    std::vector<std::string> heard_;
};

TEST_F(SubscriberTest, R22ItHearsByteForByteAndAgainAfterTheServerWasAway) {
    Subscriber subscriber(server_.endpoint(), "news", handlers());
    ASSERT_TRUE(eventually([&] { return subscribed() == 1; }));
    const std::string bytes("a\0\r\n\"", 5);
    publish(bytes);
    EXPECT_TRUE(eventually([&] { return heard() == std::vector<std::string>{bytes}; }));
    server_.kill();
    EXPECT_TRUE(eventually([&] { return !subscriber.is_subscribed(); }));
    server_.start();
    ASSERT_TRUE(eventually([&] { return subscribed() == 2; }));
    EXPECT_TRUE(subscriber.is_subscribed());
    publish("again");
    EXPECT_TRUE(eventually([&] { return heard().size() == 2; }));
}

TEST_F(SubscriberTest, R25AServerThatHangsIsLeftAfter5SecondsAndAQuietOneIsNot) {
    Subscriber subscriber(server_.endpoint(), "news", handlers());
    ASSERT_TRUE(eventually([&] { return subscribed() == 1; }));
    const auto quiet = std::chrono::steady_clock::now() + std::chrono::seconds(7);
    EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() > quiet || !subscriber.is_subscribed(); }));
    EXPECT_TRUE(subscriber.is_subscribed()) << "it answers when it is asked whether it is there";
    EXPECT_EQ(subscribed(), 1);
    server_.stop();
    EXPECT_TRUE(eventually([&] { return !subscriber.is_subscribed(); }));
    server_.go_on();
    EXPECT_TRUE(eventually([&] { return subscribed() == 2; }));
    publish("again");
    EXPECT_TRUE(eventually([&] { return heard().size() == 1; }));
}

TEST_F(SubscriberTest, ItEndsAtOnceWhetherTheServerIsThereOrNot) {
    for (const bool is_there : {true, false}) {
        if (!is_there) server_.kill();
        Subscriber subscriber(server_.endpoint(), "news", handlers());
        ASSERT_TRUE(!is_there || eventually([&] { return subscriber.is_subscribed(); }));
    }
}

}  // namespace
}  // namespace footfall::store::redis
