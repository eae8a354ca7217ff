#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "store/client.h"
#include "store/native.h"

namespace footfall::json {
class Writer;
}

namespace footfall::process {

/// A rejected event, of the log or of the store.
struct RejectedSample {
    log::Position position;
    std::string website_id;   ///< empty: of an unknown site, or of one that was not the key's
    std::string tracking_id;  ///< as it was sent
    std::int64_t received_at = 0;
    std::string field;
    std::string reason;
    std::string event;  ///< its JSON, as it was sent but for context.ip
    bool is_cut = false;
    std::string user_agent;
    std::string key_site_id;  ///< site of the key that came with it; empty: none came
};

/// Members of the object that `writer` is in: what was sent ("tracking_id", "event", "is_cut", "user_agent") and why it
/// was rejected ("field", "reason"). The same words in the API, on the command line and in an export.
void write_sample_members(json::Writer& writer, const RejectedSample& sample);

/// Reads the log entry kRejected as ingest/rejected.h describes it; kCorrupt for anything else.
Result<RejectedSample> read_rejected(const log::StoredEntry& entry);

/// footfall.rejected and footfall.rejected_counts, as the loader fills them. Errors are those of store::Client; after
/// one, what the tables hold of the batch is not known until delete_beyond(). Not thread-safe.
class RejectedStore {
public:
    explicit RejectedStore(store::Client& store);

    /// Takes away the rows of batches that end at `position` or later. Waits until it is done.
    Status delete_beyond(log::Position position);
    /// Writes the batch's samples and the counts of its tallies, durable on return. An entry that is not one of ours is
    /// left out and logged, since nothing behind it must wait for it.
    Status insert(std::span<const log::StoredEntry> entries, log::Position last);

private:
    struct Counted {
        std::uint64_t events = 0;
        std::int64_t last_at = 0;
    };
    struct Key {
        std::string website_id;
        std::string reason;
        std::uint32_t hour = 0;  ///< its first second
        auto operator<=>(const Key&) const = default;
    };
    void add_sample(const log::StoredEntry& entry);
    void add_tally(const log::StoredEntry& entry);
    Status insert_block(std::string_view statement, std::vector<store::NativeColumn>& columns);

    store::Client& store_;
    std::vector<store::NativeColumn> samples_;
    std::vector<store::NativeColumn> counts_;
    std::map<Key, Counted> counted_;
};

/// Which rejected events are asked for.
struct RejectedFilter {
    enum class Of : std::uint8_t {
        kAll,
        kSite,   ///< of `site`; empty: of no site that was known
        kNamed,  ///< of `site`, and samples that were sent for it before it was known
    };
    Of of = Of::kAll;
    std::string site{};
    std::string reason{};  ///< empty: all
    std::int64_t since_ms = 0;
};

struct RejectedHour {
    std::string reason;
    std::int64_t hour_ms = 0;
    std::uint64_t events = 0;
    std::int64_t last_at = 0;  ///< receipt of the last of them
};
/// Newest hour first. Counts all that was rejected, unlike the samples.
Result<std::vector<RejectedHour>> rejected_by_hour(store::Client& store, const RejectedFilter& filter);

enum class RejectedOrder : std::uint8_t { kNewestFirst, kOldestFirst };
struct RejectedPage {
    RejectedOrder order = RejectedOrder::kNewestFirst;
    std::optional<std::uint64_t> after{};  ///< offsets of the log
    std::uint64_t before = std::numeric_limits<std::int64_t>::max();
    std::uint32_t limit = 100;
};
Result<std::vector<RejectedSample>> rejected_samples(store::Client& store, const RejectedFilter& filter,
                                                     const RejectedPage& page);

/// What the API and `rejected list --json` say: {"reasons":[{"reason","count","last_at"}],
/// "hours":[{"hour","reason","count"}],"samples":[…],"before":…}, times in ISO 8601. `before` is what gets the next
/// page, null where there is none.
struct RejectedList {
    std::vector<RejectedHour> hours;
    std::vector<RejectedSample> samples;
    bool has_more = false;

    /// By reason, the most first.
    std::vector<RejectedHour> reasons() const;
    std::string json() const;
};
Result<RejectedList> list_rejected(store::Client& store, const RejectedFilter& filter, const RejectedPage& page);

/// Of these ids, those of events of the site that the store has with a time from `from_ms` on: it says where in the log
/// they may be, which alone keeps the ids of old ones. Of pings none are known. Errors are those of store and log.
Result<std::vector<std::string>> known_event_ids(store::Client& store, const log::EventLog& log,
                                                 const std::string& site, std::span<const std::string> ids,
                                                 std::int64_t from_ms);

}  // namespace footfall::process
