#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace footfall::query {

/// How many run and how many wait, of one site and in all.
struct QueueLimits {
    std::size_t running_max = 4;
    std::size_t site_running_max = 2;
    std::size_t waiting_max = 64;
    std::size_t site_waiting_max = 32;
};

/// Whose turn it is among what waits. The sites take turns, each in the order in which its own came, so that a site
/// that asks for much makes none but itself wait. Not thread-safe.
template <class Item>
class FairQueue {
public:
    enum class Added : std::uint8_t { kYes, kSiteIsFull, kIsFull };

    explicit FairQueue(const QueueLimits& limits) : limits_(limits) {}

    /// What finds a free turn does not count as waiting, whether or not it has taken it.
    Added add(const std::string& site, Item item) {
        const std::size_t free = limits_.running_max - running_;
        if (waiting_ >= limits_.waiting_max + free) return Added::kIsFull;
        const auto known = sites_.find(site);
        const Site none;
        const Site& of_site = known == sites_.end() ? none : known->second;
        const std::size_t free_of_site = std::min(free, limits_.site_running_max - of_site.running);
        if (of_site.waiting.size() >= limits_.site_waiting_max + free_of_site) return Added::kSiteIsFull;
        add_again(site, std::move(item));
        return Added::kYes;
    }
    /// The same for one that had a turn and needs another: beyond the limits of what waits, since it had its place.
    void add_again(const std::string& site, Item item) {
        Site& of_site = sites_[site];
        if (of_site.waiting.empty()) turns_.push_back(site);
        of_site.waiting.push_back(std::move(item));
        ++waiting_;
    }
    /// Whose turn it is now; it runs until ended().
    std::optional<Item> next() {
        if (running_ >= limits_.running_max) return std::nullopt;
        const auto turn = std::find_if(turns_.begin(), turns_.end(), [&](const std::string& name) {
            return sites_.at(name).running < limits_.site_running_max;
        });
        if (turn == turns_.end()) return std::nullopt;
        Site& site = sites_.at(*turn);
        Item item = std::move(site.waiting.front());
        site.waiting.pop_front();
        --waiting_;
        ++site.running;
        ++running_;
        if (site.waiting.empty()) turns_.erase(turn);
        else turns_.splice(turns_.end(), turns_, turn);
        return item;
    }
    void ended(const std::string& site) {
        --sites_.at(site).running;
        --running_;
        forget_if_idle(site);
    }
    /// Takes what waits and is such a one out of the queue.
    template <class Predicate>
    std::vector<Item> take_if(const Predicate& is_wanted) {
        std::vector<Item> taken;
        const std::list<std::string> names = turns_;
        for (const std::string& name : names) {
            std::deque<Item>& waiting = sites_.at(name).waiting;
            std::deque<Item> left;
            for (Item& item : waiting) {
                if (is_wanted(item)) taken.push_back(std::move(item));
                else left.push_back(std::move(item));
            }
            waiting_ -= waiting.size() - left.size();
            waiting = std::move(left);
            if (!waiting.empty()) continue;
            turns_.remove(name);
            forget_if_idle(name);
        }
        return taken;
    }
    template <class Visit>
    void for_each_waiting(const Visit& visit) const {
        for (const auto& [name, site] : sites_)
            for (const Item& item : site.waiting) visit(item);
    }
    std::size_t waiting() const { return waiting_; }
    std::size_t running() const { return running_; }

private:
    struct Site {
        std::deque<Item> waiting;
        std::size_t running = 0;
    };
    void forget_if_idle(const std::string& name) {
        const auto site = sites_.find(name);
        if (site != sites_.end() && site->second.running == 0 && site->second.waiting.empty()) sites_.erase(site);
    }

    const QueueLimits limits_;
    std::map<std::string, Site> sites_;  ///< that wait or run
    std::list<std::string> turns_;       ///< those that wait, whose turn is next first
    std::size_t waiting_ = 0;
    std::size_t running_ = 0;
};

}  // namespace footfall::query
