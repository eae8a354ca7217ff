#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/log.h"

namespace footfall::process::archive {

/// What a site has in a range of the log.
struct SiteCounts {
    std::uint64_t events = 0;
    std::uint64_t duplicates = 0;
    std::map<std::string, std::uint64_t> rejected;  ///< by reason
    std::uint64_t erased_events = 0;
    bool operator==(const SiteCounts&) const = default;
};

struct Counts {
    std::map<std::string, SiteCounts> sites;  ///< by website_id; the empty one has what came for unknown sites
    std::uint64_t entries = 0;                ///< in either file
    std::uint64_t events = 0;                 ///< in the file of events
    std::uint64_t rejected_samples = 0;       ///< that the range had, and the archive has not
    /// The last event, or what is left of it, by which a log is known to be the one that this was made of.
    std::uint64_t last_event_offset = 0;
    std::string last_event_id;  ///< empty: there is none
    bool operator==(const Counts&) const = default;
};

/// An object as it was put.
struct ObjectSum {
    std::string key;
    std::uint64_t bytes = 0;
    std::string sha256;  ///< hex
    bool operator==(const ObjectSum&) const = default;
};
struct Objects {
    std::optional<ObjectSum> events;
    std::optional<ObjectSum> entries;
    bool operator==(const Objects&) const = default;
};

/// Says what the archive holds of a range of the log, one object a range: it alone makes the other two count.
struct Manifest {
    std::uint64_t log_id = 0;
    std::uint64_t first = 0;   ///< offset
    std::uint64_t end = 0;     ///< behind the last one
    std::int64_t hour_ms = 0;  ///< in which its first entry was received, epoch ms
    std::int64_t made_ms = 0;
    std::uint64_t rewritten = 0;  ///< how often
    Counts counts;
    Objects objects;
    /// While the objects are being replaced: what they become. Each of them is the one or the other then.
    std::optional<Objects> replaced_by;
    std::vector<log::Damage> damage;  ///< entries that the log could not give
};

/// Raised with every change that an older release would misread.
inline constexpr std::uint64_t kFormat = 1;

/// The object that says whose archive it is, and what it says.
inline constexpr std::string_view kClaim = "archive.json";
std::string encode_claim(std::uint64_t log_id);

/// One object of JSON. Its last member, "sha256", is the SHA-256 of all text before that member's comma.
std::string encode_manifest(const Manifest& manifest);
/// `where` names it in errors. kCorrupt: damaged; kUnsupported: of a newer release.
Result<Manifest> decode_manifest(std::string_view text, std::string_view where);

/// "received_date=2026-11-24/received_hour=06/00000000000000000000-00000000000000000999": the part that the keys of a
/// range's objects share, by which engines that know Hive's folders have two columns more. The second number is the
/// last offset.
std::string range_name(std::int64_t hour_ms, std::uint64_t first, std::uint64_t end);
std::string events_key(const std::string& range);
std::string entries_key(const std::string& range);
std::string manifest_key(const std::string& range);

struct RangeName {
    std::string name;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
};
/// The range of a manifest's key; nothing for other keys.
std::optional<RangeName> parse_manifest_key(std::string_view key);
/// The range of a key of events or entries; likewise.
std::optional<RangeName> parse_object_key(std::string_view key);

}  // namespace footfall::process::archive
