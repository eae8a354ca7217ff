#include "app/cluster/node.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "api/routes.h"
#include "app/answering.h"
#include "app/archive_place.h"
#include "app/cluster/engines.h"
#include "app/cluster/erasures.h"
#include "app/cluster/redis_answers.h"
#include "app/cluster/store_watch.h"
#include "app/descriptors.h"
#include "app/front.h"
#include "app/machine.h"
#include "app/status_json.h"
#include "app/taking.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "deduplicate/workers.h"
#include "erase/order.h"
#include "ingest/committer.h"
#include "ingest/session_feed.h"
#include "log/kafka/collected.h"
#include "process/archive/archivers.h"
#include "process/live/live_share.h"
#include "process/loaders.h"
#include "store/redis/live_store.h"

namespace footfall::app::cluster {
namespace {

constexpr std::int64_t kCatalogEveryMs = 100;
constexpr std::int64_t kSaltEveryMs = 60'000;
constexpr std::int64_t kSaltAheadMs = 10 * 60'000;
constexpr std::int64_t kListsEveryMs = 1'000;
constexpr std::int64_t kCertificateEveryMs = 5'000;
constexpr std::int64_t kSaveEveryMs = 1'000;
constexpr std::int64_t kReachEveryMs = 2'000;
constexpr std::int64_t kTellEveryMs = 200;
constexpr std::int64_t kOutlivedEveryMs = 3'600'000;
constexpr int kReachMs = 1'500;
/// For what other collectors told before this one starts, so that its first events know of it.
constexpr int kHearSessionsMs = 2'000;
/// What waits longer than this for its group is refused untried: an answer has to come within 5 s.
constexpr std::int64_t kCommitWaitNs = 500'000'000;

}  // namespace

std::vector<Role> roles() {
    return {
        {"gateway",
         "one entrance for small clusters: collect and query in one process",
         {.collects = true, .answers = true, .has_live = true}},
        {"collect", "takes events and puts them into Kafka", {.collects = true}},
        {"process", "makes each event one of what collectors took, and the live numbers", {.deduplicates = true}},
        {"load", "writes events and sessions to ClickHouse", {.loads = true}},
        {"query", "answers questions; the page and the live numbers", {.answers = true, .has_live = true}},
        {"report", "answers questions of programs, apart from those of people: no live numbers", {.answers = true}},
    };
}

std::optional<Role> find_role(std::string_view word) {
    for (const Role& role : roles())
        if (role.word == word) return role;
    return std::nullopt;
}

struct Node::State {
    State(const Settings& s, const Role& r) : settings(s), role(r) {}

    Status open(Options options);
    Status open_collecting(std::function<void(const Error&)> fatal);
    Status open_processing();
    Status open_loading();
    Status open_answering();
    void run_housekeeping();
    void tell_freshness() const;
    Status reach_kafka() const;
    void look_at_kafka();
    void forget_erased();
    std::vector<api::NotReady> not_ready() const;
    std::string status() const;

    const Settings settings;
    const Role role;
    Clock& clock = system_clock();
    std::int64_t started_ms = 0;
    Front front{settings, clock};
    std::unique_ptr<catalog::Catalog> catalog;

    // Of who collects.
    std::unique_ptr<Taking> taking;
    std::unique_ptr<enrich::Identity> identity;
    std::unique_ptr<ingest::SessionFeed> sessions;
    std::set<std::string> forgotten;  ///< which erasures, in which state
    std::unique_ptr<log::kafka::Collected> collected;
    std::unique_ptr<ingest::Committer> committer;
    std::unique_ptr<FreshnessBoard> board;

    // Of who collects, deduplicates or loads.
    mutable std::mutex reach_mutex;
    std::string reach_problem;

    // Of who deduplicates.
    std::optional<LockFile> lock;
    std::unique_ptr<deduplicate::Workers> deduplication;
    std::unique_ptr<store::redis::Client> live_redis;
    std::unique_ptr<process::LiveShare> live_share;

    // Of who loads or answers.
    std::unique_ptr<store::Client> store;
    std::unique_ptr<process::Loaders> event_loaders;
    std::unique_ptr<process::Loaders> rejected_loaders;
    std::unique_ptr<process::archive::Archivers> archivers;
    std::unique_ptr<RedisAnswers> answers;
    std::unique_ptr<StoreWatch> watch;
    std::unique_ptr<query::Service> query;
    std::unique_ptr<Answering> answering;
    std::unique_ptr<store::redis::LiveStore> live;

    std::thread housekeeping;
    std::mutex housekeeping_mutex;
    std::condition_variable housekeeping_wake;
    bool stopping = false;
    bool stopped = false;
};

Status Node::State::open(Options options) {
    raise_descriptor_limit();
    started_ms = clock.wall_ms();
    TRY_STATUS(front.bind_ports());
    TRY_STATUS(front.open_tls());
    if (settings.catalog_url.empty())
        return Error(Code::kInvalidArgument,
                     fmt::format("'footfall {}' is of the cluster form and needs catalog.url, where its nodes have one "
                                 "catalog; 'footfall serve' needs nothing",
                                 role.word),
                     "catalog.url");
    TRY(catalog, catalog::Catalog::open(settings.catalog_url, clock,
                                        {.idle_ms = settings.session_idle_hours * 3'600'000,
                                         .absolute_ms = settings.session_absolute_hours * 3'600'000}));
    TRY(auto redis, redis_endpoint(settings));
    board = std::make_unique<FreshnessBoard>(redis, settings.redis_prefix, clock);
    if (role.duties.collects) TRY_STATUS(open_collecting(std::move(options.fatal)));
    if (role.duties.deduplicates) TRY_STATUS(open_processing());
    if (role.duties.loads) TRY_STATUS(open_loading());
    if (role.duties.answers) TRY_STATUS(open_answering());
    if (collected || deduplication || event_loaders) reach_problem = "Kafka was not asked yet";
    housekeeping = std::thread([this] { run_housekeeping(); });
    return {};
}

Status Node::State::open_collecting(std::function<void(const Error&)> fatal) {
    TRY(taking, Taking::open(settings));
    identity = std::make_unique<enrich::Identity>([this](std::int64_t day) { return catalog->salt(day); });
    TRY_STATUS(identity->prepare(clock.wall_ms()));
    TRY(store::redis::Endpoint redis, redis_endpoint(settings));
    sessions = std::make_unique<ingest::SessionFeed>(
        *identity, ingest::SessionFeedOptions{.endpoint = std::move(redis), .prefix = settings.redis_prefix}, clock);
    sessions->start(kHearSessionsMs);
    TRY(auto more, kafka_settings(settings));
    TRY(collected, log::kafka::Collected::open(
                       {.producer = {.brokers = settings.kafka_brokers,
                                     .queue_bytes_max = static_cast<std::uint64_t>(settings.ingest_queue_bytes_max),
                                     .more = std::move(more)},
                        .events = prefixed(settings, "raw_events"),
                        .others = prefixed(settings, "rejected_events")},
                       clock));
    committer = std::make_unique<ingest::Committer>(
        *collected, nullptr, clock,
        ingest::CommitterOptions{.queue_bytes_max = static_cast<std::size_t>(settings.ingest_queue_bytes_max),
                                 .wait_ns_max = kCommitWaitNs},
        [fatal = std::move(fatal)](const Error& error) {
            if (fatal) fatal(error);
        });
    return {};
}

Status Node::State::open_processing() {
    const std::string data_dir = absolute_path(settings.data_dir);
    TRY_STATUS(make_directories(data_dir));
    TRY(LockFile taken, LockFile::acquire(data_dir + "/lock", 5'000));
    lock = std::move(taken);
    TRY(auto more, kafka_settings(settings));
    deduplicate::WorkersOptions options;
    options.each.brokers = settings.kafka_brokers;
    options.each.source = prefixed(settings, options.each.source);
    options.each.target = prefixed(settings, options.each.target);
    options.each.group = prefixed(settings, options.each.group);
    options.each.index = {.directory = data_dir + "/deduplicate",
                          .memory_max = static_cast<std::uint64_t>(settings.dedup_memory_max)};
    options.each.more = std::move(more);
    options.members = prefixed(settings, options.members);
    process::LiveShareOptions live_options{.brokers = settings.kafka_brokers,
                                           .topic = options.each.target,
                                           .members = prefixed(settings, "footfall-live"),
                                           .more = options.each.more,
                                           .keys = {.prefix = settings.redis_prefix + "live:"},
                                           .erasures = erasures_heard(*catalog)};
    TRY(deduplication, deduplicate::Workers::open(std::move(options), clock));
    TRY(auto redis, redis_endpoint(settings));
    live_redis = std::make_unique<store::redis::Client>(std::move(redis), clock);
    TRY(live_share, process::LiveShare::open(*live_redis, std::move(live_options), clock));
    return {};
}

Status Node::State::open_loading() {
    TRY(store, open_store(settings));
    TRY(auto more, kafka_settings(settings));
    process::LoadersOptions options{.brokers = settings.kafka_brokers,
                                    .topic = prefixed(settings, "events"),
                                    .members = prefixed(settings, "footfall-load"),
                                    .interval_ms = settings.loader_interval_ms,
                                    .rows_max = static_cast<std::size_t>(settings.loader_batch_rows_max),
                                    .more = std::move(more),
                                    .erasures = erasures_asked(*catalog)};
    TRY(event_loaders, process::Loaders::open(*store, options, clock));
    options.topic = prefixed(settings, "rejected_events");
    options.numbered_from = process::kRejectedPartitions;
    TRY(rejected_loaders, process::Loaders::open(*store, options, clock));
    if (settings.archive_enabled == "off") return {};
    const std::string data_dir = absolute_path(settings.data_dir);
    // What can't be right ends the start; what is only away is tried again.
    TRY([[maybe_unused]] const ArchivePlace judged, ArchivePlace::of(settings, data_dir, [] { return false; }));
    process::archive::ArchiversOptions archiving;
    archiving.brokers = settings.kafka_brokers;
    archiving.topic = prefixed(settings, "events");
    archiving.members = prefixed(settings, "footfall-archive");
    archiving.more = options.more;
    archiving.each.after_ms = settings.archive_after_ms;
    archiving.each.rows_max = static_cast<std::size_t>(settings.archive_range_entries_max);
    archiving.place = [this, data_dir](
                          std::uint16_t partition,
                          std::function<bool()> is_stopping) -> Result<std::unique_ptr<store::ObjectStore>> {
        TRY(const ArchivePlace place, ArchivePlace::of(settings, data_dir, std::move(is_stopping),
                                                       fmt::format("log_partition={:04}", partition)));
        return place.open();
    };
    archiving.erasures = erasures_heard(*catalog);
    archiving.hear = [this] { return catalog->read_again(); };
    archiving.rewrites = [this](std::uint16_t partition) { return rewrites_of(*catalog->snapshot(), partition); };
    archiving.rewritten = [this](std::uint16_t partition, const process::archive::ArchiversOptions::Rewrite& one) {
        return catalog->set_erasure_archived(one.id, partition, one.end);
    };
    TRY(archivers, process::archive::Archivers::open(std::move(archiving), clock));
    return {};
}

Status Node::State::open_answering() {
    if (!store) {
        TRY(store, open_store(settings));
    }
    TRY(auto redis, redis_endpoint(settings));
    answers = std::make_unique<RedisAnswers>(
        std::move(redis), settings.redis_prefix, clock, [this]() -> std::optional<std::string> {
            const auto claims = watch->claims();
            if (!claims) return std::nullopt;
            const auto snapshot = catalog->snapshot();
            return fmt::format("{} {}", *claims, erase::state_of(snapshot->erasures));
        });
    watch = std::make_unique<StoreWatch>(
        *store, clock,
        StoreWatch::Options{.partitions = static_cast<std::uint16_t>(settings.kafka_partitions),
                            .board = board.get(),
                            .touched = [this](const auto& hours) { answers->touch(hours); },
                            .erased = [this] { return erase::state_of(catalog->snapshot()->erasures); }});
    query = std::make_unique<query::Service>(
        *store, clock,
        query::Service::Options{.timeout_ms = static_cast<int>(settings.query_timeout_ms),
                                .memory_max = static_cast<std::uint64_t>(settings.query_memory_max),
                                .sketch_above_events = static_cast<std::uint64_t>(settings.query_sketch_above_events),
                                .sample_above_rows = static_cast<std::uint64_t>(settings.query_sample_above_rows),
                                .cache_bytes_max = static_cast<std::uint64_t>(settings.query_cache_bytes_max),
                                .data_state = [this] { return watch->data_state(); },
                                .shared = answers.get()});
    watch->start(query->cache());
    return {};
}

std::vector<api::NotReady> Node::State::not_ready() const {
    std::vector<api::NotReady> parts;
    {
        const std::lock_guard guard(reach_mutex);
        if (!reach_problem.empty()) parts.push_back({"log", reach_problem});
    }
    if (committer && committer->is_full()) parts.push_back({"ingest", "too many events wait for Kafka"});
    const auto tell = [&parts](const char* work, const auto& shared) {
        if (!shared) return;
        for (const log::kafka::Share::Partition& partition : shared->state())
            if (!partition.problem.empty())
                parts.push_back({work, fmt::format("partition {}: {}", partition.number, partition.problem)});
    };
    tell("deduplicate", deduplication);
    tell("live", live_share);
    tell("loader", event_loaders);
    tell("loader", rejected_loaders);
    tell("archive", archivers);
    if (watch)
        if (std::string why = watch->problem(); !why.empty()) parts.push_back({"store", std::move(why)});
    return parts;
}

std::string Node::State::status() const {
    const std::int64_t now_ms = clock.wall_ms();
    ServerStatus status;
    status.started_ms = started_ms;
    status.now_ms = now_ms;
    status.not_ready = not_ready();
    if (taking) status.minutes = taking->minutes(now_ms);
    if (watch) {
        status.loader.as_of_ms = watch->as_of_ms();
        status.is_store_ready = watch->problem().empty();
    }
    return status_json(status);
}

/// Where Redis does not take it the answers' `as_of` stands still, and the next time it is told again.
void Node::State::tell_freshness() const {
    FreshnessBoard::Stages stages;
    if (deduplication)
        for (const auto& partition : deduplication->state())
            if (partition.as_of_ms > 0) stages.deduplicated[partition.number] = partition.as_of_ms;
    if (event_loaders)
        for (const auto& partition : event_loaders->state())
            if (partition.as_of_ms > 0) stages.loaded[partition.number] = partition.as_of_ms;
    (void)board->tell(stages).has_value();
}

/// Each topic that this node reads or writes, up to the first that is not there.
Status Node::State::reach_kafka() const {
    if (collected) TRY_STATUS(collected->reach(kReachMs));
    if (deduplication) TRY_STATUS(deduplication->reach(kReachMs));
    if (live_share) TRY_STATUS(live_share->reach(kReachMs));
    if (event_loaders) TRY_STATUS(event_loaders->reach(kReachMs));
    if (rejected_loaders) TRY_STATUS(rejected_loaders->reach(kReachMs));
    return {};
}

void Node::State::look_at_kafka() {
    const Status reached = reach_kafka();
    std::string problem = reached ? "" : reached.error().message;
    if (!reached && reached.error().code == Code::kNotFound) problem += "; 'footfall prepare' makes what is missing";
    const std::lock_guard guard(reach_mutex);
    if (!problem.empty() && problem != reach_problem) logging::warn("kafka.away", {{"error", problem}});
    reach_problem = std::move(problem);
}

/// What decides ids of who was erased: when that is ordered, and once more when it is done, and when others are heard
/// (again): they may have told of them meanwhile.
void Node::State::forget_erased() {
    const auto snapshot = catalog->snapshot();
    for (const catalog::Erasure& order : snapshot->erasures) {
        if (!forgotten.insert(fmt::format("{}:{}:{}", order.id, order.done_ms, sessions->hears())).second) continue;
        if (const auto subject = erase::subject_of(order)) identity->forget(subject->visitor_ids);
        else logging::error("erasure.not_read", {{"error", subject.error().message}});
    }
}

void Node::State::run_housekeeping() {
    name_thread("housekeeping");
    auto& ready = metrics::gauge("footfall_node_ready", "1 while /readyz is 200.");
    std::int64_t salt_at = 0;
    std::int64_t lists_at = 0;
    std::int64_t certificate_at = 0;
    std::int64_t save_at = 0;
    std::int64_t reach_at = 0;
    std::int64_t tell_at = 0;
    std::int64_t outlived_at = 0;
    const auto is_time = [](std::int64_t now, std::int64_t& at, std::int64_t every) {
        if (now < at) return false;
        at = now + every;
        return true;
    };
    std::unique_lock guard(housekeeping_mutex);
    while (!stopping) {
        guard.unlock();
        const std::int64_t now = clock.steady_ns() / 1'000'000;
        if (const auto taken = catalog->take_in_others(); !taken)
            logging::warn("catalog.not_read", {{"error", taken.error().message}});
        if (identity && is_time(now, salt_at, kSaltEveryMs))
            if (const Status status = identity->prepare(clock.wall_ms() + kSaltAheadMs); !status)
                logging::warn("identity.salt", {{"error", status.error().message}});
        if (identity) forget_erased();
        if (event_loaders && is_time(now, outlived_at, kOutlivedEveryMs))
            if (const Status removed = remove_outlived(settings, *catalog, clock.wall_ms()); !removed)
                logging::warn("erasure.not_removed", {{"error", removed.error().message}});
        if (taking && is_time(now, lists_at, kListsEveryMs)) taking->tend(clock.wall_ms());
        if (is_time(now, certificate_at, kCertificateEveryMs))
            front.refresh_certificate(http::TlsContext::Reread::kIfChanged);
        if (is_time(now, reach_at, kReachEveryMs)) look_at_kafka();
        if (is_time(now, tell_at, kTellEveryMs)) tell_freshness();
        if (is_time(now, save_at, kSaveEveryMs)) {
            if (const Status status = catalog->accounts().save_use(); !status)
                logging::warn("account.use_not_saved", {{"error", status.error().message}});
            ready.set(not_ready().empty() ? 1 : 0);
        }
        guard.lock();
        housekeeping_wake.wait_for(guard, std::chrono::milliseconds(kCatalogEveryMs), [this] { return stopping; });
    }
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}

Node::~Node() { stop(6'000); }

Result<std::unique_ptr<Node>> Node::open(const Settings& settings, const Role& role, Options options) {
    auto state = std::make_unique<State>(settings, role);
    State* raw = state.get();
    std::unique_ptr<Node> node(new Node(std::move(state)));
    TRY_STATUS(raw->open(std::move(options)));
    return node;
}

Status Node::listen() {
    State& state = *state_;
    http::Router& router = state.front.router();
    if (state.taking)
        TRY_STATUS(state.taking->listen(state.front, *state.catalog, *state.identity, *state.committer, state.clock));
    if (state.query) {
        TRY(state.answering, Answering::make({.settings = state.settings,
                                              .catalog = *state.catalog,
                                              .query = *state.query,
                                              .store = *state.store,
                                              .clock = state.clock,
                                              .as_of_ms = [&state] { return state.watch->as_of_ms(); },
                                              .store_problem = [&state] { return state.watch->problem(); },
                                              .remakes = [] { return std::uint64_t{0}; }},
                                             state.front));
        if (state.role.duties.has_live) {
            TRY(auto redis, redis_endpoint(state.settings));
            state.live = std::make_unique<store::redis::LiveStore>(
                store::redis::LiveStoreOptions{
                    .endpoint = std::move(redis),
                    .partitions = static_cast<std::uint16_t>(state.settings.kafka_partitions),
                    .keys = {.prefix = state.settings.redis_prefix + "live:"}},
                state.clock);
            state.answering->add_live(*state.live);
        }
    }
    api::add_health_routes(
        router, {.not_ready = [this] { return not_ready(); }, .status_json = [&state] { return state.status(); }});
    TRY_STATUS(api::check_routes(router));
    return state.front.listen();
}

void Node::stop(int grace_ms) {
    State& state = *state_;
    if (state.stopped) return;
    state.stopped = true;
    const std::int64_t deadline = state.clock.steady_ns() + grace_ms * std::int64_t{1'000'000};
    const auto left_ms = [&] {
        return static_cast<int>(std::max<std::int64_t>(0, (deadline - state.clock.steady_ns()) / 1'000'000));
    };
    state.front.stop(std::min(left_ms(), 3'000));
    if (state.committer) state.committer->stop();
    if (state.sessions) state.sessions->stop();
    if (state.answering) {
        state.answering->end_live();
        state.answering->stop();
    }
    // It tells the cache, which goes with the service.
    if (state.watch) state.watch->stop();
    // It asks those that end below.
    {
        const std::lock_guard guard(state.housekeeping_mutex);
        state.stopping = true;
    }
    state.housekeeping_wake.notify_all();
    if (state.housekeeping.joinable()) {
        state.housekeeping.join();
        if (const Status status = state.catalog->accounts().save_use(); !status)
            logging::warn("account.use_not_saved", {{"error", status.error().message}});
    }
    // Each ends behind its batch, and its partitions are others' at once.
    state.deduplication.reset();
    state.live_share.reset();
    state.event_loaders.reset();
    state.rejected_loaders.reset();
    state.archivers.reset();
}

std::vector<api::NotReady> Node::not_ready() const { return state_->not_ready(); }
std::string Node::address() const { return state_->front.address(); }
std::string Node::tls_address() const { return state_->front.tls_address(); }

void Node::reload() {
    if (state_->taking) state_->taking->reload_soon();
    state_->front.refresh_certificate(http::TlsContext::Reread::kAlways);
}

}  // namespace footfall::app::cluster
