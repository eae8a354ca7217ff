#include "query/touch_sql.h"

#include <algorithm>

#include <fmt/format.h>

#include "query/statement_parts.h"

namespace footfall::query {
namespace {

/// The columns that are asked for by that member of their dimensions, each once.
std::vector<std::string> columns_of(const Plan& plan, std::string Dimension::*touch) {
    std::vector<std::string> columns;
    for_each_column(plan, [&](const DimensionColumn& column) {
        const std::string& name = column.dimension->*touch;
        if (!name.empty() && std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
    });
    return columns;
}

/// All sessions up to the range's end of the visitors who have one that the request may count.
std::vector<std::string> sessions_of_visitors(const Plan& plan, const TouchScope& of) {
    std::vector<std::string> where = {"website_id = " + of.site, "started_at < " + of.to};
    if (plan.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
    add_not_cancelled(where, of.site);
    // Of everything these are all.
    if (plan.range.unit != Range::Unit::kEverything)
        where.push_back(fmt::format("visitor_id IN (SELECT visitor_id FROM footfall.sessions WHERE {})",
                                    fmt::join(of.touching, " AND ")));
    return where;
}

}  // namespace

// Asked of the sessions each time instead of being kept: late events, erasures and verdicts on bots change which
// session was the first, and a table beside them could say something else (docs/adr/0018).
std::string sessions_with_touches(const Plan& plan, const TouchScope& of) {
    std::string text = "footfall.sessions";
    if (const std::vector<std::string> first = columns_of(plan, &Dimension::first_touch); !first.empty()) {
        std::vector<std::string> columns = {"visitor_id AS first_visitor", "is_bot AS first_bot"};
        for (const std::string& column : first)
            columns.push_back(fmt::format("argMin({0}, started_at) AS first_{0}", column));
        text += fmt::format(
            "\nLEFT JOIN\n(\n{}\nGROUP BY first_visitor, first_bot\n) AS first_touch\n"
            "ON visitor_id = first_visitor AND is_bot = first_bot",
            select(columns, "footfall.sessions", sessions_of_visitors(plan, of)));
    }
    if (const std::vector<std::string> last = columns_of(plan, &Dimension::last_touch); !last.empty()) {
        std::vector<std::string> columns = {"visitor_id AS last_visitor", "is_bot AS last_bot",
                                            "started_at AS last_at"};
        for (const std::string& column : last) columns.push_back(fmt::format("{0} AS last_{0}", column));
        std::vector<std::string> where = sessions_of_visitors(plan, of);
        where.emplace_back("channel != 'Direct'");
        text += fmt::format(
            "\nASOF LEFT JOIN\n(\n{}\n) AS last_touch\n"
            "ON visitor_id = last_visitor AND is_bot = last_bot AND started_at >= last_at",
            select(columns, "footfall.sessions", where));
    }
    return text;
}

bool asks_for_touches(const Plan& plan) {
    return !columns_of(plan, &Dimension::first_touch).empty() || !columns_of(plan, &Dimension::last_touch).empty();
}

// The hash table of an ASOF join has a vector of its own for each visitor: of 2 million more than a statement may take
// in the embedded store. Sorted runs go to disk.
std::vector<std::pair<std::string, std::string>> touch_settings(const Plan& plan) {
    if (columns_of(plan, &Dimension::last_touch).empty()) return {};
    return {{"join_algorithm", "full_sorting_merge"}};
}

}  // namespace footfall::query
