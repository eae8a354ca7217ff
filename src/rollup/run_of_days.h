#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace footfall::rollup {

/// How many of these days, which are in order and have `day` and `events`, are read together: from the first one on
/// those that follow each other in the calendar and are of its kind, while they have no more than that many events. At
/// least one.
template <typename AnyDay, typename KindOf>
std::size_t run_of_days(std::span<AnyDay> days, std::uint64_t events_max, const KindOf& kind_of) {
    std::size_t count = 1;
    std::uint64_t events = days.front().events;
    while (count < days.size() && days[count].day == days[count - 1].day + 1 &&
           kind_of(days[count]) == kind_of(days.front()) && events + days[count].events <= events_max)
        events += days[count++].events;
    return count;
}

}  // namespace footfall::rollup
