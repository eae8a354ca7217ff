#include "ingest/distinct_cap.h"

#include <algorithm>
#include <utility>

#include <xxhash.h>

#include "base/metrics.h"

namespace footfall::ingest {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

struct Metrics {
    std::vector<metrics::Counter*> other;  ///< by field
    metrics::Counter& uncapped =
        metrics::counter("footfall_values_uncapped_total",
                         "New values that were let through as the memory for values seen was used up.");
    Metrics() {
        for (const DistinctCap::Field& field : DistinctCap::fields())
            other.push_back(&metrics::counter("footfall_values_other_total",
                                              "Values that became (other), as their site had too many in a day.",
                                              "field=\"" + std::string(field.name) + "\""));
    }
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
    return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

/// Who chooses values could make many that look alike otherwise.
std::uint64_t secret() {
    static const std::uint64_t value = secret_hash(1);
    return value;
}

}  // namespace

const std::vector<DistinctCap::Field>& DistinctCap::fields() {
#define FOOTFALL_CAPPED(name, kind, distinct_max) {#name, distinct_max},
    static const std::vector<Field> all = {
#include "event/caps.inc"
    };
#undef FOOTFALL_CAPPED
    return all;
}

bool DistinctCap::is_within(std::string_view website_id, std::uint64_t site, std::size_t field, std::string_view value,
                            Known& known) {
    if (value.empty() || value == kOther) return true;
    // Seeds that lie near each other give one hash to short texts that do.
    std::uint64_t id = hash_of(value, site + field * 0x9e3779b97f4a7c15);
    if (id == 0) id = 1;
    std::uint64_t& place = known.places_[id % Known::kPlaces];
    if (place == id) return true;

    const std::lock_guard lock(mutex_);
    if (day_ != known.day_) {
        // Another thread may be a moment behind in the day before: its values are counted in this one.
        if (day_ > known.day_) return true;
        day_ = known.day_;
        sites_.clear();
        bytes_ = 0;
    }
    Site& tables = sites_.try_emplace(std::string(website_id), fields().size()).first->second;
    FlatTable<Value>& values = tables[field];
    if (values.find({id}) == nullptr) {
        if (values.size() >= fields()[field].distinct_max) return false;
        if (bytes_ >= memory_max_) {
            counters().uncapped.add();
            return true;
        }
        const std::size_t before = values.capacity();
        values.insert({id});
        bytes_ += (values.capacity() - before) * sizeof(Value);
    }
    place = id;
    return true;
}

std::size_t DistinctCap::apply(event::Event& event, std::int64_t now_ms, Known& known) {
    if (const std::int64_t day = now_ms / kDayMs; day > known.day_) {
        known.day_ = day;
        std::ranges::fill(known.places_, 0);
    }
    const std::uint64_t site = hash_of(event.website_id, secret());
    std::size_t replaced = 0;
    const auto cap = [&](std::size_t field, std::string_view& value) {
        if (is_within(event.website_id, site, field, value, known)) return;
        value = kOther;
        counters().other[field]->add();
        ++replaced;
    };
    const auto cap_string = [&](std::size_t field, std::string_view& value) { cap(field, value); };
    const auto cap_map = [&](std::size_t field, event::kind::map& map) {
        const std::size_t before = replaced;
        for (auto& [name, value] : map) cap(field, name);
        if (replaced - before < 2) return;
        // One name stands once.
        bool has_other = false;
        std::erase_if(map, [&](const auto& item) { return item.first == kOther && std::exchange(has_other, true); });
    };
    std::size_t field = 0;
#define FOOTFALL_CAPPED(name, kind, distinct_max) cap_##kind(field++, event.name);
#include "event/caps.inc"
#undef FOOTFALL_CAPPED
    return replaced;
}

}  // namespace footfall::ingest
