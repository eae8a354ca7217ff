#include "enrich/screen.h"

#include <gtest/gtest.h>

namespace footfall::enrich {
namespace {

TEST(ScreenTest, TheViewportsWidthDecidesAndTheScreensWhereThereIsNone) {
    struct Case {
        const char* viewport;
        const char* screen;
        const char* expected;
    };
    for (const Case& c : {Case{"575x900", "1920x1080", "mobile"},
                          {"576x900", "", "tablet"},
                          {"991x1", "", "tablet"},
                          {"992x600", "", "laptop"},
                          {"1439x600", "", "laptop"},
                          {"1440x900", "", "desktop"},
                          {"3840x2160", "", "desktop"},
                          {"", "390x844", "mobile"},
                          {"", "", ""},
                          {"wide", "1024x768", "laptop"},
                          {"0x0", "1024x768", "laptop"},
                          {"1200", "", ""},
                          {"1200x", "", ""},
                          {"1200x800px", "", ""},
                          {"-5x5", "", ""},
                          {"99999999999x1", "", ""},
                          {"x5", "", ""},
                          {"390X844", "", "mobile"}}) {
        EXPECT_EQ(screen_class(c.viewport, c.screen), c.expected) << c.viewport << " " << c.screen;
    }
}

}  // namespace
}  // namespace footfall::enrich
