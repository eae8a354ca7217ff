#pragma once

#include <cstdint>
#include <functional>
#include <limits>

namespace footfall::enrich {

/// The latest of all times: a session that was found to be over stays so, whatever older is heard of it later.
inline constexpr std::int64_t kSessionEnded = std::numeric_limits<std::int64_t>::max();

/// What one collector learned of an anonymous visitor, for those that take other requests of the same visitor. Ids and
/// times only, no name and nothing of a salt. News may come late, twice and in any order: of two times the later
/// holds, of two users the one who was named later.
struct SessionNews {
    enum class Kind : unsigned char {
        kOpen = 1,    ///< around midnight: had a pageview or event at seen_ms; or kSessionEnded: has today's id now
        kActive = 2,  ///< leads to a known user, but its session is open: had a pageview or event at seen_ms
        kAlias = 3,   ///< leads to known_id since identified_ms; kSessionEnded: its events carry that id already
    };
    Kind kind = Kind::kOpen;
    std::uint64_t visitor_id = 0;
    std::uint64_t known_id = 0;
    std::int64_t seen_ms = 0;        ///< epoch ms, by receive time, or kSessionEnded
    std::int64_t identified_ms = 0;  ///< epoch ms, by receive time
    bool operator==(const SessionNews&) const = default;
};

/// The other collectors, as Identity sees them.
struct SessionPeers {
    /// Tells them, some time soon. Called on event loops and with locks held: must not block, nor call Identity.
    std::function<void(const SessionNews&)> tell;
    /// Whether what they tell is heard at the moment. Thread-safe, and called for every event.
    std::function<bool()> hears;
};

}  // namespace footfall::enrich
