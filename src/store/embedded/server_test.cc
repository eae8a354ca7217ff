// The child as other programs see it: the ClickHouse HTTP interface.
#include <atomic>
#include <chrono>
#include <fstream>
#include <stop_token>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/client.h"
#include "http/encoding.h"
#include "store/embedded/request.h"
#include "store/testing/running_store.h"

namespace footfall::store::embedded {
namespace {

using testing::HasSubstr;

class StoreServerTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        store_ = new RunningStore("server", [](SupervisorOptions& options) { options.store.threads = 1; });
    }
    static void TearDownTestSuite() {
        delete store_;
        store_ = nullptr;
    }

    static http::ClientResponse send(std::string_view method, std::string_view target, std::string_view body = {},
                                     std::vector<std::pair<std::string_view, std::string_view>> headers = {}) {
        static http::Client client("unix:" + store_->directory() + "/store.sock");
        auto response =
            client.send({.method = method, .target = target, .headers = std::move(headers), .body = body}, 30'000);
        if (!response) ADD_FAILURE() << response.error().message;
        return response ? *response : http::ClientResponse{};
    }

    static RunningStore* store_;
};

RunningStore* StoreServerTest::store_ = nullptr;

TEST_F(StoreServerTest, AStatementMayStandInTheUrlInTheBodyOrInBoth) {
    EXPECT_EQ(send("GET", "/ping").body, "Ok.\n");
    EXPECT_EQ(send("GET", "/?query=SELECT+1%2B1").body, "2\n");
    EXPECT_EQ(send("POST", "/", "SELECT 2").body, "2\n");
    EXPECT_EQ(send("POST", "/?query=SELECT", "3").body, "3\n");
    EXPECT_EQ(send("POST", "/?default_format=JSONEachRow", "SELECT 4 AS a").body, "{\"a\":4}\n");
    EXPECT_EQ(send("POST", "/", "SELECT 5 AS a", {{"X-ClickHouse-Format", "CSVWithNames"}}).body, "\"a\"\n5\n");
    EXPECT_EQ(send("POST", "/?param_a=x%5Cty", "SELECT {a:String} FORMAT TSVRaw").body, "x\ty\n");
    EXPECT_EQ(send("POST", "/?database=footfall", "SELECT currentDatabase()").body, "footfall\n");
    EXPECT_EQ(send("POST", "/", "SELECT currentDatabase()", {{"X-ClickHouse-Database", "footfall"}}).body,
              "footfall\n");
    EXPECT_EQ(send("POST", "/", "SELECT currentDatabase()").body, "default\n");
    EXPECT_EQ(
        send("POST", "/?max_threads=1", "--x\r\n--x--", {{"Content-Type", "multipart/form-data; boundary=x"}}).status,
        400);
    EXPECT_EQ(send("POST", "/",
                   "--x\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT "
                   "{a:String}\r\n--x\r\nContent-Disposition: form-data; name=\"param_a\"\r\n\r\n\r\n\r\n--x--\r\n",
                   {{"Content-Type", "multipart/form-data; boundary=x"}})
                  .status,
              400)
        << "a raw line break is no escaped text";
}

TEST_F(StoreServerTest, AnInsertMayBringItsDataInEveryPlace) {
    ASSERT_EQ(
        send("POST", "/", "CREATE TABLE footfall.places (a String, n UInt8) ENGINE = MergeTree ORDER BY n").status,
        200);
    EXPECT_EQ(send("POST", "/", "INSERT INTO footfall.places VALUES ('values', 1)").body, "");
    EXPECT_EQ(send("POST", "/", "INSERT INTO footfall.places FORMAT CSV\n\"text\",2\n").body, "");
    EXPECT_EQ(
        send("POST", "/?query=INSERT+INTO+footfall.places+(n,a)+FORMAT+JSONEachRow", "{\"a\":\"body\",\"n\":3}").body,
        "");
    EXPECT_EQ(send("POST", "/?query=INSERT+INTO+footfall.places+VALUES", "('split', 4)").body, "");
    EXPECT_EQ(send("POST", "/", "INSERT INTO footfall.places SELECT 'select', 5").body, "");
    const http::ClientResponse response =
        send("POST", "/?query=INSERT+INTO+footfall.places+FORMAT+CSV", "\"summary\",6\n\"summary\",6\n");
    EXPECT_THAT(std::string(response.header("x-clickhouse-summary")), HasSubstr(R"("written_rows":"2")"));
    EXPECT_EQ(send("POST", "/", "SELECT groupArray(DISTINCT a) FROM (SELECT * FROM footfall.places ORDER BY n)").body,
              "['values','text','body','split','select','summary']\n");
}

TEST_F(StoreServerTest, AnswersCarryTheServersHeaders) {
    const http::ClientResponse fine = send("POST", "/?query_id=mine", "SELECT 1 FORMAT JSON");
    EXPECT_EQ(fine.header("x-clickhouse-query-id"), "mine");
    EXPECT_EQ(fine.header("x-clickhouse-format"), "JSON");
    EXPECT_EQ(fine.header("x-clickhouse-timezone"), "UTC");
    EXPECT_EQ(fine.header("content-type"), "application/json; charset=UTF-8");
    EXPECT_EQ(send("POST", "/", "SELECT timezone()").body, "UTC\n");

    const http::ClientResponse unknown = send("POST", "/", "SELECT * FROM footfall.nothing");
    EXPECT_EQ(unknown.status, 404);
    EXPECT_EQ(unknown.header("x-clickhouse-exception-code"), "60");
    EXPECT_TRUE(unknown.body.starts_with("Code: 60. DB::Exception: ")) << unknown.body;
    EXPECT_THAT(unknown.body, HasSubstr("(UNKNOWN_TABLE) (version 26."));
    EXPECT_NE(unknown.header("x-clickhouse-query-id"), "");
}

TEST_F(StoreServerTest, WhatItDoesNotSpeakIsRefusedClearly) {
    struct Case {
        const char* method;
        const char* target;
        const char* body;
        std::vector<std::pair<std::string_view, std::string_view>> headers;
        int status;
        const char* text;
    };
    const Case cases[] = {
        {"POST", "/", "SELECT 1", {{"Content-Encoding", "lz4"}}, 501, "encoding 'lz4'"},
        {"POST", "/?compress=1", "SELECT 1", {}, 501, "compress"},
        {"POST", "/?session_id=a", "SELECT 1", {}, 501, "session_id"},
        {"POST", "/?no_such_setting=1", "SELECT 1", {}, 404, "no_such_setting"},
        {"POST", "/?database=nowhere", "SELECT 1", {}, 404, "nowhere"},
        {"POST", "/?query=%zz", "", {}, 400, "percent"},
        {"POST", "/", " \n", {}, 400, "no statement"},
        {"GET", "/?query=DROP+TABLE+footfall.events", "", {}, 403, "use POST"},
        {"GET", "/?query=INSERT+INTO+footfall.events+FORMAT+CSV", "", {}, 403, "use POST"},
        {"GET", "/?query=SET+max_threads=1", "", {}, 403, "use POST"},
        {"GET", "/nowhere", "", {}, 404, "no such page"},
        {"POST", "/", "SELECT 1; DROP TABLE footfall.events", {}, 400, "Multi-statements"},
    };
    for (const Case& one : cases) {
        const http::ClientResponse response = send(one.method, one.target, one.body, one.headers);
        EXPECT_EQ(response.status, one.status) << one.target << ": " << response.body;
        EXPECT_THAT(response.body, HasSubstr(one.text)) << one.target;
    }
    EXPECT_EQ(send("POST", "/", "SELECT count() FROM footfall.events").body, "0\n");
}

TEST_F(StoreServerTest, BodiesAreCompressedAsTheClientWants) {
    ASSERT_EQ(send("POST", "/", "CREATE TABLE footfall.packed (n UInt64) ENGINE = MergeTree ORDER BY n").status, 200);
    std::string data;
    for (int i = 0; i < 1'000; ++i) data += std::to_string(i) + "\n";
    for (const std::string_view coding : {"gzip", "zstd"}) {
        const auto inserted = send("POST", "/?query=INSERT+INTO+footfall.packed+FORMAT+CSV",
                                   http::encode_body(coding, data), {{"Content-Encoding", coding}});
        EXPECT_EQ(inserted.status, 200) << inserted.body;
        EXPECT_EQ(send("POST", "/", http::encode_body(coding, "SELECT 1"), {{"Content-Encoding", coding}}).body, "1\n");

        const char* kRows = "SELECT n FROM footfall.packed ORDER BY n FORMAT CSV";
        const std::string plain = send("POST", "/", kRows).body;
        for (const char* target : {"/?enable_http_compression=1", "/?enable_http_compression=1&wait_end_of_query=0"}) {
            const auto packed = send("POST", target, kRows, {{"Accept-Encoding", coding}});
            EXPECT_EQ(packed.header("content-encoding"), coding) << target;
            EXPECT_LT(packed.body.size(), plain.size());
            EXPECT_EQ(http::decode_body(coding, packed.body, 1 << 20, http::kAnyRatio).value_or("none"), plain)
                << target;
        }
        const auto failed = send("POST", "/?enable_http_compression=1", "SELECT * FROM footfall.nothing",
                                 {{"Accept-Encoding", coding}});
        EXPECT_EQ(failed.status, 404);
        EXPECT_EQ(failed.header("content-encoding"), coding);
        EXPECT_THAT(http::decode_body(coding, failed.body, 1 << 20, http::kAnyRatio).value_or("none"),
                    HasSubstr("(UNKNOWN_TABLE)"));

        const auto broken = send("POST", "/", "SELECT 1", {{"Content-Encoding", coding}});
        EXPECT_EQ(broken.status, 400);
        EXPECT_THAT(broken.body, HasSubstr(coding));
    }
    EXPECT_EQ(send("POST", "/", "SELECT count(), sum(n) FROM footfall.packed").body, "2000\t999000\n");
    for (const auto& [target, coding] : {std::pair("/", "gzip"), std::pair("/?enable_http_compression=1", "br"),
                                         std::pair("/?enable_http_compression=0", "zstd")})
        EXPECT_EQ(send("POST", target, "SELECT 3", {{"Accept-Encoding", coding}}).body, "3\n") << target;
}

TEST(StoreRequestTest, TheLimitOfABodyIsThatOfWhatComesOut) {
    const std::string body = http::gzip("SELECT 1" + std::string(992, ' '));
    http::Request request;
    request.method = http::Method::kPost;
    request.headers = {{"Content-Encoding", "gzip"}};
    request.body = body;
    EXPECT_EQ(read_request(request, 1'000).value().text.size(), 1'000u);
    EXPECT_EQ(read_request(request, 999).error().code, Code::kTooLarge);
}

TEST_F(StoreServerTest, NothingOfARequestReachesTheNext) {
    const char* kThreads = "SELECT value FROM system.settings WHERE name = 'max_threads'";
    const char* kJoin = "SELECT changed FROM system.settings WHERE name = 'join_algorithm'";
    ASSERT_EQ(send("POST", "/", kThreads).body, "1\n") << "the store's own setting";
    EXPECT_EQ(send("POST", "/?max_threads=3", kThreads).body, "3\n");
    EXPECT_EQ(send("POST", "/", kThreads).body, "1\n");
    EXPECT_EQ(send("POST", "/?max_threads=2&join_algorithm=hash", kJoin).body, "1\n");
    EXPECT_EQ(send("POST", "/?max_threads=2", kJoin).body, "0\n");
    EXPECT_EQ(send("POST", "/?max_threads=4&no_such_setting=1", "SELECT 1").status, 404);
    EXPECT_EQ(send("POST", "/", kThreads).body, "1\n");
    EXPECT_EQ(send("POST", "/", "SET max_threads = 5").status, 200);
    EXPECT_EQ(send("POST", "/", kThreads).body, "1\n");
    EXPECT_EQ(send("POST", "/", "USE footfall").status, 200);
    EXPECT_EQ(send("POST", "/", "SELECT currentDatabase()").body, "default\n");
    EXPECT_EQ(send("POST", "/", "CREATE TEMPORARY TABLE mine (a UInt8)").status, 200);
    EXPECT_EQ(send("POST", "/", "SELECT * FROM mine").status, 404);
    EXPECT_EQ(send("POST", "/?max_threads=1%27%2C+max_block_size%3D%277", "SELECT 1").status, 400)
        << "a value stays a value";
}

// An engine without connections closes its directory, and each opening leaves threads behind until it stands still.
TEST_F(StoreServerTest, NothingOfAnAnswerThatFailedStandsBeforeTheNext) {
    // Larger than the store's memory: the engine keeps what it had written of it, with the connection.
    const auto failed = send("POST", "/", "SELECT number, repeat('x', 1000) FROM numbers(5000000)");
    EXPECT_EQ(failed.status, 500);
    EXPECT_THAT(failed.body, HasSubstr("MEMORY_LIMIT_EXCEEDED"));
    for (int i = 0; i < 3; ++i) {
        const auto next = send("POST", "/", "SELECT 42");
        EXPECT_EQ(next.body.substr(0, 200), "42\n");
    }
}

TEST_F(StoreServerTest, AnAnswerIsSentAsItComesOnlyWhereItsPiecesMakeAWhole) {
    const auto streamed = send("POST", "/?wait_end_of_query=0", "SELECT number FROM numbers(50000) FORMAT CSV");
    EXPECT_EQ(streamed.header("transfer-encoding"), "chunked");
    EXPECT_EQ(streamed.header("x-clickhouse-format"), "CSV");
    EXPECT_EQ(streamed.body, send("POST", "/", "SELECT number FROM numbers(50000) FORMAT CSV").body);
    for (const char* whole :
         {"SELECT number FROM numbers(50000) FORMAT CSVWithNames",
          "SELECT number FROM numbers(50000) FORMAT JSONCompactEachRowWithNames", "EXISTS TABLE footfall.nothing"}) {
        const auto answer = send("POST", "/?wait_end_of_query=0", whole);
        EXPECT_NE(answer.header("content-length"), "") << whole;
        EXPECT_EQ(answer.header("transfer-encoding"), "") << whole;
        EXPECT_EQ(answer.body.size(), send("POST", "/?log_comment=whole", whole).body.size()) << whole;
    }
    EXPECT_EQ(send("POST", "/?log_comment=mine&cancel_http_readonly_queries_on_client_close=1",
                   "SELECT Settings['log_comment'] FROM system.processes WHERE query LIKE '%processes%'")
                  .body.find("statement "),
              0u);
}

TEST_F(StoreServerTest, DroppedSessionsLeaveNoThreadsBehind) {
    const auto threads = [] {
        std::ifstream file("/proc/" + std::to_string(store_->supervisor().state().pid) + "/status");
        for (std::string line; std::getline(file, line);)
            if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
        return 0;
    };
    ASSERT_EQ(send("POST", "/", "SET max_threads = 1").status, 200);
    const int before = threads();
    for (int i = 0; i < 40; ++i) ASSERT_EQ(send("POST", "/", "SET max_threads = 1").status, 200);
    EXPECT_LT(threads(), before + 10);
}

TEST_F(StoreServerTest, ItParsesAsAServerDoesAndNotAsTheCommandLine) {
    EXPECT_EQ(send("POST", "/", "1 + 1").status, 400);
    EXPECT_EQ(send("POST", "/", "SELECT demangle('x')").status, 500) << "introspection is off";
}

// One query runs at once in this store and sixteen wait.
TEST_F(StoreServerTest, TooManyQueriesAreRefusedAtOnceWhileInsertsAndSmallQuestionsPassBy) {
    ASSERT_EQ(send("POST", "/", "CREATE TABLE footfall.beside (a UInt8) ENGINE = MergeTree ORDER BY a").status, 200);
    std::atomic<int> done{0};
    std::atomic<int> refused{0};
    std::atomic<int> other{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 24; ++i)
        threads.emplace_back([&] {
            http::Client client("unix:" + store_->directory() + "/store.sock");
            const auto response =
                client.send({.method = "POST", .target = "/", .headers = {}, .body = "SELECT sleep(0.2)"}, 30'000);
            if (response && response->status == 200) ++done;
            else if (response && response->status == 503 && response->header("retry-after") == "1" &&
                     response->header("x-clickhouse-exception-code") == "202")
                ++refused;
            else ++other;
        });
    while (refused == 0 && done < 20) std::this_thread::yield();
    // The lane of the queries is full now.
    const int before = done;
    EXPECT_EQ(send("POST", "/?query=INSERT+INTO+footfall.beside+FORMAT+CSV", "1").status, 200);
    EXPECT_EQ(send("POST", "/?priority=1", "SELECT count() FROM footfall.beside").body, "1\n");
    EXPECT_EQ(send("POST", "/", "EXISTS TABLE footfall.beside").body, "1\n");
    EXPECT_LT(done - before, 16) << "they did not wait for the queries before them";
    for (auto& thread : threads) thread.join();
    EXPECT_GE(refused, 1);
    EXPECT_GE(done, 16);
    EXPECT_EQ(other, 0);
}

TEST_F(StoreServerTest, AQueryThatWaitedLongerThanItMayRunIsNotStarted) {
    std::thread before([] { send("POST", "/", "SELECT sleep(1)"); });
    http::Client client("unix:" + store_->directory() + "/store.sock");
    http::ClientResponse running;
    do {
        running = *client.send({.method = "POST",
                                .target = "/?priority=1",
                                .headers = {},
                                .body = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleep%'"},
                               30'000);
    } while (running.body == "0\n");
    const auto late = client.send(
        {.method = "POST", .target = "/?max_execution_time=0.1", .headers = {}, .body = "SELECT 1"}, 30'000);
    before.join();
    ASSERT_TRUE(late);
    EXPECT_EQ(late->header("x-clickhouse-exception-code"), "159") << late->body;
    EXPECT_THAT(late->body, HasSubstr("waited"));
}

// With one statement at a time the second one waits.
TEST_F(StoreServerTest, AStatementWhoseClientHasGoneDoesNotKeepTheOthersWaiting) {
    // With a parameter, as questions have them: the engine then keeps a text of its own, without comments.
    constexpr std::string_view kSlow = "SELECT sleepEachRow(0.05) FROM numbers({rows:UInt64})";
    constexpr std::string_view kTarget =
        "/?cancel_http_readonly_queries_on_client_close=1&max_block_size=1&param_rows=6000";
    std::stop_source stop;
    std::vector<std::jthread> clients;
    for (int i = 0; i < 3; ++i)
        clients.emplace_back([&] {
            http::Client client("unix:" + store_->directory() + "/store.sock");
            const auto answer =
                client.send({.method = "POST", .target = kTarget, .body = kSlow}, 300'000, false, stop.get_token());
            EXPECT_FALSE(answer.has_value());
        });
    const auto running = [] {
        return send("POST", "/?priority=1",
                    "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE "
                    "'%system.processes%'")
            .body;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (running() != "1\n" && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    ASSERT_EQ(running(), "1\n");
    stop.request_stop();
    // Behind the three of them, which would take a quarter of an hour.
    EXPECT_EQ(send("POST", "/", "SELECT 7").body, "7\n");
    EXPECT_EQ(running(), "0\n");
    clients.clear();
}

}  // namespace
}  // namespace footfall::store::embedded
