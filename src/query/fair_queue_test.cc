#include "query/fair_queue.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace footfall::query {
namespace {

using testing::ElementsAre;
using Queue = FairQueue<std::string>;

/// Everything that waits, one at a time, in the order in which it has its turn. An item is named after its site.
std::vector<std::string> served(Queue& queue) {
    std::vector<std::string> order;
    while (auto item = queue.next()) {
        order.push_back(*item);
        queue.ended(item->substr(0, 1));
    }
    return order;
}

TEST(FairQueueTest, SitesTakeTurnsHoweverMuchOneOfThemAsks) {
    Queue queue({.running_max = 1});
    for (const char* item : {"a1", "a2", "a3", "a4"}) queue.add("a", item);
    for (const char* item : {"b1", "b2"}) queue.add("b", item);
    queue.add("c", "c1");
    EXPECT_THAT(served(queue), ElementsAre("a1", "b1", "c1", "a2", "b2", "a3", "a4"));
    EXPECT_EQ(queue.waiting(), 0U);
    EXPECT_EQ(queue.running(), 0U);
}

TEST(FairQueueTest, OfOneSiteNoMoreRunThanMayAndOthersPassItBy) {
    Queue queue({.running_max = 3, .site_running_max = 2});
    for (const char* item : {"a1", "a2", "a3"}) queue.add("a", item);
    EXPECT_EQ(queue.next(), "a1");
    EXPECT_EQ(queue.next(), "a2");
    EXPECT_EQ(queue.next(), std::nullopt) << "a third of the site runs";
    for (const char* item : {"b1", "b2"}) queue.add("b", item);
    EXPECT_EQ(queue.next(), "b1");
    EXPECT_EQ(queue.next(), std::nullopt) << "four run";
    queue.ended("a");
    EXPECT_EQ(queue.next(), "a3") << "it has waited for its turn longer than the other site";
    queue.ended("a");
    EXPECT_EQ(queue.next(), "b2");
}

TEST(FairQueueTest, NoMoreWaitThanMayOfASiteAndInAll) {
    Queue queue({.running_max = 1, .waiting_max = 3, .site_waiting_max = 2});
    EXPECT_EQ(queue.add("a", "a1"), Queue::Added::kYes);
    EXPECT_EQ(queue.next(), "a1");
    EXPECT_EQ(queue.add("a", "a2"), Queue::Added::kYes);
    EXPECT_EQ(queue.add("a", "a3"), Queue::Added::kYes);
    EXPECT_EQ(queue.add("a", "a4"), Queue::Added::kSiteIsFull);
    EXPECT_EQ(queue.add("b", "b1"), Queue::Added::kYes);
    EXPECT_EQ(queue.add("b", "b2"), Queue::Added::kIsFull);
    queue.ended("a");
    EXPECT_EQ(queue.next(), "a2");
    EXPECT_EQ(queue.add("b", "b2"), Queue::Added::kYes);
    queue.ended("a");
    EXPECT_THAT(served(queue), ElementsAre("b1", "a3", "b2"));
}

TEST(FairQueueTest, WhatFindsAFreeTurnDoesNotCountAsWaiting) {
    Queue queue({.running_max = 3, .site_running_max = 2, .waiting_max = 2, .site_waiting_max = 1});
    for (const char* item : {"a1", "a2", "a3"}) EXPECT_EQ(queue.add("a", item), Queue::Added::kYes) << item;
    EXPECT_EQ(queue.add("a", "a4"), Queue::Added::kSiteIsFull) << "two may run and one wait";
    for (const char* item : {"b1", "b2"}) EXPECT_EQ(queue.add("b", item), Queue::Added::kYes) << item;
    EXPECT_EQ(queue.add("c", "c1"), Queue::Added::kIsFull) << "three may run and two wait";
    while (queue.next()) {}
    EXPECT_EQ(queue.running(), 3U);
    EXPECT_EQ(queue.waiting(), 2U);
    EXPECT_EQ(queue.add("c", "c1"), Queue::Added::kIsFull) << "that they run changes nothing";
}

TEST(FairQueueTest, AnotherTurnIsBehindTheOthersOfItsSiteAndNeverRefused) {
    Queue queue({.running_max = 1, .waiting_max = 2, .site_waiting_max = 1});
    queue.add("a", "a1");
    ASSERT_EQ(queue.next(), "a1");
    queue.add("a", "a2");
    queue.add("b", "b1");
    queue.ended("a");
    queue.add_again("a", "a1 again");
    EXPECT_EQ(queue.waiting(), 3U);
    EXPECT_THAT(served(queue), ElementsAre("a2", "b1", "a1 again"));
}

TEST(FairQueueTest, WhatIsTakenOutHasNoTurn) {
    Queue queue({.running_max = 1, .waiting_max = 4, .site_waiting_max = 4});
    for (const char* item : {"a1", "a2"}) queue.add("a", item);
    queue.add("b", "b1");
    queue.add("c", "c1");
    EXPECT_THAT(queue.take_if([](const std::string& item) { return item == "a1" || item == "b1"; }),
                ElementsAre("a1", "b1"));
    EXPECT_EQ(queue.waiting(), 2U);
    EXPECT_EQ(queue.add("b", "b2"), Queue::Added::kYes) << "its place is free again";
    EXPECT_THAT(served(queue), ElementsAre("a2", "c1", "b2"));
}

}  // namespace
}  // namespace footfall::query
