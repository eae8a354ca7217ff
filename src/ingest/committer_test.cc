#include "ingest/committer.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "ingest/committer_fixture.h"

namespace footfall::ingest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Where = HeldLog::Where;

const Error kFullDisk(Code::kOverloaded, "no space left");
const Error kLostSync(Code::kIo, "fdatasync failed");

class CommitterTest : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(ingestion_.open()); }

    /// Has the committer busy with a group of its own, so that what is submitted now is the next group.
    Answer occupy() {
        ingestion_.log->hold(Where::kBefore);
        Answer answer = ingestion_.submit({{"other", id_of(0xffffffff), "occupied"}});
        EXPECT_TRUE(ingestion_.log->wait_held());
        return answer;
    }
    HeldLog& log() { return *ingestion_.log; }

    TestFolder folder_;
    Ingestion ingestion_{folder_.path()};
};

TEST_F(CommitterTest, AnAnswerComesOnlyWhenTheLogSaysThatTheGroupIsDurable) {
    log().hold(Where::kBefore);
    Answer answer = ingestion_.submit({{"a", id_of(1), "/"}});
    ASSERT_TRUE(log().wait_held());
    EXPECT_FALSE(is_answered(answer)) << "before it is written";
    EXPECT_THAT(ingestion_.stored().pages, IsEmpty());
    log().hold(Where::kBehind);
    ASSERT_TRUE(log().wait_held());
    EXPECT_FALSE(is_answered(answer)) << "before the log has said so";
    log().release();
    EXPECT_EQ(wait(answer), 0u);
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/"));
}

TEST_F(CommitterTest, WhatHasWaitedTooLongIsRefusedUntriedAndTheRestOfItsGroupIsTaken) {
    Ingestion impatient(folder_.path() + "/impatient", {.wait_ns_max = 1'000'000'000});
    ASSERT_TRUE(impatient.open());
    impatient.log->hold(Where::kBefore);
    Answer busy = impatient.submit({{"a", id_of(1), "busy"}});
    ASSERT_TRUE(impatient.log->wait_held());
    Answer late = impatient.submit({{"a", id_of(2), "late"}});
    impatient.clock.advance_ms(1'001);
    Answer in_time = impatient.submit({{"a", id_of(3), "in time"}});
    impatient.log->release();
    EXPECT_EQ(wait(busy), 0u);
    EXPECT_EQ(wait(in_time), 0u);
    const auto refused = wait(late);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kOverloaded);
    Answer again = impatient.submit({{"a", id_of(2), "again"}});
    EXPECT_EQ(wait(again), 0u) << "it left no trace";
    EXPECT_THAT(impatient.stored().pages, ElementsAre("busy", "in time", "again"));
    EXPECT_THAT(impatient.fatal(), IsEmpty());
}

TEST_F(CommitterTest, TheOrderOfABodyAndOfBodiesIsTheOrderOfTheLog) {
    Answer first = occupy();
    std::vector<std::string> expected = {"occupied"};
    std::vector<Answer> answers;
    for (unsigned body = 0; body < 5; ++body) {
        std::vector<Sent> events;
        for (unsigned i = 0; i < 20; ++i) {
            // Of two sites in turn, for neither may be pulled together; every third one has no id of the client's.
            events.push_back(
                {i % 2 == 0 ? "a" : "b", id_of(body * 100 + i), std::to_string(body * 100 + i), i % 3 != 0});
            expected.push_back(events.back().page);
        }
        answers.push_back(ingestion_.submit(events));
    }
    log().release();
    EXPECT_EQ(wait(first), 0u);
    for (Answer& answer : answers) EXPECT_EQ(wait(answer), 0u);
    EXPECT_EQ(log().groups().size(), 2u) << "what waited together is one group";
    EXPECT_EQ(ingestion_.stored().pages, expected);
}

TEST_F(CommitterTest, ACopyInTheSameGroupIsADuplicateAndTheFirstContentWins) {
    Answer first = occupy();
    Answer original =
        ingestion_.submit({{"a", id_of(1), "/original"}, {"a", id_of(2), "/two"}, {"a", id_of(2), "/again"}});
    Answer copy =
        ingestion_.submit({{"a", id_of(1), "/copy"}, {"b", id_of(1), "/other site"}, {"a", id_of(1), "/copy"}});
    log().release();
    EXPECT_EQ(wait(first), 0u);
    EXPECT_EQ(wait(original), 1u);
    EXPECT_EQ(wait(copy), 2u);
    const auto stored = ingestion_.stored();
    EXPECT_THAT(stored.pages, ElementsAre("occupied", "/original", "/two", "/other site"));
    EXPECT_THAT(stored.tallies, ElementsAre(R"({"website_id":"a","duplicates":3,"rejected":{}})"))
        << "one for a site and group";
}

TEST_F(CommitterTest, ACopyThatComesWhileTheFirstIsBeingWrittenWaitsForItAndIsADuplicate) {
    log().hold(Where::kBefore);
    Answer original = ingestion_.submit({{"a", id_of(1), "/original"}});
    ASSERT_TRUE(log().wait_held());
    Answer copy = ingestion_.submit({{"a", id_of(1), "/copy"}});
    log().hold(Where::kBehind);
    ASSERT_TRUE(log().wait_held());
    EXPECT_FALSE(is_answered(copy)) << "the first is not durable yet";
    log().release();
    EXPECT_EQ(wait(original), 0u);
    EXPECT_EQ(wait(copy), 1u);
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/original"));
}

TEST_F(CommitterTest, EventsWithoutAnIdOfTheClientsAreNeverDuplicatesAndTakeNoId) {
    const Uuid id = id_of(1);
    Answer made = ingestion_.submit({{"a", id, "/1", false}, {"a", id, "/2", false}});
    EXPECT_EQ(wait(made), 0u);
    Answer sent = ingestion_.submit({{"a", id, "/3"}});
    EXPECT_EQ(wait(sent), 0u);
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("/1", "/2", "/3"));
}

TEST_F(CommitterTest, R5AFullDiskRefusesTheWholeGroupAndForgetsItsIds) {
    Answer first = occupy();
    Answer original = ingestion_.submit({{"a", id_of(1), "/original"}, {"a", id_of(2), "/two"}});
    Answer copy = ingestion_.submit({{"a", id_of(1), "/copy"}});
    log().hold(Where::kBefore);
    ASSERT_TRUE(log().wait_held());
    EXPECT_EQ(wait(first), 0u);
    Answer behind = ingestion_.submit({{"a", id_of(1), "/behind"}});
    log().refuse_next(kFullDisk);
    log().release();
    for (Answer* answer : {&original, &copy}) {
        const auto told = wait(*answer);
        ASSERT_FALSE(told);
        EXPECT_EQ(told.error().code, Code::kOverloaded);
    }
    EXPECT_EQ(wait(behind), 0u) << "the group before it is not there, so it is the first";
    EXPECT_THAT(ingestion_.fatal(), IsEmpty());
    EXPECT_FALSE(ingestion_.committer->is_full());
    Answer again = ingestion_.submit({{"a", id_of(1), "/late copy"}, {"a", id_of(2), "/two"}});
    EXPECT_EQ(wait(again), 1u);
    EXPECT_THAT(ingestion_.stored().pages, ElementsAre("occupied", "/behind", "/two"));
}

TEST_F(CommitterTest, R5AfterAnErrorThatEndsTheLogAllWaitersGetItAndTheProcessIsToldOnce) {
    log().hold(Where::kBefore);
    Answer original = ingestion_.submit({{"a", id_of(1), "/original"}});
    ASSERT_TRUE(log().wait_held());
    std::vector<Answer> behind;
    for (int i = 0; i < 3; ++i) behind.push_back(ingestion_.submit({{"a", id_of(1), "/behind"}}));
    log().refuse_next(kLostSync);
    log().release();
    EXPECT_EQ(wait(original).error().code, Code::kIo);
    for (Answer& answer : behind) EXPECT_EQ(wait(answer).error().code, Code::kUnavailable);
    EXPECT_EQ(log().groups().size(), 1u) << "nothing was tried again";
    EXPECT_TRUE(ingestion_.committer->is_full());
    EXPECT_FALSE(ingestion_.offer(ingestion_.make({{"a", id_of(2), "/late"}})));
    ingestion_.committer->stop();
    EXPECT_EQ(ingestion_.fatal().size(), 1u);
    EXPECT_THAT(ingestion_.stored().pages, IsEmpty());
}

TEST_F(CommitterTest, AnIndexThatCannotSayEndsTheProcessInsteadOfGuessing) {
    ingestion_.close();
    Ingestion damaged(folder_.path(), {}, {.directory = {}, .memory_max = 1, .flush_ids = 64});
    ASSERT_TRUE(damaged.open());
    std::vector<Sent> body;
    for (unsigned i = 0; i < 64; ++i) body.push_back({"a", id_of(i), "/"});
    Answer filled = damaged.submit(body);
    EXPECT_EQ(wait(filled), 0u);
    damaged.committer->stop();
    ASSERT_TRUE(damaged.dedup->settle(30'000));
    damaged.close();
    bool has_run = false;
    const auto names = list_directory(folder_ / "dedup").value();
    for (const std::string& name : names) {
        if (!name.ends_with(".run")) continue;
        // The second block of 4,096 bytes holds the records; the filter in front of it stays whole.
        const auto file = File::open(folder_ / "dedup/" + name, O_WRONLY);
        ASSERT_TRUE(file);
        ASSERT_TRUE(file->write_at(std::string(512, '\x5a'), 4096 + 64));
        has_run = true;
    }
    ASSERT_TRUE(has_run) << "the index wrote no run, so the test would damage nothing";
    ASSERT_TRUE(damaged.open());
    Answer answer = damaged.submit(body);
    const auto told = wait(answer);
    ASSERT_FALSE(told) << "damage was taken for 'not seen'";
    EXPECT_EQ(told.error().code, Code::kCorrupt);
    damaged.committer->stop();
    EXPECT_EQ(damaged.fatal().size(), 1u);
    EXPECT_EQ(damaged.stored().pages.size(), 64u);
}

TEST_F(CommitterTest, TalliesAreSummedByTheSiteAndStandBehindTheGroupsEvents) {
    Answer first = occupy();
    Answer one = ingestion_.submit({{"a", id_of(1), "/1"}, {"a", id_of(1), "/1"}},
                                   {{.website_id = "a", .rejected = {{"missing", 2}}},
                                    {.website_id = "", .rejected = {{"unknown", 1}, {"forbidden", 4}}}});
    Answer two =
        ingestion_.submit({{"b", id_of(2), "/2"}}, {{.website_id = "a", .rejected = {{"invalid", 1}, {"missing", 1}}},
                                                    {.website_id = "", .rejected = {{"unknown", 5}}}});
    log().release();
    EXPECT_EQ(wait(first), 0u);
    EXPECT_EQ(wait(one), 1u);
    EXPECT_EQ(wait(two), 0u);
    ASSERT_EQ(log().groups().size(), 2u);
    const auto group = log().groups()[1];
    ASSERT_EQ(group.size(), 4u);
    EXPECT_EQ(group[2],
              R"({"website_id":"","duplicates":0,"rejected":{"forbidden":4,"unknown":6},"received_at":1795500000000})");
    EXPECT_EQ(group[3],
              R"({"website_id":"a","duplicates":1,"rejected":{"invalid":1,"missing":3},"received_at":1795500000000})");
}

TEST_F(CommitterTest, ABodyOfRejectionsAloneIsDurableBeforeItsAnswerToo) {
    log().hold(Where::kBehind);
    Answer answer = ingestion_.submit({}, {{.website_id = "a", .rejected = {{"missing", 3}}}});
    ASSERT_TRUE(log().wait_held());
    EXPECT_FALSE(is_answered(answer));
    log().release();
    EXPECT_EQ(wait(answer), 0u);
    EXPECT_THAT(
        ingestion_.stored().tallies,
        ElementsAre(R"({"website_id":"a","duplicates":0,"rejected":{"missing":3},"received_at":1795500000000})"));
}

TEST_F(CommitterTest, StopAnswersEverythingThatWasTakenAndRefusesTheRest) {
    Answer first = occupy();
    std::vector<Answer> taken;
    for (unsigned i = 0; i < 10; ++i) taken.push_back(ingestion_.submit({{"a", id_of(i), std::to_string(i)}}));
    std::thread stopper([this] { ingestion_.committer->stop(); });
    // It is stopping as soon as it refuses; what it took until then counts.
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    for (unsigned i = 10; std::chrono::steady_clock::now() < deadline; ++i) {
        auto answer = ingestion_.offer(ingestion_.make({{"a", id_of(i), std::to_string(i)}}));
        if (!answer) break;
        taken.push_back(std::move(*answer));
        std::this_thread::yield();
    }
    EXPECT_FALSE(is_answered(taken.front()));
    log().release();
    stopper.join();
    EXPECT_TRUE(is_answered(first));
    for (Answer& answer : taken) {
        ASSERT_TRUE(is_answered(answer)) << "stop() has returned";
        EXPECT_EQ(wait(answer), 0u);
    }
    EXPECT_EQ(ingestion_.stored().pages.size(), 1 + taken.size());
    EXPECT_FALSE(ingestion_.offer(ingestion_.make({{"a", id_of(1), "/"}})));
    ingestion_.committer->stop();
}

TEST(CommitterLimitsTest, TheQueueRefusesBeyondItsBytesAndTakesAgainWhenTheyAreDurable) {
    const TestFolder folder;
    Ingestion ingestion(folder.path(), {.queue_bytes_max = 20'000});
    ASSERT_TRUE(ingestion.open());
    ingestion.log->hold(Where::kBefore);
    std::vector<Answer> taken;
    std::size_t bytes = 0;
    std::size_t largest = 0;
    for (unsigned i = 0; i < 1000; ++i) {
        auto submission = ingestion.make({{"a", id_of(i), std::string(100 * (i % 7), 'p')}});
        const std::size_t size = submission->bytes();
        auto answer = ingestion.offer(std::move(submission));
        if (!answer) break;
        largest = std::max(largest, size);
        bytes += size;
        taken.push_back(std::move(*answer));
        ASSERT_EQ(ingestion.committer->queued_bytes(), bytes) << "what is being written counts until it is answered";
    }
    EXPECT_TRUE(ingestion.committer->is_full());
    EXPECT_GE(bytes, 20'000u);
    EXPECT_LT(bytes, 20'000u + largest);
    EXPECT_FALSE(ingestion.offer(ingestion.make({{"a", id_of(2000), "/"}})));
    ingestion.log->release();
    for (Answer& answer : taken) EXPECT_EQ(wait(answer), 0u);
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (ingestion.committer->queued_bytes() > 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_EQ(ingestion.committer->queued_bytes(), 0u);
    Answer after = ingestion.submit({{"a", id_of(3000), "/"}});
    EXPECT_EQ(wait(after), 0u);
    EXPECT_EQ(ingestion.stored().pages.size(), taken.size() + 1);
}

TEST(CommitterLimitsTest, AGroupEndsBeforeItsBytesAndOneThatIsLargerGoesAlone) {
    const TestFolder folder;
    Ingestion ingestion(folder.path(), {.group_bytes_max = 10'000});
    ASSERT_TRUE(ingestion.open());
    ingestion.log->hold(Where::kBefore);
    Answer first = ingestion.submit({{"other", id_of(9999), "occupied"}});
    ASSERT_TRUE(ingestion.log->wait_held());
    // The sizes of what waits, and the groups that they make.
    std::vector<std::vector<std::string>> expected = {{"occupied"}};
    std::vector<Answer> answers;
    std::size_t group_bytes = 10'001;
    for (unsigned i = 0; i < 40; ++i) {
        const std::string page = std::to_string(i) + std::string(i % 10 == 7 ? 12'000 : 137 * (i % 13), 'p');
        auto submission = ingestion.make({{"a", id_of(i), page}});
        const std::size_t size = submission->bytes();
        if (group_bytes + size > 10'000) {
            expected.emplace_back();
            group_bytes = 0;
        }
        group_bytes += size;
        expected.back().push_back(page);
        auto answer = ingestion.offer(std::move(submission));
        ASSERT_TRUE(answer);
        answers.push_back(std::move(*answer));
    }
    ingestion.log->release();
    EXPECT_EQ(wait(first), 0u);
    for (Answer& answer : answers) EXPECT_EQ(wait(answer), 0u);
    std::vector<std::vector<std::string>> groups;
    event::RecordReader records;
    for (const auto& group : ingestion.log->groups()) {
        groups.emplace_back();
        for (const std::string& record : group) groups.back().emplace_back(records.read(record).value().page);
    }
    EXPECT_EQ(groups, expected);
    EXPECT_GT(groups.size(), 8u);
    EXPECT_LT(groups.size(), 35u);
}

TEST(TallyTest, IsWrittenAsOneObjectWithEscapedNames) {
    const Submission::Tally tally{.website_id = "s\"\n\\",
                                  .duplicates = 18'446'744'073'709'551'615u,
                                  .rejected = {{"wrong_type", 2}, {"missing", 1}},
                                  .received_at = 7};
    EXPECT_EQ(
        write_tally(tally),
        R"({"website_id":"s\"\n\\","duplicates":18446744073709551615,"rejected":{"missing":1,"wrong_type":2},"received_at":7})");
    EXPECT_EQ(write_tally({}), R"({"website_id":"","duplicates":0,"rejected":{}})");
}

// Failpoints are read from the environment at their first use, so what is done under one runs in a process of its own
// ("threadsafe" death tests start the binary anew, in the same folder).
class CommitterFaultTest : public testing::Test {
protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        (void)failpoint("committer.none");  // in this process before they are armed, in the one that dies after
    }
    void arm(const std::string& failpoints) { ::setenv("FOOTFALL_FAILPOINTS", failpoints.c_str(), 1); }
    void TearDown() override { ::unsetenv("FOOTFALL_FAILPOINTS"); }

    TestFolder folder_;
};

/// How often each of the ids 1 … `count` stands in the log after it was sent once more, and what was answered then.
struct AfterRetry {
    std::vector<int> copies;
    std::vector<std::uint64_t> duplicates;
};
AfterRetry send_again(const std::string& folder, unsigned count) {
    Ingestion ingestion(folder);
    AfterRetry out;
    if (!ingestion.open()) return out;
    for (unsigned i = 1; i <= count; ++i) {
        Answer answer = ingestion.submit({{"a", id_of(i), "/again"}});
        const auto told = wait(answer);
        EXPECT_TRUE(told) << told.error().message;
        out.duplicates.push_back(told.value_or(99));
    }
    const auto stored = ingestion.stored();
    for (unsigned i = 1; i <= count; ++i) {
        const auto found = stored.copies.find({"a", id_of(i).text()});
        out.copies.push_back(found == stored.copies.end() ? 0 : found->second);
    }
    return out;
}

[[noreturn]] void lose_the_third_sync(const std::string& folder) {
    {
        Ingestion ingestion(folder);
        if (!ingestion.open()) std::_Exit(2);
        Answer first = ingestion.submit({{"a", id_of(1), "/1"}});
        EXPECT_EQ(wait(first), 0u);
        ingestion.log->hold(Where::kBefore);
        Answer second = ingestion.submit({{"a", id_of(2), "/2"}});
        EXPECT_TRUE(ingestion.log->wait_held());
        std::vector<Answer> waiters;
        waiters.push_back(ingestion.submit({{"a", id_of(3), "/3"}, {"a", id_of(1), "/copy of a durable one"}}));
        waiters.push_back(ingestion.submit({{"a", id_of(3), "/copy of a pending one"}}));
        waiters.push_back(ingestion.submit({}, {{.website_id = "a", .rejected = {{"missing", 1}}}}));
        ingestion.log->hold(Where::kBefore);
        EXPECT_TRUE(ingestion.log->wait_held());
        EXPECT_EQ(wait(second), 0u);
        Answer behind = ingestion.submit({{"a", id_of(4), "/4"}});
        ingestion.log->release();
        for (Answer& answer : waiters) {
            const auto told = wait(answer);
            EXPECT_FALSE(told) << "acknowledged without a sync";
            if (!told) {
                EXPECT_EQ(told.error().code, Code::kIo);
            }
        }
        EXPECT_EQ(wait(behind).error().code, Code::kUnavailable);
        EXPECT_THAT(ingestion.stored().pages, ElementsAre("/1", "/2")) << "what failed is visible";
        EXPECT_EQ(ingestion.log->end().offset, 2u);
        ingestion.committer->stop();
        EXPECT_EQ(ingestion.fatal().size(), 1u);
    }
    std::_Exit(testing::Test::HasFailure() ? 1 : 0);
}

TEST_F(CommitterFaultTest, R5AfterAFailedSyncEveryWaiterGetsTheErrorAndNothingOfItIsVisible) {
    arm("log.sync=error@3");
    EXPECT_EXIT(lose_the_third_sync(folder_.path()), testing::ExitedWithCode(0), "log.failed");
    ::unsetenv("FOOTFALL_FAILPOINTS");
    // Whether the group in doubt is on the disk is not known; whoever sends it again makes it exactly one.
    const AfterRetry after = send_again(folder_.path(), 4);
    EXPECT_THAT(after.copies, ElementsAre(1, 1, 1, 1));
    EXPECT_THAT(after.duplicates, ElementsAre(1, 1, testing::Le(1), 0));
}

[[noreturn]] void send_three(const std::string& folder) {
    {
        Ingestion ingestion(folder);
        if (!ingestion.open()) std::_Exit(2);
        for (unsigned i = 1; i <= 3; ++i) {
            Answer answer = ingestion.submit({{"a", id_of(i), "/"}, {"a", id_of(i), "/copy"}});
            const auto told = wait(answer);
            std::cerr << (told ? "acknowledged " : "refused ") << i << ";";
            EXPECT_EQ(told ? *told : 1, 1u);
            EXPECT_EQ(told ? Code::kOverloaded : told.error().code, Code::kOverloaded);
        }
        EXPECT_THAT(ingestion.fatal(), IsEmpty());
    }
    std::_Exit(testing::Test::HasFailure() ? 1 : 0);
}

class CommitterWriteFaultTest : public CommitterFaultTest, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Points, CommitterWriteFaultTest, testing::Values("log.before_write", "log.after_write"));

TEST_P(CommitterWriteFaultTest, R4AFailedWriteRefusesItsGroupAloneAndTheRetryIsNoDuplicate) {
    arm(std::string(GetParam()) + "=error@2");
    EXPECT_EXIT(send_three(folder_.path()), testing::ExitedWithCode(0), "acknowledged 1;refused 2;acknowledged 3;");
    ::unsetenv("FOOTFALL_FAILPOINTS");
    const AfterRetry after = send_again(folder_.path(), 3);
    EXPECT_THAT(after.copies, ElementsAre(1, 1, 1));
    EXPECT_THAT(after.duplicates, ElementsAre(1, 0, 1));
}

class CommitterDeathTest : public CommitterFaultTest, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Points, CommitterDeathTest,
                         testing::Values("log.before_write", "log.after_write", "log.sync", "log.after_sync"));

TEST_P(CommitterDeathTest, R2DeathAroundTheSyncLosesNothingAcknowledgedAndTheRetryCountsOnce) {
    arm(std::string(GetParam()) + "=abort@2");
    EXPECT_EXIT(send_three(folder_.path()), testing::KilledBySignal(SIGKILL), "acknowledged 1;$");
    ::unsetenv("FOOTFALL_FAILPOINTS");
    const AfterRetry after = send_again(folder_.path(), 3);
    EXPECT_THAT(after.copies, ElementsAre(1, 1, 1));
    EXPECT_THAT(after.duplicates, ElementsAre(1, testing::Le(1), 0));
}

}  // namespace
}  // namespace footfall::ingest
