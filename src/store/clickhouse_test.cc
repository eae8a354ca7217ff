// The client against a real ClickHouse server, the one that Debian has (18.16). It is too old for the product's tables
// and for parameters of statements; what is checked is what it knows: ping, users, errors, settings, inserts in Native,
// answers as they come, gzip both ways (zstd came later), and what ends in the middle.
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/client.h"
#include "http/encoding.h"
#include "store/client.h"
#include "store/native.h"

namespace footfall::store {
namespace {

using testing::HasSubstr;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    EXPECT_NE(value, nullptr) << name << " names a server: scripts/engines/clickhouse";
    return value == nullptr ? "" : value;
}

class ClickHouseTest : public testing::Test {
protected:
    static Endpoint endpoint(const std::string& user, const std::string& password) {
        return {
            .address = variable("FOOTFALL_CLICKHOUSE"), .user = user, .password = password, .ends_with_client = false};
    }
    static Endpoint endpoint() { return endpoint("footfall", variable("FOOTFALL_CLICKHOUSE_PASSWORD")); }

    Client client_{endpoint()};
};

TEST_F(ClickHouseTest, Answers) { EXPECT_TRUE(client_.ping()); }

TEST_F(ClickHouseTest, AUserIsKnownByItsPassword) {
    EXPECT_TRUE(client_.execute({.sql = "SELECT 1"}));
    for (const auto& [user, password] : {std::pair("footfall", "wrong"), std::pair("nobody", "")}) {
        Client other(endpoint(user, password));
        const Status refused = other.execute({.sql = "SELECT 1"});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::kUnavailable) << refused.error().message;
        EXPECT_THAT(refused.error().message, HasSubstr("store.password_file"));
        EXPECT_THAT(refused.error().message, testing::Not(HasSubstr("wrong password is")));
    }
}

TEST_F(ClickHouseTest, BlocksInNativeAreStoredAndReadBack) {
    ASSERT_TRUE(client_.execute({.sql = "DROP TABLE IF EXISTS t"}));
    ASSERT_TRUE(client_.execute({.sql = "CREATE TABLE t (n UInt64, s String, f Float64) ENGINE = Memory"}));
    std::vector<NativeColumn> columns;
    columns.emplace_back("n", "UInt64");
    columns.emplace_back("s", "String");
    columns.emplace_back("f", "Float64");
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        columns[0].add(i);
        columns[1].add_string(i % 2 == 0 ? "tab\tand\nline" : "Größe");
        columns[2].add(static_cast<double>(i) / 4);
    }
    std::string block;
    write_native_block(block, columns, 10'000);
    const Status inserted = client_.insert("INSERT INTO t (n, s, f) FORMAT Native", block);
    ASSERT_TRUE(inserted) << inserted.error().message;
    const auto read = client_.fetch({.sql = "SELECT count(), sum(n), max(f), uniqExact(s) FROM t FORMAT TabSeparated"});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, "10000\t49995000\t2499.75\t2\n");
    const auto texts = client_.fetch({.sql = "SELECT DISTINCT s FROM t ORDER BY s FORMAT TabSeparated"});
    EXPECT_EQ(texts.value_or(""), "Größe\ntab\\tand\\nline\n");
}

TEST_F(ClickHouseTest, ItsErrorsAreTold) {
    const auto unknown = client_.fetch({.sql = "SELECT * FROM nowhere FORMAT TabSeparated"});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Code::kInvalidArgument);
    EXPECT_THAT(unknown.error().message, HasSubstr("nowhere"));
    const Status syntax = client_.execute({.sql = "SELEKT 1"});
    ASSERT_FALSE(syntax);
    EXPECT_EQ(syntax.error().code, Code::kInvalidArgument);
    const Status setting = client_.execute({.sql = "SELECT 1", .settings = {{"no_such_setting", "1"}}});
    ASSERT_FALSE(setting);
    EXPECT_THAT(setting.error().message, HasSubstr("no_such_setting"));
    // A newer server's format: the product's questions need it, and its absence is an error that names it.
    const auto rows = client_.query({.sql = "SELECT 1"});
    ASSERT_FALSE(rows);
}

TEST_F(ClickHouseTest, SettingsHold) {
    const auto limited =
        client_.fetch({.sql = "SELECT count() FROM (SELECT * FROM system.numbers LIMIT 100000) FORMAT TabSeparated",
                       .settings = {{"max_rows_to_read", "1000"}}});
    ASSERT_FALSE(limited);
    const auto began = std::chrono::steady_clock::now();
    const auto slow =
        client_.fetch({.sql = "SELECT count() FROM system.numbers FORMAT TabSeparated", .timeout_ms = 1'000});
    ASSERT_FALSE(slow);
    EXPECT_EQ(slow.error().code, Code::kTimeout) << slow.error().message;
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST_F(ClickHouseTest, AnAnswerComesInPiecesAndEndsWhenNobodyWants) {
    std::size_t bytes = 0;
    std::size_t pieces = 0;
    const Status whole =
        client_.stream({.sql = "SELECT number, toString(number) FROM system.numbers LIMIT 2000000 FORMAT TabSeparated"},
                       [&](std::string_view piece) -> Status {
                           bytes += piece.size();
                           ++pieces;
                           return {};
                       });
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ(bytes, 29'777'780u) << "digits twice, tabs and lines";
    EXPECT_GT(pieces, 10u);

    const Status left = client_.stream({.sql = "SELECT number FROM system.numbers FORMAT TabSeparated"},
                                       [&](std::string_view) -> Status { return Error(Code::kUnavailable, "enough"); });
    ASSERT_FALSE(left);
    EXPECT_EQ(left.error().message, "enough");
    EXPECT_TRUE(client_.ping());
}

TEST_F(ClickHouseTest, InsertsAndAnswersAreCompressedByGzip) {
    Endpoint where = endpoint();
    where.compression = Compression::kGzip;
    Client packing(where);
    ASSERT_TRUE(packing.execute({.sql = "DROP TABLE IF EXISTS packed"}));
    ASSERT_TRUE(packing.execute({.sql = "CREATE TABLE packed (n UInt64) ENGINE = Memory"}));
    std::vector<NativeColumn> columns;
    columns.emplace_back("n", "UInt64");
    for (std::uint64_t i = 0; i < 100'000; ++i) columns[0].add(i);
    std::string block;
    write_native_block(block, columns, 100'000);
    const Status inserted = packing.insert("INSERT INTO packed (n) FORMAT Native", block);
    ASSERT_TRUE(inserted) << inserted.error().message;

    const Statement rows{.sql = "SELECT n FROM packed ORDER BY n FORMAT TabSeparated"};
    const auto plain = client_.fetch(rows);
    ASSERT_TRUE(plain) << plain.error().message;
    EXPECT_EQ(plain->size(), 588'890u) << "digits and lines";
    const auto packed = packing.fetch(rows);
    ASSERT_TRUE(packed) << packed.error().message;
    EXPECT_TRUE(*packed == *plain);
    std::string streamed;
    const Status whole = packing.stream(rows, [&](std::string_view piece) -> Status {
        streamed += piece;
        return {};
    });
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_TRUE(streamed == *plain) << streamed.size();

    const auto unknown = packing.fetch({.sql = "SELECT * FROM nowhere FORMAT TabSeparated"});
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().message, HasSubstr("nowhere"));
}

// The server compresses indeed where it is asked as the client asks.
TEST_F(ClickHouseTest, AnAnswerComesCompressedFromTheServer) {
    http::Client raw(variable("FOOTFALL_CLICKHOUSE"));
    const std::string password = variable("FOOTFALL_CLICKHOUSE_PASSWORD");
    const auto answer = raw.send(
        {.method = "POST",
         .target = "/?enable_http_compression=1",
         .headers = {{"X-ClickHouse-User", "footfall"}, {"X-ClickHouse-Key", password}, {"Accept-Encoding", "gzip"}},
         .body = "SELECT number FROM system.numbers LIMIT 1000 FORMAT TabSeparated"},
        10'000);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->header("content-encoding"), "gzip");
    const auto text = http::decode_body("gzip", answer->body, 1 << 20, http::kAnyRatio);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(text->size(), 3'890u);
}

// Of a server that does not know zstd answers come as they are, and inserts are refused with its own words.
TEST_F(ClickHouseTest, ItKnowsNoZstd) {
    Endpoint where = endpoint();
    where.compression = Compression::kZstd;
    Client packing(where);
    ASSERT_TRUE(packing.execute({.sql = "DROP TABLE IF EXISTS packed_by_zstd"}));
    ASSERT_TRUE(packing.execute({.sql = "CREATE TABLE packed_by_zstd (n UInt64) ENGINE = Memory"}));
    const Status refused = packing.insert("INSERT INTO packed_by_zstd (n) FORMAT CSV", "1\n");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("zstd"));
    const auto rows = packing.fetch({.sql = "SELECT count() FROM packed_by_zstd FORMAT TabSeparated"});
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(*rows, "0\n");
}

TEST_F(ClickHouseTest, OneConnectionServesManyStatements) {
    Client one(endpoint(), 1);
    for (int i = 0; i < 50; ++i) {
        const auto answer = one.fetch({.sql = "SELECT " + std::to_string(i) + " FORMAT TabSeparated"});
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(*answer, std::to_string(i) + "\n");
    }
}

}  // namespace
}  // namespace footfall::store
