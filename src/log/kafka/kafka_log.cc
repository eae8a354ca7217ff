#include "log/kafka/kafka_log.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/logging.h"
#include "base/sha256.h"
#include "log/kafka/message.h"

namespace footfall::log::kafka {
namespace {

constexpr std::int64_t kMs = 1'000'000;  // in nanoseconds
constexpr int kLookEveryMs = 5;
/// A client that reads ends within that, or is left alone.
constexpr int kEndMs = 2'000;

Error unavailable(std::string_view brokers, rd_kafka_resp_err_t code, std::string_view doing) {
    return error_of(code, fmt::format("Kafka at {}, {}", brokers, doing));
}

}  // namespace

Result<std::unique_ptr<KafkaLog>> KafkaLog::open(KafkaLogOptions options, Clock& clock) {
    std::unique_ptr<KafkaLog> log(new KafkaLog(std::move(options), clock));
    TRY_STATUS(log->start());
    return log;
}

KafkaLog::~KafkaLog() = default;

Settings KafkaLog::reading() const {
    Settings settings = common_settings(options_.brokers, options_.request_timeout_ms, options_.more);
    settings.emplace_back("isolation.level",
                          options_.isolation == Isolation::kReadCommitted ? "read_committed" : "read_uncommitted");
    return settings;
}

Status KafkaLog::start() {
    TRY(asker_, make_handle(RD_KAFKA_CONSUMER, reading()));
    return look();
}

Status KafkaLog::look() const {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        asker_.get(), options_.topic.c_str(), options_.partition, &low, &high, options_.request_timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return unavailable(options_.brokers, code,
                           fmt::format("offsets of partition {} of '{}'", options_.partition, options_.topic));
    begin_ = static_cast<std::uint64_t>(std::max<std::int64_t>(0, low));
    end_ = static_cast<std::uint64_t>(std::max<std::int64_t>(0, high));
    return {};
}

Result<Position> KafkaLog::append(std::span<const Entry> group) {
    if (group.empty()) return end();
    // Most logs are only read.
    if (!producer_) {
        TRY(producer_, Producer::open({.brokers = options_.brokers,
                                       .queue_bytes_max = options_.queue_bytes_max,
                                       .message_bytes_max = options_.message_bytes_max,
                                       .delivery_timeout_ms = options_.delivery_timeout_ms,
                                       .more = options_.more},
                                      clock_));
    }
    const Destination here = {.topic = options_.topic, .partition = options_.partition};
    TRY(const std::int64_t sent, producer_->send(group, [&](const Entry&) -> const Destination& { return here; }));
    const auto first = static_cast<std::uint64_t>(std::max<std::int64_t>(0, sent));
    std::uint64_t before = end_.load();
    while (before < first + group.size() && !end_.compare_exchange_weak(before, first + group.size())) {}
    return at(first);
}

Position KafkaLog::end() const {
    [[maybe_unused]] const Status looked = look();  // what it told before, where it does not answer
    return at(end_.load());
}

Position KafkaLog::begin() const {
    [[maybe_unused]] const Status looked = look();
    return at(begin_.load());
}

bool KafkaLog::wait_beyond(Position position, int timeout_ms) const {
    const std::int64_t deadline_ns = clock_.steady_ns() + timeout_ms * kMs;
    while (end().offset <= position.offset) {
        if (clock_.steady_ns() >= deadline_ns) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(kLookEveryMs));
    }
    return true;
}

Result<std::unique_ptr<LogReader>> KafkaLog::reader(Position from) const {
    TRY(auto reader, waiting_reader(from));
    return std::unique_ptr<LogReader>(std::move(reader));
}

Result<std::unique_ptr<KafkaReader>> KafkaLog::waiting_reader(Position from) const {
    TRY_STATUS(look());
    if (from.offset < begin_)
        return Error(Code::kNotFound, fmt::format("partition {} of '{}' begins with entry {}; {} has been deleted",
                                                  options_.partition, options_.topic, begin_.load(), from.offset));
    if (from.offset > end_)
        return Error(Code::kInvalidArgument, fmt::format("partition {} of '{}' ends with entry {}, before {}",
                                                         options_.partition, options_.topic, end_.load(), from.offset));
    return KafkaReader::open(*this, reading(), options_.topic, options_.partition, at(from.offset),
                             options_.request_timeout_ms);
}

Status KafkaLog::release(Position position) {
    const std::int64_t younger_ms = clock_.wall_ms() - options_.retention_ms;
    const Partitions times = partition_of(options_.topic, options_.partition, younger_ms);
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(asker_.get(), times.get(), options_.request_timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = times->elems[0].err;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return unavailable(options_.brokers, code, fmt::format("times of '{}'", options_.topic));
    // The first that is younger; negative where none is.
    const std::int64_t young = times->elems[0].offset;
    std::uint64_t up_to = std::min(position.offset, end().offset);
    if (young >= 0) up_to = std::min(up_to, static_cast<std::uint64_t>(young));
    if (up_to <= begin_) return {};

    const Partitions before = partition_of(options_.topic, options_.partition, static_cast<std::int64_t>(up_to));
    const std::unique_ptr<rd_kafka_DeleteRecords_t, decltype(&rd_kafka_DeleteRecords_destroy)> wanted(
        rd_kafka_DeleteRecords_new(before.get()), rd_kafka_DeleteRecords_destroy);
    const std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue(rd_kafka_queue_new(asker_.get()),
                                                                                     rd_kafka_queue_destroy);
    rd_kafka_DeleteRecords_t* wanted_at = wanted.get();
    rd_kafka_DeleteRecords(asker_.get(), &wanted_at, 1, nullptr, queue.get());
    const std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event(
        rd_kafka_queue_poll(queue.get(), options_.request_timeout_ms * 2), rd_kafka_event_destroy);
    const std::string doing = fmt::format("deleting before entry {} of '{}'", up_to, options_.topic);
    if (!event) return unavailable(options_.brokers, RD_KAFKA_RESP_ERR__TIMED_OUT, doing);
    if (const auto failed = rd_kafka_event_error(event.get()); failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return unavailable(options_.brokers, failed, doing);
    const auto* deleted = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
    if (deleted->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return unavailable(options_.brokers, deleted->elems[0].err, doing);
    return look();
}

Result<std::uint64_t> KafkaLog::id() const {
    const std::unique_ptr<char, void (*)(char*)> cluster(rd_kafka_clusterid(asker_.get(), options_.request_timeout_ms),
                                                         [](char* text) { rd_kafka_mem_free(nullptr, text); });
    if (!cluster) return unavailable(options_.brokers, RD_KAFKA_RESP_ERR__TIMED_OUT, "the id of the cluster");
    Sha256 sum;
    sum.update(fmt::format("{}/{}/{}", cluster.get(), options_.topic, options_.partition));
    const std::string hex = sum.finish_hex();
    return parse_hex64(std::string_view(hex).substr(0, 16)).value_or(0);
}

Result<std::unique_ptr<KafkaReader>> KafkaReader::open(const KafkaLog& log, const Settings& settings,
                                                       const std::string& topic, std::uint16_t partition, Position from,
                                                       int timeout_ms) {
    std::unique_ptr<KafkaReader> reader(new KafkaReader(log));
    Settings reading = settings;
    for (auto& setting : Settings{{"enable.partition.eof", "true"},
                                  {"check.crcs", "true"},
                                  {"auto.offset.reset", "error"},
                                  {"fetch.wait.max.ms", "500"},
                                  {"fetch.error.backoff.ms", "50"},
                                  {"queued.min.messages", "10000"},
                                  {"queued.max.messages.kbytes", "16384"}})
        reading.push_back(std::move(setting));
    TRY(reader->consumer_, make_handle(RD_KAFKA_CONSUMER, reading));
    TRY(reader->topic_, make_topic(reader->consumer_.get(), topic));
    if (rd_kafka_consume_start(reader->topic_.get(), partition, static_cast<std::int64_t>(from.offset)) != 0)
        return error_of(rd_kafka_last_error(), fmt::format("reading '{}'", topic));
    reader->is_started_ = true;
    reader->partition_ = partition;
    reader->next_ = from;
    reader->timeout_ms_ = timeout_ms;
    return reader;
}

KafkaReader::~KafkaReader() {
    lent_.clear();
    ahead_.reset();
    // Of a topic that was deleted meanwhile the library waits in its destructor for ever: what such a client has stays
    // until the process ends, and there is one for each partition of it.
    auto ended = std::make_shared<std::promise<void>>();
    const auto is_ended = ended->get_future();
    const std::string name = topic_ ? rd_kafka_topic_name(topic_.get()) : "";
    auto ending = std::make_unique<std::thread>([ended, consumer = std::move(consumer_), topic = std::move(topic_),
                                                 partition = partition_, is_started = is_started_]() mutable {
        if (is_started) rd_kafka_consume_stop(topic.get(), partition);
        topic.reset();
        consumer.reset();
        ended->set_value();
    });
    if (is_ended.wait_for(std::chrono::milliseconds(kEndMs)) == std::future_status::ready) {
        ending->join();
        return;
    }
    logging::warn("kafka.client_left", {{"topic", name}, {"partition", partition_}});
    (void)ending.release();
}

Message KafkaReader::take(int timeout_ms) {
    if (ahead_) return std::move(ahead_);
    return Message(rd_kafka_consume(topic_.get(), partition_, timeout_ms));
}

bool KafkaReader::wait(int timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (!ahead_) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        if (left <= 0) return false;
        Message message = take(static_cast<int>(left));
        if (message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            next_.offset = std::max(next_.offset, static_cast<std::uint64_t>(message->offset));
        else ahead_ = std::move(message);
    }
    return true;
}

Status KafkaReader::read(std::vector<StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) {
    lent_.clear();
    std::size_t bytes = 0;
    const std::uint64_t end = log_.end().offset;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms_);
    while ((ahead_ || next_.offset < end) && lent_.size() < max_entries) {
        // For the first there is reason to wait: it is known to be there.
        Message message = take(lent_.empty() ? 50 : 0);
        if (!message) {
            if (!lent_.empty()) return {};
            if (std::chrono::steady_clock::now() < deadline) continue;
            return Error(Code::kTimeout, fmt::format("Kafka does not give entry {} of '{}'", next_.offset,
                                                     rd_kafka_topic_name(topic_.get())));
        }
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            // Behind the last entry there may be the ends of transactions.
            next_.offset = std::max(next_.offset, static_cast<std::uint64_t>(message->offset));
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
            message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
            const std::uint64_t gone = next_.offset;
            next_.offset = std::max(gone, log_.begin().offset);
            rd_kafka_seek(topic_.get(), partition_, static_cast<std::int64_t>(next_.offset), timeout_ms_);
            return Error(Code::kNotFound, fmt::format("entries {} to {} of '{}' have been deleted", gone, next_.offset,
                                                      rd_kafka_topic_name(topic_.get())));
        }
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return error_of(message->err, fmt::format("reading '{}'", rd_kafka_topic_name(topic_.get())));
        if (!lent_.empty() && bytes + message->len > max_bytes) {
            ahead_ = std::move(message);
            return {};
        }
        bytes += message->len;
        out.push_back({.position = {next_.partition, static_cast<std::uint64_t>(message->offset)},
                       .kind = kind_of(message.get()),
                       .payload = {static_cast<const char*>(message->payload), message->len}});
        next_.offset = static_cast<std::uint64_t>(message->offset) + 1;
        lent_.push_back(std::move(message));
    }
    return {};
}

}  // namespace footfall::log::kafka
