#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/kafka/handle.h"
#include "log/kafka/producer.h"
#include "log/log.h"

namespace footfall::log::kafka {

/// Whether what a transaction wrote is read before it is committed. `events` and what is made of it are written in
/// transactions.
enum class Isolation : unsigned char { kReadCommitted, kReadUncommitted };

class KafkaReader;

struct KafkaLogOptions {
    std::string brokers;  ///< host:port, with commas between
    std::string topic;    ///< has to be there: footfall makes topics by its own command, with stated settings
    std::uint16_t partition = 0;
    /// Positions say the partition's number and this, so that those of two topics are told apart.
    std::uint16_t numbered_from = 0;
    Isolation isolation = Isolation::kReadUncommitted;
    /// What waits for the broker at most.
    std::uint64_t queue_bytes_max = 64u << 20;
    /// The topic's max.message.bytes: a larger entry is refused before anything of its group is sent.
    std::uint64_t message_bytes_max = kMessageBytesMax;
    /// An entry is acknowledged within that or its group fails. Below the 5 s in which a collector has to say 503.
    int delivery_timeout_ms = 4'000;
    int request_timeout_ms = 4'000;
    /// What is younger stays, whoever releases it.
    std::int64_t retention_ms = 24 * std::int64_t{3'600'000};
    Settings more = {};  ///< for instance security.protocol
};

/// One partition of a Kafka topic as an event log, by librdkafka. A record's value is the entry's payload, byte for
/// byte; its headers are `kind`, EntryKind as one byte (none: kEvent), and `v`, the version of
/// schema/event.schema.json; its time is when it is sent, so that a visitor's wrong clock never makes the broker refuse
/// it. Offsets may have gaps, since each transaction takes one for its end.
///
/// append(): the producer is idempotent and waits for all replicas in sync, so that an entry whose answer is lost is
/// sent again without becoming two. kUnavailable, where not each entry of the group was acknowledged in time: some may
/// be in the log all the same, and a repetition of the group doubles those, which is for `event_id` to find. The
/// positions of a group have gaps only where others write to the partition.
///
/// end() and begin() are those that the broker told last, at most some milliseconds old; where it does not answer, the
/// ones it told before. damage() is empty: Kafka repairs its replicas itself.
class KafkaLog final : public EventLog {
public:
    /// kNotFound where there is no such topic or partition, kUnavailable where no broker answers in time.
    static Result<std::unique_ptr<KafkaLog>> open(KafkaLogOptions options, Clock& clock);
    ~KafkaLog() override;

    Result<Position> append(std::span<const Entry> group) override;
    Position end() const override;
    Position begin() const override;
    /// Asks the broker for both. kNotFound where the topic is gone. Thread-safe.
    Status look() const;
    bool wait_beyond(Position position, int timeout_ms) const override;
    Result<std::unique_ptr<LogReader>> reader(Position from) const override;
    /// The same, as one that can wait.
    Result<std::unique_ptr<KafkaReader>> waiting_reader(Position from) const;
    std::vector<Damage> damage() const override { return {}; }
    Status release(Position position) override;
    /// A number that another partition, topic or cluster of Kafka does not have; a topic that is made anew has it
    /// again. Asks the broker.
    Result<std::uint64_t> id() const;

private:
    KafkaLog(KafkaLogOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
    Position at(std::uint64_t offset) const {
        return {.partition = static_cast<std::uint16_t>(options_.numbered_from + options_.partition), .offset = offset};
    }
    Status start();
    Settings reading() const;

    const KafkaLogOptions options_;
    Clock& clock_;
    std::unique_ptr<Producer> producer_;  ///< since the first append()
    Handle asker_;                        ///< for offsets, by the isolation
    mutable std::atomic<std::uint64_t> begin_{0};
    mutable std::atomic<std::uint64_t> end_{0};
};

/// Reads a partition. See LogReader.
class KafkaReader final : public LogReader {
public:
    /// `partition` is the topic's, `from` as the log numbers it.
    static Result<std::unique_ptr<KafkaReader>> open(const KafkaLog& log, const Settings& settings,
                                                     const std::string& topic, std::uint16_t partition, Position from,
                                                     int timeout_ms);
    ~KafkaReader() override;

    Status read(std::vector<StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) override;
    Position position() const override { return next_; }
    /// The broker answers when there is something, where KafkaLog::wait_beyond() asks for the end again and again.
    bool wait(int timeout_ms);
    bool wait(const EventLog&, int timeout_ms) override { return wait(timeout_ms); }

private:
    explicit KafkaReader(const KafkaLog& log) : log_(log) {}
    Message take(int timeout_ms);

    const KafkaLog& log_;
    Handle consumer_;
    Topic topic_;
    bool is_started_ = false;
    std::uint16_t partition_ = 0;  ///< of the topic
    Position next_;
    int timeout_ms_ = 0;
    std::vector<Message> lent_;  ///< what entries of the last call borrow from
    Message ahead_;              ///< did not fit into it
};

}  // namespace footfall::log::kafka
