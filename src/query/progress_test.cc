// How far a question is, by the statements that run and those that have ended.
#include "query/progress.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "store/testing/running_store.h"

namespace footfall::query {
namespace {

TEST(ProgressTest, MarksDifferAndAreOfOneLength) {
    const Progress one;
    const Progress other;
    EXPECT_NE(one.mark(), other.mark());
    EXPECT_EQ(one.mark().size(), other.mark().size());
    EXPECT_FALSE(one.rows().total.has_value()) << "nothing is known yet";
    EXPECT_EQ(one.rows().read, 0u);
}

TEST(ProgressTest, StatementsThatEndedAddUp) {
    Progress progress;
    progress.statement_ended(100);
    EXPECT_EQ(progress.rows().read, 100u);
    EXPECT_EQ(progress.rows().total, 100u);
    progress.statement_ended(50);
    progress.statement_ended(std::nullopt);  // it failed, and nobody saw what it read
    EXPECT_EQ(progress.rows().read, 150u);
    EXPECT_EQ(progress.rows().total, 150u);
}

// The real store, in which a statement runs that takes its time.
TEST(ProgressTest, WhatRunsIsSeenByItsMarkAndNothingEverFalls) {
    store::RunningStore database("progress");
    const auto running = std::make_shared<Progress>();
    const auto other = std::make_shared<Progress>();
    running->statement_ended(1'000);
    std::atomic<bool> has_ended{false};
    std::stop_source stop;
    std::thread asker([&] {
        const auto answer = database.client().query(
            {.sql = "SELECT sum(sleepEachRow(0.001)) FROM numbers({rows:UInt64})",
             .parameters = {{"rows", "1000"}},
             .settings = {{"log_comment", running->mark()}, {"max_block_size", "10"}, {"max_threads", "1"}}},
            stop.get_token());
        EXPECT_TRUE(answer) << answer.error().message;
        running->statement_ended(answer ? std::optional(answer->rows_read) : std::nullopt);
        has_ended = true;
    });
    const std::shared_ptr<Progress> both[] = {other, running};
    Progress::Rows before = running->rows();
    int grew = 0;
    while (!has_ended) {
        // One that comes too late on a busy machine tells nothing.
        if (!look_at_progress(database.client(), both)) continue;
        const Progress::Rows now = running->rows();
        EXPECT_GE(now.read, before.read);
        EXPECT_GE(now.total.value_or(0), before.total.value_or(0));
        EXPECT_GE(now.total.value_or(0), now.read);
        grew += now.read > before.read && !has_ended ? 1 : 0;
        before = now;
    }
    asker.join();
    EXPECT_GE(grew, 2);
    EXPECT_EQ(running->rows().read, 2'000u);
    EXPECT_EQ(running->rows().total, 2'000u);
    EXPECT_EQ(other->rows().read, 0u);
    EXPECT_FALSE(other->rows().total.has_value());
}

}  // namespace
}  // namespace footfall::query
