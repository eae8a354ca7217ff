// Answers of rolled days: whether the intervals of what comes from sketches hold what the events give, and what is
// exact says so. The store is the real one; its rolled days are made here, as the tables have them.
#include <iostream>
#include <list>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "query/query_engine_fixture.h"

namespace footfall::query {
namespace {

const Day kToday(2026, 11, 6);  // kNow's
constexpr int kDays = 14;
constexpr int kGroups = 40;

/// Days that were summed up: all of them have every dimension, and sketches.
class Days : public RolledDays {
public:
    std::vector<RolledDay> days(const SiteInfo& /*site*/, Day first, Day last, const Need& /*need*/) const override {
        std::vector<RolledDay> found;
        for (Day day = first; day <= last; ++day)
            if (day >= from && day < kToday) found.push_back({.day = day, .generation = 1, .events = 1'000'000});
        return found;
    }
    bool are_kept(const SiteInfo& /*site*/, const std::vector<RolledDay>& /*days*/) const override { return true; }
    std::size_t expired_days(const SiteInfo& /*site*/) const override { return 0; }

    Day from = kToday - 30;
};

// A day, so many before today: 20 visitors of the smallest country and 1,970 of the largest, some of whom come on other
// days too, and some with two events.
constexpr const char* kEvents = R"(INSERT INTO footfall.events
(website_id, event_type, timestamp, visitor_id, session_key, page, country, revenue, currency)
SELECT 'random', if(page = 1, 'event', 'pageview'), {now:DateTime64(3, 'UTC')} - toIntervalDay({day:UInt64}) - toIntervalSecond(1 + page),
    cityHash64(country, intDiv(number * (7 + {day:UInt64}), 7)), 1, '/', toString(country), if(page = 1, toDecimal64(1.25, 4), toDecimal64(0, 4)), 'EUR'
FROM (SELECT number AS country FROM numbers({groups:UInt64})) AS c
ARRAY JOIN range(20 + country * 50) AS number
ARRAY JOIN range(1 + number % 2) AS page
SETTINGS max_threads = 1, max_block_size = 1000)";

constexpr const char* kRolled = R"(INSERT INTO footfall.rollup_days
(website_id, dimension, day, value, generation, events, pageviews, visitors, revenue)
SELECT 'random', {dimension:String}, toDate(timestamp) AS day, if({dimension:String} = '', '', country) AS value, 1, count(),
    countIf(event_type = 'pageview'), uniqCombined64State(14)(visitor_id),
    CAST(map('EUR', sum(toDecimal128(revenue, 4))), 'Map(LowCardinality(String), Decimal(38, 4))')
FROM footfall.events WHERE day < {today:Date} GROUP BY day, value)";

// Who met the goal "Bought" is one in five of all, on five days; and few others "Rare".
constexpr const char* kGoals = R"(INSERT INTO footfall.rollup_days
(website_id, dimension, day, value, generation, conversions, converted_visitors, sessions, session_visitors)
SELECT 'random', 'goal', {today:Date} - day, name, 1, countIf(met), uniqCombined64StateIf(14)(cityHash64(visitor), met),
    count(), uniqCombined64State(14)(cityHash64(visitor))
FROM (SELECT arrayJoin(range(1, 6)) AS day, arrayJoin(['', 'Bought', 'Rare']) AS name, number AS visitor,
    if(name = 'Rare', visitor < 7, visitor % 5 = 0) AS met FROM numbers(20000))
GROUP BY day, name)";

class QuerySketchesTest : public QueryEngineTest {
protected:
    // Once: no test changes what is there.
    static void SetUpTestSuite() {
        QueryEngineTest::SetUpTestSuite();
        for (int day = 0; day < kDays; ++day)
            ASSERT_NO_FATAL_FAILURE(execute(
                kEvents, {{"now", utc(kNow)}, {"day", std::to_string(day)}, {"groups", std::to_string(kGroups)}}));
        for (const char* dimension : {"", "country"})
            ASSERT_NO_FATAL_FAILURE(execute(kRolled, {{"dimension", dimension}, {"today", day_text(kToday)}}));
        ASSERT_NO_FATAL_FAILURE(execute(kGoals, {{"today", day_text(kToday)}}));
    }
    void SetUp() override {
        currency_ = "EUR";
        options_.rolled_days = &days_;
        options_.sketch_above_events = 0;
    }
    static void execute(const std::string& sql, std::vector<std::pair<std::string, std::string>> parameters) {
        const auto done =
            store().execute({.sql = sql, .parameters = std::move(parameters), .settings = {}, .timeout_ms = 120'000});
        ASSERT_TRUE(done.has_value()) << done.error().message;
    }
    simdjson::dom::element parse(const Result<std::string>& text) {
        EXPECT_TRUE(text.has_value()) << (text ? "" : text.error().message);
        texts_.push_back(text ? *text : "{}");
        parsers_.emplace_back();
        simdjson::dom::element root;
        EXPECT_EQ(parsers_.back().parse(texts_.back()).get(root), simdjson::SUCCESS) << texts_.back();
        return root;
    }
    simdjson::dom::element ask(const std::string& more) {
        return parse(answer(R"({"website_id": "random", )" + more + "}", "UTC"));
    }
    static double number(simdjson::dom::element value) {
        return value.is_string() ? std::stod(std::string(value.get_string().value())) : value.get_double().value();
    }
    static bool holds(simdjson::dom::element interval, simdjson::dom::element truth) {
        return number(interval.at(0)) <= number(truth) && number(truth) <= number(interval.at(1));
    }

    /// How many of the values of rows come from sketches, and how many of those hold what the events give.
    struct Held {
        int of_sketches = 0;
        int held = 0;
    };
    static void compare(simdjson::dom::array rows, simdjson::dom::array intervals, simdjson::dom::array truth,
                        std::size_t dimensions, Held& held) {
        ASSERT_EQ(rows.size(), truth.size());
        ASSERT_EQ(rows.size(), intervals.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const simdjson::dom::element interval = intervals.at(i).at(0);
            const simdjson::dom::element told = rows.at(i).at(dimensions);
            const simdjson::dom::element counted = truth.at(i).at(dimensions);
            if (number(told) < 495) {
                EXPECT_EQ(cell(interval), fmt::format("[{0},{0}]", cell(told)));
                EXPECT_EQ(cell(told), cell(counted));
            } else {
                ++held.of_sketches;
                held.held += holds(interval, counted) ? 1 : 0;
                EXPECT_LT(number(interval.at(0)), number(told));
                EXPECT_LT(number(told), number(interval.at(1)));
                EXPECT_LT(number(interval.at(1)) - number(interval.at(0)), 0.032 * number(told) + 2);
            }
            // What adds up is what the events give, and so are both ends.
            for (std::size_t k = 1; k < intervals.at(i).get_array().value().size(); ++k) {
                const std::string exact = cell(truth.at(i).at(dimensions + k));
                EXPECT_EQ(cell(rows.at(i).at(dimensions + k)), exact);
                EXPECT_EQ(cell(intervals.at(i).at(k).at(0)), exact);
                EXPECT_EQ(cell(intervals.at(i).at(k).at(1)), exact);
            }
        }
    }

    Days days_;
    std::list<std::string> texts_;
    std::list<simdjson::dom::parser> parsers_;
};

// The events are always the same, and so are their sketches.
TEST_F(QuerySketchesTest, IntervalsHoldWhatTheEventsGive) {
    Held held;
    for (const char* dimensions : {R"("country")", R"("date", "country")", R"("date")"}) {
        SCOPED_TRACE(dimensions);
        const std::size_t count = std::string(dimensions).find(',') == std::string::npos ? 1 : 2;
        std::string order;
        for (const char* name : {"date", "country"})
            if (std::string(dimensions).find(name) != std::string::npos)
                order += fmt::format(R"({}["{}", "asc"])", order.empty() ? "" : ", ", name);
        const std::string question =
            fmt::format(R"("metrics": ["visitors", "pageviews", "events", "revenue"], "dimensions": [{}],
                "time_range": "7d", "compare": "previous_period", "order_by": [{}], "limit": 1000)",
                        dimensions, order);
        const auto told = ask(question);
        const auto counted = ask(question + R"(, "exact": true)");
        EXPECT_EQ(told["meta"]["source"].get_string().value(), "mixed");
        EXPECT_EQ(counted["meta"]["source"].get_string().value(), "events");
        EXPECT_TRUE(counted["meta"]["confidence"].is_null());
        const auto confidence = told["meta"]["confidence"];
        EXPECT_EQ(cell(confidence["level"]), "0.95");
        EXPECT_EQ(told["meta"]["sample_rate"].get_double().value(), 1);
        ASSERT_NO_FATAL_FAILURE(
            compare(items(told["rows"]), items(confidence["rows"]), items(counted["rows"]), count, held));
        const auto comparison = told["comparison"];
        EXPECT_EQ(comparison["sample_rate"].get_double().value(), 1);
        ASSERT_NO_FATAL_FAILURE(compare(items(comparison["rows"]), items(comparison["confidence"]["rows"]),
                                        items(counted["comparison"]["rows"]), count, held));

        for (const auto& [its, its_confidence, truth] :
             {std::tuple(told["totals"], confidence["totals"], counted["totals"]),
              std::tuple(comparison["totals"], comparison["confidence"]["totals"], counted["comparison"]["totals"])}) {
            EXPECT_TRUE(holds(its_confidence["visitors"], truth["visitors"]));
            EXPECT_NE(cell(its_confidence["visitors"].at(0)), cell(its_confidence["visitors"].at(1)));
            for (const char* exact : {"pageviews", "events", "revenue"}) {
                EXPECT_EQ(cell(its[exact]), cell(truth[exact]));
                EXPECT_EQ(cell(its_confidence[exact].at(0)), cell(truth[exact]));
                EXPECT_EQ(cell(its_confidence[exact].at(1)), cell(truth[exact]));
            }
        }
    }
    std::cout << fmt::format("{} of {} hold it\n", held.held, held.of_sketches);
    EXPECT_GT(held.of_sketches, 400);
    EXPECT_GE(held.held, 0.95 * held.of_sketches);
}

TEST_F(QuerySketchesTest, RatesOfTwoSketchesHoldWhatThereIs) {
    for (const char* name : {"Bought", "Rare"})
        goals_.push_back({.name = name, .of = GoalDeclaration::Of::kEvent, .value = name});
    const auto told =
        ask(R"("metrics": ["converted_visitors", "visitor_conversion_rate", "conversions", "conversion_rate"],
            "dimensions": ["goal"], "date_range": ["2026-11-01", "2026-11-05"], "order_by": [["goal", "asc"]])");
    EXPECT_EQ(told["meta"]["source"].get_string().value(), "rollup");
    const simdjson::dom::array rows = items(told["rows"]);
    const simdjson::dom::array intervals = items(told["meta"]["confidence"]["rows"]);
    ASSERT_EQ(rows.size(), 2U);
    const simdjson::dom::element bought = intervals.at(0);
    const auto between = [](simdjson::dom::element interval, double truth) {
        EXPECT_LE(number(interval.at(0)), truth);
        EXPECT_GE(number(interval.at(1)), truth);
        EXPECT_LT(number(interval.at(0)), number(interval.at(1)));
    };
    between(bought.at(0), 4000);
    between(bought.at(1), 20);
    EXPECT_EQ(cell(bought.at(2)), "[20000,20000]");
    EXPECT_EQ(cell(bought.at(3).at(0)), cell(rows.at(0).at(4)));
    EXPECT_EQ(cell(bought.at(3).at(1)), cell(rows.at(0).at(4)));
    EXPECT_EQ(cell(intervals.at(1).at(0)), "[7,7]") << "seven visitors are a set";
    between(intervals.at(1).at(1), 0.035);
}

TEST_F(QuerySketchesTest, WhereNothingComesFromASketchThereIsNoInterval) {
    const auto numbers = ask(R"("metrics": ["pageviews", "events"], "time_range": "7d")");
    EXPECT_EQ(numbers["meta"]["source"].get_string().value(), "mixed");
    EXPECT_TRUE(numbers["meta"]["confidence"].is_null());
    const auto exact = ask(R"("metrics": ["visitors"], "time_range": "7d", "exact": true)");
    EXPECT_TRUE(exact["meta"]["confidence"].is_null());
    const auto today = ask(R"("metrics": ["visitors"], "time_range": "today")");
    EXPECT_EQ(today["meta"]["source"].get_string().value(), "events");
    EXPECT_TRUE(today["meta"]["confidence"].is_null());
    options_.sketch_above_events = 1'000'000'000;
    EXPECT_TRUE(ask(R"("metrics": ["visitors"], "time_range": "7d")")["meta"]["confidence"].is_null());
}

TEST_F(QuerySketchesTest, EachPeriodSaysForItselfWhetherItIsOfSketches) {
    days_.from = kToday - 6;
    const std::string question = R"("metrics": ["visitors"], "compare": "previous_period", )";
    const auto now = ask(question + R"("time_range": "7d")");
    EXPECT_FALSE(now["meta"]["confidence"].is_null());
    EXPECT_EQ(now["comparison"]["confidence"].error(), simdjson::NO_SUCH_FIELD);
    const auto before = ask(question + R"("time_range": "today")");
    EXPECT_TRUE(before["meta"]["confidence"].is_null());
    // Until this time of yesterday, which is no whole day.
    EXPECT_EQ(before["comparison"]["confidence"].error(), simdjson::NO_SUCH_FIELD);
    const auto chosen = ask(
        R"("metrics": ["visitors"], "date_range": ["2026-10-28", "2026-10-28"], "compare": ["2026-11-04", "2026-11-04"])");
    EXPECT_TRUE(chosen["meta"]["confidence"].is_null());
    EXPECT_FALSE(chosen["comparison"]["confidence"]["rows"].at(0).at(0).is_null());
    // Without totals there are none of them.
    const auto grouped = ask(R"("metrics": ["visitors"], "dimensions": ["date"], "totals": false, "time_range": "7d")");
    EXPECT_TRUE(grouped["meta"]["confidence"]["totals"].is_null());
    EXPECT_EQ(items(grouped["meta"]["confidence"]["rows"]).size(), 7U);
}

TEST_F(QuerySketchesTest, NothingIsExactlyNothing) {
    const auto nobody = ask(
        R"("metrics": ["visitors", "bounce_rate"], "dimensions": ["country"], "date_range": ["2026-10-10", "2026-10-15"])");
    EXPECT_EQ(nobody["meta"]["source"].get_string().value(), "rollup");
    EXPECT_EQ(cell(nobody["meta"]["confidence"]),
              R"({"level":0.95,"rows":[],"totals":{"visitors":[0,0],"bounce_rate":null}})");
}

TEST_F(QuerySketchesTest, AKeptAnswerHasItsIntervals) {
    options_.cache_bytes_max = 10'000'000;
    options_.data_state = [] { return DataState{.loaded = 1, .changes = 0, .is_steady = true}; };
    Service service(store(), clock_, options_);
    const auto run = [&](Format format) {
        const auto parsed = parse_request(
            R"({"website_id": "random", "metrics": ["visitors", "pageviews"], "time_range": "7d", "compare": "previous_period"})");
        EXPECT_TRUE(parsed.has_value());
        return parse(service.run(
            *parsed, {.id = "random", .timezone = "UTC", .created_ms = 0}, [] { return ""; }, format));
    };
    const auto asked = run(Format::kJson);
    const auto kept = run(Format::kEvents);
    EXPECT_FALSE(asked["meta"]["cached"].get_bool().value());
    EXPECT_TRUE(kept["meta"]["cached"].get_bool().value());
    EXPECT_FALSE(kept["meta"]["confidence"].is_null());
    EXPECT_EQ(cell(asked["meta"]["confidence"]), cell(kept["meta"]["confidence"]));
    EXPECT_EQ(cell(asked["comparison"]), cell(kept["comparison"]));
}

}  // namespace
}  // namespace footfall::query
