#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace footfall {

/// The only source of time. Wall time can jump; steady time cannot. Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    /// Milliseconds since 1970-01-01 UTC.
    virtual std::int64_t wall_ms() const = 0;
    /// Nanoseconds of a clock that never goes back; only differences mean anything.
    virtual std::int64_t steady_ns() const = 0;
};

/// The machine's clock.
Clock& system_clock();

/// A clock that stands still until a test moves it.
class ManualClock final : public Clock {
public:
    explicit ManualClock(std::int64_t wall_ms) : wall_ms_(wall_ms) {}
    std::int64_t wall_ms() const override { return wall_ms_.load(); }
    std::int64_t steady_ns() const override { return steady_ns_.load(); }
    /// Moves both clocks.
    void advance_ms(std::int64_t ms) {
        wall_ms_ += ms;
        steady_ns_ += ms * 1'000'000;
    }
    /// Moves wall time alone, as an administrator or NTP does.
    void set_wall_ms(std::int64_t ms) { wall_ms_ = ms; }

private:
    std::atomic<std::int64_t> wall_ms_;
    std::atomic<std::int64_t> steady_ns_{0};
};

/// "2026-11-24T06:00:00.000Z".
std::string iso_text(std::int64_t epoch_ms);

/// CPU time used by this process so far, in nanoseconds.
std::int64_t process_cpu_ns();

}  // namespace footfall
