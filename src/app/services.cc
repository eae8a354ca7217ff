#include "app/services.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <limits>
#include <thread>

#include <fmt/format.h>

#include "api/account_routes.h"
#include "api/gate.h"
#include "api/goal_routes.h"
#include "api/live_routes.h"
#include "api/query_endpoint.h"
#include "api/rejected_routes.h"
#include "api/routes.h"
#include "app/archiving.h"
#include "app/backup_commands.h"
#include "app/data_format.h"
#include "app/descriptors.h"
#include "app/erasing.h"
#include "app/https.h"
#include "app/machine.h"
#include "app/replay_samples.h"
#include "app/rescoring.h"
#include "app/status_json.h"
#include "app/store_parts.h"
#include "app/version.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "demo/hit.h"
#include "enrich/enrich.h"
#include "enrich/tables_watch.h"
#include "http/router.h"
#include "ingest/committer.h"
#include "ingest/dedup.h"
#include "ingest/ingest.h"
#include "ingest/replay.h"
#include "process/erased.h"
#include "process/process.h"
#include "query/query.h"
#include "rollup/audit.h"
#include "rollup/registry.h"
#include "rollup/rollup.h"
#include "store/embedded/supervisor.h"
#include "store/store.h"

namespace footfall::app {
namespace {

constexpr std::string_view kEventsPath = "/api/v1/events";
constexpr std::string_view kPixelPath = "/api/v1/pixel.gif";
constexpr std::string_view kDemoUser = "demo@demo.example";
constexpr std::string_view kDemoTimezone = "Europe/Berlin";
constexpr int kLockWaitMs = 5'000;
constexpr int kAuditWaitMs = 60'000;
constexpr std::int64_t kSaltEveryMs = 60'000;
constexpr std::int64_t kStoreMendEveryNs = 5'000'000'000;
constexpr std::int64_t kCertificateEveryNs = 5'000'000'000;
// What a start has to read again of the log for the visitor ids: as much as for the index of event ids.
constexpr std::uint64_t kIdentityEveryEntries = 64 << 10;
constexpr std::int64_t kIdentityEveryMs = 10 * 60'000;
constexpr std::int64_t kSaltAheadMs = 10 * 60'000;
/// A file of enrichment is loaded when it is the same at two looks.
constexpr std::int64_t kListsEveryMs = 5'000;

/// The address with the port that it got; 0: as it is.
std::string with_port(const std::string& address, std::uint16_t port) {
    return port == 0 ? address : address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

/// Addresses of IPv6 count by their /64, which is what one subscriber gets.
api::Client client_of(const http::Request& request, std::span<const ingest::Network> trusted) {
    const event::kind::ip ip = ingest::client_address(request, trusted);
    const bool is_v4 = std::all_of(ip.begin(), ip.begin() + 10, [](unsigned char byte) { return byte == 0; });
    return {.address = to_hex({reinterpret_cast<const char*>(ip.data()), is_v4 ? ip.size() : ip.size() / 2}),
            .scheme = ingest::is_https(request, trusted) ? api::Scheme::kHttps : api::Scheme::kHttp};
}

}  // namespace

struct Services::State {
    explicit State(const Settings& s) : settings(s) {}

    Status open(Options options);
    Status make_changers();
    Status bind_ports();
    Status open_log_and_index();
    Status replay_log_tail();
    void save_identity();
    void forget(const erase::Subject& subject);
    void rebuild_live();
    Status prepare_store(store::Client& client);
    std::string why_not_answering() const;
    Result<std::string> rejected_json(const api::RejectedQuestion& question) const;
    void run_housekeeping();
    void tend_store();
    void tend_lists(enrich::TablesWatch::When when);
    std::shared_ptr<const enrich::Tables> tables_in_use() const;

    const Settings settings;
    Clock& clock = system_clock();
    std::string data_dir;
    std::int64_t started_ms = 0;
    std::optional<http::Listener> listener;      ///< until listen()
    std::optional<http::Listener> tls_listener;  ///< likewise
    std::shared_ptr<http::TlsContext> tls;       ///< none without TLS
    std::optional<LockFile> lock;
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<log::DiskLog> log;
    std::unique_ptr<ingest::Dedup> dedup;
    mutable std::mutex tables_mutex;
    std::shared_ptr<const enrich::Tables> tables;  ///< under its mutex from the start of housekeeping on
    std::unique_ptr<enrich::TablesWatch> tables_watch;
    std::atomic<bool> is_reload_wanted{false};
    std::unique_ptr<enrich::Identity> identity;
    std::string library;
    std::unique_ptr<store::Client> store;
    std::unique_ptr<store::embedded::Supervisor> supervisor;
    rollup::Registry rolled;               ///< told by the loader
    std::mutex changing;                   ///< of what is stored already: erasures and re-scorings, one at a time
    std::unique_ptr<Archiving> archiving;  ///< its history is what the loader reads
    std::unique_ptr<process::Loader> loader;
    std::once_flag loader_started;
    std::unique_ptr<Erasing> erasing;
    std::unique_ptr<Rescoring> rescoring;
    std::unique_ptr<rollup::Maker> rollups;
    std::unique_ptr<ingest::Committer> committer;
    std::unique_ptr<ingest::Endpoint> endpoint;
    std::unique_ptr<query::Service> query;
    std::unique_ptr<api::Gate> gate;
    std::unique_ptr<api::QueryEndpoint> query_endpoint;
    std::unique_ptr<api::AccountRoutes> account_routes;
    std::unique_ptr<api::GoalRoutes> goal_routes;
    std::unique_ptr<api::RejectedRoutes> rejected_routes;
    std::mutex live_mutex;  ///< while it is made or ended
    std::unique_ptr<process::LiveProcessor> live;
    std::unique_ptr<api::LiveRoutes> live_routes;
    http::Router router;
    std::unique_ptr<WorkerPool> query_pool;
    std::unique_ptr<WorkerPool> hashing_pool;  ///< gives way to ingestion
    std::unique_ptr<WorkerPool> writing_pool;  ///< changes of the catalog by the API
    std::unique_ptr<http::Server> server;
    std::atomic<std::uint16_t> port{0};  ///< that the server got; commands ask from their own thread
    std::uint16_t tls_port = 0;

    /// Offset of the log up to which the saved visitor ids are complete.
    std::mutex identity_mutex;  ///< of its file
    std::atomic<std::uint64_t> identity_saved = 0;
    std::atomic<std::int64_t> identity_saved_ms = 0;

    // Of the housekeeping alone.
    store::Client::Troubles store_troubles;
    bool disk_was_full = false;  ///< since the store was started
    std::int64_t store_mended_ns = std::numeric_limits<std::int64_t>::min() / 2;

    std::thread housekeeping;
    std::mutex housekeeping_mutex;
    std::condition_variable housekeeping_wake;
    bool stopping = false;
    bool stopped = false;
};

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
        if (const Status bound = bind_ports(); !bound && !path_exists(lock_path)) return bound.error();
    }
    TRY(LockFile taken, take_data_dir(data_dir, kLockWaitMs));
    lock = std::move(taken);
    if (options.listens) TRY_STATUS(bind_ports());
    if (const auto files = tls_files(settings); files && options.listens) {
        TRY(tls, http::TlsContext::open(*files, clock));
    }
    TRY(library, find_library(settings.store_library));

    // The store's process starts first: it opens while the rest is read.
    const std::string store_directory = data_dir + "/store";
    const std::string address = "unix:" + data_dir + "/store.sock";
    store = std::make_unique<store::Client>(store::Endpoint{.address = address});
    store::embedded::SupervisorOptions supervised;
    supervised.store.data_dir = store_directory;
    supervised.store.address = address;
    supervised.store.library = library;
    supervised.store.memory_max = static_cast<std::uint64_t>(settings.store_memory_max);
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
    archiving = std::make_unique<Archiving>(settings, data_dir, *log, clock, changing, [this] {
        return std::min({loader->state().loaded.offset, dedup->replay_from(), identity_saved.load()});
    });
    log::EventLog& history = archiving->history();
    const std::string checkpoint_path = data_dir + "/loader.checkpoint";
    if (const auto& restored = log->restored(); !restored.empty()) {
        // In this order: after a death in between it is done again.
        TRY_STATUS(process::Loader::set_back(checkpoint_path, {.partition = 0, .offset = restored.front().first}));
        // An archive that can't be told is told by a later start.
        if (archiving->forget(restored)) TRY_STATUS(log->forget_damage(restored));
        logging::info("log.restored", {{"ranges", restored.size()}, {"loaded_again_from", restored.front().first}});
    }
    loader = std::make_unique<process::Loader>(
        history, *store, clock,
        process::LoaderOptions{.checkpoint_path = checkpoint_path,
                               .undo_path = data_dir + "/loader.undo",
                               .interval_ms = settings.loader_interval_ms,
                               .rows_max = static_cast<std::size_t>(settings.loader_batch_rows_max),
                               .touched = [this](const auto& hours, std::uint64_t end) { rolled.touch(hours, end); }});
    TRY_STATUS(make_changers());
    supervisor->start();

    TRY(const enrich::BotOptions bots, bot_options(settings));
    TRY(tables, enrich::Tables::load(data_files(settings), bots));
    tables_watch = std::make_unique<enrich::TablesWatch>(data_files(settings), bots, tables);
    identity = std::make_unique<enrich::Identity>([this](std::int64_t day) { return catalog->salt(day); });
    TRY_STATUS(identity->prepare(clock.wall_ms()));
    TRY_STATUS(replay_log_tail());

    committer = std::make_unique<ingest::Committer>(
        *log, *dedup, clock,
        ingest::CommitterOptions{.queue_bytes_max = static_cast<std::size_t>(settings.ingest_queue_bytes_max)},
        [fatal = std::move(options.fatal)](const Error& error) {
            if (fatal) fatal(error);
        });
    query = std::make_unique<query::Service>(
        *store, clock,
        query::Service::Options{.timeout_ms = static_cast<int>(settings.query_timeout_ms),
                                .all_cores_memory_max = static_cast<std::uint64_t>(settings.store_memory_max) / 3,
                                .rolled_days = &rolled,
                                .sketch_above_events = static_cast<std::uint64_t>(settings.query_sketch_above_events)});
    archiving->start();
    erasing->start();
    rescoring->start();
    identity_saved_ms = clock.wall_ms();
    housekeeping = std::thread([this] { run_housekeeping(); });
    return {};
}

/// What changes that which is stored already, and completes what a death cut off.
Status Services::State::make_changers() {
    const auto forget_rollups = [this](const std::string& site_id) { return rollups->forget(site_id); };
    rollups = std::make_unique<rollup::Maker>(
        *store, *catalog, *loader, rolled, changing, clock,
        rollup::MakerOptions{.interval_ms = settings.rollup_interval_ms,
                             .remake_after_ms = settings.rollup_remake_after_ms,
                             .day_events_min = static_cast<std::uint64_t>(settings.rollup_day_events_min)},
        [this] {
            const std::string why = erasing->problem() + rescoring->problem();
            return why.empty() ? why_not_answering() : why;
        });
    const process::archive::RewriteArchive rewrite_archive = [this](const auto& range, auto sites, const auto& how) {
        return archiving->rewrite(range, sites, how);
    };
    erasing = std::make_unique<Erasing>(
        *log, *store, *loader, clock,
        erase::EraserOptions{
            .data_dir = data_dir, .history = &archiving->history(), .rewrite_archive = rewrite_archive},
        changing, [this](const erase::Subject& subject) { forget(subject); }, forget_rollups,
        [this] { return rescoring->complete(); });
    rescoring = std::make_unique<Rescoring>(
        *log, *store, *loader, clock,
        rescore::RescorerOptions{
            .data_dir = data_dir, .history = &archiving->history(), .rewrite_archive = rewrite_archive},
        changing,
        [this]() -> rescore::Judge {
            const auto judge = std::make_shared<enrich::Rescorer>(tables_in_use());
            return [judge](const event::Event& stored) { return judge->verdict(stored); };
        },
        [this] { rebuild_live(); }, forget_rollups, [this] { return erasing->complete(); });
    TRY_STATUS(erasing->hold_loader());
    return rescoring->hold_loader();
}

/// Those that are not taken yet.
Status Services::State::bind_ports() {
    if (!listener) {
        TRY(listener, http::Listener::bind(settings.http_listen));
    }
    if (!tls_listener && !settings.http_tls_listen.empty()) {
        TRY(tls_listener, http::Listener::bind(settings.http_tls_listen, "http.tls_listen"));
    }
    return {};
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
                if (erased.kind == log::EntryKind::kEvent)
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
    rebuild_live();
}

/// The log says something else of the last half hour.
void Services::State::rebuild_live() {
    const std::lock_guard guard(live_mutex);
    if (live) live->log_was_rewritten();
}

Status Services::State::prepare_store(store::Client& client) {
    TRY_STATUS(store::migrate(client));
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

Result<std::string> Services::State::rejected_json(const api::RejectedQuestion& question) const {
    process::RejectedPage page{.limit = question.limit};
    if (question.before > 0) page.before = question.before;
    TRY(const auto list, process::list_rejected(*store,
                                                {.of = process::RejectedFilter::Of::kSite,
                                                 .site = question.site_id,
                                                 .reason = question.reason,
                                                 .since_ms = question.since_ms},
                                                page));
    return list.json();
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

std::shared_ptr<const enrich::Tables> Services::State::tables_in_use() const {
    const std::lock_guard guard(tables_mutex);
    return tables;
}

/// The files of enrichment may be replaced while this runs, and are taken up whole or not at all.
void Services::State::tend_lists(enrich::TablesWatch::When when) {
    const auto looked = tables_watch->look(when);
    if (!looked) {
        logging::warn("enrich.not_reloaded", {{"error", looked.error().message}});
        return;
    }
    if (*looked == nullptr) return;
    const std::lock_guard guard(tables_mutex);
    tables = *looked;
    if (endpoint) endpoint->use(tables);
    for (const enrich::StepStatus& step : tables->status())
        logging::info("enrich.reloaded", {{"step", step.step}, {"data", step.data}});
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
    std::int64_t lists_at_ms = 0;
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
        if (is_reload_wanted.exchange(false)) tend_lists(enrich::TablesWatch::When::kNow);
        if (now >= lists_at_ms || lists_at_ms - now > kListsEveryMs) {
            lists_at_ms = now + kListsEveryMs;
            tend_lists(enrich::TablesWatch::When::kSettled);
        }
        if (tls && clock.steady_ns() >= certificate_at_ns) {
            certificate_at_ns = clock.steady_ns() + kCertificateEveryNs;
            tls->refresh(http::TlsContext::Reread::kIfChanged);
        }
        log->tend_reserve();
        tend_store();
        archiving->tend();
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

Services::Services(std::unique_ptr<State> state) : state_(std::move(state)) {}

Services::~Services() { stop(kStopGraceMs); }

Result<std::unique_ptr<Services>> Services::open(const Settings& settings, Options options) {
    auto state = std::make_unique<State>(settings);
    State* raw = state.get();
    std::unique_ptr<Services> services(new Services(std::move(state)));
    TRY_STATUS(raw->open(std::move(options)));
    return services;
}

Status Services::listen() {
    State& state = *state_;
    unsigned loops = static_cast<unsigned>(state.settings.http_loops);
    if (loops == 0) loops = std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
    TRY(auto trusted, ingest::parse_networks(state.settings.http_trusted_proxies));
    {
        const std::lock_guard guard(state.tables_mutex);
        state.endpoint = std::make_unique<ingest::Endpoint>(
            *state.catalog, state.tables, *state.identity, *state.committer, state.clock,
            ingest::EndpointOptions{.trusted_proxies = trusted,
                                    .loops = loops,
                                    .address_events_per_second = state.settings.ingest_address_events_per_second,
                                    .site_events_per_second = state.settings.ingest_site_events_per_second});
    }
    state.query_pool =
        std::make_unique<WorkerPool>("query", static_cast<std::size_t>(state.settings.query_concurrency_max), 64);
    state.query_endpoint = std::make_unique<api::QueryEndpoint>(
        *state.catalog, *state.query, *state.query_pool, state.clock,
        // A batch alone does not make everybody else wait.
        api::QueryEndpoint::Options{.batch_concurrency = std::max<std::size_t>(
                                        1, static_cast<std::size_t>(state.settings.query_concurrency_max) / 2),
                                    .as_of = [&state] { return iso_text(state.loader->state().as_of_ms); },
                                    .store_problem = [&state] { return state.why_not_answering(); },
                                    .remakes = [&state] { return state.rescoring->remakes(); }});
    state.gate = std::make_unique<api::Gate>(
        *state.catalog, [trusted](const http::Request& request) { return client_of(request, trusted); });
    state.hashing_pool = std::make_unique<WorkerPool>("hashing", 2, 32, Priority::kLow);
    state.writing_pool = std::make_unique<WorkerPool>("accounts", 1, 64);
    state.account_routes = std::make_unique<api::AccountRoutes>(
        *state.catalog, *state.gate, *state.hashing_pool, *state.writing_pool, state.clock,
        api::AccountOptions{.version = std::string(version_number()),
                            .cookie_age_s = state.settings.session_absolute_hours * 3'600});
    state.goal_routes = std::make_unique<api::GoalRoutes>(*state.catalog, *state.writing_pool);
    state.rejected_routes = std::make_unique<api::RejectedRoutes>(
        *state.catalog, *state.query_pool, state.clock,
        api::RejectedRoutes::Options{.answer = [&state](const auto& question) { return state.rejected_json(question); },
                                     .store_problem = [&state] { return state.why_not_answering(); }});
    state.router.add_all(
        std::string(kEventsPath), [&state](http::Exchange& exchange) { state.endpoint->handle(exchange); },
        [&state](const http::Request& request) { return state.endpoint->check(request); });
    state.router.add(http::Method::kGet, std::string(kPixelPath),
                     [&state](http::Exchange& exchange) { state.endpoint->handle_pixel(exchange); });
    state.query_endpoint->add_to(state.router, *state.gate);
    state.goal_routes->add_to(state.router, *state.gate);
    state.account_routes->add_to(state.router);
    state.rejected_routes->add_to(state.router, *state.gate);
    {
        const std::lock_guard guard(state.live_mutex);
        state.live = std::make_unique<process::LiveProcessor>(*state.log, state.clock);
    }
    state.live->start();
    state.live_routes = std::make_unique<api::LiveRoutes>(*state.catalog, *state.gate, *state.live, state.clock);
    state.live_routes->add_to(state.router);
    api::add_health_routes(
        state.router, {.not_ready = [this] { return not_ready(); }, .status_json = [this] { return status_json(); }});
    api::add_page_routes(state.router);
    TRY_STATUS(api::check_routes(state.router));

    http::ServerOptions options;
    options.loops = loops;
    options.common_headers = api::security_headers();
    options.hsts_seconds = state.settings.http_hsts_seconds;
    options.headers_of = [](std::string_view path) -> const http::Headers& {
        static const http::Headers none;
        // An answer to a request that was not read may be one to an event.
        return path.empty() || path == kEventsPath || path == kPixelPath ? ingest::Endpoint::headers() : none;
    };
    // Each query that runs has a connection to the store.
    options.connections_max =
        connections_within_limit(static_cast<std::uint64_t>(state.settings.http_connections_max),
                                 static_cast<std::uint64_t>(state.settings.query_concurrency_max));
    options.body_budget_bytes = static_cast<std::size_t>(state.settings.http_body_budget_bytes);
    options.connections_per_address_max = static_cast<std::size_t>(state.settings.http_connections_per_address_max);
    if (state.settings.http_proxy_protocol == "required")
        options.is_balancer = [trusted](const http::Peer& peer) { return ingest::is_trusted_proxy(peer, trusted); };
    state.server = std::make_unique<http::Server>(
        options, [&state](http::Exchange& exchange) { state.router.handle(exchange); },
        [&state](const http::Request& request) { return state.router.check(request); });
    FOOTFALL_CHECK(state.listener.has_value());
    TRY_STATUS(state.server->listen(std::move(*state.listener)));
    state.listener.reset();
    if (state.tls_listener) {
        state.tls_port = state.tls_listener->port();
        TRY_STATUS(state.server->listen(std::move(*state.tls_listener), state.tls));
        state.tls_listener.reset();
    }
    TRY_STATUS(state.server->start());
    state.rollups->start();
    state.port = state.server->port();
    return {};
}

std::string Services::address() const { return with_port(state_->settings.http_listen, state_->port); }

std::string Services::tls_address() const { return with_port(state_->settings.http_tls_listen, state_->tls_port); }

void Services::reread_certificate() {
    if (state_->tls) state_->tls->refresh(http::TlsContext::Reread::kAlways);
}

void Services::stop(int grace_ms) {
    State& state = *state_;
    if (state.stopped) return;
    state.stopped = true;
    const std::int64_t deadline = state.clock.steady_ns() + grace_ms * std::int64_t{1'000'000};
    const auto left_ms = [&] {
        return static_cast<int>(std::max<std::int64_t>(0, (deadline - state.clock.steady_ns()) / 1'000'000));
    };
    if (state.rescoring) state.rescoring->interrupt();
    if (state.archiving) state.archiving->stop();
    if (state.server) state.server->stop(std::min(left_ms(), 3'000));
    if (state.committer) state.committer->stop();
    state.live_routes.reset();
    {
        const std::lock_guard guard(state.live_mutex);
        state.live.reset();
    }
    // What the time does not allow is loaded by the next start.
    const int loader_ms = std::min(left_ms(), 2'000);
    if (state.loader) state.loader->stop_within(loader_ms, loader_ms);
    // Before whatever waits for an answer of the store is waited for: it gets one when the store has gone.
    if (state.supervisor) state.supervisor->stop(std::min(left_ms(), 5'000));
    if (state.loader) state.loader->stop(0);
    if (state.rollups) state.rollups->stop();
    // Each of these asks others of them until it has ended, and commands ask them all: they end, and go together later.
    if (state.erasing) state.erasing->stop();
    if (state.rescoring) state.rescoring->stop();
    for (WorkerPool* pool : {state.query_pool.get(), state.hashing_pool.get(), state.writing_pool.get()})
        if (pool != nullptr) pool->stop();
    {
        const std::lock_guard guard(state.housekeeping_mutex);
        state.stopping = true;
    }
    state.housekeeping_wake.notify_all();
    if (state.housekeeping.joinable()) {
        state.housekeeping.join();
        state.save_identity();
        if (const Status status = state.catalog->accounts().save_use(); !status)
            logging::warn("account.use_not_saved", {{"error", status.error().message}});
    }
}

const std::string& Services::data_dir() const { return state_->data_dir; }
catalog::Catalog& Services::catalog() { return *state_->catalog; }

Result<Services::Demo> Services::make_demo() {
    catalog::Catalog& catalog = *state_->catalog;
    const std::string site_id(demo::kSiteId);
    if (catalog.snapshot()->site(site_id) == nullptr) {
        TRY([[maybe_unused]] const catalog::Site site,
            catalog.add_site("Demo", demo::kSiteDomain, kDemoTimezone, site_id));
    }
    catalog::Accounts& accounts = catalog.accounts();
    auto token = accounts.create_sign_in_link(kDemoUser);
    if (!token && token.error().code == Code::kNotFound) {
        const catalog::Role role = accounts.has_users() ? catalog::Role::kViewer : catalog::Role::kOwner;
        // The password is known to nobody: the link is the way in.
        TRY_STATUS(accounts.add_user(kDemoUser, role, random_token(32)));
        token = accounts.create_sign_in_link(kDemoUser);
    }
    if (!token) return token.error();
    TRY(catalog::NewKey key, catalog.lend_key(site_id, catalog::Scope::kCollect));
    return Demo{.sign_in_url = sign_in_url(address(), *token),
                .collect_key = std::move(key.secret),
                .timezone = catalog.snapshot()->site(site_id)->timezone,
                .journal = state_->data_dir + "/demo.journal"};
}

Result<std::string> Services::backup_cut() const {
    TRY(const backup::Cut cut, cut_of(*state_->log, *state_->catalog, state_->data_dir, state_->clock));
    return backup::encode_cut(cut);
}

std::vector<api::NotReady> Services::not_ready() const {
    const State& state = *state_;
    std::vector<api::NotReady> parts;
    if (state.log->stopped())
        parts.push_back({"log", "the event log has stopped after a failed sync; the process is ending"});
    else if (state.committer->is_full()) parts.push_back({"ingest", "too many events wait for the disk"});
    if (auto why = state.log->refusing()) parts.push_back({"log", std::move(*why)});
    const store::embedded::SupervisorState child = state.supervisor->state();
    if (!child.ready) parts.push_back({"store", child.problem});
    const process::LoaderState loader = state.loader->state();
    if (auto why = state.rescoring->why_not_answering(); !why.empty()) parts.push_back({"rescore", std::move(why)});
    else if (!loader.problem.empty()) parts.push_back({"loader", loader.problem});
    else if (child.ready && !loader.is_caught_up) parts.push_back({"loader", state.why_not_answering()});
    for (const log::Damage& damage : state.log->damage())
        parts.push_back(
            {"log", fmt::format("entries {} to {} can't be read: {}", damage.first, damage.last, damage.where)});
    return parts;
}

std::string Services::status_json() const {
    const State& state = *state_;
    const std::int64_t now_ms = state.clock.wall_ms();
    return app::status_json({.started_ms = state.started_ms,
                             .now_ms = now_ms,
                             .not_ready = not_ready(),
                             .minutes = state.endpoint->minutes().read(now_ms),
                             .loader = state.loader->state(),
                             .is_store_ready = state.supervisor->state().ready,
                             .archive = state.archiving->state(),
                             .log_end = state.log->end()});
}

Result<process::AuditReport> Services::audit(const std::string& site_id) {
    State& state = *state_;
    TRY(const auto sites, state.catalog->sites());
    std::vector<std::string> known;
    for (const auto& site : sites) known.push_back(site.id);
    if (!site_id.empty() && std::find(known.begin(), known.end(), site_id) == known.end())
        return Error(Code::kNotFound, "there is no site '" + site_id + "'; see 'footfall site list'", "--site");
    // Before the lock, which what makes rollups waits for; by a store that is there and has its tables.
    TRY_STATUS(state.loader->wait_loaded(state.log->end(), kAuditWaitMs));
    TRY_STATUS(state.rollups->load());
    // Log and tables are not the same while one of them is being changed.
    const std::lock_guard nothing_changed_meanwhile(state.changing);
    if (const std::string why = state.rescoring->problem(); !why.empty()) return Error(Code::kUnavailable, why);
    const log::Position end = state.log->end();
    TRY_STATUS(state.loader->wait_loaded(end, kAuditWaitMs));
    const auto hold = [&state]() -> Result<process::TablesHeld> { return state.loader->hold(kAuditWaitMs); };
    TRY(process::AuditReport report,
        process::run_audit(state.archiving->history(), *state.store, end, hold, site_id, known));
    TRY(const auto rolled, rollup::audit(*state.store, state.rolled, sites, site_id));
    report.rows.insert(report.rows.end(), rolled.begin(), rolled.end());
    return report;
}

Result<process::RejectedList> Services::rejected(const process::RejectedFilter& filter,
                                                 const process::RejectedPage& page) {
    State& state = *state_;
    TRY_STATUS(state.loader->wait_loaded(state.log->end(), kAuditWaitMs));
    return process::list_rejected(*state.store, filter, page);
}

Result<ingest::ReplayReport> Services::replay_rejected(const process::RejectedFilter& filter, ingest::ReplayMode mode) {
    State& state = *state_;
    TRY_STATUS(state.loader->wait_loaded(state.log->end(), kAuditWaitMs));
    ingest::Replay replay(*state.catalog, state.tables, *state.identity, *state.committer, state.clock,
                          [&state](const std::string& site_id, std::span<const std::string> ids, std::int64_t from_ms) {
                              return process::known_event_ids(*state.store, site_id, ids, from_ms);
                          });
    return replay_samples(*state.store, replay, filter, mode);
}

Result<process::RescoreReport> Services::preview_rescore(const process::RescoreFilter& filter) {
    State& state = *state_;
    if (const std::string why = state.rescoring->why_not_answering(); !why.empty())
        return Error(Code::kUnavailable, why);
    TRY_STATUS(state.loader->wait_loaded(state.log->end(), kAuditWaitMs));
    enrich::Rescorer rescorer(state.tables_in_use());
    TRY(auto report, process::preview_rescore(*state.store, filter, [&rescorer](const event::Event& stored) {
            return rescorer.reason(stored);
        }));
    report.lists = rescorer.lists();
    return report;
}

Result<Erasing*> Services::erasing() { return state_->erasing.get(); }

Result<Rescoring*> Services::rescoring() { return state_->rescoring.get(); }

std::vector<Finding> Services::doctor() {
    State& state = *state_;
    std::vector<Finding> findings;
    if (std::string why = state.erasing->problem(); !why.empty())
        findings.push_back({"erasure", false, std::move(why), "if it stays, the reason names the part to look at"});
    if (std::string why = state.rescoring->problem(); !why.empty())
        findings.push_back({"rescore", false, std::move(why), "if it stays, the reason names the part to look at"});
    findings.push_back(check_processor());
    findings.push_back({"engine", true, state.library, ""});
    const store::embedded::SupervisorState child = state.supervisor->state();
    findings.push_back(
        {"store", child.ready,
         child.ready ? fmt::format("answers; started {} times since {}", child.starts, iso_text(state.started_ms))
                     : child.problem,
         child.ready
             ? ""
             : "look at the log of 'footfall serve'; a store that does not open is moved aside and rebuilt by itself"});
    if (child.ready) check_store_parts(*state.store, findings);
    const process::LoaderState loader = state.loader->state();
    const std::uint64_t behind = state.log->end().offset - std::min(state.log->end().offset, loader.loaded.offset);
    findings.push_back(
        {"loader", loader.problem.empty(),
         loader.problem.empty() ? fmt::format("{} entries of the log are not in the store yet", behind)
                                : loader.problem,
         loader.problem.empty() ? "" : "it tries again by itself; the reason names the part to look at"});
    const auto damage = state.archiving->history().damage();
    for (const log::Damage& range : damage)
        findings.push_back({"log", false,
                            fmt::format("entries {} to {} can't be read: {}", range.first, range.last, range.where),
                            "put that file back from a backup and start again: what it holds is loaded then; "
                            "everything else is served"});
    if (damage.empty())
        findings.push_back(
            {"log", true,
             fmt::format("offsets {} to {}, no damage met", state.log->begin().offset, state.log->end().offset), ""});
    findings.push_back(state.archiving->check());
    if (const auto space = disk_space(state.data_dir)) {
        const auto why = state.log->refusing();
        findings.push_back({"disk", !why, why.value_or(free_space_text(*space, state.data_dir)),
                            why ? "events are refused until then (log.disk_reserve_bytes); clients repeat them" : ""});
    }
    findings.push_back(check_backup(state.data_dir, state.clock.wall_ms()));
    check_enrichment(*state.tables_in_use(), findings);
    check_tls(state.settings, state.clock.wall_ms(), findings);
    return findings;
}

Result<std::vector<enrich::ListInfo>> Services::lists() { return state_->tables_in_use()->lists(); }

void Services::reload_lists() { state_->is_reload_wanted = true; }

}  // namespace footfall::app
