#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace footfall::enrich {

/// How many events a sender had within the last minute, for senders named by a hash. Fixed memory: 16,384 senders, in
/// 384 KiB; beyond that who was quiet longest is forgotten, which makes nobody more than they are. Not thread-safe.
///
/// An estimate that may forget, and no quota: it marks and refuses nothing, and each event loop has its own, asked for
/// each pageview.
class RateTable {
public:
    RateTable();
    /// One more at `now_ms`; the number of the last 60 seconds, this one included, as the current and the former whole
    /// minute give it in proportion.
    double count(std::uint64_t sender, std::int64_t now_ms);

private:
    static constexpr std::size_t kWays = 4;
    struct Place {
        std::uint64_t sender = 0;
        std::int64_t minute = -1;
        std::uint32_t current = 0;
        std::uint32_t former = 0;
    };
    std::vector<Place> places_;
};

}  // namespace footfall::enrich
