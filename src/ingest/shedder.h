#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace footfall::ingest {

struct ShedderOptions {
    /// What requests may wait for their turn without any being refused.
    std::int64_t target_ns = 200'000'000;
    /// They may wait longer for so long: a moment in which others had the machine is no overload.
    std::int64_t patience_ns = 500'000'000;
    std::int64_t update_ns = 20'000'000;
    /// Change of the share at each update, by second of delay beyond the target and by second that it grew.
    double gain = 0.25;
    double trend_gain = 2.5;
};

/// Says which requests to refuse when more come than can be done, by how long those that are taken had to wait: the
/// share that is refused follows the delay, so that the delay stays about the target and the machine busy (PIE, RFC
/// 8033, with answers in the place of drops). A queue's length would say little: the same queue is a moment for small
/// bodies and seconds for large ones. Thread-safe, without locks.
class Shedder {
public:
    explicit Shedder(Clock& clock, ShedderOptions options = {}) : clock_(clock), options_(options) {}

    /// Whether a request that is judged now is to be refused; `delay_ns`: how long it and those beside it waited.
    bool sheds(std::int64_t delay_ns);
    /// The share of requests that is refused now, 0 to 1.
    double share() const { return share_.load(std::memory_order_relaxed); }

private:
    void update(std::int64_t now_ns, std::int64_t updated_ns);

    Clock& clock_;
    const ShedderOptions options_;
    std::atomic<std::int64_t> updated_ns_{0};
    std::atomic<std::int64_t> longest_ns_{0};  ///< delay since the last update
    std::atomic<std::int64_t> before_ns_{0};   ///< that of the update before
    std::atomic<std::int64_t> since_ns_{0};    ///< when the delay went beyond the target; 0: it isn't
    std::atomic<double> share_{0};
};

}  // namespace footfall::ingest
