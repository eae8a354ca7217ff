#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace footfall::enrich {

/// A cache of fixed size: 4 places for each set of hashes, the least recently used of them is replaced. No allocation
/// of its own after construction, and hashes chosen to collide cost no more than misses. Not thread-safe.
template <class Value>
class SetCache {
public:
    /// `sets` is a power of two; capacity is four times that.
    explicit SetCache(std::size_t sets) : sets_(sets) {}

    /// The value that was kept under this hash and that `is_same` accepts; nullptr otherwise. Valid until the next
    /// call.
    template <class IsSame>
    const Value* find(std::uint64_t hash, IsSame&& is_same) {
        auto& set = sets_[hash & (sets_.size() - 1)];
        for (std::size_t i = 0; i < set.size(); ++i) {
            if (set[i].hash != hash || !is_same(set[i].value)) continue;
            for (; i > 0; --i) std::swap(set[i], set[i - 1]);
            return &set[0].value;
        }
        return nullptr;
    }
    const Value& keep(std::uint64_t hash, Value value) {
        auto& set = sets_[hash & (sets_.size() - 1)];
        for (std::size_t i = set.size() - 1; i > 0; --i) std::swap(set[i], set[i - 1]);
        set[0] = {hash, std::move(value)};
        return set[0].value;
    }

private:
    struct Place {
        std::uint64_t hash = 0;
        Value value{};
    };
    std::vector<std::array<Place, 4>> sets_;
};

}  // namespace footfall::enrich
