#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "deduplicate/deduplicate.h"
#include "log/kafka/membership.h"

namespace footfall::deduplicate {

struct WorkersOptions {
    /// Of each partition; index.directory is the folder in which each has one of its own.
    DeduplicatorOptions each;
    /// Whose members share the partitions.
    std::string members = "footfall-deduplicate-members";
    int session_timeout_ms = 10'000;
    int wait_ms = 200;
    /// After an error a partition is taken up again, later each time up to the maximum, by chance up to half of it
    /// more.
    int retry_ms = 100;
    int retry_ms_max = 5'000;
};

/// The deduplication of this process: of the partitions of raw_events that are its share, a thread each. Others start
/// the same beside it; what one of them had is taken over by the rest.
class Workers {
public:
    /// Does not wait for a broker; until one is there state() tells the problem.
    static Result<std::unique_ptr<Workers>> open(WorkersOptions options, Clock& clock);
    /// Ends what runs behind its batch, and leaves the group.
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    struct Partition {
        std::uint16_t number = 0;
        bool is_working = false;
        std::uint64_t position = 0;  ///< behind the last entry of the source that is committed; 0 before the first look
        std::string problem;         ///< of the last attempt
    };
    /// Thread-safe.
    std::vector<Partition> state() const;

private:
    class Worker;
    Workers(WorkersOptions options, Clock& clock);
    void won(const std::vector<std::uint16_t>& partitions);
    void lost(const std::vector<std::uint16_t>& partitions);

    const WorkersOptions options_;
    Clock& clock_;
    mutable std::mutex mutex_;
    std::map<std::uint16_t, std::unique_ptr<Worker>> workers_;
    std::unique_ptr<log::kafka::Membership> membership_;  ///< last: it calls the rest until it has ended
};

}  // namespace footfall::deduplicate
