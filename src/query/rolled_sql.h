#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/composer.h"
#include "query/plan.h"

namespace footfall::query {

/// What statements read of footfall.rollup_days for the days of a cover. Of sql.cc. Not thread-safe.
class RolledRows {
public:
    RolledRows(Composer& composer, const Plan& plan, const Cover& cover, std::string site)
        : composer_(composer), plan_(plan), cover_(cover), site_(std::move(site)) {}

    /// The plan's dimensions and b1, b2, …, as the branches of the tables have them. None without days.
    std::vector<std::string> branches();
    /// Of each group of a plan with `rolled_at_most` what the days add to its bound, as `part`.
    std::string bounds();
    /// The branches have these groups alone, of a plan with one dimension. They must live as long.
    void read_only(std::span<const std::string> groups) { groups_ = groups; }
    /// The rows of a plan by make_rollup_plan() and its like, each once, as a table to read from.
    std::string rows_as_they_are();

private:
    using Where = std::vector<std::string>;

    std::vector<std::string> of_goals();
    std::string total(const Where& where);
    std::vector<std::string> parts(std::string_view of = {});
    std::string present(std::string_view of = {}) const;
    Where rows(std::string_view dimension);

    Composer& composer_;
    const Plan& plan_;
    const Cover& cover_;
    const std::string site_;
    std::span<const std::string> groups_;  ///< empty: all
};

}  // namespace footfall::query
