#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/repeating_thread.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "process/loader.h"
#include "rollup/registry.h"
#include "rollup/rollup_store.h"

/// Rollups (docs/adr/0012): what a site's closed days come to, so that a question over months reads days and not
/// events.
///
///     loader ─▶ registry.h: which hours a batch touches ─▶ days that are not what was made ─▶ read from the tables
///                    │
///                    └─▶ Maker: closed days, again after they were touched ─▶ rollup_store.h: footfall.rollup_days
///
/// The rows come from the planner's own statements, so that there is one definition of each metric and dimension.
namespace footfall::rollup {

struct MakerOptions {
    std::int64_t interval_ms = 60'000;             ///< between two looks at what is to be made
    std::int64_t grace_ms = 10 * 60'000;           ///< a day is made when it has been over for this long
    std::int64_t remake_after_ms = 3'600'000;      ///< a day that was touched is made again no sooner than this after
    std::uint64_t day_events_min = 10'000;         ///< of days with fewer events the events answer as cheaply
    std::uint64_t sketch_day_events_min = 50'000;  ///< of days with fewer events distinct counts are not kept
    std::uint64_t row_events_min = 10;  ///< nor a dimension of which a row stands for fewer in the mean of the day
    std::uint64_t events_at_once = 1'000'000;  ///< days are made together while they hold no more
    /// Puts days back that the tables lack and that can't be made again; whether there were any. Called when load() has
    /// read what there is.
    std::function<Result<bool>()> put_back{};
};

/// Makes days of the rollup, on a thread of its own. Thread-safe.
class Maker {
public:
    /// `changing` is locked while days are made: erasures and re-scorings lock it too. What is passed outlives this.
    /// `why_not` says why the tables are not what the log says, as while rows are being changed; empty where they are.
    Maker(store::Client& store, catalog::Catalog& catalog, const process::Loader& loader, Registry& registry,
          std::mutex& changing, Clock& clock, MakerOptions options, std::function<std::string()> why_not = {});
    ~Maker() { stop(); }

    /// Once.
    void start();
    /// What is under way ends with its statement.
    void stop();
    /// The store was started, perhaps as another one: what it has is read before anything is made or answered from it.
    void store_restarted();
    /// Reads what the store says is made, where that was not done since its start. Errors are those of store::Client.
    Status load();
    /// Makes what is to be made now, as the thread does at each look; how many days. kUnavailable where the loader has
    /// not caught up, or the store lost what was being read.
    Result<std::uint64_t> make_due();
    /// Deletes everything that was made of a site, of all where it is empty, before its rows are changed otherwise than
    /// by the loader. Durable on return; `changing` is locked by the caller. What still counts is made again later;
    /// days whose events have expired can't be, and stay unless `what` says otherwise.
    Status forget(const std::string& site_id, Forget what = Forget::kWhatCanBeMadeAgain);
    /// Makes a site's days before that time a last time, and keeps of them whatever can be kept, however few events
    /// they have: these are about to expire.
    /// kUnavailable as make_due().
    Status complete(const std::string& site_id, const query::Zone& zone, std::int64_t before_ms);

private:
    struct Due {
        std::string site_id;
        query::Zone zone;
        std::vector<RollupStore::DaySize> days;  ///< in order
        bool is_last = false;                    ///< whatever can be kept of them is, since there is no other time
    };

    Status load_if_needed();
    void put_back_if_needed();
    std::vector<RollupStore::SiteZone> sites();
    /// By what the tables hold, which hold the log up to `loaded`.
    Result<std::vector<Due>> find_due(std::uint64_t loaded);
    Result<std::uint64_t> make_all(const Due& due);
    /// kTooLarge where the store has too little memory for it.
    Status make(const Due& due, std::span<const RollupStore::DaySize> days, bool has_sketches);
    struct Goals {
        std::uint64_t hash = 0;
        std::uint64_t generation = 0;
        std::map<query::Day, RollupStore::Rows> rows;

        void write_into(MadeDay& day) const;
    };
    Result<Goals> fill_goals(const std::string& site_id, const query::Zone& zone, query::Day first, query::Day last,
                             bool has_sketches);
    Status make_goals_due();
    Status make_goals(const RollupStore::SiteZone& site, std::span<const MadeDay> days);
    Status write_down_stale();

    store::Client& store_;
    catalog::Catalog& catalog_;
    const process::Loader& loader_;
    Registry& registry_;
    std::mutex& changing_;
    Clock& clock_;
    const MakerOptions options_;
    const std::function<std::string()> why_not_;
    RollupStore tables_;

    mutable std::mutex mutex_;
    bool is_load_wanted_ = true;
    bool is_put_back_wanted_ = true;

    // Of one call of make_due() at a time.
    std::mutex one_at_a_time_;
    struct Wanted {
        std::set<query::Day> days;
        bool is_new = true;  ///< nobody has looked at all of its days yet
    };
    std::map<std::string, Wanted> wanted_;
    std::map<std::string, query::Zone> zones_;  ///< by name
    std::map<std::pair<std::string, query::Day>, std::int64_t> made_at_ms_;
    std::map<std::string, std::uint64_t> goals_tried_;  ///< by site, the goals that all of its days have, or can't
    std::uint64_t next_generation();
    std::uint64_t generation_ = 0;
    std::uint64_t known_up_to_ = 0;

    RepeatingThread thread_;  ///< last, so that it has ended before anything else goes
};

}  // namespace footfall::rollup
