#include "process/loaders.h"

#include <utility>

#include "log/kafka/kafka_log.h"
#include "process/store_progress.h"

namespace footfall::process {
namespace {

constexpr int kLookEveryMs = 100;

}  // namespace

Result<std::unique_ptr<Loaders>> Loaders::open(store::Client& store, LoadersOptions options, Clock& clock) {
    std::unique_ptr<Loaders> out(new Loaders(store, std::move(options), clock));
    const LoadersOptions& set = out->options_;
    TRY(out->share_, log::kafka::Share::open({.members = {.brokers = set.brokers,
                                                          .group = set.members + "-" + set.topic,
                                                          .topic = set.topic,
                                                          .session_timeout_ms = set.session_timeout_ms,
                                                          .more = set.more},
                                              .name = "loader"},
                                             [loaders = out.get()](auto& turn) { return loaders->work(turn); }));
    return out;
}

Loaders::~Loaders() { share_.reset(); }

Status Loaders::work(log::kafka::Share::Turn& turn) {
    TRY(const auto kafka, log::kafka::KafkaLog::open({.brokers = options_.brokers,
                                                      .topic = options_.topic,
                                                      .partition = turn.partition(),
                                                      .numbered_from = options_.numbered_from,
                                                      .isolation = log::kafka::Isolation::kReadCommitted,
                                                      .more = options_.more},
                                                     clock_));
    TRY(auto progress, StoreProgress::take_over(store_, kafka->begin().partition));
    log::ErasedLog log(*kafka, options_.erasures);
    const auto ask_what_is_erased = [&log]() -> Status {
        TRY([[maybe_unused]] const bool is_other, log.refresh());
        return {};
    };
    // Only now that the partition is this one's.
    TRY_STATUS(ask_what_is_erased());
    Loader loader(log, store_, clock_,
                  {.interval_ms = options_.interval_ms,
                   .rows_max = options_.rows_max,
                   .progress = std::move(progress),
                   .released = ask_what_is_erased});
    loader.start();
    while (!turn.is_ending() && !loader.has_ended()) {
        LoaderState state = loader.state();
        if (state.problem.empty()) turn.gets_on(state.loaded.offset, state.as_of_ms);
        else turn.stands(std::move(state.problem));
        turn.wait(kLookEveryMs);
    }
    const std::string problem = loader.state().problem;
    loader.stop(0);
    if (turn.is_ending()) return {};
    return Error(Code::kConflict, problem);
}

}  // namespace footfall::process
