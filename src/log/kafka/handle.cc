#include "log/kafka/handle.h"

#include <fmt/format.h>

#include "base/logging.h"

namespace footfall::log::kafka {
namespace {

void log_line(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
    constexpr int kError = 3;
    logging::write(level <= kError ? logging::Level::kWarn : logging::Level::kDebug, "kafka.client",
                   {{"client", rd_kafka_name(handle)}, {"facility", facility}, {"text", text}});
}

struct ConfDeleter {
    void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};

}  // namespace

Result<Handle> make_handle(rd_kafka_type_t type, const Settings& settings, const Callbacks& callbacks) {
    std::unique_ptr<rd_kafka_conf_t, ConfDeleter> conf(rd_kafka_conf_new());
    char problem[512] = "";
    for (const auto& [name, value] : settings)
        if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), problem, sizeof problem) != RD_KAFKA_CONF_OK)
            return Error(Code::kInvalidArgument, fmt::format("the Kafka client does not take '{}': {}", name, problem));
    rd_kafka_conf_set_log_cb(conf.get(), log_line);
    rd_kafka_conf_set_opaque(conf.get(), callbacks.opaque);
    if (callbacks.delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf.get(), callbacks.delivered);
    if (callbacks.rebalanced != nullptr) rd_kafka_conf_set_rebalance_cb(conf.get(), callbacks.rebalanced);
    rd_kafka_t* handle = rd_kafka_new(type, conf.get(), problem, sizeof problem);
    if (handle == nullptr) return Error(Code::kInternal, fmt::format("the Kafka client does not start: {}", problem));
    static_cast<void>(conf.release());  // the handle's now
    return Handle(handle);
}

Result<Topic> make_topic(rd_kafka_t* handle, const std::string& name) {
    rd_kafka_topic_t* topic = rd_kafka_topic_new(handle, name.c_str(), nullptr);
    if (topic == nullptr) return error_of(rd_kafka_last_error(), fmt::format("topic '{}'", name));
    return Topic(topic);
}

Partitions partition_of(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    Partitions list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
    return list;
}

Status reach_topic(rd_kafka_t* handle, const std::string& brokers, const std::string& topic, int timeout_ms) {
    TRY(const Topic asked, make_topic(handle, topic));
    const rd_kafka_metadata_t* metadata = nullptr;
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 0, asked.get(), &metadata, timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        rd_kafka_metadata_destroy(metadata);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    return error_of(code, fmt::format("Kafka at {}, topic '{}'", brokers, topic));
}

Error error_of(rd_kafka_resp_err_t code, std::string_view doing) {
    const std::string text = fmt::format("{}: {}", doing, rd_kafka_err2str(code));
    switch (code) {
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return {Code::kNotFound, text};
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: return {Code::kForbidden, text};
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return {Code::kTooLarge, text};
        case RD_KAFKA_RESP_ERR__TIMED_OUT:
        case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT: return {Code::kTimeout, text};
        default: return {Code::kUnavailable, text};
    }
}

}  // namespace footfall::log::kafka
