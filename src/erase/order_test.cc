#include "erase/order.h"

#include <list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "enrich/identity.h"
#include "event/event.h"
#include "process/erased.h"

namespace footfall::erase {
namespace {

catalog::Erasure order_of(const std::string& id, const Subject& subject, std::uint64_t end) {
    return {.id = id,
            .subject = subject.json(),
            .partitions = {{.number = 0, .end = end}, {.number = 3, .end = end + 100}},
            .created_ms = 1};
}

class OrderTest : public testing::Test {
protected:
    log::StoredEntry event_at(std::uint64_t offset, std::string_view user_id) {
        event::Event event;
        event.website_id = "s";
        event.event_id.bytes[15] = static_cast<unsigned char>(offset);
        event.event_type = "pageview";
        event.timestamp = event.received_at = 5;
        event.visitor_id = enrich::Identity::known_id("s", user_id);
        event.user_id = user_id;
        event.page = "/";
        payloads_.emplace_back();
        event::write_record(event, payloads_.back());
        return {.position = {.partition = 0, .offset = offset},
                .kind = log::EntryKind::kEvent,
                .payload = payloads_.back()};
    }
    std::list<std::string> payloads_;
};

TEST_F(OrderTest, EachErasesItsSubjectUpToItsEndInThePartitionsThatItNames) {
    const std::vector orders = {order_of("1", Subject::of_visitor("s", "anna"), 10),
                                order_of("2", Subject::of_visitor("s", "bert"), 20)};
    const auto erasures = erasures_of(orders, 0);
    ASSERT_TRUE(erasures) << erasures.error().message;
    EXPECT_EQ(erasures->end, 20u);
    const log::Replacement left_of = erasures->begin();
    const auto left = left_of(event_at(9, "anna"));
    ASSERT_TRUE(left);
    const auto tombstone = process::read_erased(*left);
    ASSERT_TRUE(tombstone) << tombstone.error().message;
    EXPECT_EQ(tombstone->website_id, "s");
    EXPECT_EQ(tombstone->event_id.bytes[15], 9);
    EXPECT_EQ(left->find("anna"), std::string::npos);
    EXPECT_FALSE(left_of(event_at(10, "anna")));
    EXPECT_TRUE(left_of(event_at(19, "bert")));
    EXPECT_FALSE(left_of(event_at(20, "bert")));
    EXPECT_FALSE(left_of(event_at(1, "carl")));

    EXPECT_EQ(erasures_of(orders, 3)->end, 120u);
    const auto of_another = erasures_of(orders, 1);
    ASSERT_TRUE(of_another);
    EXPECT_EQ(of_another->version, "");
    EXPECT_EQ(of_another->end, 0u);
    EXPECT_FALSE(of_another->begin);
}

TEST_F(OrderTest, AnotherEndAndMoreOfTheSubjectAreAnotherVersion) {
    Subject subject = Subject::of_visitor("s", "anna");
    const auto version_of = [](const catalog::Erasure& order) {
        const auto erasures = erasures_of(std::span(&order, 1), 0);
        EXPECT_TRUE(erasures) << erasures.error().message;
        return erasures ? erasures->version : "";
    };
    const std::string first = version_of(order_of("1", subject, 10));
    EXPECT_EQ(version_of(order_of("1", subject, 10)), first);
    EXPECT_NE(version_of(order_of("1", subject, 11)), first);
    subject.visitor_ids.push_back(7);
    EXPECT_NE(version_of(order_of("1", subject, 10)), first);
}

TEST_F(OrderTest, WhatCanNotBeReadIsAnErrorAndNotNothing) {
    catalog::Erasure order = order_of("1", Subject::of_visitor("s", "anna"), 10);
    order.subject = R"({"v":2})";
    const auto erasures = erasures_of(std::span(&order, 1), 0);
    ASSERT_FALSE(erasures);
    EXPECT_EQ(erasures.error().code, Code::kCorrupt);
    EXPECT_TRUE(erasures_of(std::span(&order, 1), 1)) << "it says nothing of this partition";
}

TEST_F(OrderTest, AnArchiveIsRewrittenToWhatTheLogGives) {
    const Subject subject = Subject::of_visitor("s", "anna");
    const catalog::Erasure order = order_of("1", subject, 10);
    const log::Rewriting rewriting = rewriting_of(subject);
    const log::StoredEntry hers = event_at(4, "anna");
    const auto rewritten = rewriting(hers);
    ASSERT_TRUE(rewritten && *rewritten);
    EXPECT_EQ((*rewritten)->kind, log::EntryKind::kErased);
    EXPECT_EQ((*rewritten)->payload, erasures_of(std::span(&order, 1), 0)->begin()(hers));
    const auto others = rewriting(event_at(5, "bert"));
    ASSERT_TRUE(others);
    EXPECT_FALSE(*others);
}

TEST_F(OrderTest, TheStateIsAnotherWhenOneIsOrderedAndWhenItIsDone) {
    std::vector orders = {order_of("1", Subject::of_visitor("s", "anna"), 10)};
    const std::string ordered = state_of(orders);
    EXPECT_NE(ordered, state_of({}));
    orders[0].done_ms = 5;
    EXPECT_NE(state_of(orders), ordered);
}

}  // namespace
}  // namespace footfall::erase
