#include "store/migrations.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include "store/testing/running_store.h"

namespace footfall::store {
namespace {

// A store whose tables are made by the test.
class MigrationsTest : public testing::Test {
protected:
    MigrationsTest() : store_("migrations", [](embedded::SupervisorOptions& options) { options.prepare = nullptr; }) {}
    Client& client() { return store_.client(); }

    std::uint64_t number(const std::string& sql) {
        const auto answer = client().query({.sql = sql});
        EXPECT_TRUE(answer) << answer.error().message;
        return answer && answer->rows.size() == 1 ? std::get<std::uint64_t>(answer->rows[0][0]) : 0;
    }

    /// What makes each of the tables, by the name of its file.
    std::map<std::string, std::string> schema_of_store() {
        const auto answer =
            client().query({.sql = "SELECT if(engine = 'View', 'view-', 'table-') || name || '.sql', "
                                   "replaceOne(replaceOne(formatQuery(create_table_query), 'CREATE TABLE ', "
                                   "'CREATE TABLE IF NOT EXISTS '), 'CREATE VIEW ', 'CREATE VIEW IF NOT EXISTS ') "
                                   "FROM system.tables WHERE database = 'footfall'"});
        EXPECT_TRUE(answer) << answer.error().message;
        std::map<std::string, std::string> made = {
            {"database-footfall.sql", "CREATE DATABASE IF NOT EXISTS footfall\n"}};
        if (answer)
            for (const auto& row : answer->rows)
                made[std::get<std::string>(row[0])] = std::get<std::string>(row[1]) + "\n";
        return made;
    }

    RunningStore store_;
};

TEST_F(MigrationsTest, TheSchemaIsWhatTheMigrationsMake) {
    const Status migrated = migrate(client(), migrations());
    ASSERT_TRUE(migrated) << migrated.error().message;
    const std::map<std::string, std::string> made = schema_of_store();
    ASSERT_GT(made.size(), 10U);
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
        const std::filesystem::path folder = FOOTFALL_SOURCE_DIR "/sql/clickhouse/schema";
        for (const auto& entry : std::filesystem::directory_iterator(folder)) std::filesystem::remove(entry.path());
        for (const auto& [name, text] : made) std::ofstream(folder / name) << text;
        return;
    }
    std::map<std::string, std::string> told;
    for (const TextFile& file : schema()) told[std::string(file.name)] = file.text;
    EXPECT_EQ(told, made) << "UPDATE_GOLDEN=1 store_test --gtest_filter='*TheSchemaIs*' writes sql/clickhouse/schema";

    ASSERT_TRUE(client().execute({.sql = "DROP DATABASE footfall SYNC"}));
    const Status created = migrate(client());
    ASSERT_TRUE(created) << created.error().message;
    EXPECT_EQ(schema_of_store(), made) << "and it makes the same";
}

TEST_F(MigrationsTest, AFirstStartThatWasCutOffIsMadeAnew) {
    for (std::size_t count = 1; count <= schema().size(); ++count) {
        // By a release whose tables were others.
        ASSERT_TRUE(client().execute({.sql = "CREATE DATABASE IF NOT EXISTS footfall"}));
        ASSERT_TRUE(client().execute({.sql = "CREATE TABLE footfall.former (a UInt8) ENGINE = MergeTree ORDER BY a"}));
        for (const TextFile& file : schema().first(count))
            ASSERT_TRUE(client().execute({.sql = std::string(file.text)})) << file.name;
        const Status migrated = migrate(client());
        ASSERT_TRUE(migrated) << migrated.error().message;
        EXPECT_EQ(schema_of_store().size(), schema().size());
        EXPECT_EQ(number("SELECT count() FROM footfall.schema_migrations"), migrations().size());
        ASSERT_TRUE(client().execute({.sql = "DROP DATABASE footfall SYNC"}));
    }
}

TEST_F(MigrationsTest, AStoreWithRowsIsNotMadeAnew) {
    ASSERT_TRUE(migrate(client(), migrations().first(3)));
    ASSERT_TRUE(client().execute({.sql = "CREATE TABLE footfall.kept ENGINE = MergeTree ORDER BY a AS SELECT 1 AS a"}));
    ASSERT_TRUE(client().execute({.sql = "TRUNCATE TABLE footfall.schema_migrations"}));
    const Status migrated = migrate(client());
    ASSERT_TRUE(migrated) << migrated.error().message;
    EXPECT_EQ(number("SELECT count() FROM footfall.kept"), 1U);
}

TEST_F(MigrationsTest, AnotherDatabaseStandsForFootfallEverywhere) {
    Client other(
        Endpoint{.address = store_options(store_.directory()).store.address, .user = {}, .database = "another"});
    for (int round = 0; round < 2; ++round) {
        const Status migrated = migrate(other);
        ASSERT_TRUE(migrated) << migrated.error().message;
        EXPECT_EQ(number("SELECT count() FROM another.schema_migrations"), migrations().size());
    }
    EXPECT_EQ(number("SELECT count() FROM system.databases WHERE name = 'footfall'"), 0U);
    const auto identity = store_identity(other);
    ASSERT_TRUE(identity) << identity.error().message;
    ASSERT_TRUE(other.execute({.sql = "DROP TABLE footfall.events SYNC"}));
    const auto without = store_identity(other);
    EXPECT_TRUE(!without || *without != *identity) << *without;
}

TEST_F(MigrationsTest, ASecondRunChangesNothing) {
    for (int round = 0; round < 2; ++round) {
        const Status migrated = migrate(client());
        ASSERT_TRUE(migrated) << migrated.error().message;
        EXPECT_EQ(number("SELECT count() FROM footfall.schema_migrations"), migrations().size());
        EXPECT_EQ(number("SELECT uniqExact(name) FROM footfall.schema_migrations WHERE length(checksum) = 64 AND "
                         "applied > '2020-01-01'"),
                  migrations().size());
    }
}

TEST_F(MigrationsTest, ARunThatWasCutOffIsFinishedByTheNext) {
    for (std::size_t count = 1; count <= migrations().size(); ++count) {
        // Killed behind this statement and before its record.
        const auto files = migrations().first(count);
        ASSERT_TRUE(client().execute({.sql = std::string(files.back().text)})) << files.back().name;
        const Status migrated = migrate(client(), files);
        ASSERT_TRUE(migrated) << migrated.error().message;
    }
    EXPECT_EQ(number("SELECT count() FROM footfall.schema_migrations"), migrations().size());
}

TEST_F(MigrationsTest, AStoreOfANewerReleaseIsRefusedUnchanged) {
    ASSERT_TRUE(migrate(client()));
    std::vector<TextFile> older(migrations().begin(), migrations().end());
    older.pop_back();
    older.push_back({"9999-other.sql", "CREATE TABLE footfall.other (a UInt8) ENGINE = Memory"});
    const Status refused = migrate(client(), older);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("newer release"));
    EXPECT_EQ(number("SELECT count() FROM system.tables WHERE database = 'footfall' AND name = 'other'"), 0u);
}

TEST_F(MigrationsTest, AnAppliedMigrationWithAnotherTextIsRefusedUnchanged) {
    ASSERT_TRUE(migrate(client()));
    std::vector<TextFile> changed(migrations().begin(), migrations().end());
    const std::string text = std::string(changed.back().text) + " ";
    changed.back().text = text;
    changed.push_back({"9999-other.sql", "CREATE TABLE footfall.other (a UInt8) ENGINE = Memory"});
    const Status refused = migrate(client(), changed);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_THAT(refused.error().message, testing::HasSubstr(std::string(migrations().back().name)));
    EXPECT_EQ(number("SELECT count() FROM system.tables WHERE database = 'footfall' AND name = 'other'"), 0u);
}

TEST_F(MigrationsTest, EventsOfBeforeGetTheirKeysBeforeTheirIdsExpire) {
    std::vector<TextFile> before;
    for (const TextFile& file : migrations())
        if (file.name < "0077") before.push_back(file);
    ASSERT_TRUE(migrate(client(), before));
    // A pageview and its ping of long ago, and a pageview of now.
    ASSERT_TRUE(client().execute(
        {.sql =
             "INSERT INTO footfall.events (website_id, event_id, event_type, timestamp, pageview_id, log_offset) "
             "VALUES "
             "('s', '01234567-89ab-7cde-8f01-23456789abcd', 'pageview', '2024-01-01 00:00:00', toUUIDOrZero(''), 1), "
             "('s', '11234567-89ab-7cde-8f01-23456789abcd', 'ping', '2024-01-01 00:00:01', "
             "'01234567-89ab-7cde-8f01-23456789abcd', 2), "
             "('s', '21234567-89ab-7cde-8f01-23456789abcd', 'pageview', now64(3), toUUIDOrZero(''), 3)"}));
    const Status migrated = migrate(client());
    ASSERT_TRUE(migrated) << migrated.error().message;
    for (int tries = 0; tries < 300 && number("SELECT count() FROM system.mutations WHERE NOT is_done") > 0; ++tries)
        ::usleep(100'000);
    EXPECT_EQ(number("SELECT count() FROM system.mutations WHERE NOT is_done"), 0u);
    EXPECT_EQ(number("SELECT countIf(event_id = toUUIDOrZero('') AND pageview_id = toUUIDOrZero('')) FROM "
                     "footfall.events WHERE log_offset < 3"),
              2u);
    EXPECT_EQ(number("SELECT count() FROM footfall.events WHERE event_id = '21234567-89ab-7cde-8f01-23456789abcd'"),
              1u);
    // XXH64 of the sixteen bytes, as the loader makes it (src/process/sessions/session.h).
    EXPECT_EQ(number("SELECT countIf(event_key = toUInt32(bitAnd(xxHash64(unhex('0123456789ab7cde8f0123456789abcd')), "
                     "0xFFFFFFFF))) FROM footfall.events WHERE log_offset < 3"),
              2u);
}

TEST_F(MigrationsTest, RolledDaysOfBeforeAreWrittenInTheOrderOfTheirValues) {
    std::vector<TextFile> before;
    for (const TextFile& file : migrations())
        if (file.name < "0084") before.push_back(file);
    ASSERT_TRUE(migrate(client(), before));
    ASSERT_TRUE(client().execute(
        {.sql = "INSERT INTO footfall.rollup_days (website_id, dimension, day, value, event_name, generation, "
                "pageviews, events, visitors, sessions, bounces, session_ms, revenue, revenue_events, conversions, "
                "converted_visitors, session_visitors) "
                "SELECT 's', 'page', toDate('2026-01-01') + number % 60, toString(intDiv(number, 60)), 'e', 7, number, "
                "2 * number, uniqCombined64State(14)(number), 3, 4, 5, map('EUR', toDecimal128(6, 4)), "
                "map('EUR', toUInt64(1)), 8, uniqCombined64State(14)(number + 1), uniqCombined64State(14)(number + 2) "
                "FROM numbers(30000) GROUP BY number"}));
    const std::string rows =
        "SELECT sum(cityHash64(website_id, dimension, day, value, event_name, generation, pageviews, events, "
        "finalizeAggregation(visitors), sessions, bounces, session_ms, toString(revenue), toString(revenue_events), "
        "conversions, finalizeAggregation(converted_visitors), finalizeAggregation(session_visitors))) "
        "FROM footfall.rollup_days";
    const std::uint64_t told = number(rows);
    // As a death amid it leaves it.
    ASSERT_TRUE(client().execute({.sql = "CREATE TABLE footfall._tmp_replace_x AS footfall.rollup_days"}));
    const Status migrated = migrate(client());
    ASSERT_TRUE(migrated) << migrated.error().message;
    EXPECT_EQ(number("SELECT count() FROM footfall.rollup_days"), 30'000U);
    EXPECT_EQ(number(rows), told);
    EXPECT_EQ(number("SELECT count() FROM system.tables WHERE database = 'footfall' AND name LIKE '%tmp%'"), 0U);
    EXPECT_EQ(number("SELECT count() FROM system.tables WHERE database = 'footfall' AND name = 'rollup_days' AND "
                     "sorting_key = 'website_id, dimension, value, day, event_name'"),
              1U);
}

TEST_F(MigrationsTest, AFailingStatementIsNamedAndNotRecorded) {
    std::vector<TextFile> files(migrations().begin(), migrations().end());
    files.push_back({"9999-broken.sql", "CREATE TABLE footfall.broken (a NoSuchType) ENGINE = Memory"});
    const Status failed = migrate(client(), files);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, testing::HasSubstr("9999-broken.sql"));
    EXPECT_EQ(number("SELECT count() FROM footfall.schema_migrations"), migrations().size());
}

TEST_F(MigrationsTest, TheEventsTableHasTheColumnsOfTheRecord) {
    ASSERT_TRUE(migrate(client()));
    std::vector<std::array<std::string, 3>> declared;
    simdjson::dom::parser parser;
    const simdjson::dom::object fields = parser.load(FOOTFALL_SOURCE_DIR "/schema/event.schema.json")["properties"];
    for (const auto& field : fields) {
        if (field.key == "v") continue;
        const simdjson::dom::element column = field.value["x-column"];
        std::string_view codec;
        if (column["codec"].get(codec) != simdjson::SUCCESS) codec = {};
        declared.push_back(
            {std::string(field.key), std::string(column["type"].get_string().value()), std::string(codec)});
    }
    ASSERT_GT(declared.size(), 40u);
    declared.push_back({"event_key", "UInt32", "ZSTD(1)"});
    declared.push_back({"session_key", "UInt64", "ZSTD(1)"});
    declared.push_back({"log_partition", "UInt16", "ZSTD(1)"});
    declared.push_back({"log_offset", "UInt64", "Delta(8), ZSTD(1)"});

    const auto answer = client().query({.sql = "DESCRIBE TABLE footfall.events"});
    ASSERT_TRUE(answer) << answer.error().message;
    std::map<std::string, std::size_t> at;
    for (std::size_t i = 0; i < answer->columns.size(); ++i) at[answer->columns[i].name] = i;
    std::vector<std::array<std::string, 3>> stored;
    for (const auto& row : answer->rows) {
        stored.push_back({std::get<std::string>(row[at["name"]]), std::get<std::string>(row[at["type"]]),
                          std::get<std::string>(row[at["codec_expression"]])});
        // Rows of before have none, and their ids still say it.
        if (stored.back()[0] == "event_key") continue;
        EXPECT_EQ(std::get<std::string>(row[at["default_expression"]]), "") << "a row says itself what it holds";
    }
    EXPECT_EQ(stored, declared);
}

TEST_F(MigrationsTest, EveryPartOfATableOfEventsIsSyncedAndInsertTokensAreOff) {
    ASSERT_TRUE(migrate(client()));
    const auto answer =
        client().query({.sql = "SELECT name, engine_full FROM system.tables WHERE database = 'footfall' "
                               "AND name != 'schema_migrations' AND engine LIKE '%MergeTree' ORDER BY name"});
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->rows.size(), 14u);
    for (const auto& row : answer->rows) {
        for (const char* setting :
             {"fsync_after_insert = 1", "fsync_part_directory = 1", "min_rows_to_fsync_after_merge = 1",
              "min_compressed_bytes_to_fsync_after_merge = 1", "non_replicated_deduplication_window = 0"})
            EXPECT_THAT(std::get<std::string>(row[1]), testing::HasSubstr(setting)) << std::get<std::string>(row[0]);
    }
}

TEST_F(MigrationsTest, RejectedEventsGoAfterThirtyDays) {
    ASSERT_TRUE(migrate(client()));
    ASSERT_TRUE(client().execute(
        {.sql = "INSERT INTO footfall.rejected (website_id, received_at, log_offset) SELECT 'a', now64(3, 'UTC') - "
                "toIntervalHour(30 * 24 + number), number FROM numbers(3)"}));
    ASSERT_TRUE(client().execute({.sql = "INSERT INTO footfall.rejected (website_id, received_at, log_offset) "
                                         "SELECT 'a', now64(3, 'UTC') - toIntervalHour(29 * 24), 9"}));
    ASSERT_TRUE(client().execute({.sql = "OPTIMIZE TABLE footfall.rejected FINAL"}));
    EXPECT_EQ(number("SELECT sum(log_offset) FROM footfall.rejected"), 9u);
    EXPECT_EQ(number("SELECT count() FROM footfall.rejected"), 1u);
}

TEST_F(MigrationsTest, TheEventsTableIsKeyedBySiteDayAndVisitor) {
    ASSERT_TRUE(migrate(client()));
    const auto answer = client().query({.sql = "SELECT partition_key, sorting_key, sampling_key FROM system.tables "
                                               "WHERE database = 'footfall' AND name = 'events'"});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->rows[0][0], Value("toYYYYMM(timestamp)"));
    EXPECT_EQ(answer->rows[0][1], Value("website_id, toDate(timestamp), visitor_id, timestamp"));
    EXPECT_EQ(answer->rows[0][2], Value("visitor_id"));
}

TEST_F(MigrationsTest, TheIdentityChangesWithTheTableAndNotOtherwise) {
    EXPECT_FALSE(store_identity(client()));
    ASSERT_TRUE(migrate(client()));
    const auto first = store_identity(client());
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(*store_identity(client()), *first);
    ASSERT_TRUE(client().execute({.sql = "DROP TABLE footfall.events SYNC"}));
    EXPECT_FALSE(store_identity(client())) << "a table is missing";
    for (const TextFile& file : migrations()) {
        if (file.name != "0005-events.sql") continue;
        ASSERT_TRUE(client().execute({.sql = std::string(file.text)}));
    }
    EXPECT_NE(*store_identity(client()), *first);
}

TEST(StoreIdentityTest, ADamagedPartChangesIt) {
    const std::string directory = testing::TempDir() + "footfall_store_identity_" + std::to_string(::getpid());
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    std::string before;
    {
        embedded::Supervisor supervisor(store_options(directory));
        supervisor.start();
        ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
        Client client({.address = "unix:" + directory + "/store.sock"});
        // Of now: ids of long ago expire, by a merge that would make a second part.
        ASSERT_TRUE(client.execute(
            {.sql = "INSERT INTO footfall.events (website_id, timestamp, log_offset) VALUES ('a', now64(3), 1)"}));
        before = *store_identity(client);
    }
    int damaged = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory + "/data/store")) {
        if (entry.path().filename() != "data.bin" ||
            !std::filesystem::exists(entry.path().parent_path() / "primary.cidx"))
            continue;
        std::ifstream columns(entry.path().parent_path() / "columns.txt");
        const std::string text((std::istreambuf_iterator<char>(columns)), {});
        if (text.find("website_id") == std::string::npos) continue;
        std::filesystem::resize_file(entry.path(), 0);
        ++damaged;
    }
    ASSERT_EQ(damaged, 1);
    {
        embedded::Supervisor supervisor(store_options(directory));
        supervisor.start();
        ASSERT_TRUE(supervisor.wait_ready(60'000)) << supervisor.state().problem;
        Client client({.address = "unix:" + directory + "/store.sock"});
        const auto after = store_identity(client);
        ASSERT_TRUE(after) << after.error().message;
        EXPECT_NE(*after, before);
    }
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace footfall::store
