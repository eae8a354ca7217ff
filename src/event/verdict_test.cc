#include <gtest/gtest.h>

#include <string>

#include "event/event.h"

namespace footfall::event {
namespace {

Event sample() {
    Event event;
    event.website_id = "site";
    event.event_id.bytes[0] = 7;
    event.event_type = "pageview";
    event.timestamp = event.received_at = 1'795'500'000'000;
    event.page = "/a\"b\\c{[,}]";
    event.title = "it\u2019s";
    event.device_type = "desktop";
    event.browser = "Firefox";
    event.screen_class = "large";
    event.bot_lists = "old";
    event.event_name = "is_bot";
    event.properties = {{"is_bot", "true"}, {"nested \"quote\"", "}"}};
    event.ip = parse_ip("203.0.113.0").value();
    event.sdk = "web/1.0.0";
    return event;
}

std::string record_of(const Event& event) {
    std::string out;
    write_record(event, out);
    return out;
}

TEST(VerdictTest, TheRecordIsTheOneThatTheEventWithThatVerdictHas) {
    const Verdict verdicts[] = {{"ua:crawler-list", "new", "bot"},
                                {"referrer:spam", "new", "mobile"},
                                {"", "new", "desktop"},
                                {"", "", ""},
                                {"with \"quotes\"", "new", "bot"}};
    for (const Verdict& before : verdicts) {
        for (const Verdict& after : verdicts) {
            Event event = sample();
            const auto judge = [&event](const Verdict& verdict) {
                event.bot_reason = verdict.bot_reason;
                event.is_bot = !verdict.bot_reason.empty();
                event.bot_lists = verdict.bot_lists;
                event.device_type = verdict.device_type;
            };
            judge(before);
            const std::string record = record_of(event);
            judge(after);
            const auto changed = with_verdict(record, after);
            ASSERT_TRUE(changed) << changed.error().message;
            EXPECT_EQ(*changed, record_of(event));
        }
    }
}

TEST(VerdictTest, WhatThisProgramDoesNotKnowStaysByteByByte) {
    const std::string record = R"({"v":1,"website_id":"s","later":{"is_bot":[1,"}\""]},"is_bot":true,)"
                               R"("bot_reason":"ua:spider","n":-1.50e3,"sdk":"x","last":null})";
    const auto changed = with_verdict(record, {.bot_lists = "new", .device_type = "tv"});
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_EQ(*changed, R"({"v":1,"website_id":"s","later":{"is_bot":[1,"}\""]},"n":-1.50e3,)"
                        R"("device_type":"tv","bot_lists":"new","sdk":"x","last":null})");
}

TEST(VerdictTest, WhatIsNoObjectIsRefused) {
    for (const char* text : {"", "x", "[1]", "{", R"({"a")", R"({"a":)", R"({"a":"x)", R"({"a":1)", R"({"a":[1})",
                             R"({"a":1}x)", R"({"a":1 "b":2})", R"({"a":})"})
        EXPECT_FALSE(with_verdict(text, {})) << text;
}

}  // namespace
}  // namespace footfall::event
