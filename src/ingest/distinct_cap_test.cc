#include "ingest/distinct_cap.h"

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace footfall::ingest {
namespace {

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr std::int64_t kDay = 86'400'000;

std::size_t max_of(std::string_view name) {
    const auto& all = DistinctCap::fields();
    return std::ranges::find(all, name, &DistinctCap::Field::name)->distinct_max;
}

event::Event named(std::string_view name, std::string_view site = "site") {
    event::Event event;
    event.website_id = site;
    event.event_type = "event";
    event.event_name = name;
    return event;
}

/// What becomes of an event's name.
std::string taken(DistinctCap& cap, DistinctCap::Known& known, const std::string& name, std::string_view site = "site",
                  std::int64_t now_ms = kNow) {
    event::Event event = named(name, site);
    cap.apply(event, now_ms, known);
    return std::string(event.event_name);
}

TEST(DistinctCapTest, WhatIsBeyondTheBoundBecomesOtherUntilTheNextDay) {
    DistinctCap cap;
    DistinctCap::Known known;
    const std::size_t most = max_of("event_name");
    for (std::size_t i = 0; i < most; ++i)
        ASSERT_EQ(taken(cap, known, "n" + std::to_string(i)), "n" + std::to_string(i));
    EXPECT_EQ(taken(cap, known, "one more"), "(other)");
    EXPECT_EQ(taken(cap, known, "n0"), "n0") << "it was there before";
    EXPECT_EQ(taken(cap, known, "one more"), "(other)");
    EXPECT_EQ(taken(cap, known, "one more", "another site"), "one more");
    EXPECT_EQ(taken(cap, known, ""), "");
    EXPECT_EQ(taken(cap, known, "one more", "site", kNow + kDay), "one more");
}

TEST(DistinctCapTest, EachFieldHasItsOwnBound) {
    DistinctCap cap;
    DistinctCap::Known known;
    const std::size_t most = max_of("medium");
    std::vector<std::string> values;
    for (std::size_t i = 0; i < most + 10; ++i) values.push_back(std::to_string(i));
    std::size_t replaced = 0;
    for (const std::string& value : values) {
        event::Event event = named(value);
        event.medium = value;
        event.page = value;
        replaced += cap.apply(event, kNow, known);
        EXPECT_EQ(event.page, value);
    }
    EXPECT_EQ(replaced, 10u) << "the media alone";
}

TEST(DistinctCapTest, NamesOfPropertiesBeyondTheBoundBecomeOne) {
    DistinctCap cap;
    DistinctCap::Known known;
    const std::size_t most = max_of("properties");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < most; ++i) names.push_back("p" + std::to_string(i));
    for (const std::string& name : names) {
        event::Event event = named("a");
        event.properties = {{name, "v"}};
        EXPECT_EQ(cap.apply(event, kNow, known), 0u);
    }
    event::Event event = named("a");
    event.properties = {{"p1", "1"}, {"x", "2"}, {"y", "3"}, {"p2", "4"}};
    EXPECT_EQ(cap.apply(event, kNow, known), 2u);
    EXPECT_EQ(event.properties, (event::kind::map{{"p1", "1"}, {"(other)", "2"}, {"p2", "4"}}));
}

TEST(DistinctCapTest, ThreadsTogetherLetThroughNoMoreThanTheBound) {
    DistinctCap cap;
    const std::size_t most = max_of("event_name");
    std::vector<std::set<std::string>> seen(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < seen.size(); ++t)
        threads.emplace_back([&, t] {
            DistinctCap::Known known;
            for (std::size_t i = 0; i < most; ++i) seen[t].insert(taken(cap, known, std::to_string(i * (t + 1))));
        });
    for (std::thread& thread : threads) thread.join();
    std::set<std::string> all;
    for (const auto& part : seen) all.insert(part.begin(), part.end());
    EXPECT_EQ(all.size(), most + 1) << "and (other)";
}

TEST(DistinctCapTest, WithoutMemoryValuesAreLetThrough) {
    DistinctCap cap(1'000);
    DistinctCap::Known known;
    for (std::size_t i = 0; i < 2 * max_of("event_name"); ++i)
        ASSERT_EQ(taken(cap, known, std::to_string(i)), std::to_string(i));
}

}  // namespace
}  // namespace footfall::ingest
