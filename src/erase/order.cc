#include "erase/order.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace footfall::erase {
namespace {

struct Bounded {
    Subject subject;
    std::uint64_t end = 0;
};

/// Of one reader of the log.
class Orders {
public:
    explicit Orders(std::shared_ptr<const std::vector<Bounded>> orders) : orders_(std::move(orders)) {
        for (const Bounded& order : *orders_) readers_.push_back(std::make_unique<SubjectReader>(order.subject));
    }
    std::optional<std::string> left_of(const log::StoredEntry& entry) const {
        for (std::size_t i = 0; i < readers_.size(); ++i)
            if (entry.position.offset < (*orders_)[i].end && readers_[i]->holds(entry))
                return readers_[i]->tombstone(entry);
        return std::nullopt;
    }

private:
    const std::shared_ptr<const std::vector<Bounded>> orders_;
    std::vector<std::unique_ptr<SubjectReader>> readers_;
};

}  // namespace

Result<Subject> subject_of(const catalog::Erasure& order) {
    auto subject = Subject::of_json(order.subject);
    if (subject) return std::move(*subject);
    return Error(Code::kCorrupt, fmt::format("the catalog's erasure {} is not one of ours: is a newer release in use "
                                             "beside this one?",
                                             order.id));
}

Result<log::Erasures> erasures_of(std::span<const catalog::Erasure> orders, std::uint16_t partition) {
    log::Erasures out;
    auto bounded = std::make_shared<std::vector<Bounded>>();
    for (const catalog::Erasure& order : orders) {
        for (const catalog::Erasure::Partition& of : order.partitions) {
            if (of.number != partition) continue;
            TRY(Subject subject, subject_of(order));
            bounded->push_back({.subject = std::move(subject), .end = of.end});
            // By whom it is as well: with each try more may have been found out.
            out.version += fmt::format("{}:{}:{} ", order.id, of.end, order.subject.size());
            out.end = std::max(out.end, of.end);
        }
    }
    if (bounded->empty()) return out;
    out.begin = [bounded] {
        return log::Replacement(
            [own = std::make_shared<Orders>(bounded)](const log::StoredEntry& entry) { return own->left_of(entry); });
    };
    return out;
}

log::Rewriting rewriting_of(const Subject& subject) {
    auto bounded = std::make_shared<std::vector<Bounded>>();
    bounded->push_back({.subject = subject, .end = log::ErasureRange().end});
    return [own = std::make_shared<Orders>(std::move(bounded))](
               const log::StoredEntry& entry) -> Result<std::optional<log::Rewritten>> {
        auto left = own->left_of(entry);
        if (!left) return std::optional<log::Rewritten>();
        return std::optional<log::Rewritten>({.payload = std::move(*left)});
    };
}

std::string state_of(std::span<const catalog::Erasure> orders) {
    std::string out;
    for (const catalog::Erasure& order : orders) out += fmt::format("{}:{} ", order.id, order.done_ms);
    return out;
}

}  // namespace footfall::erase
