#include "catalog/goal.h"

namespace footfall::catalog {

Error no_goal(std::string_view id) {
    return {Code::kNotFound, "the site has no goal '" + std::string(id) + "'; 'footfall goal list' has the ids", "id"};
}

std::string_view goal_kind_name(Goal::Kind kind) { return kind == Goal::Kind::kEvent ? "event" : "page"; }

std::optional<Goal::Kind> parse_goal_kind(std::string_view text) {
    for (const Goal::Kind kind : {Goal::Kind::kPage, Goal::Kind::kEvent})
        if (goal_kind_name(kind) == text) return kind;
    return std::nullopt;
}

std::string_view goal_match_name(Goal::Match match) {
    switch (match) {
        case Goal::Match::kIs: return "is";
        case Goal::Match::kContains: return "contains";
        case Goal::Match::kMatches: return "matches";
        case Goal::Match::kAny: return "any";
    }
    return "";
}

std::optional<Goal::Match> parse_goal_match(std::string_view text) {
    for (const Goal::Match match : {Goal::Match::kIs, Goal::Match::kContains, Goal::Match::kMatches, Goal::Match::kAny})
        if (goal_match_name(match) == text) return match;
    return std::nullopt;
}

}  // namespace footfall::catalog
