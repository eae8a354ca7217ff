#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace footfall {

/// The candidate with the smallest edit distance (Levenshtein) to `word`, if it is at most a third of the longer length
/// (at least 2); empty otherwise. For "did you mean".
std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace footfall
