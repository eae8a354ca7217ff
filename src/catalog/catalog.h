#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/accounts.h"
#include "catalog/annotations.h"
#include "catalog/erasure.h"
#include "catalog/goal.h"
#include "catalog/segment.h"

namespace footfall::catalog {

enum class IpPolicy : std::uint8_t { kTruncate, kDrop };
std::string_view ip_policy_name(IpPolicy policy);
std::optional<IpPolicy> parse_ip_policy(std::string_view text);

/// What becomes of the events of a browser that asks not to be tracked, by Global Privacy Control or Do Not Track.
enum class OptOutPolicy : std::uint8_t {
    kIgnore,     ///< nothing: the SDK has honoured it already, unless the page told it not to
    kAnonymous,  ///< counted without what could be held against a person: user_id, session_id, address, click id
    kDrop,       ///< rejected, and not kept
};
std::string_view opt_out_policy_name(OptOutPolicy policy);
std::optional<OptOutPolicy> parse_opt_out_policy(std::string_view text);

/// What becomes of events by the consent that they carry (context.consent).
enum class ConsentPolicy : std::uint8_t {
    kOptional,  ///< taken; anonymous where it was denied
    kRequired,  ///< rejected, and not kept, unless it was granted
};
std::string_view consent_policy_name(ConsentPolicy policy);
std::optional<ConsentPolicy> parse_consent_policy(std::string_view text);

/// What a site keeps of its visitors.
struct Privacy {
    bool cookieless = false;  ///< a sent user_id is dropped
    IpPolicy ip_policy = IpPolicy::kTruncate;
    OptOutPolicy opt_out = OptOutPolicy::kIgnore;
    ConsentPolicy consent = ConsentPolicy::kOptional;
};

/// Minutes without an event that end a session.
inline constexpr int kSessionTimeoutMin = 1;
inline constexpr int kSessionTimeoutMax = 1'440;
inline constexpr int kSessionTimeoutDefault = 30;

/// What a site counts by.
struct Counting {
    int session_timeout = kSessionTimeoutDefault;          ///< minutes, of events that are received from now on
    int session_timeout_longest = kSessionTimeoutDefault;  ///< that the site ever had; the catalog sees to it
    std::string currency{};  ///< ISO 4217, of its revenue; empty: that of its first event that names one
};

/// Months of 0 keep for ever.
inline constexpr int kRetentionMonthsMax = 1'200;
inline constexpr int kRetentionMonthsDefault = 14;  ///< of a new site

/// How long a site's events are kept, and how far that is carried out (src/retention). Times are epoch ms.
struct Retention {
    int months = kRetentionMonthsDefault;
    std::int64_t expiring_ms = 0;  ///< events of before are deleted, or about to be: none of them is taken any more
    std::int64_t expired_ms = 0;   ///< events of before are deleted; less than expiring_ms while that is under way
    std::uint64_t log_offset = 0;  ///< the log was looked through up to here for what had expired by then
    /// What days of before came to is kept in the log (docs/adr/0020). kKeptAsTheyStand: a deletion was begun by a
    /// release that kept no days, and nothing can make them again.
    std::int64_t kept_ms = 0;
    struct Calendar {
        std::int64_t before_ms = 0;
        std::uint64_t days = 0;  ///< that are kept, of before that time
        bool operator==(const Calendar&) const = default;
    };
    /// By time zone: where that was changed a site has kept days of more than one calendar, of other dates each.
    std::map<std::string, Calendar> kept{};

    static constexpr std::int64_t kKeptAsTheyStand = -1;
    /// Of days before that time there is nothing that they could be made of.
    std::int64_t cannot_be_made_before_ms() const {
        return kept_ms == kKeptAsTheyStand ? expiring_ms : std::max(expired_ms, std::min(kept_ms, expiring_ms));
    }
    /// Of all calendars.
    std::uint64_t kept_days() const;
};

/// A stretch of the log that has kept days among its entries.
struct KeptRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

struct Site {
    std::string id;
    std::string name;
    std::string domain;
    std::string timezone;  ///< IANA name, known to this machine when it was set
    Privacy privacy{};
    Counting counting{};
    Retention retention{};
    std::int64_t created_ms = 0;
};

/// What is to be another way at a site.
struct SiteChange {
    std::optional<std::string> name;
    std::optional<std::string> domain;
    std::optional<std::string> timezone;
    std::optional<bool> cookieless;
    std::optional<IpPolicy> ip_policy;
    std::optional<OptOutPolicy> opt_out;
    std::optional<ConsentPolicy> consent;
    std::optional<int> session_timeout;
    std::optional<std::string> currency;
    std::optional<int> retention_months;
};

enum class Scope : std::uint8_t { kCollect, kRead, kAdmin };
std::string_view scope_name(Scope scope);
std::optional<Scope> parse_scope(std::string_view text);

struct Key {
    std::string id;
    std::string site_id;
    Scope scope = Scope::kRead;
    std::int64_t created_ms = 0;
    std::int64_t revoked_ms = 0;  ///< 0: in force
};

struct NewKey {
    Key key;
    std::string secret;  ///< only here, only once
};

/// What requests need of the catalog, immutable. Sites by id and keys in force by the SHA-256 of their secret.
struct Snapshot {
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    std::unordered_map<std::string, Site, TextHash, std::equal_to<>> sites;
    std::unordered_map<std::string, Key, TextHash, std::equal_to<>> keys;
    std::unordered_map<std::string, std::vector<Goal>, TextHash, std::equal_to<>> goals;  ///< by site, oldest first
    std::unordered_map<std::string, std::vector<Segment>, TextHash, std::equal_to<>> segments;  ///< by site, by name
    std::vector<Erasure> erasures;  ///< of the cluster form, the oldest first

    const std::vector<Goal>& goals_of(std::string_view site_id) const;
    const std::vector<Segment>& segments_of(std::string_view site_id) const;
    const Site* site(std::string_view id) const;
    /// The key in force that has this secret; nullptr for every other text.
    const Key* key(std::string_view secret) const;
};

using Salt = std::array<unsigned char, 32>;

/// Sites, goals, segments, annotations, users, keys and salts of an installation, in SQLite (embedded form).
/// Thread-safe. Every change is durable when the call returns, and in snapshots taken after it. One process writes at a
/// time: commands beside a running `serve` are carried out by it.
class Catalog {
public:
    /// Opens or makes the file, or opens the database postgresql://… of a server, and brings its schema up to date;
    /// kConflict where it was written by a newer release.
    static Result<std::unique_ptr<Catalog>> open(const std::string& place, Clock& clock, SessionLimits limits = {});
    ~Catalog();

    /// Takes in what other nodes have changed of a catalog in PostgreSQL, sessions that were ended among it; whether
    /// there was anything. Asks the server only then, so that it can be called several times a second.
    Result<bool> take_in_others();
    /// Reads all of it anew but for sessions, whatever others told: for who must not go by a snapshot of a moment ago.
    Status read_again();

    /// Does not wait for a change that is being written.
    std::shared_ptr<const Snapshot> snapshot() const;

    /// `id` empty: one is made. Errors name the field: unknown time zone, malformed id or domain, id taken, a timeout
    /// or a retention out of bounds, what is no currency.
    Result<Site> add_site(std::string_view name, std::string_view domain, std::string_view timezone,
                          std::string_view id, Privacy privacy = {}, Counting counting = {},
                          int retention_months = kRetentionMonthsDefault);
    /// The site as it is then; of events that are received after that. Errors as add_site(); kNotFound for the id.
    Result<Site> change_site(std::string_view id, const SiteChange& change);
    /// How far a site's retention is carried out; `months` of it is left as it is. kNotFound.
    Status set_retained(std::string_view id, const Retention& retention);
    /// Kept days were written to this stretch of the log.
    Status add_kept_range(const KeptRange& range);
    /// The latest first.
    Result<std::vector<KeptRange>> kept_ranges() const;
    Result<std::vector<Site>> sites() const;
    /// Removes the site with its keys, goals, segments and annotations from the catalog: nothing more is accepted or
    /// answered for it. Its events stay in the store.
    Status remove_site(std::string_view id);

    /// The goal as it is then, with its id. Its filters are for the caller to judge. Errors name the field: kNotFound
    /// for the site, kConflict for a name that another goal of it has, kInvalidArgument for an empty name or value and
    /// beyond kGoalsMax.
    Result<Goal> add_goal(Goal goal);
    /// All that it is but its id and when it was made. Errors as add_goal(), without a limit of their number; kNotFound
    /// where the site has no such goal.
    Result<Goal> change_goal(Goal goal);
    /// kNotFound where the site has no such goal.
    Status remove_goal(std::string_view site_id, std::string_view id);

    /// The segment as it is then, with its id. Its filters are for the caller to judge. Errors name the field:
    /// kNotFound for the site, kConflict for a name that another segment of it has, kInvalidArgument for what is no
    /// name, for filters of more than kSegmentFiltersBytesMax and beyond kSegmentsMax.
    Result<Segment> add_segment(Segment segment);
    /// Another name and other filters. Errors as add_segment(); kNotFound where the site has no such segment.
    Result<Segment> change_segment(Segment segment);
    Status remove_segment(std::string_view site_id, std::string_view id);

    /// Erasures of the cluster form, the oldest first: as they are now, where a snapshot may be as of a moment ago.
    Result<std::vector<Erasure>> erasures() const;
    /// A new one, or another subject and other ends of one that is there, whose archives are then to be rewritten anew.
    /// Not done. As it is then, with its id.
    Result<Erasure> put_erasure(Erasure erasure);
    /// The store has nothing of it any more. kNotFound.
    Status set_erasure_done(std::string_view id);
    /// The partition's archive has nothing of it any more up to `end`; nothing is noted where that is another by now.
    Status set_erasure_archived(std::string_view id, std::uint16_t partition, std::uint64_t end);
    /// The catalog names the subject no more.
    Status remove_erasure(std::string_view id);

    /// Notes of what happened at sites; they live as long as the catalog.
    Annotations& annotations();
    /// Users, sessions and one-time links; they live as long as the catalog.
    Accounts& accounts();

    Result<NewKey> create_key(std::string_view site_id, Scope scope);
    /// A key for a part of this installation, such as a child process: in force as long as this object lives and the
    /// site is there. It is in snapshots, but in no list and on no disk. kNotFound: there is no such site.
    Result<NewKey> lend_key(std::string_view site_id, Scope scope);
    Result<std::vector<Key>> keys() const;
    /// kNotFound where no such key is in force. The error repeats nothing that may be a secret: who gives one by
    /// mistake is told the key's id.
    Status revoke_key(std::string_view id);

    /// The salt of a UTC day (days since 1970), made at first use; salts older than the day before it are destroyed.
    Result<Salt> salt(std::int64_t day);
    /// 32 random bytes of this installation under a name, made at first use. For hash keys that are no secret of a
    /// visitor.
    Result<Salt> installation_secret(std::string_view name);

    /// The catalog as a file for a backup, as of now. Left out is what must not outlive its end somewhere else: salts,
    /// sessions and one-time links.
    Result<std::string> backup_copy() const;

private:
    struct State;
    explicit Catalog(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace footfall::catalog
