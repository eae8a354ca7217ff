#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::http {

struct Request;

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

/// The same bit by bit, for a body that is never whole in memory. Not thread-safe.
class Decoder {
public:
    virtual ~Decoder() = default;
    /// Decodes from the front of `in`, which it advances, into `out`, and says how many bytes it wrote there: where
    /// they are less than there is room, all of `in` is used up and more is needed. kInvalidArgument: broken data.
    virtual Result<std::size_t> decode(std::string_view& in, std::span<char> out) = 0;
    /// Whether the data may end here.
    bool is_whole() const { return is_whole_; }

protected:
    bool is_whole_ = false;
};

/// For gzip, x-gzip, zstd and br; kUnsupported for another coding.
Result<std::unique_ptr<Decoder>> make_decoder(std::string_view encoding);

/// The other way, for "gzip" and "zstd", and "" for the text as it is. No other coding.
std::string encode_body(std::string_view encoding, std::string_view text);
/// "gzip" form of a text.
std::string gzip(std::string_view text);
/// "zstd" form of a text: one frame.
std::string zstd(std::string_view text);

/// Whether the request's Accept-Encoding takes this coding.
bool accepts_encoding(const Request& request, std::string_view coding);

}  // namespace footfall::http
