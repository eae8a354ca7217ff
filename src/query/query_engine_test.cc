// The whole way from a request's JSON to an answer's JSON, against the real engine. Answers of random requests are
// compared with a naive fold over the same events in C++, which shares no code with the planner but the parser of
// requests. FOOTFALL_SEED=n repeats a failure.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <cctz/time_zone.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/clock.h"
#include "base/json.h"
#include "query/query.h"
#include "query/query_engine_fixture.h"

namespace footfall::query {
namespace {

constexpr std::int64_t kNow = 1'794'000'000'000;  // 2026-11-06T21:20:00Z

struct Visit {
    std::string site = "random";
    std::string type = "pageview";
    std::int64_t ms = 0;
    std::uint64_t visitor = 1;
    std::string user_id;
    std::string page = "/";
    std::string country;
    std::string browser_version;
    std::map<std::string, std::string> properties;
    bool is_bot = false;
};

void insert(store::Client& store, const std::vector<Visit>& visits) {
    std::string block;
    for (const Visit& visit : visits) {
        json::Writer json(block);
        json.begin_object();
        json.member("website_id", visit.site);
        json.member("event_type", visit.type);
        json.member("timestamp",
                    cctz::format("%Y-%m-%d %H:%M:%E3S",
                                 std::chrono::system_clock::time_point(std::chrono::milliseconds(visit.ms)),
                                 cctz::utc_time_zone()));
        json.member("visitor_id", visit.visitor);
        json.member("user_id", visit.user_id);
        json.member("page", visit.page);
        json.member("country", visit.country);
        json.member("browser_version", visit.browser_version);
        json.member("is_bot", visit.is_bot);
        json.key("properties");
        json.begin_object();
        for (const auto& [name, value] : visit.properties) json.member(name, value);
        json.end_object();
        json.end_object();
        block += '\n';
    }
    const auto done = store.insert("INSERT INTO footfall.events FORMAT JSONEachRow", block);
    ASSERT_TRUE(done.has_value()) << done.error().message;
}

// Copies of what simdjson returns by reference into a temporary.
simdjson::dom::array items(simdjson::simdjson_result<simdjson::dom::element> list) {
    simdjson::dom::array result;
    EXPECT_EQ(list.get(result), simdjson::SUCCESS);
    return result;
}

simdjson::dom::object members(simdjson::simdjson_result<simdjson::dom::element> object) {
    simdjson::dom::object result;
    EXPECT_EQ(object.get(result), simdjson::SUCCESS);
    return result;
}

// An answer, every cell as text.
struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
    std::map<std::string, std::string> totals;
};

std::string cell(simdjson::dom::element value) {
    return value.is_string() ? std::string(value.get_string().value()) : simdjson::minify(value);
}

Table table_of(simdjson::dom::element root) {
    Table table;
    for (const simdjson::dom::element row : items(root["rows"])) {
        table.rows.emplace_back();
        for (const auto value : items(simdjson::dom::element(row))) table.rows.back().push_back(cell(value));
    }
    for (const auto field : members(root["totals"])) table.totals[std::string(field.key)] = cell(field.value);
    return table;
}

class QueryEngineTest : public testing::Test {
protected:
    static void SetUpTestSuite() { engine_ = std::make_unique<EngineFixture>(); }
    static void TearDownTestSuite() { engine_.reset(); }

    void SetUp() override {
        ASSERT_TRUE(engine_->client()
                        .execute({.sql = "TRUNCATE TABLE footfall.events", .parameters = {}, .settings = {}})
                        .has_value());
    }

    static store::Client& store() { return engine_->client(); }

    Result<std::string> answer(const std::string& request, const std::string& zone) {
        auto parsed = parse_request(request);
        if (!parsed) return parsed.error();
        Service service(store(), clock_, {});
        return service.run(*parsed, {.id = parsed->website_id, .timezone = zone, .created_ms = 0},
                           [] { return "2026-11-06T21:20:00.000Z"; });
    }

    Table ask(const std::string& request, const std::string& zone = "Europe/Berlin") {
        const auto text = answer(request, zone);
        EXPECT_TRUE(text.has_value()) << request << '\n' << (text ? "" : text.error().message);
        if (!text) return {};
        simdjson::dom::parser parser;
        simdjson::dom::element root;
        EXPECT_EQ(parser.parse(*text).get(root), simdjson::SUCCESS) << *text;
        Table table = table_of(root);
        for (const auto column : items(root["columns"]))
            table.columns.emplace_back(column["name"].get_string().value());
        return table;
    }

    ManualClock clock_{kNow};

private:
    static std::unique_ptr<EngineFixture> engine_;
};
std::unique_ptr<EngineFixture> QueryEngineTest::engine_;

// --- the naive fold
// -------------------------------------------------------------------------------------------------------------------

// A value of a dimension: what it sorts by, and how it is written.
struct Label {
    std::int64_t number = 0;
    std::string text;
    auto operator<=>(const Label&) const = default;
};

using Seconds = std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;

Label day_label(cctz::civil_day day) {
    return {
        day - cctz::civil_day(1970, 1, 1),
        cctz::format("%Y-%m-%d", cctz::convert(cctz::civil_second(day), cctz::utc_time_zone()), cctz::utc_time_zone())};
}

Label label(const Visit& visit, const std::string& dimension, const cctz::time_zone& zone) {
    const Seconds at{std::chrono::seconds(visit.ms / 1000)};
    const auto local = zone.lookup(at);
    const cctz::civil_day day(local.cs);
    if (dimension == "date") return day_label(day);
    if (dimension == "week") return day_label(cctz::prev_weekday(day + 1, cctz::weekday::monday));
    if (dimension == "month") return day_label(cctz::civil_day(cctz::civil_month(day)));
    if (dimension == "hour" || dimension == "minute") {
        const std::int64_t into = dimension == "hour" ? local.cs.minute() * 60 + local.cs.second() : local.cs.second();
        return {visit.ms / 1000 - into, cctz::format("%Y-%m-%dT%H:%M:%S%Ez", at - std::chrono::seconds(into), zone)};
    }
    if (dimension == "page") return {0, visit.page};
    if (dimension == "country") return {0, visit.country};
    if (dimension == "browser_version") return {0, visit.browser_version};
    if (dimension == "user_id")
        return {0, visit.user_id.empty() ? fmt::format("{:016x}", visit.visitor) : visit.user_id};
    const auto found = visit.properties.find(dimension.substr(std::string("property:").size()));
    return {0, found == visit.properties.end() ? "" : found->second};
}

bool passes(const Visit& visit, const Filter& filter, const cctz::time_zone& zone) {
    const auto child = [&](const Filter& inner) { return passes(visit, inner, zone); };
    switch (filter.kind) {
        case Filter::Kind::kAnd: return std::all_of(filter.children.begin(), filter.children.end(), child);
        case Filter::Kind::kOr: return std::any_of(filter.children.begin(), filter.children.end(), child);
        case Filter::Kind::kNot: return !child(filter.children.at(0));
        case Filter::Kind::kTest: break;
    }
    const std::string text = label(visit, filter.dimension, zone).text;
    const auto any = [&](auto test) { return std::any_of(filter.values.begin(), filter.values.end(), test); };
    const auto equal = [&](const std::string& value) { return text == value; };
    const auto within = [&](const std::string& value) { return text.find(value) != std::string::npos; };
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const bool is_number = !text.empty() && *end == '\0';
    switch (filter.op) {
        case Operator::kIs: return any(equal);
        case Operator::kIsNot: return !any(equal);
        case Operator::kContains: return any(within);
        case Operator::kContainsNot: return !any(within);
        case Operator::kIsSet: return !text.empty();
        case Operator::kIsNotSet: return text.empty();
        case Operator::kGt: return is_number && number > std::stod(filter.values.at(0));
        case Operator::kLt: return is_number && number < std::stod(filter.values.at(0));
        case Operator::kBetween:
            return is_number && number >= std::stod(filter.values.at(0)) && number <= std::stod(filter.values.at(1));
        default: ADD_FAILURE() << "the fold has no such operator"; return false;
    }
}

struct Counts {
    std::set<std::uint64_t> visitors;
    std::int64_t pageviews = 0;
    std::int64_t events = 0;

    std::int64_t of(const std::string& metric) const {
        if (metric == "pageviews") return pageviews;
        return metric == "events" ? events : static_cast<std::int64_t>(visitors.size());
    }
    void add(const Visit& visit) {
        visitors.insert(visit.visitor);
        pageviews += visit.type == "pageview" ? 1 : 0;
        ++events;
    }
};

Table fold(const std::vector<Visit>& visits, const Request& request, std::int64_t from_ms, std::int64_t to_ms,
           const cctz::time_zone& zone) {
    const bool only_pageviews = request.metrics == std::vector<std::string>{"pageviews"};
    std::map<std::vector<Label>, Counts> groups;
    Counts total;
    for (const Visit& visit : visits) {
        if (visit.site != request.website_id || visit.ms < from_ms || visit.ms >= to_ms) continue;
        if (visit.is_bot && request.include_bots == Toggle::kOff) continue;
        if (visit.type != "pageview" && (only_pageviews || visit.type != "event")) continue;
        if (!std::all_of(request.filters.begin(), request.filters.end(),
                         [&](const Filter& filter) { return passes(visit, filter, zone); }))
            continue;
        std::vector<Label> key;
        for (const std::string& dimension : request.dimensions) key.push_back(label(visit, dimension, zone));
        groups[key].add(visit);
        total.add(visit);
    }
    if (request.dimensions.empty()) groups[{}];
    std::vector<std::pair<std::vector<Label>, Counts>> ordered(groups.begin(), groups.end());
    // The map's order settles ties; the asked terms come on top of it, the last first.
    for (auto term = request.order_by.rbegin(); term != request.order_by.rend(); ++term) {
        const auto column =
            std::find(request.dimensions.begin(), request.dimensions.end(), term->name) - request.dimensions.begin();
        std::stable_sort(ordered.begin(), ordered.end(), [&](const auto& a, const auto& b) {
            const auto& low = term->direction == Direction::kAscending ? a : b;
            const auto& high = term->direction == Direction::kAscending ? b : a;
            if (column < static_cast<std::ptrdiff_t>(request.dimensions.size()))
                return low.first[column] < high.first[column];
            return low.second.of(term->name) < high.second.of(term->name);
        });
    }
    Table table;
    for (std::size_t i = static_cast<std::size_t>(request.offset);
         i < ordered.size() && table.rows.size() < static_cast<std::size_t>(request.limit); ++i) {
        table.rows.emplace_back();
        for (const Label& value : ordered[i].first) table.rows.back().push_back(value.text);
        for (const std::string& metric : request.metrics)
            table.rows.back().push_back(std::to_string(ordered[i].second.of(metric)));
    }
    for (const std::string& metric : request.metrics) table.totals[metric] = std::to_string(total.of(metric));
    return table;
}

// --- random events and requests
// -------------------------------------------------------------------------------------------------------

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::int64_t below(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(engine_); }
    bool one_in(std::int64_t n) { return below(n) == 0; }
    std::string pick(const std::vector<std::string>& from) {
        return from[static_cast<std::size_t>(below(static_cast<std::int64_t>(from.size())))];
    }

private:
    std::mt19937_64 engine_;
};

const std::vector<std::string> kPages = {"/",
                                         "/a",
                                         "/b",
                                         "/a/b",
                                         "/it's",
                                         "/back\\slash",
                                         "/gr\xc3\xb6\xc3\x9f"
                                         "e"};
const std::vector<std::string> kCountries = {"", "DE", "FR", "NP"};
const std::vector<std::string> kVersions = {"", "9", "10", "10.5", "140", "beta"};
const std::vector<std::string> kPlans = {"", "free", "pro", "5"};

constexpr std::int64_t kFrom = 1'792'800'000'000;  // 2026-10-24: the change of the clock is a day later

Visit random_visit(Random& random) {
    Visit visit;
    if (random.one_in(10)) visit.site = "other";
    visit.type = random.pick({"pageview", "pageview", "pageview", "event", "ping", "identify", "vitals"});
    visit.ms = kFrom + random.below(14LL * 86'400'000);
    visit.visitor =
        static_cast<std::uint64_t>(random.one_in(5) ? random.below(4) + 1 : random.below(300) + 1) * 0x0123'4567'89ULL;
    if (random.one_in(6)) visit.user_id = "user " + std::to_string(random.below(5));
    visit.page = random.pick(kPages);
    visit.country = random.pick(kCountries);
    visit.browser_version = random.pick(kVersions);
    if (!random.one_in(3)) visit.properties["plan"] = random.pick(kPlans);
    visit.is_bot = random.one_in(8);
    return visit;
}

std::string quoted(const std::string& text) {
    std::string out;
    json::append_string(out, text);
    return out;
}

std::string random_test(Random& random) {
    const std::vector<std::pair<std::string, const std::vector<std::string>*>> columns = {
        {"page", &kPages}, {"country", &kCountries}, {"browser_version", &kVersions}, {"property:plan", &kPlans}};
    const auto& [name, values] = columns[static_cast<std::size_t>(random.below(4))];
    const std::string op = random.pick({"is", "is_not", "contains", "contains_not", "is_set", "gt", "lt", "between"});
    if (op == "is_set") return fmt::format("[{}, \"is_set\", {}]", quoted(name), random.one_in(2));
    if (op == "gt" || op == "lt") return fmt::format("[{}, \"{}\", {}]", quoted(name), op, random.below(20));
    if (op == "between")
        return fmt::format("[{}, \"between\", [{}, {}]]", quoted(name), random.below(10), 10 + random.below(200));
    std::vector<std::string> texts;
    for (std::int64_t i = 0; i <= random.below(3); ++i) {
        const std::string value = random.pick(*values);
        texts.push_back(quoted(op.starts_with("contains") && value.empty() ? "/" : value));
    }
    return fmt::format("[{}, \"{}\", [{}]]", quoted(name), op, fmt::join(texts, ", "));
}

std::string random_filter(Random& random, int depth = 0) {
    if (depth > 2 || !random.one_in(3)) return random_test(random);
    if (random.one_in(3)) return fmt::format("[\"not\", {}]", random_filter(random, depth + 1));
    return fmt::format("[\"{}\", {}, {}]", random.pick({"and", "or"}), random_filter(random, depth + 1),
                       random_filter(random, depth + 1));
}

std::vector<std::string> random_subset(Random& random, std::vector<std::string> from, std::size_t most) {
    std::vector<std::string> subset;
    const auto size =
        static_cast<std::size_t>(random.below(static_cast<std::int64_t>(std::min(most, from.size())) + 1));
    while (subset.size() < size) {
        const auto at = from.begin() + random.below(static_cast<std::int64_t>(from.size()));
        subset.push_back(*at);
        from.erase(at);
    }
    return subset;
}

std::string list(const std::vector<std::string>& words) {
    return words.empty() ? "[]" : fmt::format("[\"{}\"]", fmt::join(words, "\", \""));
}

struct RandomRequest {
    std::string json;
    std::int64_t from_ms = 0;
    std::int64_t to_ms = 0;
};

RandomRequest random_request(Random& random, const cctz::time_zone& zone) {
    auto metrics = random_subset(random, {"visitors", "pageviews", "events"}, 3);
    if (metrics.empty()) metrics = {"pageviews"};
    const auto dimensions = random_subset(
        random,
        {"page", "country", "browser_version", "user_id", "property:plan", "date", "hour", "minute", "week", "month"},
        3);
    std::vector<std::string> columns = metrics;
    columns.insert(columns.end(), dimensions.begin(), dimensions.end());
    std::vector<std::string> order;
    for (const std::string& column : random_subset(random, columns, 2))
        order.push_back(fmt::format("[\"{}\", \"{}\"]", column, random.pick({"asc", "desc"})));
    // The fold knows no default: an order is always asked for, except where there is one row.
    if (order.empty()) order.push_back(fmt::format("[\"{}\", \"desc\"]", metrics[0]));
    std::vector<std::string> filters;
    for (std::int64_t i = random.below(3); i > 0; --i) filters.push_back(random_filter(random));

    RandomRequest result;
    std::string range;
    if (random.one_in(2)) {
        const cctz::civil_day first = cctz::civil_day(2026, 10, 23) + random.below(10);
        const cctz::civil_day last = first + random.below(6);
        const auto start = [&](cctz::civil_day day) {
            return std::chrono::duration_cast<std::chrono::milliseconds>(
                       cctz::convert(cctz::civil_second(day), zone).time_since_epoch())
                .count();
        };
        result.from_ms = start(first);
        result.to_ms = start(last + 1);
        range = fmt::format("\"date_range\": [\"{}\", \"{}\"]", day_label(first).text, day_label(last).text);
    } else {
        result.from_ms = kFrom + random.below(12LL * 86'400'000);
        result.to_ms = result.from_ms + 1 + random.below(5LL * 86'400'000);
        const auto text = [](std::int64_t ms) {
            return cctz::format("%Y-%m-%dT%H:%M:%E3SZ",
                                std::chrono::system_clock::time_point(std::chrono::milliseconds(ms)),
                                cctz::utc_time_zone());
        };
        range = fmt::format("\"time_range\": [\"{}\", \"{}\"]", text(result.from_ms), text(result.to_ms));
    }
    result.json = fmt::format(
        R"({{"website_id": "{}", "metrics": {}, "dimensions": {}, {}, "filters": [{}], "order_by": [{}], "limit": {}, "offset": {}, "include_bots": {}}})",
        random.one_in(8) ? "other" : "random", list(metrics), list(dimensions), range, fmt::join(filters, ", "),
        fmt::join(order, ", "), random.one_in(2) ? 10'000 : 1 + random.below(20),
        random.one_in(2) || dimensions.empty() ? 0 : random.below(30), random.one_in(4));
    return result;
}

TEST_F(QueryEngineTest, RandomRequestsAnswerAsANaiveFoldDoes) {
    const char* fixed = std::getenv("FOOTFALL_SEED");
    const std::uint64_t seed = fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : std::random_device()();
    SCOPED_TRACE(fmt::format("FOOTFALL_SEED={}", seed));
    Random random(seed);
    std::vector<Visit> visits(2'000);
    for (Visit& visit : visits) visit = random_visit(random);
    insert(store(), visits);

    std::size_t rows = 0;
    for (int i = 0; i < 200 && !HasFailure(); ++i) {
        const std::string name = random.pick({"Europe/Berlin", "Asia/Kathmandu", "America/New_York", "UTC"});
        cctz::time_zone zone;
        ASSERT_TRUE(cctz::load_time_zone(name, &zone));
        const RandomRequest request = random_request(random, zone);
        const auto parsed = parse_request(request.json);
        ASSERT_TRUE(parsed.has_value()) << request.json << parsed.error().message;
        const Table expected = fold(visits, *parsed, request.from_ms, request.to_ms, zone);
        const Table actual = ask(request.json, name);
        EXPECT_EQ(actual.rows, expected.rows) << name << '\n' << request.json;
        EXPECT_EQ(actual.totals, expected.totals) << name << '\n' << request.json;
        rows += actual.rows.size();
    }
    EXPECT_GT(rows, 1'000U) << "the requests hardly asked for anything";
}

// --- time
// -----------------------------------------------------------------------------------------------------------------------------

std::int64_t utc_ms(int year, int month, int day, int hour, int minute) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               cctz::convert(cctz::civil_second(year, month, day, hour, minute), cctz::utc_time_zone())
                   .time_since_epoch())
        .count();
}

// One pageview every ten minutes of three days, so that the number of pageviews in a bucket is its length.
std::vector<Visit> every_ten_minutes(std::int64_t from_ms) {
    std::vector<Visit> visits;
    for (std::int64_t ms = from_ms; ms < from_ms + 3LL * 86'400'000; ms += 600'000)
        visits.push_back(
            {.site = "clock", .ms = ms, .user_id = {}, .country = {}, .browser_version = {}, .properties = {}});
    return visits;
}

TEST_F(QueryEngineTest, DaysAndHoursAreThoseOfTheSitesClock) {
    const struct {
        const char* zone;
        std::int64_t from_ms;
        const char* day;
        const char* pageviews;                        // of the day
        std::vector<std::vector<std::string>> hours;  // some rows that must be among its hours
        std::size_t hour_rows;
    } cases[] = {
        {"Europe/Berlin",
         utc_ms(2026, 10, 24, 0, 0),
         "2026-10-25",
         "150",
         {{"2026-10-25T02:00:00+02:00", "6"}, {"2026-10-25T02:00:00+01:00", "6"}, {"2026-10-25T03:00:00+01:00", "6"}},
         25},
        {"Europe/Berlin",
         utc_ms(2026, 3, 28, 0, 0),
         "2026-03-29",
         "138",
         {{"2026-03-29T01:00:00+01:00", "6"}, {"2026-03-29T03:00:00+02:00", "6"}},
         23},
        {"Asia/Kathmandu", utc_ms(2026, 11, 1, 0, 0), "2026-11-02", "144", {{"2026-11-02T00:00:00+05:45", "6"}}, 24},
        {"Australia/Lord_Howe",
         utc_ms(2026, 4, 4, 0, 0),
         "2026-04-05",
         "147",
         {{"2026-04-05T01:00:00+11:00", "6"}, {"2026-04-05T01:30:00+10:30", "3"}, {"2026-04-05T02:00:00+10:30", "6"}},
         25},
        {"Australia/Lord_Howe",
         utc_ms(2026, 10, 3, 0, 0),
         "2026-10-04",
         "141",
         {{"2026-10-04T01:00:00+10:30", "6"}, {"2026-10-04T02:30:00+11:00", "3"}, {"2026-10-04T03:00:00+11:00", "6"}},
         24},
        {"America/Sao_Paulo", utc_ms(2018, 11, 3, 0, 0), "2018-11-04", "138", {{"2018-11-04T01:00:00-02:00", "6"}}, 23},
        {"America/Sao_Paulo",
         utc_ms(2018, 2, 16, 12, 0),
         "2018-02-17",
         "150",
         {{"2018-02-17T23:00:00-02:00", "6"}, {"2018-02-17T23:00:00-03:00", "6"}},
         25},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(fmt::format("{} {}", c.zone, c.day));
        SetUp();
        insert(store(), every_ten_minutes(c.from_ms));
        const std::string day = fmt::format(R"("date_range": ["{0}", "{0}"])", c.day);
        const Table by_day =
            ask(R"({"website_id": "clock", "metrics": ["pageviews"], "dimensions": ["date"], )" + day + "}", c.zone);
        EXPECT_EQ(by_day.rows, (std::vector<std::vector<std::string>>{{c.day, c.pageviews}}));
        const Table by_hour =
            ask(R"({"website_id": "clock", "metrics": ["pageviews"], "granularity": "hour", )" + day + "}", c.zone);
        EXPECT_EQ(by_hour.columns, (std::vector<std::string>{"hour", "pageviews"}));
        EXPECT_EQ(by_hour.rows.size(), c.hour_rows);
        for (const auto& hour : c.hours)
            EXPECT_NE(std::find(by_hour.rows.begin(), by_hour.rows.end(), hour), by_hour.rows.end()) << hour[0];
        EXPECT_EQ(by_hour.totals.at("pageviews"), c.pageviews);
        // A label that was answered finds its bucket again.
        for (const auto& hour : c.hours) {
            const Table one =
                ask(fmt::format(
                        R"({{"website_id": "clock", "metrics": ["pageviews"], "filters": [["hour", "is", "{}"]], {}}})",
                        hour[0], day),
                    c.zone);
            EXPECT_EQ(one.rows, (std::vector<std::vector<std::string>>{{hour[1]}})) << hour[0];
        }
    }
}

// --- the answer's shape
// ---------------------------------------------------------------------------------------------------------------

TEST_F(QueryEngineTest, WithoutEventsThereIsOneRowOfZerosOrNoRow) {
    const Table one =
        ask(R"({"website_id": "nobody", "metrics": ["visitors", "pageviews", "events"], "time_range": "all"})");
    EXPECT_EQ(one.rows, (std::vector<std::vector<std::string>>{{"0", "0", "0"}}));
    EXPECT_EQ(one.totals.at("visitors"), "0");
    const Table grouped =
        ask(R"({"website_id": "nobody", "metrics": ["users"], "dimensions": ["page", "hour"], "time_range": "all"})");
    EXPECT_TRUE(grouped.rows.empty());
    EXPECT_EQ(grouped.totals.at("users"), "0");
}

TEST_F(QueryEngineTest, AnswersInTheContractsShape) {
    insert(store(),
           {{.ms = kNow - 1000, .user_id = {}, .page = "/a", .country = {}, .browser_version = {}, .properties = {}},
            {.ms = kNow - 8LL * 86'400'000,
             .user_id = {},
             .page = "/b",
             .country = {},
             .browser_version = {},
             .properties = {}}});
    const auto text = answer(
        R"({"website_id": "random", "metrics": ["visitors"], "dimensions": ["page"], "granularity": "hour", "time_range": "7d", "compare": "previous_period", "explain": true})",
        "Europe/Berlin");
    ASSERT_TRUE(text.has_value()) << text.error().message;
    simdjson::dom::parser parser;
    const auto root = parser.parse(*text).value();
    EXPECT_EQ(
        simdjson::minify(root["columns"]),
        R"([{"name":"hour","type":"time","role":"dimension"},{"name":"page","type":"string","role":"dimension"},{"name":"visitors","type":"integer","role":"metric"}])");
    EXPECT_EQ(simdjson::minify(root["rows"]), R"([["2026-11-06T22:00:00+01:00","/a",1]])");
    EXPECT_EQ(simdjson::minify(root["totals"]), R"({"visitors":1})");
    EXPECT_EQ(
        simdjson::minify(root["comparison"]),
        R"({"from":"2026-10-24T00:00:00+02:00","to":"2026-10-31T00:00:00+01:00","rows":[["2026-10-29T22:00:00+01:00","/b",1]],"totals":{"visitors":1}})");
    EXPECT_EQ(root["meta"]["source"].get_string().value(), "events");
    EXPECT_TRUE(root["meta"]["confidence"].is_null());
    EXPECT_EQ(root["meta"]["sample_rate"].get_double().value(), 1.0);
    EXPECT_FALSE(root["meta"]["cached"].get_bool().value());
    EXPECT_EQ(root["meta"]["as_of"].get_string().value(), "2026-11-06T21:20:00.000Z");
    EXPECT_GT(items(root["meta"]["plan"]).size(), 3U);
    EXPECT_TRUE(root["meta"]["sql"].get_string().value().starts_with("SELECT"));
    EXPECT_EQ(root["meta"]["parameters"]["site"].get_string().value(), "random");
    // Without `explain` the statement stays inside.
    const auto plain = answer(R"({"website_id": "random", "metrics": ["visitors"]})", "Europe/Berlin");
    ASSERT_TRUE(plain.has_value());
    simdjson::dom::parser second;
    const auto plain_root = second.parse(*plain).value();
    EXPECT_TRUE(plain_root["meta"]["sql"].is_null());
    EXPECT_TRUE(plain_root["comparison"].is_null());
}

TEST_F(QueryEngineTest, PagesNeitherRepeatNorMissARow) {
    std::vector<Visit> visits;
    for (int i = 0; i < 95; ++i)
        visits.push_back({.ms = kNow - 1000,
                          .user_id = {},
                          .page = fmt::format("/{:02}", i),
                          .country = {},
                          .browser_version = {},
                          .properties = {}});
    insert(store(), visits);
    std::set<std::string> seen;
    for (int offset = 0; offset <= 100; offset += 10) {
        const Table page = ask(fmt::format(
            R"({{"website_id": "random", "metrics": ["visitors"], "dimensions": ["page"], "time_range": "today", "limit": 10, "offset": {}}})",
            offset));
        EXPECT_EQ(page.rows.size(), offset < 90 ? 10U : offset == 90 ? 5U : 0U) << offset;
        EXPECT_EQ(page.totals.at("visitors"), "1");
        for (const auto& row : page.rows) EXPECT_TRUE(seen.insert(row[0]).second) << row[0];
    }
    EXPECT_EQ(seen.size(), 95U);
}

// --- hostile text
// ---------------------------------------------------------------------------------------------------------------------

TEST_F(QueryEngineTest, HostileTextIsTextWhereverItStands) {
    const std::vector<std::string> corpus = {
        "'",
        "''",
        "\"",
        "`",
        "\\",
        "\\\\",
        "\\'",
        "\\N",
        "' OR 1=1 --",
        "') OR ('1'='1",
        "\\' OR 1=1 /*",
        "*/",
        "--",
        "#",
        ";",
        "a; DROP TABLE footfall.events",
        "{p1:String}",
        "{site:String}",
        "{zone}",
        "{key}",
        "$$",
        "$1",
        "?",
        "%s",
        "%",
        "_",
        "\t",
        "\n",
        "\r\n",
        "\b\f",
        std::string("\0", 1),
        std::string("a\0b", 3),
        "NULL",
        "['a','b']",
        "[]",
        "\xf0\x9f\x92\xb6",
        "\xe2\x80\xae",
        " ",
        "1",
        "-1",
        "1e400",
        "FORMAT TSV",
        "INTO OUTFILE 'x'",
        "SETTINGS max_threads=1",
        std::string(1'900, '\''),
    };
    std::vector<Visit> visits;
    for (std::size_t i = 0; i < corpus.size(); ++i)
        visits.push_back({.ms = kNow - 1000,
                          .visitor = i + 1,
                          .user_id = {},
                          .page = corpus[i],
                          .country = {},
                          .browser_version = {},
                          .properties = {{corpus[i], "x" + corpus[i]}}});
    insert(store(), visits);

    const auto count = [&](const std::string& filter) {
        const Table table = ask(
            R"({"website_id": "random", "metrics": ["events"], "time_range": "today", "filters": [)" + filter + "]}");
        return table.rows.empty() ? std::string("none") : table.rows[0][0];
    };
    for (const std::string& text : corpus) {
        SCOPED_TRACE(quoted(text));
        const auto holding = std::count_if(corpus.begin(), corpus.end(), [&](const std::string& other) {
            return other.find(text) != std::string::npos;
        });
        EXPECT_EQ(count(fmt::format(R"(["page", "is", {}])", quoted(text))), "1");
        EXPECT_EQ(count(fmt::format(R"(["page", "is_not", [{}, "nowhere"]])", quoted(text))),
                  std::to_string(corpus.size() - 1));
        EXPECT_EQ(count(fmt::format(R"(["page", "contains", {}])", quoted(text))), std::to_string(holding));
        EXPECT_EQ(count(fmt::format(R"(["page", "contains", [{}, "nowhere"]])", quoted(text))),
                  std::to_string(holding));
        EXPECT_EQ(count(fmt::format(R"([{}, "is", {}])", quoted("property:" + text), quoted("x" + text))), "1");
        const Table grouped = ask(fmt::format(
            R"({{"website_id": "random", "metrics": ["events"], "dimensions": [{}], "time_range": "today", "limit": 10, "order_by": [[{}, "desc"]]}})",
            quoted("property:" + text), quoted("property:" + text)));
        EXPECT_EQ(grouped.columns.at(0), "property:" + text);
        EXPECT_EQ(grouped.rows.at(0), (std::vector<std::string>{"x" + text, "1"}));
        // As a pattern it is either refused or answered; the store never sees a broken one.
        const auto matched = answer(
            fmt::format(
                R"({{"website_id": "random", "metrics": ["events"], "time_range": "today", "filters": [["page", "matches", {}]]}})",
                quoted(text)),
            "UTC");
        if (!matched) {
            EXPECT_EQ(matched.error().code, Code::kInvalidArgument) << matched.error().message;
        }
        // As a site it is a site without events.
        EXPECT_EQ(ask(fmt::format(R"({{"website_id": {}, "metrics": ["events"], "time_range": "all"}})", quoted(text)))
                      .rows.at(0)
                      .at(0),
                  "0");
    }
    EXPECT_EQ(ask(R"({"website_id": "random", "metrics": ["events"], "time_range": "today"})").rows.at(0).at(0),
              std::to_string(corpus.size()));
}

TEST_F(QueryEngineTest, PatternsAreThoseOfRe2) {
    std::vector<Visit> visits;
    for (const char* page : {"/a", "/ab", "/b", "/b\n/c", "/\xc3\xbc"})
        visits.push_back(
            {.ms = kNow - 1000, .user_id = {}, .page = page, .country = {}, .browser_version = {}, .properties = {}});
    insert(store(), visits);
    const struct {
        const char* filter;
        const char* count;
    } cases[] = {
        {R"(["page", "matches", "^/a"])", "2"},      {R"(["page", "matches", ["^/a$", "^/b$"]])", "2"},
        {R"(["page", "matches_not", "a"])", "3"},    {R"(["page", "matches", "^/.$"])", "3"},
        {R"(["page", "matches", "^/\\pL$"])", "3"},  {R"(["page", "matches", "(?i)^/A"])", "2"},
        {R"(["page", "matches", "^/b\\x0a"])", "1"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(
            ask(fmt::format(
                    R"({{"website_id": "random", "metrics": ["events"], "time_range": "today", "filters": [{}]}})",
                    c.filter))
                .rows.at(0)
                .at(0),
            c.count)
            << c.filter;
}

TEST_F(QueryEngineTest, TheLargestFilterIsAnswered) {
    insert(
        store(),
        {{.ms = kNow - 1000, .user_id = {}, .page = "/999", .country = {}, .browser_version = {}, .properties = {}}});
    for (const char* op : {"is", "contains", "matches"}) {
        std::vector<std::string> values;
        for (std::size_t i = 0; i < kFilterValuesMax; ++i) values.push_back(fmt::format("\"/{}\"", i));
        EXPECT_EQ(
            ask(fmt::format(
                    R"({{"website_id": "random", "metrics": ["events"], "time_range": "today", "filters": [["page", "{}", [{}]]]}})",
                    op, fmt::join(values, ",")))
                .rows.at(0)
                .at(0),
            "1")
            << op;
    }
}

// --- what is read
// ---------------------------------------------------------------------------------------------------------------------

TEST_F(QueryEngineTest, ADayOfASiteReadsLittleMoreThanThatDay) {
    constexpr int kRows = 300'000;
    const auto filled = store().execute(
        {.sql = fmt::format("INSERT INTO footfall.events (website_id, event_type, timestamp, visitor_id) SELECT "
                            "if(number % 3 = 0, 'big', 'huge'), 'pageview', "
                            "toDateTime64('2026-09-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number * 17280), "
                            "cityHash64(number) FROM numbers({})",
                            kRows),
         .parameters = {},
         .settings = {}});
    ASSERT_TRUE(filled.has_value()) << filled.error().message;
    const auto rows_to_read = [&](const std::string& members) -> std::uint64_t {
        const auto text = answer(R"({"website_id": "big", "metrics": ["visitors"], "explain": true, )" + members + "}",
                                 "Europe/Berlin");
        EXPECT_TRUE(text.has_value()) << (text ? "" : text.error().message);
        simdjson::dom::parser parser;
        return text ? parser.parse(*text).value()["meta"]["rows_to_read"].get_uint64().value() : 0;
    };
    // 5,000 rows a day over both sites, 1,667 of the site, read in granules of 8,192 rows: one or two in each part of
    // the month, where all days of the site are 51,667 rows.
    const std::uint64_t day = rows_to_read(R"("date_range": ["2026-10-10", "2026-10-10"])");
    EXPECT_GT(day, 0U);
    EXPECT_LE(day, 40'000U);
    // The key has day and site: a dimension, a filter and an order don't change what is read.
    EXPECT_EQ(
        rows_to_read(
            R"("date_range": ["2026-10-10", "2026-10-10"], "dimensions": ["hour", "page"], "filters": [["page", "contains", "/"]])"),
        day);
    EXPECT_GE(rows_to_read(R"("time_range": "all")"), 100'000U);
    EXPECT_LE(rows_to_read(R"("time_range": "all")"), 160'000U);
    EXPECT_EQ(rows_to_read(R"("date_range": ["2025-01-01", "2025-01-02"])"), 0U);
}

}  // namespace
}  // namespace footfall::query
