#include "retention/sql.h"

#include <span>

#include "base/result.h"
#include "base/text_file.h"

namespace footfall::retention::sql {

std::span<const TextFile> files();

std::string_view text(std::string_view name) {
    for (const TextFile& file : files())
        if (file.name == name) return file.text;
    check_failed("an SQL file of that name is embedded", __FILE__, __LINE__);
}

}  // namespace footfall::retention::sql
