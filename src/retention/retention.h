#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/repeating_thread.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "log/disk/disk_log.h"
#include "process/archive/archive.h"
#include "process/loader.h"
#include "query/zone.h"
#include "retention/expired_rows.h"
#include "retention/kept_days.h"

/// Retention (docs/adr/0016): events are kept for as long as their site says, and then go from everything but what was
/// summed up of them.
///
///     catalog: months of a site ─▶ its cut-off, the start of a day ─▶ days before it are summed up
///         ─▶ catalog: that they expire ─▶ kept_days.h: what they came to, in the log
///         ─▶ log: their entries become tombstones ─▶ archive: likewise
///         ─▶ loader held ─▶ expired_rows.h: rows ─▶ catalog: that they are expired
///
/// The log says of each entry that it is gone, so that whatever is made of it again has none of them.
namespace footfall::retention {

/// The first day that is kept today: `months` before it, or the last day of that month where it has no such day.
query::Day first_kept_day(query::Day today, int months);

struct RetentionOptions {
    std::int64_t interval_ms = 3'600'000;  ///< between two looks at what is due; a site's cut-off moves once a day
    int hold_timeout_ms = 60'000;
    /// Does to the archive what was done to the log; nothing where there is none.
    process::archive::RewriteArchive rewrite_archive{};
    /// Sums up what a site's days before that time come to, since they can't be afterwards.
    std::function<Status(const std::string& site_id, const query::Zone& zone, std::int64_t before_ms)> sum_up{};
    /// From here on what was summed up of a site's days before that time is all there is of them.
    std::function<void(const std::string& site_id, std::int64_t before_ms)> expiring{};
    /// Why rows are not what the log says at present; empty where they are.
    std::function<std::string()> why_not{};
};

struct Report {
    std::uint64_t events = 0;
    std::uint64_t rejected = 0;  ///< samples of rejected events
    std::uint64_t segments = 0;  ///< of the log, written anew
    Report& operator+=(const Report& other);
};

/// Deletes what is older than its site keeps events, on a thread of its own. Thread-safe.
class Retention {
public:
    /// `changing` is locked while the log and the tables are changed: erasures and re-scorings lock it too. What is
    /// passed outlives this.
    Retention(log::DiskLog& log, store::Client& store, catalog::Catalog& catalog, process::Loader& loader,
              KeptDays& kept_days, std::mutex& changing, Clock& clock, RetentionOptions options);
    ~Retention() { stop(); }

    /// Once.
    void start();
    /// What is under way ends soon, and is completed by the next start.
    void stop();
    /// Deletes what is due now, as the thread does at each look, and completes what a death or an error cut off. On
    /// return with a value nothing that was due is left in the log, the archive or a table. Errors are those of the
    /// store, the log and the archive; kUnavailable where the loader has not caught up.
    Result<Report> run();
    /// Why a deletion that was begun is not complete: log and tables differ until it is. Empty otherwise.
    std::string problem() const;

private:
    struct SiteCut {
        Cut cut;
        query::Zone zone;
        bool is_begun = false;       ///< by a run that was cut off
        bool is_to_be_kept = false;  ///< what days of before it came to is not in the log yet
        std::uint64_t events = 0;    ///< of before it
        std::uint64_t looked_to = 0;
        std::uint64_t look_to = 0;  ///< everything before it was received before the cut-off
    };
    struct Expiring;

    Result<std::vector<SiteCut>> find_due();
    Result<std::vector<SiteCut>> due_of(const catalog::Site& site, const query::Zone& zone);
    Result<Report> carry_out(const std::vector<SiteCut>& cuts);
    using BySite = std::map<std::string, Expiring, std::less<>>;
    Result<Report> rewrite(const std::vector<SiteCut>& cuts, BySite& expiring, std::uint64_t end);
    Status mark(const std::vector<SiteCut>& cuts, bool is_done);
    /// `doubts`: of the loader, before it was summed up what the days come to.
    Status keep(const std::vector<SiteCut>& cuts, std::uint64_t doubts);
    Status keep_former();

    log::DiskLog& log_;
    catalog::Catalog& catalog_;
    process::Loader& loader_;
    std::mutex& changing_;
    KeptDays& kept_days_;
    Clock& clock_;
    const RetentionOptions options_;
    ExpiredRows rows_;

    mutable std::mutex mutex_;
    std::string problem_;

    std::mutex one_at_a_time_;
    std::map<std::string, std::int64_t> looked_;  ///< cut-offs at which a site had nothing

    RepeatingThread thread_;  ///< last, so that it has ended before anything else goes
};

}  // namespace footfall::retention
