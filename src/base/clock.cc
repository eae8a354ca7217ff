#include "base/clock.h"

#include <ctime>

namespace footfall {
namespace {

std::int64_t read_ns(clockid_t id) {
    timespec ts{};
    clock_gettime(id, &ts);
    return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

class SystemClock final : public Clock {
public:
    std::int64_t wall_ms() const override { return read_ns(CLOCK_REALTIME) / 1'000'000; }
    std::int64_t steady_ns() const override { return read_ns(CLOCK_MONOTONIC); }
};

}  // namespace

Clock& system_clock() {
    static SystemClock clock;
    return clock;
}

std::string iso_text(std::int64_t epoch_ms) {
    // Rounded down before 1970 too.
    const std::int64_t fraction = (epoch_ms % 1000 + 1000) % 1000;
    const auto seconds = static_cast<std::time_t>((epoch_ms - fraction) / 1000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[40];
    std::string out(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc));
    const std::string digits = std::to_string(fraction);
    return out + "." + std::string(3 - digits.size(), '0') + digits + "Z";
}

std::int64_t process_cpu_ns() { return read_ns(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace footfall
