#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include "demo/dice.h"
#include "demo/hit.h"
#include "demo/tables.h"

namespace footfall::demo {

/// A day of the site's calendar.
using Day = cctz::civil_day;

/// The believable site: who comes when, from where, and reads what. Pure: the same seed, first day and zone give the
/// same hits with the same ids on every machine, so that what was sent already can be sent again.
///
/// - Ordinary visits follow the hours of the site's zone (each country its own hours), the weekday, and a growth over
///   the first weeks. About a third are by regulars, who have one user_id for all days.
/// - Waves come on top: a newsletter on Tuesdays, a campaign that begins in the second week and peaks three days
///   later, and in the third week a launch on Hacker News. Both come again every four weeks.
/// - Crawlers are a few percent; they have no user_id.
///
/// Thread-safe.
class World {
public:
    /// Weeks, waves and growth are counted from `first_day`.
    World(std::uint64_t seed, Day first_day, cctz::time_zone zone);

    Day first_day() const { return first_day_; }
    Day day_of(std::int64_t ms) const;
    /// First millisecond of a day.
    std::int64_t start_ms(Day day) const;

    /// All hits of a day by time; none is outside of it. About 10,000, and 10 ms to make them.
    std::vector<Hit> day(Day day) const;
    /// The hits of one more ordinary visit that begins at `start_ms`. `number` tells such visits apart.
    std::vector<Hit> visit(std::uint64_t number, std::int64_t start_ms) const;
    /// Share of a day's ordinary visits that begin in this hour of the site's clock.
    static double hour_share(Day day, int hour);

private:
    struct Person;
    struct Wave;

    Person person(Dice& dice, std::uint64_t key, const Source& source, int hour) const;
    Person regular(Dice& dice, const Source& source) const;
    std::vector<Wave> waves(Day day) const;
    double ordinary_visits(Day day) const;
    std::int64_t moment(Day day, double hour) const;
    /// `first_page` empty: by the source.
    void add_visit(std::vector<Hit>& out, Dice& dice, const Source& source, std::int64_t start_ms, int hour,
                   std::string_view first_page) const;
    void add_crawler(std::vector<Hit>& out, Dice& dice, Day day) const;

    std::uint64_t seed_;
    Day first_day_;
    cctz::time_zone zone_;
};

}  // namespace footfall::demo
