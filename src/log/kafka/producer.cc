#include "log/kafka/producer.h"

#include <utility>

#include <fmt/format.h>

namespace footfall::log::kafka {
namespace {

constexpr std::int64_t kMs = 1'000'000;  // in nanoseconds

/// What is awaited of a group, on the thread that sent it.
struct Awaited {
    std::size_t waiting = 0;
    rd_kafka_resp_err_t problem = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::int64_t first = -1;
};

void note_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    auto* awaited = static_cast<Awaited*>(message->_private);
    --awaited->waiting;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) awaited->problem = message->err;
    else if (awaited->first < 0 || message->offset < awaited->first) awaited->first = message->offset;
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::open(ProducerOptions options, Clock& clock) {
    std::unique_ptr<Producer> out(new Producer(std::move(options), clock));
    const ProducerOptions& set = out->options_;
    Settings settings = common_settings(set.brokers, set.delivery_timeout_ms, set.more);
    for (auto& setting : Settings{{"enable.idempotence", "true"},
                                  {"partitioner", "murmur2_random"},
                                  {"compression.codec", "zstd"},
                                  // The committer has put a group together already.
                                  {"linger.ms", "0"},
                                  {"queue.buffering.max.kbytes", std::to_string(set.queue_bytes_max / 1024)},
                                  {"queue.buffering.max.messages", "1000000"},
                                  {"message.max.bytes", std::to_string(set.message_bytes_max + kMessageOverheadBytes)},
                                  {"message.timeout.ms", std::to_string(set.delivery_timeout_ms)}})
        settings.push_back(std::move(setting));
    TRY(out->handle_, make_handle(RD_KAFKA_PRODUCER, settings, {.delivered = note_delivery}));
    return out;
}

Producer::~Producer() {
    // send() leaves nothing behind, so that there is nothing to wait for.
    if (handle_) rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

Result<std::int64_t> Producer::send(std::span<const Entry> group, const DestinationOf& to) {
    for (const Entry& entry : group)
        if (entry.payload.size() > options_.message_bytes_max)
            return Error(Code::kTooLarge,
                         fmt::format("an entry of {} bytes is larger than the {} that '{}' takes", entry.payload.size(),
                                     options_.message_bytes_max, to(entry).topic));
    Awaited awaited;
    rd_kafka_resp_err_t problem = RD_KAFKA_RESP_ERR_NO_ERROR;
    const std::int64_t deadline_ns = clock_.steady_ns() + options_.delivery_timeout_ms * kMs;
    for (const Entry& entry : group) {
        while ((problem = produce(handle_.get(), to(entry), entry, clock_.wall_ms(), &awaited)) ==
                   RD_KAFKA_RESP_ERR__QUEUE_FULL &&
               clock_.steady_ns() < deadline_ns)
            rd_kafka_poll(handle_.get(), 10);
        if (problem != RD_KAFKA_RESP_ERR_NO_ERROR) break;
        ++awaited.waiting;
    }
    // Each is told of in the end, by message.timeout.ms at the latest, and `awaited` lives until then.
    while (awaited.waiting > 0) rd_kafka_poll(handle_.get(), 100);
    if (problem == RD_KAFKA_RESP_ERR_NO_ERROR) problem = awaited.problem;
    char fatal[512] = "";
    if (rd_kafka_fatal_error(handle_.get(), fatal, sizeof fatal) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return Error(Code::kInternal,
                     fmt::format("the client of Kafka at {} cannot go on: {}", options_.brokers, fatal));
    if (problem != RD_KAFKA_RESP_ERR_NO_ERROR)
        return Error(Code::kUnavailable,
                     fmt::format("Kafka at {} did not acknowledge all of {} entries for '{}', some may be there: {}",
                                 options_.brokers, group.size(), to(group.front()).topic, rd_kafka_err2str(problem)));
    return awaited.first;
}

Status Producer::reach(const std::string& topic, int timeout_ms) const {
    return reach_topic(handle_.get(), options_.brokers, topic, timeout_ms);
}

}  // namespace footfall::log::kafka
