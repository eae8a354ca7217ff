#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::enrich {

/// Reads a list of one entry a line: blank lines and those that begin with '#' are none, and "# version: V" names its
/// version, which is returned; without one it is the start of the list's SHA-256, so that what judged an event can be
/// told. `take` says whether it knows the entry. kCorrupt with `name` and the line, for a broken entry and for a list
/// that has none.
Result<std::string> read_lines(std::string_view text, std::string_view name,
                               const std::function<bool(std::string_view)>& take);

}  // namespace footfall::enrich
