#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "query/plan.h"
#include "query/zone.h"
#include "store/client.h"

namespace footfall::query {

/// The statement that answers a plan over a range. Columns: the dimensions, the metrics, and, where the plan has a
/// total, `is_total`: the first row, with 1 there, is the total over all groups, whatever limit and offset are.
/// Where nothing was found there may be no row at all. Rows and total come from one scan, so that they agree while
/// events arrive: on 2 million rows of two dimensions it took 100 ms, two statements 183 ms.
///
/// Identifiers and expressions come from the declarations alone; whatever a request says is a parameter. A cover with
/// days is of a plan with `rollup`; distinct counts then come from sketches, over its ranges too.
store::Statement compose(const Plan& plan, const Cover& cover, const Zone& zone, int timeout_ms);

/// The same for its groups alone, of a plan without total, from the tables: all of them, in no order.
store::Statement compose_groups(const Plan& plan, const Range& range, const Zone& zone, int timeout_ms);

/// Whole days of a site that are rolled up together.
struct RollupFill {
    std::string website_id;
    Range range;  ///< in days of the site's zone
    std::uint64_t generation = 0;
    bool has_sketches = true;  ///< else distinct counts are left empty
    /// A dimension of which rows would stand for fewer events than this in the mean of a day is left out of it.
    std::uint64_t row_events_min = 0;
    /// The same of properties, the ones with the fewest values first: rows of all of them together. Their values may
    /// be a person's, so that a row of one has to stand for several also where all else is kept.
    std::uint64_t property_row_events_min = 0;
};

/// The dimensions that the rollup keeps; the first is null, for a site as a whole.
std::vector<const Dimension*> rolled_dimensions();

/// Inserts the rows of these days into footfall.rollup_days: what compose_recount() counts of each dimension.
store::Statement compose_rollup(const RollupFill& fill, const Zone& zone, int timeout_ms);

/// Inserts the rows of their properties, in the same generation: what compose_recount() counts of each that is kept.
store::Statement compose_rollup_of_properties(const RollupFill& fill, const Zone& zone, int timeout_ms);
/// Inserts the rows of a plan by make_goal_plan().
store::Statement compose_rollup_of_goals(const Plan& plan, std::uint64_t generation, const Zone& zone, int timeout_ms);

/// Of a plan with `top_rows`: the groups with the highest bound, one more than candidates, highest first. Columns: the
/// dimension, the bound, `is_total`; the first row is the total. A cover with days is of one with `rolled_at_most`.
store::Statement compose_candidates(const Plan& plan, const Cover& cover, const Zone& zone, int timeout_ms);

/// As compose(), of these groups alone; the total is over all. For it all others are counted as one, under the name of
/// `rest`, which is one of them, and left out. Then one more column comes last: the bound, in the first row that of
/// all.
store::Statement compose_top_rows(const Plan& plan, const Cover& cover, const Zone& zone,
                                  std::span<const std::string> candidates, const std::string& rest, int timeout_ms);

/// The bound over all groups of a plan with `top_rows`: one number.
store::Statement compose_bound(const Plan& plan, const Cover& cover, const Zone& zone, int timeout_ms);

/// Of a plan by make_rollup_plan() and its like, to compare: by day the number of rows that are written of it,
/// and the sum of their hashes. Columns: the day as text, rows, sum.
store::Statement compose_recount(const Plan& plan, const Zone& zone, int timeout_ms);
/// The same of the rows that footfall.rollup_days has of these days.
store::Statement compose_recount_of_rollup(const Plan& plan, const std::vector<RolledDay>& days, const Zone& zone,
                                           int timeout_ms);

/// How many events the table has, of whatever site: one number, which the engine knows without reading.
store::Statement compose_size(int timeout_ms);

/// The statement that says how many rows another will read: the columns are database, table, parts, rows, marks.
store::Statement compose_estimate(store::Statement statement);

}  // namespace footfall::query
