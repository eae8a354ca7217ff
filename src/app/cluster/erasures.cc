#include "app/cluster/erasures.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "app/cluster/topic_logs.h"
#include "base/logging.h"
#include "erase/order.h"
#include "process/loaders.h"

namespace footfall::app::cluster {
namespace {

/// Answers of before an erasure are in Redis for minutes, by what was erased then.
constexpr std::int64_t kStaysMs = 3'600'000;

/// What a process has read out of a snapshot, which is parsed once for each partition.
struct Heard {
    std::mutex mutex;
    std::shared_ptr<const catalog::Snapshot> snapshot;
    std::map<std::uint16_t, log::Erasures> of_partitions;
};

/// But for Kafka.
bool may_go(const Settings& settings, const catalog::Erasure& order, std::int64_t now_ms) {
    return order.done_ms != 0 && now_ms - order.done_ms >= kStaysMs && archives_left(settings, order) == 0;
}

}  // namespace

log::ErasuresOf erasures_asked(const catalog::Catalog& catalog) {
    return [&catalog](std::uint16_t partition) -> Result<log::Erasures> {
        TRY(const auto orders, catalog.erasures());
        return erase::erasures_of(orders, partition);
    };
}

log::ErasuresOf erasures_heard(const catalog::Catalog& catalog) {
    return [&catalog, heard = std::make_shared<Heard>()](std::uint16_t partition) -> Result<log::Erasures> {
        const auto snapshot = catalog.snapshot();
        const std::lock_guard lock(heard->mutex);
        if (heard->snapshot != snapshot) {
            heard->snapshot = snapshot;
            heard->of_partitions.clear();
        }
        auto known = heard->of_partitions.find(partition);
        if (known == heard->of_partitions.end()) {
            TRY(log::Erasures erasures, erase::erasures_of(snapshot->erasures, partition));
            known = heard->of_partitions.emplace(partition, std::move(erasures)).first;
        }
        return known->second;
    };
}

Result<std::vector<process::archive::ArchiversOptions::Rewrite>> rewrites_of(const catalog::Snapshot& heard,
                                                                             std::uint16_t partition) {
    std::vector<process::archive::ArchiversOptions::Rewrite> out;
    for (const catalog::Erasure& order : heard.erasures) {
        if (order.done_ms == 0) continue;
        for (const catalog::Erasure::Partition& of : order.partitions) {
            if (of.number != partition || of.archived_ms != 0) continue;
            TRY(const erase::Subject subject, erase::subject_of(order));
            out.push_back(
                {.id = order.id, .end = of.end, .site = subject.website_id, .rewriting = erase::rewriting_of(subject)});
        }
    }
    return out;
}

std::size_t archives_left(const Settings& settings, const catalog::Erasure& order) {
    if (settings.archive_enabled == "off") return 0;
    return static_cast<std::size_t>(std::ranges::count_if(order.partitions, [](const auto& of) {
        return of.number < process::kRejectedPartitions && of.archived_ms == 0;
    }));
}

bool is_outlived(const Settings& settings, const catalog::Erasure& order,
                 const std::map<std::uint16_t, std::uint64_t>& begins, std::int64_t now_ms) {
    return may_go(settings, order, now_ms) && std::ranges::all_of(order.partitions, [&](const auto& of) {
               const auto begin = begins.find(of.number);
               return begin != begins.end() && begin->second >= of.end;
           });
}

Status remove_outlived(const Settings& settings, catalog::Catalog& catalog, std::int64_t now_ms) {
    const auto snapshot = catalog.snapshot();
    if (std::ranges::none_of(snapshot->erasures, [&](const auto& order) { return may_go(settings, order, now_ms); }))
        return {};
    std::map<std::uint16_t, std::uint64_t> begins;
    for (const auto& [name, numbered_from] :
         {std::pair{"events", std::uint16_t{0}}, std::pair{"rejected_events", process::kRejectedPartitions}}) {
        TRY(const TopicLogs topic, open_topic(settings, name, {}, numbered_from));
        for (const auto& log : topic.kafka) begins[log->begin().partition] = log->begin().offset;
    }
    for (const catalog::Erasure& order : snapshot->erasures) {
        if (!is_outlived(settings, order, begins, now_ms)) continue;
        TRY_STATUS(catalog.remove_erasure(order.id));
        logging::info("erasure.outlived", {{"id", order.id}});
    }
    return {};
}

}  // namespace footfall::app::cluster
