#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/cells.h"
#include "query/composer.h"
#include "query/plan.h"
#include "query/shards.h"
#include "query/statement_parts.h"
#include "query/touch_sql.h"
#include "query/zone.h"
#include "store/client.h"

namespace footfall::query {

/// What statements over the events or sessions of each visitor have in common (visitor_question.h).
class VisitorStatement {
public:
    /// From when on something counts.
    enum class Since : std::uint8_t { kRange, kAlways };

    VisitorStatement(const Plan& plan, const std::vector<Condition>& filters, const Zone& zone, const Shard& shard,
                     Since since)
        : plan_(plan),
          filters_(filters),
          shard_(shard),
          composer_(zone, plan),
          site_(composer_.bind_as("site", "String", plan.website_id)),
          from_(since == Since::kRange ? composer_.bind_as("from", kInstant, utc_text(plan.range.from_ms)) : ""),
          to_(composer_.bind_as("to", kInstant, utc_text(plan.range.to_ms))) {
        composer_.count_what_is_of(
            {.from_ms = since == Since::kRange ? std::optional(plan.range.from_ms) : std::nullopt,
             .to_ms = plan.range.to_ms});
        composer_.read_sessions_from(
            sessions_with_touches(plan_, {.site = site_, .from = from_, .to = to_, .touching = sessions_where()}));
    }

    Composer& composer() { return composer_; }

    /// Sessions that may have an event that counts.
    std::vector<std::string> sessions_where() const {
        std::vector<std::string> where = {"website_id = " + site_, "started_at < " + to_};
        if (!from_.empty()) where.push_back("ended_at >= " + from_);
        add_bots(where);
        return where;
    }
    /// Pageviews and custom events that count.
    std::vector<std::string> events_where() {
        std::vector<std::string> where = {"website_id = " + site_};
        if (from_.empty())
            where.insert(where.end(),
                         {fmt::format("toDate(timestamp) <= toDate({})", to_), fmt::format("timestamp < {}", to_)});
        else
            for (std::string& bound : within("timestamp", from_, to_)) where.push_back(std::move(bound));
        where.emplace_back("event_type IN ('event', 'pageview')");
        add_bots(where);
        add_filters(where);
        return where;
    }
    /// Where nothing but sessions is read.
    std::vector<std::string> whole_sessions_where() {
        std::vector<std::string> where = sessions_where();
        add_filters(where);
        add_not_cancelled(where, site_);
        return where;
    }
    /// Whose keys are kKeyNow; the sessions themselves are not read.
    std::string events_of_sessions() const { return events_with_keys_now(site_); }
    /// After everything that the sessions have to give was named.
    std::string events(bool is_joined) {
        if (!is_joined) return "footfall.events";
        return "footfall.events " + composer_.joined_sessions({}, sessions_where());
    }

    store::Statement made_of(std::string sql, int timeout_ms) const {
        store::Statement statement = statement_of(std::move(sql), composer_.parameters(), timeout_ms);
        for (auto& setting : touch_settings(plan_)) statement.settings.push_back(std::move(setting));
        return statement;
    }

private:
    static constexpr std::string_view kInstant = "DateTime64(3, 'UTC')";

    void add_bots(std::vector<std::string>& where) const {
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
    }
    void add_filters(std::vector<std::string>& where) {
        shard_.add_to(where, composer_);
        for (const Condition& filter : filters_) where.push_back(composer_.condition(filter));
    }

    const Plan& plan_;
    const std::vector<Condition>& filters_;
    const Shard shard_;
    Composer composer_;
    const std::string site_;
    const std::string from_;  ///< empty: of all before `to`
    const std::string to_;
};

}  // namespace footfall::query
