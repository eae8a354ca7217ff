#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace footfall::metrics {

/// Only goes up. Thread-safe, one relaxed atomic.
class Counter {
public:
    void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

class Gauge {
public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    double value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_{0};
};

/// Durations in seconds, in powers of two from 1 µs to 67 s. Thread-safe.
class Histogram {
public:
    static constexpr std::size_t kBuckets = 27;
    void observe_ns(std::int64_t nanoseconds);
    std::uint64_t count() const;
    /// Upper edge of the bucket that holds the q-th share, in seconds; 0 where nothing was observed.
    double quantile(double q) const;

private:
    friend std::string render();
    std::array<std::atomic<std::uint64_t>, kBuckets + 1> buckets_{};
    std::atomic<std::uint64_t> sum_ns_{0};
};

/// The metric of that name, made at first use and never removed, so the reference can be kept. Names are Prometheus
/// names with the unit last ("footfall_events_accepted_total"); `labels` is ready text such as `reason="missing"`, from
/// our own constants only.
Counter& counter(std::string_view name, std::string_view help, std::string_view labels = {});
Gauge& gauge(std::string_view name, std::string_view help, std::string_view labels = {});
Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels = {});

/// All metrics in the Prometheus text format 0.0.4, sorted by name.
std::string render();

}  // namespace footfall::metrics
