#include "parquet/parquet.h"

#include <random>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace footfall::parquet {
namespace {

const std::vector<ColumnSpec> kSchema = {
    {"site", Type::kText},        {"page", Type::kText},  {"is_bot", Type::kBool},      {"visitor", Type::kUInt64},
    {"time", Type::kTimestampMs}, {"lcp", Type::kDouble}, {"revenue", Type::kDecimal4}, {"properties", Type::kTextMap},
};

std::vector<Column> random_columns(std::mt19937_64& random, std::size_t rows) {
    std::vector<Column> columns(kSchema.size());
    for (std::size_t row = 0; row < rows; ++row) {
        columns[0].texts.add("site" + std::to_string(random() % 3));
        columns[1].texts.add("/" + std::string(random() % 90, static_cast<char>('a' + random() % 26)) +
                             std::to_string(random()));
        columns[2].integers.push_back(random() % 2 == 0);
        columns[3].integers.push_back(static_cast<std::int64_t>(random()));
        columns[4].integers.push_back(1'795'500'000'000 + static_cast<std::int64_t>(random() % 3'600'000));
        columns[5].reals.push_back(random() % 3 == 0 ? 0 : static_cast<double>(random()) / 1e6);
        columns[6].integers.push_back(static_cast<std::int64_t>(random() % 100'000) - 50'000);
        for (std::uint64_t i = random() % 4; i > 0; --i) {
            columns[7].texts.add("key" + std::to_string(i));
            columns[7].map_values.add(std::to_string(random() % 5));
        }
        columns[7].map_ends.push_back(static_cast<std::uint32_t>(columns[7].texts.size()));
    }
    return columns;
}

std::string file_of(const std::vector<std::vector<Column>>& groups) {
    Writer writer(kSchema, {"site", "time"}, {{"made", "here"}});
    for (const auto& columns : groups)
        writer.add_row_group(columns[0].texts.size(), [&](std::size_t n) { return columns[n]; });
    return writer.finish();
}

TEST(ParquetTest, WhatIsWrittenIsReadColumnByColumn) {
    std::mt19937_64 random(3);
    for (const std::size_t rows : {0u, 1u, 7u, 8u, 1'000u, 20'000u}) {
        const std::vector<std::vector<Column>> groups = {random_columns(random, rows), random_columns(random, 3)};
        const std::string file = file_of(groups);
        const auto reader = Reader::open(file);
        ASSERT_TRUE(reader) << reader.error().message;
        EXPECT_EQ(reader->metadata(), (std::map<std::string, std::string>{{"made", "here"}}));
        ASSERT_EQ(reader->row_groups(), 2u);
        for (std::size_t group = 0; group < 2; ++group) {
            EXPECT_EQ(reader->rows(group), groups[group][0].texts.size());
            for (std::size_t n = 0; n < kSchema.size(); ++n) {
                const auto column = reader->read(group, kSchema[n]);
                ASSERT_TRUE(column) << kSchema[n].name << ": " << column.error().message;
                EXPECT_EQ(*column, groups[group][n]) << kSchema[n].name << " of " << rows;
            }
        }
    }
}

TEST(ParquetTest, AColumnThatIsNotThereIsToldFromOneOfAnotherType) {
    std::mt19937_64 random(3);
    const std::string file = file_of({random_columns(random, 10)});
    const auto reader = Reader::open(file);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->read(0, {"later", Type::kText}).error().code, Code::kNotFound);
    EXPECT_EQ(reader->read(0, {"time", Type::kText}).error().code, Code::kUnsupported);
}

TEST(ParquetTest, ValuesThatRepeatTakeNearlyNothing) {
    std::vector<Column> columns(kSchema.size());
    for (std::size_t row = 0; row < 50'000; ++row) {
        columns[0].texts.add("one-site");
        columns[1].texts.add("/page/" + std::to_string(row % 10));
        for (const int n : {2, 3, 4, 6}) columns[static_cast<std::size_t>(n)].integers.push_back(0);
        columns[5].reals.push_back(0);
        columns[7].map_ends.push_back(0);
    }
    EXPECT_LT(file_of({columns}).size(), 6'000u);
}

/// Reads all that a file says it has; no byte of anybody's may bring this down.
void read_all(std::string_view file) {
    const auto reader = Reader::open(file);
    if (!reader) return;
    for (std::size_t group = 0; group < reader->row_groups(); ++group)
        for (const ColumnSpec& column : kSchema) (void)reader->read(group, column).has_value();
}

TEST(ParquetTest, R8DamagedFilesAreErrorsOrValuesAndNothingElse) {
    std::mt19937_64 random(5);
    const std::string file = file_of({random_columns(random, 200)});
    for (std::size_t cut = 0; cut < file.size(); cut += 7) read_all(std::string_view(file).substr(0, cut));
    for (std::size_t at = 0; at < file.size(); ++at) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
        read_all(damaged);
    }
    // The footer again, where a change is not caught by the compression.
    const auto footer = get<std::uint32_t>(file.data() + file.size() - 8);
    for (int round = 0; round < 5'000; ++round) {
        std::string damaged = file;
        for (std::uint64_t i = random() % 3 + 1; i > 0; --i)
            damaged[file.size() - 8 - 1 - random() % footer] = static_cast<char>(random());
        read_all(damaged);
    }
}

}  // namespace
}  // namespace footfall::parquet
