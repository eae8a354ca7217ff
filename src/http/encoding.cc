#include "http/encoding.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "http/parser.h"

namespace footfall::http {
namespace {

constexpr std::size_t kStep = 32 * 1024;
constexpr std::size_t kRatioFreeBytes = 64 * 1024;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr int kZstdWindowLogMax = 23;  // 8 MiB

Error broken(std::string_view coding) {
    return Error(Code::kInvalidArgument, "the body is no valid " + std::string(coding) + " data", "Content-Encoding");
}

/// Says whether `produced` bytes out of `consumed` are still allowed.
class Budget {
public:
    Budget(std::size_t bytes_max, double ratio_max, std::size_t input)
        : bytes_max_(bytes_max), ratio_max_(ratio_max), input_(static_cast<double>(input)) {}
    Status check(std::size_t produced) const {
        if (produced > bytes_max_)
            return Error(Code::kTooLarge,
                         "the body is larger than " + std::to_string(bytes_max_) + " bytes when decompressed");
        if (produced > kRatioFreeBytes && static_cast<double>(produced) > ratio_max_ * input_)
            return Error(Code::kTooLarge,
                         "the body is compressed more than " + std::to_string(static_cast<int>(ratio_max_)) + " times");
        return {};
    }

private:
    std::size_t bytes_max_;
    double ratio_max_;
    double input_;
};

Result<std::string> inflate_gzip(std::string_view body, const Budget& budget) {
    // zlib counts in 32 bits; no body comes near that.
    if (body.size() > std::numeric_limits<uInt>::max()) return Error(Code::kTooLarge, "the body is too large");
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return Error(Code::kInternal, "zlib does not start");
    const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    std::string out;
    for (;;) {
        // Room is made only where none is left, so that members in which there is nothing cost next to nothing.
        if (stream.avail_out == 0) {
            const std::size_t at = out.size();
            out.resize(at + kStep);
            stream.next_out = reinterpret_cast<Bytef*>(out.data() + at);
            stream.avail_out = kStep;
        }
        const int code = inflate(&stream, Z_NO_FLUSH);
        const std::size_t produced = out.size() - stream.avail_out;
        TRY_STATUS(budget.check(produced));
        if (code == Z_STREAM_END) {
            if (stream.avail_in == 0) {
                out.resize(produced);
                return out;
            }
            // Further members may follow (RFC 1952, section 2.2), but nothing else.
            const bool is_member = body.substr(body.size() - stream.avail_in).starts_with(kGzipMagic);
            if (!is_member || inflateReset(&stream) != Z_OK) return broken("gzip");
        } else if (code != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
            return broken("gzip");
        }
    }
}

Result<std::string> inflate_zstd(std::string_view body, const Budget& budget) {
    const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (!context) return Error(Code::kInternal, "zstd does not start");
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
    ZSTD_inBuffer in{body.data(), body.size(), 0};
    ZSTD_outBuffer to{};
    std::string out;
    for (;;) {
        // Room is made only where none is left, so that frames in which there is nothing cost next to nothing.
        if (to.pos == to.size) {
            out.resize(to.pos + kStep);
            to = {out.data(), out.size(), to.pos};
        }
        const std::size_t left = ZSTD_decompressStream(context.get(), &to, &in);
        TRY_STATUS(budget.check(to.pos));
        if (ZSTD_isError(left)) return broken("zstd");
        const bool is_read = in.pos == in.size;
        if (left == 0 && is_read) {
            out.resize(to.pos);
            return out;
        }
        // Behind a frame further ones may follow (RFC 8878, section 3), but nothing else.
        if (left > 0 && is_read && to.pos < to.size) return broken("zstd");
    }
}

Result<std::string> inflate_brotli(std::string_view body, const Budget& budget) {
    const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
        BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
    if (!state) return Error(Code::kInternal, "brotli does not start");
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(body.data());
    std::size_t left_in = body.size();
    std::string out;
    for (;;) {
        const std::size_t at = out.size();
        out.resize(at + kStep);
        auto* next_out = reinterpret_cast<std::uint8_t*>(out.data() + at);
        std::size_t left_out = kStep;
        const BrotliDecoderResult result =
            BrotliDecoderDecompressStream(state.get(), &left_in, &next_in, &left_out, &next_out, nullptr);
        out.resize(at + kStep - left_out);
        TRY_STATUS(budget.check(out.size()));
        if (result == BROTLI_DECODER_RESULT_SUCCESS) break;
        if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return broken("brotli");
    }
    if (left_in > 0) return broken("brotli");
    return out;
}

}  // namespace

bool is_known_encoding(std::string_view encoding) {
    for (const std::string_view known : {"", "identity", "gzip", "x-gzip", "zstd", "br"})
        if (equal_ignoring_case(encoding, known)) return true;
    return false;
}

Result<std::string> decode_body(std::string_view encoding, std::string_view body, std::size_t bytes_max,
                                double ratio_max) {
    const Budget budget(bytes_max, ratio_max, body.size());
    if (encoding.empty() || equal_ignoring_case(encoding, "identity")) {
        TRY_STATUS(Budget(bytes_max, 1e18, body.size()).check(body.size()));
        return std::string(body);
    }
    if (equal_ignoring_case(encoding, "gzip") || equal_ignoring_case(encoding, "x-gzip"))
        return inflate_gzip(body, budget);
    if (equal_ignoring_case(encoding, "zstd")) return inflate_zstd(body, budget);
    if (equal_ignoring_case(encoding, "br")) return inflate_brotli(body, budget);
    return Error(Code::kUnsupported, "unknown Content-Encoding; use gzip, zstd, br or none", "Content-Encoding");
}

std::string gzip(std::string_view text) {
    z_stream stream{};
    FOOTFALL_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    FOOTFALL_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace footfall::http
