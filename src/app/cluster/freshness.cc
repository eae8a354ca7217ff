#include "app/cluster/freshness.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace footfall::app::cluster {
namespace {

constexpr int kTimeoutMs = 200;
constexpr const char* kDeduplicated = "as_of:deduplicated";
constexpr const char* kLoaded = "as_of:loaded";

void add_command(std::vector<store::redis::Command>& commands, std::string key, const AsOf& as_of) {
    if (as_of.empty()) return;
    store::redis::Command command = {"HSET", std::move(key)};
    for (const auto& [partition, ms] : as_of) {
        command.push_back(std::to_string(partition));
        command.push_back(std::to_string(ms));
    }
    commands.push_back(std::move(command));
}

template <class Number>
bool read_number(const std::optional<std::string>& text, Number& number) {
    return text && std::from_chars(text->data(), text->data() + text->size(), number).ec == std::errc();
}

AsOf as_of_in(const store::redis::Reply& reply) {
    AsOf out;
    for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
        std::uint16_t partition = 0;
        std::int64_t ms = 0;
        if (read_number(reply.elements[i].text, partition) && read_number(reply.elements[i + 1].text, ms))
            out[partition] = ms;
    }
    return out;
}

/// The earliest of all partitions; 0 where one is missing.
std::int64_t earliest(const AsOf& as_of, std::uint16_t partitions) {
    if (as_of.size() < partitions) return 0;
    std::int64_t out = std::numeric_limits<std::int64_t>::max();
    for (const auto& [partition, ms] : as_of) out = std::min(out, ms);
    return out;
}

}  // namespace

Status FreshnessBoard::tell(const Stages& stages) {
    std::vector<store::redis::Command> commands;
    add_command(commands, prefix_ + kDeduplicated, stages.deduplicated);
    add_command(commands, prefix_ + kLoaded, stages.loaded);
    if (commands.empty()) return {};
    TRY(const auto replies, client_.run_all(commands, kTimeoutMs));
    for (const auto& reply : replies)
        if (!reply.error.empty()) return Error(Code::kInternal, "Redis: " + reply.error);
    return {};
}

Result<FreshnessBoard::Stages> FreshnessBoard::read() {
    TRY(const auto replies,
        client_.run_all({{"HGETALL", prefix_ + kDeduplicated}, {"HGETALL", prefix_ + kLoaded}}, kTimeoutMs));
    for (const auto& reply : replies)
        if (!reply.error.empty()) return Error(Code::kInternal, "Redis: " + reply.error);
    return Stages{.deduplicated = as_of_in(replies.at(0)), .loaded = as_of_in(replies.at(1))};
}

void Freshness::add(const FreshnessBoard::Stages& stages, std::int64_t read_ms) {
    // A word that was true once stays true: whoever has the partition now may know less for a moment.
    for (const auto& [from, to] :
         {std::pair(&stages.deduplicated, &best_.deduplicated), std::pair(&stages.loaded, &best_.loaded)})
        for (const auto& [partition, ms] : *from) (*to)[partition] = std::max((*to)[partition], ms);
    if (const std::int64_t ms = earliest(best_.deduplicated, partitions_); ms > 0) words_[read_ms] = ms;
    const std::int64_t loaded_ms = earliest(best_.loaded, partitions_);
    const auto end = words_.upper_bound(loaded_ms);
    if (end != words_.begin()) {
        as_of_ms_ = std::max(as_of_ms_, std::prev(end)->second);
        words_.erase(words_.begin(), end);
    }
    while (words_.size() > kWordsMax) words_.erase(words_.begin());
}

}  // namespace footfall::app::cluster
