#include "query/rolled_sql.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "query/goal.h"
#include "query/statement_parts.h"
#include "query/zone.h"

namespace footfall::query {

/// The total of a dimension's rows is the site's own row where a session may be in more than one of them; with a filter
/// it is what the filter leaves.
std::vector<std::string> RolledRows::branches() {
    if (cover_.days.empty()) return {};
    composer_.enter(Composer::Scope::kRollup);
    if (is_rolled_by_goal(plan_)) return of_goals();
    const bool has_own_total = plan_.has_total && !plan_.rollup->dimension.empty() && !plan_.condition;
    std::vector<std::string> columns = composer_.dimension_columns();
    for (std::string& part : parts()) columns.push_back(std::move(part));
    columns.push_back(present() + " AS has_rows");
    if (plan_.has_total) columns.emplace_back(has_own_total ? "toUInt64(0) AS is_total" : "grouping(d1) AS is_total");
    Where where = rows(plan_.rollup->dimension);
    if (!groups_.empty()) where.push_back(composer_.is_one_of(plan_.dimensions.front(), groups_));
    if (!has_own_total) return {select(columns, "footfall.rollup_days", where) + grouping(plan_)};
    return {fmt::format("{}\nGROUP BY {}", select(columns, "footfall.rollup_days", where),
                        fmt::join(names("d", plan_.dimensions.size()), ", ")),
            total(rows(""))};
}

std::string RolledRows::bounds() {
    composer_.enter(Composer::Scope::kRollup);
    std::vector<std::string> columns = composer_.dimension_columns();
    columns.push_back(plan_.top_rows->rolled_at_most + " AS part");
    return select(columns, "footfall.rollup_days", rows(plan_.rollup->dimension)) + "\nGROUP BY d1";
}

/// Conversions are in the goals' rows, each of a goal, and in one without a name, of those that met any: the total of
/// all, since a session that met several counts in each. That one also has the sessions that they are a share of.
std::vector<std::string> RolledRows::of_goals() {
    const bool is_by_goal = std::any_of(plan_.dimensions.begin(), plan_.dimensions.end(),
                                        [](const DimensionColumn& column) { return is_goal(*column.dimension); });
    const auto of_any = [&] {
        composer_.ignore_goals(true);
        Where where = rows("goal");
        where.emplace_back("value = ''");
        return where;
    };
    const auto branch = [&](std::string_view of, std::string_view has_rows, const Where& where) {
        std::vector<std::string> columns = composer_.dimension_columns();
        for (std::string& part : parts(of)) columns.push_back(std::move(part));
        columns.push_back(fmt::format("{} AS has_rows", has_rows.empty() ? present(of) : std::string(has_rows)));
        // The groups' own total would count a session again for each goal.
        if (plan_.has_total) columns.emplace_back(is_by_goal ? "toUInt64(0) AS is_total" : "grouping(d1) AS is_total");
        const std::string sql = select(columns, "footfall.rollup_days", where);
        if (!is_by_goal) return sql + grouping(plan_);
        return fmt::format("{}\nGROUP BY {}", sql, fmt::join(names("d", plan_.dimensions.size()), ", "));
    };
    std::vector<std::string> branches;
    if (!is_by_goal && !plan_.condition) {
        branches.push_back(branch({}, {}, of_any()));
    } else {
        Where where = rows("goal");
        where.emplace_back("value != ''");
        branches.push_back(branch(kConversions, {}, where));
        if (plan_.all_sessions != Branch::kNone)
            branches.push_back(branch(kAllSessions, is_by_goal ? "0" : "", of_any()));
        if (is_by_goal && plan_.has_total) branches.push_back(total(of_any()));
    }
    composer_.ignore_goals(false);
    return branches;
}

std::string RolledRows::total(const Where& where) {
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < plan_.dimensions.size(); ++i)
        columns.push_back(
            fmt::format("defaultValueOfArgumentType(any({})) AS d{}", composer_.dimension(plan_.dimensions[i]), i + 1));
    for (std::string& part : parts()) columns.push_back(std::move(part));
    columns.push_back(present() + " AS has_rows");
    columns.emplace_back("toUInt64(1) AS is_total");
    return select(columns, "footfall.rollup_days", where);
}

/// b1, b2, …, and nothing for metrics of other sources than `of`, where that is not empty.
std::vector<std::string> RolledRows::parts(std::string_view of) {
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < plan_.bases.size(); ++i) {
        const BaseMetric& base = plan_.bases[i];
        const RollupColumn& column = *base.metric->rollup;
        const bool is_there = of.empty() || base.source->source == of;
        columns.push_back(
            fmt::format("{} AS b{}", is_there ? composer_.metric(column.partial()) : column.nothing, i + 1));
    }
    return columns;
}

std::string RolledRows::present(std::string_view of) const {
    std::vector<std::string> sums;
    for (const BaseMetric& base : plan_.bases) {
        if (!of.empty() && base.source->source != of) continue;
        std::string sum = fmt::format("sum({})", base.metric->rollup->present);
        if (std::find(sums.begin(), sums.end(), sum) == sums.end()) sums.push_back(std::move(sum));
    }
    return sums.empty() ? "0" : fmt::format("{} != 0", fmt::join(sums, " + "));
}

RolledRows::Where RolledRows::rows(std::string_view dimension) {
    std::string days;
    for (const RolledDay& day : cover_.days)
        days += fmt::format("{}('{}',{})", days.empty() ? "" : ",", day_text(day.day), day.generation);
    const std::string name = composer_.bind_as(dimension.empty() ? "whole" : "dimension", "String", dimension);
    Where of_days = {
        "website_id = " + site_,
        fmt::format("day BETWEEN {} AND {}", composer_.bind_as("first_day", "Date", day_text(cover_.days.front().day)),
                    composer_.bind_as("last_day", "Date", day_text(cover_.days.back().day))),
        fmt::format("(day, generation) IN {}",
                    composer_.bind_as("days", "Array(Tuple(Date, UInt64))", "[" + days + "]"))};
    Where where = of_days;
    if (dimension.starts_with(kProperty)) {
        // Events of names that never have it on that day are in no row of it.
        Where having_it = of_days;
        having_it.push_back("dimension = " + name);
        where.push_back(fmt::format("dimension IN ({}, 'event_name')", name));
        where.push_back(
            fmt::format("(dimension = {} OR (day, value) NOT IN\n(\n{}\n))", name,
                        select({"day AS of_day", "event_name AS of_name"}, "footfall.rollup_days", having_it)));
    } else {
        where.push_back("dimension = " + name);
    }
    composer_.add_conditions(where);
    return where;
}

std::string RolledRows::rows_as_they_are() {
    Where where;
    if (is_rolled_by_goal(plan_)) {
        where = rows("goal");
        where.emplace_back(plan_.dimensions.size() > 1 ? "value != ''" : "value = ''");
    } else {
        where = rows(plan_.dimensions.size() > 1 ? std::string_view(plan_.dimensions.back().name) : "");
    }
    return fmt::format("(SELECT * FROM footfall.rollup_days FINAL WHERE {})", fmt::join(where, " AND "));
}

}  // namespace footfall::query
