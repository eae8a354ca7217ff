#include "app/services.h"

#include <fmt/format.h>

#include "api/openapi.h"
#include "app/services_state.h"

namespace footfall::app {
namespace {

constexpr std::string_view kEventsPath = "/api/v1/events";
constexpr std::string_view kPixelPath = "/api/v1/pixel.gif";
constexpr std::string_view kDemoUser = "demo@demo.example";
constexpr std::string_view kDemoTimezone = "Europe/Berlin";
constexpr int kAuditWaitMs = 60'000;

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
    state.executor = std::make_unique<query::Executor>(
        state.clock,
        query::QueueLimits{.running_max = static_cast<std::size_t>(state.settings.query_concurrency_max),
                           .site_running_max = static_cast<std::size_t>(state.settings.query_site_concurrency_max),
                           .waiting_max = static_cast<std::size_t>(state.settings.query_waiting_max),
                           .site_waiting_max = static_cast<std::size_t>(state.settings.query_site_waiting_max)});
    state.query_endpoint = std::make_unique<api::QueryEndpoint>(
        *state.catalog, *state.query, *state.executor, state.clock,
        // A batch alone does not make everybody else wait.
        api::QueryEndpoint::Options{
            .timeout_ms = state.settings.query_timeout_ms,
            .batch_concurrency =
                std::max<std::size_t>(1, static_cast<std::size_t>(state.settings.query_concurrency_max) / 2),
            .as_of = [&state] { return iso_text(state.loader->state().as_of_ms); },
            .store_problem = [&state] { return state.why_not_answering(); },
            .remakes = [&state] { return state.rescoring->remakes(); },
            .look_at_progress =
                [&state](const auto& questions) { return query::look_at_progress(*state.store, questions); }});
    state.gate = std::make_unique<api::Gate>(
        *state.catalog, [trusted](const http::Request& request) { return client_of(request, trusted); });
    state.hashing_pool = std::make_unique<WorkerPool>("hashing", 2, 32, Priority::kLow);
    state.writing_pool = std::make_unique<WorkerPool>("accounts", 1, 64);
    state.account_routes = std::make_unique<api::AccountRoutes>(
        *state.catalog, *state.gate, *state.hashing_pool, *state.writing_pool, state.clock,
        api::AccountOptions{.version = std::string(version_number()),
                            .cookie_age_s = state.settings.session_absolute_hours * 3'600});
    state.goal_routes = std::make_unique<api::GoalRoutes>(*state.catalog, *state.writing_pool);
    state.segment_routes = std::make_unique<api::SegmentRoutes>(*state.catalog, *state.writing_pool);
    state.annotation_routes = std::make_unique<api::AnnotationRoutes>(*state.catalog, *state.writing_pool);
    state.rejected_routes = std::make_unique<api::RejectedRoutes>(
        *state.catalog, *state.executor, state.clock,
        api::RejectedRoutes::Options{.timeout_ms = state.settings.query_timeout_ms,
                                     .answer = [&state](const auto& question) { return state.rejected_json(question); },
                                     .store_problem = [&state] { return state.why_not_answering(); }});
    state.router.add_all(
        std::string(kEventsPath), [&state](http::Exchange& exchange) { state.endpoint->handle(exchange); },
        [&state](const http::Request& request) { return state.endpoint->check(request); });
    state.router.add(http::Method::kGet, std::string(kPixelPath),
                     [&state](http::Exchange& exchange) { state.endpoint->handle_pixel(exchange); });
    state.query_endpoint->add_to(state.router, *state.gate);
    state.goal_routes->add_to(state.router, *state.gate);
    state.segment_routes->add_to(state.router, *state.gate);
    state.annotation_routes->add_to(state.router, *state.gate);
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
    TRY_STATUS(api::add_openapi_route(state.router, version_number()));
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
    // Each query that runs has a connection to the store, and a descriptor by which it is stopped.
    options.connections_max =
        connections_within_limit(static_cast<std::uint64_t>(state.settings.http_connections_max),
                                 2 * static_cast<std::uint64_t>(state.settings.query_concurrency_max));
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
    state.daily->start();
    state.retention->start();
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
    if (state.rebuilding) state.rebuilding->interrupt();
    if (state.archiving) state.archiving->interrupt();
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
    if (state.daily) state.daily->stop();
    // In this order: a rebuild may wait for a deletion.
    if (state.retention) state.retention->stop();
    if (state.rebuilding) state.rebuilding->stop();
    if (state.archiving) state.archiving->stop();
    // Each of these asks others of them until it has ended, and commands ask them all: they end, and go together later.
    if (state.erasing) state.erasing->stop();
    if (state.rescoring) state.rescoring->stop();
    if (state.executor) state.executor->stop();
    for (WorkerPool* pool : {state.hashing_pool.get(), state.writing_pool.get()})
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
    for (const std::string& why : {state.rescoring->problem(), state.retention->problem()})
        if (!why.empty()) return Error(Code::kUnavailable, why);
    const log::Position end = state.log->end();
    TRY_STATUS(state.loader->wait_loaded(end, kAuditWaitMs));
    const auto hold = [&state]() -> Result<process::TablesHeld> { return state.loader->hold(kAuditWaitMs); };
    TRY(process::AuditReport report,
        process::run_audit(state.archiving->history(), *state.store, end, hold, site_id, known));
    TRY(const auto rolled, rollup::audit(*state.store, state.rolled, *state.catalog->snapshot(),
                                         site_id.empty() ? known : std::vector{site_id}));
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
                              return process::known_event_ids(*state.store, state.archiving->history(), site_id, ids,
                                                              from_ms);
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

Result<Rebuilding*> Services::rebuilding() { return state_->rebuilding.get(); }

std::vector<Finding> Services::doctor() {
    State& state = *state_;
    std::vector<Finding> findings;
    if (const auto running = state.rebuilding->running())
        findings.push_back({"rebuild", true,
                            fmt::format("under way: {} of {} entries of the log, {:.0f} events a second",
                                        running->done.entries, running->done.entries_of, running->events_per_second()),
                            ""});
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
    check_stores_aside(state.data_dir, findings);
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
    findings.push_back(
        check_retention(state.catalog->snapshot()->sites, state.days_missing(), state.retention->problem()));
    findings.push_back(check_backup(state.data_dir, state.clock.wall_ms()));
    check_enrichment(*state.tables_in_use(), findings);
    check_tls(state.settings, state.clock.wall_ms(), findings);
    return findings;
}

Result<std::vector<enrich::ListInfo>> Services::lists() { return state_->tables_in_use()->lists(); }

void Services::reload_lists() { state_->is_reload_wanted = true; }

}  // namespace footfall::app
