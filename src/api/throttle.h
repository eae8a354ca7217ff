#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace footfall::api {

struct ThrottlePolicy {
    unsigned failures_min = 3;           ///< after so many there is a delay
    std::int64_t first_ms = 4'000;       ///< the first one; each further failure doubles it
    std::int64_t most_ms = 60'000;       ///< no delay is longer
    std::int64_t forget_ms = 3'600'000;  ///< without a failure for so long it begins anew
    std::size_t entries_max = 10'000;    ///< beyond it the oldest failure is forgotten
};

/// Counts failures by a name and says how long the next attempt has to wait. An attempt within the delay is not made,
/// and so doesn't lengthen it. Thread-safe.
///
/// Failures in a row and no rate, and names whole, not hashes in places that they share: somebody else's failures must
/// keep nobody out.
class Throttle {
public:
    Throttle(Clock& clock, ThrottlePolicy policy) : clock_(clock), policy_(policy) {}

    /// 0: it may be made now.
    std::int64_t wait_ms(std::string_view name) const;
    void failed(std::string_view name);
    void succeeded(std::string_view name);
    std::size_t size() const;

private:
    struct Entry {
        unsigned failures = 0;
        std::int64_t last_ns = 0;
    };
    bool is_forgotten(const Entry& entry, std::int64_t now_ns) const;
    std::int64_t delay_ms(const Entry& entry) const;

    Clock& clock_;
    const ThrottlePolicy policy_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Entry> entries_;
};

}  // namespace footfall::api
