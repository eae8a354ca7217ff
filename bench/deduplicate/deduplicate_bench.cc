// What does deduplication behind Kafka cost an event, and what does taking a partition over cost?
//
//   deduplicate_bench FOLDER BROKERS KAFKA_PID EVENTS
//
// Beside a Kafka that holds nothing (bench/deduplicate/run starts one, whose process is KAFKA_PID); FOLDER is empty and
// becomes that of the indexes. EVENTS entries, every twentieth of which is a repetition, are put into one partition of
// raw_events; then they are written to one of `events` as the role `process` does it; then the partition is opened
// again, once with its index and once without one, which is made again of all of raw_events first. What stands in
// `events` is counted, and entries that were taken long ago are given to the new index, which has to know them; it
// exits 1 where a number is wrong.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "deduplicate/deduplicate.h"
#include "event/event.h"
#include "log/kafka/kafka_log.h"
#include "log/kafka/topics.h"

namespace footfall::deduplicate {
namespace {

constexpr std::size_t kGroup = 5'000;
constexpr std::size_t kRepeatedOf = 20;
constexpr std::size_t kRemembered = 4'096;
constexpr int kTimeoutMs = 60'000;

void require(bool condition, std::string_view what) {
    if (condition) return;
    std::cerr << "not so: " << what << "\n";
    std::exit(1);
}
template <class T>
T right(Result<T> result) {
    if (result) return std::move(*result);
    std::cerr << result.error().message << "\n";
    std::exit(1);
}

double cpu_seconds_of(int process) {
    std::ifstream file(fmt::format("/proc/{}/stat", process));
    std::string line;
    require(static_cast<bool>(std::getline(file, line)), "Kafka's process is there");
    // "PID (NAME) STATE …": user and system time are the twelfth and thirteenth behind the name.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string word;
    for (int i = 0; i < 11; ++i) fields >> word;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// What has been used since it was made.
class Meter {
public:
    explicit Meter(int kafka) : kafka_(kafka) {}
    double seconds() const { return static_cast<double>(system_clock().steady_ns() - began_ns_) / 1e9; }
    std::string of(std::uint64_t entries) const {
        const auto count = static_cast<double>(std::max<std::uint64_t>(entries, 1));
        return fmt::format("{:.2f} s, {:.0f} entries/s, {:.1f} µs of CPU each, and {:.1f} of Kafka's", seconds(),
                           count / seconds(), static_cast<double>(process_cpu_ns() - cpu_ns_) / 1e3 / count,
                           (cpu_seconds_of(kafka_) - kafka_seconds_) * 1e6 / count);
    }

private:
    int kafka_;
    std::int64_t began_ns_ = system_clock().steady_ns();
    std::int64_t cpu_ns_ = process_cpu_ns();
    double kafka_seconds_ = cpu_seconds_of(kafka_);
};

/// Records as collectors write them, some of which they write again.
class Traffic {
public:
    std::string next() {
        if (++made_ % kRepeatedOf == 0) {
            ++repeated_;
            return remembered_[random_() % remembered_.size()];
        }
        const std::int64_t now = system_clock().wall_ms();
        const std::string page = fmt::format("/articles/2026/a-page-of-number-{}", random_() % 500);
        event::Event event;
        event.website_id = "site";
        event.event_id = make_uuid_v7(now);
        event.event_type = "pageview";
        event.timestamp = event.received_at = now;
        event.visitor_id = (random_() % 100'000 + 1) * 0x9E3779B97F4A7C15ULL;
        event.hostname = "shop.example";
        event.page = page;
        event.language = "de-DE";
        event.device_type = "desktop";
        event.browser = "Firefox";
        event.browser_version = "128";
        event.os = "Linux";
        event.country = "DE";
        event.city = "Hamburg";
        event.source = "Google";
        event.medium = "organic";
        event.channel = "search";
        event.screen_class = "large";
        std::string record;
        event::write_record(event, record);
        if (remembered_.size() < kRemembered) remembered_.push_back(record);
        return record;
    }
    std::uint64_t repeated() const { return repeated_; }
    /// Some of the first ones.
    const std::vector<std::string>& remembered() const { return remembered_; }

private:
    std::mt19937_64 random_{1};
    std::uint64_t made_ = 0;
    std::uint64_t repeated_ = 0;
    std::vector<std::string> remembered_;
};

void append(log::kafka::KafkaLog& log, const std::vector<std::string>& records) {
    std::vector<log::Entry> group;
    group.reserve(records.size());
    for (const std::string& record : records) group.push_back({log::EntryKind::kEvent, record});
    right(log.append(group));
}

struct Counted {
    std::uint64_t events = 0;
    std::uint64_t duplicates = 0;  ///< as the tallies say
};

Counted counted(const std::string& brokers) {
    auto log = right(log::kafka::KafkaLog::open({.brokers = brokers,
                                                 .topic = "events",
                                                 .isolation = log::kafka::Isolation::kReadCommitted,
                                                 .request_timeout_ms = kTimeoutMs},
                                                system_clock()));
    constexpr std::string_view kMember = "\"duplicates\":";
    Counted out;
    const auto reader = right(log->reader({0, 0}));
    const std::uint64_t end = log->end().offset;
    std::vector<log::StoredEntry> entries;
    while (reader->position().offset < end) {
        entries.clear();
        const Status read = reader->read(entries, 10'000, 16u << 20);
        require(read.has_value(), "`events` can be read");
        for (const log::StoredEntry& entry : entries) {
            if (entry.kind == log::EntryKind::kEvent) ++out.events;
            if (entry.kind != log::EntryKind::kTally) continue;
            const std::string tally(entry.payload);
            out.duplicates += std::strtoull(tally.c_str() + tally.find(kMember) + kMember.size(), nullptr, 10);
        }
    }
    return out;
}

struct Steps {
    std::uint64_t entries = 0;
    std::uint64_t transactions = 0;
};

Steps work_off(Deduplicator& deduplicator) {
    Steps out;
    while (!deduplicator.has_all()) {
        const std::size_t taken = right(deduplicator.step(1'000));
        out.entries += taken;
        out.transactions += taken > 0 ? 1 : 0;
    }
    return out;
}

void measure(const std::string& folder, const std::string& brokers, int kafka, std::uint64_t events) {
    right(log::kafka::make_topics(
        {.brokers = brokers, .prefix = "", .partitions = 1, .replicas = 1, .timeout_ms = kTimeoutMs}));
    auto raw = right(log::kafka::KafkaLog::open({.brokers = brokers,
                                                 .topic = "raw_events",
                                                 .delivery_timeout_ms = kTimeoutMs,
                                                 .request_timeout_ms = kTimeoutMs},
                                                system_clock()));
    Traffic traffic;
    std::uint64_t bytes = 0;
    for (std::uint64_t done = 0; done < events;) {
        std::vector<std::string> records;
        for (; records.size() < kGroup && done < events; ++done) {
            records.push_back(traffic.next());
            bytes += records.back().size();
        }
        append(*raw, records);
    }

    DeduplicatorOptions options{
        .brokers = brokers, .index = {.directory = folder + "/index"}, .timeout_ms = kTimeoutMs};
    auto deduplicator = right(Deduplicator::open(options, system_clock()));
    const Meter deduplicating(kafka);
    const Steps steps = work_off(*deduplicator);
    const std::string cost = deduplicating.of(steps.entries);
    deduplicator.reset();
    require(steps.entries == events, "every entry was taken");
    const Counted written = counted(brokers);
    require(written.events == events - traffic.repeated(), "each event is there once");
    require(written.duplicates == traffic.repeated(), "the tallies say how many repetitions there were");
    std::cout << fmt::format("deduplicated: {} entries of {} bytes, {} of them repetitions, {} transactions: {}\n",
                             events, bytes / events, traffic.repeated(), steps.transactions, cost);

    const Meter opening(kafka);
    deduplicator = right(Deduplicator::open(options, system_clock()));
    std::cout << fmt::format("opened again, with its index: {:.2f} s\n", opening.seconds());
    deduplicator.reset();

    options.index.directory = folder + "/another";
    const Meter taking_over(kafka);
    deduplicator = right(Deduplicator::open(options, system_clock()));
    std::cout << fmt::format("taken over without an index, {} entries read first: {}\n", events,
                             taking_over.of(events));

    append(*raw, traffic.remembered());
    const Steps known = work_off(*deduplicator);
    deduplicator.reset();
    require(known.entries == traffic.remembered().size(), "those that were put again were taken");
    const Counted after = counted(brokers);
    require(after.events == written.events, "the new index knows what was taken before");
    require(after.duplicates == written.duplicates + known.entries, "and says that they are repetitions");
}

}  // namespace
}  // namespace footfall::deduplicate

int main(int arguments, char** values) {
    const std::uint64_t events = arguments == 5 ? std::strtoull(values[4], nullptr, 10) : 0;
    if (events < 100) {
        std::cerr << "deduplicate_bench FOLDER BROKERS KAFKA_PID EVENTS, at least 100\n";
        return 2;
    }
    footfall::deduplicate::measure(values[1], values[2], std::atoi(values[3]), events);
    return 0;
}
