#include "deduplicate/workers.h"

#include <filesystem>

#include <fmt/format.h>

namespace footfall::deduplicate {
namespace {

constexpr std::int64_t kLookEveryNs = 150'000'000;

}  // namespace

Result<std::unique_ptr<Workers>> Workers::open(WorkersOptions options, Clock& clock) {
    std::unique_ptr<Workers> out(new Workers(std::move(options), clock));
    const WorkersOptions& set = out->options_;
    TRY(out->share_, log::kafka::Share::open({.members = {.brokers = set.each.brokers,
                                                          .group = set.members,
                                                          .topic = set.each.source,
                                                          .session_timeout_ms = set.session_timeout_ms,
                                                          .more = set.each.more},
                                              .name = "deduplicate"},
                                             [workers = out.get()](auto& turn) { return workers->work(turn); }));
    return out;
}

Status Workers::work(log::kafka::Share::Turn& turn) const {
    DeduplicatorOptions each = options_.each;
    each.partition = turn.partition();
    each.index.directory = fmt::format("{}/{}-{}", each.index.directory, each.source, each.partition);
    std::error_code failed;
    std::filesystem::create_directories(options_.each.index.directory, failed);
    if (failed) return Error(Code::kIo, fmt::format("{}: {}", options_.each.index.directory, failed.message()));
    TRY(const auto deduplicator, Deduplicator::open(std::move(each), clock_));
    turn.gets_on(deduplicator->position());
    std::int64_t looked_ns = 0;
    while (!turn.is_ending()) {
        TRY(const std::size_t taken, deduplicator->step(options_.wait_ms));
        std::int64_t as_of_ms = 0;
        if (clock_.steady_ns() - looked_ns >= kLookEveryNs) {
            looked_ns = clock_.steady_ns();
            const std::int64_t now_ms = clock_.wall_ms();
            TRY(const bool has_all, deduplicator->has_all());
            if (has_all) as_of_ms = now_ms;
        }
        if (taken > 0 || as_of_ms > 0) turn.gets_on(deduplicator->position(), as_of_ms);
    }
    return {};
}

}  // namespace footfall::deduplicate
