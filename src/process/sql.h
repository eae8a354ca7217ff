#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace footfall::process::sql {

/// The text of sql/clickhouse/process/<name>, embedded at build time. Ends the process for a name that is not there.
std::string_view text(std::string_view name);

}  // namespace footfall::process::sql

namespace footfall::process {

/// "INSERT INTO … FORMAT Native" with a remark by which loader-running-inserts.sql finds it: of which partition of the
/// log its rows are.
std::string of_partition(std::string_view insert, std::uint16_t partition);

}  // namespace footfall::process
