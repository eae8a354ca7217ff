#include "ingest/quota.h"

#include <algorithm>

#include <xxhash.h>

#include "base/bytes.h"
#include "base/metrics.h"
#include "base/result.h"

namespace footfall::ingest {
namespace {

metrics::Counter& without_place() {
    static metrics::Counter& counter = metrics::counter(
        "footfall_quota_overflows_total", "Requests that were let through as too many others had used of their quota.");
    return counter;
}

std::int64_t ns_of(double events, const Rate& rate) {
    return static_cast<std::int64_t>(events * 1e9 / rate.events_per_second);
}

std::int64_t ms_of(std::int64_t ns) { return (ns + 999'999) / 1'000'000; }

}  // namespace

Quota::Quota(Clock& clock, std::size_t places)
    : clock_(clock), mask_(places - 1), places_(std::make_unique<Place[]>(places)) {
    FOOTFALL_CHECK(places >= kProbes && (places & mask_) == 0);
    random_bytes(secret_.data(), sizeof secret_);
}

// Under a secret: who chooses addresses could make many that share their places otherwise.
std::uint64_t Quota::hash(std::string_view key) const {
    const std::uint64_t hash = XXH3_64bits_withSeed(key.data(), key.size(), secret_[0]) ^ secret_[1];
    return hash == 0 ? 1 : hash;
}

Quota::Place* Quota::find(std::uint64_t hash) const {
    for (std::size_t i = 0; i < kProbes; ++i) {
        Place& place = places_[(hash + i) & mask_];
        if (place.key.load(std::memory_order_acquire) == hash) return &place;
    }
    return nullptr;
}

Quota::Place* Quota::claim(std::uint64_t hash, std::int64_t now_ns) {
    for (std::size_t i = 0; i < kProbes; ++i) {
        Place& place = places_[(hash + i) & mask_];
        std::uint64_t key = place.key.load(std::memory_order_acquire);
        if (place.paid_ns.load(std::memory_order_relaxed) > now_ns) continue;
        if (place.key.compare_exchange_strong(key, hash, std::memory_order_acq_rel)) return &place;
        if (key == hash) return &place;
    }
    return nullptr;
}

std::int64_t Quota::take(std::string_view key, Rate rate, std::uint64_t events) {
    const std::int64_t now_ns = clock_.steady_ns();
    const std::uint64_t hashed = hash(key);
    Place* place = find(hashed);
    if (place == nullptr) place = claim(hashed, now_ns);
    if (place == nullptr) {
        without_place().add();
        return 0;
    }
    const std::int64_t burst_ns = ns_of(rate.burst, rate);
    // Of more than the burst, all are paid for, but no more than the burst has to be there.
    const std::int64_t cost_ns = ns_of(static_cast<double>(events), rate);
    const std::int64_t needed_ns = std::min(cost_ns, burst_ns);
    std::int64_t paid_ns = place->paid_ns.load(std::memory_order_relaxed);
    for (;;) {
        const std::int64_t from_ns = std::max(paid_ns, now_ns);
        const std::int64_t wait_ns = from_ns + needed_ns - burst_ns - now_ns;
        const std::int64_t one_ns = ns_of(1, rate);
        // A refusal costs one event, up to what is refused anyway.
        const std::int64_t next_ns = wait_ns <= 0 ? from_ns + cost_ns : std::min(from_ns + one_ns, now_ns + burst_ns);
        if (place->paid_ns.compare_exchange_weak(paid_ns, std::max(next_ns, paid_ns), std::memory_order_relaxed))
            return wait_ns <= 0 ? 0 : ms_of(wait_ns);
    }
}

std::int64_t Quota::wait_ms(std::string_view key, Rate rate) const {
    const Place* place = find(hash(key));
    if (place == nullptr) return 0;
    const std::int64_t now_ns = clock_.steady_ns();
    const std::int64_t from_ns = std::max(place->paid_ns.load(std::memory_order_relaxed), now_ns);
    const std::int64_t wait_ns = from_ns + ns_of(1, rate) - ns_of(rate.burst, rate) - now_ns;
    return wait_ns <= 0 ? 0 : ms_of(wait_ns);
}

void Quota::give_back(std::string_view key, Rate rate, std::uint64_t events) {
    if (Place* place = find(hash(key)))
        place->paid_ns.fetch_sub(ns_of(static_cast<double>(events), rate), std::memory_order_relaxed);
}

}  // namespace footfall::ingest
