#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "app/settings.h"
#include "base/result.h"
#include "log/erased_log.h"
#include "log/kafka/kafka_log.h"

namespace footfall::app::cluster {

/// The partitions of a topic, in their order, without what is erased, and where each ended when this was opened.
struct TopicLogs {
    std::vector<std::unique_ptr<log::kafka::KafkaLog>> kafka;
    std::vector<std::unique_ptr<log::ErasedLog>> logs;  ///< of those
    std::vector<log::Position> ends;                    ///< as the broker told by then, never an older word

    bool has_its_first_entries() const;
};

/// Opens a topic by its name in log/kafka/topics.h; positions are numbered from `numbered_from` on. Errors are those of
/// KafkaLog::open() and of `erasures`.
Result<TopicLogs> open_topic(const Settings& settings, std::string_view name, const log::ErasuresOf& erasures = {},
                             std::uint16_t numbered_from = 0);

/// Waits until everything that `raw_events` has now is in `events`, and can be read there. kTimeout after a minute.
Status wait_deduplicated(const Settings& settings);

}  // namespace footfall::app::cluster
