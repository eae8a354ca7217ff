#include "base/plain_text.h"

#include <gtest/gtest.h>

#include <string>

namespace footfall {
namespace {

// Every byte at every place of texts around the width of a word, between neighbours on both sides of each bound.
TEST(PlainTextTest, FindsWhatIsNotPlainAtEveryPlace) {
    for (std::size_t size = 1; size <= 25; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            for (int code = 0; code < 256; ++code) {
                for (const char neighbour : {' ', '!', '~', '\x80', '\xff', 'a'}) {
                    std::string text(size, neighbour);
                    text[at] = static_cast<char>(code);
                    const bool is_control = code < 0x20 || code == 0x7f;
                    ASSERT_EQ(is_plain(text), !is_control) << size << ' ' << at << ' ' << code;
                    ASSERT_EQ((is_plain<'"', '\\'>(text)), !is_control && code != '"' && code != '\\')
                        << size << ' ' << at << ' ' << code;
                }
            }
        }
    }
    EXPECT_TRUE(is_plain(""));
}

}  // namespace
}  // namespace footfall
