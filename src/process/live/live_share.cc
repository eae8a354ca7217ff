#include "process/live/live_share.h"

#include "log/kafka/kafka_log.h"
#include "process/live/live.h"
#include "process/live/publisher.h"

namespace footfall::process {
namespace {

constexpr int kLookEveryMs = 200;

}  // namespace

Result<std::unique_ptr<LiveShare>> LiveShare::open(store::redis::Client& redis, LiveShareOptions options,
                                                   Clock& clock) {
    std::unique_ptr<LiveShare> out(new LiveShare(redis, std::move(options), clock));
    const LiveShareOptions& set = out->options_;
    TRY(out->share_, log::kafka::Share::open({.members = {.brokers = set.brokers,
                                                          .group = set.members,
                                                          .topic = set.topic,
                                                          .session_timeout_ms = set.session_timeout_ms,
                                                          .more = set.more},
                                              .name = "live"},
                                             [share = out.get()](auto& turn) { return share->work(turn); }));
    return out;
}

Status LiveShare::work(log::kafka::Share::Turn& turn) const {
    TRY(const auto kafka, log::kafka::KafkaLog::open({.brokers = options_.brokers,
                                                      .topic = options_.topic,
                                                      .partition = turn.partition(),
                                                      .isolation = log::kafka::Isolation::kReadCommitted,
                                                      .more = options_.more},
                                                     clock_));
    log::ErasedLog log(*kafka, options_.erasures);
    TRY([[maybe_unused]] const bool has_any, log.refresh());
    LiveProcessor live(log, clock_);
    LivePublisher publisher(live, redis_, {.writer = {.partition = turn.partition(), .keys = options_.keys}}, clock_);
    live.start();
    publisher.start();
    // Both try again by themselves; a partition without Redis is not taken up anew.
    while (!turn.is_ending()) {
        TRY(const bool is_other, log.refresh());
        if (is_other) live.log_was_rewritten();
        turn.gets_on(0);
        turn.wait(kLookEveryMs);
    }
    return {};
}

}  // namespace footfall::process
