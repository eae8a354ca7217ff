#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace footfall::catalog {

class Database;

/// owner, admin: everything; editor: reads, and changes what belongs to a site's analysis; viewer: reads.
enum class Role : std::uint8_t { kOwner, kAdmin, kEditor, kViewer };
std::string_view role_name(Role role);
std::optional<Role> parse_role(std::string_view text);

struct User {
    std::string email;
    Role role = Role::kViewer;
    std::int64_t created_ms = 0;
};

struct SessionLimits {
    std::int64_t idle_ms = std::int64_t{14} * 24 * 3'600'000;      ///< without a request
    std::int64_t absolute_ms = std::int64_t{90} * 24 * 3'600'000;  ///< whatever is done with it
};

/// Somebody who has just signed in.
struct SignedIn {
    User user;
    std::string token;  ///< 256 random bits; only here, only once
};

/// Users, their sessions, and links that let somebody in once. Thread-safe; a change is durable and in force when the
/// call returns. What takes a password hashes, so it takes tens of milliseconds and may wait for other hashes: not on
/// an event loop. `session()` looks into memory alone.
class Accounts {
public:
    /// One-time links are valid for a day.
    static constexpr std::int64_t kLinkMs = std::int64_t{24} * 3'600'000;
    /// Of one user; a further sign-in ends the one that was used least recently.
    static constexpr std::size_t kSessionsPerUserMax = 100;

    /// `database_mutex` guards `database`; both outlive this.
    Accounts(Database& database, std::mutex& database_mutex, Clock& clock, SessionLimits limits);
    ~Accounts();
    Status load();

    /// The password is stored as argon2id; 8 characters to 1000 bytes. Errors name the field.
    Status add_user(std::string_view email, Role role, std::string_view password);
    Result<std::vector<User>> users() const;
    bool has_users() const;
    /// These three end the user's sessions and links. Users are never left without an owner: kConflict for who is the
    /// last one. Where nobody is left, a set-up link makes the first one again.
    Status remove_user(std::string_view email);
    Status set_role(std::string_view email, Role role);
    Status set_password(std::string_view email, std::string_view password);

    /// kUnauthenticated, in the same words and after the same time, for an unknown mail address and a wrong password.
    Result<SignedIn> sign_in(std::string_view email, std::string_view password);
    /// By a one-time link, which is then used up. kUnauthenticated where it is unknown, used or too old.
    Result<SignedIn> sign_in_by_link(std::string_view token);
    /// Makes the first owner by a set-up link, which is then used up. kForbidden where the link is unknown, used or too
    /// old; kConflict where there are users; kInvalidArgument for the mail address and the password.
    Result<SignedIn> set_up(std::string_view token, std::string_view email, std::string_view password);
    /// Ends all sessions of the user but the one of `keep_token`. kForbidden (field "current") where the current
    /// password is wrong, kInvalidArgument (field "new").
    Status change_password(std::string_view email, std::string_view current, std::string_view fresh,
                           std::string_view keep_token);

    /// A token for a set-up link; earlier ones end. kConflict where there are users.
    Result<std::string> create_setup_link();
    /// A token for a sign-in link of that user; earlier ones of theirs end.
    Result<std::string> create_sign_in_link(std::string_view email);

    /// The user of a session in force, which this use prolongs. Memory only, no waiting for the disk.
    std::optional<User> session(std::string_view token);
    /// The same without prolonging it: for a connection that stays open, which nobody has to be using.
    std::optional<User> look_at_session(std::string_view token) const;
    Status end_session(std::string_view token);
    /// Writes when sessions were last used, at most once a minute for each, and forgets what is over. To be called now
    /// and then; what was not written is lost by a crash, and makes sessions idle a little sooner.
    Status save_use();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace footfall::catalog
