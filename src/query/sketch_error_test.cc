// Intervals of single rows. That they hold what there is: query_sketches_test.cc.
#include "query/sketch_error.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/json.h"
#include "query/vocabulary.h"

namespace footfall::query {
namespace {

Plan plan_of(const std::vector<std::string>& metrics) {
    Plan plan;
    for (const std::string& name : metrics) {
        const Metric* metric = vocabulary().metric(name);
        plan.metrics.push_back({.name = name, .metric = metric});
        if (metric->quotient.empty()) plan.bases.push_back({.metric = metric});
        for (const std::string& part : metric->quotient) plan.bases.push_back({.metric = vocabulary().metric(part)});
    }
    return plan;
}

std::string text_of(const store::Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return "null";
    if (const auto* natural = std::get_if<std::uint64_t>(&value)) return std::to_string(*natural);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    std::string out;
    json::append_number(out, std::get<double>(value));
    return out;
}

std::vector<std::string> intervals(const std::vector<std::string>& metrics, const std::vector<store::Value>& values) {
    std::vector<std::string> texts;
    for (const Interval& interval : intervals_of_sketches(plan_of(metrics), values))
        texts.push_back(text_of(interval.lower) + ".." + text_of(interval.upper));
    return texts;
}

using Texts = std::vector<std::string>;

TEST(SketchErrorTest, DistinctCountsAreOffByTheDeclaredErrorAndWhatAddsUpByNothing) {
    ASSERT_EQ(vocabulary().metric("visitors")->rollup->standard_error, 0.0081);
    EXPECT_EQ(intervals({"visitors", "pageviews", "bounce_rate", "revenue"},
                        {std::uint64_t{100'000}, std::uint64_t{300'000}, 41.25, std::string("1234567.8900")}),
              (Texts{"98412..101588", "300000..300000", "41.25..41.25", "1234567.8900..1234567.8900"}));
    // Outwards: 1,001 and 15.89.
    EXPECT_EQ(intervals({"users"}, {std::int64_t{1001}}), (Texts{"985..1017"}));
    EXPECT_EQ(intervals({"bounce_rate"}, {store::Value()}), (Texts{"null..null"}));
}

TEST(SketchErrorTest, SmallCountsAreExact) {
    EXPECT_EQ(intervals({"visitors"}, {std::uint64_t{0}}), (Texts{"0..0"}));
    EXPECT_EQ(intervals({"visitors"}, {std::uint64_t{494}}), (Texts{"494..494"}));
    EXPECT_EQ(intervals({"visitors"}, {std::uint64_t{495}}), (Texts{"487..503"}));
}

TEST(SketchErrorTest, AQuotientOfTwoSketchesHasTheErrorOfBothAndIsNoMoreThanAll) {
    const Texts alone = intervals({"visitor_conversion_rate"}, {50.0});
    ASSERT_EQ(alone.size(), 1U);
    EXPECT_NEAR(std::stod(alone[0]), 50 * (1 - 1.96 * 0.0081 * std::sqrt(2)), 1e-9);
    EXPECT_NEAR(std::stod(alone[0].substr(alone[0].find("..") + 2)), 50 * (1 + 1.96 * 0.0081 * std::sqrt(2)), 1e-9);
    EXPECT_TRUE(intervals({"visitor_conversion_rate"}, {99.5})[0].ends_with("..100"));
    EXPECT_EQ(intervals({"visitor_conversion_rate"}, {102.5})[0], "100..100") << "estimates of two sets";
    EXPECT_EQ(intervals({"visitor_conversion_rate"}, {0.0})[0], "0..0");
    EXPECT_EQ(intervals({"visitor_conversion_rate"}, {store::Value()})[0], "null..null");
    // Nothing in it comes from a sketch.
    EXPECT_EQ(intervals({"conversion_rate"}, {12.5}), (Texts{"12.5..12.5"}));
}

TEST(SketchErrorTest, AQuotientIsExactWhereBothOfItsPartsAreKnownToBeSmall) {
    const std::vector<std::string> both = {"converted_visitors", "visitor_conversion_rate"};
    EXPECT_EQ(intervals(both, {std::uint64_t{100}, 25.0}), (Texts{"100..100", "25..25"})) << "of 400";
    EXPECT_NE(intervals(both, {std::uint64_t{100}, 20.0})[1], "20..20") << "of 500";
    EXPECT_EQ(intervals(both, {std::uint64_t{0}, 0.0}), (Texts{"0..0", "0..0"}));
    EXPECT_NE(intervals({"visitor_conversion_rate"}, {25.0})[0], "25..25") << "of how many, nobody knows";
}

}  // namespace
}  // namespace footfall::query
