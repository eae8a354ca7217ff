#include "process/live/recent.h"

#include <algorithm>
#include <utility>

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
    if (unused.visitors > 0 || unused.joining > 0 || unused.holders > 0) return;
    ids_.erase(ids_.find(*unused.text));
    unused = {};
    free_.push_back(name);
}

std::vector<RecentVisitors::Pair>& RecentVisitors::seen_in(std::int64_t second) {
    // Nearly all events are of the latest second.
    if (!seconds_.empty() && seconds_.rbegin()->first == second) return seconds_.rbegin()->second;
    return seconds_[second];
}

bool RecentVisitors::is_of_sample(std::uint64_t visitor_id, unsigned shift) {
    // Another hash than that of the pairs' places.
    return shift == 0 || secret_hash(visitor_id, ~std::uint64_t{0}) >> (64 - shift) == 0;
}

std::uint32_t& RecentVisitors::count_of(const Pair& pair) {
    Name& name = names_[pair.name];
    return is_of_sample(pair.visitor, shift_) ? name.visitors : name.joining;
}

void RecentVisitors::erase(Pair* pair) {
    --count_of(*pair);
    pairs_.erase(pair);
}

template <class IsOver>
void RecentVisitors::drop_sightings(IsOver&& is_over) {
    std::size_t dropped = 0;
    for (auto& [second, seen] : seconds_) {
        dropped += std::erase_if(seen, is_over);
        seen.shrink_to_fit();
    }
    sightings_ -= dropped;
    budget_.used -= dropped;
}

void RecentVisitors::leave_out() {
    if (sightings_ < std::max(kSightingsAlways, budget_.max / budget_.lists)) return;
    if (sightings_ <= 2 * pairs_.size()) return halve();
    drop_sightings([&](const Pair& seen) {
        const Pair* pair = pairs_.find(seen);
        return pair == nullptr || pair->second > seen.second;
    });
}

void RecentVisitors::halve() {
    if (open_shift_ == shift_) ++shift_;
    open_shift_ = shift_;
    const auto is_out = [&](const Pair& pair) { return !is_of_sample(pair.visitor, shift_); };
    pairs_.erase_if(is_out);
    drop_sightings(is_out);
    for (Name& name : names_) name.visitors = name.joining = 0;
    pairs_.for_each([&](const Pair& pair) { ++names_[pair.name].visitors; });
    for (NameId name = 0; name < names_.size(); ++name)
        if (names_[name].text != nullptr) forget_unused(name);
}

void RecentVisitors::leave_out_at_least(unsigned shift) {
    least_shift_ = shift;
    while (open_shift_ < shift) halve();
}

void RecentVisitors::take_in() {
    if (open_shift_ < shift_ && now_ - opened_at_ >= kRecentSeconds) {
        shift_ = open_shift_;
        for (Name& name : names_) name.visitors += std::exchange(name.joining, 0);
    }
    if (shift_ <= least_shift_ || open_shift_ < shift_ || budget_.used + sightings_ > budget_.max / 2) return;
    open_shift_ = shift_ - 1;
    opened_at_ = now_;
}

void RecentVisitors::add(std::uint64_t visitor_id, NameId held, std::int64_t at) {
    if (!is_within(at) || !is_of_sample(visitor_id, open_shift_)) return;
    const Pair now{.visitor = visitor_id, .name = held, .second = static_cast<std::uint32_t>(at)};
    const auto [pair, is_new] = pairs_.insert(now);
    if (!is_new && pair->second >= now.second) return;
    pair->second = now.second;
    if (is_new) ++count_of(now);
    seen_in(at).push_back(now);
    ++sightings_;
    if (++budget_.used > budget_.max) leave_out();
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
    erase(pair);
    add(visitor_id, to, second);
}

bool RecentVisitors::advance(std::int64_t now) {
    if (now <= now_) return false;
    now_ = now;
    const unsigned before = shift_;
    bool is_less = false;
    while (!seconds_.empty() && seconds_.begin()->first <= now - kRecentSeconds) {
        for (const Pair& seen : seconds_.begin()->second) {
            Pair* pair = pairs_.find(seen);
            if (pair == nullptr || pair->second > seen.second) continue;  // seen again since
            erase(pair);
            forget_unused(seen.name);
        }
        sightings_ -= seconds_.begin()->second.size();
        budget_.used -= seconds_.begin()->second.size();
        seconds_.erase(seconds_.begin());
        is_less = true;
    }
    if (is_less) pairs_.shrink();
    take_in();
    return is_less || shift_ != before;
}

store::LiveNames RecentVisitors::top(const store::LiveNamesLimits& limits) const {
    std::vector<const Name*> all;
    all.reserve(names_.size());
    for (const Name& name : names_)
        if (name.visitors > 0) all.push_back(&name);
    const auto is_before = [](const Name* a, const Name* b) {
        return a->visitors != b->visitors ? a->visitors > b->visitors : *a->text < *b->text;
    };
    // One more than is listed: the first that is left out.
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(limits.names_max + 1, all.size()));
    std::partial_sort(all.begin(), end, all.end(), is_before);
    store::LiveNames out;
    std::size_t bytes = 0;
    for (auto name = all.begin(); name != end; ++name) {
        const std::uint64_t visitors = std::uint64_t{(*name)->visitors} << shift_;
        bytes += (*name)->text->size();
        if (out.entries.size() == limits.names_max || bytes > limits.bytes_max) {
            out.left_out = visitors;
            break;
        }
        out.entries.push_back({*(*name)->text, visitors});
    }
    return out;
}

}  // namespace footfall::process
