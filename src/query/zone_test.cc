#include "query/zone.h"

#include <gtest/gtest.h>

namespace footfall::query {
namespace {

Zone zone(const std::string& name) {
    auto loaded = Zone::load(name);
    EXPECT_TRUE(loaded.has_value()) << name;
    return *loaded;
}

std::int64_t utc(std::string_view text) {
    const auto ms = zone("UTC").parse_instant(text);
    EXPECT_TRUE(ms.has_value()) << text;
    return ms.value_or(0);
}

TEST(ZoneTest, AnUnknownZoneIsAnErrorThatNamesIt) {
    const auto loaded = Zone::load("Europe/Atlantis");
    ASSERT_FALSE(loaded.has_value());
    EXPECT_NE(loaded.error().message.find("Europe/Atlantis"), std::string::npos);
    EXPECT_FALSE(Zone::load("").has_value());
}

TEST(ZoneTest, DaysBeginAtLocalMidnightOrWhereTheClockJumpsOverIt) {
    const struct {
        const char* zone;
        const char* day;
        const char* start_utc;
    } cases[] = {
        {"UTC", "2026-11-01", "2026-11-01T00:00:00Z"},
        {"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z"},
        {"Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00Z"},
        {"Asia/Kathmandu", "2026-11-01", "2026-10-31T18:15:00Z"},
        {"Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z"},
        {"Australia/Lord_Howe", "2026-04-06", "2026-04-05T13:30:00Z"},
        {"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},  // midnight did not happen: 00:00 → 01:00
        {"America/Sao_Paulo", "2018-11-05", "2018-11-05T02:00:00Z"},
        {"America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"},  // the hour before midnight happened twice
    };
    for (const auto& c : cases) {
        const Zone z = zone(c.zone);
        const Day day = *parse_day(c.day);
        EXPECT_EQ(utc_text(z.day_start_ms(day)), utc_text(utc(c.start_utc))) << c.zone << ' ' << c.day;
        EXPECT_EQ(z.day_of(z.day_start_ms(day)), day) << c.zone << ' ' << c.day;
        EXPECT_EQ(z.day_of(z.day_start_ms(day) - 1), day - 1) << c.zone << ' ' << c.day;
    }
}

TEST(ZoneTest, TheHourThatTheClockShowsTwiceIsTwoHours) {
    const struct {
        const char* zone;
        const char* instant;
        const char* hour;
    } cases[] = {
        {"Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00+02:00"},
        {"Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00+01:00"},
        {"Europe/Berlin", "2026-03-29T01:30:00Z", "2026-03-29T03:00:00+02:00"},
        {"Asia/Kathmandu", "2026-11-01T00:10:00Z", "2026-11-01T05:00:00+05:45"},
        {"Asia/Kathmandu", "2026-11-01T00:15:00Z", "2026-11-01T06:00:00+05:45"},
        // Half an hour back at 02:00: the clock shows 01:30 to 02:00 twice.
        {"Australia/Lord_Howe", "2026-04-04T14:10:00Z", "2026-04-05T01:00:00+11:00"},
        {"Australia/Lord_Howe", "2026-04-04T14:50:00Z", "2026-04-05T01:00:00+11:00"},
        {"Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-05T01:30:00+10:30"},
        {"Australia/Lord_Howe", "2026-04-04T15:30:00Z", "2026-04-05T02:00:00+10:30"},
        // Half an hour forward at 02:00.
        {"Australia/Lord_Howe", "2026-10-03T15:29:00Z", "2026-10-04T01:00:00+10:30"},
        {"Australia/Lord_Howe", "2026-10-03T15:31:00Z", "2026-10-04T02:30:00+11:00"},
        {"Australia/Lord_Howe", "2026-10-03T16:00:00Z", "2026-10-04T03:00:00+11:00"},
        {"America/Sao_Paulo", "2018-11-04T03:30:00Z", "2018-11-04T01:00:00-02:00"},
    };
    for (const auto& c : cases) {
        const Zone z = zone(c.zone);
        EXPECT_EQ(z.instant_text(1000 * z.hour_start(z.hour_key(utc(c.instant) / 1000))), c.hour) << c.instant;
    }
}

TEST(ZoneTest, ReadsInstantsWithAndWithoutOffset) {
    const Zone berlin = zone("Europe/Berlin");
    const struct {
        const char* text;
        const char* utc;
    } cases[] = {
        {"2026-11-01T12:00:00Z", "2026-11-01 12:00:00.000"},
        {"2026-11-01T12:00:00+01:00", "2026-11-01 11:00:00.000"},
        {"2026-11-01T12:00:00.123456Z", "2026-11-01 12:00:00.123"},
        {"2026-11-01T12:00Z", "2026-11-01 12:00:00.000"},
        {"2026-11-01T12:00:00", "2026-11-01 11:00:00.000"},
        {"2026-07-01 12:00", "2026-07-01 10:00:00.000"},
    };
    for (const auto& c : cases) {
        const auto ms = berlin.parse_instant(c.text);
        ASSERT_TRUE(ms.has_value()) << c.text;
        EXPECT_EQ(utc_text(*ms), c.utc) << c.text;
    }
    for (const char* text : {"", "2026-11-01", "2026-13-01T12:00:00Z", "2026-11-01T25:00:00Z", "1969-12-31T23:59:59Z",
                             "2026-11-01T12:00:00 Z", "now", "2026-11-01T12:00:00Zx", "2026-11-01T12:00:00+99:99",
                             "12026-11-01T12:00:00Z"})
        EXPECT_FALSE(berlin.parse_instant(text).has_value()) << text;
}

TEST(ZoneTest, ReadsDaysStrictly) {
    for (const char* text : {"1970-01-01", "2028-02-29", "2105-12-31"}) {
        ASSERT_TRUE(parse_day(text).has_value()) << text;
        EXPECT_EQ(day_text(*parse_day(text)), text);
    }
    for (const char* text : {"", "2026-02-30", "2026-2-3", "2026-00-10", "1969-12-31", "2106-01-01", "2026/01/01",
                             "2026-01-01 ", "-026-01-01"})
        EXPECT_FALSE(parse_day(text).has_value()) << text;
}

}  // namespace
}  // namespace footfall::query
