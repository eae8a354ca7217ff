#include "log/kafka/topics.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "log/kafka/group_offsets.h"
#include "log/kafka/message.h"

namespace footfall::log::kafka {
namespace {

struct Deleter {
    void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
    void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
    void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
    void operator()(rd_kafka_ConfigResource_t* resource) const { rd_kafka_ConfigResource_destroy(resource); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

Result<Handle> admin(const TopicsOptions& options) {
    return make_handle(RD_KAFKA_PRODUCER, common_settings(options.brokers, options.timeout_ms, options.more));
}

/// Partitions by topic, of all that there are.
Result<std::map<std::string, int>> topics_there(rd_kafka_t* handle, const TopicsOptions& options) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 1, nullptr, &metadata, options.timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_of(code, fmt::format("Kafka at {}, which topics there are", options.brokers));
    const Owned<const rd_kafka_metadata_t> owned(metadata);
    std::map<std::string, int> found;
    for (int i = 0; i < metadata->topic_cnt; ++i) found[metadata->topics[i].topic] = metadata->topics[i].partition_cnt;
    return found;
}

/// Waits for the answer to what was asked on the queue.
Result<Owned<rd_kafka_event_t>> answer(rd_kafka_queue_t* queue, const TopicsOptions& options, std::string_view doing) {
    Owned<rd_kafka_event_t> event(rd_kafka_queue_poll(queue, options.timeout_ms));
    const std::string where = fmt::format("Kafka at {}, {}", options.brokers, doing);
    if (!event) return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, where);
    if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_of(code, where);
    return event;
}

/// True where it is this call that made it.
Result<bool> make_topic(rd_kafka_t* handle, const std::string& name, const Settings& config,
                        const TopicsOptions& options) {
    char problem[256] = "";
    const Owned<rd_kafka_NewTopic_t> wanted(
        rd_kafka_NewTopic_new(name.c_str(), options.partitions, options.replicas, problem, sizeof problem));
    if (!wanted) return Error(Code::kInvalidArgument, fmt::format("topic '{}': {}", name, problem));
    for (const auto& [key, value] : config) rd_kafka_NewTopic_set_config(wanted.get(), key.c_str(), value.c_str());
    const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle));
    rd_kafka_NewTopic_t* one = wanted.get();
    rd_kafka_CreateTopics(handle, &one, 1, nullptr, queue.get());
    TRY(const auto event, answer(queue.get(), options, fmt::format("making the topic '{}'", name)));
    std::size_t count = 0;
    const auto* const* results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return false;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* text = rd_kafka_topic_result_error_string(results[0]);
        return Error(
            error_of(code, {}).code,
            fmt::format("Kafka at {}, making the topic '{}' of {} partitions and {} replicas: {}", options.brokers,
                        name, options.partitions, options.replicas, text != nullptr ? text : rd_kafka_err2str(code)));
    }
    return true;
}

/// What a topic is set to, by the settings' names.
Result<std::map<std::string, std::string>> config_there(rd_kafka_t* handle, const std::string& name,
                                                        const TopicsOptions& options) {
    const Owned<rd_kafka_ConfigResource_t> resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
    const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle));
    rd_kafka_ConfigResource_t* one = resource.get();
    rd_kafka_DescribeConfigs(handle, &one, 1, nullptr, queue.get());
    TRY(const auto event, answer(queue.get(), options, fmt::format("the settings of '{}'", name)));
    std::size_t resources = 0;
    const auto* const* results =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &resources);
    if (const auto code = rd_kafka_ConfigResource_error(results[0]); code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_of(code, fmt::format("Kafka at {}, the settings of '{}'", options.brokers, name));
    std::size_t count = 0;
    const auto* const* entries = rd_kafka_ConfigResource_configs(results[0], &count);
    std::map<std::string, std::string> found;
    for (std::size_t i = 0; i < count; ++i)
        if (const char* value = rd_kafka_ConfigEntry_value(entries[i]); value != nullptr)
            found[rd_kafka_ConfigEntry_name(entries[i])] = value;
    return found;
}

/// "name: setting is a, not b" of each that differs.
Status compare(rd_kafka_t* handle, const std::string& name, const Settings& config, const TopicsOptions& options,
               std::vector<std::string>& differs) {
    TRY(const auto there, config_there(handle, name, options));
    for (const auto& [key, wanted] : config)
        if (const auto found = there.find(key); found != there.end() && found->second != wanted)
            differs.push_back(fmt::format("{}: {} is {}, not {}", name, key, found->second, wanted));
    return {};
}

Result<std::int64_t> number_of(const std::map<std::string, std::string>& config, const std::string& topic,
                               const std::string& key) {
    const auto found = config.find(key);
    const std::string text = found == config.end() ? "" : found->second;
    std::int64_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
        return Error(Code::kInternal, fmt::format("Kafka gives '{}' as {} of '{}'", text, key, topic));
    return number;
}

/// Of partitions that nothing has been written to, so that a death between making and this is mended by the next call.
/// `is_new`: the topic was made by this call, and collectors that waited for it may have written to it already.
Status begin_group(rd_kafka_t* handle, const TopicsOptions& options, bool is_new) {
    const std::string topic = options.prefix + std::string(kTopics.front().name);
    for (int partition = 0; partition < options.partitions; ++partition) {
        const GroupPlace place = {.brokers = options.brokers,
                                  .group = options.group,
                                  .topic = topic,
                                  .partition = static_cast<std::uint16_t>(partition),
                                  .timeout_ms = options.timeout_ms,
                                  .more = options.more};
        TRY(const auto known, consumed(place));
        if (known && !is_new) continue;
        std::int64_t low = 0;
        std::int64_t high = 0;
        const rd_kafka_resp_err_t code =
            rd_kafka_query_watermark_offsets(handle, topic.c_str(), partition, &low, &high, options.timeout_ms);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return error_of(
                code, fmt::format("Kafka at {}, the end of partition {} of '{}'", options.brokers, partition, topic));
        if (is_new || high == 0) TRY_STATUS(set_consumed(place, 0));
    }
    return {};
}

}  // namespace

Settings config_of(const TopicRule& rule, const TopicsOptions& options) {
    return {{"cleanup.policy", "delete"},
            {"retention.ms", std::to_string(rule.retention_ms)},
            {"max.message.bytes", std::to_string(kMessageBytesMax + kMessageOverheadBytes)},
            {"min.insync.replicas", std::to_string(std::max(1, options.replicas - 1))},
            {"compression.type", "producer"},
            {"message.timestamp.type", "CreateTime"},
            {"unclean.leader.election.enable", "false"}};
}

Result<TopicsReport> make_topics(const TopicsOptions& options) {
    TRY(const Handle handle, admin(options));
    TRY(const auto there, topics_there(handle.get(), options));
    TopicsReport report;
    for (const TopicRule& rule : kTopics) {
        const std::string name = options.prefix + std::string(rule.name);
        const Settings config = config_of(rule, options);
        if (const auto found = there.find(name); found != there.end()) {
            if (found->second != options.partitions)
                return Error(
                    Code::kConflict,
                    fmt::format("the topic '{}' has {} partitions, not {}: with another number keys move between "
                                "partitions, so that repetitions are not found",
                                name, found->second, options.partitions));
            TRY_STATUS(compare(handle.get(), name, config, options, report.differs));
            continue;
        }
        TRY(const bool made, make_topic(handle.get(), name, config, options));
        if (made) report.done.push_back(name);
        // Another process made it meanwhile, or just before: brokers tell of new topics with some delay.
        else TRY_STATUS(compare(handle.get(), name, config, options, report.differs));
    }
    const std::string source = options.prefix + std::string(kTopics.front().name);
    const bool is_new = std::find(report.done.begin(), report.done.end(), source) != report.done.end();
    TRY_STATUS(begin_group(handle.get(), options, is_new));
    return report;
}

Result<std::vector<std::string>> missing_topics(const TopicsOptions& options) {
    TRY(const Handle handle, admin(options));
    TRY(const auto there, topics_there(handle.get(), options));
    std::vector<std::string> missing;
    for (const TopicRule& rule : kTopics)
        if (std::string name = options.prefix + std::string(rule.name); !there.contains(name))
            missing.push_back(std::move(name));
    return missing;
}

Result<std::optional<std::int64_t>> kept_ms(const TopicsOptions& options, std::string_view topic) {
    const std::string name = options.prefix + std::string(topic);
    TRY(const Handle handle, admin(options));
    TRY(const auto config, config_there(handle.get(), name, options));
    TRY(const std::int64_t retention_ms, number_of(config, name, "retention.ms"));
    TRY(const std::int64_t segment_ms, number_of(config, name, "segment.ms"));
    if (retention_ms < 0) return std::optional<std::int64_t>();
    // "For ever" is also written as the largest number.
    if (retention_ms > std::numeric_limits<std::int64_t>::max() - segment_ms) return std::optional<std::int64_t>();
    return std::optional(retention_ms + segment_ms);
}

}  // namespace footfall::log::kafka
