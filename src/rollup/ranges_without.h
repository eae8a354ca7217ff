#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "query/plan.h"
#include "query/zone.h"
#include "rollup/registry.h"

namespace footfall::rollup {

/// What is left of [from_ms, to_ms) without these days, which are in order: nothing has to be read of days that are
/// known. At most `count_max` ranges; of more the one that holds them all.
inline std::vector<query::Range> ranges_without(std::span<const MadeDay> days, const query::Zone& zone,
                                                std::int64_t from_ms, std::int64_t to_ms, std::size_t count_max) {
    std::vector<query::Range> left;
    const auto add = [&left](std::int64_t from, std::int64_t to) {
        if (from < to) left.push_back({from, to, query::Range::Unit::kDays});
    };
    std::int64_t begin = from_ms;
    for (const MadeDay& day : days) {
        add(begin, std::min(zone.day_start_ms(day.day), to_ms));
        begin = std::max(begin, zone.day_start_ms(day.day + 1));
    }
    add(begin, to_ms);
    if (left.size() > count_max) left = {{left.front().from_ms, left.back().to_ms, query::Range::Unit::kDays}};
    return left;
}

}  // namespace footfall::rollup
