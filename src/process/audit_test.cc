// The audit finds what was planted: it is only worth something if it can fail.
#include "process/audit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "process/process_fixture.h"

namespace footfall::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AuditTest : public ProcessTest {
protected:
    AuditReport audit(const std::string& site = {}, const std::vector<std::string>& known = {}) {
        const auto hold = [this]() -> Result<TablesHeld> {
            return TablesHeld{.position = log_->end(), .is_intact = [] { return true; }, .hold = nullptr};
        };
        auto report = run_audit(*log_, store(), log_->end(), hold, site, known, options_);
        EXPECT_TRUE(report) << report.error().message;
        return report ? std::move(*report) : AuditReport();
    }
    static const AuditRow& row(const AuditReport& report, const std::string& site,
                               const std::string& table = "events") {
        for (const AuditRow& row : report.rows)
            if (row.site_id == site && row.table == table) return row;
        ADD_FAILURE() << "no row of " << site;
        static const AuditRow none;
        return none;
    }
    static event::Event of(const char* site, std::uint64_t number) {
        event::Event event = numbered(number);
        event.website_id = site;
        return event;
    }
    /// Ten events of a and five of b, in the log and, but for those left out, in the store, and the session of each.
    void fill(const std::vector<std::uint64_t>& without = {}) {
        std::vector<event::Event> events;
        for (std::uint64_t i = 0; i < 15; ++i) events.push_back(of(i % 3 == 2 ? "b" : "a", i));
        append(events);
        std::vector<std::pair<std::uint64_t, event::Event>> rows;
        for (std::uint64_t i = 0; i < 15; ++i)
            if (std::find(without.begin(), without.end(), i) == without.end()) rows.emplace_back(i, events[i]);
        ASSERT_NO_FATAL_FAILURE(insert(rows));
        ASSERT_NO_FATAL_FAILURE(insert_sessions(events));
    }

    AuditOptions options_{.ids_expire = false};
};

TEST_F(AuditTest, R12ACleanStoreIsOkAndItsSumsAreThoseOfTheLog) {
    fill();
    append({}, R"({"website_id":"a","duplicates":4,"rejected":{"missing":2,"invalid":1}})");
    append({}, R"({"website_id":"","duplicates":0,"rejected":{"unknown":7}})");
    append({}, R"({"website_id":"a","duplicates":1,"rejected":{"missing":1}})");
    const AuditReport report = audit("", {"quiet"});
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.end.offset, 18u);
    const AuditRow& a = row(report, "a");
    EXPECT_TRUE(a.ok);
    EXPECT_EQ(a.received, 15u);
    EXPECT_EQ(a.stored, 10u);
    EXPECT_EQ(a.duplicates, 5u);
    EXPECT_EQ(a.rejected, 4u);
    EXPECT_EQ(a.expected, 10u);
    EXPECT_EQ(row(report, "b").stored, 5u);
    EXPECT_EQ(row(report, "").rejected, 7u);
    EXPECT_TRUE(row(report, "quiet").ok);
    EXPECT_EQ(row(report, "a", "sessions").received, 10u);
    EXPECT_EQ(row(report, "a", "sessions").stored, 10u);
    EXPECT_EQ(row(report, "b", "sessions").stored, 5u);
    EXPECT_TRUE(row(report, "quiet", "sessions").ok);
    EXPECT_EQ(report.rows.size(), 7u) << "no sessions of nobody's events: " << report.text();
    EXPECT_THAT(report.json(), HasSubstr(R"({"site":"a","table":"events","received":15,"stored":10,"duplicates":5,)"
                                         R"("rejected":4,"erased":0,"expired":0,"ok":true,"differences":[]})"));
    EXPECT_THAT(report.text(), HasSubstr("up to offset 18: equal"));
    EXPECT_THAT(report.text(), HasSubstr("(unknown sites)"));
    const AuditReport one = audit("b");
    ASSERT_EQ(one.rows.size(), 2u);
    EXPECT_EQ(one.rows[0].site_id, "b");
    EXPECT_EQ(one.rows[0].table, "events");
    EXPECT_EQ(one.rows[1].site_id, "b");
    EXPECT_EQ(one.rows[1].table, "sessions");
}

TEST_F(AuditTest, R12TheExtremesOfEveryColumnAreEqualOnBothSides) {
    const SampleEvents samples;
    std::vector<std::pair<std::uint64_t, event::Event>> rows;
    for (const event::Event& event : samples.all()) {
        append({event});
        rows.emplace_back(rows.size(), event);
    }
    ASSERT_NO_FATAL_FAILURE(insert(rows));
    ASSERT_NO_FATAL_FAILURE(insert_sessions(samples.all()));
    const AuditReport report = audit();
    EXPECT_TRUE(report.ok()) << report.text();
}

TEST_F(AuditTest, R12SessionsThatAreJoinedAfterTheyWereLookedAtAreThoseOfTheLog) {
    // Both were received in one millisecond, so that either's key may be the one that stays.
    constexpr std::int64_t kMinute = 60'000;
    std::vector<event::Event> events;
    for (std::uint64_t visitor = 1; visitor <= 16; ++visitor) {
        for (const std::int64_t minute : {0, 50, 25, 30}) {
            events.push_back(numbered(events.size() + 1, kNow - kDay + minute * kMinute));
            events.back().visitor_id = visitor;
        }
    }
    append(events);
    std::vector<std::pair<std::uint64_t, event::Event>> rows;
    for (const event::Event& event : events) rows.emplace_back(rows.size(), event);
    ASSERT_NO_FATAL_FAILURE(insert(rows));
    ASSERT_NO_FATAL_FAILURE(insert_sessions(events));
    for (const std::uint64_t per_look : {1, 2, 3, 50'000}) {
        options_.events_per_look = per_look;
        const AuditReport report = audit();
        EXPECT_TRUE(report.ok()) << per_look << ":\n" << report.text();
        EXPECT_EQ(row(report, "site", "sessions").stored, 16u) << per_look;
    }
}

TEST_F(AuditTest, R12AnEmptyLogAndStoreAreEqual) {
    EXPECT_TRUE(audit().ok());
    EXPECT_THAT(audit().rows, IsEmpty());
    EXPECT_EQ(audit().json(), "[]");
}

TEST_F(AuditTest, R12AMissingRowIsNamed) {
    fill({4, 14});
    const AuditReport report = audit();
    EXPECT_FALSE(report.ok());
    EXPECT_FALSE(row(report, "a").ok);
    EXPECT_EQ(row(report, "a").stored, 9u);
    EXPECT_EQ(row(report, "a").expected, 10u);
    EXPECT_THAT(row(report, "a").differences, ElementsAre("offset 4 is missing"));
    EXPECT_THAT(row(report, "b").differences, ElementsAre("offset 14 is missing"));
    EXPECT_THAT(report.text(), HasSubstr("DIFFERS\n    offset 4 is missing\n"));
    EXPECT_THAT(report.text(), HasSubstr("not equal"));
    EXPECT_THAT(report.json(), HasSubstr(R"("ok":false,"differences":["offset 4 is missing"])"));
}

TEST_F(AuditTest, R12ASiteThatTheStoreHasNothingOfIsNamedRowByRow) {
    fill({2, 5, 8, 11, 14});
    const AuditReport report = audit();
    EXPECT_THAT(row(report, "b").differences,
                ElementsAre("offset 2 is missing", "offset 5 is missing", "offset 8 is missing", "offset 11 is missing",
                            "offset 14 is missing"));
    EXPECT_TRUE(row(report, "a").ok);
}

TEST_F(AuditTest, R12StretchesBeyondTheFirstOnesThatDifferAreNamedAsAWhole) {
    fill({0, 4, 14});
    insert({{5, of("b", 5)}});
    execute("ALTER TABLE footfall.events UPDATE page = '/other' WHERE log_offset = 12 SETTINGS mutations_sync = 1");
    options_.offsets_per_stretch = 2;
    options_.stretches_named = 2;
    const AuditReport report = audit();
    EXPECT_THAT(row(report, "a").differences,
                ElementsAre("offsets 12 to 13: 2 rows, the log has 2, and they are not the same", "offset 0 is missing",
                            "offset 4 is missing"));
    EXPECT_THAT(row(report, "b").differences,
                ElementsAre("offsets 14 to 15: 0 rows, the log has 1", "offset 5 is there 2 times"));
    EXPECT_EQ(row(report, "a").stored, 8u);
    EXPECT_EQ(row(report, "b").stored, 5u);
    options_.sessions_per_pass = 1;
    options_.stretches_named = 64;
    EXPECT_THAT(row(audit(), "a").differences,
                testing::UnorderedElementsAre("offset 0 is missing", "offset 4 is missing",
                                              "offset 12 differs from its record in the log"));
}

TEST_F(AuditTest, R12ADoubleRowIsNamed) {
    fill();
    insert({{3, of("a", 3)}});
    const AuditReport report = audit();
    EXPECT_THAT(row(report, "a").differences, ElementsAre("offset 3 is there 2 times"));
    EXPECT_TRUE(row(report, "b").ok);
    EXPECT_FALSE(report.ok());
}

TEST_F(AuditTest, R12ARowThatIsThereThreeTimesIsNamedThoughTwoOfItsHashesCancelOut) {
    fill();
    insert({{5, of("b", 5)}});
    insert({{5, of("b", 5)}});
    const AuditReport report = audit();
    EXPECT_THAT(row(report, "b").differences, ElementsAre("offset 5 is there 3 times"));
    EXPECT_EQ(row(report, "b").stored, 7u);
    EXPECT_TRUE(row(report, "a").ok);
}

TEST_F(AuditTest, R12AMissingRowIsNotHiddenByADoubleOne) {
    fill({6});
    insert({{3, of("a", 3)}});
    const AuditReport report = audit();
    EXPECT_EQ(row(report, "a").stored, 10u) << "the number is right";
    EXPECT_FALSE(row(report, "a").ok);
    EXPECT_THAT(row(report, "a").differences, ElementsAre("offset 3 is there 2 times", "offset 6 is missing"));
}

TEST_F(AuditTest, R12TwoRowsWithEachOthersOffsetsDiffer) {
    fill({0, 1});
    insert({{1, of("a", 0)}, {0, of("a", 1)}});
    const AuditReport report = audit();
    EXPECT_EQ(row(report, "a").altered, 2u);
    EXPECT_THAT(row(report, "a").differences, ElementsAre("offset 0 differs from its record in the log",
                                                          "offset 1 differs from its record in the log"));
}

// A row for each column, with that column altered alone.
void alter(std::string_view& value) { value = value.empty() ? "x" : value.substr(0, value.size() - 1); }
void alter(Uuid& value) { value.bytes[15] ^= 1; }
void alter(std::int64_t& value) { value += 1; }
void alter(std::uint64_t& value) { value ^= 1ull << 63; }
void alter(std::uint32_t& value) { value += 1; }
void alter(bool& value) { value = !value; }
void alter(double& value) { value += 0.125; }
void alter(event::kind::map& value) {
    if (value.empty()) value.emplace_back("k", "");
    else std::swap(value.front().first, value.front().second);
}
void alter(event::kind::ip& value) { value[15] ^= 1; }

TEST_F(AuditTest, R12AnAlterationOfAnyColumnIsFoundAndNamed) {
    const std::vector<std::function<void(event::Event&)>> alterations = {
#define FOOTFALL_FIELD(name, kind_name, column_type) [](event::Event& event) { alter(event.name); },
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    };
    const SampleEvents samples;
    for (const event::Event& sample : {samples.all()[1], samples.all().back()}) {
        // A log and a store that hold nothing but these.
        execute("TRUNCATE TABLE footfall.events");
        log_.reset();
        std::filesystem::remove_all(folder_ / "log");
        ASSERT_NO_FATAL_FAILURE(open_log());
        std::vector<event::Event> events(alterations.size(), sample);
        const std::uint64_t first = append(events);
        std::vector<std::pair<std::uint64_t, event::Event>> rows;
        for (std::size_t i = 0; i < events.size(); ++i) {
            alterations[i](events[i]);
            rows.emplace_back(first + i, events[i]);
        }
        ASSERT_NO_FATAL_FAILURE(insert(rows));
        const AuditReport report = audit();
        EXPECT_FALSE(report.ok());
        EXPECT_EQ(row(report, std::string(sample.website_id)).altered, alterations.size());
        const auto& named = row(report, std::string(sample.website_id)).differences;
        EXPECT_EQ(std::count_if(named.begin(), named.end(),
                                [](const std::string& text) { return text.find("differs") != std::string::npos; }),
                  20)
            << "the first ones are named, the rest is counted";
        EXPECT_EQ(named.back(), "\u2026 and more");
    }
}

TEST_F(AuditTest, R12AnIdThatHasExpiredIsNoAlterationAndItsKeyIsCompared) {
    // Of the same events some have lost their ids and some not, as merges come by.
    options_.ids_expire = true;
    event::Event old = of("a", 1);
    old.timestamp = old.received_at = kNow - 20 * 86'400'000LL;
    event::Event ping = old;
    ping.event_id.bytes[15] ^= 1;
    ping.event_type = "ping";
    ping.pageview_id = old.event_id;
    append({old, ping, of("b", 2)});
    ASSERT_NO_FATAL_FAILURE(insert({{0, old}, {1, ping}, {2, of("b", 2)}}));
    ASSERT_NO_FATAL_FAILURE(insert_sessions({old, ping, of("b", 2)}));
    EXPECT_TRUE(audit().ok());
    execute(
        "ALTER TABLE footfall.events UPDATE event_id = toUUID('00000000-0000-0000-0000-000000000000'), "
        "pageview_id = toUUID('00000000-0000-0000-0000-000000000000') WHERE log_offset < 2 "
        "SETTINGS mutations_sync = 1");
    EXPECT_TRUE(audit().ok());
    EXPECT_EQ(ask("SELECT uniqExact(event_key) FROM footfall.events WHERE log_offset < 2"),
              std::vector{std::string("1")});
    execute(
        "ALTER TABLE footfall.events UPDATE event_key = event_key + 1 WHERE log_offset = 1 SETTINGS mutations_sync = "
        "1");
    const AuditReport report = audit();
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(row(report, "a").altered, 1u);
}

TEST_F(AuditTest, R12RowsThatNoRecordExplainsAreNamed) {
    fill();
    append({}, R"({"website_id":"a","duplicates":1,"rejected":{}})");  // offset 15
    insert({{15, of("a", 15)}});
    insert({{100, of("b", 100)}});
    insert({{2, of("c", 2)}}, 7);
    const AuditReport report = audit();
    EXPECT_THAT(row(report, "a").differences, ElementsAre("offset 15 is a row that no event of the log explains"));
    EXPECT_THAT(row(report, "b").differences, ElementsAre("a row at offset 100 though the log ends at 16"));
    EXPECT_THAT(row(report, "c").differences, ElementsAre("1 rows from before the log's first entry 0"));
    EXPECT_FALSE(report.ok());
}

TEST_F(AuditTest, R12OnlyTheSiteThatIsAskedForDecides) {
    fill({4});
    EXPECT_FALSE(audit("a").ok());
    EXPECT_TRUE(audit("b").ok());
}

TEST_F(AuditTest, R12DamageOfTheLogIsNamedAndIsNotOk) {
    fill();
    append({of("a", 15)});
    log_.reset();
    for (const auto& file : std::filesystem::directory_iterator(folder_ / "log")) {
        const auto opened = File::open(file.path(), O_RDWR);
        ASSERT_TRUE(opened);
        const bool has_frame = opened->read_at(4'096, 1).value() == "\xf6";
        ASSERT_TRUE(!has_frame || opened->write_at("????", 4'096 + 60));
    }
    ASSERT_NO_FATAL_FAILURE(open_log());
    // The store has just what can be read, as after a loading: nothing but the damage speaks against it.
    for (const char* table : {"events", "sessions"}) execute("TRUNCATE TABLE footfall." + std::string(table));
    insert({{15, of("a", 15)}});
    insert_sessions({of("a", 15)});
    const AuditReport report = audit();
    EXPECT_FALSE(report.ok());
    EXPECT_TRUE(row(report, "a").ok);
    ASSERT_EQ(report.damage.size(), 1u);
    EXPECT_THAT(report.damage[0], HasSubstr("log offsets 0 to 14 can't be read"));
    EXPECT_THAT(report.text(), HasSubstr("damaged: log offsets 0 to 14"));
    EXPECT_THAT(report.json(), HasSubstr(R"("ok":false)"));
}

TEST_F(AuditTest, AStoreThatDoesNotAnswerIsAnErrorAndNoVerdict) {
    fill();
    const auto never_held = []() -> Result<TablesHeld> { return Error(Code::kTimeout, "never"); };
    store::Client nobody({.address = "unix:" + (folder_ / "nobody.sock")});
    const auto report = run_audit(*log_, nobody, log_->end(), never_held, "", {});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kUnavailable);
}

// Sessions: three visitors of a with several events each, one of whom a late event's joining gave an alias, and one of
// b.
class SessionAuditTest : public AuditTest {
protected:
    void SetUp() override {
        AuditTest::SetUp();
        if (is_death_child()) return;
        constexpr std::int64_t kMinute = 60'000;
        const auto visit = [&](const char* site, std::uint64_t visitor, std::int64_t after_ms) {
            event::Event event = numbered(events_.size() + 1, kNow - kDay + after_ms);
            event.website_id = site;
            event.visitor_id = visitor;
            event.page = "/page";
            events_.push_back(event);
        };
        for (const std::uint64_t visitor : {11, 12}) {
            visit("a", visitor, 0);
            visit("a", visitor, 5 * kMinute);
        }
        visit("a", 13, 0);
        visit("a", 13, 50 * kMinute);
        visit("a", 13, 25 * kMinute);  // joins the two
        visit("b", 11, 0);
        append(events_);
        std::vector<std::pair<std::uint64_t, event::Event>> rows;
        for (std::size_t i = 0; i < events_.size(); ++i) rows.emplace_back(i, events_[i]);
        ASSERT_NO_FATAL_FAILURE(insert(rows));
        // In two batches, so that there are rows of either sign, and an alias.
        SessionFold fold;
        SessionStore sessions(store(), nullptr);
        for (std::size_t i = 0; i < events_.size(); ++i) {
            fold.apply(events_[i], i);
            if (i != 5 && i + 1 != events_.size()) continue;
            const Status done = sessions.insert(fold.take_changes(i), fold.take_aliases(), {0, i}, {0, i});
            ASSERT_TRUE(done) << done.error().message;
        }
        ASSERT_EQ(ask("SELECT count() FROM footfall.session_alias"), std::vector<std::string>{"1"});
    }
    static void plant(const std::string& sql) { execute(sql + " SETTINGS mutations_sync = 1"); }
    static std::string key_of(std::uint64_t visitor, const char* site = "a") {
        return ask(fmt::format("SELECT session_key FROM footfall.sessions WHERE website_id = '{}' AND visitor_id = {} "
                               "GROUP BY session_key HAVING sum(sign) > 0",
                               site, visitor))
            .at(0);
    }

    std::vector<event::Event> events_;
};

TEST_F(SessionAuditTest, R12SessionsAreThoseOfTheLogWhateverTheirRowsAre) {
    for (const std::uint64_t per_pass : {500'000, 1}) {  // in one pass, and in some
        options_.sessions_per_pass = per_pass;
        const AuditReport report = audit();
        EXPECT_TRUE(report.ok()) << report.text();
        EXPECT_EQ(row(report, "a").received, 7u);
        EXPECT_EQ(row(report, "a").stored, 7u);
        EXPECT_EQ(row(report, "a", "sessions").received, 3u);
        EXPECT_EQ(row(report, "a", "sessions").stored, 3u);
        EXPECT_EQ(row(report, "b", "sessions").stored, 1u);
    }
    // Merged, their rows are fewer and say the same.
    execute("OPTIMIZE TABLE footfall.sessions FINAL");
    EXPECT_TRUE(audit().ok());
}

TEST_F(SessionAuditTest, R12AMissingSessionIsNamed) {
    const std::string key = key_of(12);
    plant("ALTER TABLE footfall.sessions DELETE WHERE website_id = 'a' AND visitor_id = 12");
    for (const std::uint64_t per_pass : {500'000, 1}) {
        options_.sessions_per_pass = per_pass;
        const AuditReport report = audit();
        EXPECT_FALSE(report.ok());
        EXPECT_TRUE(row(report, "a").ok) << "the events are there";
        EXPECT_EQ(row(report, "a", "sessions").expected, 3u);
        EXPECT_EQ(row(report, "a", "sessions").stored, 2u);
        EXPECT_THAT(row(report, "a", "sessions").differences,
                    ElementsAre("session " + key + " of 2026-11-23T06:00:00.000Z is missing"));
        EXPECT_TRUE(row(report, "b", "sessions").ok);
    }
}

TEST_F(SessionAuditTest, R12ADoubleSessionIsNamed) {
    const std::string key = key_of(11, "b");
    plant("INSERT INTO footfall.sessions SELECT * FROM footfall.sessions WHERE website_id = 'b'");
    const AuditReport report = audit();
    EXPECT_EQ(row(report, "b", "sessions").stored, 2u);
    EXPECT_THAT(row(report, "b", "sessions").differences,
                ElementsAre("session " + key + " of 2026-11-23T06:00:00.000Z is there 2 times"));
    EXPECT_TRUE(row(report, "a", "sessions").ok);
}

TEST_F(SessionAuditTest, R12ARowThatCancelsTooMuchIsNamed) {
    const std::string key = key_of(11);
    plant(
        "INSERT INTO footfall.sessions SELECT * REPLACE (-1 AS sign) FROM (SELECT * FROM footfall.sessions "
        "WHERE website_id = 'a' AND visitor_id = 11 AND sign = 1 ORDER BY version DESC LIMIT 1)");
    EXPECT_THAT(row(audit(), "a", "sessions").differences,
                ElementsAre("session " + key + " of 2026-11-23T06:00:00.000Z is missing"));
}

TEST_F(SessionAuditTest, R12ASessionThatNoEventExplainsIsNamed) {
    plant(
        "INSERT INTO footfall.sessions SELECT * REPLACE (99 AS session_key, 'c' AS website_id) "
        "FROM (SELECT * FROM footfall.sessions WHERE website_id = 'b')");
    const AuditReport report = audit();
    EXPECT_THAT(row(report, "c", "sessions").differences,
                ElementsAre("session 99 is one that no event of the log explains"));
    EXPECT_EQ(row(report, "c").stored, 0u);
}

TEST_F(SessionAuditTest, R12AnAlterationOfAnyColumnOfASessionIsFoundAndNamed) {
    // Rows are planted from a copy: columns of the table's key can't be updated.
    execute("DROP TABLE IF EXISTS footfall.planted SYNC");
    execute("CREATE TABLE footfall.planted ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM footfall.sessions");
    const auto plant_with = [](const std::string& replaced) {
        execute("TRUNCATE TABLE footfall.sessions");
        execute("INSERT INTO footfall.sessions SELECT " + replaced + " FROM footfall.planted");
    };
    plant_with("*");
    ASSERT_TRUE(audit().ok());
    for_each_column(Session(), [&](std::string_view name, std::string_view type, const auto&) {
        if (name == "website_id" || name == "session_key") return;  // those make another session of it
        std::string other = fmt::format("concat({}, 'x')", name);
        if (type == "Bool") other = fmt::format("NOT {}", name);
        else if (type.starts_with("Map"))
            other = fmt::format("mapUpdate({}, CAST(map('EUR', 1), toTypeName({})))", name, name);
        else if (type != "String") other = fmt::format("{} + 1", name);
        plant_with(fmt::format("* REPLACE (if(website_id = 'b', {0}, {1}) AS {1})", other, name));
        const AuditReport report = audit();
        EXPECT_EQ(row(report, "b", "sessions").differences.size(), 1u) << name;
        EXPECT_FALSE(row(report, "b", "sessions").ok) << name;
        EXPECT_TRUE(row(report, "a", "sessions").ok) << name;
    });
    execute("DROP TABLE footfall.planted SYNC");
}

TEST_F(SessionAuditTest, R12AnEventWithAnotherSessionsKeyIsNamed) {
    plant("ALTER TABLE footfall.events UPDATE session_key = 5 WHERE log_offset = 1");
    const AuditReport report = audit();
    EXPECT_THAT(row(report, "a").differences, ElementsAre("offset 1 differs from its record in the log"));
    EXPECT_TRUE(row(report, "a", "sessions").ok);
}

TEST_F(SessionAuditTest, R12AnAliasThatIsMissingOrLeadsElsewhereIsNamed) {
    plant("ALTER TABLE footfall.session_alias UPDATE new_key = 5 WHERE 1");
    EXPECT_THAT(row(audit(), "a", "sessions").differences, ElementsAre(HasSubstr("leads to 5 instead")));
    execute("TRUNCATE TABLE footfall.session_alias");
    EXPECT_THAT(row(audit(), "a", "sessions").differences, ElementsAre(HasSubstr("has no alias")));
}

TEST_F(SessionAuditTest, R12WhatIsLoadedMeanwhileIsNoDifference) {
    // The audit goes up to the end that it was given; then the loader writes on until the tables are held.
    const log::Position end = log_->end();
    event::Event more = numbered(20, kNow);
    more.website_id = "a";
    more.visitor_id = 11;
    const auto hold = [&]() -> Result<TablesHeld> {
        events_.push_back(more);
        append({more});
        insert_sessions({more}, {0, 8});
        return TablesHeld{.position = log_->end(), .is_intact = [] { return true; }, .hold = nullptr};
    };
    const auto report = run_audit(*log_, store(), end, hold, "", {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->ok()) << report->text();
}

TEST_F(SessionAuditTest, TablesThatWereWrittenToWhileTheyWereHeldAreNoVerdict) {
    const auto hold = [&]() -> Result<TablesHeld> {
        return TablesHeld{.position = log_->end(), .is_intact = [] { return false; }, .hold = nullptr};
    };
    const auto report = run_audit(*log_, store(), log_->end(), hold, "", {});
    ASSERT_FALSE(report);
    EXPECT_THAT(report.error().message, HasSubstr("run the audit again"));
}

}  // namespace
}  // namespace footfall::process
