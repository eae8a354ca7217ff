#include "batch/batch.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "batch/sql.h"
#include "query/cells.h"

namespace footfall::batch {
namespace {

constexpr int kTimeoutMs = 300'000;
constexpr std::int64_t kFirstRunMs = 5'000;
/// Stands in daily_made for all days of a site.
constexpr query::Day kAllDays(1970, 1, 1);

struct Metrics {
    metrics::Counter& days =
        metrics::counter("footfall_daily_days_made_total", "Days of sites that the daily batch made.");
    metrics::Counter& errors =
        metrics::counter("footfall_daily_errors_total", "Runs of the daily batch that failed and are made again.");
    metrics::Histogram& seconds = metrics::histogram("footfall_daily_run_seconds", "A run of the daily batch.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

store::Statement statement(std::string_view name, std::vector<std::pair<std::string, std::string>> parameters = {}) {
    // Questions that people wait for have the other cores.
    return {.sql = std::string(sql::text(name)),
            .parameters = std::move(parameters),
            .settings = {{"max_threads", "1"}, {"max_block_size", "65409"}},
            .timeout_ms = kTimeoutMs};
}

}  // namespace

Daily::Daily(store::Client& store, catalog::Catalog& catalog, const process::Loader& loader, std::mutex& changing,
             Clock& clock, DailyOptions options, std::function<std::string()> why_not)
    : store_(store),
      catalog_(catalog),
      loader_(loader),
      changing_(changing),
      clock_(clock),
      options_(options),
      why_not_(std::move(why_not)) {}

void Daily::start() {
    counters();
    if (options_.interval_ms == 0) return;
    // What failed is tried again soon: the store may just be starting.
    const std::int64_t soon_ms = std::min(kFirstRunMs, options_.interval_ms);
    thread_.start("daily", soon_ms, [this, soon_ms] {
        const std::int64_t started_ns = clock_.steady_ns();
        const auto made = run();
        if (made) counters().seconds.observe_ns(clock_.steady_ns() - started_ns);
        if (!made && made.error().code != Code::kUnavailable) {
            counters().errors.add();
            logging::warn("daily.retry", {{"error", made.error().message}});
        }
        return made ? options_.interval_ms : soon_ms;
    });
}

void Daily::stop() { thread_.stop(); }

Result<std::uint64_t> Daily::run() {
    const std::lock_guard one(one_at_a_time_);
    if (!loader_.state().is_caught_up) return Error(Code::kUnavailable, "the store is being filled from the event log");
    std::map<std::string, std::vector<std::string>> by_zone;
    const auto snapshot = catalog_.snapshot();
    for (const auto& [id, site] : snapshot->sites) by_zone[site.timezone].push_back(id);
    TRY(const auto runs, read_runs());
    std::uint64_t made = 0;
    for (const auto& [name, sites] : by_zone) {
        const auto zone = query::Zone::load(name);
        if (!zone) continue;
        const auto last = runs.find(name);
        TRY(const std::uint64_t of_zone, run_zone(*zone, sites, last == runs.end() ? Run{} : last->second));
        made += of_zone;
        if (thread_.is_stopping()) break;
    }
    return made;
}

Result<std::map<std::string, Daily::Run>> Daily::read_runs() {
    TRY(const store::Answer answer, store_.query(statement("daily-runs.sql")));
    std::map<std::string, Run> runs;
    for (const auto& row : answer.rows) {
        runs[query::text_of(row.at(0))] = {.day = query::day_of(row.at(1)), .log_offset = query::natural_of(row.at(2))};
        version_ = std::max(version_, query::natural_of(row.at(3)));
    }
    return runs;
}

Result<std::uint64_t> Daily::run_zone(const query::Zone& zone, const std::vector<std::string>& sites, const Run& last) {
    // Before anything is read: what comes later is of the next run.
    const std::uint64_t held = loader_.state().loaded.offset;
    const query::Day closed = zone.day_of(clock_.wall_ms() - options_.grace_ms) - 1;
    std::set<std::string> unknown;
    forgotten_when_begun_ = forgotten_;
    {
        TRY(const store::Answer answer,
            store_.query(
                statement("daily-new-sites.sql", {{"sites", store::array_literal(sites)}, {"zone", zone.name()}})));
        const std::lock_guard nothing_is_changed(changing_);
        for (const auto& row : answer.rows) {
            unknown.insert(query::text_of(row.at(0)));
            // Days of another calendar; of those whose events are gone there will be no others.
            if (query::natural_of(row.at(1)) == 0) continue;
            const std::string site_id = query::text_of(row.at(0));
            const auto snapshot = catalog_.snapshot();
            const catalog::Site* site = snapshot->site(site_id);
            const std::int64_t expiring_ms = site == nullptr ? 0 : site->retention.expiring_ms;
            TRY_STATUS(forget(site_id, expiring_ms == 0 ? query::Day(1970, 1, 1) : zone.first_day_from(expiring_ms)));
        }
        forgotten_when_begun_ = forgotten_;
    }
    std::vector<std::string> known;
    for (const std::string& site : sites)
        if (!unknown.contains(site)) known.push_back(site);
    std::vector<SiteDay> due;
    if (!known.empty() && (held > last.log_offset || closed > last.day)) {
        TRY(due, find_due(zone, known, last, closed));
    }
    if (!unknown.empty()) {
        const std::vector<std::string> all(unknown.begin(), unknown.end());
        TRY(const std::vector<SiteDay> of_new, find_due(zone, all, Run{}, closed));
        due.insert(due.end(), of_new.begin(), of_new.end());
    }
    // What is left of the events of days that expired is not what these had.
    const auto snapshot = catalog_.snapshot();
    std::erase_if(due, [&](const SiteDay& day) {
        const catalog::Site* site = snapshot->site(day.site_id);
        return site != nullptr && zone.day_start_ms(day.day) < site->retention.expiring_ms;
    });
    TRY_STATUS(measure(zone, due));
    std::sort(due.begin(), due.end(), [](const SiteDay& one, const SiteDay& other) {
        return std::pair(one.day, std::string_view(one.site_id)) <
               std::pair(other.day, std::string_view(other.site_id));
    });
    for (std::span<const SiteDay> left(due); !left.empty();) {
        // Days of different sites together, since most sites are small.
        std::size_t count = 1;
        std::uint64_t events = left.front().events;
        constexpr std::size_t kDaysMax = 500;
        while (count < left.size() && count < kDaysMax && events + left[count].events <= options_.events_at_once)
            events += left[count++].events;
        if (thread_.is_stopping()) return Error(Code::kUnavailable, "the server is stopping");
        TRY_STATUS(make(zone, left.first(count)));
        left = left.subspan(count);
    }
    if (!unknown.empty()) {
        std::vector<SiteDay> whole;
        for (const std::string& site : unknown) whole.push_back({.site_id = site, .day = kAllDays});
        const std::lock_guard nothing_is_changed(changing_);
        TRY_STATUS(check_nothing_was_forgotten());
        TRY_STATUS(say_made(zone, whole, held));
    }
    if (held > last.log_offset || closed > last.day) {
        version_ = std::max(version_ + 1, static_cast<std::uint64_t>(clock_.wall_ms()));
        TRY_STATUS(store_.execute(statement("daily-say-run.sql", {{"zone", zone.name()},
                                                                  {"day", query::day_text(closed)},
                                                                  {"offset", std::to_string(held)},
                                                                  {"version", std::to_string(version_)}})));
    }
    return due.size();
}

Result<std::vector<Daily::SiteDay>> Daily::find_due(const query::Zone& zone, std::span<const std::string> sites,
                                                    const Run& last, query::Day closed) {
    const std::int64_t from_ms = last.log_offset == 0 ? 0 : zone.day_start_ms(last.day + 1);
    const auto ask = [&](bool all_before) -> Result<store::Answer> {
        if (!all_before && failpoint("daily.too_many_pings") == Fault::kError)
            return Error(Code::kTooLarge, "failpoint daily.too_many_pings");
        return store_.query(statement("daily-due.sql", {{"sites", store::array_literal(sites)},
                                                        {"zone", zone.name()},
                                                        {"offset", std::to_string(last.log_offset)},
                                                        {"from", query::utc_text(from_ms)},
                                                        {"to", query::utc_text(zone.day_start_ms(closed + 1))},
                                                        {"all_before", all_before ? "true" : "false"}}));
    };
    auto asked = ask(false);
    // Pages of so many pings do not fit into the store's memory: days too many are made then.
    if (!asked && asked.error().code == Code::kTooLarge) asked = ask(true);
    TRY(const store::Answer answer, std::move(asked));
    std::vector<SiteDay> due;
    for (const auto& row : answer.rows)
        due.push_back({.site_id = query::text_of(row.at(0)), .day = query::day_of(row.at(1))});
    return due;
}

namespace {

/// The days, their sites, and the time from the first of them to the end of the last.
template <class Days>
std::vector<std::pair<std::string, std::string>> parameters_of(const query::Zone& zone, const Days& days) {
    std::set<std::string> sites;
    std::string tuples;
    query::Day first = days.front().day;
    query::Day last = first;
    for (const auto& day : days) {
        sites.insert(day.site_id);
        first = std::min(first, day.day);
        last = std::max(last, day.day);
        tuples += fmt::format("{}('{}','{}')", tuples.empty() ? "" : ",", day.site_id, query::day_text(day.day));
    }
    const std::vector<std::string> ids(sites.begin(), sites.end());
    return {{"zone", zone.name()},
            {"sites", store::array_literal(ids)},
            {"days", "[" + tuples + "]"},
            {"from", query::utc_text(zone.day_start_ms(first))},
            {"to", query::utc_text(zone.day_start_ms(last + 1))}};
}

}  // namespace

Status Daily::measure(const query::Zone& zone, std::vector<SiteDay>& due) {
    if (due.empty()) return {};
    TRY(const store::Answer answer, store_.query(statement("daily-sizes.sql", parameters_of(zone, due))));
    std::map<std::pair<std::string, query::Day>, std::uint64_t> sizes;
    for (const auto& row : answer.rows)
        sizes[{query::text_of(row.at(0)), query::day_of(row.at(1))}] = query::natural_of(row.at(2));
    for (SiteDay& day : due) day.events = sizes[{day.site_id, day.day}];
    return {};
}

Status Daily::make(const query::Zone& zone, std::span<const SiteDay> days) {
    const std::lock_guard nothing_is_changed(changing_);
    if (std::string why = why_not_ ? why_not_() : ""; !why.empty()) return Error(Code::kUnavailable, std::move(why));
    TRY_STATUS(check_nothing_was_forgotten());
    const process::LoaderState before = loader_.state();
    if (!before.is_caught_up) return Error(Code::kUnavailable, "the store is being filled from the event log");
    version_ = std::max(version_ + 1, static_cast<std::uint64_t>(clock_.wall_ms()));
    Parameters parameters = parameters_of(zone, days);
    parameters.emplace_back("version", std::to_string(version_));
    for (const char* name : {"daily-fill-pages.sql", "daily-fill-sources.sql"}) {
        if (failpoint("daily.before_fill") == Fault::kError)
            return Error(Code::kUnavailable, "failpoint daily.before_fill");
        TRY_STATUS(store_.execute(statement(name, parameters)));
    }
    const process::LoaderState after = loader_.state();
    if (after.doubts != before.doubts || !after.is_caught_up)
        return Error(Code::kUnavailable, "the store lost what was being read");
    if (failpoint("daily.before_made") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint daily.before_made");
    TRY_STATUS(say_made(zone, days, before.loaded.offset));
    counters().days.add(days.size());
    return {};
}

Status Daily::say_made(const query::Zone& zone, std::span<const SiteDay> days, std::uint64_t log_offset) {
    Parameters parameters = parameters_of(zone, days);
    parameters.emplace_back("version", std::to_string(version_));
    parameters.emplace_back("offset", std::to_string(log_offset));
    return store_.execute(statement("daily-say-made.sql", std::move(parameters)));
}

// What was to be made is found anew then: of a site that was forgotten all days are.
Status Daily::check_nothing_was_forgotten() const {
    if (forgotten_ == forgotten_when_begun_) return {};
    return Error(Code::kUnavailable, "what a site's days came to was taken away meanwhile");
}

Status Daily::forget(const std::string& site_id, query::Day from) {
    ++forgotten_;
    const Parameters whose = {
        {"site", site_id}, {"all", site_id.empty() ? "true" : "false"}, {"from", query::day_text(from)}};
    // What says that a day counts goes first: a death in between leaves left-overs that nobody sees.
    for (const char* name : {"daily-forget-made.sql", "daily-forget-pages.sql", "daily-forget-sources.sql"})
        TRY_STATUS(store_.execute(statement(name, whose)));
    return {};
}

}  // namespace footfall::batch
