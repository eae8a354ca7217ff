#include "catalog/accounts.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <unordered_map>

#include "base/bytes.h"
#include "base/logging.h"
#include "catalog/database.h"
#include "catalog/password.h"

namespace footfall::catalog {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kTokenLength = 43;  // in base64url
constexpr std::int64_t kSaveUseMs = 60'000;

constexpr std::string_view kSetup = "setup";
constexpr std::string_view kSignIn = "sign_in";

std::string hash_of(std::string_view secret) {
    const auto digest = sha256(secret);
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Status check_email(std::string_view email) {
    const std::size_t at = email.find('@');
    const bool has_blanks =
        std::any_of(email.begin(), email.end(), [](char c) { return (c >= 0 && c <= ' ') || c == 0x7f; });
    if (at == 0 || at == std::string_view::npos || at + 1 == email.size() || email.size() > 254 || has_blanks)
        return Error(Code::kInvalidArgument, "'" + std::string(email.substr(0, 254)) + "' is not a mail address",
                     "email");
    return {};
}

Status check_password(std::string_view password, std::string field) {
    // Characters, not bytes: of UTF-8 each byte that begins one.
    const auto characters = std::count_if(password.begin(), password.end(),
                                          [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    if (characters < 8)
        return Error(Code::kInvalidArgument, "the password must have at least 8 characters", std::move(field));
    if (password.size() > 1'000)
        return Error(Code::kInvalidArgument, "the password must have at most 1000 bytes", std::move(field));
    return {};
}

Error no_such_user(std::string_view email) {
    return Error(Code::kNotFound, "there is no user '" + std::string(email) + "'; see 'footfall user list'", "email");
}

Error last_owner(std::string_view email) {
    return {Code::kConflict,
            std::string(email) +
                " is the last owner; first make somebody else one with 'footfall user role EMAIL owner' or "
                "'footfall user add EMAIL --role owner'",
            "email"};
}

Error wrong_credentials() { return Error(Code::kUnauthenticated, "unknown mail address or wrong password"); }

Error link_refused() {
    return Error(Code::kForbidden,
                 "this link is unknown, was used, or is too old; get a new one with 'footfall user link'", "token");
}

struct StoredUser {
    User user;
    std::string password_hash;
};

struct LiveSession {
    std::string email;
    Role role;
    std::int64_t created_ms;
    std::int64_t user_created_ms;
    std::int64_t last_used_ms;
    std::int64_t saved_ms;  ///< what the database holds as last_used_ms
    std::int64_t expires_ms;
};

}  // namespace

std::string_view role_name(Role role) {
    switch (role) {
        case Role::kOwner: return "owner";
        case Role::kAdmin: return "admin";
        case Role::kEditor: return "editor";
        case Role::kViewer: return "viewer";
    }
    return "viewer";
}

std::optional<Role> parse_role(std::string_view text) {
    for (const Role role : {Role::kOwner, Role::kAdmin, Role::kEditor, Role::kViewer})
        if (role_name(role) == text) return role;
    return std::nullopt;
}

struct Accounts::State {
    State(Database& d, std::mutex& m, Clock& c, SessionLimits l) : database(d), mutex(m), clock(c), limits(l) {}

    // All of these are called with the database's mutex held.
    Result<std::optional<StoredUser>> find_user(std::string_view email) const;
    Result<std::int64_t> count_users() const;
    struct Others {
        std::int64_t users = 0;
        std::int64_t owners = 0;
    };
    Result<Others> count_others(const std::string& email) const;
    Status insert_user(const User& user, const std::string& password_hash) const;
    Status spend_link(std::string_view purpose, std::string_view token_hash) const;
    Result<std::string> create_link(std::string_view purpose, const std::string* email) const;
    /// In the database; end_in_memory() follows when that is committed.
    Status end_sessions(const std::string& email, std::string_view keep_hash) const;
    Status end_links(const std::string& email) const;
    void end_in_memory(const std::string& email, std::string_view keep_hash);
    Result<SignedIn> start_session(const User& user);
    Status end_least_used(const std::string& email);

    bool is_over(const LiveSession& session, std::int64_t now) const {
        return now >= std::min(session.expires_ms, session.created_ms + limits.absolute_ms) ||
               now - session.last_used_ms >= limits.idle_ms;
    }

    std::optional<User> find_session(std::string_view token, bool prolong) {
        if (token.size() != kTokenLength) return std::nullopt;
        const std::string hash = hash_of(token);
        const std::int64_t now = clock.wall_ms();
        const std::lock_guard lock(sessions_mutex);
        const auto found = sessions.find(hash);
        if (found == sessions.end() || is_over(found->second, now)) return std::nullopt;
        LiveSession& session = found->second;
        if (prolong) session.last_used_ms = std::max(session.last_used_ms, now);
        return User{session.email, session.role, session.user_created_ms};
    }

    Database& database;
    std::mutex& mutex;
    Clock& clock;
    const SessionLimits limits;
    std::atomic<bool> has_users{false};
    /// Taken after the database's mutex where both are, and never held while the disk is waited for.
    std::mutex sessions_mutex;
    std::unordered_map<std::string, LiveSession> sessions;  ///< by the hash of their token
};

Result<std::optional<StoredUser>> Accounts::State::find_user(std::string_view email) const {
    TRY(Query query, database.prepare("SELECT email, role, created_ms, password_hash FROM users WHERE email = ?"));
    TRY(const bool row, query.text(email).step());
    if (!row) return std::optional<StoredUser>();
    return std::optional<StoredUser>(
        {{query.text_at(0), *parse_role(query.text_at(1)), query.integer_at(2)}, query.text_at(3)});
}

Result<std::int64_t> Accounts::State::count_users() const {
    TRY(Query query, database.prepare("SELECT count(*) FROM users"));
    TRY([[maybe_unused]] const bool row, query.step());
    return query.integer_at(0);
}

Result<Accounts::State::Others> Accounts::State::count_others(const std::string& email) const {
    TRY(Query query, database.prepare("SELECT count(*), count(*) FILTER (WHERE role = ?) FROM users WHERE email <> ?"));
    TRY([[maybe_unused]] const bool row, query.text(role_name(Role::kOwner)).text(email).step());
    return Others{.users = query.integer_at(0), .owners = query.integer_at(1)};
}

Status Accounts::State::insert_user(const User& user, const std::string& password_hash) const {
    TRY(Query query,
        database.prepare("INSERT INTO users (email, role, password_hash, created_ms) VALUES (?, ?, ?, ?)"));
    Status status =
        query.text(user.email).text(role_name(user.role)).text(password_hash).integer(user.created_ms).run();
    if (!status && status.error().code == Code::kConflict)
        return Error(Code::kConflict, "there is a user '" + user.email + "' already", "email");
    return status;
}

Status Accounts::State::spend_link(std::string_view purpose, std::string_view token_hash) const {
    TRY(Query query, database.prepare("UPDATE one_time_tokens SET used_ms = ? WHERE token_hash = ? AND purpose = ? AND "
                                      "used_ms IS NULL AND expires_ms > ?"));
    const std::int64_t now = clock.wall_ms();
    TRY_STATUS(query.integer(now).blob(token_hash).text(purpose).integer(now).run());
    if (database.changes() == 0) return link_refused();
    return {};
}

Result<std::string> Accounts::State::create_link(std::string_view purpose, const std::string* email) const {
    std::string token = random_token(kTokenBytes);
    const std::int64_t now = clock.wall_ms();
    const Status changed = database.transaction([&]() -> Status {
        TRY(Query forget,
            database.prepare("DELETE FROM one_time_tokens WHERE purpose = ? AND email IS NOT DISTINCT FROM ?"));
        forget.text(purpose);
        if (email != nullptr) forget.text(*email);
        TRY_STATUS(forget.run());
        TRY(Query insert,
            database.prepare("INSERT INTO one_time_tokens (token_hash, purpose, created_ms, expires_ms, email) VALUES "
                             "(?, ?, ?, ?, ?)"));
        insert.blob(hash_of(token)).text(purpose).integer(now).integer(now + kLinkMs);
        if (email != nullptr) insert.text(*email);
        return insert.run();
    });
    if (!changed) return changed.error();
    return token;
}

Status Accounts::State::end_sessions(const std::string& email, std::string_view keep_hash) const {
    TRY(Query query, database.prepare("DELETE FROM sessions WHERE email = ? AND token_hash <> ?"));
    return query.text(email).blob(keep_hash).run();
}

Status Accounts::State::end_links(const std::string& email) const {
    TRY(Query query, database.prepare("DELETE FROM one_time_tokens WHERE email = ?"));
    return query.text(email).run();
}

void Accounts::State::end_in_memory(const std::string& email, std::string_view keep_hash) {
    const std::lock_guard lock(sessions_mutex);
    std::erase_if(sessions, [&](const auto& entry) { return entry.second.email == email && entry.first != keep_hash; });
}

Status Accounts::State::end_least_used(const std::string& email) {
    std::string oldest;
    {
        const std::lock_guard lock(sessions_mutex);
        std::size_t count = 0;
        std::int64_t oldest_ms = 0;
        for (const auto& [hash, session] : sessions) {
            if (session.email != email) continue;
            ++count;
            if (oldest.empty() || session.last_used_ms < oldest_ms) {
                oldest = hash;
                oldest_ms = session.last_used_ms;
            }
        }
        if (count < kSessionsPerUserMax) return {};
    }
    TRY(Query query, database.prepare("DELETE FROM sessions WHERE token_hash = ?"));
    TRY_STATUS(query.blob(oldest).run());
    const std::lock_guard lock(sessions_mutex);
    sessions.erase(oldest);
    return {};
}

Result<SignedIn> Accounts::State::start_session(const User& user) {
    TRY_STATUS(end_least_used(user.email));
    SignedIn made{user, random_token(kTokenBytes)};
    const std::string hash = hash_of(made.token);
    const std::int64_t now = clock.wall_ms();
    TRY(Query query,
        database.prepare("INSERT INTO sessions (token_hash, email, created_ms, last_used_ms, expires_ms) VALUES (?, ?, "
                         "?, ?, ?)"));
    TRY_STATUS(query.blob(hash).text(user.email).integer(now).integer(now).integer(now + limits.absolute_ms).run());
    const std::lock_guard lock(sessions_mutex);
    sessions.emplace(hash, LiveSession{.email = user.email,
                                       .role = user.role,
                                       .created_ms = now,
                                       .user_created_ms = user.created_ms,
                                       .last_used_ms = now,
                                       .saved_ms = now,
                                       .expires_ms = now + limits.absolute_ms});
    return made;
}

Accounts::Accounts(Database& database, std::mutex& database_mutex, Clock& clock, SessionLimits limits)
    : state_(std::make_unique<State>(database, database_mutex, clock, limits)) {}
Accounts::~Accounts() = default;

Status Accounts::load() {
    State& state = *state_;
    const std::lock_guard lock(state.mutex);
    TRY(const std::int64_t users, state.count_users());
    state.has_users = users > 0;
    TRY(Query query, state.database.prepare("SELECT token_hash, sessions.email, role, sessions.created_ms, "
                                            "users.created_ms, last_used_ms, expires_ms FROM sessions JOIN users USING "
                                            "(email)"));
    std::unordered_map<std::string, LiveSession> read;
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) break;
        read.emplace(query.text_at(0), LiveSession{.email = query.text_at(1),
                                                   .role = *parse_role(query.text_at(2)),
                                                   .created_ms = query.integer_at(3),
                                                   .user_created_ms = query.integer_at(4),
                                                   .last_used_ms = query.integer_at(5),
                                                   .saved_ms = query.integer_at(5),
                                                   .expires_ms = query.integer_at(6)});
    }
    const std::lock_guard sessions_lock(state.sessions_mutex);
    // A use that is not saved yet is known here alone.
    for (auto& [hash, session] : read)
        if (const auto known = state.sessions.find(hash); known != state.sessions.end())
            session.last_used_ms = std::max(session.last_used_ms, known->second.last_used_ms);
    state.sessions = std::move(read);
    return {};
}

Status Accounts::add_user(std::string_view email, Role role, std::string_view password) {
    State& state = *state_;
    TRY_STATUS(check_email(email));
    TRY_STATUS(check_password(password, "password"));
    TRY(const std::string hash, hash_password(password));
    const std::lock_guard lock(state.mutex);
    TRY_STATUS(state.insert_user({std::string(email), role, state.clock.wall_ms()}, hash));
    state.has_users = true;
    return {};
}

Result<std::vector<User>> Accounts::users() const {
    const std::lock_guard lock(state_->mutex);
    TRY(Query query, state_->database.prepare("SELECT email, role, created_ms FROM users ORDER BY email"));
    std::vector<User> out;
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) return out;
        out.push_back({query.text_at(0), *parse_role(query.text_at(1)), query.integer_at(2)});
    }
}

bool Accounts::has_users() const { return state_->has_users; }

Status Accounts::remove_user(std::string_view email) {
    State& state = *state_;
    const std::lock_guard lock(state.mutex);
    TRY(const auto found, state.find_user(email));
    if (!found) return no_such_user(email);
    TRY(const State::Others others, state.count_others(found->user.email));
    if (found->user.role == Role::kOwner && others.owners == 0 && others.users > 0)
        return last_owner(found->user.email);
    // Sessions and links go with the user.
    TRY(Query query, state.database.prepare("DELETE FROM users WHERE email = ?"));
    TRY_STATUS(query.text(email).run());
    state.end_in_memory(found->user.email, {});
    state.has_users = others.users > 0;
    return {};
}

Status Accounts::set_role(std::string_view email, Role role) {
    State& state = *state_;
    const std::lock_guard lock(state.mutex);
    TRY(const auto found, state.find_user(email));
    if (!found) return no_such_user(email);
    TRY(const State::Others others, state.count_others(found->user.email));
    if (found->user.role == Role::kOwner && role != Role::kOwner && others.owners == 0)
        return last_owner(found->user.email);
    const Status changed = state.database.transaction([&]() -> Status {
        TRY(Query query, state.database.prepare("UPDATE users SET role = ? WHERE email = ?"));
        TRY_STATUS(query.text(role_name(role)).text(email).run());
        TRY_STATUS(state.end_links(found->user.email));
        return state.end_sessions(found->user.email, {});
    });
    if (!changed) return changed.error();
    state.end_in_memory(found->user.email, {});
    return {};
}

Status Accounts::set_password(std::string_view email, std::string_view password) {
    State& state = *state_;
    TRY_STATUS(check_password(password, "password"));
    TRY(const std::string hash, hash_password(password));
    const std::lock_guard lock(state.mutex);
    TRY(const auto found, state.find_user(email));
    if (!found) return no_such_user(email);
    const Status changed = state.database.transaction([&]() -> Status {
        TRY(Query query, state.database.prepare("UPDATE users SET password_hash = ? WHERE email = ?"));
        TRY_STATUS(query.text(hash).text(email).run());
        TRY_STATUS(state.end_links(found->user.email));
        return state.end_sessions(found->user.email, {});
    });
    if (!changed) return changed.error();
    state.end_in_memory(found->user.email, {});
    return {};
}

Result<SignedIn> Accounts::sign_in(std::string_view email, std::string_view password) {
    State& state = *state_;
    std::optional<StoredUser> stored;
    {
        const std::lock_guard lock(state.mutex);
        TRY(stored, state.find_user(email));
    }
    TRY(const bool matches, password_matches(stored ? &stored->password_hash : nullptr, password));
    if (!matches) {
        // The name only of somebody who exists: others may have typed their password there.
        logging::warn("account.sign_in_refused", {{"user", stored ? stored->user.email : std::string("unknown")}});
        return wrong_credentials();
    }
    const std::lock_guard lock(state.mutex);
    // The password may have been changed while it was being checked.
    TRY(const auto current, state.find_user(email));
    if (!current || current->password_hash != stored->password_hash) return wrong_credentials();
    return state.start_session(current->user);
}

Result<SignedIn> Accounts::sign_in_by_link(std::string_view token) {
    State& state = *state_;
    const std::string hash = hash_of(token);
    const std::lock_guard lock(state.mutex);
    if (Status spent = state.spend_link(kSignIn, hash); !spent) {
        if (spent.error().code == Code::kForbidden) spent.error().code = Code::kUnauthenticated;
        return spent.error();
    }
    TRY(Query query, state.database.prepare("SELECT email FROM one_time_tokens WHERE token_hash = ?"));
    TRY([[maybe_unused]] const bool row, query.blob(hash).step());
    TRY(const auto found, state.find_user(query.text_at(0)));
    if (!found) return Error(Code::kInternal, "catalog: a link without its user");
    return state.start_session(found->user);
}

Result<SignedIn> Accounts::set_up(std::string_view token, std::string_view email, std::string_view password) {
    State& state = *state_;
    const std::string hash = hash_of(token);
    // A stranger's token is refused before anything is hashed for it.
    const auto judge_link = [&]() -> Status {
        TRY(Query query,
            state.database.prepare("SELECT 1 FROM one_time_tokens WHERE token_hash = ? AND purpose = ? AND "
                                   "used_ms IS NULL AND expires_ms > ?"));
        TRY(const bool row, query.blob(hash).text(kSetup).integer(state.clock.wall_ms()).step());
        if (!row) return link_refused();
        TRY(const std::int64_t users, state.count_users());
        if (users > 0) return Error(Code::kConflict, "this installation has users already; sign in");
        return {};
    };
    {
        const std::lock_guard lock(state.mutex);
        TRY_STATUS(judge_link());
    }
    TRY_STATUS(check_email(email));
    TRY_STATUS(check_password(password, "password"));
    TRY(const std::string password_hash, hash_password(password));
    const std::lock_guard lock(state.mutex);
    TRY_STATUS(judge_link());
    const User owner{std::string(email), Role::kOwner, state.clock.wall_ms()};
    const Status changed = state.database.transaction([&]() -> Status {
        TRY_STATUS(state.spend_link(kSetup, hash));
        return state.insert_user(owner, password_hash);
    });
    if (!changed) return changed.error();
    state.has_users = true;
    return state.start_session(owner);
}

Status Accounts::change_password(std::string_view email, std::string_view current, std::string_view fresh,
                                 std::string_view keep_token) {
    State& state = *state_;
    std::optional<StoredUser> stored;
    {
        const std::lock_guard lock(state.mutex);
        TRY(stored, state.find_user(email));
    }
    const Error refused(Code::kForbidden, "this is not the current password", "current");
    TRY(const bool matches, password_matches(stored ? &stored->password_hash : nullptr, current));
    if (!matches) return refused;
    TRY_STATUS(check_password(fresh, "new"));
    TRY(const std::string hash, hash_password(fresh));
    const std::string keep = hash_of(keep_token);
    const std::lock_guard lock(state.mutex);
    const Status changed = state.database.transaction([&]() -> Status {
        TRY(Query query,
            state.database.prepare("UPDATE users SET password_hash = ? WHERE email = ? AND password_hash = ?"));
        TRY_STATUS(query.text(hash).text(stored->user.email).text(stored->password_hash).run());
        if (state.database.changes() == 0) return refused;  // changed by somebody else meanwhile
        TRY_STATUS(state.end_links(stored->user.email));
        return state.end_sessions(stored->user.email, keep);
    });
    if (!changed) return changed.error();
    state.end_in_memory(stored->user.email, keep);
    return {};
}

Result<std::string> Accounts::create_setup_link() {
    const std::lock_guard lock(state_->mutex);
    TRY(const std::int64_t users, state_->count_users());
    if (users > 0)
        return Error(Code::kConflict, "there are users already; name one of them for a sign-in link", "email");
    return state_->create_link(kSetup, nullptr);
}

Result<std::string> Accounts::create_sign_in_link(std::string_view email) {
    const std::lock_guard lock(state_->mutex);
    TRY(const auto found, state_->find_user(email));
    if (!found) return no_such_user(email);
    return state_->create_link(kSignIn, &found->user.email);
}

std::optional<User> Accounts::session(std::string_view token) { return state_->find_session(token, true); }

std::optional<User> Accounts::look_at_session(std::string_view token) const {
    return state_->find_session(token, false);
}

Status Accounts::end_session(std::string_view token) {
    State& state = *state_;
    const std::string hash = hash_of(token);
    const std::lock_guard lock(state.mutex);
    TRY(Query query, state.database.prepare("DELETE FROM sessions WHERE token_hash = ?"));
    TRY_STATUS(query.blob(hash).run());
    const std::lock_guard sessions_lock(state.sessions_mutex);
    state.sessions.erase(hash);
    return {};
}

Status Accounts::save_use() {
    State& state = *state_;
    const std::int64_t now = state.clock.wall_ms();
    const std::lock_guard lock(state.mutex);
    std::vector<std::pair<std::string, std::int64_t>> used;
    std::vector<std::string> over;
    {
        const std::lock_guard sessions_lock(state.sessions_mutex);
        for (const auto& [hash, session] : state.sessions) {
            if (state.is_over(session, now)) over.push_back(hash);
            else if (session.last_used_ms - session.saved_ms >= kSaveUseMs)
                used.emplace_back(hash, session.last_used_ms);
        }
    }
    if (used.empty() && over.empty()) return {};
    const Status changed = state.database.transaction([&]() -> Status {
        for (const auto& [hash, last_used_ms] : used) {
            TRY(Query query, state.database.prepare("UPDATE sessions SET last_used_ms = ? WHERE token_hash = ?"));
            TRY_STATUS(query.integer(last_used_ms).blob(hash).run());
        }
        for (const std::string& hash : over) {
            TRY(Query query, state.database.prepare("DELETE FROM sessions WHERE token_hash = ?"));
            TRY_STATUS(query.blob(hash).run());
        }
        TRY(Query query, state.database.prepare("DELETE FROM one_time_tokens WHERE expires_ms <= ?"));
        return query.integer(now).run();
    });
    if (!changed) return changed.error();
    const std::lock_guard sessions_lock(state.sessions_mutex);
    for (const auto& [hash, last_used_ms] : used)
        if (const auto found = state.sessions.find(hash); found != state.sessions.end())
            found->second.saved_ms = last_used_ms;
    for (const std::string& hash : over) state.sessions.erase(hash);
    return {};
}

}  // namespace footfall::catalog
