#include "query/kept_answer.h"

#include <gtest/gtest.h>

namespace footfall::query {
namespace {

AnswerCache::Kept sample() {
    AnswerCache::Kept kept;
    kept.source = "events";
    kept.sample_rate = 0.1;
    kept.answer.rows_read = 1'000'000;
    kept.answer.bytes_read = 77;
    kept.answer.columns = {{"page", "String"}, {"pageviews", "UInt64"}, {"bounce_rate", "Nullable(Float64)"}};
    kept.answer.rows = {{std::string("/a\0b\n", 5), std::uint64_t{18'446'744'073'709'551'615u}, std::monostate()},
                        {std::string(), std::int64_t{-5}, 0.25},
                        {std::string("Größe"), true, false},
                        {}};
    return kept;
}

TEST(KeptAnswerTest, ComesBackAsItWas) {
    const auto kept = sample();
    const auto back = decode_kept(encode_kept(kept));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->source, kept.source);
    EXPECT_EQ(back->sample_rate, kept.sample_rate);
    EXPECT_EQ(back->answer.rows_read, kept.answer.rows_read);
    EXPECT_EQ(back->answer.rows, kept.answer.rows);
    ASSERT_EQ(back->answer.columns.size(), 3u);
    EXPECT_EQ(back->answer.columns[2].type, "Nullable(Float64)");
}

TEST(KeptAnswerTest, BytesThatAreCutOrDamagedAreNoAnswer) {
    const std::string whole = encode_kept(sample());
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode_kept(whole.substr(0, size))) << size;
    EXPECT_FALSE(decode_kept(whole + "x"));
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x80);
        (void)decode_kept(damaged);  // whatever it is, it ends and asks for little memory
    }
}

}  // namespace
}  // namespace footfall::query
