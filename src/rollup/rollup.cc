#include "rollup/rollup.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "query/site_info.h"
#include "rollup/ranges_without.h"
#include "rollup/run_of_days.h"

namespace footfall::rollup {
namespace {

constexpr std::int64_t kFirstLookMs = 100;
constexpr std::size_t kRangesMax = 8;  // of a site's days that are not known, each a question
constexpr std::int64_t kHourMs = process::TouchedHours::kHourMs;

struct Metrics {
    metrics::Counter& days = metrics::counter("footfall_rollup_days_made_total", "Days of sites that were rolled up.");
    metrics::Counter& errors =
        metrics::counter("footfall_rollup_errors_total", "Attempts to roll up days that failed and are made again.");
    metrics::Histogram& seconds =
        metrics::histogram("footfall_rollup_make_seconds", "Rolling up days of one site that are made together.");
    metrics::Gauge& fresh = metrics::gauge("footfall_rollup_days_fresh", "Rolled days that say what the events say.");
    metrics::Gauge& stale =
        metrics::gauge("footfall_rollup_days_stale", "Rolled days that something came for later; events answer.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

}  // namespace

Maker::Maker(store::Client& store, catalog::Catalog& catalog, const process::Loader& loader, Registry& registry,
             std::mutex& changing, Clock& clock, MakerOptions options, std::function<std::string()> why_not)
    : store_(store),
      catalog_(catalog),
      loader_(loader),
      registry_(registry),
      changing_(changing),
      clock_(clock),
      options_(std::move(options)),
      why_not_(std::move(why_not)),
      tables_(store_) {}

void Maker::start() {
    counters();
    // What is made counts from the first look on: soon after a start, when the store has what the log held.
    const std::int64_t first_wait_ms = std::min(kFirstLookMs, options_.interval_ms);
    thread_.start("rollup", first_wait_ms, [this, wait_ms = first_wait_ms]() mutable {
        const auto made = make_due();
        if (made) wait_ms = options_.interval_ms;
        if (!made && made.error().code != Code::kUnavailable) {
            counters().errors.add();
            logging::warn("rollup.retry", {{"error", made.error().message}});
        }
        const Registry::Count count = registry_.count();
        counters().fresh.set(static_cast<double>(count.fresh));
        counters().stale.set(static_cast<double>(count.stale));
        return wait_ms;
    });
}

void Maker::stop() { thread_.stop(); }

void Maker::store_restarted() {
    const std::lock_guard lock(mutex_);
    is_load_wanted_ = true;
    registry_.clear();
}

std::vector<RollupStore::SiteZone> Maker::sites() {
    std::vector<RollupStore::SiteZone> sites;
    const auto snapshot = catalog_.snapshot();
    for (const auto& [id, site] : snapshot->sites) {
        auto known = zones_.find(site.timezone);
        if (known == zones_.end()) {
            auto zone = query::Zone::load(site.timezone);
            if (!zone) continue;
            known = zones_.emplace(site.timezone, std::move(*zone)).first;
        }
        sites.push_back({id, known->second});
    }
    return sites;
}

Status Maker::load_if_needed() {
    {
        const std::lock_guard lock(mutex_);
        if (!is_load_wanted_) return {};
        is_load_wanted_ = false;
        is_put_back_wanted_ = true;
    }
    registry_.clear();
    wanted_.clear();
    goals_tried_.clear();
    const Status loaded = tables_.load(registry_, sites(), generation_);
    if (!loaded) {
        const std::lock_guard lock(mutex_);
        is_load_wanted_ = true;
        registry_.clear();
    }
    return loaded;
}

/// Everything else goes on without them: what is answered meanwhile says how many days are missing.
void Maker::put_back_if_needed() {
    {
        const std::lock_guard lock(mutex_);
        if (!options_.put_back || !std::exchange(is_put_back_wanted_, false)) return;
    }
    const auto put_back = options_.put_back();
    Status read;
    if (put_back && *put_back) {
        {
            const std::lock_guard lock(mutex_);
            is_load_wanted_ = true;
        }
        read = load_if_needed();
    }
    const std::lock_guard lock(mutex_);
    is_put_back_wanted_ = !put_back || !read;
    const Error* error = !put_back ? &put_back.error() : !read ? &read.error() : nullptr;
    if (error != nullptr && error->code != Code::kUnavailable) counters().errors.add();
    if (error != nullptr) logging::warn("rollup.put_back", {{"error", error->message}});
}

Status Maker::load() {
    const std::lock_guard one(one_at_a_time_);
    return load_if_needed();
}

Result<std::uint64_t> Maker::make_due() {
    const std::lock_guard one(one_at_a_time_);
    if (!loader_.state().is_caught_up) return Error(Code::kUnavailable, "the store is being filled from the event log");
    TRY_STATUS(load_if_needed());
    put_back_if_needed();
    const std::uint64_t known = loader_.state().loaded.offset;  // before what was touched is asked for
    TRY(const std::vector<Due> due, find_due(known));
    std::uint64_t made = 0;
    for (const Due& of_site : due) {
        TRY(const std::uint64_t of_it, make_all(of_site));
        made += of_it;
        if (thread_.is_stopping()) return made;
    }
    TRY_STATUS(make_goals_due());
    if (thread_.is_stopping()) return made;
    TRY_STATUS(write_down_stale());
    if (known != known_up_to_) {
        TRY_STATUS(tables_.say_known_up_to(known, static_cast<std::uint64_t>(clock_.wall_ms())));
        known_up_to_ = known;
    }
    return made;
}

Result<std::uint64_t> Maker::make_all(const Due& due) {
    std::uint64_t made = 0;
    // What a statement needs of the store's memory depends on how many values there are, which nobody knows before.
    std::size_t days_max = due.days.size();
    bool is_sketch_too_large = false;  ///< of the first day that is left, alone
    std::span<const RollupStore::DaySize> left(due.days);
    while (!left.empty()) {
        const auto has_sketches = [&](const RollupStore::DaySize& day) {
            return due.is_last || day.events >= options_.sketch_day_events_min;
        };
        // A row with states takes some times the memory of one without.
        const std::uint64_t events_max = options_.events_at_once / (has_sketches(left.front()) ? 4 : 1);
        const std::size_t count = run_of_days(left.first(std::min(left.size(), days_max)), events_max, has_sketches);
        if (thread_.is_stopping()) return made;
        const bool with_sketches = has_sketches(left.front()) && !is_sketch_too_large;
        const Status status = make(due, left.first(count), with_sketches);
        if (!status && status.error().code == Code::kTooLarge && (count > 1 || with_sketches)) {
            logging::warn("rollup.too_large", {{"site", due.site_id},
                                               {"first", query::day_text(left.front().day)},
                                               {"days", count},
                                               {"next", count > 1 ? "fewer days at once" : "without visitors"}});
            if (count > 1) days_max = count / 2;
            else is_sketch_too_large = true;
            continue;
        }
        TRY_STATUS(status);
        is_sketch_too_large = false;
        made += count;
        left = left.subspan(count);
    }
    return made;
}

Status Maker::complete(const std::string& site_id, const query::Zone& zone, std::int64_t before_ms) {
    const std::lock_guard one(one_at_a_time_);
    if (!loader_.state().is_caught_up) return Error(Code::kUnavailable, "the store is being filled from the event log");
    TRY_STATUS(load_if_needed());
    registry_.sync(site_id, zone);
    const std::int64_t expired_ms = std::max<std::int64_t>(0, registry_.expired_before(site_id));
    TRY(auto sizes, tables_.sizes(std::span(&site_id, 1), zone, expired_ms, before_ms, 1));
    Due due{.site_id = site_id, .zone = zone, .days = {}, .is_last = true};
    for (const RollupStore::DaySize& size : sizes[site_id])
        if (zone.day_start_ms(size.day) >= expired_ms) due.days.push_back(size);
    TRY(const std::uint64_t made, make_all(due));
    if (made < due.days.size()) return Error(Code::kUnavailable, "the server is ending");
    return {};
}

Result<std::vector<Maker::Due>> Maker::find_due(std::uint64_t loaded) {
    const std::int64_t now_ms = clock_.wall_ms();
    const std::int64_t closed_ms = now_ms - options_.grace_ms;
    // One question for all sites of a zone of which the same is asked: those of which nothing is known, for all days.
    struct Look {
        query::Zone zone;
        std::vector<std::string> sites;
    };
    std::map<std::tuple<std::string, std::int64_t, std::int64_t>, Look> looks;
    std::map<std::string, query::Zone> zones;
    std::map<std::string, std::vector<MadeDay>> fresh;
    for (const RollupStore::SiteZone& site : sites()) {
        if (registry_.sync(site.site_id, site.zone)) {
            wanted_[site.site_id] = {};
            // Days of this calendar may be there, or kept, that can't be made again.
            if (registry_.expired_before(site.site_id) > 0) {
                const std::lock_guard lock(mutex_);
                is_load_wanted_ = true;
            }
        }
        Wanted& wanted = wanted_[site.site_id];
        for (const std::int64_t hour : registry_.take_closed_hours(site.site_id, site.zone, closed_ms, loaded)) {
            wanted.days.insert(site.zone.day_of(hour * kHourMs));
            wanted.days.insert(site.zone.day_of((hour + 1) * kHourMs - 1));
        }
        if (!wanted.is_new && wanted.days.empty()) continue;
        zones.emplace(site.site_id, site.zone);
        const std::vector<MadeDay>& known = fresh[site.site_id] = registry_.fresh(site.site_id);
        const std::int64_t from_ms = wanted.is_new ? 0 : site.zone.day_start_ms(*wanted.days.begin());
        const std::int64_t to_ms = site.zone.day_start_ms(site.zone.day_of(closed_ms));
        for (const query::Range& range : ranges_without(known, site.zone, std::max<std::int64_t>(0, from_ms),
                                                        std::max<std::int64_t>(0, to_ms), kRangesMax))
            looks.try_emplace({site.zone.name(), range.from_ms, range.to_ms}, Look{.zone = site.zone, .sites = {}})
                .first->second.sites.push_back(site.site_id);
    }
    std::map<std::string, std::vector<RollupStore::DaySize>> sizes;
    for (const auto& [key, look] : looks) {
        TRY(const auto of_range,
            tables_.sizes(look.sites, look.zone, std::get<1>(key), std::get<2>(key), options_.day_events_min));
        for (const auto& [site_id, days] : of_range)
            sizes[site_id].insert(sizes[site_id].end(), days.begin(), days.end());
    }
    std::vector<Due> due;
    for (const auto& [site_id, zone] : zones) {
        Wanted& wanted = wanted_[site_id];
        std::set<query::Day> known;
        for (const MadeDay& day : fresh[site_id]) known.insert(day.day);
        Due of_site{.site_id = site_id, .zone = zone, .days = {}};
        std::set<query::Day> later;
        const std::int64_t expired_ms = registry_.expired_before(site_id);
        for (const RollupStore::DaySize& size : sizes[site_id]) {
            // What is left of its events is not what the day had.
            if (zone.day_start_ms(size.day) < expired_ms) continue;
            if ((!wanted.is_new && !wanted.days.contains(size.day)) || known.contains(size.day)) continue;
            const auto made_at = made_at_ms_.find({site_id, size.day});
            const bool is_due = made_at == made_at_ms_.end() || now_ms - made_at->second >= options_.remake_after_ms ||
                                now_ms < made_at->second;
            if (is_due) of_site.days.push_back(size);
            later.insert(size.day);
        }
        // Until they are made.
        wanted.days = std::move(later);
        wanted.is_new = false;
        if (!of_site.days.empty()) due.push_back(std::move(of_site));
    }
    return due;
}

Status Maker::make(const Due& due, std::span<const RollupStore::DaySize> days, bool has_sketches) {
    const std::lock_guard nothing_is_changed(changing_);
    if (std::string why = why_not_ ? why_not_() : ""; !why.empty()) return Error(Code::kUnavailable, std::move(why));
    const std::int64_t started_ns = clock_.steady_ns();
    for (const RollupStore::DaySize& day : days) registry_.begin(due.site_id, due.zone, day.day);
    const process::LoaderState before = loader_.state();
    if (!before.is_caught_up) return Error(Code::kUnavailable, "the store is being filled from the event log");
    const std::uint64_t generation = next_generation();
    const query::Day first = days.front().day;
    const query::Day last = days.back().day;
    const query::Range range{due.zone.day_start_ms(first), due.zone.day_start_ms(last + 1), query::Range::Unit::kDays};
    if (days.size() > 2 && failpoint("rollup.days_too_large") == Fault::kError)
        return Error(Code::kTooLarge, "failpoint rollup.days_too_large");
    if (has_sketches && failpoint("rollup.sketches_too_large") == Fault::kError)
        return Error(Code::kTooLarge, "failpoint rollup.sketches_too_large");
    const query::RollupFill fill{.website_id = due.site_id,
                                 .range = range,
                                 .generation = generation,
                                 .has_sketches = has_sketches,
                                 .row_events_min = due.is_last ? 0 : options_.row_events_min,
                                 .property_row_events_min = options_.row_events_min};
    TRY_STATUS(tables_.fill(fill, due.zone));
    TRY(auto left_out, tables_.properties_left_out(fill, due.zone));
    TRY(const auto rows, tables_.rows(due.site_id, first, last, generation));
    TRY(const Goals goals, fill_goals(due.site_id, due.zone, first, last, has_sketches));
    const process::LoaderState after = loader_.state();
    if (after.doubts != before.doubts || !after.is_caught_up)
        return Error(Code::kUnavailable, "the store lost what was being read");
    std::vector<MadeDay> made;
    for (const RollupStore::DaySize& day : days) {
        const auto found = rows.find(day.day);
        const RollupStore::Rows of_day = found == rows.end() ? RollupStore::Rows{} : found->second;
        made.push_back({.day = day.day,
                        .generation = generation,
                        .log_offset = before.loaded.offset,
                        .events = day.events,
                        .rows = of_day.count,
                        .is_stale = false,
                        .has_sketches = has_sketches,
                        .dimensions = of_day.dimensions,
                        .has_properties = left_out[day.day].size() <= kPropertiesLeftOutMax});
        if (made.back().has_properties) made.back().properties_left_out = std::move(left_out[day.day]);
        goals.write_into(made.back());
    }
    if (failpoint("rollup.before_made") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint rollup.before_made");
    TRY_STATUS(tables_.say_made(due.site_id, due.zone, made));
    for (const MadeDay& day : made) {
        registry_.finish(due.site_id, due.zone, day);
        made_at_ms_[{due.site_id, day.day}] = clock_.wall_ms();
        wanted_[due.site_id].days.erase(day.day);
    }
    counters().days.add(days.size());
    counters().seconds.observe_ns(clock_.steady_ns() - started_ns);
    return {};
}

/// Higher by two at least: RollupStore::say_made() has the one in between.
std::uint64_t Maker::next_generation() {
    return generation_ = std::max(generation_ + 2, static_cast<std::uint64_t>(clock_.wall_ms()));
}

void Maker::Goals::write_into(MadeDay& day) const {
    const auto found = rows.find(day.day);
    day.goals = hash;
    day.goals_generation = generation;
    day.goal_rows = found == rows.end() ? 0 : found->second.count;
}

/// The conversions of whole days, by the goals that there are now.
Result<Maker::Goals> Maker::fill_goals(const std::string& site_id, const query::Zone& zone, query::Day first,
                                       query::Day last, bool has_sketches) {
    const auto snapshot = catalog_.snapshot();
    const catalog::Site* site = snapshot->site(site_id);
    Goals goals;
    if (site == nullptr) return goals;
    const query::SiteInfo info = query::site_info(*snapshot, *site);
    goals.hash = goals_of(info);
    if (goals.hash == 0) return goals;
    goals.generation = next_generation();
    const query::Range range{zone.day_start_ms(first), zone.day_start_ms(last + 1), query::Range::Unit::kDays};
    for (const query::GoalRows rows : {query::GoalRows::kOfEach, query::GoalRows::kOfAny}) {
        const auto plan = query::make_goal_plan(info, zone, rows, range, has_sketches);
        if (!plan) {
            // Whoever asks for it is told so.
            logging::warn("rollup.goal", {{"site", site_id}, {"error", plan.error().message}});
            return Goals{};
        }
        TRY_STATUS(tables_.fill_goals(*plan, goals.generation, zone));
    }
    TRY(goals.rows, tables_.rows(site_id, first, last, goals.generation));
    return goals;
}

/// Conversions of days that were made with other goals than there are now.
Status Maker::make_goals_due() {
    const auto snapshot = catalog_.snapshot();
    for (const RollupStore::SiteZone& site : sites()) {
        const catalog::Site* known = snapshot->site(site.site_id);
        if (known == nullptr) continue;
        const std::uint64_t goals = goals_of(query::site_info(*snapshot, *known));
        if (goals == 0 || goals_tried_[site.site_id] == goals) continue;
        const std::int64_t expired_ms = registry_.expired_before(site.site_id);
        std::vector<MadeDay> days = registry_.fresh(site.site_id);
        std::erase_if(days, [&](const MadeDay& day) {
            return day.goals == goals || site.zone.day_start_ms(day.day) < expired_ms;
        });
        for (std::span<const MadeDay> left(days); !left.empty();) {
            const std::size_t count =
                run_of_days(left, options_.events_at_once, [](const MadeDay& day) { return day.has_sketches; });
            if (thread_.is_stopping()) return {};
            TRY_STATUS(make_goals(site, left.first(count)));
            left = left.subspan(count);
        }
        goals_tried_[site.site_id] = goals;
    }
    return {};
}

Status Maker::make_goals(const RollupStore::SiteZone& site, std::span<const MadeDay> days) {
    const std::lock_guard nothing_is_changed(changing_);
    if (std::string why = why_not_ ? why_not_() : ""; !why.empty()) return Error(Code::kUnavailable, std::move(why));
    const process::LoaderState before = loader_.state();
    if (!before.is_caught_up) return Error(Code::kUnavailable, "the store is being filled from the event log");
    // Only what still counts: of the others something came, or they are forgotten.
    std::map<query::Day, std::uint64_t> counting;
    for (const MadeDay& day : registry_.fresh(site.site_id)) counting[day.day] = day.generation;
    std::vector<MadeDay> made(days.begin(), days.end());
    std::erase_if(made, [&](const MadeDay& day) { return counting[day.day] != day.generation; });
    if (made.empty()) return {};
    TRY(const Goals goals,
        fill_goals(site.site_id, site.zone, made.front().day, made.back().day, made.front().has_sketches));
    const process::LoaderState after = loader_.state();
    if (after.doubts != before.doubts || !after.is_caught_up)
        return Error(Code::kUnavailable, "the store lost what was being read");
    for (MadeDay& day : made) goals.write_into(day);
    if (failpoint("rollup.before_goals_made") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint rollup.before_goals_made");
    TRY_STATUS(tables_.say_made(site.site_id, site.zone, made));
    for (const MadeDay& day : made) registry_.finish_goals(site.site_id, site.zone, day);
    return {};
}

Status Maker::write_down_stale() {
    const std::vector<Registry::SiteDay> stale = registry_.stale();
    std::map<std::string, std::vector<MadeDay>> by_site;
    for (const Registry::SiteDay& day : stale) {
        by_site[day.site_id].push_back(day.made);
        by_site[day.site_id].back().is_stale = true;
    }
    if (by_site.empty()) return {};
    for (const RollupStore::SiteZone& site : sites()) {
        const auto days = by_site.find(site.site_id);
        if (days != by_site.end()) TRY_STATUS(tables_.say_made(site.site_id, site.zone, days->second));
    }
    registry_.told(stale);
    return {};
}

Status Maker::forget(const std::string& site_id, Forget what) {
    query::Day from(1970, 1, 1);
    const std::int64_t expired_ms = registry_.expired_before(site_id);
    if (what == Forget::kWhatCanBeMadeAgain && expired_ms > 0) {
        const auto snapshot = catalog_.snapshot();
        if (const catalog::Site* site = snapshot->site(site_id); site != nullptr) {
            TRY(const query::Zone zone, query::Zone::load(site->timezone));
            from = zone.first_day_from(expired_ms);
        }
    }
    if (site_id.empty()) registry_.clear();
    else registry_.forget(site_id, what);
    return tables_.forget(site_id, from);
}

}  // namespace footfall::rollup
