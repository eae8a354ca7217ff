#include "store/local/object_folder.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"

namespace footfall::store {
namespace {

TEST(ObjectFolderTest, OneProcessWritesAtATime) {
    const TestFolder folder;
    const auto first = ObjectFolder::open(folder / "objects");
    ASSERT_TRUE(first);
    EXPECT_EQ(ObjectFolder::open(folder / "objects", 0).error().code, Code::kConflict);
}

TEST(ObjectFolderTest, WhatADeathLeftHalfWrittenIsNoObjectAndGoesAtTheNextStart) {
    const TestFolder folder;
    {
        const auto objects = ObjectFolder::open(folder / "objects");
        ASSERT_TRUE(objects);
        ASSERT_TRUE((*objects)->put("a/b", "1"));
        ASSERT_TRUE(write_file_atomically(folder / "objects/a/.c.tmp", "half"));
        EXPECT_EQ((*objects)->list("").value().size(), 1u);
    }
    const auto again = ObjectFolder::open(folder / "objects");
    ASSERT_TRUE(again);
    EXPECT_FALSE(path_exists(folder / "objects/a/.c.tmp"));
    EXPECT_EQ((*again)->get("a/b").value(), "1");
}

class ObjectFolderDeathTest : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Points, ObjectFolderDeathTest, testing::Values("objects.written", "objects.renamed"));

TEST_P(ObjectFolderDeathTest, R2ADeathAmidAPutLeavesTheFormerObjectOrTheNewOneWhole) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    const TestFolder folder;
    const std::string former(100'000, 'a');
    const std::string later(200'000, 'b');
    ::setenv("FOOTFALL_FAILPOINTS", (std::string(GetParam()) + "=abort@2").c_str(), 1);
    const auto put_twice = [&] {
        auto objects = ObjectFolder::open(folder / "objects");
        if (objects && (*objects)->put("x/y", former)) (void)(*objects)->put("x/y", later).has_value();
        std::_Exit(1);
    };
    EXPECT_EXIT(put_twice(), testing::KilledBySignal(SIGKILL), "");
    ::unsetenv("FOOTFALL_FAILPOINTS");
    const auto objects = ObjectFolder::open(folder / "objects");
    ASSERT_TRUE(objects);
    const bool is_renamed = std::string_view(GetParam()) == "objects.renamed";
    EXPECT_EQ((*objects)->get("x/y").value(), is_renamed ? later : former);
    EXPECT_EQ((*objects)->list("").value().size(), 1u);
}

TEST(ObjectFolderTest, APutWithoutRoomLeavesNothingAndTheFormerObjectStays) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    const TestFolder folder;
    ::setenv("FOOTFALL_FAILPOINTS", "objects.written=error@2", 1);
    const auto put_thrice = [&] {
        auto objects = ObjectFolder::open(folder / "objects");
        if (!objects || !(*objects)->put("x/y", "1")) std::_Exit(1);
        const Status second = (*objects)->put("x/y", "2");
        if (second || second.error().code != Code::kOverloaded) std::_Exit(2);
        if ((*objects)->get("x/y").value_or("") != "1") std::_Exit(3);
        std::_Exit((*objects)->put("x/z", "3") ? 0 : 4);
    };
    EXPECT_EXIT(put_thrice(), testing::ExitedWithCode(0), "");
    ::unsetenv("FOOTFALL_FAILPOINTS");
}

}  // namespace
}  // namespace footfall::store
