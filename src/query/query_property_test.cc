// Answers of random requests over random events, compared with a naive fold over the same events in C++, which shares
// no code with the planner but the parser of requests. FOOTFALL_SEED=n repeats a failure.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <cctz/time_zone.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "query/query_engine_fixture.h"

namespace footfall::query {
namespace {

using QueryPropertyTest = QueryEngineTest;

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
        case Filter::Kind::kDone: ADD_FAILURE() << "the fold knows no doings"; return false;
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

/// What an event's own visitor told of it by pings.
struct Told {
    double seconds = 0;
    double depth = 0;
};
using Named = std::tuple<std::uint64_t, std::uint64_t, bool>;  // an event, and of whom it is
std::map<Named, Told> told_of(const std::vector<Visit>& visits, const std::string& site) {
    std::map<Named, Told> told;
    for (const Visit& visit : visits) {
        if (visit.site != site || visit.type != "ping" || visit.of_event == 0) continue;
        Told& of = told[{visit.of_event, visit.visitor, visit.is_bot}];
        of.seconds = std::max(of.seconds, visit.time_on_page);
        of.depth = std::max(of.depth, visit.scroll_depth);
    }
    return told;
}

/// The currency of a site that has set none: that of the first event that names one.
std::string first_currency(const std::vector<Visit>& visits, const std::string& site) {
    for (const Visit& visit : visits)
        if (visit.site == site && visit.type == "event" && !visit.currency.empty()) return visit.currency;
    return {};
}

std::string ratio_text(double over, std::size_t under) {
    if (under == 0) return "null";
    std::string text;
    json::append_number(text, over / static_cast<double>(under));
    simdjson::dom::parser parser;
    return simdjson::minify(parser.parse(text).value());
}

std::string decimal_text(std::int64_t ten_thousandths) {
    std::string text = fmt::format("{}{}.{:04}", ten_thousandths < 0 ? "-" : "", std::abs(ten_thousandths) / 10'000,
                                   std::abs(ten_thousandths) % 10'000);
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
    return text;
}

struct Counts {
    std::set<std::uint64_t> visitors;
    std::int64_t pageviews = 0;
    std::int64_t events = 0;
    double seconds = 0;
    std::map<std::pair<std::string, std::uint64_t>, double> depths;  ///< by page and visitor
    std::int64_t revenue = 0, left_out = 0;

    std::int64_t of(const std::string& metric) const {
        if (metric == "pageviews") return pageviews;
        return metric == "events" ? events : static_cast<std::int64_t>(visitors.size());
    }
    std::string text_of(const std::string& metric) const {
        if (metric == "time_on_page") return ratio_text(seconds, static_cast<std::size_t>(pageviews));
        if (metric == "scroll_depth") {
            double sum = 0;
            for (const auto& [of, depth] : depths) sum += depth;
            return ratio_text(sum, depths.size());
        }
        if (metric == "revenue") return decimal_text(revenue);
        return std::to_string(metric == "revenue_left_out" ? left_out : of(metric));
    }
    void add(const Visit& visit, const Told& told, const std::string& currency) {
        if (visit.type == "pageview") {
            seconds += told.seconds;
            double& depth = depths[{visit.page, visit.visitor}];
            depth = std::max(depth, told.depth);
            if (depth == 0) depths.erase({visit.page, visit.visitor});
        } else if (visit.currency.empty() || visit.currency == currency) {
            revenue += visit.revenue;
        } else if (visit.revenue != 0) {
            ++left_out;
        }
        visitors.insert(visit.visitor);
        pageviews += visit.type == "pageview" ? 1 : 0;
        ++events;
    }
};

Table fold(const std::vector<Visit>& visits, const Request& request, std::int64_t from_ms, std::int64_t to_ms,
           const cctz::time_zone& zone, const std::string& currency_set) {
    const auto asks_any = [&](const std::vector<std::string>& names) {
        return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
            return std::find(request.metrics.begin(), request.metrics.end(), name) != request.metrics.end();
        });
    };
    const bool looks_at_views = asks_any({"visitors", "events", "pageviews", "time_on_page", "scroll_depth"});
    const bool looks_at_events = asks_any({"visitors", "events", "revenue", "revenue_left_out"});
    const auto told = told_of(visits, request.website_id);
    const std::string currency = currency_set.empty() ? first_currency(visits, request.website_id) : currency_set;
    std::map<std::vector<Label>, Counts> groups;
    Counts total;
    for (const Visit& visit : visits) {
        if (visit.site != request.website_id || visit.ms < from_ms || visit.ms >= to_ms) continue;
        if (visit.is_bot && request.include_bots == Toggle::kOff) continue;
        if (!(visit.type == "pageview" && looks_at_views) && !(visit.type == "event" && looks_at_events)) continue;
        if (!std::all_of(request.filters.begin(), request.filters.end(),
                         [&](const Filter& filter) { return passes(visit, filter, zone); }))
            continue;
        std::vector<Label> key;
        for (const std::string& dimension : request.dimensions) key.push_back(label(visit, dimension, zone));
        const auto of = told.find({visit.event, visit.visitor, visit.is_bot});
        groups[key].add(visit, of == told.end() ? Told() : of->second, currency);
        total.add(visit, of == told.end() ? Told() : of->second, currency);
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
            table.rows.back().push_back(ordered[i].second.text_of(metric));
    }
    if (request.totals == Toggle::kOff && !request.dimensions.empty()) table.totals["none"] = "";
    else
        for (const std::string& metric : request.metrics) table.totals[metric] = total.text_of(metric);
    return table;
}

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
    if (visit.type == "event" && random.one_in(2)) {
        visit.revenue = random.below(1'000'000) - 200'000;
        visit.currency = random.pick({"", "EUR", "EUR", "USD"});
    }
    return visit;
}

/// Of the same visitor, soon after; mostly of the same country.
Visit next_visit(Random& random, const Visit& before) {
    Visit visit = random_visit(random);
    visit.site = before.site;
    visit.visitor = before.visitor;
    visit.user_id = before.user_id;
    visit.is_bot = before.is_bot;
    visit.ms = before.ms + random.below(40 * 60'000);
    if (!random.one_in(4)) {
        visit.country = before.country;
        visit.browser_version = before.browser_version;
    }
    return visit;
}

/// Gives the visits numbers, and pings to most of the pageviews, which come up to hours later.
void add_pings(Random& random, std::vector<Visit>& visits) {
    const std::size_t count = visits.size();
    for (std::size_t i = 0; i < count; ++i) {
        visits[i].event = i + 1;
        if (visits[i].type != "pageview") continue;
        for (std::int64_t pings = random.below(4); pings > 0; --pings) {
            Visit ping;
            ping.site = visits[i].site;
            ping.type = "ping";
            ping.ms = visits[i].ms + random.below(20LL * 3'600'000);
            // Of another one, or of a bot, a ping says nothing.
            ping.visitor = random.one_in(8) ? visits[i].visitor + 1 : visits[i].visitor;
            ping.is_bot = random.one_in(8) ? !visits[i].is_bot : visits[i].is_bot;
            ping.of_event = visits[i].event;
            ping.time_on_page = static_cast<double>(random.below(600));
            ping.scroll_depth = static_cast<double>(random.below(101));
            visits.push_back(ping);
        }
    }
}

/// Gives the visits their sessions. A session of several visits has rows from before the last, too.
void insert_their_sessions(store::Client& store, std::vector<Visit>& visits) {
    std::map<std::tuple<std::string, std::uint64_t, bool>, std::vector<Visit*>> by_visitor;
    for (Visit& visit : visits)
        if (visit.type == "pageview" || visit.type == "event")
            by_visitor[{visit.site, visit.visitor, visit.is_bot}].push_back(&visit);
    std::vector<SessionRow> earlier, later;
    std::uint64_t key = 0;
    std::size_t mixed = 0;
    for (auto& [visitor, own] : by_visitor) {
        std::sort(own.begin(), own.end(), [](const Visit* a, const Visit* b) { return a->ms < b->ms; });
        for (std::size_t at = 0; at < own.size();) {
            const Visit& first = *own[at];
            SessionRow row{.site = first.site, .key = ++key, .visitor = first.visitor, .started = first.ms};
            row.country = first.country;
            row.browser_version = first.browser_version;
            row.is_bot = first.is_bot;
            for (row.ended = first.ms; at < own.size() && own[at]->ms - row.ended < 30 * 60'000; ++at) {
                Visit& visit = *own[at];
                visit.session = key;
                if (row.events > 0) {
                    earlier.push_back(row);
                    later.push_back(row);
                    later.back().sign = -1;
                    ++row.version;
                }
                row.ended = visit.ms;
                ++row.events;
                row.pageviews += visit.type == "pageview" ? 1 : 0;
                row.is_mixed |= visit.country != first.country || visit.browser_version != first.browser_version;
            }
            mixed += row.is_mixed ? 1 : 0;
            later.push_back(row);
        }
    }
    EXPECT_GT(mixed, 50U);
    insert_sessions(store, earlier);
    insert_sessions(store, later);
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
    for (const char* name : {"time_on_page", "scroll_depth", "revenue", "revenue_left_out"})
        if (random.one_in(5)) metrics.emplace_back(name);
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
        R"({{"website_id": "{}", "metrics": {}, "dimensions": {}, {}, "filters": [{}], "order_by": [{}], "limit": {}, "offset": {}, "totals": {}, "include_bots": {}}})",
        random.one_in(8) ? "other" : "random", list(metrics), list(dimensions), range, fmt::join(filters, ", "),
        fmt::join(order, ", "), random.one_in(2) ? 10'000 : 1 + random.below(20),
        random.one_in(2) || dimensions.empty() ? 0 : random.below(30), random.one_in(2), random.one_in(4));
    return result;
}

TEST_F(QueryPropertyTest, RandomRequestsAnswerAsANaiveFoldDoes) {
    const char* fixed = std::getenv("FOOTFALL_SEED");
    const std::uint64_t seed = fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : std::random_device()();
    SCOPED_TRACE(fmt::format("FOOTFALL_SEED={}", seed));
    Random random(seed);
    std::vector<Visit> visits(2'000);
    for (std::size_t i = 0; i < visits.size(); ++i)
        visits[i] = i > 0 && random.one_in(2) ? next_visit(random, visits[i - 1]) : random_visit(random);
    add_pings(random, visits);
    insert_their_sessions(store(), visits);
    insert(store(), visits);

    std::size_t rows = 0;
    for (int i = 0; i < 200 && !HasFailure(); ++i) {
        const std::string name = random.pick({"Europe/Berlin", "Asia/Kathmandu", "America/New_York", "UTC"});
        cctz::time_zone zone;
        ASSERT_TRUE(cctz::load_time_zone(name, &zone));
        const RandomRequest request = random_request(random, zone);
        const auto parsed = parse_request(request.json);
        ASSERT_TRUE(parsed.has_value()) << request.json << parsed.error().message;
        currency_ = random.one_in(2) ? "" : random.pick({"EUR", "USD", "JPY"});
        const Table expected = fold(visits, *parsed, request.from_ms, request.to_ms, zone, currency_);
        const Table actual = ask(request.json, name);
        EXPECT_EQ(actual.rows, expected.rows) << name << '\n' << request.json;
        EXPECT_EQ(actual.totals, expected.totals) << name << '\n' << request.json;
        rows += actual.rows.size();
    }
    EXPECT_GT(rows, 1'000U) << "the requests hardly asked for anything";
}

}  // namespace
}  // namespace footfall::query
