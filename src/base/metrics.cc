#include "base/metrics.h"

#include <bit>
#include <map>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "base/result.h"

namespace footfall::metrics {
namespace {

struct Family {
    std::string type;
    std::string help;
    std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
    std::map<std::string, std::unique_ptr<Gauge>, std::less<>> gauges;
    std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms;
};

struct Registry {
    std::mutex mutex;
    std::map<std::string, Family, std::less<>> families;
};

Registry& registry() {
    static auto* instance = new Registry;  // never destroyed: threads may still count while the process exits
    return *instance;
}

template <class T>
T& find_or_make(std::map<std::string, std::unique_ptr<T>, std::less<>> Family::*member, std::string_view type,
                std::string_view name, std::string_view help, std::string_view labels) {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    Family& family = all.families[std::string(name)];
    if (family.type.empty()) {
        family.type = type;
        family.help = help;
    }
    FOOTFALL_CHECK(family.type == type);
    auto& slot = (family.*member)[std::string(labels)];
    if (!slot) slot = std::make_unique<T>();
    return *slot;
}

double bucket_edge_seconds(std::size_t i) { return 1e-6 * static_cast<double>(std::uint64_t{1} << i); }

std::string with_labels(std::string_view labels) { return labels.empty() ? "" : fmt::format("{{{}}}", labels); }

}  // namespace

Counter& counter(std::string_view name, std::string_view help, std::string_view labels) {
    return find_or_make(&Family::counters, "counter", name, help, labels);
}
Gauge& gauge(std::string_view name, std::string_view help, std::string_view labels) {
    return find_or_make(&Family::gauges, "gauge", name, help, labels);
}
Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels) {
    return find_or_make(&Family::histograms, "histogram", name, help, labels);
}

void Histogram::observe_ns(std::int64_t nanoseconds) {
    const auto ns = static_cast<std::uint64_t>(nanoseconds < 0 ? 0 : nanoseconds);
    const std::uint64_t us = ns / 1000;
    const std::size_t bucket = us == 0 ? 0 : static_cast<std::size_t>(std::bit_width(us - 1));
    buckets_[bucket < kBuckets ? bucket : kBuckets].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(ns, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
    std::uint64_t total = 0;
    for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
    return total;
}

double Histogram::quantile(double q) const {
    const double wanted = q * static_cast<double>(count());
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i <= kBuckets; ++i) {
        seen += buckets_[i].load(std::memory_order_relaxed);
        if (seen > 0 && static_cast<double>(seen) >= wanted) return bucket_edge_seconds(i);
    }
    return 0;
}

std::string render() {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    std::string out;
    for (const auto& [name, family] : all.families) {
        out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, family.type);
        for (const auto& [labels, metric] : family.counters)
            out += fmt::format("{}{} {}\n", name, with_labels(labels), metric->value());
        for (const auto& [labels, metric] : family.gauges)
            out += fmt::format("{}{} {}\n", name, with_labels(labels), metric->value());
        for (const auto& [labels, metric] : family.histograms) {
            const std::string prefix = labels.empty() ? "" : labels + ",";
            std::uint64_t total = 0;
            for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
                total += metric->buckets_[i].load(std::memory_order_relaxed);
                out += fmt::format("{}_bucket{{{}le=\"{:g}\"}} {}\n", name, prefix, bucket_edge_seconds(i), total);
            }
            total += metric->buckets_[Histogram::kBuckets].load(std::memory_order_relaxed);
            out += fmt::format("{}_bucket{{{}le=\"+Inf\"}} {}\n", name, prefix, total);
            out += fmt::format("{}_sum{} {}\n", name, with_labels(labels),
                               static_cast<double>(metric->sum_ns_.load(std::memory_order_relaxed)) / 1e9);
            out += fmt::format("{}_count{} {}\n", name, with_labels(labels), total);
        }
    }
    return out;
}

}  // namespace footfall::metrics
