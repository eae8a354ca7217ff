#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::catalog {

/// An id that nothing else has.
std::string random_id();
inline constexpr std::size_t kRandomIdLength = 12;

/// Judges a line that people write for others to read: UTF-8 of 1 to `characters_max` characters, none of which is a
/// control character (of ASCII or C1), since those drive terminals. kInvalidArgument with that field.
Status check_line(std::string_view text, std::size_t characters_max, std::string_view what, std::string_view field);

Error no_site(std::string_view id);

}  // namespace footfall::catalog
