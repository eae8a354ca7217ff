#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::http {

/// Whether decode_body() knows the coding: "", identity, gzip, x-gzip, zstd, br; one coding, not a list.
bool is_known_encoding(std::string_view encoding);

/// For decode_body(): the limit is that of what comes out, and how densely it was packed is the sender's affair.
inline constexpr double kAnyRatio = std::numeric_limits<double>::infinity();

/// Takes a Content-Encoding off; gzip data may be several members, one behind the other, and zstd data several frames.
/// kUnsupported: a coding that is not known; kTooLarge: more than `bytes_max` come out, or more than `ratio_max` times
/// what went in once that is over 64 KiB; kInvalidArgument: broken, cut short, a zstd window over 8 MiB, or bytes
/// behind the end. Beside the output, which grows only as it comes out, memory is a window: 32 KiB for gzip, 8 MiB for
/// zstd, 16 MiB for br.
Result<std::string> decode_body(std::string_view encoding, std::string_view body, std::size_t bytes_max,
                                double ratio_max);

/// "gzip" form of a text, for tests and clients.
std::string gzip(std::string_view text);

}  // namespace footfall::http
