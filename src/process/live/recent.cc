#include "process/live/recent.h"

#include <algorithm>

namespace footfall::process {
namespace {

std::size_t slot_of(std::int64_t second) { return static_cast<std::size_t>(second % kRecentSeconds); }

}  // namespace

void RecentCount::add(std::int64_t at) {
    if (!is_within(at)) return;
    ++seconds_[slot_of(at)];
    ++count_;
}

void RecentCount::move(std::int64_t before, std::int64_t at) {
    if (is_within(before)) {
        --seconds_[slot_of(before)];
        --count_;
    }
    add(at);
}

void RecentCount::advance(std::int64_t now) {
    if (now <= now_) return;
    for (std::int64_t second = std::max(now_ + 1, now - kRecentSeconds + 1); second <= now; ++second) {
        std::uint32_t& slot = seconds_[slot_of(second)];  // still that of a second which is over
        count_ -= slot;
        slot = 0;
    }
    now_ = now;
}

RecentVisitors::NameId RecentVisitors::hold(std::string_view name) {
    auto found = ids_.find(name);
    if (found == ids_.end() && ids_.size() >= kNamesMax) {
        name = kOther;
        found = ids_.find(name);
    }
    if (found == ids_.end()) {
        if (free_.empty()) {
            free_.push_back(static_cast<NameId>(names_.size()));
            names_.emplace_back();
        }
        found = ids_.emplace(std::string(name), free_.back()).first;
        free_.pop_back();
        names_[found->second] = {.text = &found->first};
    }
    ++names_[found->second].holders;
    return found->second;
}

void RecentVisitors::release(NameId name) {
    --names_[name].holders;
    forget_unused(name);
}

void RecentVisitors::forget_unused(NameId name) {
    Name& unused = names_[name];
    if (unused.visitors > 0 || unused.holders > 0) return;
    ids_.erase(ids_.find(*unused.text));
    unused = {};
    free_.push_back(name);
}

std::vector<RecentVisitors::Pair>& RecentVisitors::seen_in(std::int64_t second) {
    // Nearly all events are of the latest second.
    if (!seconds_.empty() && seconds_.rbegin()->first == second) return seconds_.rbegin()->second;
    return seconds_[second];
}

void RecentVisitors::add(std::uint64_t visitor_id, NameId held, std::int64_t at) {
    if (!is_within(at)) return;
    const Pair now{.visitor = visitor_id, .name = held, .second = static_cast<std::uint32_t>(at)};
    const auto [pair, is_new] = pairs_.insert(now);
    if (is_new) ++names_[held].visitors;
    else if (pair->second >= now.second) return;
    pair->second = now.second;
    seen_in(at).push_back(now);
}

void RecentVisitors::add(std::uint64_t visitor_id, std::string_view name, std::int64_t at) {
    if (!is_within(at)) return;
    const NameId held = hold(name);
    add(visitor_id, held, at);
    release(held);
}

void RecentVisitors::move(std::uint64_t visitor_id, NameId from, NameId to) {
    Pair* pair = pairs_.find({.visitor = visitor_id, .name = from});
    if (pair == nullptr || from == to) return;
    const std::uint32_t second = pair->second;
    pairs_.erase(pair);
    --names_[from].visitors;
    add(visitor_id, to, second);
}

void RecentVisitors::advance(std::int64_t now) {
    if (now <= now_) return;
    now_ = now;
    bool is_less = false;
    while (!seconds_.empty() && seconds_.begin()->first <= now - kRecentSeconds) {
        for (const Pair& seen : seconds_.begin()->second) {
            Pair* pair = pairs_.find(seen);
            if (pair == nullptr || pair->second > seen.second) continue;  // seen again since
            pairs_.erase(pair);
            --names_[seen.name].visitors;
            forget_unused(seen.name);
        }
        seconds_.erase(seconds_.begin());
        is_less = true;
    }
    if (is_less) pairs_.shrink();
}

std::vector<store::LiveEntry> RecentVisitors::top(std::size_t n) const {
    std::vector<const Name*> all;
    all.reserve(names_.size());
    for (const Name& name : names_)
        if (name.visitors > 0) all.push_back(&name);
    const auto is_before = [](const Name* a, const Name* b) {
        return a->visitors != b->visitors ? a->visitors > b->visitors : *a->text < *b->text;
    };
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(n, all.size()));
    std::partial_sort(all.begin(), end, all.end(), is_before);
    std::vector<store::LiveEntry> out;
    for (auto name = all.begin(); name != end; ++name) out.push_back({*(*name)->text, (*name)->visitors});
    return out;
}

}  // namespace footfall::process
