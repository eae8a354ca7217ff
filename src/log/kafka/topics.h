#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/kafka/handle.h"

namespace footfall::log::kafka {

/// What stands in a topic of ours, by what it is spread over partitions, and how long it stays.
struct TopicRule {
    std::string_view name;
    std::string_view key;
    std::int64_t retention_ms;
    std::string_view what;
};

inline constexpr std::int64_t kDayMs = 86'400'000;
/// Deduplication looks back for seven days and is made again of raw_events where it is lost; a day more for whoever
/// reads late. `events` is what store, archive and sessions are made of, and stays as long.
inline constexpr std::array<TopicRule, 5> kTopics = {{
    {"raw_events", "site and event_id", 8 * kDayMs, "what collectors took, repetitions among it"},
    {"events", "site and visitor", 8 * kDayMs, "each event once, and how many repetitions there were"},
    {"rejected_events", "site (samples: none)", 30 * kDayMs,
     "samples of what was refused, and how much of it there was"},
    {"sessions", "site and visitor", 8 * kDayMs, "versions of sessions, by the Flink job"},
    {"late_events", "site and visitor", 8 * kDayMs, "events behind the Flink job's allowed lateness"},
}};

struct TopicsOptions {
    std::string brokers;
    std::string prefix;  ///< of each name, where several installations share a Kafka
    /// Reads raw_events: it begins with the first entry. By that it is known later whether Kafka has forgotten how far
    /// it had read, which is no reason to begin again.
    std::string group = "footfall-deduplicate";
    int partitions = 12;
    int replicas = 3;
    int timeout_ms = 20'000;
    Settings more = {};
};

/// The settings a topic is made with, by their names in Kafka: retention, the largest message, what has to be in sync
/// (all replicas but one), producers' compression, the producer's time (that of receipt), no unclean leader.
Settings config_of(const TopicRule& rule, const TopicsOptions& options);

/// Makes the topics that are missing, lets the group begin, and says in `done` what it made. What is there is left as
/// it is: kConflict names one of another number of partitions, since keys would move between them; one of other
/// settings is named in `differs`. It can be called again, also after a death.
struct TopicsReport {
    std::vector<std::string> done;
    std::vector<std::string> differs;
};
Result<TopicsReport> make_topics(const TopicsOptions& options);
/// Which of them are not there. Makes nothing.
Result<std::vector<std::string>> missing_topics(const TopicsOptions& options);
/// For how long a topic (by its name above) may have an entry at most: its retention begins when the segment that the
/// entry is in gets no more. Nothing: for ever.
Result<std::optional<std::int64_t>> kept_ms(const TopicsOptions& options, std::string_view topic);

}  // namespace footfall::log::kafka
