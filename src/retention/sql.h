#pragma once

#include <string_view>

namespace footfall::retention::sql {

/// The text of sql/clickhouse/retention/<name>, embedded at build time. Ends the process for a name that is not there.
std::string_view text(std::string_view name);

}  // namespace footfall::retention::sql
