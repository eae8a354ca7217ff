// Both implementations of the live numbers pass the one suite; and what Redis alone can do to those of the cluster.
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "conformance/live_store_suite.h"

#include "base/testing/test_folder.h"
#include "log/disk/disk_log.h"
#include "process/live/live.h"
#include "process/live/publisher.h"
#include "store/redis/live_store.h"
#include "store/redis/testing/running_redis.h"

namespace footfall::process {
namespace {

using store::LiveEntry;
using store::LiveNumbers;
using store::conformance::kLiveNow;
using store::conformance::LiveImplementation;
using store::conformance::LiveStage;
using store::conformance::LiveStoreSuite;
using testing::HasSubstr;

constexpr int kSoonMs = 5'000;
constexpr std::array<std::uint16_t, 2> kBoth{0, 1};

/// The processor of one partition, and the log that it reads.
class Partition {
public:
    Partition(const std::string& folder, Clock& clock) : clock_(clock) {
        auto opened = log::DiskLog::open(
            {.directory = folder, .free_bytes_min = 0, .free_inodes_min = 0, .reserve_bytes = 0}, clock_);
        EXPECT_TRUE(opened) << opened.error().message;
        log_ = std::move(*opened);
        restart();
    }
    void restart() {
        live_.reset();
        live_ = std::make_unique<LiveProcessor>(*log_, clock_, LiveOptions{.interval_ms = 1});
        live_->start();
    }
    void append(const std::vector<event::Event>& events) {
        std::vector<std::string> records(events.size());
        std::vector<log::Entry> group;
        for (std::size_t i = 0; i < events.size(); ++i) {
            event::write_record(events[i], records[i]);
            group.push_back({log::EntryKind::kEvent, records[i]});
        }
        const auto first = log_->append(group);
        ASSERT_TRUE(first) << first.error().message;
    }
    LiveProcessor& live() { return *live_; }

private:
    Clock& clock_;
    std::unique_ptr<log::DiskLog> log_;
    std::unique_ptr<LiveProcessor> live_;
};

class MemoryStage final : public LiveStage {
public:
    store::LiveStore& live() override { return partition_.live(); }
    ManualClock& clock() override { return clock_; }
    void append(const std::vector<event::Event>& events) override { partition_.append(events); }
    void restart() override { partition_.restart(); }

private:
    ManualClock clock_{kLiveNow};
    TestFolder folder_;
    Partition partition_{folder_ / "log", clock_};
};

/// Two partitions, each with its publisher, and a query node.
class Cluster {
public:
    explicit Cluster(Clock& clock, LivePublisherOptions options = {}, int cache_ms = 250)
        : clock_(clock),
          options_(std::move(options)),
          live_({.endpoint = server_.endpoint(), .partitions = 2, .cache_ms = cache_ms}, clock) {
        for (std::uint16_t partition = 0; partition < 2; ++partition) publish(partition);
    }
    std::unique_ptr<LivePublisher> publisher(std::uint16_t partition) {
        LivePublisherOptions options = options_;
        options.writer.partition = partition;
        auto out = std::make_unique<LivePublisher>(partitions_[partition].live(), client_, options, clock_);
        out->start();
        return out;
    }
    void publish(std::uint16_t partition) { publishers_[partition] = publisher(partition); }
    void silence(std::uint16_t partition) { publishers_[partition].reset(); }
    /// A visitor is of one partition.
    void append(const std::vector<event::Event>& events) {
        std::array<std::vector<event::Event>, 2> by_partition;
        for (const event::Event& event : events) by_partition[event.visitor_id % 2].push_back(event);
        for (std::size_t partition = 0; partition < 2; ++partition)
            if (!by_partition[partition].empty()) partitions_[partition].append(by_partition[partition]);
    }
    void restart() {
        for (std::uint16_t partition = 0; partition < 2; ++partition) {
            silence(partition);
            partitions_[partition].restart();
            publish(partition);
        }
    }
    store::redis::RunningRedis& server() { return server_; }
    store::redis::LiveStore& live() { return live_; }
    LivePublisher& publisher_of(std::uint16_t partition) { return *publishers_[partition]; }
    void run(const store::redis::Command& command) {
        store::redis::Client client(server_.endpoint());
        const auto done = client.run(command, kSoonMs);
        ASSERT_TRUE(done) << done.error().message;
    }

private:
    Clock& clock_;
    const LivePublisherOptions options_;
    store::redis::RunningRedis server_;
    store::redis::Client client_{server_.endpoint()};
    TestFolder folder_;
    std::array<Partition, 2> partitions_{Partition(folder_ / "0", clock_), Partition(folder_ / "1", clock_)};
    std::array<std::unique_ptr<LivePublisher>, 2> publishers_;
    store::redis::LiveStore live_;
};

/// The clock stands still, so each round reports, and what was read is not kept.
class RedisStage final : public LiveStage {
public:
    store::LiveStore& live() override { return cluster_.live(); }
    ManualClock& clock() override { return clock_; }
    void append(const std::vector<event::Event>& events) override { cluster_.append(events); }
    void restart() override { cluster_.restart(); }

private:
    ManualClock clock_{kLiveNow};
    Cluster cluster_{clock_, {.writer = {}, .interval_ms = 1, .report_ms = 0}, 0};
};

INSTANTIATE_TEST_SUITE_P(Memory, LiveStoreSuite,
                         testing::Values(LiveImplementation{"memory", [] { return std::make_unique<MemoryStage>(); }}),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Redis, LiveStoreSuite,
                         testing::Values(LiveImplementation{"redis", [] { return std::make_unique<RedisStage>(); }}),
                         [](const auto& test) { return test.param.name; });

/// By the machine's clock, with the settings of production unless a test says so.
class LiveClusterTest : public testing::Test {
protected:
    void start(LivePublisherOptions options = {}) {
        cluster_ = std::make_unique<Cluster>(system_clock(), std::move(options));
    }
    Cluster& cluster() { return *cluster_; }

    /// New visitors, each on a page of their own choice.
    void append(int visitors, std::string_view page = "/") {
        std::vector<event::Event> events;
        for (int i = 0; i < visitors; ++i) {
            ++visitors_;
            event::Event& event = events.emplace_back();
            event.website_id = "site";
            event.event_id.bytes[6] = 0x40;
            event.event_id.bytes[14] = static_cast<unsigned char>(visitors_ >> 8);
            event.event_id.bytes[15] = static_cast<unsigned char>(visitors_);
            event.event_type = "pageview";
            event.received_at = event.timestamp = system_clock().wall_ms();
            event.visitor_id = visitors_;
            event.page = page;
        }
        cluster_->append(events);
    }
    /// Whether the numbers become those of all visitors.
    bool all_are_seen(std::chrono::seconds within = std::chrono::seconds(30)) {
        return eventually(
            [&] {
                const auto numbers = cluster_->live().read("site");
                return numbers && numbers->active_visitors == visitors_;
            },
            within);
    }
    /// Reads again and again, and fails where there are numbers that are not those of all visitors.
    void expect_all_or_nothing(std::chrono::milliseconds during) {
        const auto end = std::chrono::steady_clock::now() + during;
        while (std::chrono::steady_clock::now() < end) {
            const auto numbers = cluster_->live().read("site");
            ASSERT_TRUE(!numbers || numbers->active_visitors == visitors_)
                << numbers->active_visitors << " of " << visitors_;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    std::string why_unavailable() {
        std::string why = "it is available";
        eventually([&] {
            const auto numbers = cluster_->live().read("site");
            if (numbers) return false;
            EXPECT_EQ(numbers.error().code, Code::kUnavailable);
            why = numbers.error().message;
            return true;
        });
        return why;
    }
    /// Of a publisher, when it has one.
    std::string problem_of(std::uint16_t partition) {
        std::string problem;
        eventually([&] { return !(problem = cluster_->publisher_of(partition).problem()).empty(); });
        return problem;
    }
    bool is_well(std::uint16_t partition) {
        return eventually([&] { return cluster_->publisher_of(partition).problem().empty(); });
    }
    static bool eventually(const std::function<bool()>& condition,
                           std::chrono::seconds within = std::chrono::seconds(30)) {
        const auto deadline = std::chrono::steady_clock::now() + within;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }
    /// The one visitor of the tests that move the clock.
    static event::Event first_visitor() {
        event::Event event;
        event.website_id = "site";
        event.event_id.bytes[6] = 0x40;
        event.event_type = "pageview";
        event.received_at = event.timestamp = kLiveNow;
        event.visitor_id = 1;
        return event;
    }
    /// -1: there are no numbers.
    static std::int64_t active(store::LiveStore& live) {
        const auto numbers = live.read("site");
        return numbers ? static_cast<std::int64_t>(numbers->active_visitors) : -1;
    }

    std::uint64_t visitors_ = 0;
    std::unique_ptr<Cluster> cluster_;
};

TEST_F(LiveClusterTest, R22RedisIsKilledAndTheNumbersAreRightSoonAfterItIsBack) {
    start();
    append(20);
    ASSERT_TRUE(all_are_seen());
    cluster().server().kill();
    EXPECT_THAT(why_unavailable(), HasSubstr("Redis at 127.0.0.1"));
    append(20);
    for (const std::uint16_t partition : kBoth) EXPECT_THAT(problem_of(partition), HasSubstr("Redis at 127.0.0.1"));
    cluster().server().start();
    EXPECT_TRUE(all_are_seen(std::chrono::seconds(15)));
    for (const std::uint16_t partition : kBoth) EXPECT_TRUE(is_well(partition));
}

TEST_F(LiveClusterTest, R22RedisIsFlushedAndNobodyIsToldOfAnEmptySite) {
    start();
    append(20);
    ASSERT_TRUE(all_are_seen());
    for (int i = 0; i < 2; ++i) {
        cluster().run({"FLUSHALL"});
        ASSERT_NO_FATAL_FAILURE(expect_all_or_nothing(std::chrono::seconds(2)));
        EXPECT_TRUE(all_are_seen(std::chrono::seconds(15)));
    }
}

TEST_F(LiveClusterTest, R22R25RedisIsStoppedAndTheNumbersAreRightSoonAfterItGoesOn) {
    start();
    append(20);
    ASSERT_TRUE(all_are_seen());
    cluster().server().stop();
    const auto began = std::chrono::steady_clock::now();
    EXPECT_THAT(why_unavailable(), HasSubstr("Redis at 127.0.0.1"));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
    append(20);
    for (const std::uint16_t partition : kBoth) EXPECT_THAT(problem_of(partition), HasSubstr("Redis"));
    cluster().server().go_on();
    EXPECT_TRUE(all_are_seen(std::chrono::seconds(15)));
    ASSERT_NO_FATAL_FAILURE(expect_all_or_nothing(std::chrono::seconds(2)));
}

TEST_F(LiveClusterTest, R25ASlowRedisDelaysTheNumbersAndTakesNoneBack) {
    start();
    append(20);
    ASSERT_TRUE(all_are_seen());
    std::uint64_t seen = 0;
    for (int i = 0; i < 6; ++i) {
        append(4);
        cluster().run(
            {"CLIENT", "PAUSE", i % 2 == 0 ? "700" : "1300", "ALL"});  // beyond a reader's and a writer's wait
        EXPECT_TRUE(eventually([&] {
            const auto numbers = cluster().live().read("site");
            if (!numbers) return false;
            EXPECT_GE(numbers->active_visitors, seen);
            seen = numbers->active_visitors;
            return seen >= visitors_ - 4;  // some of those before, at least
        }));
    }
    EXPECT_TRUE(all_are_seen(std::chrono::seconds(15)));
}

TEST_F(LiveClusterTest, ASilentPartitionIsNamedAndItsSuccessorMakesTheNumbersWhole) {
    start({.writer = {.silence_ms = 1'500}});
    append(20);
    ASSERT_TRUE(all_are_seen());
    cluster().silence(1);
    EXPECT_THAT(why_unavailable(), HasSubstr("partition 1 "));
    append(20);
    cluster().publish(1);
    EXPECT_TRUE(all_are_seen());
}

TEST_F(LiveClusterTest, TwoThatPublishOnePartitionDisturbNobodyAndTheFirstGoesOnWhenTheOtherEnds) {
    start({.writer = {.silence_ms = 1'500}});
    append(20);
    ASSERT_TRUE(all_are_seen());
    auto other = cluster().publisher(1);
    EXPECT_THAT(problem_of(1), HasSubstr("another process"));
    append(20);
    EXPECT_TRUE(all_are_seen());
    ASSERT_NO_FATAL_FAILURE(expect_all_or_nothing(std::chrono::seconds(2)));
    other.reset();
    append(20);
    EXPECT_TRUE(all_are_seen());
    EXPECT_TRUE(is_well(1));
}

TEST_F(LiveClusterTest, ANameThatIsLeftOutIsSaidOnlyWhereItMayBelongIntoTheList) {
    start({.limits = {.names_max = 25}});
    std::vector<std::string> pages;
    for (int i = 0; i < 60; ++i) pages.push_back("/" + std::to_string(100 + i));
    const auto page = [&](int i) { return pages[static_cast<std::size_t>(i)]; };
    for (int i = 0; i < 20; ++i) append(20, page(i));
    for (int i = 20; i < 60; ++i) append(2, page(i));
    ASSERT_TRUE(all_are_seen());
    LiveNumbers numbers = *cluster().live().read("site");
    EXPECT_EQ(numbers.sample_rate, 1) << "35 pages are left out of either part, each with one visitor there";
    ASSERT_EQ(numbers.pages.size(), 20u);
    EXPECT_EQ(numbers.pages[19], (LiveEntry{"/119", 20}));
    // Each of these pages is of one partition then, but for its first two visitors, whom the other one leaves out.
    for (int round = 0; round < 18; ++round)
        for (int i = 20; i < 60; ++i) append(1, page(i));
    ASSERT_TRUE(all_are_seen());
    numbers = *cluster().live().read("site");
    EXPECT_DOUBLE_EQ(numbers.sample_rate, 19.0 / 29) << "19 of 20 are told, and for all that is known 10 more are not";
}

TEST_F(LiveClusterTest, WhileTheNumbersAreMadeAnewThereAreNoneOfBefore) {
    ManualClock clock(kLiveNow);
    TestFolder folder;
    Partition partition(folder / "log", clock);
    store::redis::RunningRedis server;
    store::redis::Client client(server.endpoint());
    LivePublisher publisher(partition.live(), client,
                            {.writer = {.silence_ms = 600'000}, .interval_ms = 1, .report_ms = 0}, clock);
    store::redis::LiveStore live({.endpoint = server.endpoint(), .partitions = 1, .cache_ms = 0}, clock);
    publisher.start();
    partition.append({first_visitor()});
    ASSERT_TRUE(eventually([&] { return active(live) == 1; }));
    clock.set_wall_ms(kLiveNow - 86'400'000);  // to before the event: made anew, nobody was there yet
    EXPECT_TRUE(eventually([&] { return active(live) == 0; }));
    clock.set_wall_ms(kLiveNow + 1'000);
    partition.live().log_was_rewritten();
    EXPECT_TRUE(eventually([&] { return active(live) == 1; })) << "made anew once more";
    partition.live().stop();
    partition.live().log_was_rewritten();
    EXPECT_TRUE(eventually([&] { return active(live) == -1; })) << "long before the partition is silent";
}

TEST_F(LiveClusterTest, WhatWentMissingAloneIsBackWithinAMinute) {
    ManualClock clock(kLiveNow);
    TestFolder folder;
    Partition partition(folder / "log", clock);
    store::redis::RunningRedis server;
    store::redis::Client client(server.endpoint());
    LivePublisher publisher(partition.live(), client, {.writer = {}, .interval_ms = 1, .report_ms = 0}, clock);
    store::redis::LiveStore live({.endpoint = server.endpoint(), .partitions = 1, .cache_ms = 0}, clock);
    partition.append({first_visitor()});
    publisher.start();
    ASSERT_TRUE(eventually([&] { return active(live) == 1; }));
    ASSERT_TRUE(client.run({"DEL", "footfall:live:site:site"}, kSoonMs));
    EXPECT_TRUE(eventually([&] { return active(live) == 0; }));
    clock.advance_ms(60'000);
    EXPECT_TRUE(eventually([&] { return active(live) == 1; }));
}

}  // namespace
}  // namespace footfall::process
