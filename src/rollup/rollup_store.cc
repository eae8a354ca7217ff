#include "rollup/rollup_store.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "query/sql.h"
#include "query/vocabulary.h"
#include "rollup/sql.h"

namespace footfall::rollup {
namespace {

constexpr int kTimeoutMs = 300'000;

using Parameters = std::vector<std::pair<std::string, std::string>>;

store::Statement statement(std::string_view name, Parameters parameters = {}) {
    return {.sql = std::string(sql::text(name)),
            .parameters = std::move(parameters),
            .settings = {{"max_threads", "1"}},
            .timeout_ms = kTimeoutMs};
}

std::uint64_t natural(const store::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<std::uint64_t>(*number);
    const auto* number = std::get_if<std::uint64_t>(&value);
    FOOTFALL_CHECK(number != nullptr);
    return *number;
}
const std::string& text(const store::Value& value) { return std::get<std::string>(value); }

query::Day day_of(const store::Value& value) {
    const auto day = query::parse_day(text(value));
    FOOTFALL_CHECK(day.has_value());  // the statements say toString() of a Date
    return *day;
}

/// Days that the table says are made, by site.
struct Made {
    std::string timezone;
    MadeDay day;
};

}  // namespace

std::vector<const query::Dimension*> rolled_dimensions() {
    std::vector<const query::Dimension*> dimensions = {nullptr};
    for (const query::Dimension& dimension : query::vocabulary().dimensions())
        if (dimension.granularity.empty() && query::find_source(dimension.sources, "rollup") != nullptr)
            dimensions.push_back(&dimension);
    return dimensions;
}

Status RollupStore::load(Registry& registry, std::span<const SiteZone> sites, std::uint64_t& highest) {
    TRY(const store::Answer known, store_.query(statement("rollup-known-up-to.sql")));
    const std::uint64_t known_up_to = natural(known.rows.at(0).at(0));
    std::map<std::string, std::vector<Made>, std::less<>> made;
    TRY(const store::Answer days, store_.query(statement("rollup-made.sql")));
    for (const auto& row : days.rows) {
        MadeDay day{.day = day_of(row.at(1)),
                    .generation = natural(row.at(3)),
                    .log_offset = natural(row.at(4)),
                    .events = natural(row.at(5)),
                    .rows = natural(row.at(6)),
                    .is_stale = std::get<bool>(row.at(7))};
        highest = std::max(highest, day.generation);
        made[text(row.at(0))].push_back({text(row.at(2)), day});
    }
    for (const SiteZone& site : sites) {
        registry.sync(site.site_id, site.zone);
        const auto of_site = made.find(site.site_id);
        if (of_site == made.end()) continue;
        std::erase_if(of_site->second, [&](const Made& day) { return day.timezone != site.zone.name(); });
        if (of_site->second.empty()) continue;
        // A part that was damaged is not in the table any more, and takes its rows with it.
        const auto [first, last] =
            std::minmax_element(of_site->second.begin(), of_site->second.end(),
                                [](const Made& one, const Made& other) { return one.day.day < other.day.day; });
        TRY(const store::Answer rows,
            store_.query(
                statement("rollup-rows-by-day.sql", {{"sites", store::array_literal(std::span(&site.site_id, 1))},
                                                     {"first", query::day_text(first->day.day)},
                                                     {"last", query::day_text(last->day.day)}})));
        std::map<std::pair<query::Day, std::uint64_t>, std::uint64_t> there;
        for (const auto& row : rows.rows) there[{day_of(row.at(1)), natural(row.at(2))}] = natural(row.at(3));
        for (Made& day : of_site->second) {
            if (there[{day.day.day, day.day.generation}] != day.day.rows) day.day.is_stale = true;
            registry.add(site.site_id, site.zone, day.day);
        }
    }
    TRY(const store::Answer touched,
        store_.query(statement("rollup-touched-since.sql", {{"from", std::to_string(known_up_to)}})));
    for (const auto& row : touched.rows) {
        process::TouchedHours hours;
        hours.add(text(row.at(0)), static_cast<std::int64_t>(natural(row.at(1))) * process::TouchedHours::kHourMs);
        registry.touch(hours, natural(row.at(2)));
    }
    return {};
}

Result<std::map<std::string, std::vector<RollupStore::DaySize>>> RollupStore::sizes(std::span<const std::string> sites,
                                                                                    const query::Zone& zone,
                                                                                    std::int64_t from_ms,
                                                                                    std::int64_t to_ms,
                                                                                    std::uint64_t events_min) {
    TRY(const store::Answer answer,
        store_.query(statement("rollup-day-sizes.sql", {{"zone", zone.name()},
                                                        {"sites", store::array_literal(sites)},
                                                        {"from", query::utc_text(from_ms)},
                                                        {"to", query::utc_text(to_ms)},
                                                        {"events_min", std::to_string(events_min)}})));
    std::map<std::string, std::vector<DaySize>> sizes;
    for (const auto& row : answer.rows) sizes[text(row.at(0))].push_back({day_of(row.at(1)), natural(row.at(2))});
    return sizes;
}

Status RollupStore::fill(const query::SiteInfo& site, const query::Zone& zone, const query::Range& range,
                         std::uint64_t generation) {
    for (const query::Dimension* dimension : rolled_dimensions()) {
        const query::Plan plan = query::make_rollup_plan(site, zone, dimension, range);
        store::Statement statement = query::compose_rollup(plan, zone, generation, kTimeoutMs);
        // Questions that people wait for have the other cores.
        statement.settings.emplace_back("max_threads", "1");
        if (failpoint("rollup.before_fill") == Fault::kError)
            return Error(Code::kUnavailable, "failpoint rollup.before_fill");
        TRY_STATUS(store_.execute(statement));
    }
    return {};
}

Result<std::map<query::Day, std::uint64_t>> RollupStore::rows(const std::string& site_id, query::Day first,
                                                              query::Day last, std::uint64_t generation) {
    TRY(const store::Answer answer,
        store_.query(statement("rollup-rows-by-day.sql", {{"sites", store::array_literal(std::span(&site_id, 1))},
                                                          {"first", query::day_text(first)},
                                                          {"last", query::day_text(last)}})));
    std::map<query::Day, std::uint64_t> rows;
    for (const auto& row : answer.rows)
        if (natural(row.at(2)) == generation) rows[day_of(row.at(1))] = natural(row.at(3));
    return rows;
}

Status RollupStore::say_made(const std::string& site_id, const query::Zone& zone, const MadeDay& made) {
    // A day that became stale is so until it is made again, which has a generation that is higher by more than one.
    const std::uint64_t version = made.generation + (made.is_stale ? 1 : 0);
    return store_.execute(statement("rollup-say-made.sql", {{"site", site_id},
                                                            {"day", query::day_text(made.day)},
                                                            {"zone", zone.name()},
                                                            {"generation", std::to_string(made.generation)},
                                                            {"offset", std::to_string(made.log_offset)},
                                                            {"events", std::to_string(made.events)},
                                                            {"rows", std::to_string(made.rows)},
                                                            {"stale", made.is_stale ? "true" : "false"},
                                                            {"version", std::to_string(version)}}));
}

Status RollupStore::say_known_up_to(std::uint64_t offset, std::uint64_t version) {
    return store_.execute(statement("rollup-say-made.sql", {{"site", ""},
                                                            {"day", "1970-01-01"},
                                                            {"zone", ""},
                                                            {"generation", "0"},
                                                            {"offset", std::to_string(offset)},
                                                            {"events", "0"},
                                                            {"rows", "0"},
                                                            {"stale", "false"},
                                                            {"version", std::to_string(version)}}));
}

Status RollupStore::forget(const std::string& site_id) {
    const Parameters whose = {{"site", site_id}, {"all", site_id.empty() ? "true" : "false"}};
    // What says that a day counts goes first: a death in between leaves left-overs and no wrong number.
    TRY_STATUS(store_.execute(statement("rollup-forget-made.sql", whose)));
    return store_.execute(statement("rollup-forget-days.sql", whose));
}

}  // namespace footfall::rollup
