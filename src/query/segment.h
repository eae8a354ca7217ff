#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "query/query.h"

/// Segments: filters that a site has saved under a name, in whatever is asked with filters.
///
///     parse_…() ─▶ apply_segment() ─▶ Service::run()
///
/// Applied before anything else is done with a request, they are filters as those that were written into it, to all
/// that follows: planner, rollup, and whatever keeps answers by what was asked.
namespace footfall::query {

/// The member of a request, and the path of what is wrong with the filters behind it.
inline constexpr std::string_view kSegment = "segment";

/// Adds the filters of the request's segment to its own; without one nothing. "unknown_segment"; "invalid_segment",
/// naming it, where its filters are not understood any more, or ask for a goal that is gone.
Status apply_segment(Request& request, const SiteInfo& site);
/// Whether a segment can have these filters: at least one, that a question of the site can be asked with, of goals that
/// it has. Errors as parse_request(), under `filters`.
Status check_segment(std::string_view filters, const SiteInfo& site);

/// Whether it came by apply_segment().
bool is_of_segment(const Filter& filter);
/// Of an error in lowering a request's filters: where it is in one of the segment's, an "invalid_segment".
Error of_segment(const Request& request, const Error& error);

}  // namespace footfall::query
