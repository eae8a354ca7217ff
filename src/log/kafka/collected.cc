#include "log/kafka/collected.h"

#include <utility>

namespace footfall::log::kafka {

Result<std::unique_ptr<Collected>> Collected::open(CollectedOptions options, Clock& clock) {
    TRY(auto producer, Producer::open(std::move(options.producer), clock));
    return std::unique_ptr<Collected>(
        new Collected(std::move(producer), {.topic = std::move(options.events)}, {.topic = std::move(options.others)}));
}

Result<Position> Collected::append(std::span<const Entry> group) {
    const auto sent = producer_->send(group, [this](const Entry& entry) -> const Destination& {
        return entry.kind == EntryKind::kEvent ? events_ : others_;
    });
    if (sent) return Position{};
    if (sent.error().code == Code::kTooLarge) return sent.error();
    return Error(Code::kOverloaded, sent.error().message);
}

}  // namespace footfall::log::kafka
