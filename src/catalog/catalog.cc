#include "catalog/catalog.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include <cctz/time_zone.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text_file.h"
#include "catalog/database.h"
#include "catalog/erasure_rows.h"
#include "catalog/names.h"
#include "catalog/schema_version.h"

namespace footfall::catalog {

namespace migrations {
std::span<const TextFile> files();
}

namespace {

std::string hash_of(std::string_view secret) {
    const auto digest = sha256(secret);
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= 64 && text[0] != '-' && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    });
}

bool is_host(std::string_view text) {
    return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    });
}

Status check_site(const Site& site) {
    if (site.name.empty() || site.name.size() > 200)
        return Error(Code::kInvalidArgument, "give the site a name of 1 to 200 bytes", "name");
    if (!is_host(site.domain))
        return Error(Code::kInvalidArgument,
                     "the domain must be a host name such as example.org, without scheme, port and path", "domain");
    cctz::time_zone zone;
    if (!cctz::load_time_zone(site.timezone, &zone))
        return Error(Code::kInvalidArgument,
                     "unknown time zone '" + site.timezone + "'; use a name such as Europe/Berlin", "timezone");
    if (site.counting.session_timeout < kSessionTimeoutMin || site.counting.session_timeout > kSessionTimeoutMax)
        return Error(Code::kInvalidArgument,
                     "the session timeout must be " + std::to_string(kSessionTimeoutMin) + " to " +
                         std::to_string(kSessionTimeoutMax) + " minutes",
                     "session_timeout");
    if (site.retention.months < 0 || site.retention.months > kRetentionMonthsMax)
        return Error(Code::kInvalidArgument,
                     "events are kept for 0 (for ever) to " + std::to_string(kRetentionMonthsMax) + " months",
                     "retention_months");
    const std::string& currency = site.counting.currency;
    if (!currency.empty() && (currency.size() != 3 || !std::all_of(currency.begin(), currency.end(),
                                                                   [](char c) { return c >= 'A' && c <= 'Z'; })))
        return Error(Code::kInvalidArgument, "the currency must be a code of ISO 4217 such as EUR", "currency");
    return {};
}

Result<std::string> single_text(Query query) {
    TRY(const bool row, query.step());
    return row ? query.text_at(0) : std::string();
}

Result<std::vector<std::string>> applied_migrations(const Database& database) {
    std::vector<std::string> applied;
    TRY(Query query, database.prepare("SELECT name FROM schema_migrations"));
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) return applied;
        applied.push_back(query.text_at(0));
    }
}

Status judge_migrations(std::span<const std::string> applied) {
    const auto known = migrations::files();
    for (const std::string& name : applied) {
        if (std::none_of(known.begin(), known.end(), [&](const TextFile& file) { return file.name == name; }))
            return Error(Code::kConflict, "the catalog was written by a newer release (" + name +
                                              "); start that one, nothing was changed");
    }
    return {};
}

Status migrate(const Database& database) {
    // In transactions, which of nodes that open a new database together have one after the other.
    TRY_STATUS(database.transaction([&] {
        return database.execute("CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY) STRICT");
    }));
    TRY(const auto applied, applied_migrations(database));
    TRY_STATUS(judge_migrations(applied));
    const auto known = migrations::files();
    for (const TextFile& file : known) {
        if (std::find(applied.begin(), applied.end(), file.name) != applied.end()) continue;
        const Status status = database.transaction([&]() -> Status {
            TRY(Query by_another, database.prepare("SELECT 1 FROM schema_migrations WHERE name = ?"));
            TRY(const bool is_applied, by_another.text(file.name).step());
            if (is_applied) return {};
            TRY_STATUS(database.execute(file.text));
            TRY(Query insert, database.prepare("INSERT INTO schema_migrations (name) VALUES (?)"));
            return insert.text(file.name).run();
        });
        if (!status) return status.error().context("migration " + std::string(file.name));
    }
    return {};
}

Error no_segment(std::string_view id) {
    return {Code::kNotFound, "the site has no segment '" + std::string(id) + "'; 'footfall segment list' has the ids",
            "id"};
}

/// `same_secret`: the key of which `id` is the secret, if any. An error may be kept in a log or shown to others.
Error no_key(std::string_view id, const Key* same_secret) {
    if (same_secret != nullptr)
        return {Code::kNotFound, "this is the secret of the key " + same_secret->id + "; give that id to revoke it",
                "id"};
    const std::string named = id.size() <= kRandomIdLength ? "no key '" + std::string(id) + "'" : "no such key";
    return {Code::kNotFound, "there is " + named + " in force; 'footfall key list' has the ids", "id"};
}

Site site_of(const Query& row) {
    return {.id = row.text_at(0),
            .name = row.text_at(1),
            .domain = row.text_at(2),
            .timezone = row.text_at(3),
            .privacy = {.cookieless = row.integer_at(4) != 0,
                        .ip_policy = parse_ip_policy(row.text_at(5)).value_or(IpPolicy::kDrop),
                        .opt_out = parse_opt_out_policy(row.text_at(6)).value_or(OptOutPolicy::kDrop),
                        .consent = parse_consent_policy(row.text_at(7)).value_or(ConsentPolicy::kRequired)},
            .counting = {.session_timeout = static_cast<int>(row.integer_at(8)),
                         .session_timeout_longest = static_cast<int>(row.integer_at(9)),
                         .currency = row.text_at(10)},
            .retention = {.months = static_cast<int>(row.integer_at(11)),
                          .expiring_ms = row.integer_at(12),
                          .expired_ms = row.integer_at(13),
                          .log_offset = static_cast<std::uint64_t>(row.integer_at(14)),
                          .kept_ms = row.integer_at(15)},
            .created_ms = row.integer_at(16)};
}

Goal goal_of(const Query& row) {
    return {.id = row.text_at(0),
            .site_id = row.text_at(1),
            .name = row.text_at(2),
            .kind = parse_goal_kind(row.text_at(3)).value_or(Goal::Kind::kPage),
            .match = parse_goal_match(row.text_at(4)).value_or(Goal::Match::kIs),
            .value = row.text_at(5),
            .filters = row.text_at(6),
            .created_ms = row.integer_at(7)};
}

/// The one of these that has the name.
template <class Policy, std::size_t Count>
std::optional<Policy> named(const Policy (&policies)[Count], std::string_view (*name)(Policy), std::string_view text) {
    for (const Policy policy : policies)
        if (name(policy) == text) return policy;
    return std::nullopt;
}

}  // namespace

std::string_view ip_policy_name(IpPolicy policy) { return policy == IpPolicy::kDrop ? "drop" : "truncate"; }

std::optional<IpPolicy> parse_ip_policy(std::string_view text) {
    return named({IpPolicy::kTruncate, IpPolicy::kDrop}, ip_policy_name, text);
}

std::string_view opt_out_policy_name(OptOutPolicy policy) {
    switch (policy) {
        case OptOutPolicy::kIgnore: return "ignore";
        case OptOutPolicy::kAnonymous: return "anonymous";
        case OptOutPolicy::kDrop: return "drop";
    }
    return "";
}

std::optional<OptOutPolicy> parse_opt_out_policy(std::string_view text) {
    return named({OptOutPolicy::kIgnore, OptOutPolicy::kAnonymous, OptOutPolicy::kDrop}, opt_out_policy_name, text);
}

std::string_view consent_policy_name(ConsentPolicy policy) {
    return policy == ConsentPolicy::kRequired ? "required" : "optional";
}

std::optional<ConsentPolicy> parse_consent_policy(std::string_view text) {
    return named({ConsentPolicy::kOptional, ConsentPolicy::kRequired}, consent_policy_name, text);
}

std::string_view scope_name(Scope scope) {
    switch (scope) {
        case Scope::kCollect: return "collect";
        case Scope::kRead: return "read";
        case Scope::kAdmin: return "admin";
    }
    return "read";
}

std::optional<Scope> parse_scope(std::string_view text) {
    for (const Scope scope : {Scope::kCollect, Scope::kRead, Scope::kAdmin})
        if (scope_name(scope) == text) return scope;
    return std::nullopt;
}

std::uint64_t Retention::kept_days() const {
    std::uint64_t days = 0;
    for (const auto& [timezone, calendar] : kept) days += calendar.days;
    return days;
}

const Site* Snapshot::site(std::string_view id) const {
    const auto found = sites.find(id);
    return found == sites.end() ? nullptr : &found->second;
}

const std::vector<Goal>& Snapshot::goals_of(std::string_view site_id) const {
    static const std::vector<Goal> none;
    const auto found = goals.find(site_id);
    return found == goals.end() ? none : found->second;
}

const std::vector<Segment>& Snapshot::segments_of(std::string_view site_id) const {
    static const std::vector<Segment> none;
    const auto found = segments.find(site_id);
    return found == segments.end() ? none : found->second;
}

const Key* Snapshot::key(std::string_view secret) const {
    const auto found = keys.find(hash_of(secret));
    return found == keys.end() ? nullptr : &found->second;
}

struct Catalog::State {
    State(Database d, Clock& c, SessionLimits limits)
        : database(std::move(d)),
          clock(c),
          accounts(database, mutex, clock, limits),
          annotations(database, mutex, clock) {}

    Result<std::vector<Site>> read_sites() const;
    Status write_retained(std::string_view site_id, const Retention& retention) const;
    Status refresh();
    Result<NewKey> make_key(std::string_view site_id, Scope scope) const;
    /// Whether it may stand beside the site's others, of which one of its id is itself.
    Status judge(const Goal& goal) const;
    Status judge(const Segment& segment) const;

    mutable std::mutex mutex;
    Database database;
    Clock& clock;
    Accounts accounts;
    Annotations annotations;
    std::vector<std::pair<std::string, Key>> lent_keys;  ///< by the SHA-256 of their secret
    /// A lock of its own: event loops take the snapshot, and must not wait for the disk behind a change.
    mutable std::mutex snapshot_mutex;
    std::shared_ptr<const Snapshot> snapshot;
};

Result<std::vector<Site>> Catalog::State::read_sites() const {
    TRY(Query query,
        database.prepare(
            "SELECT id, name, domain, timezone, cookieless, ip_policy, opt_out, consent, session_timeout, "
            "session_timeout_longest, currency, retention_months, expiring_ms, expired_ms, expired_offset, "
            "kept_ms, created_ms FROM sites ORDER BY created_ms, id"));
    std::vector<Site> out;
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) break;
        out.push_back(site_of(query));
    }
    TRY(Query calendars, database.prepare("SELECT site_id, timezone, before_ms, days FROM kept_calendars"));
    std::map<std::string, std::map<std::string, Retention::Calendar>> kept;
    for (;;) {
        TRY(const bool row, calendars.step());
        if (!row) break;
        kept[calendars.text_at(0)][calendars.text_at(1)] = {
            .before_ms = calendars.integer_at(2), .days = static_cast<std::uint64_t>(calendars.integer_at(3))};
    }
    for (Site& site : out)
        if (const auto of_site = kept.find(site.id); of_site != kept.end())
            site.retention.kept = std::move(of_site->second);
    return out;
}

Status Catalog::State::write_retained(std::string_view site_id, const Retention& retention) const {
    TRY(Query update, database.prepare("UPDATE sites SET expiring_ms = ?, expired_ms = ?, expired_offset = ?, "
                                       "kept_ms = ? WHERE id = ?"));
    TRY_STATUS(update.integer(retention.expiring_ms)
                   .integer(retention.expired_ms)
                   .integer(static_cast<std::int64_t>(retention.log_offset))
                   .integer(retention.kept_ms)
                   .text(site_id)
                   .run());
    TRY(Query clear, database.prepare("DELETE FROM kept_calendars WHERE site_id = ?"));
    TRY_STATUS(clear.text(site_id).run());
    for (const auto& [timezone, kept] : retention.kept) {
        TRY(Query insert, database.prepare("INSERT INTO kept_calendars (site_id, timezone, before_ms, days) "
                                           "VALUES (?, ?, ?, ?)"));
        TRY_STATUS(insert.text(site_id)
                       .text(timezone)
                       .integer(kept.before_ms)
                       .integer(static_cast<std::int64_t>(kept.days))
                       .run());
    }
    return {};
}

Status Catalog::State::refresh() {
    auto fresh = std::make_shared<Snapshot>();
    TRY(auto all, read_sites());
    for (Site& site : all) fresh->sites.emplace(site.id, site);
    TRY(Query query,
        database.prepare("SELECT secret_hash, id, site_id, scope, created_ms FROM keys WHERE revoked_ms IS NULL"));
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) break;
        fresh->keys.emplace(query.text_at(0), Key{query.text_at(1), query.text_at(2), *parse_scope(query.text_at(3)),
                                                  query.integer_at(4), 0});
    }
    for (const auto& [secret_hash, key] : lent_keys) fresh->keys.emplace(secret_hash, key);
    TRY(Query goals, database.prepare("SELECT id, site_id, name, kind, matching, value, filters, created_ms FROM goals "
                                      "ORDER BY created_ms, id"));
    for (;;) {
        TRY(const bool row, goals.step());
        if (!row) break;
        const Goal goal = goal_of(goals);
        fresh->goals[goal.site_id].push_back(goal);
    }
    TRY(Query segments,
        database.prepare("SELECT id, site_id, name, filters, created_ms FROM segments ORDER BY site_id, name"));
    for (;;) {
        TRY(const bool row, segments.step());
        if (!row) break;
        Segment segment{.id = segments.text_at(0),
                        .site_id = segments.text_at(1),
                        .name = segments.text_at(2),
                        .filters = segments.text_at(3),
                        .created_ms = segments.integer_at(4)};
        fresh->segments[segment.site_id].push_back(std::move(segment));
    }
    TRY(fresh->erasures, read_erasures(database));
    const std::lock_guard lock(snapshot_mutex);
    snapshot = std::move(fresh);
    return {};
}

std::string_view newest_migration() { return migrations::files().back().name; }

Status check_version(const std::string& path) {
    if (!path_exists(path)) return {};
    const auto database = Database::open_unchanging(path);
    const auto applied = database ? applied_migrations(*database) : Result<std::vector<std::string>>(database.error());
    return applied ? judge_migrations(*applied) : Status();
}

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(const std::string& place, Clock& clock, SessionLimits limits) {
    const bool is_server = place.starts_with("postgresql://") || place.starts_with("postgres://");
    TRY(Database database, is_server ? Database::open_postgres(place) : Database::open(place));
    TRY_STATUS(migrate(database));
    // Before anything is read, so that no change falls in between.
    TRY_STATUS(database.watch());
    auto state = std::make_unique<State>(std::move(database), clock, limits);
    TRY_STATUS(state->refresh());
    TRY_STATUS(state->accounts.load());
    return std::unique_ptr<Catalog>(new Catalog(std::move(state)));
}

Result<bool> Catalog::take_in_others() {
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->database.have_others_changed()) return false;
        TRY_STATUS(state_->refresh());
    }
    TRY_STATUS(state_->accounts.load());
    return true;
}

Status Catalog::read_again() {
    const std::lock_guard lock(state_->mutex);
    return state_->refresh();
}

std::shared_ptr<const Snapshot> Catalog::snapshot() const {
    const std::lock_guard lock(state_->snapshot_mutex);
    return state_->snapshot;
}

Accounts& Catalog::accounts() { return state_->accounts; }
Annotations& Catalog::annotations() { return state_->annotations; }

Result<Site> Catalog::add_site(std::string_view name, std::string_view domain, std::string_view timezone,
                               std::string_view id, Privacy privacy, Counting counting, int retention_months) {
    if (!id.empty() && !is_id(id))
        return Error(Code::kInvalidArgument,
                     "an id has 1 to 64 letters, digits, '.', '_' or '-' and does not start with '-'", "id");
    Site site;
    site.id = id.empty() ? random_id() : std::string(id);
    site.name = name;
    site.domain = domain;
    site.timezone = timezone;
    site.privacy = privacy;
    site.counting = std::move(counting);
    site.created_ms = state_->clock.wall_ms();
    site.retention.months = retention_months;
    TRY_STATUS(check_site(site));
    site.counting.session_timeout_longest = site.counting.session_timeout;
    const std::lock_guard lock(state_->mutex);
    TRY(Query insert,
        state_->database.prepare(
            "INSERT INTO sites (id, name, domain, timezone, cookieless, ip_policy, opt_out, consent, session_timeout, "
            "session_timeout_longest, currency, retention_months, created_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    if (auto status = insert.text(site.id)
                          .text(site.name)
                          .text(site.domain)
                          .text(site.timezone)
                          .integer(site.privacy.cookieless ? 1 : 0)
                          .text(ip_policy_name(site.privacy.ip_policy))
                          .text(opt_out_policy_name(site.privacy.opt_out))
                          .text(consent_policy_name(site.privacy.consent))
                          .integer(site.counting.session_timeout)
                          .integer(site.counting.session_timeout_longest)
                          .text(site.counting.currency)
                          .integer(site.retention.months)
                          .integer(site.created_ms)
                          .run();
        !status) {
        if (status.error().code == Code::kConflict)
            return Error(Code::kConflict, "there is a site with the id '" + site.id + "' already", "id");
        return status.error();
    }
    TRY_STATUS(state_->refresh());
    return site;
}

Result<Site> Catalog::change_site(std::string_view id, const SiteChange& change) {
    const std::lock_guard lock(state_->mutex);
    const Site* now = state_->snapshot->site(id);
    if (now == nullptr) return no_site(id);
    Site site = *now;
    if (change.name) site.name = *change.name;
    if (change.domain) site.domain = *change.domain;
    if (change.timezone) site.timezone = *change.timezone;
    if (change.cookieless) site.privacy.cookieless = *change.cookieless;
    if (change.ip_policy) site.privacy.ip_policy = *change.ip_policy;
    if (change.opt_out) site.privacy.opt_out = *change.opt_out;
    if (change.consent) site.privacy.consent = *change.consent;
    if (change.session_timeout) site.counting.session_timeout = *change.session_timeout;
    if (change.currency) site.counting.currency = *change.currency;
    if (change.retention_months) site.retention.months = *change.retention_months;
    TRY_STATUS(check_site(site));
    site.counting.session_timeout_longest =
        std::max(site.counting.session_timeout_longest, site.counting.session_timeout);
    TRY(Query update,
        state_->database.prepare(
            "UPDATE sites SET name = ?, domain = ?, timezone = ?, cookieless = ?, ip_policy = ?, opt_out = ?, "
            "consent = ?, session_timeout = ?, session_timeout_longest = ?, currency = ?, "
            "retention_months = ? WHERE id = ?"));
    TRY_STATUS(update.text(site.name)
                   .text(site.domain)
                   .text(site.timezone)
                   .integer(site.privacy.cookieless ? 1 : 0)
                   .text(ip_policy_name(site.privacy.ip_policy))
                   .text(opt_out_policy_name(site.privacy.opt_out))
                   .text(consent_policy_name(site.privacy.consent))
                   .integer(site.counting.session_timeout)
                   .integer(site.counting.session_timeout_longest)
                   .text(site.counting.currency)
                   .integer(site.retention.months)
                   .text(site.id)
                   .run());
    TRY_STATUS(state_->refresh());
    return site;
}

Status Catalog::set_retained(std::string_view id, const Retention& retention) {
    const std::lock_guard lock(state_->mutex);
    if (state_->snapshot->site(id) == nullptr) return no_site(id);
    TRY_STATUS(state_->database.transaction([&] { return state_->write_retained(id, retention); }));
    return state_->refresh();
}

Status Catalog::add_kept_range(const KeptRange& range) {
    const std::lock_guard lock(state_->mutex);
    TRY(Query insert, state_->database.prepare("INSERT INTO kept_days (log_begin, log_end) VALUES (?, ?) ON CONFLICT "
                                               "(log_begin) DO UPDATE SET log_end = excluded.log_end"));
    return insert.integer(static_cast<std::int64_t>(range.begin)).integer(static_cast<std::int64_t>(range.end)).run();
}

Result<std::vector<KeptRange>> Catalog::kept_ranges() const {
    const std::lock_guard lock(state_->mutex);
    TRY(Query query, state_->database.prepare("SELECT log_begin, log_end FROM kept_days ORDER BY log_begin DESC"));
    std::vector<KeptRange> out;
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) return out;
        out.push_back(
            {static_cast<std::uint64_t>(query.integer_at(0)), static_cast<std::uint64_t>(query.integer_at(1))});
    }
}

Result<std::vector<Site>> Catalog::sites() const {
    const std::lock_guard lock(state_->mutex);
    return state_->read_sites();
}

Status Catalog::remove_site(std::string_view id) {
    const std::lock_guard lock(state_->mutex);
    TRY(Query query, state_->database.prepare("DELETE FROM sites WHERE id = ?"));
    TRY_STATUS(query.text(id).run());
    if (state_->database.changes() == 0) return no_site(id);
    std::erase_if(state_->lent_keys, [&](const auto& lent) { return lent.second.site_id == id; });
    return state_->refresh();
}

namespace {
/// What a goal has to be by itself.
Status check_goal(const Goal& goal) {
    constexpr std::size_t kNameMax = 200;
    constexpr std::size_t kValueMax = 2'000;
    if (goal.name.empty() || goal.name.size() > kNameMax)
        return Error(Code::kInvalidArgument, "give the goal a name of 1 to 200 bytes", "name");
    if (goal.match == Goal::Match::kAny && !goal.value.empty())
        return Error(Code::kInvalidArgument, "a goal that matches any names none; leave the value empty",
                     std::string(goal_kind_name(goal.kind)));
    if ((goal.value.empty() && goal.match != Goal::Match::kAny) || goal.value.size() > kValueMax)
        return Error(Code::kInvalidArgument,
                     "say which " + std::string(goal_kind_name(goal.kind)) + " it is, in 1 to 2000 bytes",
                     std::string(goal_kind_name(goal.kind)));
    return {};
}
}  // namespace

Status Catalog::State::judge(const Goal& goal) const {
    const std::vector<Goal>& all = snapshot->goals_of(goal.site_id);
    if (std::any_of(all.begin(), all.end(),
                    [&](const Goal& other) { return other.name == goal.name && other.id != goal.id; }))
        return Error(Code::kConflict, "the site has a goal '" + goal.name + "' already", "name");
    return {};
}

Result<Goal> Catalog::add_goal(Goal goal) {
    TRY_STATUS(check_goal(goal));
    goal.id = random_id();
    const std::lock_guard lock(state_->mutex);
    goal.created_ms = state_->clock.wall_ms();
    if (state_->snapshot->site(goal.site_id) == nullptr) return no_site(goal.site_id);
    if (state_->snapshot->goals_of(goal.site_id).size() >= kGoalsMax)
        return Error(Code::kInvalidArgument,
                     "a site has at most " + std::to_string(kGoalsMax) + " goals; remove one before", "name");
    TRY_STATUS(state_->judge(goal));
    TRY(Query insert, state_->database.prepare("INSERT INTO goals (id, site_id, name, kind, matching, value, filters, "
                                               "created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
    TRY_STATUS(insert.text(goal.id)
                   .text(goal.site_id)
                   .text(goal.name)
                   .text(goal_kind_name(goal.kind))
                   .text(goal_match_name(goal.match))
                   .text(goal.value)
                   .text(goal.filters)
                   .integer(goal.created_ms)
                   .run());
    TRY_STATUS(state_->refresh());
    return goal;
}

Result<Goal> Catalog::change_goal(Goal goal) {
    const std::lock_guard lock(state_->mutex);
    if (state_->snapshot->site(goal.site_id) == nullptr) return no_site(goal.site_id);
    const std::vector<Goal>& all = state_->snapshot->goals_of(goal.site_id);
    const auto former = std::find_if(all.begin(), all.end(), [&](const Goal& other) { return other.id == goal.id; });
    if (former == all.end()) return no_goal(goal.id);
    TRY_STATUS(check_goal(goal));
    TRY_STATUS(state_->judge(goal));
    goal.created_ms = former->created_ms;
    TRY(Query update,
        state_->database.prepare("UPDATE goals SET name = ?, kind = ?, matching = ?, value = ?, filters = ? "
                                 "WHERE id = ?"));
    TRY_STATUS(update.text(goal.name)
                   .text(goal_kind_name(goal.kind))
                   .text(goal_match_name(goal.match))
                   .text(goal.value)
                   .text(goal.filters)
                   .text(goal.id)
                   .run());
    TRY_STATUS(state_->refresh());
    return goal;
}

Status Catalog::remove_goal(std::string_view site_id, std::string_view id) {
    const std::lock_guard lock(state_->mutex);
    TRY(Query query, state_->database.prepare("DELETE FROM goals WHERE site_id = ? AND id = ?"));
    TRY_STATUS(query.text(site_id).text(id).run());
    if (state_->database.changes() == 0) return no_goal(id);
    return state_->refresh();
}

Status Catalog::State::judge(const Segment& segment) const {
    TRY_STATUS(check_line(segment.name, kSegmentNameMax, "the name of a segment", "name"));
    if (segment.filters.size() > kSegmentFiltersBytesMax)
        return Error(Code::kInvalidArgument,
                     "the filters of a segment may have " + std::to_string(kSegmentFiltersBytesMax) + " bytes",
                     "filters");
    if (snapshot->site(segment.site_id) == nullptr) return no_site(segment.site_id);
    const std::vector<Segment>& all = snapshot->segments_of(segment.site_id);
    if (std::any_of(all.begin(), all.end(),
                    [&](const Segment& other) { return other.name == segment.name && other.id != segment.id; }))
        return Error(Code::kConflict, "the site has a segment '" + segment.name + "' already", "name");
    return {};
}

Result<Segment> Catalog::add_segment(Segment segment) {
    segment.id = random_id();
    const std::lock_guard lock(state_->mutex);
    segment.created_ms = state_->clock.wall_ms();
    TRY_STATUS(state_->judge(segment));
    if (state_->snapshot->segments_of(segment.site_id).size() >= kSegmentsMax)
        return Error(Code::kInvalidArgument,
                     "a site has at most " + std::to_string(kSegmentsMax) + " segments; remove one before", "name");
    TRY(Query insert, state_->database.prepare(
                          "INSERT INTO segments (id, site_id, name, filters, created_ms) VALUES (?, ?, ?, ?, ?)"));
    TRY_STATUS(insert.text(segment.id)
                   .text(segment.site_id)
                   .text(segment.name)
                   .text(segment.filters)
                   .integer(segment.created_ms)
                   .run());
    TRY_STATUS(state_->refresh());
    return segment;
}

Result<Segment> Catalog::change_segment(Segment segment) {
    const std::lock_guard lock(state_->mutex);
    if (state_->snapshot->site(segment.site_id) == nullptr) return no_site(segment.site_id);
    const std::vector<Segment>& all = state_->snapshot->segments_of(segment.site_id);
    const auto former =
        std::find_if(all.begin(), all.end(), [&](const Segment& other) { return other.id == segment.id; });
    if (former == all.end()) return no_segment(segment.id);
    TRY_STATUS(state_->judge(segment));
    segment.created_ms = former->created_ms;
    TRY(Query update, state_->database.prepare("UPDATE segments SET name = ?, filters = ? WHERE id = ?"));
    TRY_STATUS(update.text(segment.name).text(segment.filters).text(segment.id).run());
    TRY_STATUS(state_->refresh());
    return segment;
}

Status Catalog::remove_segment(std::string_view site_id, std::string_view id) {
    const std::lock_guard lock(state_->mutex);
    TRY(Query query, state_->database.prepare("DELETE FROM segments WHERE site_id = ? AND id = ?"));
    TRY_STATUS(query.text(site_id).text(id).run());
    if (state_->database.changes() == 0) return no_segment(id);
    return state_->refresh();
}

Result<std::vector<Erasure>> Catalog::erasures() const {
    const std::lock_guard lock(state_->mutex);
    return read_erasures(state_->database);
}

Result<Erasure> Catalog::put_erasure(Erasure erasure) {
    const std::lock_guard lock(state_->mutex);
    if (erasure.id.empty()) {
        erasure.id = random_id();
        erasure.created_ms = state_->clock.wall_ms();
    }
    TRY(erasure, write_erasure(state_->database, std::move(erasure)));
    TRY_STATUS(state_->refresh());
    return erasure;
}

Status Catalog::set_erasure_done(std::string_view id) {
    const std::lock_guard lock(state_->mutex);
    TRY_STATUS(write_erasure_done(state_->database, id, state_->clock.wall_ms()));
    return state_->refresh();
}

Status Catalog::set_erasure_archived(std::string_view id, std::uint16_t partition, std::uint64_t end) {
    const std::lock_guard lock(state_->mutex);
    TRY_STATUS(
        write_erasure_archived(state_->database, id, {.number = partition, .end = end}, state_->clock.wall_ms()));
    return state_->refresh();
}

Status Catalog::remove_erasure(std::string_view id) {
    const std::lock_guard lock(state_->mutex);
    TRY_STATUS(delete_erasure(state_->database, id));
    return state_->refresh();
}

Result<NewKey> Catalog::State::make_key(std::string_view site_id, Scope scope) const {
    if (snapshot->site(site_id) == nullptr)
        return Error(Code::kNotFound, "there is no site '" + std::string(site_id) + "'; see 'footfall site list'",
                     "site");
    return NewKey{{random_id(), std::string(site_id), scope, clock.wall_ms(), 0}, "ff_" + random_token(32)};
}

Result<NewKey> Catalog::lend_key(std::string_view site_id, Scope scope) {
    const std::lock_guard lock(state_->mutex);
    TRY(NewKey made, state_->make_key(site_id, scope));
    state_->lent_keys.emplace_back(hash_of(made.secret), made.key);
    TRY_STATUS(state_->refresh());
    return made;
}

Result<NewKey> Catalog::create_key(std::string_view site_id, Scope scope) {
    const std::lock_guard lock(state_->mutex);
    TRY(NewKey made, state_->make_key(site_id, scope));
    TRY(Query query, state_->database.prepare(
                         "INSERT INTO keys (id, site_id, scope, secret_hash, created_ms) VALUES (?, ?, ?, ?, ?)"));
    TRY_STATUS(query.text(made.key.id)
                   .text(site_id)
                   .text(scope_name(scope))
                   .blob(hash_of(made.secret))
                   .integer(made.key.created_ms)
                   .run());
    TRY_STATUS(state_->refresh());
    return made;
}

Result<std::vector<Key>> Catalog::keys() const {
    const std::lock_guard lock(state_->mutex);
    TRY(Query query,
        state_->database.prepare(
            "SELECT id, site_id, scope, created_ms, coalesce(revoked_ms, 0) FROM keys ORDER BY created_ms, id"));
    std::vector<Key> out;
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) return out;
        out.push_back({query.text_at(0), query.text_at(1), *parse_scope(query.text_at(2)), query.integer_at(3),
                       query.integer_at(4)});
    }
}

Status Catalog::revoke_key(std::string_view id) {
    const std::lock_guard lock(state_->mutex);
    TRY(Query query, state_->database.prepare("UPDATE keys SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL"));
    TRY_STATUS(query.integer(state_->clock.wall_ms()).text(id).run());
    if (state_->database.changes() == 0) return no_key(id, state_->snapshot->key(id));
    return state_->refresh();
}

namespace {
Result<Salt> salt_of(const std::string& bytes) {
    Salt salt;
    if (bytes.size() != salt.size()) return Error(Code::kCorrupt, "catalog: a salt has the wrong size");
    std::memcpy(salt.data(), bytes.data(), salt.size());
    return salt;
}
std::string random_salt() {
    std::string bytes(std::tuple_size_v<Salt>, '\0');
    random_bytes(bytes.data(), bytes.size());
    return bytes;
}
}  // namespace

Result<Salt> Catalog::salt(std::int64_t day) {
    const std::lock_guard lock(state_->mutex);
    TRY(Query insert, state_->database.prepare("INSERT INTO salts (day, salt) VALUES (?, ?) ON CONFLICT DO NOTHING"));
    TRY_STATUS(insert.integer(day).blob(random_salt()).run());
    TRY(Query forget, state_->database.prepare("DELETE FROM salts WHERE day < ?"));
    TRY_STATUS(forget.integer(day - 1).run());
    if (state_->database.changes() > 0) TRY_STATUS(state_->database.forget_deleted());
    TRY(Query select, state_->database.prepare("SELECT salt FROM salts WHERE day = ?"));
    TRY(const std::string bytes, single_text(std::move(select.integer(day))));
    return salt_of(bytes);
}

Result<Salt> Catalog::installation_secret(std::string_view name) {
    const std::lock_guard lock(state_->mutex);
    TRY(Query insert, state_->database.prepare("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"));
    TRY_STATUS(insert.text(name).blob(random_salt()).run());
    TRY(Query select, state_->database.prepare("SELECT value FROM meta WHERE name = ?"));
    TRY(const std::string bytes, single_text(std::move(select.text(name))));
    return salt_of(bytes);
}

Result<std::string> Catalog::backup_copy() const {
    const std::lock_guard lock(state_->mutex);
    // In memory, so that no salt touches a disk on which nobody overwrites it.
    TRY(const Database copy, state_->database.copy_in_memory());
    TRY_STATUS(copy.execute("DELETE FROM salts; DELETE FROM sessions; DELETE FROM one_time_tokens;"));
    TRY_STATUS(copy.execute("VACUUM"));
    return copy.file_content();
}

}  // namespace footfall::catalog
