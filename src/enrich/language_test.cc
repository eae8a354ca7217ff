#include "enrich/language.h"

#include <gtest/gtest.h>

#include <string>

namespace footfall::enrich {
namespace {

TEST(LanguageTest, TagsGetTheirUsualCaseAndTheHeaderStandsIn) {
    struct Case {
        std::string sent;
        std::string header;
        std::string expected;
    };
    for (const Case& c : {Case{"de-de", "", "de-DE"},
                          {"de-DE", "", "de-DE"},
                          {"DE", "", "de"},
                          {"zh-hans-cn", "", "zh-Hans-CN"},
                          {"en_US", "", "en-US"},
                          {"es-419", "", "es-419"},
                          {"sr-LATN-rs", "", "sr-Latn-RS"},
                          {"en-us-x-AB", "", "en-US-x-ab"},
                          {"fil", "", "fil"},
                          {"", "fr-ch, fr;q=0.9, en;q=0.8", "fr-CH"},
                          {"", "pt;q=0.5", "pt"},
                          {"", "*", ""},
                          {"", "", ""},
                          {"1x", "it", "it"},
                          {"<script>", "nl-nl", "nl-NL"},
                          {"d", "", ""},
                          {"de-", "", ""},
                          {"-de", "", ""},
                          {"de--de", "", ""},
                          {"a-very-long-tag-that-is-past-the-limit", "", ""},
                          {"abcdefghi", "", ""},
                          {"de-abcdefghi", "", ""}}) {
        event::Arena arena;
        EXPECT_EQ(language_of(c.sent, c.header, arena), c.expected) << c.sent << " | " << c.header;
    }
}

}  // namespace
}  // namespace footfall::enrich
