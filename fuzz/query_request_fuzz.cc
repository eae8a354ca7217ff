#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "query/plan.h"
#include "query/query.h"
#include "query/sql.h"

// Bodies of POST /api/v1/query, from text to statement. Whatever text a request holds, the statement is that of the
// same plan with other text in its place, byte by byte: so no byte of a value can stand in it. The first byte of the
// input chooses the site's zone.

namespace {

using namespace footfall::query;
using footfall::Code;
using footfall::store::Statement;

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr int kTimeoutMs = 1000;

const Zone& zone_of(std::uint8_t choice) {
    // A plain one, one with summer time, one whose summer time is half an hour, one that left out a day.
    static const std::array<Zone, 4> zones = {Zone::load("UTC").value(), Zone::load("Europe/Berlin").value(),
                                              Zone::load("Australia/Lord_Howe").value(),
                                              Zone::load("Pacific/Apia").value()};
    return zones[choice % zones.size()];
}

/// Puts harmless text in the place of each value. Equal values stay equal, since a value that is met twice is bound
/// once.
class Disguise {
public:
    void put_on(Plan& plan) {
        replace(plan.website_id);
        for (DimensionColumn& column : plan.dimensions) replace(column);
        for (MetricColumn& column : plan.metrics) column.name = "m";
        if (plan.condition) replace(*plan.condition);
        plan.reasons.clear();
    }

private:
    void replace(std::string& value) {
        value = names_.try_emplace(value, "value" + std::to_string(names_.size())).first->second;
    }
    void replace(DimensionColumn& column) {
        column.name = "d";
        replace(column.key);
    }
    // As deep as parse_request lets a filter be.
    void replace(Condition& condition) {  // NOLINT(misc-no-recursion)
        if (condition.kind == Condition::Kind::kTest) replace(condition.column);
        for (std::string& value : condition.values) replace(value);
        for (Condition& child : condition.children) replace(child);
    }

    std::map<std::string, std::string> names_;
};

// Each parameter is used, each use has its parameter, and no braces stand for anything else.
void check_parameters(const Statement& statement) {
    std::vector<std::string_view> used;
    const std::string_view sql = statement.sql;
    for (std::size_t at = sql.find('{'); at != std::string_view::npos; at = sql.find('{', at + 1)) {
        const std::string_view rest = sql.substr(at + 1);
        const std::size_t colon = rest.find(':');
        FOOTFALL_CHECK(colon != std::string_view::npos && rest.find('}') != std::string_view::npos &&
                       colon < rest.find('}'));
        used.push_back(rest.substr(0, colon));
    }
    for (const auto& [name, value] : statement.parameters)
        FOOTFALL_CHECK(std::find(used.begin(), used.end(), name) != used.end());
    for (const std::string_view name : used)
        FOOTFALL_CHECK(std::any_of(statement.parameters.begin(), statement.parameters.end(),
                                   [&](const auto& parameter) { return parameter.first == name; }));
}

void check_statement(const Plan& plan, const Range& range, const Zone& zone) {
    FOOTFALL_CHECK(range.from_ms >= 0);            // before it the engine's days wrap
    FOOTFALL_CHECK(range.from_ms <= range.to_ms);  // equal for a day that the zone left out
    std::vector<Cover> covers = {{.ranges = {range}, .days = {}}};
    if (plan.rollup) {
        const std::vector<RolledDay> days = {{zone.day_of(range.from_ms), 7, 1}, {zone.day_of(range.to_ms), 9, 1}};
        covers.push_back({.ranges = {range, {range.to_ms, range.to_ms + 1, range.unit}}, .days = days});
        covers.push_back({.ranges = {}, .days = days});
    }
    Plan other = plan;
    Disguise().put_on(other);
    for (const Cover& cover : covers) {
        const Statement statement = compose(plan, cover, zone, kTimeoutMs);
        for (const char c : statement.sql) FOOTFALL_CHECK(c == '\n' || (c >= 0x20 && c < 0x7f));
        check_parameters(statement);
        FOOTFALL_CHECK(compose(other, cover, zone, kTimeoutMs).sql == statement.sql);
    }
}

void check_refusal(const footfall::Error& error) {
    FOOTFALL_CHECK(error.code == Code::kInvalidArgument || error.code == Code::kTooLarge);
    FOOTFALL_CHECK(!error.message.empty() && (error.code == Code::kTooLarge || !error.name.empty()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Zone& zone = zone_of(data[0]);
    const auto request = parse_request({reinterpret_cast<const char*>(data) + 1, size - 1});
    if (!request) {
        check_refusal(request.error());
        return 0;
    }
    const SiteInfo site{.id = request->website_id, .timezone = zone.name(), .created_ms = 0};
    const auto plan =
        make_plan({.request = *request, .site = site, .zone = zone, .vocabulary = vocabulary(), .now_ms = kNow});
    if (!plan) {
        check_refusal(plan.error());
        return 0;
    }
    FOOTFALL_CHECK(plan->website_id == request->website_id && !plan->metrics.empty());
    check_statement(*plan, plan->range, zone);
    if (plan->previous) {
        // A range that is not over is compared with as much of the other one.
        if (request->compare == Compare::kPreviousPeriod) FOOTFALL_CHECK(plan->previous->to_ms <= plan->range.from_ms);
        check_statement(*plan, *plan->previous, zone);
    }
    return 0;
}
