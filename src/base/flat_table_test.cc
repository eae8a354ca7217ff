// The table against std::map, with hashes that collide and wrap around its end.
#include "base/flat_table.h"

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace footfall {
namespace {

struct Entry {
    std::uint32_t key = 0;
    std::uint32_t value = 0;

    bool is_empty() const { return key == 0; }
    /// Few of them, and the last places of every small table among them.
    std::uint64_t hash() const { return key % 5 == 0 ? ~std::uint64_t{0} : key % 16; }
    bool has_key_of(const Entry& other) const { return key == other.key; }
};

TEST(FlatTableTest, HoldsWhatAMapHoldsWhateverIsInsertedAndErased) {
    const char* given = std::getenv("SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::cout << "SEED=" << seed << "\n";
    std::mt19937_64 random(seed);
    FlatTable<Entry> table;
    std::map<std::uint32_t, std::uint32_t> model;
    for (int turn = 0; turn < 20'000; ++turn) {
        const auto key = static_cast<std::uint32_t>(1 + random() % 150);
        switch (random() % 5) {
            case 0:
            case 1: {
                const auto value = static_cast<std::uint32_t>(random());
                const auto [entry, is_new] = table.insert({key, value});
                ASSERT_EQ(is_new, model.emplace(key, value).second);
                ASSERT_EQ(entry->value, model[key]) << "what was there stays";
                break;
            }
            case 2:
                if (Entry* entry = table.find({key})) table.erase(entry);
                model.erase(key);
                break;
            case 3:
                if (Entry* entry = table.find({key})) model[key] = entry->value = static_cast<std::uint32_t>(turn);
                break;
            default: {
                if (random() % 20 != 0) break;
                const auto rest = static_cast<std::uint32_t>(random() % 3);
                table.erase_if([&](const Entry& entry) { return entry.key % 3 == rest; });
                std::erase_if(model, [&](const auto& entry) { return entry.first % 3 == rest; });
            }
        }
        ASSERT_EQ(table.size(), model.size());
        for (std::uint32_t any = 1; any <= 150; ++any) {
            const Entry* entry = table.find({any});
            ASSERT_EQ(entry != nullptr, model.contains(any)) << any;
            if (entry == nullptr) continue;
            ASSERT_EQ(entry->value, model[any]);
        }
    }
}

TEST(FlatTableTest, AnErasedTableIsEmptyAndCanBeFilledAgain) {
    FlatTable<Entry> table;
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(table.find({1}), nullptr);
        for (std::uint32_t key = 1; key <= 1'000; ++key) EXPECT_TRUE(table.insert({key, key}).second);
        EXPECT_GE(table.capacity(), 1'000u);
        table.erase_if([](const Entry& entry) { return entry.key > 10; });
        EXPECT_LE(table.capacity(), 64u) << "memory is given back";
        table.erase_if([](const Entry&) { return true; });
        EXPECT_EQ(table.size(), 0u);
        EXPECT_EQ(table.capacity(), 0u);
    }
}

TEST(FlatTableTest, SecretHashesDifferInEveryKeyAndWord) {
    EXPECT_EQ(secret_hash(1, 2), secret_hash(1, 2));
    std::set<std::uint64_t> low_bits;
    for (std::uint64_t key = 0; key < 4'000; ++key) low_bits.insert(secret_hash(key << 40, key % 2) & 0xffff);
    EXPECT_GT(low_bits.size(), 3'500u) << "keys of equal low bits meet as seldom as random ones";
}

}  // namespace
}  // namespace footfall
