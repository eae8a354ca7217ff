#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/repeating_thread.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "process/loader.h"
#include "query/zone.h"
#include "store/client.h"

/// The daily batch: what each closed day of every site comes to by page (views, unique users, average time) and by
/// source (sessions, users, revenue), for whoever reads the store with tools of their own.
///
///     events, sessions ─▶ Daily, by SQL ─▶ footfall.daily_pages, daily_sources ─▶ views page_views, traffic_sources
///
/// No question of the product is answered from these tables (src/rollup keeps what answers those).
namespace footfall::batch {

struct DailyOptions {
    std::int64_t interval_ms = 3'600'000;      ///< between two runs; 0: never
    std::int64_t grace_ms = 10 * 60'000;       ///< a day is made when it has been over for this long
    std::uint64_t events_at_once = 1'000'000;  ///< days are made together while they hold no more
};

/// Makes days, on a thread of its own, and makes them again where something came for them. Making a day is idempotent:
/// its rows of one version take the place of those before, or of what a death left, at once. Thread-safe.
class Daily {
public:
    /// `changing` is locked while days are made: erasures and re-scorings lock it too. What is passed outlives this.
    /// `why_not` says why the tables are not what the log says, as while rows are being changed; empty where they are.
    Daily(store::Client& store, catalog::Catalog& catalog, const process::Loader& loader, std::mutex& changing,
          Clock& clock, DailyOptions options, std::function<std::string()> why_not = {});
    ~Daily() { stop(); }

    /// Once.
    void start();
    /// What is under way ends with its statement.
    void stop();
    /// Makes what is due now, as the thread does at each run; how many days of sites. kUnavailable where the loader has
    /// not caught up, or the store lost what was being read; else errors of store::Client. What was made stays.
    Result<std::uint64_t> run();
    /// Deletes everything that was made of a site, of all where it is empty, before its rows are changed otherwise than
    /// by the loader. Durable on return; `changing` is locked by the caller. What still counts is made again; days
    /// before `from` can't be, since their events have expired, and stay.
    Status forget(const std::string& site_id, query::Day from = query::Day(1970, 1, 1));

private:
    struct SiteDay {
        std::string site_id;
        query::Day day;
        std::uint64_t events = 0;
    };
    /// The last run of a zone.
    struct Run {
        query::Day day;  ///< days up to this one were made
        std::uint64_t log_offset = 0;
    };
    using Parameters = std::vector<std::pair<std::string, std::string>>;

    Result<std::map<std::string, Run>> read_runs();
    Result<std::uint64_t> run_zone(const query::Zone& zone, const std::vector<std::string>& sites, const Run& last);
    Result<std::vector<SiteDay>> find_due(const query::Zone& zone, std::span<const std::string> sites, const Run& last,
                                          query::Day closed);
    Status measure(const query::Zone& zone, std::vector<SiteDay>& due);
    Status make(const query::Zone& zone, std::span<const SiteDay> days);
    Status say_made(const query::Zone& zone, std::span<const SiteDay> days, std::uint64_t log_offset);
    Status check_nothing_was_forgotten() const;

    store::Client& store_;
    catalog::Catalog& catalog_;
    const process::Loader& loader_;
    std::mutex& changing_;
    Clock& clock_;
    const DailyOptions options_;
    const std::function<std::string()> why_not_;

    std::mutex one_at_a_time_;
    std::uint64_t version_ = 0;                 ///< of the rows that were written last
    std::atomic<std::uint64_t> forgotten_ = 0;  ///< how often something was
    std::uint64_t forgotten_when_begun_ = 0;

    RepeatingThread thread_;  ///< last, so that it has ended before anything else goes
};

}  // namespace footfall::batch
