#include <signal.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "catalog/accounts.h"
#include "catalog/catalog.h"
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

TEST_F(PostgresTest, AStatementThatTakesTooLongIsEndedByTheServer) {
    auto slow = database_->prepare("SELECT count(*) FROM pg_sleep(60)");
    ASSERT_TRUE(slow);
    const auto row = slow->step();
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().code, Code::kUnavailable) << row.error().message;
    EXPECT_EQ(ask("SELECT count(*) FROM numbers"), 0);
}

TEST_F(PostgresTest, WhatAServerDoesNotAnswerFailsAndTheNextStatementHasAConnectionAgain) {
    std::int64_t silent = 0;
    const Status transaction = database_->transaction([&]() -> Status {
        EXPECT_TRUE(run("INSERT INTO numbers VALUES (1)"));
        silent = ask("SELECT pg_backend_pid()");
        EXPECT_EQ(::kill(static_cast<pid_t>(silent), SIGSTOP), 0);
        return run("INSERT INTO numbers VALUES (2)");
    });
    ASSERT_FALSE(transaction);
    EXPECT_EQ(transaction.error().code, Code::kUnavailable) << transaction.error().message;
    EXPECT_EQ(ask("SELECT count(*) FROM numbers"), 0);
    ASSERT_NE(silent, ask("SELECT pg_backend_pid()"));
    EXPECT_EQ(::kill(static_cast<pid_t>(silent), SIGCONT), 0);
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

/// Two nodes of one catalog.
class TwoNodesTest : public testing::Test {
protected:
    std::unique_ptr<Catalog> node() {
        auto opened = Catalog::open(place_, clock_);
        EXPECT_TRUE(opened) << opened.error().message;
        return std::move(*opened);
    }
    /// Until the other one's change has come; notices take some milliseconds.
    static bool takes_in(Catalog& catalog) {
        for (int i = 0; i < 500; ++i) {
            const auto taken = catalog.take_in_others();
            EXPECT_TRUE(taken) << taken.error().message;
            if (*taken) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }

    ManualClock clock_{1'795'500'000'000};
    const std::string place_ = make_place("unused");
    const std::unique_ptr<Catalog> first_ = node();
    const std::unique_ptr<Catalog> second_ = node();
};

TEST_F(TwoNodesTest, WhatOneChangesTheOtherTakesInAndItsOwnChangesItDoesNot) {
    ASSERT_TRUE(first_->add_site("Mine", "example.org", "UTC", "mine"));
    EXPECT_FALSE(second_->snapshot()->sites.contains("mine"));
    EXPECT_TRUE(takes_in(*second_));
    EXPECT_TRUE(second_->snapshot()->sites.contains("mine"));
    const auto own = first_->take_in_others();
    ASSERT_TRUE(own) << own.error().message;
    EXPECT_FALSE(*own);
    const auto key = second_->create_key("mine", Scope::kCollect);
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_TRUE(takes_in(*first_));
    EXPECT_EQ(first_->snapshot()->keys.size(), 1u);
}

TEST(NodesTest, ThatStartTogetherOnAnEmptyDatabaseAllOpenIt) {
    for (int round = 0; round < 3; ++round) {
        ManualClock clock(1'795'500'000'000);
        const std::string place = make_place("unused");
        std::vector<std::future<Status>> nodes;
        for (int i = 0; i < 6; ++i)
            nodes.push_back(std::async(std::launch::async, [&]() -> Status {
                TRY([[maybe_unused]] const auto catalog, Catalog::open(place, clock));
                return {};
            }));
        for (auto& node : nodes) {
            const Status opened = node.get();
            EXPECT_TRUE(opened) << opened.error().message;
        }
    }
}

TEST_F(TwoNodesTest, SaltsAreOne) { EXPECT_EQ(first_->salt(20'000).value(), second_->salt(20'000).value()); }

TEST_F(TwoNodesTest, AnErasureThatOneOrdersTheOtherAsksForAtOnceAndTakesIn) {
    const auto order = first_->put_erasure({.id = {}, .subject = "someone", .partitions = {{.number = 1, .end = 7}}});
    ASSERT_TRUE(order) << order.error().message;
    EXPECT_EQ(second_->erasures().value(), (std::vector{*order}));
    EXPECT_TRUE(second_->snapshot()->erasures.empty());
    ASSERT_TRUE(second_->read_again());
    EXPECT_EQ(second_->snapshot()->erasures, (std::vector{*order}));
    ASSERT_TRUE(takes_in(*second_));
    EXPECT_EQ(second_->snapshot()->erasures, (std::vector{*order}));
    ASSERT_TRUE(second_->set_erasure_archived(order->id, 1, 7));
    ASSERT_TRUE(takes_in(*first_));
    EXPECT_NE(first_->snapshot()->erasures.front().partitions.front().archived_ms, 0);
}

TEST_F(TwoNodesTest, ASessionThatEndsOnOneEndsOnTheOther) {
    constexpr std::string_view kPassword = "correct horse battery";
    ASSERT_TRUE(first_->accounts().add_user("a@example.org", Role::kOwner, kPassword));
    const auto signed_in = first_->accounts().sign_in("a@example.org", kPassword);
    ASSERT_TRUE(signed_in) << signed_in.error().message;
    EXPECT_TRUE(takes_in(*second_));
    EXPECT_TRUE(second_->accounts().session(signed_in->token));
    ASSERT_TRUE(second_->accounts().end_session(signed_in->token));
    EXPECT_TRUE(takes_in(*first_));
    EXPECT_FALSE(first_->accounts().session(signed_in->token));
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
