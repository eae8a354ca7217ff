#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "base/result.h"

namespace footfall::log::kafka {

/// Settings of librdkafka by their names there, later ones win.
using Settings = std::vector<std::pair<std::string, std::string>>;

struct HandleDeleter {
    void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
    void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
    void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
    void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using Handle = std::unique_ptr<rd_kafka_t, HandleDeleter>;
using Topic = std::unique_ptr<rd_kafka_topic_t, HandleDeleter>;
using Message = std::unique_ptr<rd_kafka_message_t, HandleDeleter>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, HandleDeleter>;

/// A list of one partition; `offset` is what a call takes there, an offset or a time.
Partitions partition_of(const std::string& topic, std::int32_t partition,
                        std::int64_t offset = RD_KAFKA_OFFSET_INVALID);

/// What the library calls, from the thread that polls.
struct Callbacks {
    void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void* opaque) = nullptr;  ///< each that was produced
    void (*rebalanced)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* opaque) = nullptr;
    void* opaque = nullptr;
};

/// A client of its own. The library's own words go to the log as kafka.client, without settings that are secrets.
/// kInvalidArgument names a setting that the library does not take.
Result<Handle> make_handle(rd_kafka_type_t type, const Settings& settings, const Callbacks& callbacks = {});
Result<Topic> make_topic(rd_kafka_t* handle, const std::string& name);

/// Whether a broker answers and has the topic: kNotFound where it has not. Thread-safe.
Status reach_topic(rd_kafka_t* handle, const std::string& brokers, const std::string& topic, int timeout_ms);

/// What a code of the library means for whoever asked: kNotFound where the topic or partition is not there, kForbidden
/// where the broker refuses the user, kTooLarge, kTimeout, kUnavailable otherwise. `doing` begins the message.
Error error_of(rd_kafka_resp_err_t code, std::string_view doing);

}  // namespace footfall::log::kafka
