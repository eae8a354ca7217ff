// Answers from a sample of the visitors: whether their intervals hold what all visitors give, over a thousand
// populations of different size and skew, which are the values of a dimension. The store is the real one.
#include <cmath>
#include <list>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "query/plan.h"
#include "query/query_engine_fixture.h"
#include "query/sql.h"
#include "query/vocabulary.h"

namespace footfall::query {
namespace {

// Visitors of a population, and its kind in the last digit: how many events a visitor has is always one; geometric with
// a mean of 3; log-normal, where the busiest hundredth has about 5 % and about 11 % of all; or two but for one in
// twenty with 40, who have half of all. A third of the visitors buys, for amounts that are log-normal too.
constexpr const char* kEvents = R"(INSERT INTO footfall.events
(website_id, event_type, timestamp, visitor_id, session_key, page, country, revenue, currency)
WITH cityHash64(population, number, {seed:UInt64}) AS visitor,
    (visitor % 1000003 + 0.5) / 1000003 AS u, (intDiv(visitor, 1000003) % 1000003 + 0.5) / 1000003 AS v,
    sqrt(-2 * log(u)) * cos(6.283185307 * v) AS normal,
    population % 5 AS kind, intDiv(visitor, 7) % 3 = 0 AS buys,
    toUInt64(least(400, multiIf(kind = 0, 1, kind = 1, 1 + floor(log(u) / log(2 / 3)), kind = 2, ceil(exp(0.5 + 0.8 * normal)),
        kind = 3, ceil(exp(0.5 + 1.2 * normal)), if(u < 0.05, 40, 2)))) AS count
SELECT 'random', if(buys AND i = 0, 'event', 'pageview'), {at:DateTime64(3, 'UTC')} + toIntervalSecond(i), visitor, visitor,
    '/', toString(population), if(buys AND i = 0, toDecimal64(round(exp(3 + 0.7 * normal), 2), 4), toDecimal64(0, 4)), ''
FROM (SELECT number AS population, 400 + (number * 7919) % 800 AS visitors FROM numbers({first:UInt64}, {count:UInt64})) AS p
ARRAY JOIN range(visitors) AS number
ARRAY JOIN range(count) AS i
SETTINGS max_threads = 1, max_block_size = 1000)";

constexpr const char* kSessions = R"(INSERT INTO footfall.sessions
(website_id, visitor_id, session_key, started_at, ended_at, pageviews, events, interactions, country, sign, version)
SELECT 'random', visitor_id, session_key, min(timestamp), max(timestamp), countIf(event_type = 'pageview'), count(),
    countIf(event_type = 'event'), any(country), 1, 1
FROM footfall.events GROUP BY visitor_id, session_key)";

class QuerySamplingTest : public QueryEngineTest {
protected:
    void fill(std::uint64_t seed, std::uint64_t populations) {
        // Not more at once than the store has memory for.
        constexpr std::uint64_t kAtOnce = 50;
        for (std::uint64_t first = 0; first < populations; first += kAtOnce)
            ASSERT_NO_FATAL_FAILURE(execute(kEvents, {{"at", utc(kNow - 3'600'000)},
                                                      {"seed", std::to_string(seed)},
                                                      {"first", std::to_string(first)},
                                                      {"count", std::to_string(kAtOnce)}}));
        ASSERT_NO_FATAL_FAILURE(execute(kSessions, {}));
    }
    // Else the first event with a currency is looked for, among all.
    void SetUp() override {
        QueryEngineTest::SetUp();
        currency_ = "EUR";
    }
    static void execute(const std::string& sql, std::vector<std::pair<std::string, std::string>> parameters) {
        const auto done =
            store().execute({.sql = sql, .parameters = std::move(parameters), .settings = {}, .timeout_ms = 120'000});
        ASSERT_TRUE(done.has_value()) << done.error().message;
    }
    simdjson::dom::element json(const std::string& request) {
        auto text = answer(request, "UTC");
        EXPECT_TRUE(text.has_value()) << request << (text ? "" : text.error().message);
        texts_.push_back(text ? *text : "{}");
        parsers_.emplace_back();
        simdjson::dom::element root;
        EXPECT_EQ(parsers_.back().parse(texts_.back()).get(root), simdjson::SUCCESS) << texts_.back();
        return root;
    }
    static double number(simdjson::dom::element value) {
        return value.is_string() ? std::stod(std::string(value.get_string().value())) : value.get_double().value();
    }

    std::list<std::string> texts_;
    std::list<simdjson::dom::parser> parsers_;
};

const std::vector<std::string> kMetrics = {"visitors",    "pageviews",         "events",           "sessions",
                                           "bounce_rate", "views_per_session", "session_duration", "revenue"};

std::string request(const std::string& dimension, const std::string& more) {
    std::string metrics;
    for (const std::string& metric : kMetrics) metrics += (metrics.empty() ? "\"" : ", \"") + metric + "\"";
    return R"({"website_id": "random", "metrics": [)" + metrics + R"(], "time_range": "today", "limit": 1000)" +
           (dimension.empty() ? "" : R"(, "dimensions": [")" + dimension + "\"]") + more + "}";
}

// How many rows a question would read is asked before it is known whether all of them may be: with the set of keys that
// its filter stands for made, that was refused for its memory.
TEST_F(QuerySamplingTest, HowManyRowsWouldBeReadIsAskedWithoutReadingAny) {
    ASSERT_NO_FATAL_FAILURE(fill(1, 20));
    const auto asked = parse_request(
        R"({"website_id": "random", "metrics": ["visitors"], "dimensions": ["page"], "time_range": "today",
            "filters": [["source", "is", [""]]]})");
    ASSERT_TRUE(asked.has_value()) << asked.error().message;
    const SiteInfo site{.id = "random", .timezone = "UTC"};
    const auto zone = Zone::load("UTC");
    ASSERT_TRUE(zone.has_value());
    const auto plan =
        make_plan({.request = *asked, .site = site, .zone = *zone, .vocabulary = vocabulary(), .now_ms = kNow});
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    constexpr int kTimeoutMs = 30'000;
    store::Statement all = compose(*plan, {.ranges = {plan->range}, .days = {}}, *zone, kTimeoutMs);
    all.settings.emplace_back("max_rows_in_set", "1000");
    EXPECT_FALSE(store().query(all).has_value()) << "the setting forbids nothing";
    const auto estimate = store().query(compose_estimate(all));
    ASSERT_TRUE(estimate.has_value()) << estimate.error().message;
    std::set<std::string> tables;
    for (const auto& row : estimate->rows) tables.insert(std::get<std::string>(row.at(1)));
    EXPECT_EQ(tables, (std::set<std::string>{"events", "sessions"}));
}

// What is claimed: of the intervals at least 93 in 100 hold what there is (they are of 95 %; the rest is for skew).
TEST_F(QuerySamplingTest, IntervalsHoldWhatAllVisitorsGive) {
    const std::uint64_t seed = std::random_device()();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    ASSERT_NO_FATAL_FAILURE(fill(seed, 1000));
    options_.sample_above_rows = 100'000;
    const auto estimated = json(request("country", ""));
    const auto counted = json(request("country", R"(, "exact": true)"));
    EXPECT_EQ(estimated["meta"]["sample_rate"].get_double().value(), 0.1);
    EXPECT_EQ(counted["meta"]["sample_rate"].get_double().value(), 1);
    EXPECT_TRUE(counted["meta"]["confidence"].is_null());
    EXPECT_EQ(estimated["meta"]["confidence"]["level"].get_double().value(), 0.95);

    std::map<std::string, simdjson::dom::array> truth;
    for (const simdjson::dom::element row : items(counted["rows"])) truth[cell(row.at(0))] = row.get_array().value();
    ASSERT_EQ(truth.size(), 1000U);
    std::vector<int> known(kMetrics.size());
    std::vector<int> held(kMetrics.size());
    std::vector<double> error(kMetrics.size());
    const simdjson::dom::array rows = items(estimated["rows"]);
    const simdjson::dom::array intervals = items(estimated["meta"]["confidence"]["rows"]);
    ASSERT_EQ(rows.size(), intervals.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const simdjson::dom::array& all = truth.at(cell(rows.at(i).at(0)));
        for (std::size_t k = 0; k < kMetrics.size(); ++k) {
            const simdjson::dom::element interval = intervals.at(i).at(k);
            if (interval.is_null()) continue;
            const double real = number(all.at(k + 1));
            ++known[k];
            held[k] += number(interval.at(0)) <= real && real <= number(interval.at(1)) ? 1 : 0;
            error[k] += (number(interval.at(1)) - number(interval.at(0))) / real;
        }
    }
    int known_in_all = 0;
    int held_in_all = 0;
    for (std::size_t k = 0; k < kMetrics.size(); ++k) {
        known_in_all += known[k];
        held_in_all += held[k];
        std::cout << fmt::format("{}: {} of {} hold it, {:.0f} % wide in the mean\n", kMetrics[k], held[k], known[k],
                                 100 * error[k] / std::max(1, known[k]));
        // Of few kinds of population enough visitors bounce, and enough do not.
        EXPECT_GE(known[k], kMetrics[k] == "bounce_rate" ? 50 : kMetrics[k] == "revenue" ? 250 : 600) << kMetrics[k];
        // What so many draws of 93 % may miss by three standard deviations.
        EXPECT_GE(held[k], 0.93 * known[k] - 3 * std::sqrt(0.93 * 0.07 * known[k])) << kMetrics[k];
        // As wide as a sample of that size makes it, and no wider: an interval of everything would hold it too.
        EXPECT_LE(error[k] / known[k], 1.2) << kMetrics[k];
    }
    EXPECT_GE(held_in_all, 0.93 * known_in_all);

    // The total, over all of them, is told within a hundredth or two, and no group is lost or made up.
    const auto totals = members(estimated["meta"]["confidence"]["totals"]);
    for (std::size_t k = 0; k < kMetrics.size(); ++k) {
        const simdjson::dom::element interval = totals.at_key(kMetrics[k]);
        const double real = number(counted["totals"][kMetrics[k]]);
        EXPECT_LT(number(interval.at(1)) - number(interval.at(0)), 0.1 * real) << kMetrics[k];
        EXPECT_NEAR(number(estimated["totals"][kMetrics[k]]), real, 0.05 * real) << kMetrics[k];
    }
}

TEST_F(QuerySamplingTest, OneInTenVisitorsIsReadAndNoneBelowTheLimit) {
    ASSERT_NO_FATAL_FAILURE(fill(7, 100));
    for (const char* table : {"events", "sessions"})
        ASSERT_NO_FATAL_FAILURE(execute(fmt::format("OPTIMIZE TABLE footfall.{} FINAL", table), {}));
    const auto read = [&](std::uint64_t above, const std::string& more) {
        options_.sample_above_rows = above;
        const auto root = json(request("", more));
        return std::pair(root["meta"]["sample_rate"].get_double().value(),
                         root["meta"]["rows_read"].get_uint64().value());
    };
    const auto [rate, rows] = read(100'000, "");
    const auto [rate_of_all, rows_of_all] = read(100'000, R"(, "exact": true)");
    EXPECT_EQ(rate, 0.1);
    EXPECT_EQ(rate_of_all, 1);
    // The key has visitors behind the day, so that whole granules are passed over.
    EXPECT_LT(rows, rows_of_all / 5);
    EXPECT_EQ(read(1'000'000'000, "").first, 1);
    EXPECT_EQ(read(0, "").first, 1);
    // It is what would be read that counts, not what the tables hold: of a day without events that is nothing.
    options_.sample_above_rows = 100'000;
    const auto empty =
        json(R"({"website_id": "random", "metrics": ["visitors"], "date_range": ["2025-01-01", "2025-01-02"]})");
    EXPECT_EQ(empty["meta"]["sample_rate"].get_double().value(), 1);
}

TEST_F(QuerySamplingTest, FewVisitorsHaveNoInterval) {
    ASSERT_NO_FATAL_FAILURE(fill(11, 100));
    options_.sample_above_rows = 1000;
    // A visitor who adds something is one in ten of the sample; about 30 of them are needed.
    const auto root = json(R"({"website_id": "random", "metrics": ["visitors", "revenue"], "time_range": "today",
        "filters": [["country", "is", ["1"]]]})");
    const auto interval = items(root["meta"]["confidence"]["rows"]).at(0);
    EXPECT_FALSE(interval.at(0).is_null());
    const auto few = json(R"({"website_id": "random", "metrics": ["visitors"], "time_range": "today",
        "filters": [["country", "is", ["1"]], ["page", "is", ["/none"]]]})");
    EXPECT_TRUE(items(few["meta"]["confidence"]["rows"]).at(0).at(0).is_null());
    EXPECT_EQ(items(few["rows"]).at(0).at(0).get_uint64().value(), 0U);
}

TEST_F(QuerySamplingTest, OrderLimitAndOffsetAreThoseOfTheEstimates) {
    ASSERT_NO_FATAL_FAILURE(fill(13, 100));
    options_.sample_above_rows = 100'000;
    const auto all = json(request("country", R"(, "order_by": [["pageviews", "desc"], ["country", "asc"]])"));
    const auto page =
        json(R"({"website_id": "random", "metrics": ["pageviews"], "dimensions": ["country"], "time_range": "today",
        "order_by": [["pageviews", "desc"], ["country", "asc"]], "limit": 5, "offset": 10})");
    const simdjson::dom::array rows = items(page["rows"]);
    ASSERT_EQ(rows.size(), 5U);
    EXPECT_EQ(items(page["meta"]["confidence"]["rows"]).size(), 5U);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(cell(rows.at(i).at(0)), cell(items(all["rows"]).at(10 + i).at(0)));
        EXPECT_EQ(cell(rows.at(i).at(1)), cell(items(all["rows"]).at(10 + i).at(2)));
    }
    EXPECT_EQ(cell(page["totals"]["pageviews"]), cell(all["totals"]["pageviews"]));
}

TEST_F(QuerySamplingTest, RowsAloneAndWhatDoesNotAddUpAreOfAllVisitors) {
    ASSERT_NO_FATAL_FAILURE(fill(17, 100));
    options_.sample_above_rows = 100'000;
    const auto scrolled = json(R"({"website_id": "random", "metrics": ["scroll_depth"], "time_range": "today"})");
    EXPECT_EQ(scrolled["meta"]["sample_rate"].get_double().value(), 1);
    const auto counted =
        json(R"({"website_id": "random", "metrics": ["events"], "time_range": "today", "exact": true})");
    auto parsed = parse_request(R"({"website_id": "random", "metrics": ["events"], "time_range": "today"})");
    ASSERT_TRUE(parsed.has_value());
    Service service(store(), clock_, options_);
    const auto csv = service.run(
        *parsed, {.id = "random", .timezone = "UTC", .created_ms = 0}, [] { return ""; }, Format::kCsv);
    ASSERT_TRUE(csv.has_value()) << csv.error().message;
    EXPECT_EQ(*csv, "events\r\n" + cell(items(counted["rows"]).at(0).at(0)) + "\r\n");
}

}  // namespace
}  // namespace footfall::query
