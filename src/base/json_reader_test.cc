#include "base/json_reader.h"

#include <gtest/gtest.h>

#include <limits>

namespace footfall::json {
namespace {

using simdjson::dom::element;

Result<element> read(Reader& reader, std::string_view body) { return reader.read(body, Reader::Padding::kAbsent); }

TEST(JsonReaderTest, NumbersBeyond64BitsAreDoublesAndBeyondADoubleTheLargestOne) {
    constexpr double kLargest = std::numeric_limits<double>::max();
    const std::pair<const char*, double> cases[] = {
        {"100000000000000000000", 1e20},
        {"18446744073709551616", 18446744073709551616.0},
        {"18446744073709552000", 18446744073709552000.0},
        {"-9223372036854775809", -9223372036854775809.0},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"1e400", kLargest},
        {"-1E+400", -kLargest},
        {"1.7976931348623159e308", kLargest},
        {"1e99999999999999999999", kLargest},
        {"1e-99999999999999999999", 0},
        {"0e400", 0},
    };
    Reader reader;
    for (const auto& [text, expected] : cases) {
        // Beside one that has to be mended, so that those which need not be are seen to be left alone.
        const auto root = read(reader, "[1e999," + std::string(text) + "]");
        ASSERT_TRUE(root) << text << ": " << root.error().message;
        double value = 1;
        ASSERT_EQ(root->at(1).get(value), simdjson::SUCCESS) << text;
        EXPECT_EQ(value, expected) << text;
    }
    const std::string digits(400, '1');
    EXPECT_EQ(double(read(reader, "[" + digits + "]")->at(0)), kLargest);
    EXPECT_EQ(double(read(reader, "[" + digits + "e-399]")->at(0)), 1.1111111111111111);
}

TEST(JsonReaderTest, WhatSimdjsonReadsAloneIsLeftAsItIsBesideWhatItDoesNot) {
    for (const char* text :
         {"18446744073709551615", "-9223372036854775808", "9007199254740993", "-0", "0.1", "1e20", "true", "null",
          R"("1e400 \"100000000000000000000")", R"("\ud83d\ude00\\ud83d\u00e9\n")", R"({"a":[-1.5E-3, {}]})"}) {
        EXPECT_EQ(mend(text), text);
        const std::string beside = "[1e400, \"\\ud800\",\n" + std::string(text) + "]";
        EXPECT_EQ(mend(beside), "[1.7976931348623157e308, \"\\ufffd\",\n" + std::string(text) + "]");
    }
}

TEST(JsonReaderTest, HalvesOfSurrogatePairsAreReplacementCharacters) {
    const std::pair<const char*, const char*> cases[] = {
        {R"("a\ud83d")", "a\ufffd"},
        {R"("\uDC00b")", "\ufffdb"},
        {R"("\ud83d\ud83d\ude00")", "\ufffd\U0001f600"},
        {R"("\ude00\ud83d")", "\ufffd\ufffd"},
        {R"("\ud83d\u0041")", "\ufffdA"},
        {R"("\ud83d\\ude00")", "\ufffd\\ude00"},
        {R"("\\\ud83d")", "\\\ufffd"},
        {R"("\ud83d\"")", "\ufffd\""},
    };
    Reader reader;
    for (const auto& [text, expected] : cases) {
        const auto root = read(reader, text);
        ASSERT_TRUE(root) << text << ": " << root.error().message;
        EXPECT_EQ(std::string_view(*root), expected) << text;
    }
    EXPECT_EQ(std::string_view((*read(reader, R"({"\ud83d":"x"})"))["\ufffd"]), "x");
}

TEST(JsonReaderTest, WhatIsNoJsonIsRefusedAlsoBesideWhatIsMended) {
    Reader reader;
    for (const char* wrong : {"01",
                              "-01",
                              "1.",
                              "+1",
                              ".5",
                              "-",
                              "1e",
                              "1e+",
                              "1.e400",
                              "+1e400",
                              ".5e400",
                              "01e400",
                              "0100000000000000000000",
                              "100000000000000000000x",
                              "1e400true",
                              "1e400\"a\"",
                              "Infinity",
                              "NaN",
                              "1e4 00 0",
                              "\"\\ud83d",
                              "\"\\ud83\"",
                              "\"\\ud83x\"",
                              "\"\\ud83d\\\"",
                              "\"\\x\"",
                              "\"\\",
                              "\"\xff\"",
                              "\"a\nb\"",
                              "\"\\ud83d\" 1",
                              ""})
        for (const char* beside : {"1", "1e400", "100000000000000000000", "\"\\ud83d\""}) {
            const auto root = read(reader, "[" + std::string(beside) + "," + wrong + "]");
            ASSERT_FALSE(root) << wrong << " beside " << beside;
            EXPECT_EQ(root.error().code, Code::kInvalidArgument);
            EXPECT_TRUE(root.error().message.starts_with("the body is not valid UTF-8 JSON: ")) << root.error().message;
        }
}

TEST(JsonReaderTest, TheBoundOfNestingIsNamed) {
    Reader reader;
    const auto nested = [](std::size_t levels, const std::string& innermost) {
        return std::string(levels, '[') + innermost + std::string(levels, ']');
    };
    EXPECT_TRUE(read(reader, nested(Reader::kLevelsMax, "1")));
    EXPECT_TRUE(read(reader, nested(Reader::kLevelsMax, "1e400")));
    for (const char* innermost : {"1", "1e400"}) {
        const auto root = read(reader, nested(Reader::kLevelsMax + 1, innermost));
        ASSERT_FALSE(root);
        EXPECT_EQ(root.error().message, "the body is nested too deeply; at most 1023 levels are read");
    }
}

TEST(JsonReaderTest, AReaderIsFitForTheNextBodyWhateverTheLastOneWas) {
    const std::pair<const char*, bool> cases[] = {
        {"[1e400]", true}, {"[01]", false}, {"[\"\\ud83d\"]", true}, {"", false}};
    Reader reader;
    for (const auto& [body, is_json] : cases) {
        EXPECT_EQ(read(reader, body).has_value(), is_json) << body;
        EXPECT_EQ(std::int64_t(read(reader, "[7]")->at(0)), 7) << body;
    }
}

}  // namespace
}  // namespace footfall::json
