#include "retention/retention.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "event/event.h"
#include "process/erased.h"
#include "process/rejected.h"
#include "process/sessions/session.h"

namespace footfall::retention {
namespace {

constexpr std::int64_t kRetryMs = 5'000;
constexpr int kLoadedWaitMs = 60'000;
constexpr int kForgetTimeoutMs = 60'000;
/// Each further one is for events that came amid the one before, or a store that was started anew.
constexpr int kTriesMax = 5;
/// So long an event's id is known again after a restore, and must be in its tombstone.
constexpr std::int64_t kIdNeededMs = 31LL * 24 * 3'600'000;
constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

struct Metrics {
    metrics::Counter& events = metrics::counter("footfall_retention_expired_events_total",
                                                "Events that were deleted since their site keeps them no longer.");
    metrics::Counter& errors = metrics::counter(
        "footfall_retention_errors_total", "Deletions of what is older than its site keeps it that failed and go on.");
    metrics::Histogram& seconds =
        metrics::histogram("footfall_retention_run_seconds", "Deleting what has become older than its site keeps it.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

}  // namespace

query::Day first_kept_day(query::Day today, int months) {
    const cctz::civil_month month = cctz::civil_month(today) - months;
    const query::Day last = query::Day(month + 1) - 1;
    return std::min(query::Day(month) + (today.day() - 1), last);
}

Report& Report::operator+=(const Report& other) {
    events += other.events;
    rejected += other.rejected;
    segments += other.segments;
    return *this;
}

/// What goes of a site, as the log is read.
struct Retention::Expiring {
    std::int64_t before_ms = 0;
    std::vector<std::uint64_t> retained;      ///< offsets of events that stay, in order
    std::vector<std::uint64_t> session_keys;  ///< of sessions that go, in order
    std::uint64_t first_left = kNone;         ///< offset of the first sample that stays
};

namespace {

/// Makes tombstones of a run's entries.
class Undertaker {
public:
    Undertaker(std::int64_t now_ms, Report& report) : now_ms_(now_ms), report_(report) {}

    template <class Sites>
    std::optional<log::Rewritten> rewrite(const log::StoredEntry& entry, Sites& sites) {
        if (entry.kind == log::EntryKind::kRejected) return rejected(entry, sites);
        if (entry.kind != log::EntryKind::kEvent) return std::nullopt;
        const auto event = records_.read(entry.payload, event::ReadTo::kUserId);
        if (!event) return std::nullopt;
        const auto site = sites.find(event->website_id);
        if (site == sites.end() || event->timestamp >= site->second.before_ms ||
            std::ranges::binary_search(site->second.retained, entry.position.offset))
            return std::nullopt;
        process::ErasedEntry erased{.website_id = site->first, .kind = entry.kind, .is_expired = true};
        if (event->received_at > now_ms_ - kIdNeededMs) {
            erased.event_id = event->event_id;
            erased.received_at = event->received_at;
        }
        erased.began_session =
            std::ranges::binary_search(site->second.session_keys, process::session_key_of(event->event_id));
        return log::Rewritten{.payload = process::write_erased(erased)};
    }

private:
    template <class Sites>
    std::optional<log::Rewritten> rejected(const log::StoredEntry& entry, Sites& sites) {
        const auto sample = process::read_rejected(entry);
        if (!sample) return std::nullopt;
        const auto site = sites.find(sample->website_id.empty() ? sample->key_site_id : sample->website_id);
        if (site == sites.end()) return std::nullopt;
        if (sample->received_at >= site->second.before_ms) {
            site->second.first_left = std::min(site->second.first_left, entry.position.offset);
            return std::nullopt;
        }
        // The log shows an entry again when it writes the segment anew.
        if (entry.position.offset >= counted_to_) ++report_.rejected;
        counted_to_ = std::max(counted_to_, entry.position.offset + 1);
        return log::Rewritten{
            .payload = process::write_erased({.website_id = site->first, .kind = entry.kind, .is_expired = true})};
    }

    const std::int64_t now_ms_;
    Report& report_;
    std::uint64_t counted_to_ = 0;
    event::RecordReader records_;
};

}  // namespace

Retention::Retention(log::DiskLog& log, store::Client& store, catalog::Catalog& catalog, process::Loader& loader,
                     KeptDays& kept_days, std::mutex& changing, Clock& clock, RetentionOptions options)
    : log_(log),
      catalog_(catalog),
      loader_(loader),
      changing_(changing),
      kept_days_(kept_days),
      clock_(clock),
      options_(std::move(options)),
      rows_(store) {
    for (const auto& [id, site] : catalog_.snapshot()->sites)
        if (site.retention.expired_ms < site.retention.expiring_ms)
            problem_ = "a deletion of what is older than its site keeps it is not complete; it goes on in a moment";
}

void Retention::start() {
    counters();
    // What a death cut off is completed soon; what is due can wait until a start's other work is done.
    const std::int64_t first_wait_ms =
        problem().empty() ? options_.interval_ms : std::min(options_.interval_ms, kRetryMs / 5);
    thread_.start("retention", first_wait_ms, [this] {
        const std::int64_t started_ns = clock_.steady_ns();
        const auto done = run();
        if (done && (done->events > 0 || done->rejected > 0))
            counters().seconds.observe_ns(clock_.steady_ns() - started_ns);
        if (!done && done.error().code != Code::kUnavailable) {
            counters().errors.add();
            logging::warn("retention.retry", {{"error", done.error().message}});
        }
        return done ? options_.interval_ms : std::min(options_.interval_ms, kRetryMs);
    });
}

void Retention::stop() { thread_.stop(); }

std::string Retention::problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
}

Result<Report> Retention::run() {
    const std::lock_guard one(one_at_a_time_);
    Report report;
    for (;;) {
        if (!loader_.state().is_caught_up)
            return Error(Code::kUnavailable, "the store is being filled from the event log");
        TRY_STATUS(keep_former());
        TRY(const std::vector<SiteCut> due, find_due());
        if (due.empty()) return report;
        TRY(const Report of_cuts, carry_out(due));
        report += of_cuts;
        if (thread_.is_stopping()) return report;
    }
}

Result<std::vector<Retention::SiteCut>> Retention::find_due() {
    std::vector<SiteCut> due;
    const auto snapshot = catalog_.snapshot();
    for (const auto& [id, site] : snapshot->sites) {
        const auto zone = query::Zone::load(site.timezone);
        if (!zone) continue;
        TRY(std::vector<SiteCut> of_site, due_of(site, *zone));
        due.insert(due.end(), of_site.begin(), of_site.end());
    }
    return due;
}

Result<std::vector<Retention::SiteCut>> Retention::due_of(const catalog::Site& site, const query::Zone& zone) {
    const catalog::Retention& kept = site.retention;
    SiteCut due{.cut = {.site_id = site.id, .before_ms = kept.expiring_ms},
                .zone = zone,
                .is_begun = kept.expired_ms < kept.expiring_ms,
                .looked_to = kept.log_offset};
    const std::uint64_t loaded = loader_.state().loaded.offset;
    if (!due.is_begun) {
        if (kept.months == 0) return std::vector<SiteCut>{};
        const std::int64_t now_ms = clock_.wall_ms();
        due.cut.before_ms = zone.day_start_ms(first_kept_day(zone.day_of(now_ms), kept.months));
        const auto looked = looked_.find(site.id);
        if (due.cut.before_ms <= kept.expired_ms || (looked != looked_.end() && looked->second == due.cut.before_ms))
            return std::vector<SiteCut>{};
        const std::int64_t target_ms = due.cut.before_ms;
        TRY(const ExpiredRows::Oldest oldest, rows_.oldest(due.cut));
        due.events = oldest.events;
        if (due.events > 0) {
            // Of a history that is long by then a month at a time: what is held of it in memory has an end.
            const query::Day first = zone.day_of(std::max(oldest.first_ms, kept.expired_ms));
            due.cut.before_ms = std::min(target_ms, zone.day_start_ms(query::Day(cctz::civil_month(first) + 1)));
        }
    }
    due.is_to_be_kept = kept.kept_ms < due.cut.before_ms && (due.is_begun || due.events > 0);
    const auto nothing = [&] {
        looked_[site.id] = due.cut.before_ms;
        return std::vector<SiteCut>{};
    };
    if (!due.is_begun && due.events == 0 && site.created_ms >= due.cut.before_ms) return nothing();
    TRY(due.look_to, rows_.received_before(due.cut.before_ms, loaded));
    if (!due.is_begun && due.events == 0 && due.look_to <= due.looked_to) return nothing();
    return std::vector<SiteCut>{std::move(due)};
}

Status Retention::mark(const std::vector<SiteCut>& cuts, bool is_done) {
    const auto snapshot = catalog_.snapshot();
    for (const SiteCut& due : cuts) {
        const catalog::Site* site = snapshot->site(due.cut.site_id);
        if (site == nullptr) continue;  // it was removed meanwhile
        catalog::Retention kept = site->retention;
        if (due.events > 0) kept.expiring_ms = std::max(kept.expiring_ms, due.cut.before_ms);
        if (is_done) {
            kept.expired_ms = kept.expiring_ms;
            kept.log_offset = std::max(kept.log_offset, due.looked_to);
        }
        TRY_STATUS(catalog_.set_retained(due.cut.site_id, kept));
    }
    return {};
}

/// What the days came to that were summed up, in the log. From here on their events can go.
Status Retention::keep(const std::vector<SiteCut>& cuts, std::uint64_t doubts) {
    const std::uint64_t begin = log_.end().offset;
    std::map<std::string, catalog::Retention> kept;
    for (const SiteCut& due : cuts) {
        const auto snapshot = catalog_.snapshot();
        const catalog::Site* site = snapshot->site(due.cut.site_id);
        if (!due.is_to_be_kept || site == nullptr) continue;
        catalog::Retention& of_site = kept.emplace(site->id, site->retention).first->second;
        const auto before = of_site.kept.find(due.zone.name());
        const query::Day first =
            before == of_site.kept.end() ? query::Day(1970, 1, 1) : due.zone.day_of(before->second.before_ms);
        TRY(const std::vector<query::Day> days,
            kept_days_.days_of(site->id, due.zone.name(), first, due.zone.day_of(due.cut.before_ms)));
        TRY_STATUS(kept_days_.keep(site->id, due.zone.name(), days));
        catalog::Retention::Calendar& calendar = of_site.kept[due.zone.name()];
        calendar.days += days.size();
        calendar.before_ms = due.cut.before_ms;
        of_site.kept_ms = due.cut.before_ms;
    }
    // Another store has nothing of what was summed up.
    if (const process::LoaderState state = loader_.state(); state.doubts != doubts || !state.is_caught_up)
        return Error(Code::kUnavailable, "the store was started again meanwhile");
    const std::uint64_t end = log_.end().offset;
    if (end > begin) TRY_STATUS(catalog_.add_kept_range({.begin = begin, .end = end}));
    (void)failpoint("retention.kept");
    for (const auto& [site_id, of_site] : kept) TRY_STATUS(catalog_.set_retained(site_id, of_site));
    return {};
}

/// Days whose events have expired already, by a release that kept them in the store alone.
Status Retention::keep_former() {
    std::vector<SiteCut> former;
    const auto snapshot = catalog_.snapshot();
    for (const auto& [id, site] : snapshot->sites) {
        const catalog::Retention& kept = site.retention;
        if (kept.expired_ms == 0 || kept.expired_ms < kept.expiring_ms || kept.kept_ms >= kept.expired_ms) continue;
        const auto zone = query::Zone::load(site.timezone);
        if (zone)
            former.push_back(
                {.cut = {.site_id = id, .before_ms = kept.expired_ms}, .zone = *zone, .is_to_be_kept = true});
    }
    if (former.empty()) return {};
    const std::uint64_t doubts = loader_.state().doubts;
    const std::lock_guard nothing_else_changes(changing_);
    if (std::string why = options_.why_not ? options_.why_not() : ""; !why.empty())
        return Error(Code::kUnavailable, std::move(why));
    return keep(former, doubts);
}

Result<Report> Retention::carry_out(const std::vector<SiteCut>& cuts) {
    const std::uint64_t doubts = loader_.state().doubts;
    for (const SiteCut& due : cuts) {
        const auto snapshot = catalog_.snapshot();
        const catalog::Site* site = snapshot->site(due.cut.site_id);
        const bool is_as_it_stands = site != nullptr && site->retention.kept_ms == catalog::Retention::kKeptAsTheyStand;
        if (due.is_to_be_kept && !is_as_it_stands && options_.sum_up)
            TRY_STATUS(options_.sum_up(due.cut.site_id, due.zone, due.cut.before_ms));
    }
    const std::lock_guard nothing_else_changes(changing_);
    if (std::string why = options_.why_not ? options_.why_not() : ""; !why.empty())
        return Error(Code::kUnavailable, std::move(why));
    // From here on none of these is taken any more.
    TRY_STATUS(mark(cuts, false));
    (void)failpoint("retention.before_keeping");
    TRY_STATUS(keep(cuts, doubts));
    for (const SiteCut& due : cuts)
        if ((due.events > 0 || due.is_begun) && options_.expiring)
            options_.expiring(due.cut.site_id, due.cut.before_ms);
    (void)failpoint("retention.marked");
    const auto changed = [&]() -> Result<Report> {
        for (int attempt = 0;; ++attempt) {
            const std::uint64_t end = log_.end().offset;
            TRY_STATUS(loader_.wait_loaded({.partition = 0, .offset = end}, kLoadedWaitMs));
            BySite expiring;
            TRY(Report report, rewrite(cuts, expiring, end));
            (void)failpoint("retention.rewritten");
            TRY(const process::TablesHeld held, loader_.hold(options_.hold_timeout_ms));
            bool is_all_rewritten = true;
            for (const SiteCut& due : cuts) {
                TRY(const ExpiredRows::Range range, rows_.range(due.cut, end));
                is_all_rewritten = is_all_rewritten && range.beyond == 0;
            }
            if (is_all_rewritten) {
                for (const SiteCut& due : cuts) TRY_STATUS(rows_.remove(due.cut, expiring[due.cut.site_id].retained));
                (void)failpoint("retention.removed");
                TRY_STATUS(loader_.forget(kForgetTimeoutMs));
                if (held.is_intact()) {
                    std::vector<SiteCut> done = cuts;
                    for (SiteCut& due : done)
                        due.looked_to = std::min(due.look_to, expiring[due.cut.site_id].first_left);
                    TRY_STATUS(mark(done, true));
                    return report;
                }
            }
            if (attempt + 1 == kTriesMax)
                return Error(Code::kUnavailable,
                             "events kept coming that are older than their site keeps them, or the store was started "
                             "again and again; the deletion goes on by itself");
        }
    };
    Result<Report> report = changed();
    {
        const std::lock_guard lock(mutex_);
        problem_ =
            report ? std::string()
                   : "a deletion of what is older than its site keeps it is not complete: " + report.error().message;
    }
    if (!report) return report;
    for (const SiteCut& due : cuts)
        if (due.events == 0) looked_[due.cut.site_id] = due.cut.before_ms;
    counters().events.add(report->events);
    for (const SiteCut& due : cuts)
        logging::info("retention.done", {{"site", due.cut.site_id},
                                         {"before", query::day_text(due.zone.day_of(due.cut.before_ms))},
                                         {"events", due.events}});
    return report;
}

Result<Report> Retention::rewrite(const std::vector<SiteCut>& cuts, BySite& expiring, std::uint64_t end) {
    Report report;
    std::vector<std::string> sites;
    log::ErasureRange range{.begin = kNone, .end = 0};
    for (const SiteCut& due : cuts) {
        Expiring& of_site = expiring[due.cut.site_id];
        of_site.before_ms = due.cut.before_ms;
        sites.push_back(due.cut.site_id);
        TRY(const ExpiredRows::Range rows, rows_.range(due.cut, end));
        if (rows.events > 0) {
            TRY(of_site.retained, rows_.retained(due.cut));
            TRY(of_site.session_keys, rows_.session_keys(due.cut));
            report.events += rows.events - std::min<std::uint64_t>(rows.events, of_site.retained.size());
            range.begin = std::min(range.begin, rows.begin);
            range.end = std::max(range.end, rows.end);
        }
        if (due.looked_to < due.look_to) {
            range.begin = std::min(range.begin, due.looked_to);
            range.end = std::max(range.end, due.look_to);
        }
    }
    if (range.begin >= range.end) return report;
    Undertaker undertaker(clock_.wall_ms(), report);
    const log::Rewriting to_tombstones = [&](const log::StoredEntry& entry) -> Result<std::optional<log::Rewritten>> {
        if (thread_.is_stopping())
            return Error(Code::kUnavailable, "the server is ending; the next start goes on with it");
        return undertaker.rewrite(entry, expiring);
    };
    TRY(const log::Erased erased, log_.rewrite(range, to_tombstones, log::ErasurePace::kBesideOthers));
    report.segments = erased.segments;
    (void)failpoint("retention.before_archive");
    // After the log: what is archived from now on has none of it.
    if (options_.rewrite_archive) TRY_STATUS(options_.rewrite_archive(range, sites, to_tombstones));
    return report;
}

}  // namespace footfall::retention
