#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "process/touched.h"
#include "query/query.h"
#include "query/zone.h"

namespace footfall::rollup {

/// A day that was made: a row of footfall.rollup_made.
struct MadeDay {
    query::Day day;
    std::uint64_t generation = 0;
    std::uint64_t log_offset = 0;  ///< the tables held the log up to here when it was made
    std::uint64_t events = 0;
    std::uint64_t rows = 0;  ///< in footfall.rollup_days
    bool is_stale = false;
    bool has_sketches = false;
    std::uint64_t dimensions = 0;  ///< those that it has: bits by their place in query::rolled_dimensions()
    // Its conversions, which are made again where goals are declared: of which goals, in which generation, how many
    // rows.
    std::uint64_t goals = 0;  ///< as goals_of(); 0: it has none
    std::uint64_t goals_generation = 0;
    std::uint64_t goal_rows = 0;
    // Its properties: of those that its events have, all but these; none where there would be too many of them.
    bool has_properties = false;
    std::vector<std::string> properties_left_out{};

    /// Of a property where there are those of event names too, in which the events are that never have it.
    bool has_rows_of(std::string_view dimension) const;
};

/// Which goals a site has: a hash of their declarations; 0: none, or not only such as are kept by day.
std::uint64_t goals_of(const query::SiteInfo& site);

/// The bit of a dimension in MadeDay::dimensions; 0 where the rollup keeps none of that name.
std::uint64_t dimension_bit(std::string_view name);

/// What of a site is to be forgotten.
enum class Forget : std::uint8_t {
    kWhatCanBeMadeAgain,  ///< days whose events are there
    kEverything,
};

/// Which days of which sites footfall.rollup_days holds, and which of them still say what the tables say: those that no
/// entry of the log touched that the tables did not hold when they were made. Thread-safe.
class Registry : public query::RolledDays {
public:
    std::vector<query::RolledDay> days(const query::SiteInfo& site, query::Day first, query::Day last,
                                       const Need& need) const override;
    bool are_kept(const query::SiteInfo& site, const std::vector<query::RolledDay>& days) const override;
    std::size_t expired_days(const query::SiteInfo& site) const override;

    /// Events of a site's days that begin before that time are gone, or will be in a moment (src/retention): what is
    /// made of these days is all there is of them, whatever touches them, and they are not made again. Outlives clear()
    /// and forget().
    void expire(const std::string& site_id, std::int64_t before_ms);
    std::int64_t expired_before(const std::string& site_id) const;

    /// Forgets everything else, but for what the last batch touched: the store may be another one.
    void clear();
    /// A site's days are by the calendar of this zone from now on; true where that is new, so that what it has is gone,
    /// and once after forget().
    bool sync(const std::string& site_id, const query::Zone& zone);
    /// A day that the table says is made. After sync().
    void add(const std::string& site_id, const query::Zone& zone, const MadeDay& made);
    /// process::TouchListener.
    void touch(const process::TouchedHours& hours, std::uint64_t end);

    /// Hours of a site that were touched, by what the tables hold when they hold the log up to `log_offset`, and whose
    /// day in that zone ended before `closed_ms`. The others are kept for later calls.
    std::vector<std::int64_t> take_closed_hours(const std::string& site_id, const query::Zone& zone,
                                                std::int64_t closed_ms, std::uint64_t log_offset);
    /// A day is about to be made from what the tables hold. To be called before it is asked how far they hold the log.
    void begin(const std::string& site_id, const query::Zone& zone, query::Day day);
    /// The tables held the log up to `log_offset` after begin() and before the first of them was read.
    void finish(const std::string& site_id, const query::Zone& zone, const MadeDay& made);
    struct SiteDay {
        std::string site_id;
        MadeDay made;
    };
    /// Conversions of a day that was made were made again. Nothing where the day is not that one any more.
    void finish_goals(const std::string& site_id, const query::Zone& zone, const MadeDay& made);
    /// Days that became stale and of which told() was not called yet.
    std::vector<SiteDay> stale() const;
    /// The table says so of these.
    void told(const std::vector<SiteDay>& days);
    /// What the site has is of rows that are gone; but for days whose events have expired, unless all of it is.
    void forget(const std::string& site_id, Forget what);
    /// All of a site's days that say what the tables say, or did when their events expired.
    std::vector<MadeDay> fresh(const std::string& site_id) const;

    struct Count {
        std::uint64_t fresh = 0;
        std::uint64_t stale = 0;
    };
    Count count() const;

private:
    struct DayState {
        MadeDay made;
        std::int64_t end_ms = 0;
        std::uint64_t touched = 0;  ///< the log's offset behind the last batch that touched it
        bool is_stale_told = false;

        bool is_fresh() const { return made.generation != 0 && !made.is_stale && touched <= made.log_offset; }
    };
    struct SiteState {
        std::string timezone;
        bool is_forgotten = false;              ///< all of its days that can be made again are to be looked at again
        std::map<std::int64_t, DayState> days;  ///< by the day's first ms
        /// Touched since they were taken, with the log's offset behind the last batch that did.
        std::map<std::int64_t, std::uint64_t> hours;
    };

    void touch_by_batch_under_way(const std::string& site_id, std::int64_t start_ms, DayState& day) const;
    void touch_site(const std::string& site_id, const process::TouchedHours::Hours& hours, std::uint64_t end);

    std::int64_t expired_ms(std::string_view site_id) const;  ///< under the mutex

    mutable std::mutex mutex_;
    std::map<std::string, SiteState, std::less<>> sites_;
    std::map<std::string, std::int64_t, std::less<>> expired_;  ///< by site, what expire() said
    // The batch that may be under way: told of already, and not yet in the tables.
    std::map<std::string, process::TouchedHours::Hours, std::less<>> last_hours_;
    std::uint64_t last_end_ = 0;
};

}  // namespace footfall::rollup
