#include "enrich/text.h"

#include <gtest/gtest.h>

#include <string>

namespace footfall::enrich {
namespace {

TEST(TextTest, FormValuesAreDecodedToPrintableText) {
    struct Case {
        std::string_view encoded;
        std::string_view expected;
    };
    for (const Case& c : {Case{"spring+sale", "spring sale"},
                          {"a%20b", "a b"},
                          {"%C3%BCber",
                           "\xc3\xbc"
                           "ber"},
                          {"100%", "100%"},
                          {"%zz%4", "%zz%4"},
                          {"%41%", "A%"},
                          {"a%00b%0ac", "abc"},
                          {"%FF%FEok", "ok"},
                          {"%C3", ""},
                          {"++x++", "x"},
                          {"", ""},
                          {"plain", "plain"},
                          {"caf\xc3\xa9", "caf\xc3\xa9"},
                          {"tab\there", "tabhere"}}) {
        event::Arena arena;
        EXPECT_EQ(decode_form(c.encoded, 200, arena), c.expected) << c.encoded;
    }
}

TEST(TextTest, CuttingNeverSplitsACharacter) {
    EXPECT_EQ(cut_text("\xc3\xa4\xc3\xb6", 3), "\xc3\xa4");
    EXPECT_EQ(cut_text("\xf0\x9f\x98\x80", 3), "");
    EXPECT_EQ(cut_text("abc", 3), "abc");
    EXPECT_EQ(cut_text("abcd", 3), "abc");
    event::Arena arena;
    EXPECT_EQ(decode_form("%C3%A4%C3%A4", 3, arena), "\xc3\xa4");
}

}  // namespace
}  // namespace footfall::enrich
