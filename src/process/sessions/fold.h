#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "process/sessions/session.h"

namespace footfall::process {

/// A session as it was before a batch and as it is after it. Neither is empty for one that changed; `before` is empty
/// for a new one, `after` for one that was joined to another.
struct SessionChange {
    std::optional<Session> before;
    std::uint64_t before_version = 0;  ///< of its row in the table
    std::optional<Session> after;
};

/// Events in the table that carry `old_key` belong to the session `new_key` since a late event joined the two.
struct SessionAlias {
    std::string website_id;
    std::uint64_t old_key = 0;
    std::uint64_t new_key = 0;
    bool operator==(const SessionAlias&) const = default;
};

/// Events in the order of the log → sessions. Holds those that an event may still reach; older ones are in the table
/// and have to be loaded before an event that may reach them is applied. What apply() returns and take_*() give depends
/// only on the events before, never on how they were cut into batches or what was in memory: a fold that starts from
/// the table goes on as the one before would have.
///
/// Memory: about 620 bytes a session that is held, those that ended within the last hour or where the site's timeout is
/// longer may still go on, but at most kHeldMax, and 130 a page that was pinged within the last kPingEntries and began
/// no session. Where there are more sessions, those that ended first are let go, and visitors who may have had one of
/// these are looked up. About 1 µs an event. Not thread-safe.
class SessionFold {
public:
    /// Sessions whose last_at() is earlier than this before the newest receive time may be let go.
    static constexpr std::int64_t kHoldMs = 60 * 60'000;
    /// Sessions that are kept in memory beyond a batch.
    static constexpr std::size_t kHeldMax = 250'000;
    /// A ping that came before its pageview counts for it where at most so many entries of the log lie in between.
    static constexpr std::uint64_t kPingEntries = 262'144;

    explicit SessionFold(std::size_t held_max = kHeldMax) : held_max_(held_max) {}

    /// Forgets everything. From now on it is complete for sessions whose last_at() is `complete_from` or later, once
    /// these were load()ed.
    void restart(std::int64_t complete_from);
    std::int64_t complete_from() const { return complete_from_; }

    /// Takes in a session as the table has it, with the keys that were joined to it. One that is held already is left
    /// as it is. Between batches only: after take_changes() and before the next apply().
    void load(Session session, std::uint64_t version, std::vector<std::uint64_t> absorbed_keys);
    /// Who has to be looked up in the table before the event may be applied.
    struct LookUp {
        std::string website_id;
        std::uint64_t visitor_id = 0;
        std::int64_t last_from = 0;  ///< their sessions whose last_at() is this time or later, bots' and others
    };
    std::optional<LookUp> look_up_for(const event::Event& event) const;
    /// All sessions of the visitor whose last_at() is `last_from` or later were load()ed.
    void looked_up(const LookUp& who);

    /// Applies the next event, which stands at `offset` of the log, and returns its session's key: 0 for what makes no
    /// sessions (a ping's engaged time is noted all the same).
    std::uint64_t apply(const event::Event& event, std::uint64_t offset);
    /// After a restart() and the load()s: the pings of the last kPingEntries, in order.
    void remember_ping(std::string_view website_id, std::uint64_t visitor_id, bool is_bot, std::uint32_t pageview,
                       float seconds, std::uint64_t offset);

    /// What changed since the last call; sessions that are as they were are left out. `version` is that of the rows
    /// which the caller makes of it, larger than any before.
    std::vector<SessionChange> take_changes(std::uint64_t version);
    std::vector<SessionAlias> take_aliases();
    /// Whether an event that was received at that time comes more than kHoldMs after ones that were received later.
    bool is_long_before(std::int64_t received_at) const { return received_at < newest_received_at_ - kHoldMs; }
    /// Lets old sessions go. Call it after take_changes(), when the table has what it gave.
    void let_go();

    std::size_t held() const { return held_; }
    std::size_t held_max() const { return held_max_; }

private:
    struct VisitorKey {
        std::uint64_t site = 0;  ///< XXH64 of the website_id; sessions are compared by the id itself
        std::uint64_t visitor = 0;
        bool is_bot = false;
        bool operator==(const VisitorKey&) const = default;
    };
    struct VisitorHash {
        std::size_t operator()(const VisitorKey& key) const {
            return static_cast<std::size_t>(key.site ^ (key.visitor * 0x9E3779B97F4A7C15ULL) ^ (key.is_bot ? 1 : 0));
        }
    };
    struct Held {
        Session session;
        std::vector<std::uint64_t> absorbed;  ///< keys that were joined to it
        std::uint64_t version = 0;            ///< of the table's row
        std::unique_ptr<Session> before;      ///< as the table has it, while `is_changed`; none of a new one
        bool is_changed = false;
        bool is_gone = false;  ///< joined to another
    };
    using Visitor = std::vector<std::unique_ptr<Held>>;

    /// A ping's engaged time whose pageview has begun no session yet, by event_key_of() the pageview.
    struct Pending {
        std::uint64_t offset = 0;  ///< the ping's
        float seconds = 0;
    };
    struct PendingKey {
        VisitorKey who;
        std::uint32_t pageview = 0;  ///< event_key_of() it, as after a restart()
        bool operator==(const PendingKey&) const = default;
    };
    struct PendingHash {
        std::size_t operator()(const PendingKey& key) const {
            return VisitorHash()(key.who) ^ static_cast<std::size_t>(key.pageview);
        }
    };
    using Engaged = std::unordered_map<PendingKey, std::vector<Pending>, PendingHash>;

    static VisitorKey key_of(std::string_view website_id, std::uint64_t visitor_id, bool is_bot);
    void touch(Held& held);
    std::uint64_t add_session(Visitor& visitor, Session session, std::uint64_t offset);
    void join(Visitor& visitor, std::size_t into, std::size_t from);
    void note_engaged(const event::Event& ping, std::uint64_t offset);
    void remember_engaged(const PendingKey& key, Pending pending);
    float take_engaged(const PendingKey& key, std::uint64_t offset);

    /// Of more than held_max_ sessions: at most half of so many have a last_at() of this time or later.
    std::int64_t keep_half_from() const;

    const std::size_t held_max_;
    std::unordered_map<VisitorKey, Visitor, VisitorHash> visitors_;
    std::unordered_map<VisitorKey, std::int64_t, VisitorHash> looked_up_;  ///< who is complete from when, bot or not
    std::size_t held_ = 0;
    std::int64_t complete_from_ = 0;
    std::int64_t newest_received_at_ = 0;
    std::vector<Held*> changed_;
    std::vector<std::unique_ptr<Held>> joined_away_;  ///< until take_changes()
    std::vector<SessionAlias> aliases_;
    // By generations of kPingEntries of the log, the newest and the one before; the largest time last to first.
    Engaged engaged_, engaged_before_;
    std::uint64_t engaged_generation_ = 0;
};

}  // namespace footfall::process
