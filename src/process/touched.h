#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace footfall::process {

/// Hours of event time (UTC) in which a batch of the log adds or changes rows, by site.
class TouchedHours {
public:
    using Hours = std::set<std::int64_t>;  ///< hours since 1970

    static constexpr std::int64_t kHourMs = 3'600'000;

    void add(std::string_view site, std::int64_t ms) { add(site, ms, ms); }
    /// Every hour from that of `from_ms` to that of `to_ms`.
    void add(std::string_view site, std::int64_t from_ms, std::int64_t to_ms) {
        const std::int64_t first = from_ms / kHourMs;
        const std::int64_t last = to_ms / kHourMs;
        // Most events of a batch are of one site and hour.
        if (last_ != nullptr && site == *last_ && first == last && first == last_hour_) return;
        auto found = by_site_.find(site);
        if (found == by_site_.end()) found = by_site_.emplace(site, Hours()).first;
        for (std::int64_t hour = first; hour <= last; ++hour) found->second.insert(hour);
        last_ = &found->first;
        last_hour_ = last;
    }
    void clear() {
        by_site_.clear();
        last_ = nullptr;
    }
    const std::map<std::string, Hours, std::less<>>& by_site() const { return by_site_; }

private:
    std::map<std::string, Hours, std::less<>> by_site_;
    const std::string* last_ = nullptr;
    std::int64_t last_hour_ = 0;
};

/// Told, before a batch is written to the tables, of what it touches; `end` is the log's offset behind it.
using TouchListener = std::function<void(const TouchedHours& hours, std::uint64_t end)>;

}  // namespace footfall::process
