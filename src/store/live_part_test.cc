// Parts of live numbers: that they add up, that they say so where they can't, and that they survive as text.
#include "store/live_part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace footfall::store {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kNow = 1'795'500'000'000 + 12'345;  // 2026-11-24T06:00:12.345Z
constexpr std::int64_t kThisMinute = kNow / kMinute * kMinute;

LivePart::Minute minute(std::int64_t ago, std::uint64_t pageviews, std::uint64_t visitors, double rate = 1) {
    LivePart::Minute out;
    out.start_ms = kThisMinute - ago * kMinute;
    out.pageviews = pageviews;
    out.events = pageviews + 1;
    out.visitors = visitors;
    out.sample_rate = rate;
    return out;
}

LivePart part() {
    LivePart out;
    out.at_ms = kNow;
    return out;
}

TEST(LivePartTest, PartsAddUp) {
    LivePart one = part();
    one.active_visitors = 3;
    one.minutes = {minute(0, 4, 2), minute(29, 1, 1), minute(30, 9, 9)};
    one.intervals = {{kNow / kLiveIntervalMs * kLiveIntervalMs, 1, 2}};
    one.pages.entries = {{"/a", 2}, {"/b", 1}};
    one.countries.entries = {{"DE", 3}};
    LivePart other = part();
    other.active_visitors = 4;
    other.minutes = {minute(0, 10, 4), minute(5, 1, 1)};
    other.intervals = {{kNow / kLiveIntervalMs * kLiveIntervalMs, 10, 20}, {kThisMinute - 240'000, 5, 5}};
    other.pages.entries = {{"/b", 3}, {"/c", 2}};
    const LivePart parts[] = {one, other};
    const LiveNumbers numbers = merge(parts, kNow);
    EXPECT_EQ(numbers.active_visitors, 7u);
    EXPECT_THAT(numbers.pages, ElementsAre(LiveEntry{"/b", 4}, LiveEntry{"/a", 2}, LiveEntry{"/c", 2}));
    EXPECT_THAT(numbers.countries, ElementsAre(LiveEntry{"DE", 3}));
    EXPECT_EQ(numbers.sample_rate, 1);
    ASSERT_EQ(numbers.minutes.size(), 30u);
    EXPECT_EQ(numbers.minutes[29], (LiveMinute{kThisMinute, 14, 16, 6}));
    EXPECT_EQ(numbers.minutes[24], (LiveMinute{kThisMinute - 5 * kMinute, 1, 2, 1}));
    EXPECT_EQ(numbers.minutes[0], (LiveMinute{kThisMinute - 29 * kMinute, 1, 2, 1}));
    ASSERT_EQ(numbers.intervals.size(), 30u);
    EXPECT_EQ(numbers.intervals[29].events, 22u);
    EXPECT_EQ(numbers.intervals[4], (LiveInterval{kThisMinute - 240'000, 5, 5}));
}

TEST(LivePartTest, WhoReadsLaterShowsTheMinutesOfThenAndNobodyWhoMustHaveLeft) {
    LivePart one = part();
    one.active_visitors = 3;
    one.sample_rate = 0.5;
    one.minutes = {minute(0, 4, 2), minute(20, 1, 1, 0.25)};
    one.pages.entries = {{"/a", 2}};
    LiveNumbers numbers = merge({&one, 1}, kNow + kMinute);
    EXPECT_EQ(numbers.minutes[28].pageviews, 4u);
    EXPECT_EQ(numbers.active_visitors, 3u);
    EXPECT_EQ(numbers.sample_rate, 0.25);
    numbers = merge({&one, 1}, kNow + kLiveNowMs);
    EXPECT_EQ(numbers.active_visitors, 0u);
    EXPECT_TRUE(numbers.pages.empty());
    EXPECT_EQ(numbers.sample_rate, 0.25) << "of a minute that is shown";
    numbers = merge({&one, 1}, kNow + 20 * kMinute);
    EXPECT_EQ(numbers.minutes[9].pageviews, 4u);
    EXPECT_EQ(numbers.sample_rate, 1);
    numbers = merge({&one, 1}, kNow - 30'000);
    EXPECT_EQ(numbers.minutes[29].pageviews, 4u) << "the reader's clock is behind";
    numbers = merge({&one, 1}, kNow - 10 * kMinute);
    EXPECT_EQ(numbers.minutes[29].start_ms, kThisMinute - 9 * kMinute) << "or the part's is far ahead";
    numbers = merge({}, kNow);
    EXPECT_EQ(numbers.minutes[29], LiveMinute{kThisMinute});
    EXPECT_EQ(numbers.sample_rate, 1);
}

/// Names from /10 on, each with one visitor fewer.
LiveNames falling(std::uint64_t from, int names, std::uint64_t left_out) {
    LiveNames out;
    for (int i = 0; i < names; ++i)
        out.entries.push_back({"/" + std::to_string(10 + i), from - static_cast<std::uint64_t>(i)});
    out.left_out = left_out;
    return out;
}

TEST(LivePartTest, ACutListIsExactAsLongAsNothingThatIsLeftOutCanChangeIt) {
    LivePart one = part();
    LivePart other = part();
    one.pages = falling(1'000, 30, 1);
    other.pages = falling(2'000, 30, 1);
    EXPECT_EQ(merge({&one, 1}, kNow).sample_rate, 1);
    LivePart parts[] = {one, other};
    LiveNumbers numbers = merge(parts, kNow);
    EXPECT_EQ(numbers.sample_rate, 1);
    EXPECT_EQ(numbers.pages[19], (LiveEntry{"/29", 2'962}));

    parts[1].pages.left_out = 5'000;  // of which one may be the first
    EXPECT_DOUBLE_EQ(merge(parts, kNow).sample_rate, 2'962.0 / 5'001);

    // An entry that one part lists may be behind the end of the other's list.
    parts[0].pages = falling(1'000, 30, 20);
    parts[1].pages = {};
    parts[1].pages.entries = {{"/10", 80}};
    EXPECT_EQ(merge(parts, kNow).sample_rate, 1) << "the second is whole";
    parts[1].pages.left_out = 60;
    EXPECT_DOUBLE_EQ(merge(parts, kNow).sample_rate, 981.0 / 1'041) << "/29: 981, and perhaps 60 more";
    parts[0].pages = falling(1'000, 3, 998);
    EXPECT_LT(merge({&parts[0], 1}, kNow).sample_rate, 1) << "there was room for what is left out";
}

TEST(LivePartTest, TheTextHoldsAllOfAPart) {
    LivePart one = part();
    one.active_visitors = UINT64_MAX;
    one.sample_rate = 0.03125;
    one.minutes = {minute(0, 4, 2), minute(20, 1, 1, 0.25)};
    one.intervals = {{kThisMinute, 1, 2}};
    const std::string_view hostile[] = {"",
                                        "/a\"b\\c",
                                        std::string_view("nul\0in", 6),
                                        "tab\tline\nreturn\r",
                                        "\x01\x1f\x7f",
                                        "</script><b onload=x>",
                                        "Gr\u00f6\u00dfe \u65e5\u672c \U0001f4b6 \u0301 \u202e",
                                        "__proto__",
                                        "{\"v\":2}"};
    for (const std::string_view name : hostile) one.pages.entries.push_back({std::string(name), 7});
    one.events = falling(100, 100, 1);
    const std::string text = live_part_text(one);
    const auto parsed = parse_live_part(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, one);
    EXPECT_EQ(parse_live_part(live_part_text(part())).value(), part());
}

TEST(LivePartTest, TextThatIsNoPartIsRefused) {
    const std::string good = live_part_text(part());
    const auto with = [&](std::string_view from, std::string_view to) {
        std::string text = good;
        const std::size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (const std::string& text :
         {std::string(), std::string("[]"), good.substr(0, good.size() - 1), with("\"at\"", "\"to\""),
          with("\"rate\":1", "\"rate\":0"), with("\"rate\":1", "\"rate\":1.5"),
          with("\"minutes\":[]", "\"minutes\":{}"), with("\"minutes\":[]", "\"minutes\":[[1,2]]"),
          with("\"minutes\":[]", "\"minutes\":[[-1,2,3,4,1]]"),
          with("\"intervals\":[]", "\"intervals\":[[9223372036854775807,1,1]]"), with("\"pages\":[0]", "\"pages\":[]"),
          with("\"pages\":[0]", "\"pages\":[0,\"/a\"]"), with("\"pages\":[0]", "\"pages\":[0,1,2]")})
        EXPECT_EQ(parse_live_part(text).error().code, Code::kCorrupt) << text;
    EXPECT_EQ(parse_live_part(with("\"v\":1", "\"v\":2")).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace footfall::store
