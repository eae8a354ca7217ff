#include "process/sql.h"

#include <span>

#include <fmt/format.h>

#include "base/result.h"
#include "base/text_file.h"

namespace footfall::process::sql {

std::span<const TextFile> files();

std::string_view text(std::string_view name) {
    for (const TextFile& file : files())
        if (file.name == name) return file.text;
    check_failed("an SQL file of that name is embedded", __FILE__, __LINE__);
}

}  // namespace footfall::process::sql

namespace footfall::process {

std::string of_partition(std::string_view insert, std::uint16_t partition) {
    constexpr std::string_view kFormat = "FORMAT Native";
    FOOTFALL_CHECK(insert.ends_with(kFormat));
    return fmt::format("{}/* partition {} */ {}", insert.substr(0, insert.size() - kFormat.size()), partition, kFormat);
}

}  // namespace footfall::process
