#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <xxhash.h>

#include "base/bytes.h"

namespace footfall {

/// A hash under a secret of this process: whoever chooses user ids chooses visitors' ids, and could make many that meet
/// in one place of a table.
inline std::uint64_t secret_hash(std::uint64_t key, std::uint64_t more = 0) {
    static const std::array<std::uint64_t, 2> secret = [] {
        std::array<std::uint64_t, 2> bytes{};
        random_bytes(bytes.data(), sizeof bytes);
        return bytes;
    }();
    const std::array<std::uint64_t, 2> words = {key ^ secret[1], more};
    return XXH3_64bits_withSeed(words.data(), sizeof words, secret[0]);
}

/// A hash table in one array (linear probing, at most two thirds full): no allocation and one or two cache misses for
/// an entry, where node-based tables take several. An Entry is its own key and value: trivially copyable, empty when
/// default constructed, with is_empty(), hash() and has_key_of(other). Pointers to entries are valid until the next
/// insert() or erasure. Not thread-safe.
template <class Entry>
class FlatTable {
    static_assert(std::is_trivially_copyable_v<Entry>);

public:
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return slots_.size(); }

    /// The entry of that key; null without one.
    Entry* find(const Entry& key) {
        if (slots_.empty()) return nullptr;
        Entry& slot = slots_[place_of(key)];
        return slot.is_empty() ? nullptr : &slot;
    }

    /// Puts it in where its key is not there yet; whether that was so.
    std::pair<Entry*, bool> insert(const Entry& entry) {
        if (3 * (size_ + 1) > 2 * slots_.size()) resize(std::max(kSlotsMin, 2 * slots_.size()));
        Entry& slot = slots_[place_of(entry)];
        if (!slot.is_empty()) return {&slot, false};
        slot = entry;
        ++size_;
        return {&slot, true};
    }

    void erase(Entry* entry) { erase_at(static_cast<std::size_t>(entry - slots_.data())); }

    /// Erases all of which `is_over` is true; it is asked once or twice for each other one.
    template <class IsOver>
    void erase_if(IsOver&& is_over) {
        // What follows is moved up into a hole, so a place is asked until it has something to keep.
        for (std::size_t place = 0; place < slots_.size(); ++place)
            while (!slots_[place].is_empty() && is_over(slots_[place])) erase_at(place);
        shrink();
    }

    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const Entry& entry : slots_)
            if (!entry.is_empty()) visit(entry);
    }

    /// Whether `is_one` is true of any.
    template <class IsOne>
    bool any_of(IsOne&& is_one) const {
        return std::any_of(slots_.begin(), slots_.end(),
                           [&](const Entry& entry) { return !entry.is_empty() && is_one(entry); });
    }

    /// Gives memory back where less than an eighth is used.
    void shrink() {
        if (8 * size_ < slots_.size()) resize(size_ == 0 ? 0 : std::max(kSlotsMin, std::bit_ceil(2 * size_)));
    }

private:
    static constexpr std::size_t kSlotsMin = 8;

    /// Of a table with slots: where the key is, or would be.
    std::size_t place_of(const Entry& key) const {
        const std::size_t mask = slots_.size() - 1;
        std::size_t place = key.hash() & mask;
        while (!slots_[place].is_empty() && !slots_[place].has_key_of(key)) place = (place + 1) & mask;
        return place;
    }

    /// Entries behind a hole that could no longer be found are moved into it.
    void erase_at(std::size_t hole) {
        const std::size_t mask = slots_.size() - 1;
        for (std::size_t place = (hole + 1) & mask; !slots_[place].is_empty(); place = (place + 1) & mask) {
            const std::size_t home = slots_[place].hash() & mask;
            if (((place - home) & mask) < ((place - hole) & mask)) continue;
            slots_[hole] = slots_[place];
            hole = place;
        }
        slots_[hole] = Entry();
        --size_;
    }

    void resize(std::size_t slots) {
        std::vector<Entry> old(slots);
        old.swap(slots_);
        for (const Entry& entry : old)
            if (!entry.is_empty()) slots_[place_of(entry)] = entry;
    }

    std::vector<Entry> slots_;  ///< a power of two of them, or none
    std::size_t size_ = 0;
};

}  // namespace footfall
