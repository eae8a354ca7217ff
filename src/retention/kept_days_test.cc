// Days in the log and back, by a real log and store: what is put back is what was there, whatever died amid it.
#include "retention/kept_days.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/kept_day.h"
#include "process/process_fixture.h"

namespace footfall::retention {
namespace {

using query::Day;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(KeptDayTest, IsReadAsItWasWritten) {
    const std::string content("\0\xff{\"", 4);
    const process::KeptDay day{.website_id = "s\"",
                               .timezone = "Asia/Kathmandu",
                               .day = "2026-11-28",
                               .part = 1,
                               .parts = 3,
                               .content = content};
    const auto read = process::read_kept_day(process::write_kept_day(day));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->website_id, day.website_id);
    EXPECT_EQ(read->timezone, day.timezone);
    EXPECT_EQ(read->day, day.day);
    EXPECT_EQ(read->part, 1u);
    EXPECT_EQ(read->parts, 3u);
    EXPECT_EQ(read->content, content);
    for (const char* other : {"", "{}",
                              R"({"website_id":"s","timezone":"UTC","day":"2026-11-28","part":1,"parts":1,)"
                              R"("content":""})",
                              R"({"website_id":"s","timezone":"UTC","day":"2026-11-28","part":0,"parts":1,)"
                              R"("content":"?"})"})
        EXPECT_EQ(process::read_kept_day(other).error().code, Code::kCorrupt) << other;
}

class KeptDaysTest : public process::ProcessTest {
protected:
    void SetUp() override {
        ProcessTest::SetUp();
        lose_all();
        kept_days_ = std::make_unique<KeptDays>(store(), *log_, [this](const std::vector<std::string>& entries) {
            for (const std::string& entry : entries) append_entry(log::EntryKind::kKeptDay, entry);
            return Status();
        });
    }
    /// Pages of a day, which is made in that generation, with what a generation of before has left behind.
    void make(const std::string& site, const std::string& day, int pages, int generation) {
        const std::string text = std::to_string(generation);
        for (const std::string& of : {std::string("1"), text})
            execute(
                "INSERT INTO footfall.rollup_days (website_id, dimension, day, value, generation, pageviews, visitors, "
                "revenue) SELECT '" +
                site + "', 'page', '" + day +
                "', 'page ' || toString(number) || "
                "hex(cityHash64(number, " +
                of + ")) || repeat('x', 40), " + of +
                ", number, "
                "initializeAggregation('uniqCombined64State(14)', number), map('EUR', toDecimal128(number, 4)) "
                "FROM numbers(" +
                std::to_string(pages) + ")");
        execute(
            "INSERT INTO footfall.rollup_made (website_id, day, timezone, definition, generation, rows, dimensions, "
            "version) VALUES ('" +
            site + "', '" + day + "', 'UTC', 7, " + text + ", " + std::to_string(pages) + ", ['page'], " + text + ")");
        execute("INSERT INTO footfall.daily_pages (website_id, day, page, views, version) VALUES ('" + site + "', '" +
                day + "', '/', 3, 1), ('" + site + "', '" + day + "', '/', 4, " + text + ")");
        execute("INSERT INTO footfall.daily_made (website_id, day, timezone, version) VALUES ('" + site + "', '" + day +
                "', 'UTC', " + text + ")");
    }
    std::vector<std::string> rows(const std::string& site) {
        const std::string where = " WHERE website_id = '" + site + "' ";
        std::vector<std::string> all =
            ask("SELECT toString(day), value, toString(generation), pageviews, finalizeAggregation(visitors), "
                "toString(revenue) FROM footfall.rollup_days" +
                where + "AND generation > 1 ORDER BY ALL");
        for (const std::string& more : {"SELECT * FROM footfall.rollup_made FINAL" + where + "ORDER BY day",
                                        "SELECT * FROM footfall.page_views" + where + "ORDER BY ALL",
                                        "SELECT * FROM footfall.daily_made FINAL" + where + "ORDER BY ALL"}) {
            const auto of_table = ask(more);
            all.insert(all.end(), of_table.begin(), of_table.end());
        }
        return all;
    }
    void lose_all() {
        for (const char* table : {"rollup_days", "rollup_made", "daily_pages", "daily_sources", "daily_made"})
            execute("TRUNCATE TABLE footfall." + std::string(table));
    }
    catalog::KeptRange keep(const std::string& site, const std::vector<Day>& days) {
        const std::uint64_t begin = log_->end().offset;
        const Status kept = kept_days_->keep(site, "UTC", days);
        EXPECT_TRUE(kept) << kept.error().message;
        return {begin, log_->end().offset};
    }
    std::uint64_t put_back(const std::vector<catalog::KeptRange>& latest_first,
                           std::map<std::string, KeptDays::Wanted> wanted) {
        const auto days = kept_days_->put_back(std::move(wanted), latest_first);
        EXPECT_TRUE(days) << days.error().message;
        return days.value_or(0);
    }

    std::unique_ptr<KeptDays> kept_days_;
};

TEST_F(KeptDaysTest, WhatIsPutBackIsWhatWasThere) {
    make("a", "2026-01-05", 10, 20);
    make("a", "2026-01-06", 20'000, 30);  // several parts
    make("a", "2026-03-01", 1, 40);
    make("b", "2026-01-05", 3, 50);
    const auto days = kept_days_->days_of("a", "UTC", Day(2026, 1, 1), Day(2026, 2, 1));
    ASSERT_TRUE(days);
    EXPECT_THAT(*days, ElementsAre(Day(2026, 1, 5), Day(2026, 1, 6)));
    EXPECT_THAT(*kept_days_->days_of("a", "Asia/Kathmandu", Day(2026, 1, 1), Day(2026, 2, 1)), IsEmpty());
    const auto of_a = rows("a");
    const auto of_b = rows("b");
    const std::vector<catalog::KeptRange> ranges = {keep("a", {Day(2026, 3, 1)}), keep("b", {Day(2026, 1, 5)}),
                                                    keep("a", *days)};
    EXPECT_GT(ranges[2].end - ranges[2].begin, 3u) << "a day of several entries";

    lose_all();
    EXPECT_EQ(put_back(ranges, {{"a", {.timezone = "Asia/Kathmandu", .there = {}}}}), 0u);
    EXPECT_EQ(put_back(ranges, {{"a", {.timezone = "UTC", .there = {}}}}), 3u);
    EXPECT_EQ(rows("a"), of_a);
    EXPECT_THAT(ask("SELECT count() FROM footfall.rollup_days WHERE generation = 1"), ElementsAre("0"));
    EXPECT_THAT(rows("b"), IsEmpty());
    EXPECT_EQ(put_back(ranges, {{"b", {.timezone = "UTC", .there = {}}}}), 1u);
    EXPECT_EQ(rows("b"), of_b);
    EXPECT_EQ(put_back(ranges, {{"b", {.timezone = "UTC", .there = {Day(2026, 1, 5)}}}}), 0u);
}

TEST_F(KeptDaysTest, OfADayThatWasKeptTwiceTheLaterOneCounts) {
    make("a", "2026-01-05", 10, 20);
    const catalog::KeptRange first = keep("a", {Day(2026, 1, 5)});
    make("a", "2026-01-05", 7, 30);
    const catalog::KeptRange second = keep("a", {Day(2026, 1, 5)});
    lose_all();
    EXPECT_EQ(put_back({second, first}, {{"a", {.timezone = "UTC", .there = {}}}}), 1u);
    EXPECT_THAT(ask("SELECT count(), min(generation), max(generation) FROM footfall.rollup_days"),
                ElementsAre("7 30 30"));
}

TEST_F(KeptDaysTest, APuttingBackThatWasCutOffIsDoneAgainWhole) {
    make("a", "2026-01-05", 10, 20);
    const auto of_a = rows("a");
    const catalog::KeptRange range = keep("a", {Day(2026, 1, 5)});
    // The rows came, and what says that they count did not.
    for (const char* table : {"rollup_made", "daily_made"}) execute("TRUNCATE TABLE footfall." + std::string(table));
    EXPECT_EQ(put_back({range}, {{"a", {.timezone = "UTC", .there = {}}}}), 1u);
    EXPECT_EQ(rows("a"), of_a);
    EXPECT_THAT(ask("SELECT count() FROM footfall.rollup_days"), ElementsAre("10"));
}

TEST_F(KeptDaysTest, WhatIsDamagedIsLeftOutAndTheRestIsPutBack) {
    make("a", "2026-01-05", 10, 20);
    make("a", "2026-01-06", 10, 30);
    const std::uint64_t begin = log_->end().offset;
    append_entry(log::EntryKind::kKeptDay, "{}");
    append_entry(log::EntryKind::kKeptDay,
                 process::write_kept_day(
                     {.website_id = "a", .timezone = "UTC", .day = "2026-01-04", .content = "another content"}));
    append_entry(log::EntryKind::kKeptDay, process::write_kept_day({.website_id = "a",
                                                                    .timezone = "UTC",
                                                                    .day = "2026-01-03",
                                                                    .part = 1,
                                                                    .parts = 2,
                                                                    .content = "without a beginning"}));
    keep("a", {Day(2026, 1, 5), Day(2026, 1, 6)});
    const auto of_a = rows("a");
    lose_all();
    const std::uint64_t end = log_->end().offset;
    EXPECT_EQ(put_back({{end + 200, end + 300}, {begin, end + 100}}, {{"a", {.timezone = "UTC", .there = {}}}}), 2u);
    EXPECT_EQ(rows("a"), of_a);
}

}  // namespace
}  // namespace footfall::retention
