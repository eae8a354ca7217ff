#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "log/kafka/group_offsets.h"
#include "log/kafka/handle.h"
#include "log/log.h"

namespace footfall::log::kafka {

struct TransactionsOptions {
    /// What is read, by the group under whose name Kafka keeps how far. Its timeout is that of each call; a transaction
    /// that nobody ends is withdrawn by the broker after twice that, or when the id is opened again; until then whoever
    /// reads what is committed waits for it.
    GroupPlace source;
    std::string topic;  ///< that is written
    /// One for each partition that is read: who opens it last is the only one that can write by it.
    std::string transactional_id;
};

/// Reads a partition and writes what becomes of it, each entry exactly once: what is written and up to where the source
/// was read are committed together, as Kafka Streams does it. One thread.
class Transactions {
public:
    /// Whoever had this id before can't write by it any more, and what it had begun is withdrawn. kUnavailable or
    /// kTimeout where no broker answers.
    static Result<std::unique_ptr<Transactions>> open(TransactionsOptions options, Clock& clock);
    ~Transactions();

    /// Offset behind the last entry of the source that a committed transaction covers.
    Result<std::optional<std::uint64_t>> consumed() const;

    /// All entries, each in the partition of its key, and `consumed`, or nothing of both. kConflict: another process
    /// has opened the id. After any error this can't be used any more; whether it was committed is told by consumed()
    /// of the next one.
    Status write(std::span<const Entry> entries, std::uint64_t consumed);

private:
    Transactions(TransactionsOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
    Status send(const Entry& entry, std::int64_t deadline_ns);
    Status commit(std::uint64_t consumed);
    Error failed(rd_kafka_error_t* error, std::string_view doing) const;

    const TransactionsOptions options_;
    Clock& clock_;
    Handle producer_;
    bool is_broken_ = false;
};

}  // namespace footfall::log::kafka
