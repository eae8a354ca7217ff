#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "query/answer_cache.h"

namespace footfall::query {

/// An answer as bytes, for nodes of one release: a version, then columns and rows, little-endian.
std::string encode_kept(const AnswerCache::Kept& kept);
/// Nothing where the bytes are none of that, or of another version.
std::optional<AnswerCache::Kept> decode_kept(std::string_view bytes);

}  // namespace footfall::query
