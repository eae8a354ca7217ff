#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "ingest/committer.h"
#include "ingest/intake.h"
#include "log/log.h"

namespace footfall::ingest {

/// A rejected event as it was kept, borrowed for the call.
struct KeptEvent {
    log::Position position{};  ///< of its sample in the log
    std::int64_t received_at = 0;
    std::string_view text{};
    bool is_cut = false;
    std::string_view user_agent{};
    std::string_view key_site_id{};
};

enum class ReplayMode : std::uint8_t {
    kTake,
    kDryRun,  ///< nothing is taken; what would become of each event is told all the same
};

/// What became of the events: each is in one of these.
struct ReplayReport {
    std::uint64_t taken = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t cut = 0;                          ///< left out: only a part of the event was kept
    std::map<std::string, std::uint64_t> rejected;  ///< still, by reason; they are not counted anew
};

/// Sends rejected events again, through the validator and to the log as Endpoint does. They are judged by the time at
/// which they came first, and by the key that came with them, if any; they are received now. Their visitor's address
/// was not kept. An event without an id gets one that is made of its sample's place in the log, so that however often
/// it is sent again it counts once. Not thread-safe.
class Replay {
public:
    /// Of these ids, those of events that the store has of the site, with a time from `from_ms` on: the index of event
    /// ids forgets after seven days.
    using KnownIds = std::function<Result<std::vector<std::string>>(
        const std::string& site_id, std::span<const std::string> ids, std::int64_t from_ms)>;
    Replay(const catalog::Catalog& catalog, std::shared_ptr<const enrich::Tables> tables, enrich::Identity& identity,
           Committer& committer, Clock& clock, KnownIds known_ids);

    /// Adds to `report` what became of the events, in their order. What it says to be taken is durable. After an error
    /// some may have been taken; they are duplicates when they are sent once more. At most some thousand at once: all
    /// are submitted before the first is waited for.
    Status run(std::span<const KeptEvent> events, ReplayMode mode, ReplayReport& report);

private:
    struct Candidate {
        std::unique_ptr<Submission> submission;
        std::string site_id;
        std::string event_id;
        std::int64_t timestamp = 0;
    };
    void judge(const KeptEvent& event, const catalog::Snapshot& snapshot, std::int64_t now_ms,
               std::vector<Candidate>& candidates, ReplayReport& report);
    Result<std::set<std::pair<std::string, std::string>>> known(const std::vector<Candidate>& candidates) const;
    Status submit(std::vector<Candidate> candidates, ReplayReport& report);

    const catalog::Catalog& catalog_;
    enrich::Identity& identity_;
    Committer& committer_;
    Clock& clock_;
    const KnownIds known_ids_;
    DistinctCap cap_;
    Intake intake_;
};

/// The id of an event that came without one: a version 7 UUID of its receive time and its sample's position, so the
/// same one whenever it is asked for.
Uuid replayed_id(log::Position position, std::int64_t received_at);

}  // namespace footfall::ingest
