#include "process/live/recent.h"

#include <algorithm>

namespace footfall::process {

void RecentVisitors::add(std::uint64_t visitor_id, std::string_view name, std::int64_t at) {
    if (at <= now_ - kSeconds || at > now_) return;
    auto found = names_.find(name);
    if (found == names_.end()) found = names_.emplace(std::string(name), Name{std::string(name), 0}).first;
    Name& counted = found->second;
    const auto [seen, is_new] = last_seen_.try_emplace({visitor_id, &counted}, at);
    if (is_new) ++counted.visitors;
    else if (seen->second >= at) return;
    seen->second = at;
    seconds_[at].push_back(seen->first);
}

void RecentVisitors::advance(std::int64_t now) {
    if (now <= now_) return;
    while (!seconds_.empty() && seconds_.begin()->first <= now - kSeconds) {
        const std::int64_t second = seconds_.begin()->first;
        for (const Pair& pair : seconds_.begin()->second) {
            const auto seen = last_seen_.find(pair);
            if (seen == last_seen_.end() || seen->second > second) continue;  // seen again since
            last_seen_.erase(seen);
            const auto name = names_.find(pair.name->text);
            if (--name->second.visitors == 0) names_.erase(name);
        }
        seconds_.erase(seconds_.begin());
    }
    now_ = now;
}

std::uint64_t RecentVisitors::count(std::string_view name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? 0 : found->second.visitors;
}

std::vector<store::LiveEntry> RecentVisitors::top(std::size_t n) const {
    std::vector<const Name*> all;
    all.reserve(names_.size());
    for (const auto& [text, name] : names_) all.push_back(&name);
    const auto is_before = [](const Name* a, const Name* b) {
        return a->visitors != b->visitors ? a->visitors > b->visitors : a->text < b->text;
    };
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(n, all.size()));
    std::partial_sort(all.begin(), end, all.end(), is_before);
    std::vector<store::LiveEntry> out;
    for (auto name = all.begin(); name != end; ++name) out.push_back({(*name)->text, (*name)->visitors});
    return out;
}

}  // namespace footfall::process
