// Stored events judged again, against a real store.
#include "process/rescore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/process_fixture.h"

namespace footfall::process {
namespace {

using testing::ElementsAre;

class RescoreTest : public ProcessTest {
protected:
    struct Given {
        std::uint64_t visitor = 1;
        std::string_view user_agent;
        std::string_view reason{};
        std::int64_t timestamp = kNow;
        std::string_view site = "site";
        std::string_view lists = "old";
    };
    void store_events(const std::vector<Given>& events) {
        std::vector<std::pair<std::uint64_t, event::Event>> rows;
        for (const Given& given : events) {
            event::Event event = numbered(next_);
            event.website_id = given.site;
            event.visitor_id = given.visitor;
            event.timestamp = given.timestamp;
            event.user_agent = given.user_agent;
            event.bot_reason = given.reason;
            event.is_bot = !given.reason.empty();
            event.bot_lists = given.lists;
            rows.emplace_back(next_++, event);
        }
        insert(rows);
    }
    /// The user agent says what the verdict of today is.
    static std::string_view judge(const event::Event& stored) {
        return stored.user_agent.empty() ? stored.bot_reason : stored.user_agent == "Person" ? "" : stored.user_agent;
    }
    static RescoreReport preview(const RescoreFilter& filter = {.sites = {{"site", "UTC"}},
                                                                .until_ms = RescoreFilter::kNoEndMs},
                                 std::uint64_t rows_per_pass = 100'000) {
        auto report = preview_rescore(store(), filter, judge, rows_per_pass);
        EXPECT_TRUE(report) << report.error().message;
        return report ? std::move(*report) : RescoreReport{};
    }
    static std::string json_of(const RescoreReport& report) {
        std::string out;
        json::Writer writer(out);
        writer.begin_object();
        report.write_members(writer);
        writer.end_object();
        return out;
    }
    static std::vector<std::string> changes(const RescoreReport& report) {
        std::vector<std::string> out;
        for (const auto& [change, count] : report.changes)
            out.push_back(change.site_id + " " + change.day + " " + change.from + ">" + change.to + " " +
                          std::to_string(count.events) + " of " + std::to_string(count.visitors));
        return out;
    }

private:
    std::uint64_t next_ = 0;
};

TEST_F(RescoreTest, WhatWouldBeAnotherIsCountedByDayReasonEventsAndVisitors) {
    store_events({{1, "ua:new"},
                  {1, "ua:new"},
                  {2, "ua:new"},
                  {2, "ua:new", "", kNow + kDay},
                  {3, "Person", "ua:old"},
                  {4, "ua:new", "ua:old"},
                  {5, "ua:same", "ua:same"},
                  {6, "Person"},
                  {7, "", "ua:old", kNow, "site", ""}});
    const RescoreReport report = preview();
    EXPECT_THAT(changes(report), ElementsAre("site 2026-11-24 >ua:new 3 of 2", "site 2026-11-24 ua:old> 1 of 1",
                                             "site 2026-11-24 ua:old>ua:new 1 of 1", "site 2026-11-25 >ua:new 1 of 1"));
    EXPECT_EQ(report.events, 9u);
    EXPECT_EQ(report.events_without_user_agent, 1u);
    EXPECT_EQ(report.become_bots.events, 4u);
    EXPECT_EQ(report.become_bots.visitors, 2u);
    EXPECT_EQ(report.become_people.visitors, 1u);
    EXPECT_EQ(report.other_reason.events, 1u);
    EXPECT_THAT(report.lists_then, ElementsAre(testing::Pair("", 1), testing::Pair("old", 8)));
    ASSERT_EQ(report.samples.size(), 3u);
    EXPECT_EQ(report.samples[0].user_agent, "ua:new");
    EXPECT_EQ(report.samples[0].events, 4u);
}

TEST_F(RescoreTest, PassesOfWholeVisitorsSayTheSame) {
    std::vector<Given> events;
    for (std::uint64_t visitor = 0; visitor < 40; ++visitor)
        for (int i = 0; i < 5; ++i) events.push_back({visitor, i % 2 == 0 ? "ua:even" : "ua:odd"});
    store_events(events);
    const RescoreReport whole = preview();
    EXPECT_EQ(whole.become_bots.events, 200u);
    EXPECT_EQ(whole.become_bots.visitors, 40u);
    const RescoreReport in_passes = preview({.sites = {{"site", "UTC"}}, .until_ms = RescoreFilter::kNoEndMs}, 7);
    EXPECT_EQ(json_of(in_passes), json_of(whole));
}

TEST_F(RescoreTest, OnlyTheSitesAndTimesThatAreAskedForAreJudgedByTheirOwnDays) {
    store_events({{1, "ua:new", "", kNow - 1, "a"},
                  {1, "ua:new", "", kNow, "a"},
                  {1, "ua:new", "", kNow, "b"},
                  {1, "ua:new", "", kNow + 1, "b"},
                  {1, "ua:new", "", kNow, "c"}});
    // Six in the morning in UTC is the evening before in Honolulu.
    EXPECT_THAT(
        changes(preview({.sites = {{"a", "Pacific/Honolulu"}, {"b", "UTC"}}, .since_ms = kNow, .until_ms = kNow + 1})),
        ElementsAre("a 2026-11-23 >ua:new 1 of 1", "b 2026-11-24 >ua:new 1 of 1"));
    const RescoreReport both = preview({.sites = {{"a", "UTC"}, {"b", "UTC"}}, .until_ms = RescoreFilter::kNoEndMs});
    EXPECT_EQ(both.become_bots.events, 4u);
    EXPECT_EQ(both.become_bots.visitors, 2u) << "equal numbers of two sites are two visitors";
    EXPECT_THAT(changes(preview({.sites = {{"none", "UTC"}}, .until_ms = RescoreFilter::kNoEndMs})), ElementsAre());
}

TEST_F(RescoreTest, OfManyUserAgentsThoseOfTheMostEventsAreShown) {
    std::vector<std::string> agents;
    for (int i = 0; i < 20; ++i) agents.push_back("ua:" + std::to_string(i));
    std::vector<Given> events;
    for (std::uint64_t i = 0; i < 20; ++i)
        for (std::uint64_t copies = 0; copies <= i; ++copies) events.push_back({i, agents[i]});
    store_events(events);
    const auto report = preview_rescore(store(), {.sites = {{"site", "UTC"}}, .until_ms = RescoreFilter::kNoEndMs},
                                        [](const event::Event&) { return std::string_view("ua:list"); });
    ASSERT_TRUE(report);
    std::vector<std::string> shown;
    for (const auto& sample : report->samples) shown.push_back(sample.user_agent);
    EXPECT_THAT(shown, ElementsAre("ua:19", "ua:18", "ua:17", "ua:16", "ua:15"));
}

}  // namespace
}  // namespace footfall::process
