#include "enrich/identity.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "base/bytes.h"
#include "base/file.h"
#include "base/metrics.h"
#include "enrich/siphash.h"

namespace footfall::enrich {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kDayMs = 24 * 60 * kMinuteMs;
/// How long after midnight yesterday's ids are kept, and so how long before it they must be known.
constexpr std::int64_t kRotationMs = 30 * kMinuteMs;
constexpr std::int64_t kLateMs = kDayMs;

constexpr std::size_t kShards = 16;
constexpr std::size_t kOpenMax = 262'144;
constexpr std::size_t kAliasesMax = 131'072;

// Published on purpose, see the header. Two keys, so that no user_id can be made to give the id of an event.
constexpr SipHash::Key kUserKey = {'f', 'o', 'o', 't', 'f', 'a', 'l', 'l', ' ', 'u', 's', 'e', 'r', ' ', 'i', 'd'};
constexpr SipHash::Key kEventKey = {'f', 'o', 'o', 't', 'f', 'a', 'l', 'l', ' ', 'e', 'v', 'e', 'n', 't', ' ', ' '};

std::int64_t day_of(std::int64_t ms) { return ms / kDayMs - (ms % kDayMs < 0 ? 1 : 0); }
std::int64_t time_of_day(std::int64_t ms) { return ms - day_of(ms) * kDayMs; }

/// Zero is "no visitor" in the record.
std::uint64_t not_zero(std::uint64_t id) { return id != 0 ? id : 1; }

/// Parts carry their size, so that no two senders have the same concatenation.
void add_part(SipHash& hash, std::string_view part) {
    hash.add_value(static_cast<std::uint32_t>(part.size()));
    hash.add(part);
}

bool is_anonymous_origin(const Sender& sender) {
    return sender.address != event::kind::ip{} || !sender.user_agent.empty() || !sender.session_hint.empty();
}

std::uint64_t anonymous_id(const Salt& salt, const Sender& sender) {
    // SipHash takes 128 bits of key: the first half of the salt.
    SipHash::Key key;
    std::copy_n(salt.begin(), key.size(), key.begin());
    SipHash hash(key);
    add_part(hash, sender.site);
    hash.add_value(sender.address);
    add_part(hash, sender.user_agent);
    if (sender.address == event::kind::ip{} && sender.user_agent.empty()) add_part(hash, sender.session_hint);
    return not_zero(hash.finish());
}

std::uint64_t own_id(const Sender& sender) {
    SipHash hash(kEventKey);
    add_part(hash, sender.site);
    hash.add_value(sender.event_id.bytes);
    return not_zero(hash.finish());
}

/// A map that cannot grow past twice its limit: when the current generation is full it becomes the previous one, and
/// that one is forgotten.
template <class Value>
class Generations {
public:
    bool contains(std::uint64_t key) const { return current_.contains(key) || previous_.contains(key); }
    Value* find(std::uint64_t key) {
        if (const auto it = current_.find(key); it != current_.end()) return &it->second;
        if (const auto it = previous_.find(key); it != previous_.end()) return &it->second;
        return nullptr;
    }
    /// Entries that were forgotten to make room.
    std::size_t put(std::uint64_t key, Value value, std::size_t limit) {
        std::size_t forgotten = 0;
        if (current_.size() >= limit && !current_.contains(key)) {
            forgotten = previous_.size();
            rotate();
        }
        current_[key] = value;
        return forgotten;
    }
    void rotate() {
        previous_ = std::move(current_);
        current_ = {};
    }
    void clear() { current_ = {}, previous_ = {}; }
    template <class Predicate>
    void erase_if(const Predicate& predicate) {
        std::erase_if(current_, predicate);
        std::erase_if(previous_, predicate);
    }

    using Map = std::unordered_map<std::uint64_t, Value>;
    const Map& current() const { return current_; }
    const Map& previous() const { return previous_; }

private:
    Map current_, previous_;
};

struct Alias {
    std::uint64_t known = 0;
    std::int64_t last_seen_ms = 0;   // of the anonymous visitor's open session; kSessionEnded only where this is shared
    std::int64_t identified_ms = 0;  // not saved: only of use where this is shared
};

struct None {};

struct Shard {
    std::mutex mutex;
    Generations<std::int64_t> open;  // anonymous id → last pageview or event; kSessionEnded only where this is shared
    // Yesterday's ids of whom nothing was known when they got today's. Only where this is shared: who hears later that
    // such a one was open has to tell that it is too late.
    Generations<None> new_today;
    Generations<Alias> aliases;
    std::int64_t aliases_day = 0;

    /// Yesterday's aliases stay for ids that are kept over midnight; a day later nothing can ask for them.
    void turn_day(std::int64_t day) {
        if (day <= aliases_day) return;
        aliases.rotate();
        if (day > aliases_day + 1) aliases.rotate();
        aliases_day = day;
    }
};

/// What an event found of its visitor.
class Found {
public:
    void add(bool is_something) {
        was_asked_ = true;
        something_ = something_ || is_something;
    }
    bool was_asked() const { return was_asked_; }
    bool something() const { return something_; }

private:
    bool was_asked_ = false;
    bool something_ = false;
};

/// Made where this is shared, so that who is alone has no such metrics.
struct Shared {
    explicit Shared(SessionPeers peers_in) : peers(std::move(peers_in)) {}
    static metrics::Counter& counter(const std::string& result) {
        return metrics::counter(
            "footfall_session_info_total",
            "Cluster form: anonymous events by what was known of their visitor's session when they came.",
            "result=\"" + result + "\"");
    }

    SessionPeers peers;
    metrics::Counter& hit = counter("hit");
    metrics::Counter& miss = counter("miss");
    metrics::Counter& unavailable = counter("unavailable");
    metrics::Counter& skipped = counter("skipped");
};

}  // namespace

struct Identity::State {
    explicit State(SaltSource source_in) : source(std::move(source_in)) {}

    struct DaySalt {
        std::int64_t day = INT64_MIN;
        Salt salt{};
    };

    SaltSource source;
    std::mutex fetching;
    std::shared_mutex salts_mutex;
    std::array<DaySalt, 3> salts;  // yesterday, today, tomorrow shortly before it begins
    std::array<Shard, kShards> shards;
    std::atomic<bool> has_open{false};
    std::atomic<bool> has_aliases{false};
    std::optional<Shared> shared;  // set before the first event, and not changed then
    metrics::Counter& forgotten = metrics::counter("footfall_identity_forgotten_total",
                                                   "Open visitors and aliases forgotten because there were too many.");
    metrics::Counter& without_salt =
        metrics::counter("footfall_identity_without_salt_total",
                         "Events that became visitors of their own because their day's salt was not held.");

    Shard& shard(std::uint64_t id) { return shards[id % kShards]; }

    std::optional<Salt> salt(std::int64_t day) {
        const std::shared_lock lock(salts_mutex);
        for (const DaySalt& held : salts)
            if (held.day == day) return held.salt;
        return std::nullopt;
    }

    /// The overwritten slot is the oldest day's, whose salt is gone from memory with it.
    void hold(std::int64_t day, const Salt& salt) {
        const std::lock_guard lock(salts_mutex);
        const auto oldest = std::min_element(salts.begin(), salts.end(),
                                             [](const DaySalt& a, const DaySalt& b) { return a.day < b.day; });
        *oldest = {day, salt};
    }

    Status fetch(std::int64_t day) {
        if (salt(day)) return {};
        const std::lock_guard lock(fetching);
        if (salt(day)) return {};
        auto fetched = source(day);
        if (!fetched)
            return Error(Code::kUnavailable,
                         "the day's salt for visitor ids cannot be read: " + fetched.error().message);
        hold(day, *fetched);
        return {};
    }

    void tell(const SessionNews& news) const {
        if (shared) shared->peers.tell(news);
    }

    enum class Whose : unsigned char { kOwn, kOthers };
    using enum Whose;

    void see(std::uint64_t id, std::int64_t at_ms, Whose whose) {
        has_open.store(true, std::memory_order_relaxed);
        Shard& at = shard(id);
        const std::lock_guard lock(at.mutex);
        const std::int64_t* known = at.open.find(id);
        if (known != nullptr && *known >= at_ms) return;
        forgotten.add(at.open.put(id, at_ms, kOpenMax / kShards));
        if (whose == kOwn) tell({.kind = SessionNews::Kind::kOpen, .visitor_id = id, .seen_ms = at_ms});
    }

    /// Of yesterday's id, in the first minutes of a day. Where others share it, what was once found not to be open
    /// stays so.
    bool is_open(std::uint64_t id, std::int64_t at_ms, std::int64_t timeout_ms, Found& found) {
        if (shared) has_open.store(true, std::memory_order_relaxed);
        if (!has_open.load(std::memory_order_relaxed)) return false;
        Shard& at = shard(id);
        const std::lock_guard lock(at.mutex);
        std::int64_t* seen = at.open.find(id);
        found.add(seen != nullptr);
        const bool is_over = seen == nullptr || *seen == kSessionEnded || at_ms - *seen >= timeout_ms;
        if (!is_over || !shared) return !is_over;
        if (seen == nullptr) {
            if (!at.new_today.contains(id)) forgotten.add(at.new_today.put(id, {}, kOpenMax / kShards));
        } else if (*seen != kSessionEnded) {
            *seen = kSessionEnded;
            tell({.kind = SessionNews::Kind::kOpen, .visitor_id = id, .seen_ms = kSessionEnded});
        }
        return false;
    }

    /// Outside of the time around midnight nobody asks who is open.
    void forget_open() {
        if (!has_open.exchange(false, std::memory_order_relaxed)) return;
        for (Shard& at : shards) {
            const std::lock_guard lock(at.mutex);
            at.open.clear();
            at.new_today.clear();
        }
    }

    /// The anonymous id of this moment: today's, or yesterday's where its session is open.
    std::uint64_t current_id(const Sender& sender, bool extends_session, Found& found) {
        const std::int64_t day = day_of(sender.receive_ms);
        const std::int64_t time = time_of_day(sender.receive_ms);
        const auto today = salt(day);
        if (!today) {
            without_salt.add();
            return own_id(sender);
        }
        if (time < kRotationMs) {
            const auto yesterday = salt(day - 1);
            const std::uint64_t old = yesterday ? anonymous_id(*yesterday, sender) : 0;
            if (yesterday && is_open(old, sender.receive_ms, std::min(sender.session_timeout_ms, kRotationMs), found)) {
                if (extends_session) see(old, sender.receive_ms, kOwn);
                return old;
            }
        } else if (time < kDayMs - kRotationMs) {
            forget_open();
        }
        const std::uint64_t id = anonymous_id(*today, sender);
        if (extends_session && time >= kDayMs - kRotationMs) see(id, sender.receive_ms, kOwn);
        return id;
    }

    void tell_alias(std::uint64_t id, const Alias& alias) const {
        tell({.kind = SessionNews::Kind::kAlias,
              .visitor_id = id,
              .known_id = alias.known,
              .seen_ms = alias.last_seen_ms,
              .identified_ms = alias.identified_ms});
    }

    void add_alias(std::uint64_t id, std::uint64_t known, std::int64_t at_ms) {
        has_aliases.store(true, std::memory_order_relaxed);
        Shard& at = shard(id);
        const std::lock_guard lock(at.mutex);
        at.turn_day(day_of(at_ms));
        Alias alias{known, at_ms, at_ms};
        bool is_news = true;
        if (const Alias* earlier = at.aliases.find(id); earlier != nullptr) {
            // A second identify leads to the newer user, and does not reopen the session that the first one ended.
            alias.last_seen_ms = earlier->last_seen_ms;
            is_news = earlier->known != known;
            // Later than what is known, also where another's clock is ahead or the millisecond is the same.
            alias.identified_ms = is_news ? std::max(at_ms, earlier->identified_ms + 1) : earlier->identified_ms;
        }
        forgotten.add(at.aliases.put(id, alias, kAliasesMax / kShards));
        if (is_news) tell_alias(id, alias);
    }

    std::uint64_t follow_alias(std::uint64_t id, bool extends_session, std::int64_t at_ms, std::int64_t timeout_ms,
                               Found& found) {
        if (!has_aliases.load(std::memory_order_relaxed)) return id;
        Shard& at = shard(id);
        const std::lock_guard lock(at.mutex);
        at.turn_day(day_of(at_ms));
        Alias* alias = at.aliases.find(id);
        found.add(alias != nullptr);
        if (alias == nullptr) return id;
        if (alias->last_seen_ms == kSessionEnded) return alias->known;
        if (at_ms - alias->last_seen_ms >= timeout_ms) {
            if (shared) {
                alias->last_seen_ms = kSessionEnded;
                tell_alias(id, *alias);
            }
            return alias->known;
        }
        if (extends_session && alias->last_seen_ms < at_ms) {
            alias->last_seen_ms = at_ms;
            tell({.kind = SessionNews::Kind::kActive, .visitor_id = id, .seen_ms = at_ms});
        }
        return id;
    }

    /// One that has today's id here must not get yesterday's back, and whoever still gives that has to hear it.
    void take_in_open(const SessionNews& news) {
        if (news.seen_ms != kSessionEnded) {
            Shard& at = shard(news.visitor_id);
            const std::lock_guard lock(at.mutex);
            const std::int64_t* seen = at.open.find(news.visitor_id);
            if ((seen != nullptr && *seen == kSessionEnded) || at.new_today.contains(news.visitor_id)) {
                forgotten.add(at.open.put(news.visitor_id, kSessionEnded, kOpenMax / kShards));
                tell({.kind = SessionNews::Kind::kOpen, .visitor_id = news.visitor_id, .seen_ms = kSessionEnded});
                return;
            }
        }
        see(news.visitor_id, news.seen_ms, kOthers);
    }

    void take_in_active(const SessionNews& news) {
        Shard& at = shard(news.visitor_id);
        const std::lock_guard lock(at.mutex);
        at.turn_day(day_of(news.seen_ms));
        Alias* alias = at.aliases.find(news.visitor_id);
        if (alias == nullptr) return;
        if (alias->last_seen_ms == kSessionEnded) return tell_alias(news.visitor_id, *alias);
        alias->last_seen_ms = std::max(alias->last_seen_ms, news.seen_ms);
    }

    void take_in_alias(const SessionNews& news) {
        has_aliases.store(true, std::memory_order_relaxed);
        Shard& at = shard(news.visitor_id);
        const std::lock_guard lock(at.mutex);
        at.turn_day(day_of(news.identified_ms));
        Alias* alias = at.aliases.find(news.visitor_id);
        if (alias == nullptr) {
            forgotten.add(at.aliases.put(news.visitor_id, {news.known_id, news.seen_ms, news.identified_ms},
                                         kAliasesMax / kShards));
            return;
        }
        alias->last_seen_ms = std::max(alias->last_seen_ms, news.seen_ms);
        // By the user where both were named in the same millisecond: any order will do that all have in common.
        if (std::pair(news.identified_ms, news.known_id) > std::pair(alias->identified_ms, alias->known)) {
            alias->identified_ms = news.identified_ms;
            alias->known = news.known_id;
        }
        const bool ended_unheard = alias->last_seen_ms == kSessionEnded && news.seen_ms != kSessionEnded;
        if (alias->known != news.known_id || ended_unheard) tell_alias(news.visitor_id, *alias);
    }

    void count(const Found& found) const {
        if (!shared) return;
        metrics::Counter& result = found.something()        ? shared->hit
                                   : !shared->peers.hears() ? shared->unavailable
                                   : found.was_asked()      ? shared->miss
                                                            : shared->skipped;
        result.add();
    }
};

Identity::Identity(SaltSource source) : state_(std::make_unique<State>(std::move(source))) {}
Identity::~Identity() = default;

Status Identity::prepare(std::int64_t now_ms) {
    const std::int64_t day = day_of(now_ms);
    // Oldest first: asking for a day's salt destroys those before its yesterday.
    if (time_of_day(now_ms) < kRotationMs) TRY_STATUS(state_->fetch(day - 1));
    return state_->fetch(day);
}

void Identity::share(SessionPeers peers) { state_->shared.emplace(std::move(peers)); }

void Identity::take_in(const SessionNews& news) {
    switch (news.kind) {
        case SessionNews::Kind::kOpen: return state_->take_in_open(news);
        case SessionNews::Kind::kActive: return state_->take_in_active(news);
        case SessionNews::Kind::kAlias: return state_->take_in_alias(news);
    }
}

void Identity::forget(std::span<const std::uint64_t> visitor_ids) {
    const auto is_one = [&](std::uint64_t id) { return std::ranges::find(visitor_ids, id) != visitor_ids.end(); };
    for (Shard& at : state_->shards) {
        const std::lock_guard lock(at.mutex);
        at.open.erase_if([&](const auto& open) { return is_one(open.first); });
        at.aliases.erase_if([&](const auto& alias) { return is_one(alias.first) || is_one(alias.second.known); });
    }
}

std::uint64_t Identity::known_id(std::string_view site, std::string_view user_id) {
    SipHash hash(kUserKey);
    add_part(hash, site);
    add_part(hash, user_id);
    return not_zero(hash.finish());
}

std::uint64_t Identity::visitor_id(const Sender& sender) {
    const bool is_identify = sender.event_type == "identify";
    if (!sender.user_id.empty() && !is_identify) return known_id(sender.site, sender.user_id);
    if (sender.receive_ms - sender.timestamp > kLateMs || !is_anonymous_origin(sender)) {
        // Without an anonymous visitor there is nobody to give the name to but the user.
        return sender.user_id.empty() ? own_id(sender) : known_id(sender.site, sender.user_id);
    }
    const bool extends_session = sender.event_type == "pageview" || sender.event_type == "event";
    Found found;
    const std::uint64_t id = state_->current_id(sender, extends_session, found);
    if (is_identify) {
        if (!sender.user_id.empty()) state_->add_alias(id, known_id(sender.site, sender.user_id), sender.receive_ms);
        state_->count(found);
        return id;
    }
    const std::uint64_t given =
        state_->follow_alias(id, extends_session, sender.receive_ms, sender.session_timeout_ms, found);
    state_->count(found);
    return given;
}

// On disk: u32 magic, u32 version, u64 log offset, then for each shard i64 day of its aliases and four lists (open and
// aliases, each the previous and the current generation): u32 count, count x (u64 id, value); u32 CRC32C of all before.
namespace {

constexpr std::uint32_t kStateMagic = 0x49444646;  // "FFDI"
constexpr std::uint32_t kStateVersion = 1;
constexpr std::size_t kStateHead = 16;

void put_value(std::string& out, std::int64_t seen_ms) { put(out, seen_ms); }
void put_value(std::string& out, const Alias& alias) {
    put(out, alias.known);
    put(out, alias.last_seen_ms);
}

template <class Map>
void put_map(std::string& out, const Map& map) {
    put(out, static_cast<std::uint32_t>(map.size()));
    for (const auto& [id, value] : map) {
        put(out, id);
        put_value(out, value);
    }
}

/// Takes values from the front of what is left; once something is missing it gives zeros and is_whole() is false.
class StateReader {
public:
    explicit StateReader(std::string_view in) : left_(in) {}
    template <class T>
    T take() {
        if (left_.size() < sizeof(T)) {
            whole_ = false;
            left_ = {};
            return {};
        }
        const T value = get<T>(left_.data());
        left_.remove_prefix(sizeof(T));
        return value;
    }
    bool is_whole() const { return whole_; }
    bool is_at_end() const { return left_.empty(); }

    void take_value(std::int64_t& seen_ms) { seen_ms = take<std::int64_t>(); }
    void take_value(Alias& alias) {
        alias.known = take<std::uint64_t>();
        alias.last_seen_ms = take<std::int64_t>();
    }
    template <class Value>
    void take_map(Generations<Value>& into, std::size_t limit) {
        const auto count = take<std::uint32_t>();
        for (std::uint32_t i = 0; i < count && whole_; ++i) {
            const auto id = take<std::uint64_t>();
            Value value{};
            take_value(value);
            into.put(id, value, limit);
        }
    }
    template <class Value>
    void take_generations(Generations<Value>& into, std::size_t limit) {
        take_map(into, limit);
        into.rotate();
        take_map(into, limit);
    }

private:
    std::string_view left_;
    bool whole_ = true;
};

}  // namespace

Status Identity::save(const std::string& path, std::uint64_t log_offset) const {
    std::string out;
    put(out, kStateMagic);
    put(out, kStateVersion);
    put(out, log_offset);
    for (Shard& shard : state_->shards) {
        const std::lock_guard lock(shard.mutex);
        put(out, shard.aliases_day);
        put_map(out, shard.open.previous());
        put_map(out, shard.open.current());
        put_map(out, shard.aliases.previous());
        put_map(out, shard.aliases.current());
    }
    put(out, crc32c(out));
    return write_file_atomically(path, out);
}

Result<std::uint64_t> Identity::load(const std::string& path) {
    if (!path_exists(path)) return Error(Code::kNotFound, path + " is not there");
    TRY(const std::string raw, read_file(path));
    const Error damaged(Code::kCorrupt, path + " is damaged");
    if (raw.size() < kStateHead + sizeof(std::uint32_t) || get<std::uint32_t>(raw.data()) != kStateMagic ||
        get<std::uint32_t>(raw.data() + raw.size() - 4) != crc32c(std::string_view(raw).substr(0, raw.size() - 4)))
        return damaged;
    StateReader reader(std::string_view(raw).substr(4, raw.size() - 8));
    if (reader.take<std::uint32_t>() != kStateVersion)
        return Error(Code::kUnsupported, path + " was made by a newer release");
    const auto log_offset = reader.take<std::uint64_t>();
    std::array<Shard, kShards> loaded;
    for (Shard& shard : loaded) {
        shard.aliases_day = reader.take<std::int64_t>();
        reader.take_generations(shard.open, kOpenMax / kShards);
        reader.take_generations(shard.aliases, kAliasesMax / kShards);
    }
    if (!reader.is_whole() || !reader.is_at_end()) return damaged;
    for (std::size_t i = 0; i < kShards; ++i) {
        Shard& shard = state_->shards[i];
        const std::lock_guard lock(shard.mutex);
        shard.open = std::move(loaded[i].open);
        shard.aliases = std::move(loaded[i].aliases);
        shard.aliases_day = loaded[i].aliases_day;
        if (!shard.open.current().empty() || !shard.open.previous().empty()) state_->has_open = true;
        if (!shard.aliases.current().empty() || !shard.aliases.previous().empty()) state_->has_aliases = true;
    }
    return log_offset;
}

void Identity::remember_seen(std::uint64_t visitor_id, std::int64_t received_ms) {
    const std::int64_t time = time_of_day(received_ms);
    if (time < kRotationMs || time >= kDayMs - kRotationMs) state_->see(visitor_id, received_ms, State::kOthers);
    // Its session was open then, whatever the site's timeout was: else the record had the known user's id.
    Found unused;
    state_->follow_alias(visitor_id, true, received_ms, INT64_MAX, unused);
}

void Identity::remember_alias(std::string_view site, std::uint64_t anonymous_id, std::string_view user_id,
                              std::int64_t received_ms) {
    if (!user_id.empty()) state_->add_alias(anonymous_id, known_id(site, user_id), received_ms);
}

}  // namespace footfall::enrich
