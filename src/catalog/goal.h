#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::catalog {

/// A pageview or a custom event of a site that counts as a conversion. It applies to all of history.
struct Goal {
    /// Of what the value is: of pageviews the page, of custom events the name; empty where any matches.
    enum class Kind : std::uint8_t { kPage, kEvent };
    /// As the operator of a query's filter; kAny: the value is empty, and the filters say which event it is.
    enum class Match : std::uint8_t { kIs, kContains, kMatches, kAny };

    std::string id{};  ///< the catalog makes it
    std::string site_id{};
    std::string name{};  ///< of one goal of the site
    Kind kind = Kind::kPage;
    Match match = Match::kIs;
    std::string value{};
    std::string filters = "[]";  ///< further conditions on the event: JSON, as `filters` of a query; kept as it is
    std::int64_t created_ms = 0;
};

/// Of one site: each costs a condition on every event that a question about goals reads.
inline constexpr std::size_t kGoalsMax = 50;

/// kNotFound, where a site has no goal of that id.
Error no_goal(std::string_view id);

std::string_view goal_kind_name(Goal::Kind kind);
std::optional<Goal::Kind> parse_goal_kind(std::string_view text);
std::string_view goal_match_name(Goal::Match match);
std::optional<Goal::Match> parse_goal_match(std::string_view text);

}  // namespace footfall::catalog
