#include "app/services.h"

#include <fmt/format.h>

#include "api/api.h"
#include "api/routes.h"
#include "app/https.h"
#include "app/services_state.h"

namespace footfall::app {
namespace {

constexpr std::string_view kDemoUser = "demo@demo.example";
constexpr std::string_view kDemoTimezone = "Europe/Berlin";
constexpr int kAuditWaitMs = 60'000;

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
    http::Router& router = state.front.router();
    TRY_STATUS(state.taking->listen(state.front, *state.catalog, *state.identity, *state.committer, state.clock));
    TRY(state.answering, Answering::make({.settings = state.settings,
                                          .catalog = *state.catalog,
                                          .query = *state.query,
                                          .store = *state.store,
                                          .clock = state.clock,
                                          .as_of_ms = [&state] { return state.loader->state().as_of_ms; },
                                          .store_problem = [&state] { return state.why_not_answering(); },
                                          .remakes = [&state] { return state.rescoring->remakes(); }},
                                         state.front));
    {
        const std::lock_guard guard(state.live_mutex);
        state.live = std::make_unique<process::LiveProcessor>(*state.log, state.clock);
    }
    state.live->start();
    state.answering->add_live(*state.live);
    api::add_health_routes(
        router, {.not_ready = [this] { return not_ready(); }, .status_json = [this] { return status_json(); }});
    TRY_STATUS(api::check_routes(router));
    TRY_STATUS(state.front.listen());
    state.rollups->start();
    state.daily->start();
    state.retention->start();
    return {};
}

std::string Services::address() const { return state_->front.address(); }

std::string Services::tls_address() const { return state_->front.tls_address(); }

void Services::reread_certificate() { state_->front.refresh_certificate(http::TlsContext::Reread::kAlways); }

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
    state.front.stop(std::min(left_ms(), 3'000));
    if (state.committer) state.committer->stop();
    if (state.answering) state.answering->end_live();
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
    if (state.answering) state.answering->stop();
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
                             .minutes = state.taking->minutes(now_ms),
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
    ingest::Replay replay(*state.catalog, state.taking->tables(), *state.identity, *state.committer, state.clock,
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
    enrich::Rescorer rescorer(state.taking->tables());
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
    check_enrichment(*state.taking->tables(), findings);
    check_tls(state.settings, state.clock.wall_ms(), findings);
    return findings;
}

Result<std::vector<enrich::ListInfo>> Services::lists() { return state_->taking->tables()->lists(); }

void Services::reload_lists() { state_->taking->reload_soon(); }

}  // namespace footfall::app
