#include "rollup/audit.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "query/plan.h"
#include "query/site_info.h"
#include "query/sql.h"
#include "rollup/rollup_store.h"
#include "rollup/run_of_days.h"

namespace footfall::rollup {
namespace {

constexpr int kTimeoutMs = 300'000;
constexpr std::size_t kDifferencesMax = 5;
constexpr std::uint64_t kEventsAtOnce = 5'000'000;

struct Sum {
    std::uint64_t rows = 0;
    std::uint64_t hash = 0;
    bool operator==(const Sum&) const = default;
};
using ByDay = std::map<std::string, Sum>;

Result<ByDay> by_day(store::Client& store, const store::Statement& statement) {
    TRY(const store::Answer answer, store.query(statement));
    ByDay days;
    for (const auto& row : answer.rows)
        days[std::get<std::string>(row.at(0))] = {std::get<std::uint64_t>(row.at(1)),
                                                  std::get<std::uint64_t>(row.at(2))};
    return days;
}

class SiteAudit {
public:
    SiteAudit(store::Client& store, const Registry& registry, const query::SiteInfo& site, const query::Zone& zone)
        : store_(store), registry_(registry), site_(site), zone_(zone) {
        row_.site_id = site.id;
        row_.table = "rollup_days";
    }

    /// Days that follow each other, all with sketches or none.
    Status compare(std::span<const MadeDay> days) {
        std::vector<query::RolledDay> rolled;
        for (const MadeDay& day : days) rolled.push_back({day.day, day.generation, day.events});
        const query::Range range{zone_.day_start_ms(days.front().day), zone_.day_start_ms(days.back().day + 1),
                                 query::Range::Unit::kDays};
        for (const query::Dimension* dimension : query::rolled_dimensions()) {
            const std::string name = dimension == nullptr ? "" : dimension->name;
            if (std::none_of(days.begin(), days.end(), [&](const MadeDay& day) { return day.has_rows_of(name); }))
                continue;
            const query::Plan plan = query::make_rollup_plan(site_, zone_, dimension, range, days.front().has_sketches);
            TRY_STATUS(compare(plan, rolled, days, name.empty() ? "the day as a whole" : name,
                               [&](const MadeDay& day) { return day.has_rows_of(name); }));
        }
        TRY_STATUS(compare_properties(days, rolled, range));
        return compare_goals(days, range);
    }
    process::AuditRow take() { return std::move(row_); }

private:
    Status compare_properties(std::span<const MadeDay> days, const std::vector<query::RolledDay>& rolled,
                              const query::Range& range) {
        TRY(const auto properties, RollupStore(store_).properties(site_.id, days.front().day, days.back().day));
        for (const std::string& property : properties) {
            const query::Plan plan =
                query::make_property_plan(site_, zone_, property, range, days.front().has_sketches);
            const std::string dimension = "property:" + property;
            TRY_STATUS(
                compare(plan, rolled, days, dimension, [&](const MadeDay& day) { return day.has_rows_of(dimension); }));
        }
        return {};
    }
    Status compare_goals(std::span<const MadeDay> days, const query::Range& range) {
        const std::uint64_t goals = goals_of(site_);
        std::vector<query::RolledDay> rolled;
        for (const MadeDay& day : days)
            if (day.goals == goals && goals != 0) rolled.push_back({day.day, day.goals_generation, day.events});
        if (rolled.empty()) return {};
        for (const auto& [rows, name] : {std::pair(query::GoalRows::kOfEach, "goal"),
                                         std::pair(query::GoalRows::kOfAny, "conversions as a whole")}) {
            TRY(const query::Plan plan, query::make_goal_plan(site_, zone_, rows, range, days.front().has_sketches));
            TRY_STATUS(compare(plan, rolled, days, name, [&](const MadeDay& day) { return day.goals == goals; }));
        }
        return {};
    }

    /// What the events make of a plan against the rows that are there, of the days that have them.
    template <class Has>
    Status compare(const query::Plan& plan, const std::vector<query::RolledDay>& rolled, std::span<const MadeDay> days,
                   std::string_view of, const Has& has) {
        TRY(ByDay expected, by_day(store_, query::compose_recount(plan, zone_, kTimeoutMs)));
        TRY(ByDay stored, by_day(store_, query::compose_recount_of_rollup(plan, rolled, zone_, kTimeoutMs)));
        const std::set<std::string> counting = still_counting(days);
        for (const MadeDay& day : days) {
            const std::string name = query::day_text(day.day);
            if (counting.contains(name) && has(day)) compare(of, name, expected[name], stored[name]);
        }
        return {};
    }
    std::set<std::string> still_counting(std::span<const MadeDay> days) const {
        std::map<query::Day, std::uint64_t> now;
        for (const MadeDay& day : registry_.fresh(site_.id)) now[day.day] = day.generation;
        std::set<std::string> counting;
        for (const MadeDay& day : days)
            if (now[day.day] == day.generation) counting.insert(query::day_text(day.day));
        return counting;
    }
    void compare(std::string_view of, const std::string& day, const Sum& expected, const Sum& stored) {
        row_.received += expected.rows;
        row_.expected += expected.rows;
        row_.stored += stored.rows;
        if (expected == stored) return;
        row_.ok = false;
        if (expected.rows == stored.rows) ++row_.altered;
        if (row_.differences.size() >= kDifferencesMax) return;
        row_.differences.push_back(
            expected.rows == stored.rows
                ? fmt::format("{}, {}: rows say other numbers than the events", day, of)
                : fmt::format("{}, {}: {} rows, the events make {}", day, of, stored.rows, expected.rows));
    }

    store::Client& store_;
    const Registry& registry_;
    const query::SiteInfo& site_;
    const query::Zone& zone_;
    process::AuditRow row_;
};

}  // namespace

Result<std::vector<process::AuditRow>> audit(store::Client& store, const Registry& registry,
                                             const catalog::Snapshot& snapshot,
                                             const std::vector<std::string>& site_ids) {
    std::vector<process::AuditRow> rows;
    for (const std::string& id : site_ids) {
        const catalog::Site* known = snapshot.site(id);
        if (known == nullptr) continue;
        const catalog::Site& site = *known;
        std::vector<MadeDay> days = registry.fresh(site.id);
        const query::SiteInfo info = query::site_info(snapshot, site);
        TRY(const query::Zone zone, query::Zone::load(site.timezone));
        // Of the others there is nothing left to count them by.
        const std::int64_t expired_ms = registry.expired_before(site.id);
        std::erase_if(days, [&](const MadeDay& day) { return zone.day_start_ms(day.day) < expired_ms; });
        if (days.empty()) continue;
        SiteAudit of_site(store, registry, info, zone);
        for (std::span<const MadeDay> left(days); !left.empty();) {
            const std::size_t count =
                run_of_days(left, kEventsAtOnce, [](const MadeDay& day) { return day.has_sketches; });
            TRY_STATUS(of_site.compare(left.first(count)));
            left = left.subspan(count);
        }
        rows.push_back(of_site.take());
    }
    return rows;
}

}  // namespace footfall::rollup
