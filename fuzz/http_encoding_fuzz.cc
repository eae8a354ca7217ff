#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/encoding.h"

// Compressed bodies of strangers. The first byte chooses the coding; whatever comes out stays within the limits.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using footfall::Code;
    if (size == 0) return 0;
    constexpr std::string_view kCodings[] = {"gzip", "zstd", "br"};
    constexpr std::size_t kBytesMax = 256 * 1024;
    constexpr double kRatioMax = 100;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto decoded = footfall::http::decode_body(kCodings[data[0] % 3], body, kBytesMax, kRatioMax);
    if (decoded) {
        const bool is_dense = static_cast<double>(decoded->size()) > kRatioMax * static_cast<double>(body.size());
        if (decoded->size() > kBytesMax || (is_dense && decoded->size() > 64 * 1024)) std::abort();
    } else if (decoded.error().code != Code::kInvalidArgument && decoded.error().code != Code::kTooLarge) {
        std::abort();
    }
    return 0;
}
