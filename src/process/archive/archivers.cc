#include "process/archive/archivers.h"

#include <span>
#include <utility>

#include "base/logging.h"
#include "log/kafka/kafka_log.h"
#include "process/archive/archive.h"

namespace footfall::process::archive {
namespace {

constexpr int kLookEveryMs = 500;

}  // namespace

Result<std::unique_ptr<Archivers>> Archivers::open(ArchiversOptions options, Clock& clock) {
    std::unique_ptr<Archivers> out(new Archivers(std::move(options), clock));
    const ArchiversOptions& set = out->options_;
    TRY(out->share_, log::kafka::Share::open({.members = {.brokers = set.brokers,
                                                          .group = set.members,
                                                          .topic = set.topic,
                                                          .session_timeout_ms = set.session_timeout_ms,
                                                          .more = set.more},
                                              .name = "archive"},
                                             [archivers = out.get()](auto& turn) { return archivers->work(turn); }));
    return out;
}

Status Archivers::work(log::kafka::Share::Turn& turn) {
    TRY(const auto kafka, log::kafka::KafkaLog::open({.brokers = options_.brokers,
                                                      .topic = options_.topic,
                                                      .partition = turn.partition(),
                                                      .isolation = log::kafka::Isolation::kReadCommitted,
                                                      .more = options_.more},
                                                     clock_));
    TRY(const std::uint64_t log_id, kafka->id());
    if (options_.hear) TRY_STATUS(options_.hear());
    log::ErasedLog log(*kafka, options_.erasures);
    TRY([[maybe_unused]] const bool has_any, log.refresh());
    TRY(const auto objects, options_.place(turn.partition(), [&turn] { return turn.is_ending(); }));
    TRY(const auto archive, Archive::open(*objects, log, log_id, clock_, Archive::Kind::kFromWhenItCan));
    Archiver archiver(log, *archive, clock_, options_.each);
    archiver.start();
    // It tries again by itself.
    while (!turn.is_ending()) {
        TRY_STATUS(rewrite(turn.partition(), log, *archive));
        ArchiverState state = archiver.state();
        if (state.problem.empty()) turn.gets_on(state.next);
        else turn.stands(std::move(state.problem));
        turn.wait(kLookEveryMs);
    }
    return {};
}

Status Archivers::rewrite(std::uint16_t partition, log::ErasedLog& log, Archive& archive) const {
    std::vector<ArchiversOptions::Rewrite> rewrites;
    if (options_.rewrites) {
        TRY(rewrites, options_.rewrites(partition));
    }
    // What is added from here on has none of it; what is being added is waited for by the rewriting.
    TRY([[maybe_unused]] const bool is_other, log.refresh());
    for (const ArchiversOptions::Rewrite& one : rewrites) {
        TRY(const std::uint64_t entries,
            archive.rewrite({.begin = 0, .end = one.end}, std::span(&one.site, 1), one.rewriting));
        TRY_STATUS(options_.rewritten(partition, one));
        logging::info("archive.erased", {{"partition", partition}, {"entries", entries}});
    }
    return {};
}

}  // namespace footfall::process::archive
