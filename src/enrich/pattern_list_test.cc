#include "enrich/pattern_list.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <random>
#include <string>
#include <vector>

#include "enrich/literal_scanner.h"

namespace footfall::enrich {
namespace {

TEST(LiteralScannerTest, FindsWhatANaiveSearchFinds) {
    std::mt19937 random(7);
    const auto word = [&](std::size_t max) {
        std::string text(random() % (max + 1), 'a');
        for (char& c : text) c = static_cast<char>('a' + random() % 3);
        return text;
    };
    for (int round = 0; round < 300; ++round) {
        std::vector<std::string> literals(random() % 12);
        for (std::string& literal : literals) literal = word(5);
        const std::string text = word(60);
        std::vector<std::pair<std::size_t, std::uint32_t>> expected, found;
        for (std::size_t end = 1; end <= text.size(); ++end)
            for (std::uint32_t i = 0; i < literals.size(); ++i)
                if (!literals[i].empty() && std::string_view(text).substr(0, end).ends_with(literals[i]))
                    expected.emplace_back(end, i);
        LiteralScanner(literals).scan(text,
                                      [&](std::uint32_t number, std::size_t end) { found.emplace_back(end, number); });
        std::sort(found.begin(), found.end());
        EXPECT_EQ(found, expected) << "round " << round << ", text " << text;
    }
}

TEST(PatternListTest, TheFirstPatternInTheListWinsWhateverItsKind) {
    const PatternList list({{"zzz"}, {"ab+c"}, {"abbc"}, {"B(B)C", true}, {"plain\\/text\\."}, {"^$"}});
    EXPECT_EQ(list.first("xxabbcxx")->index, 1u);
    EXPECT_EQ(list.first("xxABBCxx")->index, 3u);
    EXPECT_EQ(list.first("xxABBCxx")->groups[1], "B");
    EXPECT_EQ(list.first("a plain/text. here")->index, 4u);
    EXPECT_EQ(list.first("a plain/text. here")->groups[0], "plain/text.");
    EXPECT_FALSE(list.first("a PLAIN/TEXT. here"));
    EXPECT_FALSE(list.first("a plain/textX here"));
    EXPECT_EQ(list.first("")->index, 5u);
    EXPECT_EQ(list.skipped(), 0u);
}

TEST(PatternListTest, WhatRe2DoesNotKnowIsCountedAndNeverMatches) {
    const PatternList list({{"a(?!b)"}, {"(a)\\1"}, {"a"}});
    EXPECT_EQ(list.skipped(), 2u);
    EXPECT_EQ(list.first("a")->index, 2u);
}

TEST(PatternListTest, AnswersAsTryingOnePatternAfterTheOtherDoes) {
    const std::vector<Pattern> patterns = {{"a+b"},   {"(c|d)e"}, {"f.{0,3}a"}, {"ab"},    {"CD", true},
                                           {"[ab]c"}, {"e$"},     {"^f"},       {"ba\\."}, {"(?:ab|cd|ef)a"}};
    const PatternList list(patterns);
    std::mt19937 random(11);
    for (int round = 0; round < 5'000; ++round) {
        std::string text(random() % 12, ' ');
        for (char& c : text) c = "abcdefCD."[random() % 9];
        std::optional<std::size_t> expected;
        for (std::size_t i = 0; i < patterns.size() && !expected; ++i) {
            RE2::Options options;
            options.set_case_sensitive(!patterns[i].ignore_case);
            if (RE2::PartialMatch(text, RE2(patterns[i].regex, options))) expected = i;
        }
        const auto match = list.first(text);
        EXPECT_EQ(match ? std::optional(match->index) : std::nullopt, expected) << text;
    }
}

}  // namespace
}  // namespace footfall::enrich
