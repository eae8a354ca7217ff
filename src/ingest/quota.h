#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"

namespace footfall::ingest {

struct Rate {
    double events_per_second = 0;  ///< above 0
    double burst = 1;              ///< events that may come at once, at least 1
};

/// Events a second by key (an address, a site), with a burst: the virtual scheduling of GCRA (ITU-T I.371), a time for
/// each key. A fixed table: who makes up keys finds no more memory, and displaces none that owes something; where there
/// is no place a key is let through and counted. Thread-safe, without locks; a key that two threads ask for the first
/// time at the same moment may have twice its burst once.
///
/// A schedule and no count, as those of SampleBudget and enrich/rate.h are: a refusal says when to come again, and who
/// waits so long gets through.
class Quota {
public:
    /// `places` is a power of two; 16 bytes each.
    explicit Quota(Clock& clock, std::size_t places = 1u << 16);

    /// Takes `events` of the key's quota: 0, or the ms to wait for so many, and then nothing but one event is taken:
    /// who doesn't wait goes on waiting. More than the burst at once are let through where the whole burst is there.
    std::int64_t take(std::string_view key, Rate rate, std::uint64_t events);
    /// The ms until one event would be let through, without taking it.
    std::int64_t wait_ms(std::string_view key, Rate rate) const;
    /// Gives back what was taken for events that were not accepted after all.
    void give_back(std::string_view key, Rate rate, std::uint64_t events);

private:
    /// Free where `debt_ns` (the time until which what was taken is paid for) has passed.
    struct Place {
        std::atomic<std::uint64_t> key{0};
        std::atomic<std::int64_t> paid_ns{0};
    };
    static constexpr std::size_t kProbes = 8;

    std::uint64_t hash(std::string_view key) const;
    Place* find(std::uint64_t hash) const;
    Place* claim(std::uint64_t hash, std::int64_t now_ns);

    Clock& clock_;
    const std::size_t mask_;
    std::array<std::uint64_t, 2> secret_{};
    std::unique_ptr<Place[]> places_;
};

}  // namespace footfall::ingest
