#include "deduplicate/deduplicate.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "deduplicate/workers.h"
#include "ingest/committer.h"
#include "log/kafka/collected.h"
#include "log/kafka/testing/running_kafka.h"

namespace footfall::deduplicate {
namespace {

using log::kafka::brokers;
using log::kafka::Isolation;
using log::kafka::KafkaLog;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr std::uint16_t kPartitions = 3;
constexpr char kWork[] = "--work";

DeduplicatorOptions options_of(const std::string& source, const std::string& target, const std::string& folder) {
    return {.brokers = brokers(),
            .source = source,
            .target = target,
            .group = "group-of-" + source,
            .index = {.directory = folder},
            .batch_entries_max = 200};
}

/// A record of which the number is the page, so that it can be told which one was written.
std::string record(std::uint32_t id, std::uint64_t visitor, std::int64_t received_at, std::uint32_t number) {
    event::Event event;
    const std::string page = "/" + std::to_string(number);
    event.website_id = id % 2 == 0 ? "even" : "odd";
    event.event_id.bytes[6] = 0x40;
    event.event_id.bytes[8] = 0x80;
    std::memcpy(&event.event_id.bytes[10], &id, sizeof id);
    event.event_type = "pageview";
    event.timestamp = received_at;
    event.received_at = received_at;
    event.visitor_id = visitor;
    event.page = page;
    std::string out;
    event::write_record(event, out);
    return out;
}

struct Written {
    std::uint16_t partition;
    log::EntryKind kind;
    std::string payload;
};

std::vector<Written> written_in(const std::string& topic, Isolation isolation) {
    std::vector<Written> all;
    for (std::uint16_t partition = 0; partition < kPartitions; ++partition) {
        auto log = KafkaLog::open(
            {.brokers = brokers(), .topic = topic, .partition = partition, .isolation = isolation}, system_clock());
        EXPECT_TRUE(log) << log.error().message;
        auto reader = (*log)->reader({partition, 0});
        EXPECT_TRUE(reader) << reader.error().message;
        const std::uint64_t end = (*log)->end().offset;
        while ((*reader)->position().offset < end) {
            std::vector<log::StoredEntry> entries;
            const Status status = (*reader)->read(entries, 1'000, 1u << 20);
            EXPECT_TRUE(status) << status.error().message;
            for (const auto& entry : entries) all.push_back({partition, entry.kind, std::string(entry.payload)});
        }
    }
    return all;
}

std::vector<std::uint32_t> ids_of(const std::vector<Written>& written) {
    std::vector<std::uint32_t> out;
    event::RecordReader records;
    for (const Written& one : written) {
        if (one.kind != log::EntryKind::kEvent) continue;
        const auto event = records.read(one.payload);
        EXPECT_TRUE(event);
        std::uint32_t id = 0;
        std::memcpy(&id, &event->event_id.bytes[10], sizeof id);
        out.push_back(id);
    }
    return out;
}

std::uint64_t duplicates_in(const std::vector<Written>& written) {
    constexpr std::string_view kMember = "\"duplicates\":";
    std::uint64_t sum = 0;
    for (const Written& one : written)
        if (one.kind == log::EntryKind::kTally)
            sum += std::strtoull(one.payload.c_str() + one.payload.find(kMember) + kMember.size(), nullptr, 10);
    return sum;
}

/// Topics of a test's own, what is put into the one, and what stands in the other.
class Topics {
public:
    Topics()
        : source_(log::kafka::make_test_topic("raw", 1)), target_(log::kafka::make_test_topic("events", kPartitions)) {
        auto opened = KafkaLog::open({.brokers = brokers(), .topic = source_}, system_clock());
        EXPECT_TRUE(opened) << opened.error().message;
        raw_ = std::move(*opened);
        const Status begun = log::kafka::set_consumed(
            {.brokers = brokers(), .group = options().group, .topic = source_, .partition = 0}, 0);
        EXPECT_TRUE(begun) << begun.error().message;
    }

    const std::string& source() const { return source_; }
    const std::string& target() const { return target_; }
    const std::string& folder() const { return folder_.path(); }
    /// Where the role has the partition's.
    std::string index() const { return folder_ / (source_ + "-0"); }
    DeduplicatorOptions options() const { return options_of(source_, target_, index()); }

    void put(const std::vector<std::string>& records, log::EntryKind kind = log::EntryKind::kEvent) {
        std::vector<log::Entry> entries;
        for (const std::string& one : records) entries.push_back({kind, one});
        const auto first = raw_->append(entries);
        ASSERT_TRUE(first) << first.error().message;
    }
    void put(std::uint32_t id, std::uint64_t visitor = 1) {
        put({record(id, visitor, system_clock().wall_ms(), number_++)});
    }

    std::vector<Written> written() const { return written_in(target_, Isolation::kReadCommitted); }
    /// Ids of events as they were put, in the order of a partition.
    std::vector<std::uint32_t> ids() const { return ids_of(written()); }
    std::vector<std::string> tallies() const {
        std::vector<std::string> out;
        for (Written& one : written())
            if (one.kind == log::EntryKind::kTally) out.push_back(std::move(one.payload));
        return out;
    }

private:
    const std::string source_;
    const std::string target_;
    const TestFolder folder_;
    std::unique_ptr<KafkaLog> raw_;
    std::uint32_t number_ = 0;
};

std::unique_ptr<Deduplicator> opened(const DeduplicatorOptions& options) {
    auto out = Deduplicator::open(options, system_clock());
    EXPECT_TRUE(out) << out.error().message;
    return out ? std::move(*out) : nullptr;
}

/// Until there is nothing left.
void work_off(Deduplicator& deduplicator) {
    for (;;) {
        const auto taken = deduplicator.step(200);
        ASSERT_TRUE(taken) << taken.error().message;
        if (*taken == 0) return;
    }
}

/// A process of this program that does what the role does, until it is killed.
class Role {
public:
    Role(const std::string& source, const std::string& target, const std::string& folder,
         const std::string& failpoints = {}) {
        const std::string fault = "FOOTFALL_FAILPOINTS=" + failpoints;
        const std::string kafka = "FOOTFALL_KAFKA=" + brokers();
        const char* words[] = {"/proc/self/exe", kWork, source.c_str(), target.c_str(), folder.c_str(), nullptr};
        const char* environment[] = {fault.c_str(), kafka.c_str(), nullptr};
        EXPECT_EQ(::posix_spawn(&pid_, words[0], nullptr, nullptr, const_cast<char**>(words),
                                const_cast<char**>(environment)),
                  0);
    }
    ~Role() { kill(); }
    Role(const Role&) = delete;
    Role& operator=(const Role&) = delete;

    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        end();
    }
    /// Whether it died by SIGKILL, by itself within the time.
    bool dies_within(int seconds) {
        for (int i = 0; i < seconds * 100; ++i) {
            int status = 0;
            if (::waitpid(pid_, &status, WNOHANG) == pid_) {
                pid_ = -1;
                return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }

private:
    void end() {
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    pid_t pid_ = -1;
};

TEST(DeduplicatorTest, EachEventIsWrittenOnceAndRepetitionsAreToldBySite) {
    Topics topics;
    for (const std::uint32_t id : {2u, 3u, 2u, 4u, 2u, 3u}) topics.put(id);
    const auto deduplicator = opened(topics.options());
    work_off(*deduplicator);
    EXPECT_THAT(topics.ids(), ElementsAre(2, 3, 4));
    EXPECT_THAT(topics.tallies(), UnorderedElementsAre(R"({"website_id":"even","duplicates":2,"rejected":{}})",
                                                       R"({"website_id":"odd","duplicates":1,"rejected":{}})"));
    topics.put(4);
    topics.put(5);
    work_off(*deduplicator);
    EXPECT_THAT(topics.ids(), UnorderedElementsAre(2, 3, 4, 5));
}

TEST(DeduplicatorTest, AVisitorIsInOnePartitionInTheOrderOfTheSource) {
    Topics topics;
    std::map<std::uint64_t, std::vector<std::uint32_t>> sent;
    for (std::uint32_t id = 0; id < 300; ++id) {
        topics.put(2 * id, id % 30);
        sent[id % 30].push_back(2 * id);
    }
    work_off(*opened(topics.options()));
    std::map<std::uint64_t, std::vector<std::uint32_t>> got;
    std::map<std::uint64_t, std::set<std::uint16_t>> partitions;
    event::RecordReader records;
    for (const Written& one : topics.written()) {
        const auto event = records.read(one.payload);
        ASSERT_TRUE(event);
        std::uint32_t id = 0;
        std::memcpy(&id, &event->event_id.bytes[10], sizeof id);
        got[event->visitor_id].push_back(id);
        partitions[event->visitor_id].insert(one.partition);
    }
    EXPECT_EQ(got, sent);
    std::set<std::uint16_t> used;
    for (const auto& [visitor, of_it] : partitions) {
        EXPECT_EQ(of_it.size(), 1u) << visitor;
        used.insert(*of_it.begin());
    }
    EXPECT_EQ(used.size(), kPartitions);
}

TEST(DeduplicatorTest, OtherEntriesPassAndWhatIsNoRecordIsLeftOutAlone) {
    Topics topics;
    topics.put({R"({"website_id":"even","duplicates":0,"rejected":{"bad_time":1}})"}, log::EntryKind::kTally);
    topics.put({"no record"});
    topics.put(2);
    work_off(*opened(topics.options()));
    EXPECT_THAT(topics.ids(), ElementsAre(2));
    EXPECT_THAT(topics.tallies(), ElementsAre(R"({"website_id":"even","duplicates":0,"rejected":{"bad_time":1}})"));
}

TEST(DeduplicatorTest, AnEntryAsLargeAsACollectorTakesPasses) {
    Topics topics;
    event::Event event;
    const std::string page = "/" + std::string(log::kafka::kMessageBytesMax - 1'000, 'a');
    event.website_id = "even";
    event.event_id.bytes[6] = 0x40;
    event.event_type = "pageview";
    event.received_at = system_clock().wall_ms();
    event.visitor_id = 1;
    event.page = page;
    std::string large;
    event::write_record(event, large);
    topics.put({large});
    work_off(*opened(topics.options()));
    ASSERT_EQ(topics.written().size(), 1u);
    EXPECT_EQ(topics.written().front().payload, large);
}

TEST(DeduplicatorTest, AnotherStartGoesOnAndAnIndexThatIsLostIsMadeAgain) {
    Topics topics;
    topics.put(2);
    work_off(*opened(topics.options()));
    topics.put(2);
    topics.put(3);
    work_off(*opened(topics.options()));
    EXPECT_THAT(topics.ids(), UnorderedElementsAre(2, 3));
    std::filesystem::remove_all(topics.index());
    topics.put(3);
    topics.put(2);
    topics.put(4);
    const auto deduplicator = opened(topics.options());
    EXPECT_EQ(deduplicator->position(), 3u);
    work_off(*deduplicator);
    EXPECT_THAT(topics.ids(), UnorderedElementsAre(2, 3, 4));
}

TEST(DeduplicatorTest, WhoOpensAPartitionLaterIsTheOneThatWrites) {
    Topics topics;
    topics.put(2);
    const auto former = opened(topics.options());
    work_off(*former);
    DeduplicatorOptions elsewhere = topics.options();
    elsewhere.index.directory += "-elsewhere";
    const auto later = opened(elsewhere);
    topics.put(3);
    const auto refused = former->step(5'000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict) << refused.error().message;
    work_off(*later);
    EXPECT_THAT(topics.ids(), UnorderedElementsAre(2, 3));
}

TEST(DeduplicatorTest, APlaceThatKafkaHasForgottenIsAPersonsToSay) {
    Topics topics;
    topics.put(2);
    work_off(*opened(topics.options()));
    DeduplicatorOptions options = topics.options();
    options.group += "-that-nobody-knows";
    const auto refused = Deduplicator::open(options, system_clock());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("offsets.retention.minutes"));
}

TEST(DeduplicatorTest, ATopicThatIsGoneIsNotTakenForOneInWhichNothingComes) {
    Topics topics;
    topics.put(2);
    const auto deduplicator = opened(topics.options());
    work_off(*deduplicator);
    EXPECT_TRUE(deduplicator->has_all().value_or(false));
    log::kafka::delete_test_topic(topics.source());
    // The broker tells of a deletion with some delay.
    Result<bool> has_all = deduplicator->has_all();
    for (int i = 0; i < 600 && has_all; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        has_all = deduplicator->has_all();
    }
    ASSERT_FALSE(has_all);
    EXPECT_EQ(has_all.error().code, Code::kNotFound) << has_all.error().message;
}

/// A collector of the cluster form behind its endpoint.
class Collector {
public:
    Collector(const std::string& events, const std::string& others) {
        auto collected = log::kafka::Collected::open(
            {.producer = {.brokers = brokers(), .delivery_timeout_ms = 1'000}, .events = events, .others = others},
            system_clock());
        EXPECT_TRUE(collected) << collected.error().message;
        collected_ = std::move(*collected);
        committer_ = std::make_unique<ingest::Committer>(*collected_, nullptr, system_clock(),
                                                         ingest::CommitterOptions{.wait_ns_max = 2'000'000'000},
                                                         [](const Error& error) { ADD_FAILURE() << error.message; });
    }

    /// Whether it was acknowledged.
    bool take(const std::vector<std::uint32_t>& ids) {
        auto submission = std::make_unique<ingest::Submission>();
        submission->receive_ms = system_clock().wall_ms();
        submission->tallies = {{.website_id = "even"}, {.website_id = "odd", .rejected = {{"bad_time", 1}}}};
        for (const std::uint32_t id : ids) {
            const std::string one = record(id, id % 7, submission->receive_ms, id);
            event::RecordReader reader;
            submission->items.push_back({.begin = static_cast<std::uint32_t>(submission->records.size()),
                                         .size = static_cast<std::uint32_t>(one.size()),
                                         .site = id % 2,
                                         .has_client_id = true,
                                         .event_id = reader.read(one)->event_id});
            submission->records += one;
        }
        std::promise<bool> answered;
        submission->finished = [&](const Result<std::uint64_t>& result) {
            if (!result) {
                EXPECT_EQ(result.error().code, Code::kOverloaded) << result.error().message;
            }
            answered.set_value(result.has_value());
        };
        if (!committer_->submit(std::move(submission))) return false;
        return answered.get_future().get();
    }

private:
    std::unique_ptr<log::kafka::Collected> collected_;
    std::unique_ptr<ingest::Committer> committer_;
};

TEST(CollectorsTest, TwoCollectorsAndABrokerThatStandsStillLoseAndDoubleNothing) {
    constexpr std::uint16_t kRaw = 2;
    const std::string raw = log::kafka::make_test_topic("raw", kRaw);
    const std::string rejected = log::kafka::make_test_topic("rejected", 1);
    const std::string events = log::kafka::make_test_topic("events", kPartitions);
    std::set<std::uint32_t> acknowledged[2];
    std::atomic<int> refused{0};
    std::atomic<std::uint32_t> groups{0};
    std::atomic<bool> is_over{false};
    const auto send = [&](int who) {
        Collector collector(raw, rejected);
        std::mt19937 random(static_cast<unsigned>(who));
        while (!is_over) {
            std::vector<std::uint32_t> ids;
            for (int i = 0; i < 20; ++i) ids.push_back(static_cast<std::uint32_t>(random() % 3'000));
            // As a client does, which keeps what was not answered.
            while (!collector.take(ids)) ++refused;
            acknowledged[who].insert(ids.begin(), ids.end());
            ++groups;
        }
    };
    std::thread first(send, 0);
    std::thread second(send, 1);
    while (groups < 40) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    {
        const log::kafka::BrokerStopped stopped;
        for (int i = 0; i < 1'000 && refused < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_GE(refused, 2) << "while it stands still";
    }
    const std::uint32_t before = groups;
    while (groups < before + 40) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    is_over = true;
    first.join();
    second.join();

    const TestFolder folder;
    std::uint64_t read = 0;
    for (std::uint16_t partition = 0; partition < kRaw; ++partition) {
        DeduplicatorOptions options = options_of(raw, events, folder / std::to_string(partition));
        options.partition = partition;
        const log::kafka::GroupPlace place = {
            .brokers = brokers(), .group = options.group, .topic = raw, .partition = partition};
        ASSERT_TRUE(log::kafka::set_consumed(place, 0));
        const auto deduplicator = opened(options);
        work_off(*deduplicator);
        EXPECT_GT(deduplicator->position(), 0u) << "both partitions are used";
        read += deduplicator->position();
    }
    const std::vector<Written> all = written_in(events, Isolation::kReadCommitted);
    const std::vector<std::uint32_t> ids = ids_of(all);
    std::set<std::uint32_t> sent = acknowledged[0];
    sent.insert(acknowledged[1].begin(), acknowledged[1].end());
    const std::set<std::uint32_t> counted(ids.begin(), ids.end());
    EXPECT_EQ(counted.size(), ids.size()) << "none twice";
    EXPECT_TRUE(std::includes(counted.begin(), counted.end(), sent.begin(), sent.end())) << "none is lost";
    EXPECT_EQ(ids.size() + duplicates_in(all), read);
}

class DeduplicatorDeathTest : public testing::TestWithParam<const char*> {};

TEST_P(DeduplicatorDeathTest, ADeathAtAnyMomentDoublesAndLosesNothing) {
    Topics topics;
    for (const std::uint32_t id : {2u, 3u, 2u}) topics.put(id);
    {
        Role role(topics.source(), topics.target(), topics.folder(), std::string(GetParam()) + "=abort@1");
        ASSERT_TRUE(role.dies_within(30));
    }
    topics.put(3);
    topics.put(4);
    work_off(*opened(topics.options()));
    EXPECT_THAT(topics.ids(), UnorderedElementsAre(2, 3, 4));
    EXPECT_EQ(duplicates_in(topics.written()), 2u);
}

INSTANTIATE_TEST_SUITE_P(Moments, DeduplicatorDeathTest, testing::Values("kafka.before_commit", "kafka.committed"),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::erase_if(name, [](char c) { return c == '.' || c == '_'; });
                             return name;
                         });

// Two processes of the role share the partitions; one of them is killed at a moment of chance, and another one comes.
TEST(WorkersTest, ALedgerOverKillsIsExact) {
    constexpr std::uint32_t kSeed = 20'261'130;
    constexpr int kKills = 6;
    constexpr std::uint16_t kRaw = 4;
    const std::string raw = log::kafka::make_test_topic("raw", kRaw);
    const std::string rejected = log::kafka::make_test_topic("rejected", 1);
    const std::string events = log::kafka::make_test_topic("events", kPartitions);
    const TestFolder folder;
    const auto place = [&](std::uint16_t partition) {
        return log::kafka::GroupPlace{
            .brokers = brokers(), .group = "group-of-" + raw, .topic = raw, .partition = partition};
    };
    for (std::uint16_t partition = 0; partition < kRaw; ++partition)
        ASSERT_TRUE(log::kafka::set_consumed(place(partition), 0));
    auto collected = log::kafka::Collected::open(
        {.producer = {.brokers = brokers()}, .events = raw, .others = rejected}, system_clock());
    ASSERT_TRUE(collected) << collected.error().message;

    std::mt19937 random(kSeed);
    std::set<std::uint32_t> sent;
    std::uint64_t records = 0;
    std::uint32_t number = 0;
    const auto start = [&](int who) { return std::make_unique<Role>(raw, events, folder / std::to_string(who)); };
    std::unique_ptr<Role> roles[] = {start(0), start(1)};
    for (int kill = 0; kill < kKills; ++kill) {
        const auto ends = std::chrono::steady_clock::now() + std::chrono::milliseconds(500 + random() % 4'000);
        while (std::chrono::steady_clock::now() < ends) {
            std::vector<std::string> batch;
            std::vector<std::string> keys;
            for (int i = 0; i < 40; ++i) {
                const auto id = static_cast<std::uint32_t>(random() % 4'000);
                sent.insert(id);
                batch.push_back(record(id, id % 97, system_clock().wall_ms(), number++));
                keys.push_back(std::to_string(id));
            }
            std::vector<log::Entry> entries;
            for (std::size_t i = 0; i < batch.size(); ++i) entries.push_back({.payload = batch[i], .key = keys[i]});
            ASSERT_TRUE((*collected)->append(entries));
            records += batch.size();
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        std::unique_ptr<Role>& dying = roles[random() % 2];
        dying->kill();
        dying = start(random() % 2 == 0 ? 10 + kill : static_cast<int>(&dying - roles));  // elsewhere, or where it was
    }
    const auto is_behind = [&] {
        for (std::uint16_t partition = 0; partition < kRaw; ++partition) {
            auto log = KafkaLog::open({.brokers = brokers(), .topic = raw, .partition = partition}, system_clock());
            const auto consumed = log::kafka::consumed(place(partition));
            if (!log || !consumed || *consumed != (*log)->end().offset) return true;
        }
        return false;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (is_behind() && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_FALSE(is_behind()) << "every partition has been taken over";

    const std::vector<Written> all = written_in(events, Isolation::kReadCommitted);
    const std::vector<std::uint32_t> ids = ids_of(all);
    EXPECT_EQ(std::set<std::uint32_t>(ids.begin(), ids.end()), sent) << "seed " << kSeed;
    EXPECT_EQ(ids.size(), sent.size()) << "seed " << kSeed;
    EXPECT_EQ(ids.size() + duplicates_in(all), records) << "received = written + duplicates, seed " << kSeed;
}

}  // namespace

/// What a role does, until it is killed.
int work(const std::string& source, const std::string& target, const std::string& folder) {
    WorkersOptions options = {
        .each = options_of(source, target, folder), .members = "members-of-" + source, .session_timeout_ms = 6'000};
    const auto workers = Workers::open(options, system_clock());
    if (!workers) {
        fmt::print(stderr, "{}\n", workers.error().message);
        return 1;
    }
    for (;;) ::pause();
}

}  // namespace footfall::deduplicate

int main(int argc, char** argv) {
    if (argc == 5 && std::strcmp(argv[1], footfall::deduplicate::kWork) == 0)
        return footfall::deduplicate::work(argv[2], argv[3], argv[4]);
    testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
