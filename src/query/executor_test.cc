#include "query/executor.h"

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/refusals.h"

namespace footfall::query {
namespace {

using testing::ElementsAre;

class ExecutorTest : public testing::Test {
protected:
    static constexpr std::int64_t kDeadlineNs = 30'000'000'000;

    /// A task that notes when it has its turn, and how it was refused where it has none.
    Executor::Task task(const std::string& name, std::int64_t deadline_ns = kDeadlineNs) {
        return {.site_id = name.substr(0, 1),
                .deadline_ns = deadline_ns,
                .run =
                    [this, name] {
                        note(name);
                        return Executor::Next::kDone;
                    },
                .refuse = [this, name](const Error& error) { note(name + ": " + named(error)); }};
    }
    /// One that holds its turn until release(); returns when it has it.
    Executor::Ticket hold(Executor& executor, const std::string& name) {
        auto began = std::make_shared<std::promise<void>>();
        Executor::Task holding = task(name);
        holding.run = [this, began, name] {
            note(name);
            began->set_value();
            released_.wait_for(std::chrono::seconds(20));
            return Executor::Next::kDone;
        };
        const auto ticket = executor.submit(std::move(holding));
        EXPECT_TRUE(ticket.has_value());
        began->get_future().wait();
        return *ticket;
    }
    void release() { release_.set_value(); }
    /// Returns when all that was submitted before has had its turn: on an executor that runs one at a time.
    static void finish(Executor& executor, const std::string& last_site) {
        auto ran = std::make_shared<std::promise<void>>();
        const auto ticket = executor.submit({.site_id = last_site,
                                             .deadline_ns = kDeadlineNs,
                                             .run =
                                                 [ran] {
                                                     ran->set_value();
                                                     return Executor::Next::kDone;
                                                 },
                                             .refuse = [ran](const Error&) { ran->set_value(); }});
        ASSERT_TRUE(ticket.has_value());
        ran->get_future().wait();
    }
    void note(const std::string& text) {
        const std::lock_guard lock(mutex_);
        notes_.push_back(text);
    }
    std::vector<std::string> notes() {
        const std::lock_guard lock(mutex_);
        return notes_;
    }
    static std::string named(const Error& error) {
        return error.name.empty() ? std::string(code_name(error.code)) : error.name;
    }

    ManualClock clock_{0};

private:
    std::promise<void> release_;
    std::shared_future<void> released_{release_.get_future()};
    std::mutex mutex_;
    std::vector<std::string> notes_;
};

TEST_F(ExecutorTest, ASiteThatAsksForMuchMakesNoOtherWaitForAllOfIt) {
    Executor executor(clock_, {.running_max = 1});
    hold(executor, "a0");
    for (const char* name : {"a1", "a2", "a3", "b1"}) ASSERT_TRUE(executor.submit(task(name)).has_value());
    release();
    finish(executor, "a");
    EXPECT_THAT(notes(), ElementsAre("a0", "a1", "b1", "a2", "a3"));
}

TEST_F(ExecutorTest, WhatTakesAnotherTurnLetsTheOthersOfItsSitePass) {
    Executor executor(clock_, {.running_max = 1});
    hold(executor, "a0");
    Executor::Task twice = task("a1");
    twice.run = [this, turns = std::make_shared<int>(0)] {
        note("a1");
        return ++*turns < 2 ? Executor::Next::kAgain : Executor::Next::kDone;
    };
    ASSERT_TRUE(executor.submit(std::move(twice)).has_value());
    ASSERT_TRUE(executor.submit(task("a2")).has_value());
    release();
    // Of another site, so that it has its turn when the first of the other one has had it: twice.
    finish(executor, "b");
    finish(executor, "a");
    EXPECT_THAT(notes(), ElementsAre("a0", "a1", "a2", "a1"));
}

TEST_F(ExecutorTest, MoreThanMayWaitIsRefusedAtOnceAndNothingElseOfItIsCalled) {
    Executor executor(clock_, {.running_max = 1, .waiting_max = 3, .site_waiting_max = 2});
    hold(executor, "a0");
    for (const char* name : {"a1", "a2"}) ASSERT_TRUE(executor.submit(task(name)).has_value());
    const auto of_site = executor.submit(task("a3"));
    ASSERT_FALSE(of_site.has_value());
    EXPECT_EQ(of_site.error().code, Code::kLimited);
    ASSERT_TRUE(executor.submit(task("b1")).has_value());
    const auto of_all = executor.submit(task("c1"));
    ASSERT_FALSE(of_all.has_value());
    EXPECT_EQ(of_all.error().code, Code::kOverloaded);
    release();
    executor.stop();
    for (const std::string& text : notes()) EXPECT_TRUE(!text.starts_with("a3") && !text.starts_with("c1")) << text;
}

TEST_F(ExecutorTest, WhatWaitsPastItsDeadlineIsToldSoAndNeverRuns) {
    Executor executor(clock_, {.running_max = 1});
    hold(executor, "a0");
    ASSERT_TRUE(executor.submit(task("a1", 5'000'000'000)).has_value());
    ASSERT_TRUE(executor.submit(task("a2", 6'000'000'000)).has_value());
    clock_.advance_ms(4'999);
    executor.expire();
    EXPECT_THAT(notes(), ElementsAre("a0"));
    clock_.advance_ms(1);
    executor.expire();
    EXPECT_THAT(notes(), ElementsAre("a0", "a1: overloaded"));
    // Nor where its turn comes before anybody looks.
    clock_.advance_ms(1'000);
    release();
    finish(executor, "a");
    EXPECT_THAT(notes(), ElementsAre("a0", "a1: overloaded", "a2: overloaded"));
}

TEST_F(ExecutorTest, ADeadlineIsSeenByItselfWhileEverythingIsBusy) {
    Executor executor(system_clock(), {.running_max = 1});
    Executor::Task busy = task("a0");
    std::promise<void> end;
    busy.deadline_ns = system_clock().steady_ns() + kDeadlineNs;
    busy.run = [&, ended = end.get_future().share()] {
        ended.wait();
        return Executor::Next::kDone;
    };
    ASSERT_TRUE(executor.submit(std::move(busy)).has_value());
    Executor::Task late = task("b1", system_clock().steady_ns() + 20'000'000);
    std::promise<Code> refused;
    late.refuse = [&](const Error& error) { refused.set_value(error.code); };
    ASSERT_TRUE(executor.submit(std::move(late)).has_value());
    EXPECT_EQ(refused.get_future().get(), Code::kOverloaded);
    end.set_value();
}

TEST_F(ExecutorTest, WhatIsCancelledLeavesTheQueueAtOnceAndWhatRunsGoesOn) {
    Executor executor(clock_, {.running_max = 1, .waiting_max = 1});
    const auto running = hold(executor, "a0");
    const auto waiting = executor.submit(task("a1"));
    ASSERT_TRUE(waiting.has_value());
    executor.cancel(*waiting);
    EXPECT_THAT(notes(), ElementsAre("a0", "a1: client_gone"));
    executor.cancel(*waiting);
    executor.cancel(running);
    std::promise<void> ran;
    Executor::Task next = task("b1");
    next.run = [&] {
        ran.set_value();
        return Executor::Next::kDone;
    };
    EXPECT_TRUE(executor.submit(std::move(next)).has_value()) << "its place is not free";
    release();
    ran.get_future().wait();
    EXPECT_THAT(notes(), ElementsAre("a0", "a1: client_gone"));
}

TEST_F(ExecutorTest, WhatWaitsWhenItStopsIsRefused) {
    Executor executor(clock_, {.running_max = 1});
    hold(executor, "a0");
    ASSERT_TRUE(executor.submit(task("a1")).has_value());
    release();
    executor.stop();
    const auto late = executor.submit(task("a2"));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, Code::kUnavailable);
    // Its turn may have come before the end.
    EXPECT_THAT(notes(), testing::AnyOf(ElementsAre("a0", "a1"), ElementsAre("a0", "a1: unavailable")));
}

}  // namespace
}  // namespace footfall::query
