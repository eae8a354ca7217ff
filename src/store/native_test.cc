// Blocks as the engine reads them.
#include "store/native.h"

#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/testing/running_store.h"

namespace footfall::store {
namespace {

class NativeTest : public testing::Test {
protected:
    static void SetUpTestSuite() { store_ = new RunningStore("native"); }
    static void TearDownTestSuite() {
        delete store_;
        store_ = nullptr;
    }

    // Two rows of one column, as the engine prints them when it has stored them in a table of that type.
    static std::pair<std::string, std::string> stored(const std::string& type, NativeColumn column) {
        Client& client = store_->client();
        EXPECT_TRUE(client.execute({.sql = "DROP TABLE IF EXISTS footfall.one"}));
        EXPECT_TRUE(client.execute({.sql = "CREATE TABLE footfall.one (position UInt8, value " + type +
                                           ") ENGINE = MergeTree ORDER BY position"}));
        NativeColumn position("position", "UInt8");
        position.add(std::uint8_t{0});
        position.add(std::uint8_t{1});
        std::string block;
        write_native_block(block, std::vector<NativeColumn>{position, std::move(column)}, 2);
        const Status inserted = client.insert("INSERT INTO footfall.one (position, value) FORMAT Native", block);
        EXPECT_TRUE(inserted) << type << ": " << inserted.error().message;
        const auto answer = client.query({.sql = "SELECT toString(value) FROM footfall.one ORDER BY position"});
        if (!answer || answer->rows.size() != 2) return {"nothing", "nothing"};
        return {std::get<std::string>(answer->rows[0][0]), std::get<std::string>(answer->rows[1][0])};
    }

    template <class T>
    static std::pair<std::string, std::string> numbers(const std::string& type, T first, T second) {
        NativeColumn column("value", type);
        column.add(first);
        column.add(second);
        return stored(type, std::move(column));
    }

    static RunningStore* store_;
};

RunningStore* NativeTest::store_ = nullptr;

using Two = std::pair<std::string, std::string>;

TEST_F(NativeTest, NumbersOfEveryWidthRoundTrip) {
    EXPECT_EQ(numbers<std::uint8_t>("Bool", 1, 0), Two("true", "false"));
    EXPECT_EQ(numbers<std::uint8_t>("UInt8", 0, 255), Two("0", "255"));
    EXPECT_EQ(numbers<std::int8_t>("Int8", -128, 127), Two("-128", "127"));
    EXPECT_EQ(numbers<std::uint16_t>("UInt16", 0, 65'535), Two("0", "65535"));
    EXPECT_EQ(numbers<std::int16_t>("Int16", -32'768, 32'767), Two("-32768", "32767"));
    EXPECT_EQ(numbers<std::uint32_t>("UInt32", 1, UINT32_MAX), Two("1", "4294967295"));
    EXPECT_EQ(numbers<std::int32_t>("Int32", INT32_MIN, INT32_MAX), Two("-2147483648", "2147483647"));
    EXPECT_EQ(numbers<std::uint64_t>("UInt64", 1, UINT64_MAX), Two("1", "18446744073709551615"));
    EXPECT_EQ(numbers<std::int64_t>("Int64", INT64_MIN, INT64_MAX), Two("-9223372036854775808", "9223372036854775807"));
    EXPECT_EQ(numbers<float>("Float32", 1.5F, -INFINITY), Two("1.5", "-inf"));
    EXPECT_EQ(numbers<double>("Float64", 0.1, -1e300), Two("0.1", "-1e300"));
    EXPECT_EQ(numbers<std::int64_t>("Decimal(18, 4)", 123'400, -5), Two("12.34", "-0.0005"));
    EXPECT_EQ(numbers<std::int32_t>("Decimal(9, 2)", 123, -1), Two("1.23", "-0.01"));
    EXPECT_EQ(numbers<std::int64_t>("DateTime64(3, 'UTC')", 1'709'208'000'123, -1),
              Two("2024-02-29 12:00:00.123", "1969-12-31 23:59:59.999"));
    EXPECT_EQ(numbers<std::uint32_t>("DateTime('UTC')", 0, 1'709'208'000),
              Two("1970-01-01 00:00:00", "2024-02-29 12:00:00"));
    EXPECT_EQ(numbers<std::uint16_t>("Date", 0, 19'782), Two("1970-01-01", "2024-02-29"));
}

TEST_F(NativeTest, TextsOfEveryLengthRoundTrip) {
    for (const char* type : {"String", "LowCardinality(String)"}) {
        for (const std::size_t length : {0u, 1u, 127u, 128u, 16'383u, 16'384u, 100'000u}) {
            NativeColumn column("value", type);
            column.add_string(std::string(length, 'a'));
            column.add_string("Grüße\n\t'\\");
            EXPECT_EQ(stored(type, std::move(column)), Two(std::string(length, 'a'), "Grüße\n\t'\\"))
                << type << " " << length;
        }
    }
}

TEST_F(NativeTest, UuidsAndAddressesRoundTrip) {
    NativeColumn ids("value", "UUID");
    ids.add_uuid(*parse_uuid("01890a5d-ac96-774b-bcce-b302099a8057"));
    ids.add_uuid({});
    EXPECT_EQ(stored("UUID", std::move(ids)),
              Two("01890a5d-ac96-774b-bcce-b302099a8057", "00000000-0000-0000-0000-000000000000"));

    NativeColumn addresses("value", "IPv6");
    addresses.add_ipv6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    addresses.add_ipv6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 0});
    EXPECT_EQ(stored("IPv6", std::move(addresses)), Two("2001:db8::1", "::ffff:192.0.2.0"));
}

TEST_F(NativeTest, MapsRoundTripWithEitherPartInLowCardinality) {
    for (const char* type : {"Map(String, String)", "Map(LowCardinality(String), String)",
                             "Map(LowCardinality(String), LowCardinality(String))"}) {
        NativeColumn column("value", type);
        column.add_map(std::vector<std::pair<std::string_view, std::string_view>>{{"plan", "pro"}, {"size", "10"}});
        column.add_map(std::map<std::string, std::string>{});
        EXPECT_EQ(stored(type, std::move(column)), Two("{'plan':'pro','size':'10'}", "{}")) << type;
    }
}

TEST_F(NativeTest, AClearedColumnStartsAnew) {
    NativeColumn column("value", "Map(String, String)");
    column.add_map(std::map<std::string, std::string>{{"old", "1"}});
    column.clear();
    EXPECT_EQ(column.rows(), 0u);
    column.add_map(std::map<std::string, std::string>{{"a", "1"}});
    column.add_map(std::map<std::string, std::string>{{"b", "2"}, {"c", "3"}});
    EXPECT_EQ(stored("Map(String, String)", std::move(column)), Two("{'a':'1'}", "{'b':'2','c':'3'}"));
}

TEST_F(NativeTest, AHundredThousandRowsAreOnePartAndABrokenBlockLeavesNone) {
    Client& client = store_->client();
    ASSERT_TRUE(
        client.execute({.sql = "CREATE TABLE footfall.many (n UInt64, s String) ENGINE = MergeTree ORDER BY n"}));
    std::vector<NativeColumn> columns;
    columns.emplace_back("n", "UInt64");
    columns.emplace_back("s", "String");
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        columns[0].add(i);
        columns[1].add_string("row " + std::to_string(i));
    }
    std::string block;
    write_native_block(block, columns, 100'000);

    const Status cut = client.insert("INSERT INTO footfall.many (n, s) FORMAT Native",
                                     std::string_view(block).substr(0, block.size() - 1));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, Code::kInvalidArgument) << cut.error().message;
    const auto none = client.query({.sql = "SELECT count() FROM footfall.many"});
    ASSERT_TRUE(none);
    EXPECT_EQ(none->rows[0][0], Value(std::uint64_t{0}));

    const Status whole = client.insert("INSERT INTO footfall.many (n, s) FORMAT Native", block);
    ASSERT_TRUE(whole) << whole.error().message;
    const auto all = client.query({.sql = "SELECT count(), sum(n), uniqExact(_part), max(s) FROM footfall.many"});
    ASSERT_TRUE(all);
    EXPECT_THAT(all->rows[0], testing::ElementsAre(Value(std::uint64_t{100'000}), Value(std::uint64_t{4'999'950'000}),
                                                   Value(std::uint64_t{1}), Value("row 99999")));
}

TEST_F(NativeTest, AnInsertIntoAMissingTableSaysSo) {
    const Status status = store_->client().insert("INSERT INTO footfall.nothing (a) FORMAT Native", "x");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kInvalidArgument);
    EXPECT_THAT(status.error().message, testing::HasSubstr("nothing"));
}

TEST(NativeColumnDeathTest, AMistakeEndsTheProcessInsteadOfShiftingValues) {
    NativeColumn number("value", "UInt32");
    EXPECT_DEATH(number.add(std::uint64_t{1}), "");
    EXPECT_DEATH(number.add_string("x"), "");
    EXPECT_DEATH(number.add_uuid({}), "");
    EXPECT_DEATH(NativeColumn("value", "Array(String)"), "");
    number.add(std::uint32_t{1});
    std::string block;
    EXPECT_DEATH(write_native_block(block, std::vector<NativeColumn>{number}, 2), "");
}

}  // namespace
}  // namespace footfall::store
