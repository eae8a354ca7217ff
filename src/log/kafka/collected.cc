#include "log/kafka/collected.h"

#include <utility>

#include "base/logging.h"

namespace footfall::log::kafka {
namespace {

constexpr std::int64_t kTellEveryNs = 1'000'000'000;

}  // namespace

Result<std::unique_ptr<Collected>> Collected::open(CollectedOptions options, Clock& clock) {
    TRY(auto producer, Producer::open(std::move(options.producer), clock));
    return std::unique_ptr<Collected>(new Collected(std::move(producer), {.topic = std::move(options.events)},
                                                    {.topic = std::move(options.others)}, clock));
}

Result<Position> Collected::append(std::span<const Entry> group) {
    const auto sent = producer_->send(group, [this](const Entry& entry) -> const Destination& {
        return entry.kind == EntryKind::kEvent ? events_ : others_;
    });
    if (sent) return Position{};
    tell(sent.error());
    if (sent.error().code == Code::kTooLarge || sent.error().code == Code::kInternal) return sent.error();
    return Error(Code::kOverloaded, sent.error().message);
}

void Collected::tell(const Error& refusal) {
    ++refused_;
    const std::int64_t now_ns = clock_.steady_ns();
    if (now_ns < tell_again_ns_) return;
    tell_again_ns_ = now_ns + kTellEveryNs;
    logging::warn("kafka.refused", {{"error", refusal.message}, {"groups", std::exchange(refused_, 0)}});
}

}  // namespace footfall::log::kafka
