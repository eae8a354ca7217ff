#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "deduplicate/deduplicate.h"
#include "log/kafka/share.h"

namespace footfall::deduplicate {

struct WorkersOptions {
    /// Of each partition; index.directory is the folder in which each has one of its own.
    DeduplicatorOptions each;
    /// Whose members share the partitions.
    std::string members = "footfall-deduplicate-members";
    int session_timeout_ms = 10'000;
    int wait_ms = 200;
};

/// The deduplication of this process: of the partitions of raw_events that are its share.
class Workers {
public:
    /// Does not wait for a broker.
    static Result<std::unique_ptr<Workers>> open(WorkersOptions options, Clock& clock);
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Positions are behind the last entry of the source that is committed. Thread-safe.
    std::vector<log::kafka::Share::Partition> state() const { return share_->state(); }
    /// Whether a broker answers and has the source: kNotFound where it has not. Thread-safe.
    Status reach(int timeout_ms) const { return share_->reach(timeout_ms); }

private:
    Workers(WorkersOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
    Status work(log::kafka::Share::Turn& turn) const;

    const WorkersOptions options_;
    Clock& clock_;
    std::unique_ptr<log::kafka::Share> share_;  ///< last: it calls the rest until it has ended
};

}  // namespace footfall::deduplicate
