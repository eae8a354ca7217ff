#include "app/retention_check.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "query/zone.h"

namespace footfall::app {
namespace {

/// Named one by one; the rest is counted.
constexpr std::size_t kNamedMax = 20;

std::string joined(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    const std::size_t more = names.size() - std::min(names.size(), kNamedMax);
    names.resize(names.size() - more);
    return fmt::format("{}{}", fmt::join(names, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace

Finding check_retention(const decltype(catalog::Snapshot::sites)& sites,
                        const std::map<std::string, std::uint64_t>& days_missing, const std::string& problem) {
    if (!problem.empty())
        return {"retention", false, problem, "it goes on by itself; if it stays, the reason names the part to look at"};
    std::vector<std::string> missing;
    for (const auto& [id, days] : days_missing) {
        const auto site = sites.find(id);
        if (site == sites.end()) continue;
        std::uint64_t by_its_own = days;
        std::vector<std::string> parts;
        for (const auto& [timezone, kept] : site->second.retention.kept) {
            if (timezone == site->second.timezone) continue;
            parts.push_back(fmt::format("{} by the calendar of {}", kept.days, timezone));
            by_its_own -= std::min(by_its_own, kept.days);
        }
        if (by_its_own > 0) parts.insert(parts.begin(), std::to_string(by_its_own));
        missing.push_back(fmt::format("{} {}", id, fmt::join(parts, " and ")));
    }
    if (!missing.empty())
        return {"retention", false, "days whose events are gone are in no answer: " + joined(std::move(missing)),
                "a store that was made anew gets them from the log within a minute or two, else the server's log says "
                "why not (rollup.put_back, retention.days_missing); days by another calendar come back with that time "
                "zone (site set ID --timezone)"};
    std::vector<std::string> for_ever;
    std::vector<std::string> with_end;
    for (const auto& [id, site] : sites) {
        const catalog::Retention& kept = site.retention;
        std::string since;
        if (kept.expired_ms > 0)
            if (const auto zone = query::Zone::load(site.timezone))
                since = ", since " + query::day_text(zone->day_of(kept.expired_ms));
        if (kept.months == 0) for_ever.push_back(id + since);
        else with_end.push_back(fmt::format("{} {} months{}", id, kept.months, since));
    }
    std::string text = with_end.empty() ? "" : "events are kept: " + joined(std::move(with_end));
    if (!for_ever.empty())
        text += (text.empty() ? "" : "; ") + std::string("for ever: ") + joined(std::move(for_ever)) +
                " (site set ID --retention-months N)";
    return {"retention", true, text.empty() ? "there is no site" : text, ""};
}

}  // namespace footfall::app
