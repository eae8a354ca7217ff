#include "enrich/rate.h"

#include <algorithm>
#include <limits>

namespace footfall::enrich {
namespace {

constexpr std::size_t kPlaces = 16'384;
constexpr std::int64_t kMinuteMs = 60'000;

}  // namespace

RateTable::RateTable() : places_(kPlaces) {}

double RateTable::count(std::uint64_t sender, std::int64_t now_ms) {
    const std::int64_t minute = now_ms / kMinuteMs;
    Place* const set = &places_[sender % (kPlaces / kWays) * kWays];
    Place* place = std::find_if(set, set + kWays, [&](const Place& one) { return one.sender == sender; });
    if (place == set + kWays) {
        place = std::min_element(set, set + kWays, [](const Place& a, const Place& b) { return a.minute < b.minute; });
        *place = {.sender = sender, .minute = minute};
    }
    if (place->minute != minute) {
        // A clock that was set back begins anew too.
        place->former = place->minute + 1 == minute ? place->current : 0;
        place->current = 0;
        place->minute = minute;
    }
    if (place->current < std::numeric_limits<std::uint32_t>::max()) ++place->current;
    const double left_of_former = 1 - static_cast<double>(now_ms % kMinuteMs) / static_cast<double>(kMinuteMs);
    return place->current + place->former * left_of_former;
}

}  // namespace footfall::enrich
