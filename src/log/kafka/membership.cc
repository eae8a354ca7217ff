#include "log/kafka/membership.h"

#include <utility>

#include <fmt/format.h>

#include "base/logging.h"
#include "log/kafka/message.h"

namespace footfall::log::kafka {
namespace {

constexpr int kPollMs = 100;
constexpr int kRequestTimeoutMs = 10'000;

std::vector<std::uint16_t> numbers_of(const rd_kafka_topic_partition_list_t* partitions) {
    std::vector<std::uint16_t> numbers;
    for (int i = 0; i < partitions->cnt; ++i)
        numbers.push_back(static_cast<std::uint16_t>(partitions->elems[i].partition));
    return numbers;
}

}  // namespace

Result<std::unique_ptr<Membership>> Membership::open(MembershipOptions options, Listener listener) {
    std::unique_ptr<Membership> out(new Membership(std::move(options), std::move(listener)));
    const MembershipOptions& set = out->options_;
    Settings settings = common_settings(set.brokers, kRequestTimeoutMs, set.more);
    for (auto& setting : Settings{{"group.id", set.group},
                                  {"enable.auto.commit", "false"},
                                  {"enable.auto.offset.store", "false"},
                                  {"session.timeout.ms", std::to_string(set.session_timeout_ms)},
                                  {"heartbeat.interval.ms", std::to_string(set.session_timeout_ms / 4)},
                                  // So soon a topic that is made, or made anew, is heard of.
                                  {"topic.metadata.refresh.interval.ms", "10000"},
                                  // Taking a partition up may mean reading all of it (deduplicate.h).
                                  {"max.poll.interval.ms", "3600000"},
                                  // Only what has to move moves.
                                  {"partition.assignment.strategy", "cooperative-sticky"}})
        settings.push_back(std::move(setting));
    TRY(out->consumer_, make_handle(RD_KAFKA_CONSUMER, settings, {.rebalanced = rebalanced, .opaque = out.get()}));
    rd_kafka_poll_set_consumer(out->consumer_.get());
    const Partitions topics = partition_of(set.topic, RD_KAFKA_PARTITION_UA);
    if (const auto code = rd_kafka_subscribe(out->consumer_.get(), topics.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_of(code, fmt::format("joining the group '{}' for '{}'", set.group, set.topic));
    out->thread_ = std::thread([membership = out.get()] { membership->run(); });
    return out;
}

Membership::~Membership() {
    is_ending_ = true;
    if (thread_.joinable()) thread_.join();
    // A member has left its group by now, and an earlier library ends the process where it destroys one that never was
    // the group's leader (librdkafka's issue 4312). Such a member stays as it is: there is one or two in a process.
    constexpr int kMended = 0x020300ff;
    if (rd_kafka_version() < kMended) (void)consumer_.release();
}

void Membership::run() {
    while (!is_ending_) {
        const Message message(rd_kafka_consumer_poll(consumer_.get(), kPollMs));
        if (message && message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            logging::warn("kafka.membership",
                          {{"group", options_.group}, {"error", rd_kafka_message_errstr(message.get())}});
    }
    // Calls rebalanced() for what there is.
    rd_kafka_consumer_close(consumer_.get());
}

void Membership::rebalanced(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions,
                            void* opaque) {
    auto& membership = *static_cast<Membership*>(opaque);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) membership.assign(partitions);
    else membership.revoke(partitions);
}

void Membership::assign(rd_kafka_topic_partition_list_t* partitions) {
    if (rd_kafka_error_t* error = rd_kafka_incremental_assign(consumer_.get(), partitions)) {
        logging::error("kafka.membership", {{"group", options_.group}, {"error", rd_kafka_error_string(error)}});
        rd_kafka_error_destroy(error);
        return;
    }
    // Whoever works on a partition reads it by a client of its own, from where it knows to begin.
    rd_kafka_pause_partitions(consumer_.get(), partitions);
    if (partitions->cnt > 0) listener_.won(numbers_of(partitions));
}

void Membership::revoke(const rd_kafka_topic_partition_list_t* partitions) {
    if (partitions->cnt > 0) listener_.lost(numbers_of(partitions));
    if (rd_kafka_error_t* error = rd_kafka_incremental_unassign(consumer_.get(), partitions)) {
        logging::error("kafka.membership", {{"group", options_.group}, {"error", rd_kafka_error_string(error)}});
        rd_kafka_error_destroy(error);
    }
}

}  // namespace footfall::log::kafka
