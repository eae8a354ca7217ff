#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace footfall::catalog {

/// Filters of a site under a name, for questions to ask with.
struct Segment {
    std::string id{};  ///< the catalog makes it
    std::string site_id{};
    std::string name{};          ///< of one segment of the site
    std::string filters = "[]";  ///< JSON, as `filters` of a query; kept as it is
    std::int64_t created_ms = 0;
};

/// Of one site: all of them go into what the planner is told of it.
inline constexpr std::size_t kSegmentsMax = 50;
inline constexpr std::size_t kSegmentNameMax = 64;  // characters
inline constexpr std::size_t kSegmentFiltersBytesMax = 8'192;

}  // namespace footfall::catalog
