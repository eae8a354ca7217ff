#include "app/replay_samples.h"

#include <vector>

#include "base/logging.h"

namespace footfall::app {
namespace {

constexpr std::uint32_t kReplayPage = 500;  // samples, of 4 KiB each at most

}  // namespace

Result<ingest::ReplayReport> replay_samples(store::Client& store, ingest::Replay& replay,
                                            const process::RejectedFilter& filter, ingest::ReplayMode mode) {
    ingest::ReplayReport report;
    process::RejectedPage page{.order = process::RejectedOrder::kOldestFirst, .limit = kReplayPage};
    for (;;) {
        TRY(const auto samples, process::rejected_samples(store, filter, page));
        std::vector<ingest::KeptEvent> events;
        events.reserve(samples.size());
        for (const process::RejectedSample& sample : samples)
            events.push_back({.position = sample.position,
                              .received_at = sample.received_at,
                              .text = sample.event,
                              .is_cut = sample.is_cut,
                              .user_agent = sample.user_agent,
                              .key_site_id = sample.key_site_id});
        TRY_STATUS(replay.run(events, mode, report));
        if (samples.size() < kReplayPage) break;
        page.after = samples.back().position.offset;
    }
    if (mode == ingest::ReplayMode::kTake)
        logging::info("rejected.replayed", {{"taken", report.taken}, {"duplicates", report.duplicates}});
    return report;
}

}  // namespace footfall::app
