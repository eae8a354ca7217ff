#include "ingest/shedder.h"

#include <algorithm>
#include <random>

#include "base/metrics.h"

namespace footfall::ingest {
namespace {

/// Without a request for so long whatever was too much is over.
constexpr std::int64_t kForgottenNs = 1'000'000'000;

metrics::Gauge& share_gauge() {
    static metrics::Gauge& gauge = metrics::gauge(
        "footfall_shed_share", "Share of the requests to the event endpoint that is refused at once, 0 to 1.");
    return gauge;
}

double dice() {
    thread_local std::minstd_rand random(std::random_device{}());
    return std::uniform_real_distribution<double>()(random);
}

}  // namespace

void Shedder::update(std::int64_t now_ns, std::int64_t updated_ns) {
    const std::int64_t longest_ns = longest_ns_.exchange(0, std::memory_order_relaxed);
    const std::int64_t before_ns = before_ns_.exchange(longest_ns, std::memory_order_relaxed);
    double share = share_.load(std::memory_order_relaxed);
    if (longest_ns <= options_.target_ns) since_ns_.store(0, std::memory_order_relaxed);
    else if (since_ns_.load(std::memory_order_relaxed) == 0) since_ns_.store(now_ns, std::memory_order_relaxed);
    const std::int64_t beyond_since_ns = since_ns_.load(std::memory_order_relaxed);
    const bool is_new = share == 0 && (beyond_since_ns == 0 || now_ns - beyond_since_ns < options_.patience_ns);
    if (is_new || now_ns - updated_ns > kForgottenNs) {
        share = 0;
    } else {
        double change = options_.gain * static_cast<double>(longest_ns - options_.target_ns) / 1e9 +
                        options_.trend_gain * static_cast<double>(longest_ns - before_ns) / 1e9;
        // A small share moves in small steps, or the first that are refused would be many.
        if (share < 0.01) change /= 8;
        else if (share < 0.1) change /= 2;
        share += change;
        if (longest_ns == 0) share *= 0.9;
    }
    share = std::clamp(share, 0.0, 1.0);
    share_.store(share, std::memory_order_relaxed);
    share_gauge().set(share);
}

bool Shedder::sheds(std::int64_t delay_ns) {
    std::int64_t longest_ns = longest_ns_.load(std::memory_order_relaxed);
    while (delay_ns > longest_ns &&
           !longest_ns_.compare_exchange_weak(longest_ns, delay_ns, std::memory_order_relaxed)) {}
    const std::int64_t now_ns = clock_.steady_ns();
    std::int64_t updated_ns = updated_ns_.load(std::memory_order_relaxed);
    if (now_ns - updated_ns >= options_.update_ns &&
        updated_ns_.compare_exchange_strong(updated_ns, now_ns, std::memory_order_relaxed))
        update(now_ns, updated_ns);
    const double share = share_.load(std::memory_order_relaxed);
    return share > 0 && dice() < share;
}

}  // namespace footfall::ingest
