#include "app/cluster/topic_logs.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "app/cluster/engines.h"
#include "base/clock.h"
#include "log/kafka/group_offsets.h"

namespace footfall::app::cluster {
namespace {

constexpr int kWaitMs = 60'000;
constexpr int kAskEveryMs = 100;

Result<std::unique_ptr<log::kafka::KafkaLog>> open_partition(
    const Settings& settings, std::string_view name, std::uint16_t partition, std::uint16_t numbered_from = 0,
    log::kafka::Isolation isolation = log::kafka::Isolation::kReadCommitted) {
    TRY(log::kafka::Settings more, kafka_settings(settings));
    return log::kafka::KafkaLog::open({.brokers = settings.kafka_brokers,
                                       .topic = prefixed(settings, name),
                                       .partition = partition,
                                       .numbered_from = numbered_from,
                                       .isolation = isolation,
                                       .more = std::move(more)},
                                      system_clock());
}

/// Behind a transaction that is under way nothing is given yet, also of others that are committed.
Status wait_committed(const Settings& settings, std::uint16_t partition) {
    TRY(const auto all, open_partition(settings, "events", partition, 0, log::kafka::Isolation::kReadUncommitted));
    TRY(const auto committed, open_partition(settings, "events", partition));
    const log::Position end = all->end();
    if (end.offset == 0 || committed->wait_beyond({end.partition, end.offset - 1}, kWaitMs)) return {};
    return Error(Code::kTimeout, fmt::format("a transaction in partition {} of events does not come to an end; is a "
                                             "process role standing still?",
                                             partition));
}

}  // namespace

bool TopicLogs::has_its_first_entries() const {
    return std::ranges::all_of(kafka, [](const auto& log) { return log->begin().offset == 0; });
}

Result<TopicLogs> open_topic(const Settings& settings, std::string_view name, const log::ErasuresOf& erasures,
                             std::uint16_t numbered_from) {
    TopicLogs topic;
    for (std::int64_t partition = 0; partition < settings.kafka_partitions; ++partition) {
        TRY(auto log, open_partition(settings, name, static_cast<std::uint16_t>(partition), numbered_from));
        auto erased = std::make_unique<log::ErasedLog>(*log, erasures);
        TRY([[maybe_unused]] const bool has_any, erased->refresh());
        topic.ends.push_back(log->end());
        topic.kafka.push_back(std::move(log));
        topic.logs.push_back(std::move(erased));
    }
    return topic;
}

Status wait_deduplicated(const Settings& settings) {
    TRY(const TopicLogs raw, open_topic(settings, "raw_events"));
    TRY(const log::kafka::Settings more, kafka_settings(settings));
    const log::kafka::TopicsOptions names;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kWaitMs);
    for (const log::Position end : raw.ends) {
        for (;;) {
            TRY(const auto consumed, log::kafka::consumed({.brokers = settings.kafka_brokers,
                                                           .group = prefixed(settings, names.group),
                                                           .topic = prefixed(settings, "raw_events"),
                                                           .partition = end.partition,
                                                           .more = more}));
            if (consumed.value_or(0) >= end.offset) break;
            if (std::chrono::steady_clock::now() >= deadline)
                return Error(Code::kTimeout,
                             fmt::format("partition {} of raw_events is read up to {} of {}: is there a process role?",
                                         end.partition, consumed.value_or(0), end.offset));
            std::this_thread::sleep_for(std::chrono::milliseconds(kAskEveryMs));
        }
    }
    for (const log::Position end : raw.ends) TRY_STATUS(wait_committed(settings, end.partition));
    return {};
}

}  // namespace footfall::app::cluster
