#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "query/step.h"
#include "query/visitor_question.h"

/// Paths: which pages and custom events sessions went through one after the other (POST /api/v1/paths).
///
/// The events of a session are those of the range that pass the filters, in the order of their time, those of one
/// millisecond in the order in which they were received. Its nodes are, in three steps:
///
/// 1. With `from`: its first event that meets `from`, and all that come after it. With `to`: its first event that meets
///    `to`, and all that came before, read backwards, so that this one is the first. A session without such an event
///    has no path. With neither: all events.
/// 2. Of these the pageviews by their page, the custom events by their name, or both; the one that met `from` or `to`
///    whichever it is. A session that has none has no path.
/// 3. `collapse`: a node right after an equal one is left out.
///
/// A path is the first `depth` nodes. A session that has no more than these ended there (with `to`: began there).
namespace footfall::query {

inline constexpr std::int64_t kPathDepthMin = 2;
inline constexpr std::int64_t kPathDepthMax = 10;
inline constexpr std::int64_t kPathDepthDefault = 5;
inline constexpr std::int64_t kPathNodesMax = 50;  // told of each depth
inline constexpr std::int64_t kPathNodesDefault = 8;
inline constexpr std::int64_t kPathsMax = 100;  // told as a whole
inline constexpr std::int64_t kPathsDefault = 20;

enum class PathNodes : std::uint8_t { kPages, kEvents, kBoth };

struct PathsRequest final : VisitorRequest {
    std::optional<Step> from;  ///< not both
    std::optional<Step> to;
    std::int64_t depth = kPathDepthDefault;
    PathNodes nodes = PathNodes::kPages;
    Toggle collapse = Toggle::kOn;
    std::int64_t paths_limit = kPathsDefault;  ///< `of.limit` is that of the nodes of a depth

    Result<std::unique_ptr<VisitorQuestion>> plan(const PlanContext& context) const override;
};

/// Errors as parse_request().
Result<PathsRequest> parse_paths(std::string_view body);

}  // namespace footfall::query
