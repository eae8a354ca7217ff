#include "log/kafka/kafka_log.h"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/event_log_suite.h"
#include "log/kafka/testing/running_kafka.h"
#include "log/testing/erased_stage.h"

namespace footfall::log::conformance {
namespace {

using kafka::KafkaLog;

class KafkaStage final : public Stage {
public:
    KafkaStage() { reopen(); }
    EventLog& log() override { return *log_; }
    void reopen() override {
        log_.reset();
        auto opened = KafkaLog::open({.brokers = kafka::brokers(), .topic = topic_}, clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        log_ = std::move(*opened);
    }
    void grow_old() override { clock_.advance_ms(2 * std::int64_t{86'400'000}); }

private:
    /// The machine's, and what a test adds to it.
    class Ahead final : public Clock {
    public:
        std::int64_t wall_ms() const override { return system_clock().wall_ms() + ahead_ms_; }
        std::int64_t steady_ns() const override { return system_clock().steady_ns(); }
        void advance_ms(std::int64_t ms) { ahead_ms_ += ms; }

    private:
        std::atomic<std::int64_t> ahead_ms_{0};
    };

    const std::string topic_ = kafka::make_test_topic("log", 1);
    Ahead clock_;
    std::unique_ptr<KafkaLog> log_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Kafka, EventLogSuite,
                         testing::Values(Implementation{"kafka", [] { return std::make_unique<KafkaStage>(); }},
                                         Implementation{"erased",
                                                        [] { return std::make_unique<ErasedStage<KafkaStage>>(); }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace footfall::log::conformance

namespace footfall::log::kafka {
namespace {

using testing::ElementsAre;

constexpr int kTransactionLimitMs = 30'000;

void write_transaction(rd_kafka_t* producer, const std::string& topic, const std::vector<std::string>& payloads,
                       bool is_committed) {
    ASSERT_EQ(rd_kafka_begin_transaction(producer), nullptr);
    for (const std::string& payload : payloads)
        ASSERT_EQ(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0),
                                    RD_KAFKA_V_VALUE(const_cast<char*>(payload.data()), payload.size()),
                                    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                  RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush(producer, kTransactionLimitMs), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_error_t* error = is_committed ? rd_kafka_commit_transaction(producer, kTransactionLimitMs)
                                           : rd_kafka_abort_transaction(producer, kTransactionLimitMs);
    ASSERT_EQ(error, nullptr) << rd_kafka_error_string(error);
}

std::vector<std::string> all_of(const EventLog& log) {
    std::vector<std::string> read;
    auto reader = log.reader(log.begin());
    EXPECT_TRUE(reader) << reader.error().message;
    while ((*reader)->position().offset < log.end().offset) {
        std::vector<StoredEntry> entries;
        const Status status = (*reader)->read(entries, 2, 1u << 20);
        if (!status) ADD_FAILURE() << status.error().message;
        for (const StoredEntry& entry : entries)
            read.push_back(std::to_string(entry.position.offset) + " " + std::string(entry.payload));
    }
    return read;
}

TEST(KafkaLogTest, WhatATransactionWroteIsReadOnceItIsCommittedAndOffsetsHaveGaps) {
    const std::string topic = make_test_topic("transactions", 1);
    auto producer = make_handle(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers()}, {"transactional.id", topic}});
    ASSERT_TRUE(producer) << producer.error().message;
    ASSERT_EQ(rd_kafka_init_transactions(producer->get(), kTransactionLimitMs), nullptr);
    write_transaction(producer->get(), topic, {"a", "b"}, true);
    write_transaction(producer->get(), topic, {"withdrawn"}, false);
    write_transaction(producer->get(), topic, {"c"}, true);

    // Each transaction takes an offset for its end: 2, 4 and 6.
    auto committed =
        KafkaLog::open({.brokers = brokers(), .topic = topic, .isolation = Isolation::kReadCommitted}, system_clock());
    ASSERT_TRUE(committed) << committed.error().message;
    EXPECT_EQ((*committed)->end().offset, 7u);
    EXPECT_THAT(all_of(**committed), ElementsAre("0 a", "1 b", "5 c"));
    auto everything = KafkaLog::open({.brokers = brokers(), .topic = topic}, system_clock());
    ASSERT_TRUE(everything) << everything.error().message;
    EXPECT_THAT(all_of(**everything), ElementsAre("0 a", "1 b", "3 withdrawn", "5 c"));
}

TEST(KafkaLogTest, WhatIsOpenIsBehindTheEndOfWhoReadsWhatIsCommitted) {
    const std::string topic = make_test_topic("open", 1);
    auto producer = make_handle(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers()}, {"transactional.id", topic}});
    ASSERT_TRUE(producer) << producer.error().message;
    ASSERT_EQ(rd_kafka_init_transactions(producer->get(), kTransactionLimitMs), nullptr);
    ASSERT_EQ(rd_kafka_begin_transaction(producer->get()), nullptr);
    ASSERT_EQ(rd_kafka_producev(producer->get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0),
                                RD_KAFKA_V_VALUE(const_cast<char*>("open"), 4), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush(producer->get(), kTransactionLimitMs), RD_KAFKA_RESP_ERR_NO_ERROR);
    auto log =
        KafkaLog::open({.brokers = brokers(), .topic = topic, .isolation = Isolation::kReadCommitted}, system_clock());
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ((*log)->end().offset, 0u);
    EXPECT_FALSE((*log)->wait_beyond({}, 50));
    ASSERT_EQ(rd_kafka_commit_transaction(producer->get(), kTransactionLimitMs), nullptr);
    EXPECT_TRUE((*log)->wait_beyond({}, 5'000));
    EXPECT_THAT(all_of(**log), ElementsAre("0 open"));
}

TEST(KafkaLogTest, ABrokerThatStandsStillIsUnavailableInTimeAndTakesEntriesAgainOnceItGoesOn) {
    const std::string topic = make_test_topic("still", 1);
    auto log = KafkaLog::open({.brokers = brokers(), .topic = topic, .delivery_timeout_ms = 1'500}, system_clock());
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_TRUE((*log)->append(std::vector<Entry>{{EntryKind::kEvent, "before"}}));
    const auto refused = [&] {
        const BrokerStopped stopped;
        return (*log)->append(std::vector<Entry>{{EntryKind::kEvent, "meanwhile"}});
    }();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kUnavailable);
    EXPECT_THAT(refused.error().message, testing::HasSubstr(topic));
    const auto taken = (*log)->append(std::vector<Entry>{{EntryKind::kEvent, "after"}});
    ASSERT_TRUE(taken) << taken.error().message;
    std::vector<std::string> payloads;
    for (const std::string& line : all_of(**log)) payloads.push_back(line.substr(line.find(' ') + 1));
    // The one that was not acknowledged may be there or not, and not twice.
    EXPECT_THAT(payloads, testing::AnyOf(ElementsAre("before", "after"), ElementsAre("before", "meanwhile", "after")));
}

TEST(KafkaLogTest, ATopicThatIsNotThereIsNamed) {
    const auto log = KafkaLog::open({.brokers = brokers(), .topic = "never-made"}, system_clock());
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code, Code::kNotFound) << log.error().message;
    EXPECT_THAT(log.error().message, testing::HasSubstr("never-made"));
}

TEST(KafkaLogTest, AReaderOfATopicThatIsDeletedEnds) {
    const std::string topic = make_test_topic("deleted", 1);
    auto log = KafkaLog::open({.brokers = brokers(), .topic = topic}, system_clock());
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_TRUE((*log)->append(std::vector<Entry>{{EntryKind::kEvent, "one"}}));
    auto reader = (*log)->reader({0, 0});
    ASSERT_TRUE(reader) << reader.error().message;
    std::vector<StoredEntry> entries;
    ASSERT_TRUE((*reader)->read(entries, 10, 1 << 20));
    ASSERT_EQ(entries.size(), 1u);
    delete_test_topic(topic);
    // The reader's client hears of it when the broker refuses it the next entries.
    std::this_thread::sleep_for(std::chrono::seconds(3));
    // Where it does not the test does not either, and whoever runs it ends both.
    const auto began = std::chrono::steady_clock::now();
    reader->reset();
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(KafkaLogTest, NobodyThereIsUnavailable) {
    const auto log =
        KafkaLog::open({.brokers = "127.0.0.1:1", .topic = "any", .request_timeout_ms = 500}, system_clock());
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code, Code::kUnavailable) << log.error().message;
}

}  // namespace
}  // namespace footfall::log::kafka
