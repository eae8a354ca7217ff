#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include "base/result.h"

namespace footfall::query {

/// A day of the calendar, without a zone.
using Day = cctz::civil_day;

/// A site's time zone. Days, weeks and months of answers and ranges are its days. A value; copies are cheap.
class Zone {
public:
    /// kInternal for a name that this machine doesn't know: the catalog has checked it when the site was made.
    static Result<Zone> load(const std::string& name);

    const std::string& name() const { return name_; }

    /// First millisecond of a day: midnight, or the first moment after it where the clock jumps over midnight.
    std::int64_t day_start_ms(Day day) const;
    Day day_of(std::int64_t ms) const;
    /// The first day that begins at that moment or later.
    Day first_day_from(std::int64_t ms) const { return day_of(ms - 1) + 1; }

    /// "2026-11-01T13:00:00+01:00", with milliseconds where there are any.
    std::string instant_text(std::int64_t ms) const;
    /// ISO 8601 date and time; without an offset it is read on this zone's clock. Milliseconds since 1970; nullopt for
    /// other text, and for years outside 1970 to 2105.
    std::optional<std::int64_t> parse_instant(std::string_view text) const;

    /// The key of the hour that holds an instant, as the `hour` dimension's expression has it: the second at which the
    /// wall clock, with the offset then in force, showed the full hour.
    std::int64_t hour_key(std::int64_t seconds) const;
    /// The first second that belongs to an hour of that key. It differs from the key only where the offset changed
    /// within the hour (the 30 minutes of Lord Howe Island): then the hour begins with the change.
    std::int64_t hour_start(std::int64_t key) const;

private:
    Zone(std::string name, cctz::time_zone zone) : name_(std::move(name)), zone_(zone) {}

    std::string name_;
    cctz::time_zone zone_;
};

/// "2026-11-01" of the years 1970 to 2105, which every engine's dates can hold; nullopt for everything else.
std::optional<Day> parse_day(std::string_view text);
std::string day_text(Day day);
/// "2026-11-01 12:00:00.000" in UTC: what ClickHouse reads as DateTime64(3, 'UTC').
std::string utc_text(std::int64_t ms);

}  // namespace footfall::query
