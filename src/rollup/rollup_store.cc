#include "rollup/rollup_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "query/cells.h"
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

/// Names that came in hex, with commas.
std::vector<std::string> names_of(const store::Value& cell) {
    std::vector<std::string> names;
    std::string_view text = query::text_of(cell);
    for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(text.size(), end + 1))) {
        end = std::min(text.find(','), text.size());
        names.push_back(from_hex(text.substr(0, end)).value_or(""));
    }
    return names;
}

/// Days that the table says are made, by site.
struct Made {
    std::string timezone;
    std::uint64_t definition = 0;
    MadeDay day;
};

/// Of what is kept and how it is made: days of another count for nothing. A statement's text holds no value of a site.
std::uint64_t definition() {
    static const std::uint64_t hash_of_fill = [] {
        const auto utc = query::Zone::load("UTC");
        FOOTFALL_CHECK(utc.has_value());
        std::string text = query::compose_rollup({}, *utc, kTimeoutMs).sql;
        const query::SiteInfo site{.id = "site", .timezone = "UTC", .goals = {{.name = "goal", .value = "/"}}};
        text += query::compose_rollup_of_properties({}, *utc, kTimeoutMs).sql;
        for (const query::GoalRows rows : {query::GoalRows::kOfEach, query::GoalRows::kOfAny}) {
            const auto plan = query::make_goal_plan(site, *utc, rows, {}, true);
            FOOTFALL_CHECK(plan.has_value());
            text += query::compose_rollup_of_goals(*plan, 1, *utc, kTimeoutMs).sql;
        }
        const auto hash = sha256(text);
        std::uint64_t number = 0;
        std::memcpy(&number, hash.data(), sizeof number);
        return number;
    }();
    return hash_of_fill;
}

}  // namespace

Status RollupStore::load(Registry& registry, std::span<const SiteZone> sites, std::uint64_t& highest) {
    TRY(const store::Answer known, store_.query(statement("rollup-known-up-to.sql")));
    const std::uint64_t known_up_to = query::natural_of(known.rows.at(0).at(0));
    std::map<std::string, std::vector<Made>, std::less<>> made;
    TRY(const store::Answer days, store_.query(statement("rollup-made.sql")));
    for (const auto& row : days.rows) {
        MadeDay day{.day = query::day_of(row.at(1)),
                    .generation = query::natural_of(row.at(3)),
                    .log_offset = query::natural_of(row.at(4)),
                    .events = query::natural_of(row.at(5)),
                    .rows = query::natural_of(row.at(6)),
                    .is_stale = std::get<bool>(row.at(7)),
                    .has_sketches = std::get<bool>(row.at(8)),
                    .dimensions = 0,
                    .goals = query::natural_of(row.at(10)),
                    .goals_generation = query::natural_of(row.at(11)),
                    .goal_rows = query::natural_of(row.at(12)),
                    .has_properties = std::get<bool>(row.at(13)),
                    .properties_left_out = names_of(row.at(14))};
        std::string_view names = query::text_of(row.at(9));
        for (std::size_t end = 0; end != std::string_view::npos; names.remove_prefix(std::min(names.size(), end + 1))) {
            end = names.find(',');
            day.dimensions |= dimension_bit(names.substr(0, end));
        }
        highest = std::max({highest, day.generation, day.goals_generation});
        made[query::text_of(row.at(0))].push_back({query::text_of(row.at(2)), query::natural_of(row.at(15)), day});
    }
    // A part that was damaged is not in the table any more, and takes its rows with it.
    std::map<std::pair<std::string, query::Day>, std::map<std::uint64_t, std::uint64_t>> there;
    if (!made.empty()) {
        TRY(const store::Answer rows, store_.query(statement("rollup-rows-by-day.sql")));
        for (const auto& row : rows.rows)
            there[{query::text_of(row.at(0)), query::day_of(row.at(1))}][query::natural_of(row.at(2))] =
                query::natural_of(row.at(3));
    }
    for (const SiteZone& site : sites) {
        registry.sync(site.site_id, site.zone);
        const auto of_site = made.find(site.site_id);
        if (of_site == made.end()) continue;
        for (Made& day : of_site->second) {
            if (day.timezone != site.zone.name()) continue;
            // What was summed up by an earlier release of events that are gone is all there is of them.
            if (day.definition != definition() &&
                site.zone.day_start_ms(day.day.day) >= registry.expired_before(site.site_id))
                continue;
            auto& rows = there[{site.site_id, day.day.day}];
            if (rows[day.day.generation] != day.day.rows) day.day.is_stale = true;
            if (rows[day.day.goals_generation] != day.day.goal_rows) day.day.goals = 0;
            registry.add(site.site_id, site.zone, day.day);
        }
    }
    TRY(const store::Answer touched,
        store_.query(statement("rollup-touched-since.sql", {{"from", std::to_string(known_up_to)}})));
    for (const auto& row : touched.rows) {
        process::TouchedHours hours;
        hours.add(query::text_of(row.at(0)),
                  static_cast<std::int64_t>(query::natural_of(row.at(1))) * process::TouchedHours::kHourMs);
        registry.touch(hours, query::natural_of(row.at(2)));
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
    for (const auto& row : answer.rows)
        sizes[query::text_of(row.at(0))].push_back({query::day_of(row.at(1)), query::natural_of(row.at(2))});
    return sizes;
}

Status RollupStore::fill(const query::RollupFill& fill, const query::Zone& zone) {
    if (failpoint("rollup.before_fill") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint rollup.before_fill");
    for (store::Statement statement :
         {query::compose_rollup(fill, zone, kTimeoutMs), query::compose_rollup_of_properties(fill, zone, kTimeoutMs)}) {
        // Questions that people wait for have the other cores.
        statement.settings.emplace_back("max_threads", "1");
        // No two rows have one key: looking for some costs a seventh of all.
        statement.settings.emplace_back("optimize_on_insert", "0");
        TRY_STATUS(store_.execute(statement));
    }
    return {};
}

Result<std::map<query::Day, std::vector<std::string>>> RollupStore::properties_left_out(const query::RollupFill& fill,
                                                                                        const query::Zone& zone) {
    TRY(const store::Answer answer, store_.query(statement("rollup-properties-left-out.sql",
                                                           {{"site", fill.website_id},
                                                            {"zone", zone.name()},
                                                            {"from", query::utc_text(fill.range.from_ms)},
                                                            {"to", query::utc_text(fill.range.to_ms)},
                                                            {"left_out_max", std::to_string(kPropertiesLeftOutMax)},
                                                            {"generation", std::to_string(fill.generation)}})));
    std::map<query::Day, std::vector<std::string>> left_out;
    for (const auto& row : answer.rows) left_out[query::day_of(row.at(0))] = names_of(row.at(1));
    return left_out;
}

Result<std::vector<std::string>> RollupStore::properties(const std::string& site_id, query::Day first,
                                                         query::Day last) {
    TRY(const store::Answer answer,
        store_.query(
            statement("rollup-properties-kept.sql",
                      {{"site", site_id}, {"first", query::day_text(first)}, {"last", query::day_text(last)}})));
    std::vector<std::string> names;
    for (const auto& row : answer.rows) names.push_back(query::text_of(row.at(0)).substr(query::kProperty.size()));
    return names;
}

Status RollupStore::fill_goals(const query::Plan& plan, std::uint64_t generation, const query::Zone& zone) {
    store::Statement statement = query::compose_rollup_of_goals(plan, generation, zone, kTimeoutMs);
    statement.settings.emplace_back("max_threads", "1");
    if (failpoint("rollup.before_goals") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint rollup.before_goals");
    return store_.execute(statement);
}

Result<std::map<query::Day, RollupStore::Rows>> RollupStore::rows(const std::string& site_id, query::Day first,
                                                                  query::Day last, std::uint64_t generation) {
    TRY(const store::Answer answer,
        store_.query(statement("rollup-rows-of-fill.sql", {{"site", site_id},
                                                           {"first", query::day_text(first)},
                                                           {"last", query::day_text(last)},
                                                           {"generation", std::to_string(generation)}})));
    std::map<query::Day, Rows> rows;
    for (const auto& row : answer.rows) {
        Rows& of_day = rows[query::day_of(row.at(0))];
        of_day.dimensions |= dimension_bit(query::text_of(row.at(1)));
        of_day.count += query::natural_of(row.at(2));
    }
    return rows;
}

Status RollupStore::say_made(const std::string& site_id, const query::Zone& zone, std::span<const MadeDay> made) {
    std::vector<std::string> days;
    for (const MadeDay& day : made) {
        std::vector<std::string> dimensions;
        for (const query::Dimension* dimension : query::rolled_dimensions()) {
            const std::string name = dimension == nullptr ? "" : dimension->name;
            if ((day.dimensions & dimension_bit(name)) != 0) dimensions.push_back(fmt::format("'{}'", name));
        }
        // A day that became stale is so until it is made again, which has a generation that is higher by more than one.
        const std::uint64_t version = std::max(day.generation, day.goals_generation) + (day.is_stale ? 1 : 0);
        days.push_back(fmt::format("('{}',{},{},{},{},{},{},[{}],{},{},{},{},{},{})", query::day_text(day.day),
                                   day.generation, day.log_offset, day.events, day.rows, day.is_stale, day.has_sketches,
                                   fmt::join(dimensions, ","), day.goals, day.goals_generation, day.goal_rows,
                                   day.has_properties, store::array_literal(day.properties_left_out), version));
    }
    return store_.execute(statement("rollup-say-made.sql", {{"site", site_id},
                                                            {"zone", zone.name()},
                                                            {"definition", std::to_string(definition())},
                                                            {"days", fmt::format("[{}]", fmt::join(days, ","))}}));
}

Status RollupStore::say_known_up_to(std::uint64_t offset, std::uint64_t version) {
    return store_.execute(
        statement("rollup-say-known.sql", {{"offset", std::to_string(offset)}, {"version", std::to_string(version)}}));
}

Status RollupStore::forget(const std::string& site_id, query::Day from) {
    const Parameters whose = {
        {"site", site_id}, {"all", site_id.empty() ? "true" : "false"}, {"from", query::day_text(from)}};
    // What says that a day counts goes first: a death in between leaves left-overs and no wrong number.
    TRY_STATUS(store_.execute(statement("rollup-forget-made.sql", whose)));
    return store_.execute(statement("rollup-forget-days.sql", whose));
}

}  // namespace footfall::rollup
