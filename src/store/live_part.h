#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/live.h"

namespace footfall::store {

/// The names of a list with the most visitors, as LiveNumbers orders them.
struct LiveNames {
    std::vector<LiveEntry> entries;
    std::uint64_t left_out = 0;  ///< visitors of the first name that is not among them; 0: there is none
    bool operator==(const LiveNames&) const = default;
};

/// How many names of a list a part has. Of a site with more the rest is left out, from its end.
struct LiveNamesLimits {
    std::size_t names_max = kLiveEntriesMax;
    std::size_t bytes_max = SIZE_MAX;  ///< of the names of one list
};

/// Of parts that are merged: sums of 1,000 names of each leave the first 20 right, but for lists on which hundreds of
/// names have about the same visitors. 20 names of the length that an event's page may have always fit.
inline constexpr LiveNamesLimits kLivePartLimits{.names_max = 1'000, .bytes_max = 48 * 1024};

/// What one partition of the log says of a site. A visitor is in one partition, so parts add up. Minutes and intervals
/// say when they begin, so that whoever reads a part later shows the right ones; who is there now is as of `at_ms`.
struct LivePart {
    struct Minute : LiveMinute {
        double sample_rate = 1;  ///< of its visitors
        bool operator==(const Minute&) const = default;
    };
    std::int64_t at_ms = 0;  ///< "now" are the 5 minutes up to then; epoch ms
    std::uint64_t active_visitors = 0;
    double sample_rate = 1;               ///< of the active visitors and of the lists
    std::vector<Minute> minutes;          ///< those with events, in any order
    std::vector<LiveInterval> intervals;  ///< the same
    LiveNames pages, sources, countries, events;
    bool operator==(const LivePart&) const = default;
};

/// The numbers of a site of which these are all parts, as of now; `as_of_ms` is the caller's to know.
///
/// The window ends with `now_ms`, or with a part's own now where that is up to a minute later: clocks differ. Of a part
/// that is older than the 5 minutes nobody is there any more.
///
/// `sample_rate` is the least of all parts'. Where parts left names out, an entry may lack visitors that it has in
/// them: at most those of the first name left out of each part that does not name it. Then `sample_rate` is at most the
/// share that was counted for sure, of the entries shown and of what could stand in the place of the last one; so it is
/// 1 as long as no left out name can change what is shown.
LiveNumbers merge(std::span<const LivePart> parts, std::int64_t now_ms);

/// As JSON, for parts that go from process to process:
///
///     {"v":1,"at":MS,"active":N,"rate":1,"minutes":[[MINUTE,PAGEVIEWS,EVENTS,VISITORS,RATE],…],
///      "intervals":[[INTERVAL,PAGEVIEWS,EVENTS],…],"pages":[LEFT_OUT,NAME,VISITORS,NAME,VISITORS,…],"sources":…,
///      "countries":…,"events":…}
///
/// Minutes and intervals by their number since 1970. Names are valid UTF-8, as those of all events are.
std::string live_part_text(const LivePart& part);
/// kUnsupported for a part of another version, kCorrupt for anything else that is none.
Result<LivePart> parse_live_part(std::string_view text);

}  // namespace footfall::store
