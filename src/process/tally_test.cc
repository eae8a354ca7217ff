#include "process/tally.h"

#include <gtest/gtest.h>

namespace footfall::process {
namespace {

TEST(TallyTest, IsReadAsTheCommitterWritesIt) {
    const auto tally = read_tally(
        R"({"website_id":"s\"\n\\","duplicates":18446744073709551615,"rejected":{"missing":1,"wrong_type":2}})");
    ASSERT_TRUE(tally) << tally.error().message;
    EXPECT_EQ(tally->website_id, "s\"\n\\");
    EXPECT_EQ(tally->duplicates, 18'446'744'073'709'551'615u);
    EXPECT_EQ(tally->rejected, (std::map<std::string, std::uint64_t>{{"missing", 1}, {"wrong_type", 2}}));
    EXPECT_EQ(tally->received_at, 0) << "as earlier versions wrote it";
    const auto dated = read_tally(R"({"website_id":"s","duplicates":0,"rejected":{"missing":1},"received_at":17})");
    ASSERT_TRUE(dated) << dated.error().message;
    EXPECT_EQ(dated->received_at, 17);
    const auto empty = read_tally(R"({"website_id":"","duplicates":0,"rejected":{}})");
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->website_id, "");
    EXPECT_TRUE(empty->rejected.empty());
}

TEST(TallyTest, AnythingElseIsDamageAndNeverZero) {
    for (const char* wrong : {
             "",
             "{",
             "[]",
             "null",
             "{}",
             R"({"duplicates":0,"rejected":{}})",
             R"({"website_id":"a","rejected":{}})",
             R"({"website_id":"a","duplicates":0})",
             R"({"website_id":7,"duplicates":0,"rejected":{}})",
             R"({"website_id":"a","duplicates":"0","rejected":{}})",
             R"({"website_id":"a","duplicates":-1,"rejected":{}})",
             R"({"website_id":"a","duplicates":1.5,"rejected":{}})",
             R"({"website_id":"a","duplicates":0,"rejected":[]})",
             R"({"website_id":"a","duplicates":0,"rejected":{"missing":"1"}})",
             R"({"website_id":"a","duplicates":0,"rejected":{"missing":-1}})",
             R"({"website_id":"a","duplicates":18446744073709551616,"rejected":{}})",
             R"({"website_id":"a","duplicates":0,"rejected":{}} x)",
             "\xff",
         }) {
        const auto tally = read_tally(wrong);
        ASSERT_FALSE(tally) << wrong;
        EXPECT_EQ(tally.error().code, Code::kCorrupt);
    }
}

}  // namespace
}  // namespace footfall::process
