#include "api/throttle.h"

#include <algorithm>

namespace footfall::api {

bool Throttle::is_forgotten(const Entry& entry, std::int64_t now_ns) const {
    return now_ns - entry.last_ns >= policy_.forget_ms * 1'000'000;
}

std::int64_t Throttle::delay_ms(const Entry& entry) const {
    if (entry.failures < policy_.failures_min) return 0;
    const unsigned doublings = std::min(entry.failures - policy_.failures_min, 30u);
    return std::min(policy_.first_ms << doublings, policy_.most_ms);
}

std::int64_t Throttle::wait_ms(std::string_view name) const {
    const std::int64_t now_ns = clock_.steady_ns();
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(std::string(name));
    if (found == entries_.end() || is_forgotten(found->second, now_ns)) return 0;
    // Rounded up: who comes back then may try.
    const std::int64_t passed_ms = (now_ns - found->second.last_ns) / 1'000'000;
    return std::max<std::int64_t>(0, delay_ms(found->second) - passed_ms);
}

void Throttle::failed(std::string_view name) {
    const std::int64_t now_ns = clock_.steady_ns();
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(std::string(name));
    if (found == entries_.end()) {
        if (entries_.size() >= policy_.entries_max)
            std::erase_if(entries_, [&](const auto& item) { return is_forgotten(item.second, now_ns); });
        if (entries_.size() >= policy_.entries_max)
            entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
                return a.second.last_ns < b.second.last_ns;
            }));
        found = entries_.emplace(std::string(name), Entry()).first;
    }
    Entry& entry = found->second;
    if (is_forgotten(entry, now_ns)) entry.failures = 0;
    ++entry.failures;
    entry.last_ns = now_ns;
}

void Throttle::succeeded(std::string_view name) {
    const std::lock_guard lock(mutex_);
    entries_.erase(std::string(name));
}

std::size_t Throttle::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

}  // namespace footfall::api
