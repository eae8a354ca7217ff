// The client against the real child: what a value, an error and a deadline look like to the caller.
#include "store/client.h"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <stop_token>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/client.h"
#include "http/encoding.h"
#include "http/http.h"
#include "store/answer_parser.h"
#include "store/error_code.h"
#include "store/testing/running_store.h"

namespace footfall::store {
namespace {

class ClientTest : public testing::Test {
protected:
    static void SetUpTestSuite() { store_ = new RunningStore("client"); }
    static void TearDownTestSuite() {
        delete store_;
        store_ = nullptr;
    }
    static Client& client() { return store_->client(); }

    static std::string text(const Result<Answer>& answer) {
        if (!answer) return "error: " + answer.error().message;
        if (answer->rows.size() != 1 || answer->rows[0].size() != 1) return "not one cell";
        const auto* value = std::get_if<std::string>(&answer->rows[0][0]);
        return value ? *value : "not a text";
    }

    static RunningStore* store_;
};

RunningStore* ClientTest::store_ = nullptr;

TEST_F(ClientTest, ValuesComeExactlyAndByTheirType) {
    const auto answer = client().query(
        {.sql =
             R"(SELECT toUInt64(18446744073709551615) AS largest, toInt64(-9223372036854775808), toUInt8(7), 1.5, nan, -inf, true,
        NULL, toNullable(5), [1, 2], map('a', 'b'), (1, 'x'), toDecimal64('-12.3400', 4), 'tab\tquote\'slash\\', toUInt256('340282366920938463463374607431768211456'),
        toUUID('01890000-0000-7000-8000-000000000001'), toIPv6('2001:db8::1'), toDateTime64('2024-02-29 12:00:00.123', 3, 'UTC'), '\xff' AS broken)"});
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->rows.size(), 1u);
    const auto& row = answer->rows[0];
    EXPECT_EQ(answer->columns[0].name, "largest");
    EXPECT_EQ(answer->columns[0].type, "UInt64");
    EXPECT_EQ(row[0], Value(std::uint64_t{18446744073709551615u}));
    EXPECT_EQ(row[1], Value(std::int64_t{INT64_MIN}));
    EXPECT_EQ(row[2], Value(std::uint64_t{7}));
    EXPECT_EQ(row[3], Value(1.5));
    EXPECT_TRUE(std::isnan(std::get<double>(row[4])));
    EXPECT_EQ(row[5], Value(-INFINITY));
    EXPECT_EQ(row[6], Value(true));
    EXPECT_EQ(row[7], Value(std::monostate()));
    EXPECT_EQ(row[8], Value(std::uint64_t{5}));
    EXPECT_EQ(row[9], Value("[1,2]"));
    EXPECT_EQ(row[10], Value(R"({"a":"b"})"));
    EXPECT_EQ(row[11], Value(R"([1,"x"])"));
    EXPECT_EQ(row[12], Value("-12.34"));
    EXPECT_EQ(row[13], Value("tab\tquote'slash\\"));
    EXPECT_EQ(row[14], Value("340282366920938463463374607431768211456"));
    EXPECT_EQ(row[15], Value("01890000-0000-7000-8000-000000000001"));
    EXPECT_EQ(row[16], Value("2001:db8::1"));
    EXPECT_EQ(row[17], Value("2024-02-29 12:00:00.123"));
    EXPECT_EQ(row[18], Value("\uFFFD"));
}

TEST_F(ClientTest, AnAnswerWithoutRowsHasItsColumns) {
    const auto answer = client().query({.sql = "SELECT website_id, log_offset FROM footfall.events WHERE false"});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->rows.empty());
    ASSERT_EQ(answer->columns.size(), 2u);
    EXPECT_EQ(answer->columns[1].type, "UInt64");
}

TEST_F(ClientTest, ManyRowsArriveWholeAndInOrder) {
    const auto answer = client().query({.sql = "SELECT number, toString(number) FROM numbers(100000) ORDER BY number"});
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->rows.size(), 100'000u);
    for (std::size_t i = 0; i < answer->rows.size(); ++i) {
        ASSERT_EQ(std::get<std::uint64_t>(answer->rows[i][0]), i);
        ASSERT_EQ(std::get<std::string>(answer->rows[i][1]), std::to_string(i));
    }
}

TEST_F(ClientTest, AParameterKeepsEveryByteAndIsNeverSql) {
    using namespace std::string_literals;
    const std::string values[] = {"",
                                  "plain",
                                  "o'clock",
                                  "'); DROP TABLE footfall.events; --",
                                  "a\\b\\",
                                  "\\N",
                                  "tab\tline\nreturn\rend",
                                  "nul\0inside"s,
                                  "{other:String}",
                                  "50%25&a=b+c",
                                  "Grüße, 世界 🎉",
                                  "\x01\x02\x7f",
                                  std::string(5'000, 'x') + "'",
                                  std::string(300'000, '\\'),  // as a form: the URL would be too long
                                  "\r\n--footfall\r\n" + std::string(20'000, '\n')};
    for (const std::string& value : values) {
        const auto answer = client().query({.sql = "SELECT {value:String}", .parameters = {{"value", value}}});
        EXPECT_EQ(text(answer), value) << "of " << value.size() << " bytes: " << value.substr(0, 40);
    }
}

TEST_F(ClientTest, ElementsOfAnArrayKeepEveryByteToo) {
    using namespace std::string_literals;
    const std::vector<std::string> values = {"a'b",
                                             "c\\d",
                                             "e,f]",
                                             "",
                                             "tab\tline\nreturn\r",
                                             "nul\0inside"s,
                                             "{x:String}",
                                             "世界",
                                             std::string(10'000, '\'')};
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, values.size()}) {
        const std::vector<std::string> some(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
        const auto answer = client().query({.sql = "SELECT arrayJoin({ values : Array(String) }) AS value",
                                            .parameters = {{"values", array_literal(some)}}});
        ASSERT_TRUE(answer) << answer.error().message;
        ASSERT_EQ(answer->rows.size(), count);
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(answer->rows[i][0], Value(some[i]));
    }
}

TEST_F(ClientTest, LiteralsOfOtherContainersAndNamesAreTakenAsTheyStand) {
    EXPECT_EQ(text(client().query(
                  {.sql = "SELECT toString(arraySum({n:Array(UInt64)}))", .parameters = {{"n", "[1,2,39]"}}})),
              "42");
    EXPECT_EQ(
        text(client().query({.sql = "SELECT {m:Map(String, String)}['k']", .parameters = {{"m", "{'k':'it\\'s'}"}}})),
        "it's");
    EXPECT_EQ(text(client().query(
                  {.sql = "SELECT toString(count()) FROM footfall.{t:Identifier}", .parameters = {{"t", "events"}}})),
              "0");
    EXPECT_FALSE(
        client().query({.sql = "SELECT * FROM {t:Identifier}", .parameters = {{"t", "system.one; DROP TABLE x"}}}));
}

TEST_F(ClientTest, ALongStatementWithLongParametersArrives) {
    std::string sql = "SELECT {value:String}";
    for (int i = 0; i < 3'000; ++i) sql += " || ''";
    EXPECT_EQ(text(client().query({.sql = sql, .parameters = {{"value", std::string(20'000, 'y')}}})),
              std::string(20'000, 'y'));
}

TEST_F(ClientTest, ParametersOfParallelStatementsAreNeverMixedUp) {
    std::atomic<int> wrong{0};
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 60; ++i) {
                const std::string mine = "thread " + std::to_string(t) + " round " + std::to_string(i);
                const auto answer = client().query(
                    {.sql = "SELECT {mine:String}, {number:UInt64}, sum(number) FROM numbers({number:UInt64})",
                     .parameters = {{"mine", mine}, {"number", std::to_string(t * 1'000 + i)}},
                     .settings = {{"max_threads", std::to_string(1 + t % 2)}}});
                if (!answer) ++failed;
                else if (answer->rows[0][0] != Value(mine) || answer->rows[0][1] != Value(std::uint64_t(t * 1'000 + i)))
                    ++wrong;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(failed, 0);
}

TEST_F(ClientTest, ErrorsSayWhatKindTheyAre) {
    struct Case {
        Statement statement;
        Code code;
        const char* text;
    };
    const Case cases[] = {
        {{.sql = "SELEC 1"}, Code::kInvalidArgument, "Syntax error"},
        {{.sql = "SELECT * FROM footfall.nothing"}, Code::kInvalidArgument, "nothing"},
        {{.sql = "SELECT * FROM nowhere.events"}, Code::kInvalidArgument, "nowhere"},
        {{.sql = "SELECT nothing FROM footfall.events"}, Code::kInvalidArgument, "nothing"},
        {{.sql = "SELECT {a:UInt64}", .parameters = {{"a", "many"}}}, Code::kInvalidArgument, "many"},
        {{.sql = "SELECT {missing:String}"}, Code::kInvalidArgument, "missing"},
        {{.sql = "SELECT 1", .settings = {{"no_such_setting", "1"}}}, Code::kInvalidArgument, "no_such_setting"},
        {{.sql = "SELECT 1", .settings = {{"a=1, max_threads", "1"}}}, Code::kInvalidArgument, "Unknown setting"},
        {{.sql = "SELECT 1; SELECT 2"}, Code::kInvalidArgument, "Multi-statements"},
        {{.sql = "SELECT groupArray(number) FROM numbers(100000000)", .settings = {{"max_memory_usage", "20000000"}}},
         Code::kTooLarge,
         "shorter time range"},
        {{.sql = "SELECT sleepEachRow(0.05) FROM numbers(1000)",
          .settings = {{"max_block_size", "1"}},
          .timeout_ms = 300},
         Code::kTimeout,
         "longer than it may"},
    };
    for (const Case& one : cases) {
        const auto answer = client().query(one.statement);
        ASSERT_FALSE(answer) << one.statement.sql;
        EXPECT_EQ(answer.error().code, one.code) << one.statement.sql << ": " << answer.error().message;
        EXPECT_THAT(answer.error().message, testing::HasSubstr(one.text)) << one.statement.sql;
    }
    // None of them spoilt anything for the next.
    EXPECT_EQ(text(client().query({.sql = "SELECT 'fine'"})), "fine");
}

class CompressingClientTest : public ClientTest, public testing::WithParamInterface<const char*> {
protected:
    static Client compressing(const std::string& address) {
        return Client({.address = address, .compression = compression_named(GetParam())});
    }
};

TEST_P(CompressingClientTest, WhatTheStoreTakesAndAnswersIsTheSame) {
    Client packing = compressing("unix:" + store_->directory() + "/store.sock");
    ASSERT_TRUE(packing.execute({.sql = "DROP TABLE IF EXISTS footfall.packed"}));
    ASSERT_TRUE(packing.execute({.sql = "CREATE TABLE footfall.packed (n UInt64) ENGINE = MergeTree ORDER BY n"}));
    std::string data;
    for (int i = 0; i < 100'000; ++i) data += std::to_string(i) + "\n";
    ASSERT_TRUE(packing.insert("INSERT INTO footfall.packed (n) FORMAT CSV", data));
    const Statement rows{.sql = "SELECT n FROM footfall.packed ORDER BY n FORMAT CSV"};
    EXPECT_TRUE(packing.fetch(rows).value_or("none") == data);
    EXPECT_EQ(text(packing.query({.sql = "SELECT {v:String}", .parameters = {{"v", std::string(20'000, 'y')}}})),
              std::string(20'000, 'y'))
        << "as a form";
    std::string streamed;
    const Status whole = packing.stream(rows, [&](std::string_view part) {
        streamed += part;
        return Status();
    });
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_TRUE(streamed == data) << streamed.size();

    const auto sink = [](std::string_view) { return Status(); };
    for (const Status& failed : {packing.execute({.sql = "SELECT * FROM footfall.nothing"}),
                                 packing.stream({.sql = "SELECT * FROM footfall.nothing FORMAT CSV"}, sink),
                                 packing.insert("INSERT INTO footfall.nothing FORMAT CSV", "1\n")}) {
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().code, Code::kInvalidArgument) << failed.error().message;
        EXPECT_THAT(failed.error().message, testing::HasSubstr("nothing"));
    }
    const Status cut = packing.stream(
        {.sql = "SELECT number, throwIf(number = 500000) FROM numbers(1000000) FORMAT TabSeparated"}, sink);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, Code::kUnavailable) << cut.error().message;
}

// Seen from the other side: the bodies are compressed indeed, and an answer that is not is one all the same.
TEST_P(CompressingClientTest, InsertsGoCompressedAndAnswersAreAskedForCompressed) {
    const std::string coding = GetParam();
    http::Server server({}, [&](http::Exchange& exchange) {
        const http::Request& request = exchange.request();
        EXPECT_EQ(request.header("accept-encoding"), coding);
        if (request.path == "/ping") return exchange.respond({.body = "Ok.\n"});
        const bool is_insert = request.query.find("query=INSERT") != std::string_view::npos;
        EXPECT_EQ(request.header("content-encoding"), is_insert ? coding : "");
        EXPECT_EQ(request.query.find("enable_http_compression=1") != std::string_view::npos, !is_insert);
        const auto body = http::decode_body(request.header("content-encoding"), request.body, 1 << 20, http::kAnyRatio);
        EXPECT_EQ(body.value_or("none"), is_insert ? std::string(100'000, 'x') : "SELECT 1 FORMAT CSV");
        EXPECT_EQ(request.body.size() < 2'000, true);
        exchange.respond(
            {.status = is_insert ? 500 : 200,
             .headers = {{"Content-Encoding", coding}},
             .body = http::encode_body(coding, is_insert ? "Code: 252. DB::Exception: Too many parts" : "1\n")});
    });
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
    Client packing = compressing("127.0.0.1:" + std::to_string(server.port()));
    EXPECT_TRUE(packing.ping());
    EXPECT_EQ(packing.fetch({.sql = "SELECT 1 FORMAT CSV"}).value_or("none"), "1\n");
    const Status failed = packing.insert("INSERT INTO t FORMAT CSV", std::string(100'000, 'x'));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::kOverloaded);
    EXPECT_EQ(failed.error().message, "Too many parts");
}

INSTANTIATE_TEST_SUITE_P(Codings, CompressingClientTest, testing::Values("gzip", "zstd"));

TEST_F(ClientTest, AStatementThatIsStoppedEndsInTheStore) {
    const auto running = [](const std::string& mark) {
        return text(client().query({.sql = "SELECT toString(count()) FROM system.processes WHERE query LIKE "
                                           "concat('%sleepEachRow%', {mark:String}, '%') AND query NOT LIKE "
                                           "'%system.processes%'",
                                    .parameters = {{"mark", mark}},
                                    .settings = {{"priority", "1"}}}));
    };
    const auto eventually = [](const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        return condition();
    };
    const auto slow = [](const std::string& mark) {
        return Statement{.sql = "SELECT sleepEachRow(0.05), '" + mark + "' FROM numbers(6000)",
                         .settings = {{"max_block_size", "1"}},
                         .timeout_ms = 300'000};
    };
    std::stop_source stop;
    std::jthread stopper([&] {
        EXPECT_TRUE(eventually([&] { return running("first") == "1"; }));
        stop.request_stop();
    });
    const auto stopped = client().query(slow("first"), stop.get_token());
    ASSERT_FALSE(stopped.has_value());
    EXPECT_EQ(stopped.error().name, http::kStopped);
    stopper.join();
    EXPECT_TRUE(eventually([&] { return running("first") == "0"; }));
    // One that nobody waits for before it has begun never begins.
    const auto never = client().query(slow("second"), stop.get_token());
    ASSERT_FALSE(never.has_value());
    EXPECT_EQ(never.error().name, http::kStopped);
    EXPECT_EQ(running("second"), "0");
}

TEST_F(ClientTest, WhichMemoryWasSpentIsTold) {
    Statement large{.sql = "SELECT groupArray(number) FROM numbers(100000000)",
                    .settings = {{"max_memory_usage", "20000000"}}};
    const auto of_statement = client().query(large);
    ASSERT_FALSE(of_statement.has_value());
    EXPECT_EQ(of_statement.error().name, kStatementMemory);
    large.settings = {{"max_memory_usage", "0"}, {"max_bytes_before_external_group_by", "0"}};
    const auto of_store = client().query(large);
    ASSERT_FALSE(of_store.has_value());
    EXPECT_EQ(of_store.error().name, kStoreMemory);
    EXPECT_EQ(of_store.error().code, Code::kTooLarge);
}

TEST_F(ClientTest, DamagedDataAndAFullDiskAreCounted) {
    const auto fail = [&](int exception_code, const char* text) {
        return client().query({.sql = fmt::format("SELECT throwIf(1, '{}', toInt16({}))", text, exception_code),
                               .settings = {{"allow_custom_error_code_in_throwif", "1"}}});
    };
    const Client::Troubles before = client().troubles();
    EXPECT_FALSE(fail(60, "a table that is not there"));
    EXPECT_EQ(fail(246, "Empty marks file").error().code, Code::kCorrupt);
    EXPECT_FALSE(fail(243, "Cannot reserve 1.00 MiB"));
    EXPECT_FALSE(fail(75, "write: No space left on device"));
    EXPECT_EQ(client().troubles().damaged, before.damaged + 1);
    EXPECT_EQ(client().troubles().out_of_space, before.out_of_space + 2);
}

TEST_F(ClientTest, AnAnswerTellsHowMuchWasRead) {
    ASSERT_TRUE(client().execute(
        {.sql =
             "CREATE TABLE footfall.thousand ENGINE = MergeTree ORDER BY number AS SELECT number FROM numbers(1000)"}));
    const auto answer = client().query({.sql = "SELECT sum(number) FROM footfall.thousand"});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->rows[0][0], Value(std::uint64_t{499'500}));
    EXPECT_EQ(answer->rows_read, 1'000u);
    EXPECT_GT(answer->bytes_read, 0u);
}

TEST_F(ClientTest, AStoreThatDoesNotAnswerIsATimeoutAndItsConnectionIsNotUsedAgain) {
    const int pid = store_->supervisor().state().pid;
    ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    const auto answer = client().query({.sql = "SELECT 'late'", .timeout_ms = 200});
    ASSERT_EQ(::kill(pid, SIGCONT), 0);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kTimeout);
    EXPECT_EQ(text(client().query({.sql = "SELECT 'new'"})), "new");
}

TEST(ClientWithoutStoreTest, AStoreThatIsNotThereIsUnavailable) {
    Client client({.address = "unix:" + testing::TempDir() + "no_such_store.sock"});
    for (const Status& status :
         {client.ping(), client.execute({.sql = "SELECT 1"}), client.insert("INSERT INTO t FORMAT Native", "x")}) {
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, Code::kUnavailable) << status.error().message;
    }
}

TEST(AnswerParserTest, WhatIsNotAnAnswerIsAnError) {
    for (const char* text :
         {"[\"a\"]\n", "[\"a\"]\n[\"UInt8\"]\n[1,2]\n", "[\"a\",\"b\"]\n[\"UInt8\",\"UInt8\"]\n[1]\n",
          "[\"a\"]\n[\"UInt8\"]\n[\"x\"]\n", "[\"a\"]\n[\"UInt8\"]\n[1", "Code: 1. DB::Exception"}) {
        std::string body = text;
        const auto answer = parse_answer(body);
        ASSERT_FALSE(answer) << text;
        EXPECT_EQ(answer.error().code, Code::kInternal);
    }
}

TEST(ErrorCodeTest, TheServersAnswerBecomesTheCodeOfItsKind) {
    struct Case {
        int status;
        const char* header;
        const char* body;
        Code code;
        const char* message;
    };
    const Case cases[] = {
        {500, "60", "Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE) (version 26.7.2.1)\n",
         Code::kInvalidArgument, "Table x does not exist. (UNKNOWN_TABLE)"},
        {500, "", "Code: 202. DB::Exception: Too many. (TOO_MANY_SIMULTANEOUS_QUERIES)", Code::kOverloaded,
         "Too many. (TOO_MANY_SIMULTANEOUS_QUERIES)"},
        {500, "", "Code: 115, e.displayText() = DB::Exception: Unknown setting x, e.what() = DB::Exception\n",
         Code::kInvalidArgument, "Unknown setting x"},
        {200, "252", "Code: 252. DB::Exception: Too many parts", Code::kOverloaded, "Too many parts"},
        {500, "40", "Code: 40. DB::Exception: Checksum doesn't match", Code::kCorrupt, "Checksum doesn't match"},
        {403, "516", "Code: 516. DB::Exception: Authentication failed", Code::kUnavailable,
         "the event store refuses this server (store.user, store.password_file): Authentication failed"},
        {413, "", "", Code::kTooLarge, "the event store answered with HTTP status 413: "},
        {502, "", "Bad Gateway", Code::kUnavailable, "the event store answered with HTTP status 502: Bad Gateway"},
    };
    for (const Case& one : cases) {
        const Error error = error_of_answer(one.status, one.header, one.body);
        EXPECT_EQ(error.code, one.code) << one.body;
        EXPECT_EQ(error.message, one.message);
    }
}

constexpr std::string_view kRows =
    "SELECT number, concat('row ', toString(number)), {text:String} FROM numbers({rows:UInt64}) FORMAT "
    "JSONCompactEachRow";

Statement rows(std::uint64_t count) {
    return {.sql = std::string(kRows), .parameters = {{"rows", std::to_string(count)}, {"text", "o'clock\tand more"}}};
}

/// Bytes that the child has of its own, at most so far.
std::uint64_t peak_bytes(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
    return 0;
}

TEST_F(ClientTest, AStreamGivesTheBytesThatAFetchGives) {
    const auto whole = client().fetch(rows(1'000'000));
    ASSERT_TRUE(whole) << whole.error().message;
    std::size_t at = 0;
    std::size_t parts = 0;
    std::size_t largest = 0;
    bool is_equal = true;
    const Status streamed = client().stream(rows(1'000'000), [&](std::string_view part) {
        is_equal = is_equal && std::string_view(*whole).substr(at, part.size()) == part;
        at += part.size();
        largest = std::max(largest, part.size());
        ++parts;
        return Status();
    });
    ASSERT_TRUE(streamed) << streamed.error().message;
    EXPECT_TRUE(is_equal);
    EXPECT_EQ(at, whole->size());
    EXPECT_GT(parts, 10u);
    EXPECT_LT(largest, 1'000'000u);
    for (const std::uint64_t few : {0, 1}) {
        std::string got;
        EXPECT_TRUE(client().stream(rows(few), [&](std::string_view part) {
            got += part;
            return Status();
        }));
        EXPECT_EQ(got, client().fetch(rows(few)).value());
    }
}

TEST_F(ClientTest, StreamedRowsHaveTheValuesOfAQuery) {
    const Statement statement{
        .sql = R"(SELECT number, toInt64(number) - 5, number / 4 AS share, if(number % 3 = 0, NULL, toString(number)),
            toDecimal64('12.5000', 4), {text:String}, [number], number % 2 = 0 FROM numbers(30000) ORDER BY number DESC)",
        .parameters = {{"text", "line\nbreak\t\\ '"}}};
    const auto whole = client().query(statement);
    ASSERT_TRUE(whole) << whole.error().message;
    std::vector<std::vector<Value>> rows;
    std::vector<Column> columns;
    const Status streamed = client().stream_rows(
        statement,
        [&](const std::vector<Column>& described) {
            columns = described;
            return Status();
        },
        [&](std::vector<Value> row) {
            rows.push_back(std::move(row));
            return Status();
        });
    ASSERT_TRUE(streamed) << streamed.error().message;
    EXPECT_TRUE(rows == whole->rows) << rows.size();
    ASSERT_EQ(columns.size(), whole->columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        EXPECT_EQ(columns[i].name, whole->columns[i].name);
        EXPECT_EQ(columns[i].type, whole->columns[i].type);
    }
}

// A gigabyte of rows, of which a store that keeps them whole would say that there is no memory for them.
TEST_F(ClientTest, AStreamIsNeverWholeInMemory) {
    const std::uint64_t before = peak_bytes(store_->supervisor().state().pid);
    std::uint64_t bytes = 0;
    const Status streamed = client().stream(
        {.sql = "SELECT number, repeat('x', 1000) FROM numbers(1000000) FORMAT TabSeparated", .timeout_ms = 300'000},
        [&](std::string_view part) {
            bytes += part.size();
            return Status();
        });
    ASSERT_TRUE(streamed) << streamed.error().message;
    EXPECT_GT(bytes, 1'000'000'000u);
    EXPECT_LT(peak_bytes(store_->supervisor().state().pid), before + 300'000'000);
}

TEST_F(ClientTest, AnErrorBeforeTheFirstRowOfAStreamIsAnOrdinaryOne) {
    const auto sink = [](std::string_view) {
        ADD_FAILURE() << "there is nothing to give";
        return Status();
    };
    const Status wrong = client().stream({.sql = "SELECT nothing FORMAT TabSeparated"}, sink);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, Code::kInvalidArgument);
    EXPECT_THAT(wrong.error().message, testing::HasSubstr("nothing"));
    const Status thrown = client().stream({.sql = "SELECT throwIf(1, 'at once') FORMAT TabSeparated"}, sink);
    ASSERT_FALSE(thrown);
    EXPECT_THAT(thrown.error().message, testing::HasSubstr("at once"));
    const Status slow = client().stream(
        {.sql = "SELECT sleepEachRow(1) FROM numbers(60) FORMAT TabSeparated SETTINGS max_block_size = 60",
         .timeout_ms = 300},
        sink);
    ASSERT_FALSE(slow);
    EXPECT_EQ(slow.error().code, Code::kTimeout) << slow.error().message;
    EXPECT_EQ(text(client().query({.sql = "SELECT 'fine'"})), "fine") << "the store goes on";
}

TEST_F(ClientTest, AnErrorAmidAStreamIsAnErrorAndNotAnEnd) {
    std::uint64_t bytes = 0;
    const Status failed =
        client().stream({.sql = "SELECT number, throwIf(number = 500000) FROM numbers(1000000) FORMAT TabSeparated"},
                        [&](std::string_view part) {
                            bytes += part.size();
                            return Status();
                        });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::kUnavailable) << failed.error().message;
    EXPECT_GT(bytes, 1'000'000u);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(text(client().query({.sql = "SELECT 'next'"})), "next");
}

TEST_F(ClientTest, AStreamThatNobodyWantsAnyMoreEndsInTheStore) {
    const auto running = [] {
        return text(client().query({.sql = "SELECT toString(count()) FROM system.processes WHERE query LIKE "
                                           "'%system.numbers%' AND query NOT LIKE '%system.processes%'",
                                    .settings = {{"priority", "1"}}}));
    };
    const Statement endless{
        .sql = "SELECT number FROM system.numbers WHERE number >= {from:UInt64} FORMAT TabSeparated",
        .parameters = {{"from", "7"}},
        .timeout_ms = 300'000};
    const auto wait_ended = [&] {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (running() != "0" && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        return running();
    };
    const Status refused = client().stream(endless, [&](std::string_view) -> Status {
        EXPECT_EQ(running(), "1");
        return Error(Code::kConflict, "enough");
    });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_EQ(refused.error().message, "enough");
    EXPECT_EQ(wait_ended(), "0");

    std::stop_source stop;
    int parts = 0;
    const Status stopped = client().stream(
        endless,
        [&](std::string_view) {
            if (++parts == 3) stop.request_stop();
            return Status();
        },
        stop.get_token());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().name, http::kStopped);
    EXPECT_EQ(wait_ended(), "0");
    EXPECT_EQ(text(client().query({.sql = "SELECT 'next'"})), "next");
}

}  // namespace
}  // namespace footfall::store
