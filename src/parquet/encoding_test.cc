#include "parquet/encoding.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace footfall::parquet {
namespace {

TEST(HybridTest, PackedValuesStandAsTheFormatsOwnExampleHasThem) {
    std::string out;
    put_hybrid(out, std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7}, 3);
    EXPECT_EQ(to_hex(out), "0388c6fa");
}

TEST(HybridTest, ARunIsItsLengthAndOneValue) {
    std::string out;
    put_hybrid(out, std::vector<std::uint32_t>(1'000, 300), 9);
    EXPECT_EQ(to_hex(out), "d00f2c01");
}

TEST(HybridTest, RandomValuesComeBackWhateverTheirRuns) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 500; ++round) {
        const unsigned width = static_cast<unsigned>(random() % 33);
        std::vector<std::uint32_t> values;
        while (values.size() < 300) {
            const auto value = static_cast<std::uint32_t>(random() & ((std::uint64_t{1} << width) - 1));
            values.insert(values.end(), random() % 4 == 0 ? random() % 40 + 1 : 1, value);
        }
        std::string out;
        put_hybrid(out, values, width);
        out += "rest";
        std::string_view in = out;
        const auto back = take_hybrid(in, values.size(), width);
        ASSERT_TRUE(back) << "width " << width << ", round " << round;
        EXPECT_EQ(*back, values);
        EXPECT_EQ(in, "rest");
    }
}

TEST(DeltaTest, RandomNumbersComeBackWhateverTheirDistance) {
    std::mt19937_64 random(11);
    const std::int64_t least = std::numeric_limits<std::int64_t>::min();
    const std::int64_t most = std::numeric_limits<std::int64_t>::max();
    for (int round = 0; round < 500; ++round) {
        std::vector<std::int64_t> values(random() % 400);
        std::int64_t last = static_cast<std::int64_t>(random());
        for (std::int64_t& value : values) {
            switch (random() % (round % 4 == 0 ? 40 : 3)) {
                case 0: value = last; break;
                case 1: value = random() % 50 == 0 ? least : static_cast<std::int64_t>(random() % 1'000); break;
                case 2: value = random() % 50 == 0 ? most : last; break;
                default: value = static_cast<std::int64_t>(random());
            }
            last = value;
        }
        std::string out;
        put_deltas(out, values);
        out += "rest";
        std::string_view in = out;
        const auto back = take_deltas(in, values.size());
        ASSERT_TRUE(back) << "round " << round;
        EXPECT_EQ(*back, values);
        EXPECT_EQ(in, "rest");
    }
}

TEST(DeltaTest, NumbersThatGrowEvenlyTakeNearlyNothing) {
    std::vector<std::int64_t> values;
    for (std::int64_t i = 0; i < 100'000; ++i) values.push_back(1'795'500'000'000 + i * 40);
    std::string out;
    put_deltas(out, values);
    EXPECT_LT(out.size(), values.size() / 10);
}

}  // namespace
}  // namespace footfall::parquet
