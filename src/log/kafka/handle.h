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
};
using Handle = std::unique_ptr<rd_kafka_t, HandleDeleter>;
using Topic = std::unique_ptr<rd_kafka_topic_t, HandleDeleter>;
using Message = std::unique_ptr<rd_kafka_message_t, HandleDeleter>;

using Delivered = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void* opaque);

/// A client of its own. `delivered` is called from rd_kafka_poll() for each message that was produced. The library's
/// own words go to the log as kafka.client, without settings that are secrets. kInvalidArgument names a setting that
/// the library does not take.
Result<Handle> make_handle(rd_kafka_type_t type, const Settings& settings, Delivered delivered = nullptr);
Result<Topic> make_topic(rd_kafka_t* handle, const std::string& name);

/// What a code of the library means for whoever asked: kNotFound where the topic or partition is not there, kForbidden
/// where the broker refuses the user, kTooLarge, kTimeout, kUnavailable otherwise. `doing` begins the message.
Error error_of(rd_kafka_resp_err_t code, std::string_view doing);

}  // namespace footfall::log::kafka
