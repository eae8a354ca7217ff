#include "demo/journal.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace footfall::demo {
namespace {

const Day kDay(2026, 11, 24);

TEST(JournalTest, KnowsAfterAnotherStartWhatWasSent) {
    const std::string path = testing::TempDir() + "demo_journal";
    ASSERT_TRUE(remove_file(path));
    {
        auto journal = Journal::open(path, kDay - 29);
        ASSERT_TRUE(journal) << journal.error().message;
        EXPECT_EQ(journal->sent_until(kDay), 0);
        ASSERT_TRUE(journal->note(kDay, 1'795'500'000'000, kDay - 30));
        ASSERT_TRUE(journal->note(kDay - 1, 1'795'400'000'000, kDay - 30));
        ASSERT_TRUE(journal->note(kDay, 1'795'500'060'000, kDay - 30));
    }
    auto again = Journal::open(path, kDay);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->first_day(), kDay - 29) << "the first day stays that of the first start";
    EXPECT_EQ(again->sent_until(kDay), 1'795'500'060'000);
    EXPECT_EQ(again->sent_until(kDay - 1), 1'795'400'000'000);
    EXPECT_EQ(again->sent_until(kDay - 2), 0);

    ASSERT_TRUE(again->note(kDay + 1, 1'795'600'000'000, kDay));
    const auto later = Journal::open(path, kDay);
    EXPECT_EQ(later->sent_until(kDay - 1), 0) << "too old to be asked for";
    EXPECT_EQ(later->sent_until(kDay), 1'795'500'060'000);
}

TEST(JournalTest, WithoutAFileNothingIsKept) {
    auto journal = Journal::open("", kDay);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->note(kDay, 5, kDay));
    EXPECT_EQ(journal->sent_until(kDay), 5);
}

TEST(JournalTest, AFileThatIsNoJournalIsAnErrorThatSaysWhatToDo) {
    const std::string path = testing::TempDir() + "demo_journal_broken";
    for (const char* content :
         {"", "something else\n", "footfall-demo 1\n", "footfall-demo 1\n2026-11-24\n2026-11-24\n",
          "footfall-demo 1\n2026-11-24\n2026/11/24 5\n", "footfall-demo 1\n2026-11-24\n2026-11-24 x\n"}) {
        ASSERT_TRUE(write_file_atomically(path, content));
        const auto journal = Journal::open(path, kDay);
        ASSERT_FALSE(journal) << content;
        EXPECT_EQ(journal.error().code, Code::kCorrupt);
        EXPECT_NE(journal.error().message.find("remove it"), std::string::npos);
    }
}

}  // namespace
}  // namespace footfall::demo
