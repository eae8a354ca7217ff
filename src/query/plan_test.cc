// The planner's golden files: tests/planner/*.txt. A case is "== title", lines "@ name value" for zone, now, and so on,
// "@ goals" and "@ segments" where the site has some, "@ funnel", "@ retention" or "@ paths" where it is one,
// "@ sampled" where its rows are too many,
// the request's JSON, a line "--", and what comes of it: the refusal, or reasons, SQL and parameters. UPDATE_GOLDEN=1
// rewrites what stands below "--"; the diff is reviewed.
#include "query/plan.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/json.h"
#include "query/cohorts/cohorts.h"
#include "query/funnel/funnel.h"
#include "query/paths/paths.h"
#include "query/sampled_sql.h"
#include "query/segment.h"
#include "query/sql.h"

namespace footfall::query {
namespace {

const std::filesystem::path kFolder = FOOTFALL_SOURCE_DIR "/tests/planner";

struct Case {
    std::string title;
    std::string head;  // "@" lines and JSON, as they stand
    std::string request;
    std::string zone = "Europe/Berlin";
    std::string now = "2026-11-24T12:34:56.789Z";
    std::string expected;
    bool has_goals = false;
    bool has_segments = false;
    bool is_funnel = false;
    bool is_retention = false;
    bool is_paths = false;
    bool is_sampled = false;
};

std::string read_text(const std::filesystem::path& path) {
    std::ifstream stream(path);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::vector<Case> read_cases(const std::string& text) {
    std::vector<Case> cases;
    std::istringstream lines(text);
    bool in_answer = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("== ")) {
            cases.push_back({.title = line.substr(3), .head = {}, .request = {}, .expected = {}});
            in_answer = false;
        } else if (cases.empty()) {
            ADD_FAILURE() << "text before the first case: " << line;
        } else if (line == "--") {
            in_answer = true;
        } else if (in_answer) {
            cases.back().expected += line + "\n";
        } else {
            cases.back().head += line + "\n";
            if (line.starts_with("@ zone ")) cases.back().zone = line.substr(7);
            else if (line == "@ goals") cases.back().has_goals = true;
            else if (line == "@ segments") cases.back().has_segments = true;
            else if (line == "@ funnel") cases.back().is_funnel = true;
            else if (line == "@ retention") cases.back().is_retention = true;
            else if (line == "@ paths") cases.back().is_paths = true;
            else if (line == "@ sampled") cases.back().is_sampled = true;
            else if (line.starts_with("@ now ")) cases.back().now = line.substr(6);
            else cases.back().request += line + "\n";
        }
    }
    return cases;
}

std::string refusal(const Error& error) {
    std::string text = "refused: " + error.name + " at " + error.field + ": " + error.message + "\n";
    if (!error.did_you_mean.empty()) text += "did you mean: " + error.did_you_mean + "\n";
    return text;
}

std::string parameters(const store::Statement& statement) {
    std::string text;
    for (const auto& [name, value] : statement.parameters) text += "  " + name + " = " + value + "\n";
    return text;
}

SiteInfo site_of(const Case& c, const std::string& id) {
    SiteInfo site{.id = id, .timezone = c.zone, .created_ms = 0};
    if (c.has_goals)
        site.goals = {{.name = "Bought", .value = "/thanks"},
                      {.name = "Signed up",
                       .of = GoalDeclaration::Of::kEvent,
                       .op = Operator::kContains,
                       .value = "signup",
                       .filters = R"([["country", "is_not", ["DE"]]])"}};
    if (c.has_segments)
        site.segments = {
            {.name = "News readers", .filters = R"([["source", "is", ["news"]], ["not", ["page", "is", ["/"]]]])"},
            {.name = "Buyers", .filters = R"([["goal", "is", ["Bought"]]])"},
            {.name = "Of a later release", .filters = R"([["mood", "is", ["good"]]])"},
            {.name = "Mixed", .filters = R"([["or", ["goal", "is_set"], ["page", "is", ["/"]]]])"}};
    return site;
}

std::string reasons(const Plan& plan) {
    std::string text;
    for (const auto& reason : plan.reasons) text += "- " + reason + "\n";
    return text;
}

std::string outcome_of(const Result<std::unique_ptr<VisitorQuestion>>& question) {
    if (!question) return refusal(question.error());
    std::string text = reasons((*question)->plan());
    if (const auto before = (*question)->before()) {
        const auto statement = before->compose({}, 1000);
        text += "before by\n" + statement.sql + "\nwith\n" + parameters(statement) + "and then by\n";
    }
    const auto statement = (*question)->compose({}, 1000);
    text += statement.sql + "\nwith\n" + parameters(statement);
    if (const auto after = (*question)->after()) {
        const auto told = after->compose({}, 1000);
        text += "and after it by\n" + told.sql + "\nwith\n" + parameters(told);
    }
    return text;
}

/// Of a question about what each visitor did.
template <class Asked>
std::string outcome_of(const Case& c, const Zone& zone, Result<Asked> request) {
    if (!request) return refusal(request.error());
    const SiteInfo site = site_of(c, request->of.website_id);
    if (const Status applied = apply_segment(request->of, site); !applied) return refusal(applied.error());
    return outcome_of(request->plan({.request = request->of,
                                     .site = site,
                                     .zone = zone,
                                     .vocabulary = vocabulary(),
                                     .now_ms = zone.parse_instant(c.now).value()}));
}

std::string outcome(const Case& c) {
    const auto zone = Zone::load(c.zone);
    if (!zone) return refusal(zone.error());
    if (c.is_funnel) return outcome_of(c, *zone, parse_funnel(c.request));
    if (c.is_retention) return outcome_of(c, *zone, parse_cohorts(c.request));
    if (c.is_paths) return outcome_of(c, *zone, parse_paths(c.request));
    auto request = parse_request(c.request);
    if (!request) return refusal(request.error());
    const SiteInfo site = site_of(c, request->website_id);
    if (const Status applied = apply_segment(*request, site); !applied) return refusal(applied.error());
    const auto plan = make_plan({.request = *request,
                                 .site = site,
                                 .zone = *zone,
                                 .vocabulary = vocabulary(),
                                 .now_ms = zone->parse_instant(c.now).value()});
    if (!plan) return refusal(plan.error());
    std::string text = reasons(*plan);
    if (c.is_sampled && plan->may_be_sampled) {
        const auto sampled = compose_sampled(*plan, plan->range, *zone, 1000);
        return text + sampled.sql + "\nwith\n" + parameters(sampled);
    }
    const auto statement = compose(*plan, {{plan->range}, {}}, *zone, 1000);
    text += statement.sql + "\nwith\n" + parameters(statement);
    if (plan->top_rows) {
        const Cover all{.ranges = {plan->range}, .days = {}};
        const auto candidates = compose_candidates(*plan, all, *zone, 1000);
        text += "candidates by\n" + candidates.sql + "\nwith\n" + parameters(candidates);
        const auto rows = compose_top_rows(*plan, all, *zone, std::vector<std::string>{"/a", "/b"}, "/c", 1000);
        text += "and of two by\n" + rows.sql + "\nwith\n" + parameters(rows);
        const auto bound = compose_bound(*plan, all, *zone, 1000);
        if (!plan->has_total) text += "and what came meanwhile by\n" + bound.sql + "\nwith\n" + parameters(bound);
    }
    if (plan->previous) text += "and before with\n" + parameters(compose(*plan, {{*plan->previous}, {}}, *zone, 1000));
    return text;
}

/// A path of one page, as the store tells it.
store::Answer paths_told(const std::string& page) {
    std::string nodes = "[";
    json::append_string(nodes, "p" + page);
    nodes += "]";
    store::Answer answer;
    answer.columns.resize(4);
    for (const std::uint64_t depth : {0, 1}) answer.rows.push_back({depth, nodes, page, std::uint64_t{1}});
    return answer;
}

// An empty line between cases is for readers.
std::string trimmed(std::string text) {
    while (text.ends_with("\n\n")) text.pop_back();
    return text;
}

TEST(PlanTest, EveryRequestOfTheGoldenFilesComesOutAsWritten) {
    const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
    std::size_t checked = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
        if (entry.path().extension() != ".txt") continue;
        std::string rewritten;
        for (const Case& c : read_cases(read_text(entry.path()))) {
            const std::string actual = outcome(c);
            if (!update) {
                EXPECT_EQ(trimmed(c.expected), actual) << entry.path().filename() << ": " << c.title;
            }
            if (!rewritten.empty()) rewritten += "\n";
            rewritten += "== " + c.title + "\n" + c.head + "--\n" + actual;
            ++checked;
        }
        if (update) std::ofstream(entry.path()) << rewritten;
    }
    EXPECT_GT(checked, 30U);
}

TEST(PlanTest, PassesStandInTheOrderInWhichTheyNeedEachOther) {
    std::vector<std::string_view> names;
    for (const Pass& pass : passes()) names.push_back(pass.name);
    EXPECT_EQ(names, (std::vector<std::string_view>{"resolve_names", "resolve_range", "lower_filters", "choose_source",
                                                    "resolve_goals", "choose_rollup", "order_rows", "find_top_rows",
                                                    "allow_sampling"}));
}

// Whatever text stands in a request is a parameter: the SQL of a hostile request is that of a harmless one, byte by
// byte.
TEST(PlanTest, NoValueOfARequestReachesTheText) {
    const auto sql_of = [](const std::string& value) {
        Request request;
        request.website_id = value;
        request.metrics = {"visitors"};
        request.dimensions = {"page", "property:" + value};
        request.filters = {{.kind = Filter::Kind::kTest,
                            .children = {},
                            .dimension = "title",
                            .op = Operator::kIs,
                            .values = {value},
                            .field = "f"},
                           {.kind = Filter::Kind::kTest,
                            .children = {},
                            .dimension = "page",
                            .op = Operator::kContainsNot,
                            .values = {value, "b" + value},
                            .field = "f"}};
        const auto zone = Zone::load("UTC");
        const SiteInfo site{.id = value, .timezone = "UTC", .created_ms = 0};
        const auto plan = make_plan(
            {.request = request, .site = site, .zone = *zone, .vocabulary = vocabulary(), .now_ms = 1'795'500'000'000});
        EXPECT_TRUE(plan.has_value()) << value;
        const std::vector<std::string> candidates = {value, "c" + value};
        Plan top = *plan;
        top.dimensions = {plan->dimensions.front()};
        top.order = {plan->order.front()};
        top.top_rows = {.at_most = "count()", .rolled_at_most = "", .candidates = 2};
        FunnelRequest steps;
        steps.of = request;
        steps.steps = {{.value = value, .name = value, .filters = request.filters},
                       {.of = Step::Of::kEvent, .value = value, .name = value}};
        steps.breakdown = "property:" + value;
        CohortRequest by_step;
        by_step.of = request;
        by_step.of.granularity = "day";
        by_step.first = steps.steps.front();
        PathsRequest from_step;
        from_step.of = request;
        from_step.from = steps.steps.front();
        PathsRequest to_step;
        to_step.of = request;
        to_step.to = steps.steps.back();
        std::string of_visitors;
        for (const VisitorRequest* asked :
             std::initializer_list<const VisitorRequest*>{&steps, &by_step, &from_step, &to_step}) {
            const auto question = asked->plan({.request = asked->of,
                                               .site = site,
                                               .zone = *zone,
                                               .vocabulary = vocabulary(),
                                               .now_ms = 1'795'500'000'000});
            EXPECT_TRUE(question.has_value()) << value;
            if (const auto before = (*question)->before()) {
                of_visitors += before->compose({}, 1000).sql;
                EXPECT_TRUE((*question)->learn(paths_told(value)).has_value());
            }
            of_visitors += (*question)->compose({}, 1000).sql;
        }
        return of_visitors + compose(*plan, {{plan->range}, {}}, *zone, 1000).sql +
               compose_candidates(top, {{top.range}, {}}, *zone, 1000).sql +
               compose_top_rows(top, {{top.range}, {}}, *zone, candidates, "r" + value, 1000).sql;
    };
    const std::string harmless = sql_of("a");
    for (const std::string& hostile :
         {std::string("' OR 1=1 --"), std::string("\\' OR 1=1 /*"), std::string("{p1:String}"), std::string("{zone}"),
          std::string("{key}"), std::string("a;DROP TABLE footfall.events"), std::string("\0x", 2),
          std::string("`\"$$ \n\t\\N")})
        EXPECT_EQ(sql_of(hostile), harmless);
}

}  // namespace
}  // namespace footfall::query
