#include "process/sessions/revenue.h"

#include <gtest/gtest.h>

namespace footfall::process {
namespace {

TEST(RevenueTest, ReadsWhatItWrites) {
    for (const char* text : {"", "=3", "EUR=19.99", "=-0.0001,EUR=10,USD=-99999999999999.9999", "(other)=1.5",
                             "EUR=9999999999999999999999999999999999.9999"}) {
        const auto revenue = Revenue::parse(text);
        ASSERT_TRUE(revenue) << text;
        EXPECT_EQ(revenue->text(), text);
    }
    for (const char* text : {"EUR", "EUR=", "EUR=-", "EUR=1.23456", "EUR=1,5", "EUR=x", "EUR=1e3",
                             "EUR=10000000000000000000000000000000000"})
        EXPECT_FALSE(Revenue::parse(text)) << text;
}

TEST(RevenueTest, IsTheSameWhicheverWayItIsSummed) {
    constexpr std::int64_t kLargest = 999'999'999'999'999'999;
    Revenue one, other, both, turned;
    one.add("USD", kLargest);
    one.add("EUR", -1);
    other.add("EUR", 10'001);
    for (int i = 0; i < 100; ++i) other.add("USD", kLargest);
    both.add(one);
    both.add(other);
    turned.add(other);
    turned.add(one);
    EXPECT_EQ(both, turned);
    EXPECT_EQ(both.text(), "EUR=1,USD=10099999999999999.9899");
}

TEST(RevenueTest, WhatCameBackStaysSoThatItsCurrencyIsKnown) {
    Revenue revenue;
    revenue.add("EUR", 50'000);
    revenue.add("EUR", -50'000);
    revenue.add("USD", 0);
    EXPECT_EQ(revenue.text(), "EUR=0");
}

}  // namespace
}  // namespace footfall::process
