#include "rollup/registry.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "query/goal.h"
#include "query/sql.h"
#include "query/vocabulary.h"

namespace footfall::rollup {
namespace {

constexpr std::int64_t kHourMs = process::TouchedHours::kHourMs;

bool can_be_kept(const query::GoalDeclaration& declared) {
    const auto goal = query::lower_goal(declared, query::vocabulary());
    return goal && query::is_kept_by_day(*goal);
}

}  // namespace

std::uint64_t dimension_bit(std::string_view name) {
    static const std::map<std::string, std::uint64_t, std::less<>> bits_by_name = [] {
        std::map<std::string, std::uint64_t, std::less<>> bits;
        for (const query::Dimension* dimension : query::rolled_dimensions())
            bits.emplace(dimension == nullptr ? "" : dimension->name, std::uint64_t{1} << bits.size());
        return bits;
    }();
    const auto found = bits_by_name.find(name);
    return found == bits_by_name.end() ? 0 : found->second;
}

bool MadeDay::has_rows_of(std::string_view dimension) const {
    if (!dimension.starts_with(query::kProperty)) return (dimensions & dimension_bit(dimension)) != 0;
    const std::string_view property = dimension.substr(query::kProperty.size());
    return has_properties && (dimensions & dimension_bit("event_name")) != 0 &&
           std::find(properties_left_out.begin(), properties_left_out.end(), property) == properties_left_out.end();
}

std::uint64_t goals_of(const query::SiteInfo& site) {
    if (site.goals.empty() || !std::all_of(site.goals.begin(), site.goals.end(), can_be_kept)) return 0;
    std::string text;
    for (const query::GoalDeclaration& goal : site.goals)
        for (const std::string& part : {goal.name, std::to_string(static_cast<int>(goal.of)),
                                        std::to_string(static_cast<int>(goal.op)), goal.value, goal.filters})
            text += std::to_string(part.size()) + ':' + part;
    const auto hash = sha256(text);
    std::uint64_t number = 0;
    std::memcpy(&number, hash.data(), sizeof number);
    return number == 0 ? 1 : number;
}

std::vector<query::RolledDay> Registry::days(const query::SiteInfo& site, query::Day first, query::Day last,
                                             const Need& need) const {
    std::vector<query::RolledDay> found;
    const bool is_of_goals = need.dimension == "goal";
    const std::uint64_t goals = is_of_goals ? goals_of(site) : 0;
    const std::lock_guard lock(mutex_);
    const auto state = sites_.find(site.id);
    if (state == sites_.end() || state->second.timezone != site.timezone) return found;
    for (const auto& [start_ms, day] : state->second.days) {
        const MadeDay& made = day.made;
        if (!day.is_fresh() || made.day < first || made.day > last || (need.has_sketches && !made.has_sketches))
            continue;
        if (is_of_goals ? goals != 0 && made.goals == goals : made.has_rows_of(need.dimension))
            found.push_back({made.day, is_of_goals ? made.goals_generation : made.generation, made.events});
    }
    return found;
}

bool Registry::are_kept(const query::SiteInfo& site, const std::vector<query::RolledDay>& days) const {
    const std::lock_guard lock(mutex_);
    const auto state = sites_.find(site.id);
    if (state == sites_.end()) return days.empty();
    auto at = state->second.days.begin();
    for (const query::RolledDay& day : days) {
        while (at != state->second.days.end() && at->second.made.day < day.day) ++at;
        if (at == state->second.days.end() || at->second.made.day != day.day ||
            (at->second.made.generation != day.generation && at->second.made.goals_generation != day.generation))
            return false;
    }
    return true;
}

std::size_t Registry::expired_days(const query::SiteInfo& site) const {
    const std::lock_guard lock(mutex_);
    const auto state = sites_.find(site.id);
    if (state == sites_.end() || state->second.timezone != site.timezone) return 0;
    const auto& days = state->second.days;
    return static_cast<std::size_t>(std::count_if(days.begin(), days.lower_bound(expired_ms(site.id)),
                                                  [](const auto& day) { return day.second.is_fresh(); }));
}

void Registry::expire(const std::string& site_id, std::int64_t before_ms) {
    const std::lock_guard lock(mutex_);
    std::int64_t& expired = expired_[site_id];
    expired = std::max(expired, before_ms);
}

std::int64_t Registry::expired_ms(std::string_view site_id) const {
    const auto expired = expired_.find(site_id);
    return expired == expired_.end() ? 0 : expired->second;
}

std::int64_t Registry::expired_before(const std::string& site_id) const {
    const std::lock_guard lock(mutex_);
    return expired_ms(site_id);
}

void Registry::clear() {
    const std::lock_guard lock(mutex_);
    sites_.clear();
    // The batch that may be under way is in no table that could tell of it.
    for (const auto& [site_id, hours] : last_hours_) touch_site(site_id, hours, last_end_);
}

bool Registry::sync(const std::string& site_id, const query::Zone& zone) {
    const std::lock_guard lock(mutex_);
    SiteState& state = sites_[site_id];
    if (state.timezone == zone.name()) return std::exchange(state.is_forgotten, false);
    state.timezone = zone.name();
    state.days.clear();
    state.is_forgotten = false;
    return true;
}

void Registry::add(const std::string& site_id, const query::Zone& zone, const MadeDay& made) {
    const std::lock_guard lock(mutex_);
    DayState& day = sites_[site_id].days[zone.day_start_ms(made.day)];
    day.made = made;
    day.end_ms = zone.day_start_ms(made.day + 1);
    day.is_stale_told = made.is_stale;
    touch_by_batch_under_way(site_id, zone.day_start_ms(made.day), day);
}

void Registry::touch_by_batch_under_way(const std::string& site_id, std::int64_t start_ms, DayState& day) const {
    const auto last = last_hours_.find(site_id);
    if (last == last_hours_.end() || start_ms < expired_ms(site_id)) return;
    for (const std::int64_t hour : last->second)
        if (hour * kHourMs < day.end_ms && (hour + 1) * kHourMs > start_ms)
            day.touched = std::max(day.touched, last_end_);
}

void Registry::touch(const process::TouchedHours& hours, std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    for (const auto& [site_id, touched] : hours.by_site()) touch_site(site_id, touched, end);
    last_hours_ = hours.by_site();
    last_end_ = end;
}

void Registry::touch_site(const std::string& site_id, const process::TouchedHours::Hours& hours, std::uint64_t end) {
    SiteState& state = sites_[site_id];
    const std::int64_t expired = expired_ms(site_id);
    for (const std::int64_t hour : hours) {
        state.hours[hour] = std::max(state.hours[hour], end);
        const std::int64_t from_ms = hour * kHourMs;
        // The first day that ends after the hour has begun: the one before may reach into it.
        auto day = state.days.upper_bound(from_ms);
        if (day != state.days.begin()) --day;
        for (; day != state.days.end() && day->first < from_ms + kHourMs; ++day)
            if (day->second.end_ms > from_ms && day->first >= expired)
                day->second.touched = std::max(day->second.touched, end);
    }
}

std::vector<std::int64_t> Registry::take_closed_hours(const std::string& site_id, const query::Zone& zone,
                                                      std::int64_t closed_ms, std::uint64_t log_offset) {
    std::vector<std::int64_t> closed;
    const std::lock_guard lock(mutex_);
    const auto state = sites_.find(site_id);
    if (state == sites_.end()) return closed;
    auto& hours = state->second.hours;
    for (auto hour = hours.begin(); hour != hours.end();) {
        // An hour may be of two days.
        const std::int64_t last_ms = (hour->first + 1) * kHourMs - 1;
        if (zone.day_start_ms(zone.day_of(last_ms) + 1) > closed_ms) break;
        if (hour->second > log_offset) {
            ++hour;
            continue;
        }
        closed.push_back(hour->first);
        hour = hours.erase(hour);
    }
    return closed;
}

void Registry::begin(const std::string& site_id, const query::Zone& zone, query::Day day) {
    const std::lock_guard lock(mutex_);
    SiteState& site = sites_[site_id];
    const std::int64_t start_ms = zone.day_start_ms(day);
    const auto [found, is_new] = site.days.try_emplace(start_ms);
    DayState& state = found->second;
    if (is_new) {
        state.made.day = day;
        state.end_ms = zone.day_start_ms(day + 1);
    }
    touch_by_batch_under_way(site_id, start_ms, state);
}

void Registry::finish(const std::string& site_id, const query::Zone& zone, const MadeDay& made) {
    const std::lock_guard lock(mutex_);
    const auto site = sites_.find(site_id);
    // Where it has gone meanwhile, so has what the day was made of.
    if (site == sites_.end() || site->second.timezone != zone.name()) return;
    const auto day = site->second.days.find(zone.day_start_ms(made.day));
    if (day == site->second.days.end()) return;
    day->second.made = made;
    day->second.is_stale_told = false;
}

void Registry::finish_goals(const std::string& site_id, const query::Zone& zone, const MadeDay& made) {
    const std::lock_guard lock(mutex_);
    const auto site = sites_.find(site_id);
    if (site == sites_.end() || site->second.timezone != zone.name()) return;
    const auto day = site->second.days.find(zone.day_start_ms(made.day));
    if (day == site->second.days.end() || day->second.made.generation != made.generation) return;
    day->second.made.goals = made.goals;
    day->second.made.goals_generation = made.goals_generation;
    day->second.made.goal_rows = made.goal_rows;
}

std::vector<Registry::SiteDay> Registry::stale() const {
    std::vector<SiteDay> stale;
    const std::lock_guard lock(mutex_);
    for (const auto& [site_id, site] : sites_)
        for (const auto& [start_ms, day] : site.days)
            if (day.made.generation != 0 && !day.is_fresh() && !day.is_stale_told) stale.push_back({site_id, day.made});
    return stale;
}

void Registry::told(const std::vector<SiteDay>& days) {
    const std::lock_guard lock(mutex_);
    for (const SiteDay& told : days) {
        const auto site = sites_.find(told.site_id);
        if (site == sites_.end()) continue;
        for (auto& [start_ms, day] : site->second.days)
            if (day.made.generation == told.made.generation && day.made.day == told.made.day) day.is_stale_told = true;
    }
}

void Registry::forget(const std::string& site_id, Forget what) {
    const std::lock_guard lock(mutex_);
    if (what == Forget::kEverything) expired_.erase(site_id);
    const auto site = sites_.find(site_id);
    if (site == sites_.end()) return;
    const std::int64_t expired = expired_ms(site_id);
    if (expired == 0) return static_cast<void>(sites_.erase(site));
    std::erase_if(site->second.days, [expired](const auto& day) { return day.first >= expired; });
    site->second.is_forgotten = true;
}

std::vector<MadeDay> Registry::fresh(const std::string& site_id) const {
    std::vector<MadeDay> found;
    const std::lock_guard lock(mutex_);
    const auto site = sites_.find(site_id);
    if (site == sites_.end()) return found;
    for (const auto& [start_ms, day] : site->second.days)
        if (day.is_fresh()) found.push_back(day.made);
    return found;
}

Registry::Count Registry::count() const {
    Count count;
    const std::lock_guard lock(mutex_);
    for (const auto& [site_id, site] : sites_)
        for (const auto& [start_ms, day] : site.days) {
            if (day.made.generation == 0) continue;
            ++(day.is_fresh() ? count.fresh : count.stale);
        }
    return count;
}

}  // namespace footfall::rollup
