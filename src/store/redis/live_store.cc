#include "store/redis/live_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/metrics.h"
#include "store/live_part.h"

namespace footfall::store::redis {
namespace {

constexpr std::int64_t kMs = 1'000'000;  // in nanoseconds
constexpr std::int64_t kFollowedNs = 60'000 * kMs;

struct Metrics {
    metrics::Histogram& read =
        metrics::histogram("footfall_live_redis_read_seconds", "Reading the live numbers of a site from Redis.");
    metrics::Counter& errors = metrics::counter("footfall_live_redis_read_errors_total",
                                                "Readings of live numbers from Redis that gave none: it did not "
                                                "answer, or a partition is silent.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

Result<LivePartitionState> parse_state(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    const simdjson::padded_string padded(text);
    std::uint64_t version = 0;
    LivePartitionState state;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS || root["v"].get(version) != simdjson::SUCCESS ||
        version != 1 || root["offset"].get(state.offset) != simdjson::SUCCESS ||
        root["as_of"].get(state.as_of_ms) != simdjson::SUCCESS)
        return Error(Code::kCorrupt, "how far it is read is not written as this program writes it");
    return state;
}

std::string partition_list(const std::vector<std::size_t>& partitions) {
    return fmt::format("{} {}", partitions.size() == 1 ? "partition" : "partitions", fmt::join(partitions, ", "));
}

}  // namespace

LiveStore::LiveStore(LiveStoreOptions options, Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      client_(options_.endpoint, clock),
      subscriber_(options_.endpoint, options_.keys.changes(),
                  {.subscribed = [this] { all_changed(); },
                   .message = [this](std::string_view message) { changed(message); }}) {}

Result<LiveNumbers> LiveStore::fetch(std::string_view website_id) {
    // How far the partitions are comes first: what is read behind it is as new as that, or newer.
    Command states{"MGET"};
    Command fields{"HMGET", options_.keys.site(website_id)};
    for (std::uint16_t partition = 0; partition < options_.partitions; ++partition) {
        states.push_back(options_.keys.partition(partition));
        fields.push_back(std::to_string(partition));
    }
    auto replies = client_.run_all({states, fields}, options_.read_timeout_ms);
    if (!replies) return Error(Code::kUnavailable, "the live numbers can't be read: " + replies.error().message);
    for (const Reply& reply : *replies)
        if (!reply.error.empty() || reply.elements.size() != options_.partitions)
            return Error(Code::kUnavailable, "the live numbers can't be read: Redis: " + reply.error);

    std::int64_t as_of_ms = INT64_MAX;
    std::vector<std::size_t> silent;
    std::vector<LivePart> parts;
    for (std::size_t partition = 0; partition < options_.partitions; ++partition) {
        const auto damaged = [&](const Error& error) {
            return Error(Code::kUnavailable,
                         fmt::format("the live numbers of partition {} can't be read: {}", partition, error.message));
        };
        const auto& state_text = (*replies)[0].elements[partition].text;
        if (!state_text) {
            silent.push_back(partition);
            continue;
        }
        const auto state = parse_state(*state_text);
        if (!state) return damaged(state.error());
        as_of_ms = std::min(as_of_ms, state->as_of_ms);
        const auto& part_text = (*replies)[1].elements[partition].text;
        if (!part_text) continue;  // nothing of the site for half an hour
        auto part = parse_live_part(*part_text);
        if (!part) return damaged(part.error());
        parts.push_back(std::move(*part));
    }
    if (!silent.empty())
        return Error(Code::kUnavailable,
                     fmt::format("the live numbers are not complete: nothing was heard of {} of the events for 5 "
                                 "seconds",
                                 partition_list(silent)));
    LiveNumbers numbers = merge(parts, clock_.wall_ms());
    numbers.as_of_ms = as_of_ms;
    return numbers;
}

Result<LiveNumbers> LiveStore::read(std::string_view website_id) {
    std::uint64_t version = 0;
    const std::int64_t now_ns = clock_.steady_ns();
    {
        const std::lock_guard lock(mutex_);
        const Site& site = followed(website_id);
        if (site.numbers && now_ns - site.read_ns < options_.cache_ms * kMs) return *site.numbers;
        version = site.version;
    }
    auto numbers = fetch(website_id);
    counters().read.observe_ns(clock_.steady_ns() - now_ns);
    if (!numbers) {
        counters().errors.add();
        return numbers;
    }
    const std::lock_guard lock(mutex_);
    Site& site = followed(website_id);
    if (site.version != version) return numbers;  // something changed meanwhile, which this may lack
    site.numbers = *numbers;
    site.read_ns = now_ns;
    return numbers;
}

std::uint64_t LiveStore::version(std::string_view website_id) {
    const std::lock_guard lock(mutex_);
    return followed(website_id).version;
}

LiveStore::Site& LiveStore::followed(std::string_view website_id) {
    const std::int64_t now_ns = clock_.steady_ns();
    forget_unasked(now_ns);
    auto site = sites_.find(website_id);
    if (site == sites_.end())
        site = sites_
                   .emplace(std::string(website_id),
                            Site{.version = ++versions_, .asked_ns = 0, .numbers = {}, .read_ns = 0})
                   .first;
    site->second.asked_ns = now_ns;
    return site->second;
}

void LiveStore::forget_unasked(std::int64_t now_ns) {
    if (now_ns - forgot_ns_ < kFollowedNs) return;
    forgot_ns_ = now_ns;
    std::erase_if(sites_, [&](const auto& site) { return now_ns - site.second.asked_ns >= kFollowedNs; });
}

void LiveStore::all_changed() {
    const std::lock_guard lock(mutex_);
    for (auto& [website_id, site] : sites_) {
        site.version = ++versions_;
        site.numbers.reset();
    }
}

void LiveStore::changed(std::string_view message) {
    simdjson::dom::parser parser;
    simdjson::dom::array changed_sites;
    const simdjson::padded_string padded(message);
    if (parser.parse(padded).get(changed_sites) != simdjson::SUCCESS) return all_changed();
    const std::lock_guard lock(mutex_);
    for (const simdjson::dom::element element : changed_sites) {
        std::string_view website_id;
        if (element.get(website_id) != simdjson::SUCCESS) continue;
        const auto site = sites_.find(website_id);
        if (site == sites_.end()) continue;
        site->second.version = ++versions_;
        site->second.numbers.reset();
    }
}

}  // namespace footfall::store::redis
