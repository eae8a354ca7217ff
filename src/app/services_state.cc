#include "app/services_state.h"

#include <algorithm>

#include "app/descriptors.h"
#include "base/machine.h"

namespace footfall::app {
namespace {

constexpr int kLockWaitMs = 5'000;
constexpr std::int64_t kSaltEveryMs = 60'000;
constexpr std::int64_t kStoreMendEveryNs = 5'000'000'000;
constexpr std::int64_t kCertificateEveryNs = 5'000'000'000;
// What a start has to read again of the log for the visitor ids: as much as for the index of event ids.
constexpr std::uint64_t kIdentityEveryEntries = 64 << 10;
constexpr std::int64_t kIdentityEveryMs = 10 * 60'000;
constexpr std::int64_t kSaltAheadMs = 10 * 60'000;

/// What `store.memory_max` leaves open: the rest of the machine is the page cache's, from which the store reads.
std::uint64_t memory_of_store(const Settings& settings) {
    constexpr std::uint64_t kLeast = 600'000'000;
    constexpr std::uint64_t kMost = 4'000'000'000;
    if (settings.store_memory_max > 0) return static_cast<std::uint64_t>(settings.store_memory_max);
    return std::clamp(memory_bytes() / 8, kLeast, kMost);
}

}  // namespace

Status Services::State::open(Options options) {
    raise_descriptor_limit();
    started_ms = clock.wall_ms();
    data_dir = absolute_path(settings.data_dir);
    if (data_dir.size() > 1 && data_dir.back() == '/') data_dir.pop_back();
    TRY_STATUS(check_data_dir(data_dir));
    const std::string lock_path = data_dir + "/lock";
    // Ports that are in use end this before anything is made. In a folder that was used before it may be that of the
    // process which is just ending there: it goes with the lock. A socket in the file system needs the lock first,
    // since binding replaces the one that is there.
    if (options.listens && !settings.http_listen.starts_with("unix:")) {
        if (const Status bound = front.bind_ports(); !bound && !path_exists(lock_path)) return bound.error();
    }
    TRY(LockFile taken, take_data_dir(data_dir, kLockWaitMs));
    lock = std::move(taken);
    if (options.listens) TRY_STATUS(front.bind_ports());
    if (options.listens) TRY_STATUS(front.open_tls());
    TRY(library, find_library(settings.store_library));

    const std::uint64_t store_memory = memory_of_store(settings);
    // The store's process starts first: it opens while the rest is read.
    const std::string store_directory = data_dir + "/store";
    const std::string address = "unix:" + data_dir + "/store.sock";
    store = std::make_unique<store::Client>(store::Endpoint{.address = address});
    rebuild_store = std::make_unique<store::Client>(
        store::Endpoint{.address = address, .user = {}, .password = {}, .database = process::Rebuild::kDatabase});
    store::embedded::SupervisorOptions supervised;
    supervised.store.data_dir = store_directory;
    supervised.store.address = address;
    supervised.store.library = library;
    supervised.store.memory_max = store_memory;
    supervised.store.threads = static_cast<unsigned>(settings.store_threads);
    supervised.store.log_level = settings.logging_level;
    supervised.store.log_format = settings.logging_format;
    supervised.prepare = [this](store::Client& client) { return prepare_store(client); };
    supervised.clock = &clock;
    supervisor = std::make_unique<store::embedded::Supervisor>(std::move(supervised));
    // Before the catalog: on a full disk the log gives its reserve back, which SQLite needs to open.
    TRY_STATUS(open_log_and_index());
    TRY(catalog, catalog::Catalog::open(data_dir + "/catalog.db", clock,
                                        {.idle_ms = settings.session_idle_hours * 3'600'000,
                                         .absolute_ms = settings.session_absolute_hours * 3'600'000}));
    TRY(archiving, Archiving::make(settings, data_dir, *log, clock, changing, [this] {
            return std::min({loader->state().loaded.offset, dedup->replay_from(), identity_saved.load()});
        }));
    log::EventLog& history = archiving->history();
    const std::string checkpoint_path = data_dir + "/loader.checkpoint";
    if (const auto& restored = log->restored(); !restored.empty()) {
        // In this order: after a death in between it is done again.
        TRY_STATUS(
            process::FileProgress::set_back(checkpoint_path, {.partition = 0, .offset = restored.front().first}));
        // An archive that can't be told is told by a later start.
        if (archiving->forget(restored)) TRY_STATUS(log->forget_damage(restored));
        logging::info("log.restored", {{"ranges", restored.size()}, {"loaded_again_from", restored.front().first}});
    }
    query = std::make_unique<query::Service>(
        *store, clock,
        query::Service::Options{.timeout_ms = static_cast<int>(settings.query_timeout_ms),
                                .all_cores_memory_max = store_memory / 3,
                                .memory_max = static_cast<std::uint64_t>(settings.query_memory_max),
                                .rolled_days = &rolled,
                                .sketch_above_events = static_cast<std::uint64_t>(settings.query_sketch_above_events),
                                .sample_above_rows = static_cast<std::uint64_t>(settings.query_sample_above_rows),
                                .cache_bytes_max = static_cast<std::uint64_t>(settings.query_cache_bytes_max),
                                .data_state = [this] { return data_state(); }});
    loader = std::make_unique<process::Loader>(
        history, *store, clock,
        process::LoaderOptions{.checkpoint_path = checkpoint_path,
                               .undo_path = data_dir + "/loader.undo",
                               .interval_ms = settings.loader_interval_ms,
                               .rows_max = static_cast<std::size_t>(settings.loader_batch_rows_max),
                               .touched = [this](const auto& hours, std::uint64_t end) {
                                   rolled.touch(hours, end);
                                   query->cache().touch(hours.by_site(), end);
                               }});
    TRY_STATUS(make_changers());
    supervisor->start();

    TRY(taking, Taking::open(settings));
    identity = std::make_unique<enrich::Identity>([this](std::int64_t day) { return catalog->salt(day); });
    TRY_STATUS(identity->prepare(clock.wall_ms()));
    TRY_STATUS(replay_log_tail());

    committer = std::make_unique<ingest::Committer>(
        *log, dedup.get(), clock,
        ingest::CommitterOptions{.queue_bytes_max = static_cast<std::size_t>(settings.ingest_queue_bytes_max)},
        [fatal = std::move(options.fatal)](const Error& error) {
            if (fatal) fatal(error);
        });
    archiving->start();
    erasing->start();
    rescoring->start();
    identity_saved_ms = clock.wall_ms();
    housekeeping = std::thread([this] { run_housekeeping(); });
    return {};
}

/// What changes that which is stored already, and completes what a death cut off.
Status Services::State::make_changers() {
    const auto why_tables_change = [this] {
        const std::string why = erasing->problem() + rescoring->problem();
        return why.empty() ? why_not_answering() : why;
    };
    rollups = std::make_unique<rollup::Maker>(
        *store, *catalog, *loader, rolled, changing, clock,
        rollup::MakerOptions{.interval_ms = settings.rollup_interval_ms,
                             .remake_after_ms = settings.rollup_remake_after_ms,
                             .day_events_min = static_cast<std::uint64_t>(settings.rollup_day_events_min),
                             .sketch_day_events_min = static_cast<std::uint64_t>(settings.rollup_sketch_day_events_min),
                             .row_events_min = static_cast<std::uint64_t>(settings.rollup_row_events_min),
                             .put_back = [this] { return put_days_back(); }},
        why_tables_change);
    daily = std::make_unique<batch::Daily>(*store, *catalog, *loader, changing, clock,
                                           batch::DailyOptions{.interval_ms = settings.daily_interval_ms},
                                           why_tables_change);
    rebuilding = std::make_unique<Rebuilding>(
        archiving->history(), *store, *rebuild_store, *loader, changing, clock,
        Rebuilding::Options{.room = [this]() -> Result<std::uint64_t> {
                                TRY(const DiskSpace space, disk_space(data_dir));
                                const std::uint64_t stays = space.bytes / 32;
                                return space.bytes_free > stays ? space.bytes_free - stays : 0;
                            },
                            .why_not =
                                [this, why_tables_change] {
                                    const std::string why = retention->problem();
                                    return why.empty() ? why_tables_change() : why;
                                },
                            .forget_derived = [this] { return forget_all_derived(); },
                            .exchanged = [this] { rebuild_live(); }});
    const process::archive::RewriteArchive rewrite_archive = [this](const auto& range, auto sites, const auto& how) {
        return archiving->rewrite(range, sites, how);
    };
    erasing = std::make_unique<EmbeddedErasing>(
        *log, *store, *loader, clock,
        erase::EraserOptions{
            .data_dir = data_dir, .history = &archiving->history(), .rewrite_archive = rewrite_archive},
        changing, [this](const erase::Subject& subject) { forget(subject); },
        [this](const erase::Subject& subject) {
            return forget_rollups(subject.website_id, subject.is_whole_site ? rollup::Forget::kEverything
                                                                            : rollup::Forget::kWhatCanBeMadeAgain);
        },
        [this] { return rescoring->complete(); });
    rescoring = std::make_unique<Rescoring>(
        *log, *store, *loader, clock,
        rescore::RescorerOptions{
            .data_dir = data_dir, .history = &archiving->history(), .rewrite_archive = rewrite_archive},
        changing,
        [this]() -> rescore::Judge {
            const auto judge = std::make_shared<enrich::Rescorer>(taking->tables());
            return [judge](const event::Event& stored) { return judge->verdict(stored); };
        },
        [this] { rebuild_live(); },
        [this](const std::string& site_id) { return forget_rollups(site_id, rollup::Forget::kWhatCanBeMadeAgain); },
        [this] { return erasing->complete(); });
    make_retention(rewrite_archive);
    TRY_STATUS(erasing->hold_loader());
    return rescoring->hold_loader();
}

/// Before rows are changed otherwise than by the loader.
Status Services::State::forget_rollups(const std::string& site_id, rollup::Forget what) {
    rebuilding->tables_changed();
    return forget_derived(site_id, what);
}

/// Of all sites; what of their days can be made again.
Status Services::State::forget_all_derived() {
    const auto snapshot = catalog->snapshot();
    const bool has_expired = std::any_of(snapshot->sites.begin(), snapshot->sites.end(),
                                         [](const auto& site) { return site.second.retention.expiring_ms > 0; });
    if (!has_expired) return forget_derived("", rollup::Forget::kWhatCanBeMadeAgain);
    for (const auto& [id, site] : snapshot->sites) TRY_STATUS(forget_derived(id, rollup::Forget::kWhatCanBeMadeAgain));
    return {};
}

/// Days whose events have expired are kept, unless everything is to go.
Status Services::State::forget_derived(const std::string& site_id, rollup::Forget what) {
    TRY_STATUS(rollups->forget(site_id, what));
    query::Day from(1970, 1, 1);
    const auto snapshot = catalog->snapshot();
    const catalog::Site* site = snapshot->site(site_id);
    if (what == rollup::Forget::kEverything && site != nullptr && !site->retention.kept.empty()) {
        catalog::Retention nothing_kept = site->retention;
        nothing_kept.kept.clear();
        TRY_STATUS(catalog->set_retained(site_id, nothing_kept));
    }
    if (what == rollup::Forget::kWhatCanBeMadeAgain && site != nullptr && site->retention.expiring_ms > 0) {
        TRY(const query::Zone zone, query::Zone::load(site->timezone));
        from = zone.first_day_from(site->retention.expiring_ms);
    }
    return daily->forget(site_id, from);
}

/// Kept days that the store does not have: it is another one, or a part of it was lost. Whether there were any.
Result<bool> Services::State::put_days_back() {
    auto wanted = retention::KeptDays::wanted_of(*catalog->snapshot(), [this](const std::string& site_id) {
        std::set<query::Day> there;
        for (const rollup::MadeDay& made : rolled.fresh(site_id)) there.insert(made.day);
        return there;
    });
    if (!wanted) return wanted.error();
    if (wanted->empty()) return false;
    std::uint64_t missing = 0;
    for (const auto& [site_id, of_site] : *wanted) missing += of_site.missing;
    const std::lock_guard nothing_else_changes(changing);
    if (std::string why = erasing->problem() + rescoring->problem(); !why.empty())
        return Error(Code::kUnavailable, std::move(why));
    TRY(const auto ranges, catalog->kept_ranges());
    TRY(const std::uint64_t put_back, kept_days->put_back(std::move(*wanted), ranges));
    if (put_back < missing)
        logging::error("retention.days_missing", {{"days", missing - std::min(missing, put_back)},
                                                  {"error", "the log and its archive have them no more"}});
    if (put_back > 0) logging::info("retention.days_put_back", {{"days", put_back}});
    return put_back > 0;
}

/// By site, how many of the kept days nothing tells at present.
std::map<std::string, std::uint64_t> Services::State::days_missing() const {
    std::map<std::string, std::uint64_t> missing;
    const auto snapshot = catalog->snapshot();
    for (const auto& [id, site] : snapshot->sites) {
        const std::uint64_t there = rolled.expired_days(query::site_info(*snapshot, site));
        if (const std::uint64_t kept = site.retention.kept_days(); there < kept) missing.emplace(id, kept - there);
    }
    return missing;
}

/// To the log, behind what waits there. Durable on return.
Status Services::State::append_kept_days(std::vector<std::string> entries) const {
    if (!committer) return Error(Code::kUnavailable, "the server is starting");
    auto submission = std::make_unique<ingest::Submission>();
    submission->kept_days = std::move(entries);
    submission->receive_ms = clock.wall_ms();
    std::promise<Status> done;
    submission->finished = [&done](const Result<std::uint64_t>& committed) {
        done.set_value(committed ? Status() : Status(committed.error()));
    };
    if (!committer->submit(std::move(submission)))
        return Error(Code::kUnavailable, "the event log takes nothing at the moment");
    return done.get_future().get();
}

void Services::State::make_retention(process::archive::RewriteArchive rewrite_archive) {
    for (const auto& [id, site] : catalog->snapshot()->sites)
        if (const std::int64_t before_ms = site.retention.cannot_be_made_before_ms(); before_ms > 0)
            rolled.expire(id, before_ms);
    kept_days = std::make_unique<retention::KeptDays>(
        *store, archiving->history(),
        [this](std::vector<std::string> entries) { return append_kept_days(std::move(entries)); });
    retention = std::make_unique<retention::Retention>(
        *log, *store, *catalog, *loader, *kept_days, changing, clock,
        retention::RetentionOptions{
            .interval_ms = settings.retention_interval_ms,
            .rewrite_archive = std::move(rewrite_archive),
            .sum_up = [this](const std::string& site_id, const query::Zone& zone, std::int64_t before_ms) -> Status {
                TRY_STATUS(rollups->complete(site_id, zone, before_ms));
                if (settings.daily_interval_ms == 0) return {};
                TRY([[maybe_unused]] const std::uint64_t made, daily->run());
                return {};
            },
            .expiring =
                [this](const std::string& site_id, std::int64_t before_ms) {
                    rebuilding->tables_changed();
                    rolled.expire(site_id, before_ms);
                },
            .why_not = [this] { return erasing->problem() + rescoring->problem() + why_not_answering(); }});
}

Status Services::State::open_log_and_index() {
    TRY(log, log::DiskLog::open(log_options(settings, data_dir), clock));
    TRY(dedup, ingest::Dedup::open({.directory = data_dir + "/dedup",
                                    .memory_max = static_cast<std::uint64_t>(settings.dedup_memory_max)},
                                   clock));
    return {};
}

/// What the index and the visitor ids must know of the log's last events.
Status Services::State::replay_log_tail() {
    const log::Position end = log->end();
    identity_saved = dedup->replay_from();
    if (const auto saved = identity->load(data_dir + "/identity"); saved && *saved <= end.offset)
        identity_saved = *saved;
    else if (saved || saved.error().code != Code::kNotFound)
        // It may cost some visitors of today a second id; no event.
        logging::warn("identity.not_loaded",
                      {{"error", saved ? "it knows of events that the log does not have" : saved.error().message}});
    const log::Position from{0, std::max(std::min(dedup->replay_from(), identity_saved.load()), log->begin().offset)};
    if (from.offset > end.offset)
        return Error(Code::kCorrupt, fmt::format("the index of event ids knows of offset {} but the log ends at {}: "
                                                 "the log folder was replaced or cut; put it back, "
                                                 "or remove the dedup folder and accept that events of the last 7 days "
                                                 "may be counted twice if sent again",
                                                 from.offset, end.offset));
    if (from.offset == end.offset) return {};
    const std::int64_t started = clock.steady_ns();
    TRY(const std::unique_ptr<log::LogReader> reader, log->reader(from));
    event::RecordReader records;
    std::vector<log::StoredEntry> entries;
    std::uint64_t events = 0;
    while (reader->position() < end) {
        entries.clear();
        const log::Position before = reader->position();
        if (const Status status = reader->read(entries, 10'000, 16u << 20); !status && reader->position() == before)
            return status;
        for (const log::StoredEntry& entry : entries) {
            if (entry.kind == log::EntryKind::kErased) {
                TRY(const process::ErasedEntry erased, process::read_erased(entry.payload));
                if (erased.kind == log::EntryKind::kEvent && !erased.event_id.is_nil())
                    TRY_STATUS(
                        dedup->restore(erased.website_id, erased.event_id, erased.received_at, entry.position.offset));
            }
            if (entry.kind != log::EntryKind::kEvent) continue;
            TRY(const event::Event event, records.read(entry.payload, event::ReadTo::kUserId));
            TRY_STATUS(dedup->restore(event.website_id, event.event_id, event.received_at, entry.position.offset));
            if (entry.position.offset < identity_saved) continue;
            if (event.event_type == "pageview" || event.event_type == "event")
                identity->remember_seen(event.visitor_id, event.received_at);
            if (event.event_type == "identify" && !event.user_id.empty())
                identity->remember_alias(event.website_id, event.visitor_id, event.user_id, event.received_at);
            ++events;
        }
    }
    logging::info("dedup.replayed", {{"events", events}, {"ms", (clock.steady_ns() - started) / 1'000'000}});
    return {};
}

void Services::State::save_identity() {
    const std::lock_guard guard(identity_mutex);
    const std::uint64_t end = log->end().offset;
    identity_saved_ms = clock.wall_ms();
    if (const Status saved = identity->save(data_dir + "/identity", end); saved) identity_saved = end;
    else logging::warn("identity.not_saved", {{"error", saved.error().message}});
}

/// What else knows of somebody who was erased.
void Services::State::forget(const erase::Subject& subject) {
    identity->forget(subject.visitor_ids);
    save_identity();
    query->cache().clear();
    rebuild_live();
}

/// What kept answers are held against.
query::DataState Services::State::data_state() const {
    const process::LoaderState state = loader->state();
    return {.loaded = state.loaded.offset,
            .changes = state.doubts + state.holds,
            .is_steady = state.is_caught_up && !state.is_held};
}

/// The log says something else of the last half hour.
void Services::State::rebuild_live() {
    const std::lock_guard guard(live_mutex);
    if (live) live->log_was_rewritten();
}

Status Services::State::prepare_store(store::Client& client) {
    TRY_STATUS(store::migrate(client));
    TRY_STATUS(process::Rebuild::clear(client));
    rollups->store_restarted();
    std::call_once(loader_started, [this] { loader->start(); });
    loader->store_restarted();
    return {};
}

/// Why a question can't be answered now, empty where it can. A store that is just being filled would answer, and wrong.
/// Where it can't be filled, as on a full disk, what it has is better than nothing; /readyz names the reason, and each
/// answer the moment up to which it is complete.
std::string Services::State::why_not_answering() const {
    const store::embedded::SupervisorState child = supervisor->state();
    if (!child.problem.empty()) return child.problem;
    if (std::string why = rescoring->why_not_answering(); !why.empty()) return why;
    const process::LoaderState state = loader->state();
    if (state.is_caught_up || !state.problem.empty() || log->refusing()) return {};
    return fmt::format("the store is being filled from the event log, up to entry {} of {}; ask again in a moment",
                       state.loaded.offset, log->end().offset);
}

/// On a disk that others fill to its last byte the engine takes a write that failed for done now and then, and serves
/// the damaged part from then on. A start sets such a part aside, goes back to those that it was merged of, and where
/// rows are missing the loader compares everything with the log. Damage of another kind a start would not mend.
void Services::State::tend_store() {
    const store::Client::Troubles troubles = store->troubles();
    if (troubles.out_of_space > store_troubles.out_of_space || log->refusing()) disk_was_full = true;
    const bool is_damaged = troubles.damaged > store_troubles.damaged;
    store_troubles = troubles;
    if (!is_damaged || !disk_was_full || clock.steady_ns() - store_mended_ns < kStoreMendEveryNs) return;
    // A store that is started needs some room, and without it would not open: until then it answers what it can.
    if (const auto space = disk_space(data_dir); !space || space->bytes_free < space->bytes / 32) return;
    disk_was_full = false;
    store_mended_ns = clock.steady_ns();
    supervisor->restart("it has damaged data since the disk was full");
}

/// What has to happen now and then, off the event loops: the next day's salt is there before midnight, gauges are
/// current, and a renewed certificate is taken.
void Services::State::run_housekeeping() {
    name_thread("housekeeping");
    auto& lag = metrics::gauge("footfall_loader_lag_seconds",
                               "Age of the oldest moment whose events may not be in the store yet.");
    auto& end = metrics::gauge("footfall_log_end_offset", "Offset behind the last entry of the log.");
    auto& disk_free = metrics::gauge("footfall_disk_free_bytes", "What is free of the data folder's disk.");
    auto& ready = metrics::gauge("footfall_store_ready", "1 while the store answers.");
    std::int64_t salt_at_ms = 0;
    std::int64_t certificate_at_ns = 0;
    std::unique_lock guard(housekeeping_mutex);
    while (!stopping) {
        guard.unlock();
        const std::int64_t now = clock.wall_ms();
        if (now >= salt_at_ms) {
            salt_at_ms = now + kSaltEveryMs;
            if (const Status status = identity->prepare(now + kSaltAheadMs); !status)
                logging::warn("identity.salt", {{"error", status.error().message}});
        }
        taking->tend(now);
        if (clock.steady_ns() >= certificate_at_ns) {
            certificate_at_ns = clock.steady_ns() + kCertificateEveryNs;
            front.refresh_certificate(http::TlsContext::Reread::kIfChanged);
        }
        log->tend_reserve();
        tend_store();
        if (log->end().offset - identity_saved >= kIdentityEveryEntries || now - identity_saved_ms >= kIdentityEveryMs)
            save_identity();
        if (const Status status = catalog->accounts().save_use(); !status)
            logging::warn("account.use_not_saved", {{"error", status.error().message}});
        const process::LoaderState state = loader->state();
        lag.set(state.as_of_ms == 0 ? 0 : static_cast<double>(std::max<std::int64_t>(0, now - state.as_of_ms)) / 1000);
        end.set(static_cast<double>(log->end().offset));
        ready.set(supervisor->state().ready ? 1 : 0);
        if (const auto space = disk_space(data_dir)) disk_free.set(static_cast<double>(space->bytes_free));
        guard.lock();
        housekeeping_wake.wait_for(guard, std::chrono::seconds(1), [this] { return stopping; });
    }
}

}  // namespace footfall::app
