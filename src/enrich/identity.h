#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "enrich/session_news.h"
#include "event/event.h"

namespace footfall::enrich {

/// 32 random bytes of one UTC day (days since 1970).
using Salt = std::array<unsigned char, 32>;
/// Gives the salt of a day, the same one for every caller and process of the installation, and forgets those of earlier
/// days than the day before: catalog::Catalog::salt. May block on the catalog's disk.
using SaltSource = std::function<Result<Salt>(std::int64_t day)>;

/// Of a site that sets no other.
inline constexpr std::int64_t kSessionTimeoutMs = 30 * 60'000;

/// Who an event is of, as far as the request tells.
struct Sender {
    std::string_view site{};
    event::kind::ip address{};  ///< all zero: unknown
    std::string_view user_agent{};
    std::string_view user_id{};       ///< sent, and the site takes it; empty otherwise
    std::string_view session_hint{};  ///< session_id; used only where neither address nor user agent is known
    std::string_view event_type{};
    Uuid event_id{};
    std::int64_t receive_ms = 0;
    std::int64_t timestamp = 0;                           ///< of the event, epoch ms
    std::int64_t session_timeout_ms = kSessionTimeoutMs;  ///< the site's
};

/// Visitor ids. 64 bits, never 0, stored in the record and never recomputed.
///
/// - A sent user_id: SipHash-2-4 of (site, user_id) under a published key, so that it is the same on every day and
/// node. It hides nothing:
///   the user_id itself stands beside it in the record.
/// - Else anonymous: SipHash-2-4 of (site, address, user agent) under the salt of the *receive* day (UTC). Once the
/// salt is destroyed
///   nobody can find the address to an id, or connect two days.
/// - In the first 30 minutes of a day yesterday's anonymous id is kept where it had a pageview or event within the 30
/// minutes before, or the site's session timeout where that is shorter,
///   so that a session survives midnight. Pings and vitals follow, but do not prolong it.
/// - An anonymous event more than 24 h late, or one that has neither address, user agent nor session hint, is its own
/// visitor (hash of
///   its event_id): today's salt would join it to a visitor who was not there.
/// - `identify`: its record keeps the anonymous id as visitor_id beside the user_id: it *is* the alias. From then until
/// the end of the
///   UTC day, that anonymous visitor's events without a user_id carry the known user's id, from the first one that
///   begins a new session (the site's timeout after its last pageview or event, by receive time) on. An open session
///   keeps its id; no history is rewritten.
///
/// Several processes that take events of one visitor: each tells the others what it learns (share(), take_in()), and
/// answers from its own memory alone, so the others cost an event nothing but that memory. All of them give the ids
/// that one would, but for what is on its way. Where they disagreed a session's id changes once and not back, at the
/// latest when the news is heard: from yesterday's id to today's, from the anonymous id to the known user's. See
/// docs/adr/0029-session-info-in-redis.md for what can happen until then.
///
/// Thread-safe. Memory: at most 2 x 131,072 aliases (about 15 MB) and, between 23:30 and 00:30 UTC only, 2 x 262,144
/// open visitors (about 25 MB; with others as many again
/// that were found to be new), whoever of the processes saw them; in each the older half is forgotten when the younger
/// is full, and counted in footfall_identity_forgotten_total. About 0.1 µs.
class Identity {
public:
    explicit Identity(SaltSource source);
    ~Identity();

    /// Holds the salts that events received at `now_ms` need. Call before a request's events are enriched: one atomic
    /// read where they are held, else the SaltSource is asked. Call it also at start and every few minutes with now +
    /// 10 min off the event loops, so that none of them waits for a disk at midnight. kUnavailable with the cause:
    /// refuse the request, it may be sent again.
    Status prepare(std::int64_t now_ms);

    std::uint64_t visitor_id(const Sender& sender);

    /// Writes what a restart must not forget, durable on return: the open visitors and the aliases, as of a log that
    /// ended at `log_offset` (taken before the call, so that all events below it are in). Ids and times only;
    /// yesterday's go with the next writing after they have lost their use. Some bytes in most hours, at most 14 MB.
    Status save(const std::string& path, std::uint64_t log_offset) const;
    /// Takes in what was saved and returns its `log_offset`: events from there on are to be remembered by the two calls
    /// below. kNotFound: there is no such file. kCorrupt, kUnsupported: nothing was taken in.
    Result<std::uint64_t> load(const std::string& path);
    /// An event of the log that save() may not have seen, in the log's order: `remember_seen` for pageviews and events,
    /// `remember_alias` for identify events.
    void remember_seen(std::uint64_t visitor_id, std::int64_t received_ms);
    void remember_alias(std::string_view site, std::uint64_t anonymous_id, std::string_view user_id,
                        std::int64_t received_ms);

    /// Begins to tell others, and counts in footfall_session_info_total what an anonymous event found: `hit`, something
    /// that was remembered of its visitor; `miss`, nothing, where something could have mattered; `skipped`, nothing
    /// could; `unavailable`, nothing, while others were not heard. Before the first event, once. Without it nothing of
    /// this is done, counted or remembered.
    void share(SessionPeers peers);
    /// What another told, or this one itself. Where this one knows better it tells so.
    void take_in(const SessionNews& news);

    /// What is remembered of these visitors, on either side of an alias, is forgotten. save() makes it last.
    void forget(std::span<const std::uint64_t> visitor_ids);

    /// The id of a known user; what an alias leads to.
    static std::uint64_t known_id(std::string_view site, std::string_view user_id);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace footfall::enrich
