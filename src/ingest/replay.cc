#include "ingest/replay.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "ingest/ingest.h"

namespace footfall::ingest {
namespace {

// An event that the sender has sent again meanwhile has the time of that, or by its own clock one that is some days
// earlier at most.
constexpr std::int64_t kKnownBeforeMs = event::Limits::kLateMs + 86'400'000;

/// The answers that are waited for.
class Answers {
public:
    explicit Answers(std::size_t left) : left_(left) {}
    void add(Result<std::uint64_t> duplicates) {
        const std::lock_guard lock(mutex_);
        if (!duplicates) error_ = duplicates.error();
        else if (*duplicates > 0) ++duplicates_;
        else ++taken_;
        if (--left_ == 0) done_.notify_all();
    }
    /// The first that failed, where one has.
    Status wait(ReplayReport& report) {
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return left_ == 0; });
        report.taken += taken_;
        report.duplicates += duplicates_;
        count_taken(taken_, duplicates_);
        if (error_) return *error_;
        return {};
    }

private:
    std::mutex mutex_;
    std::condition_variable done_;
    std::size_t left_;
    std::uint64_t taken_ = 0;
    std::uint64_t duplicates_ = 0;
    std::optional<Error> error_;
};

}  // namespace

Uuid replayed_id(log::Position position, std::int64_t received_at) {
    std::string place = "footfall rejected";
    put(place, position.partition);
    put(place, position.offset);
    const auto digest = sha256(place);
    Uuid uuid;
    std::copy_n(digest.begin(), uuid.bytes.size(), uuid.bytes.begin());
    for (std::size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<unsigned char>(received_at >> (8 * (5 - i)));
    uuid.bytes[6] = static_cast<unsigned char>(0x70 | (uuid.bytes[6] & 0x0f));
    uuid.bytes[8] = static_cast<unsigned char>(0x80 | (uuid.bytes[8] & 0x3f));
    return uuid;
}

Replay::Replay(const catalog::Catalog& catalog, std::shared_ptr<const enrich::Tables> tables,
               enrich::Identity& identity, Committer& committer, Clock& clock, KnownIds known_ids)
    : catalog_(catalog),
      identity_(identity),
      committer_(committer),
      clock_(clock),
      known_ids_(std::move(known_ids)),
      intake_(std::move(tables), identity, clock, cap_) {}

Status Replay::run(std::span<const KeptEvent> events, ReplayMode mode, ReplayReport& report) {
    const std::int64_t now_ms = clock_.wall_ms();
    TRY_STATUS(identity_.prepare(now_ms));
    const auto snapshot = catalog_.snapshot();
    std::vector<Candidate> candidates;
    for (const KeptEvent& event : events) judge(event, *snapshot, now_ms, candidates, report);
    TRY(auto known_ids, known(candidates));
    std::vector<Candidate> fresh;
    for (Candidate& candidate : candidates) {
        // The index would tell repetitions within these; a dry run doesn't ask it.
        if (!known_ids.emplace(candidate.site_id, candidate.event_id).second) ++report.duplicates;
        else fresh.push_back(std::move(candidate));
    }
    if (mode == ReplayMode::kTake) return submit(std::move(fresh), report);
    report.taken += fresh.size();
    return {};
}

void Replay::judge(const KeptEvent& event, const catalog::Snapshot& snapshot, std::int64_t now_ms,
                   std::vector<Candidate>& candidates, ReplayReport& report) {
    if (event.is_cut) {
        ++report.cut;
        return;
    }
    // An event that is no object has to be one in an array: an array would pass as several. One that is must not, since
    // it may be nested as deeply as a body may be.
    const bool is_object = event.text.starts_with('{');
    std::string body;
    body.reserve(event.text.size() + 2 + 64);  // simdjson reads past the end
    body.append(is_object ? "" : "[").append(event.text).append(is_object ? "" : "]");
    const Sender sender{.key_site_id = event.key_site_id,
                        .user_agent = event.user_agent,
                        .sent_ms = event.received_at,
                        .receive_ms = now_ms,
                        .id_if_none = replayed_id(event.position, event.received_at)};
    if (!intake_.parse(body, sender)) {
        // Of the one sample; it must not keep up the others.
        ++report.rejected["invalid"];
        return;
    }
    std::unique_ptr<Submission> submission = intake_.make_submission(body.size(), sender, snapshot);
    for (const event::Rejection& rejection : intake_.batch().rejections)
        ++report.rejected[std::string(rejection.reason)];
    if (submission->items.empty()) return;
    Candidate& candidate = candidates.emplace_back();
    candidate.site_id = submission->tallies.front().website_id;
    candidate.event_id = submission->items.front().event_id.text();
    candidate.timestamp = intake_.batch().events.front().event.timestamp;
    candidate.submission = std::move(submission);
}

Result<std::set<std::pair<std::string, std::string>>> Replay::known(const std::vector<Candidate>& candidates) const {
    struct Asked {
        std::vector<std::string> ids;
        std::int64_t from_ms = 0;
    };
    std::map<std::string, Asked> by_site;
    for (const Candidate& candidate : candidates) {
        Asked& asked = by_site[candidate.site_id];
        const std::int64_t from_ms = std::max<std::int64_t>(0, candidate.timestamp - kKnownBeforeMs);
        asked.from_ms = asked.ids.empty() ? from_ms : std::min(asked.from_ms, from_ms);
        asked.ids.push_back(candidate.event_id);
    }
    std::set<std::pair<std::string, std::string>> known;
    for (const auto& [site_id, asked] : by_site) {
        TRY(const auto ids, known_ids_(site_id, asked.ids, asked.from_ms));
        for (const std::string& id : ids) known.emplace(site_id, id);
    }
    return known;
}

Status Replay::submit(std::vector<Candidate> candidates, ReplayReport& report) {
    if (candidates.empty()) return {};
    const auto answers = std::make_shared<Answers>(candidates.size());
    for (Candidate& candidate : candidates) {
        candidate.submission->finished = [answers](Result<std::uint64_t> duplicates) {
            answers->add(std::move(duplicates));
        };
        if (!committer_.submit(std::move(candidate.submission)))
            answers->add(Error(Code::kOverloaded, "too many events wait for the disk; run the replay again later"));
    }
    return answers->wait(report);
}

}  // namespace footfall::ingest
