#include "log/kafka/transactions.h"

#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "log/kafka/message.h"

namespace footfall::log::kafka {
namespace {

struct Deleter {
    void operator()(rd_kafka_consumer_group_metadata_t* group) const {
        rd_kafka_consumer_group_metadata_destroy(group);
    }
};
using Group = std::unique_ptr<rd_kafka_consumer_group_metadata_t, Deleter>;

}  // namespace

Result<std::unique_ptr<Transactions>> Transactions::open(TransactionsOptions options, Clock& clock) {
    std::unique_ptr<Transactions> out(new Transactions(std::move(options), clock));
    const TransactionsOptions& set = out->options_;
    Settings settings = common_settings(set.source.brokers, set.source.timeout_ms, set.source.more);
    for (auto& setting : Settings{{"transactional.id", set.transactional_id},
                                  {"transaction.timeout.ms", std::to_string(2 * set.source.timeout_ms)},
                                  {"message.timeout.ms", std::to_string(set.source.timeout_ms)},
                                  {"partitioner", "murmur2_random"},
                                  {"compression.codec", "zstd"},
                                  {"message.max.bytes", std::to_string(kMessageBytesMax + kMessageOverheadBytes)},
                                  {"linger.ms", "1"}})
        settings.push_back(std::move(setting));
    TRY(out->producer_, make_handle(RD_KAFKA_PRODUCER, settings));
    if (rd_kafka_error_t* error = rd_kafka_init_transactions(out->producer_.get(), set.source.timeout_ms))
        return out->failed(error, "beginning");
    return out;
}

Transactions::~Transactions() {
    if (producer_) rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

Result<std::optional<std::uint64_t>> Transactions::consumed() const { return kafka::consumed(options_.source); }

Status Transactions::write(std::span<const Entry> entries, std::uint64_t consumed) {
    if (std::exchange(is_broken_, true))
        return Error(Code::kInternal, "a transaction failed before: open the id anew and ask what was committed");
    const std::int64_t deadline_ns = clock_.steady_ns() + options_.source.timeout_ms * std::int64_t{1'000'000};
    if (rd_kafka_error_t* error = rd_kafka_begin_transaction(producer_.get())) return failed(error, "beginning");
    for (const Entry& entry : entries) TRY_STATUS(send(entry, deadline_ns));
    if (failpoint("kafka.before_commit") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint kafka.before_commit");
    TRY_STATUS(commit(consumed));
    if (failpoint("kafka.committed") == Fault::kError) return Error(Code::kUnavailable, "failpoint kafka.committed");
    is_broken_ = false;
    return {};
}

Status Transactions::send(const Entry& entry, std::int64_t deadline_ns) {
    const Destination to = {.topic = options_.topic};
    for (;;) {
        const rd_kafka_resp_err_t code = produce(producer_.get(), to, entry, clock_.wall_ms(), nullptr);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || clock_.steady_ns() >= deadline_ns)
            return error_of(code, fmt::format("Kafka at {}, sending to '{}'", options_.source.brokers, options_.topic));
        rd_kafka_poll(producer_.get(), 10);
    }
}

Status Transactions::commit(std::uint64_t consumed) {
    const GroupPlace& source = options_.source;
    const Group group(rd_kafka_consumer_group_metadata_new(source.group.c_str()));
    const Partitions read = partition_of(source.topic, source.partition, static_cast<std::int64_t>(consumed));
    if (rd_kafka_error_t* error =
            rd_kafka_send_offsets_to_transaction(producer_.get(), read.get(), group.get(), options_.source.timeout_ms))
        return failed(error, "saying how far the source was read");
    // Sends what is queued, too.
    if (rd_kafka_error_t* error = rd_kafka_commit_transaction(producer_.get(), options_.source.timeout_ms))
        return failed(error, "committing");
    return {};
}

/// Takes the library's error over.
Error Transactions::failed(rd_kafka_error_t* error, std::string_view doing) const {
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    const bool is_fenced = code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
                           code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
    const std::string text =
        fmt::format("Kafka at {}, {} a transaction of '{}' for '{}': {}", options_.source.brokers, doing,
                    options_.transactional_id, options_.topic, rd_kafka_error_string(error));
    // So that readers need not wait for the broker to do it.
    if (rd_kafka_error_txn_requires_abort(error) != 0)
        if (rd_kafka_error_t* other = rd_kafka_abort_transaction(producer_.get(), options_.source.timeout_ms))
            rd_kafka_error_destroy(other);
    rd_kafka_error_destroy(error);
    if (is_fenced) return {Code::kConflict, text};
    return {error_of(code, {}).code, text};
}

}  // namespace footfall::log::kafka
