#include "log/kafka/message.h"

#include <algorithm>

namespace footfall::log::kafka {
namespace {

constexpr std::string_view kKindHeader = "kind";
constexpr std::string_view kVersionHeader = "v";
constexpr std::string_view kVersion = "1";

}  // namespace

rd_kafka_resp_err_t produce(rd_kafka_t* producer, const Destination& to, const Entry& entry, std::int64_t now_ms,
                            void* opaque) {
    const auto kind = static_cast<std::uint8_t>(entry.kind);
    // A payload of no bytes is one; a null pointer would be none. Without a key the partition is any.
    char* const payload = const_cast<char*>(entry.payload.empty() ? "" : entry.payload.data());
    const char* const key = entry.key.empty() ? nullptr : entry.key.data();
    return rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(to.topic.c_str()), RD_KAFKA_V_PARTITION(to.partition),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, entry.key.size()),
                             RD_KAFKA_V_VALUE(payload, entry.payload.size()), RD_KAFKA_V_TIMESTAMP(now_ms),
                             RD_KAFKA_V_HEADER(kKindHeader.data(), &kind, 1),
                             RD_KAFKA_V_HEADER(kVersionHeader.data(), kVersion.data(), kVersion.size()),
                             RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}

EntryKind kind_of(const rd_kafka_message_t* message) {
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return EntryKind::kEvent;
    const void* value = nullptr;
    std::size_t size = 0;
    if (rd_kafka_header_get_last(headers, kKindHeader.data(), &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR || size != 1)
        return EntryKind::kEvent;
    return static_cast<EntryKind>(*static_cast<const std::uint8_t*>(value));
}

Settings common_settings(const std::string& brokers, int request_timeout_ms, const Settings& more) {
    Settings settings = {{"bootstrap.servers", brokers},
                         {"client.id", "footfall"},
                         {"socket.keepalive.enable", "true"},
                         // The library takes no less than a second.
                         {"socket.connection.setup.timeout.ms", std::to_string(std::max(1'000, request_timeout_ms))},
                         {"reconnect.backoff.ms", "50"},
                         {"reconnect.backoff.max.ms", "2000"},
                         {"log.connection.close", "false"}};
    settings.insert(settings.end(), more.begin(), more.end());
    return settings;
}

}  // namespace footfall::log::kafka
