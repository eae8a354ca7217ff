#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "catalog/database.h"
#include "catalog/testing/place.h"

namespace footfall::catalog {
namespace {

// What a server alone can do to a catalog; the rest is one suite with SQLite, in catalog_test.
class PostgresTest : public testing::Test {
protected:
    PostgresTest() {
        auto opened = Database::open_postgres(place_);
        EXPECT_TRUE(opened) << opened.error().message;
        database_ = std::make_unique<Database>(std::move(*opened));
        const Status made = run("CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT");
        EXPECT_TRUE(made) << made.error().message;
    }

    Status run(std::string_view sql) { return database_->execute(sql); }
    std::int64_t ask(std::string_view sql) {
        auto query = database_->prepare(sql);
        const auto row = query->step();
        EXPECT_TRUE(row) << row.error().message;
        return row && *row ? query->integer_at(0) : -1;
    }
    /// As a server that is started again does it, to this connection alone.
    void end_connection() {
        const std::int64_t process = ask("SELECT pg_backend_pid()");
        auto other = Database::open_postgres(place_);
        ASSERT_TRUE(other) << other.error().message;
        auto query = other->prepare("SELECT count(*) FROM (SELECT pg_terminate_backend(?::int, 5000)) AS ended");
        const auto row = query->integer(process).step();
        ASSERT_TRUE(row) << row.error().message;
    }

    const std::string place_ = make_place("unused");
    std::unique_ptr<Database> database_;
};

TEST_F(PostgresTest, AConnectionThatHasEndedIsMadeAgainForAQuestionAndForAChange) {
    end_connection();
    EXPECT_EQ(ask("SELECT count(*) FROM numbers"), 0);
    end_connection();
    const Status added = run("INSERT INTO numbers VALUES (1)");
    EXPECT_TRUE(added) << added.error().message;
    EXPECT_EQ(ask("SELECT count(*) FROM numbers"), 1);
}

TEST_F(PostgresTest, ATransactionWhoseConnectionEndsFailsAsAWholeAndTheNextOneSucceeds) {
    const Status failed = database_->transaction([&]() -> Status {
        TRY_STATUS(run("INSERT INTO numbers VALUES (1)"));
        end_connection();
        return run("INSERT INTO numbers VALUES (2)");
    });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::kUnavailable) << failed.error().message;
    EXPECT_EQ(ask("SELECT count(*) FROM numbers"), 0);
    const Status done = database_->transaction([&] { return run("INSERT INTO numbers VALUES (3)"); });
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(ask("SELECT count(*) FROM numbers"), 1);
}

TEST_F(PostgresTest, AConnectionThatEndsBeforeTheCommitIsNoSuccess) {
    const Status failed = database_->transaction([&]() -> Status {
        TRY_STATUS(run("INSERT INTO numbers VALUES (1)"));
        end_connection();
        return {};
    });
    EXPECT_FALSE(failed);
    EXPECT_EQ(ask("SELECT count(*) FROM numbers"), 0);
}

TEST(PostgresRefusalTest, AWrongPasswordAndNobodyThereAreToldApart) {
    std::string url = std::getenv("FOOTFALL_POSTGRES");
    const auto at = url.find('@');
    url.replace(url.rfind(':', at) + 1, at - url.rfind(':', at) - 1, "wrong");
    const auto refused = Database::open_postgres(url);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kForbidden);
    EXPECT_EQ(refused.error().message.find("wrong"), std::string::npos) << "the password is in no message";
    const auto nobody = Database::open_postgres("postgresql://footfall@127.0.0.1:1/postgres");
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace footfall::catalog
