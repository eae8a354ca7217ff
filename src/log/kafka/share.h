#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/kafka/membership.h"

namespace footfall::log::kafka {

struct ShareOptions {
    MembershipOptions members;
    std::string name;  ///< of the work, in the log
    /// After an error a partition is taken up again, later each time up to the maximum, by chance up to half of it
    /// more.
    int retry_ms = 100;
    int retry_ms_max = 5'000;
};

/// The partitions of a topic that this process works on, a thread each. Others start the same beside it; what one of
/// them had is taken over by the rest.
class Share {
public:
    /// A partition's turn, as its work sees it.
    class Turn {
    public:
        explicit Turn(std::uint16_t partition) : partition_(partition) {}

        std::uint16_t partition() const { return partition_; }
        bool is_ending() const;
        /// Until that time has passed, or it is to end.
        void wait(int ms);
        /// It gets on: the next error is the first one again. What it says is for state(), see Partition.
        void gets_on(std::uint64_t position, std::int64_t as_of_ms = 0);
        /// Why it does not get on, while it tries again by itself; gets_on() ends that.
        void stands(std::string problem);

    private:
        friend class Share;
        const std::uint16_t partition_;
        mutable std::mutex mutex_;
        std::condition_variable wake_;
        bool is_ending_ = false;
        bool does_get_on_ = false;
        std::uint64_t position_ = 0;
        std::int64_t as_of_ms_ = 0;
        std::string problem_;
    };
    /// Works until the turn is ending, or comes to the error for which it can't go on.
    using Work = std::function<Status(Turn& turn)>;

    /// Does not wait for a broker; until one is there state() is empty.
    static Result<std::unique_ptr<Share>> open(ShareOptions options, Work work);
    /// Ends what runs, and leaves the group.
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    struct Partition {
        std::uint16_t number = 0;
        bool is_working = false;
        std::uint64_t position = 0;  ///< as the work said last
        std::int64_t as_of_ms = 0;   ///< likewise: what was there at that time is worked on; epoch ms, 0: not known
        std::string problem;         ///< why it does not get on; empty where it does
    };
    /// Thread-safe.
    std::vector<Partition> state() const;
    /// Membership::reach. Without the topic there are no partitions, and so none that has a problem.
    Status reach(int timeout_ms) const { return membership_->reach(timeout_ms); }

private:
    class Worker;
    Share(ShareOptions options, Work work);
    void won(const std::vector<std::uint16_t>& partitions);
    void lost(const std::vector<std::uint16_t>& partitions);

    const ShareOptions options_;
    const Work work_;
    mutable std::mutex mutex_;
    std::map<std::uint16_t, std::unique_ptr<Worker>> workers_;
    std::unique_ptr<Membership> membership_;  ///< last: it calls the rest until it has ended
};

}  // namespace footfall::log::kafka
