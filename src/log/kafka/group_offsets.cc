#include "log/kafka/group_offsets.h"

#include <fmt/format.h>

#include "log/kafka/message.h"

namespace footfall::log::kafka {
namespace {

Result<Handle> consumer_of(const GroupPlace& place) {
    Settings settings = common_settings(place.brokers, place.timeout_ms, place.more);
    settings.emplace_back("group.id", place.group);
    settings.emplace_back("enable.auto.commit", "false");
    settings.emplace_back("isolation.level", "read_committed");
    return make_handle(RD_KAFKA_CONSUMER, settings);
}

Error failed(const GroupPlace& place, rd_kafka_resp_err_t code, std::string_view doing) {
    return error_of(code, fmt::format("Kafka at {}, {} how far the group '{}' has read partition {} of '{}'",
                                      place.brokers, doing, place.group, place.partition, place.topic));
}

}  // namespace

Result<std::optional<std::uint64_t>> consumed(const GroupPlace& place) {
    TRY(const Handle consumer, consumer_of(place));
    const Partitions asked = partition_of(place.topic, place.partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(consumer.get(), asked.get(), place.timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = asked->elems[0].err;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(place, code, "asking");
    const std::int64_t offset = asked->elems[0].offset;
    if (offset < 0) return std::optional<std::uint64_t>();
    return std::optional<std::uint64_t>(static_cast<std::uint64_t>(offset));
}

Status set_consumed(const GroupPlace& place, std::uint64_t offset) {
    TRY(const Handle consumer, consumer_of(place));
    const Partitions set = partition_of(place.topic, place.partition, static_cast<std::int64_t>(offset));
    rd_kafka_resp_err_t code = rd_kafka_commit(consumer.get(), set.get(), 0);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = set->elems[0].err;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(place, code, "setting");
    return {};
}

}  // namespace footfall::log::kafka
