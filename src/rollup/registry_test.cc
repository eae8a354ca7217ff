#include "rollup/registry.h"

#include <gtest/gtest.h>

namespace footfall::rollup {
namespace {

using query::Day;

constexpr std::int64_t kHourMs = process::TouchedHours::kHourMs;

class RegistryTest : public testing::Test {
protected:
    static query::Zone zone_of(const std::string& name) {
        auto zone = query::Zone::load(name);
        EXPECT_TRUE(zone.has_value());
        return *zone;
    }
    static process::TouchedHours hours(const std::string& site, std::int64_t from_ms, std::int64_t to_ms) {
        process::TouchedHours hours;
        hours.add(site, from_ms, to_ms);
        return hours;
    }
    MadeDay made(Day day, std::uint64_t offset, std::uint64_t generation = 100) const {
        return {.day = day,
                .generation = generation,
                .log_offset = offset,
                .events = 5,
                .rows = 7,
                .is_stale = false,
                .has_sketches = false,
                .dimensions = dimension_bit("")};
    }
    void make(Day day, std::uint64_t offset, std::uint64_t generation = 100) {
        registry_.begin("s", zone_, day);
        registry_.finish("s", zone_, made(day, offset, generation));
    }
    std::vector<Day> fresh_days() const {
        std::vector<Day> days;
        for (const query::RolledDay& day : registry_.days(site_, Day(2026, 1, 1), Day(2026, 12, 31), {}))
            days.push_back(day.day);
        return days;
    }
    std::int64_t noon(Day day) const { return zone_.day_start_ms(day) + 12 * kHourMs; }

    const query::Zone zone_ = zone_of("Asia/Kathmandu");  // 5:45 ahead: no day begins with an hour of UTC
    const query::SiteInfo site_{.id = "s", .timezone = "Asia/Kathmandu"};
    Registry registry_;
    void SetUp() override { EXPECT_TRUE(registry_.sync("s", zone_)); }
};

TEST_F(RegistryTest, ADayIsForWhatItKeeps) {
    MadeDay small = made(Day(2026, 11, 2), 10);
    small.dimensions |= dimension_bit("page");
    MadeDay large = made(Day(2026, 11, 3), 10);
    large.has_sketches = true;
    for (const MadeDay& day : {small, large}) {
        registry_.begin("s", zone_, day.day);
        registry_.finish("s", zone_, day);
    }
    const auto days = [&](const query::RolledDays::Need& need) {
        std::vector<Day> found;
        for (const query::RolledDay& day : registry_.days(site_, Day(2026, 11, 1), Day(2026, 11, 9), need))
            found.push_back(day.day);
        return found;
    };
    EXPECT_EQ(days({.dimension = "page"}), std::vector{Day(2026, 11, 2)});
    EXPECT_EQ(days({.dimension = "", .has_sketches = true}), std::vector{Day(2026, 11, 3)});
    EXPECT_TRUE(days({.dimension = "page", .has_sketches = true}).empty());
    EXPECT_TRUE(days({.dimension = "city"}).empty());
    EXPECT_EQ(dimension_bit("no dimension"), 0U);
}

TEST_F(RegistryTest, ADayCountsFromWhenItIsMade) {
    registry_.begin("s", zone_, Day(2026, 11, 2));
    EXPECT_TRUE(fresh_days().empty()) << "it is being made";
    registry_.finish("s", zone_, made(Day(2026, 11, 2), 10));
    EXPECT_EQ(fresh_days(), std::vector{Day(2026, 11, 2)});
    EXPECT_TRUE(registry_.days(site_, Day(2026, 11, 3), Day(2026, 11, 9), {}).empty());
    EXPECT_TRUE(
        registry_.days({.id = "other", .timezone = "Asia/Kathmandu"}, Day(2026, 11, 1), Day(2026, 11, 9), {}).empty());
    EXPECT_TRUE(registry_.days({.id = "s", .timezone = "UTC"}, Day(2026, 11, 1), Day(2026, 11, 9), {}).empty())
        << "it is a day of another calendar";
}

TEST_F(RegistryTest, WhatComesLaterForADayEndsItAndNoOther) {
    for (const int day : {1, 2, 3}) make(Day(2026, 11, day), 10);
    registry_.touch(hours("s", noon(Day(2026, 11, 2)), noon(Day(2026, 11, 2))), 12);
    EXPECT_EQ(fresh_days(), (std::vector{Day(2026, 11, 1), Day(2026, 11, 3)}));
    registry_.touch(hours("other", noon(Day(2026, 11, 1)), noon(Day(2026, 11, 1))), 13);
    EXPECT_EQ(fresh_days().size(), 2u);
    make(Day(2026, 11, 2), 12, 200);
    EXPECT_EQ(fresh_days().size(), 3u);
}

TEST_F(RegistryTest, AnHourThatIsOfTwoDaysEndsBoth) {
    for (const int day : {1, 2, 3}) make(Day(2026, 11, day), 10);
    const std::int64_t midnight = zone_.day_start_ms(Day(2026, 11, 2));
    ASSERT_NE(midnight % kHourMs, 0);
    registry_.touch(hours("s", midnight, midnight), 11);
    EXPECT_EQ(fresh_days(), std::vector{Day(2026, 11, 3)});
}

TEST_F(RegistryTest, ASessionEndsEveryDayThatItIsIn) {
    for (const int day : {1, 2, 3, 4}) make(Day(2026, 11, day), 10);
    registry_.touch(hours("s", noon(Day(2026, 11, 1)), noon(Day(2026, 11, 3))), 11);
    EXPECT_EQ(fresh_days(), std::vector{Day(2026, 11, 4)});
}

TEST_F(RegistryTest, WhatTheTablesHeldAlreadyEndsNothing) {
    registry_.begin("s", zone_, Day(2026, 11, 2));
    registry_.touch(hours("s", noon(Day(2026, 11, 2)), noon(Day(2026, 11, 2))), 10);
    registry_.finish("s", zone_, made(Day(2026, 11, 2), 10));
    EXPECT_EQ(fresh_days().size(), 1u);
}

// The batch was told of before the day was known, and is in the tables only after they were read.
TEST_F(RegistryTest, ABatchUnderWayWhenADayIsBegunCountsForIt) {
    registry_.touch(hours("s", noon(Day(2026, 11, 2)), noon(Day(2026, 11, 2))), 12);
    registry_.begin("s", zone_, Day(2026, 11, 2));
    registry_.finish("s", zone_, made(Day(2026, 11, 2), 10));
    EXPECT_TRUE(fresh_days().empty());

    registry_.clear();
    registry_.sync("s", zone_);
    registry_.add("s", zone_, made(Day(2026, 11, 2), 10));
    EXPECT_TRUE(fresh_days().empty()) << "nor where the table says that it is made";
}

TEST_F(RegistryTest, ADayThatEndedIsToldOfOnce) {
    make(Day(2026, 11, 1), 10);
    make(Day(2026, 11, 2), 10);
    EXPECT_TRUE(registry_.stale().empty());
    registry_.touch(hours("s", noon(Day(2026, 11, 2)), noon(Day(2026, 11, 2))), 12);
    const auto stale = registry_.stale();
    ASSERT_EQ(stale.size(), 1u);
    EXPECT_EQ(stale[0].made.day, Day(2026, 11, 2));
    registry_.told(stale);
    EXPECT_TRUE(registry_.stale().empty());
    EXPECT_EQ(registry_.count().fresh, 1u);
    EXPECT_EQ(registry_.count().stale, 1u);
    make(Day(2026, 11, 2), 12, 200);
    registry_.touch(hours("s", noon(Day(2026, 11, 2)), noon(Day(2026, 11, 2))), 13);
    EXPECT_EQ(registry_.stale().size(), 1u) << "of what was made again";
}

TEST_F(RegistryTest, AnotherGenerationIsNotWhatWasRead) {
    make(Day(2026, 11, 1), 10);
    make(Day(2026, 11, 2), 10);
    const auto read = registry_.days(site_, Day(2026, 11, 1), Day(2026, 11, 2), {});
    registry_.touch(hours("s", noon(Day(2026, 11, 2)), noon(Day(2026, 11, 2))), 12);
    EXPECT_TRUE(registry_.are_kept(site_, read)) << "its rows are there until it is made again";
    make(Day(2026, 11, 2), 12, 200);
    EXPECT_FALSE(registry_.are_kept(site_, read));
    registry_.forget("s", Forget::kWhatCanBeMadeAgain);
    EXPECT_FALSE(registry_.are_kept(site_, read));
}

TEST_F(RegistryTest, HoursOfDaysThatAreNotClosedOrNotInTheTablesAreKept) {
    const std::int64_t closed = zone_.day_start_ms(Day(2026, 11, 3));
    registry_.touch(hours("s", noon(Day(2026, 11, 2)), noon(Day(2026, 11, 2))), 1);
    registry_.touch(hours("s", noon(Day(2026, 11, 3)), noon(Day(2026, 11, 3))), 2);
    EXPECT_TRUE(registry_.take_closed_hours("s", zone_, closed, 0).empty()) << "the tables do not hold it yet";
    EXPECT_EQ(registry_.take_closed_hours("s", zone_, closed, 1), std::vector{noon(Day(2026, 11, 2)) / kHourMs});
    EXPECT_TRUE(registry_.take_closed_hours("s", zone_, closed, 2).empty()) << "taken already";
    EXPECT_EQ(registry_.take_closed_hours("s", zone_, closed + 24 * kHourMs, 2),
              std::vector{noon(Day(2026, 11, 3)) / kHourMs});
}

TEST_F(RegistryTest, ADayWhoseEventsHaveExpiredIsAllThereIs) {
    make(Day(2026, 11, 1), 10);
    make(Day(2026, 11, 2), 10);
    registry_.expire("s", zone_.day_start_ms(Day(2026, 11, 2)));
    registry_.touch(hours("s", noon(Day(2026, 11, 1)), noon(Day(2026, 11, 2))), 11);
    EXPECT_EQ(fresh_days(), std::vector{Day(2026, 11, 1)});
    EXPECT_EQ(registry_.stale().size(), 1u);
    make(Day(2026, 11, 2), 11, 200);
    registry_.forget("s", Forget::kWhatCanBeMadeAgain);
    EXPECT_EQ(fresh_days(), std::vector{Day(2026, 11, 1)});
    EXPECT_TRUE(registry_.sync("s", zone_)) << "the others are to be made again";
    EXPECT_FALSE(registry_.sync("s", zone_));
    EXPECT_EQ(fresh_days(), std::vector{Day(2026, 11, 1)});
    // What was expired is still known when the store was started again.
    registry_.clear();
    EXPECT_TRUE(registry_.sync("s", zone_));
    registry_.add("s", zone_, made(Day(2026, 11, 1), 10));
    EXPECT_EQ(fresh_days(), std::vector{Day(2026, 11, 1)});
    registry_.forget("s", Forget::kEverything);
    EXPECT_TRUE(fresh_days().empty());
    EXPECT_EQ(registry_.expired_before("s"), 0);
}

TEST_F(RegistryTest, AnotherZoneIsAnotherCalendar) {
    make(Day(2026, 11, 1), 10);
    EXPECT_FALSE(registry_.sync("s", zone_));
    const query::Zone utc = zone_of("UTC");
    EXPECT_TRUE(registry_.sync("s", utc));
    EXPECT_TRUE(registry_.fresh("s").empty());
    registry_.finish("s", zone_, made(Day(2026, 11, 1), 10));
    EXPECT_TRUE(registry_.fresh("s").empty()) << "it was made by the one before";
}

TEST_F(RegistryTest, WhatTheBatchUnderWayTouchesIsKnownAfterTheTablesWereReadAnew) {
    const Day day(2026, 11, 3);
    registry_.touch(hours("s", noon(day), noon(day)), 20);
    // The tables do not hold that batch yet, so that reading them tells nothing of it.
    registry_.clear();
    EXPECT_TRUE(registry_.sync("s", zone_));
    const std::int64_t much_later = zone_.day_start_ms(day + 5);
    EXPECT_TRUE(registry_.take_closed_hours("s", zone_, much_later, 19).empty());
    EXPECT_EQ(registry_.take_closed_hours("s", zone_, much_later, 20), std::vector{noon(day) / kHourMs});
}

}  // namespace
}  // namespace footfall::rollup
