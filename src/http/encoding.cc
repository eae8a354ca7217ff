#include "http/encoding.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "http/http.h"
#include "http/parser.h"

namespace footfall::http {
namespace {

constexpr std::size_t kStep = 32 * 1024;
constexpr std::size_t kRatioFreeBytes = 64 * 1024;
constexpr int kZstdWindowLogMax = 23;  // 8 MiB
constexpr int kZstdLevel = 1;          // as in the log

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

uInt as_zlib_size(std::size_t size) {
    return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

class GzipDecoder : public Decoder {
public:
    GzipDecoder() { is_started_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
    ~GzipDecoder() override {
        if (is_started_) inflateEnd(&stream_);
    }
    GzipDecoder(const GzipDecoder&) = delete;
    GzipDecoder& operator=(const GzipDecoder&) = delete;

    Result<std::size_t> decode(std::string_view& in, std::span<char> out) override {
        if (!is_started_) return Error(Code::kInternal, "zlib does not start");
        const uInt room = as_zlib_size(out.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = room;
        do {
            if (is_whole_ && in.empty()) break;
            // Further members may follow (RFC 1952, section 2.2), but nothing else.
            if (is_whole_ && inflateReset(&stream_) != Z_OK) return broken("gzip");
            const uInt given = as_zlib_size(in.size());
            stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
            stream_.avail_in = given;
            const int code = inflate(&stream_, Z_NO_FLUSH);
            in.remove_prefix(given - stream_.avail_in);
            is_whole_ = code == Z_STREAM_END;
            const bool is_starved = code == Z_BUF_ERROR && in.empty();
            if (code != Z_OK && code != Z_STREAM_END && !is_starved) return broken("gzip");
        } while (!in.empty() && stream_.avail_out > 0);
        return std::size_t{room - stream_.avail_out};
    }

private:
    z_stream stream_{};
    bool is_started_ = false;
};

class ZstdDecoder : public Decoder {
public:
    ZstdDecoder() {
        if (context_) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
    }

    Result<std::size_t> decode(std::string_view& in, std::span<char> out) override {
        if (!context_) return Error(Code::kInternal, "zstd does not start");
        ZSTD_inBuffer from{in.data(), in.size(), 0};
        ZSTD_outBuffer to{out.data(), out.size(), 0};
        do {
            if (is_whole_ && from.pos == from.size) break;
            // Behind a frame further ones may follow (RFC 8878, section 3), but nothing else.
            const std::size_t left = ZSTD_decompressStream(context_.get(), &to, &from);
            if (ZSTD_isError(left)) return broken("zstd");
            is_whole_ = left == 0;
        } while (from.pos < from.size && to.pos < to.size);
        in.remove_prefix(from.pos);
        return to.pos;
    }

private:
    std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context_{ZSTD_createDCtx(), ZSTD_freeDCtx};
};

class BrotliDecoder : public Decoder {
public:
    Result<std::size_t> decode(std::string_view& in, std::span<char> out) override {
        if (!state_) return Error(Code::kInternal, "brotli does not start");
        if (is_whole_ && in.empty()) return std::size_t{0};
        if (is_whole_) return broken("brotli");
        const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        std::size_t left_in = in.size();
        auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
        std::size_t left_out = out.size();
        const BrotliDecoderResult result =
            BrotliDecoderDecompressStream(state_.get(), &left_in, &next_in, &left_out, &next_out, nullptr);
        in.remove_prefix(in.size() - left_in);
        is_whole_ = result == BROTLI_DECODER_RESULT_SUCCESS;
        if (result == BROTLI_DECODER_RESULT_ERROR || (is_whole_ && !in.empty())) return broken("brotli");
        return out.size() - left_out;
    }

private:
    std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state_{
        BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance};
};

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
    TRY(const std::unique_ptr<Decoder> decoder, make_decoder(encoding));
    std::string out;
    std::size_t produced = 0;
    for (;;) {
        // Room is made only where none is left, so that members and frames in which there is nothing cost next to
        // nothing.
        if (produced == out.size()) out.resize(produced + kStep);
        TRY(const std::size_t more, decoder->decode(body, std::span(out).subspan(produced)));
        produced += more;
        TRY_STATUS(budget.check(produced));
        if (body.empty() && produced < out.size()) break;
    }
    if (!decoder->is_whole()) return broken(encoding);
    out.resize(produced);
    return out;
}

Result<std::unique_ptr<Decoder>> make_decoder(std::string_view encoding) {
    std::unique_ptr<Decoder> out;
    if (equal_ignoring_case(encoding, "gzip") || equal_ignoring_case(encoding, "x-gzip"))
        out = std::make_unique<GzipDecoder>();
    else if (equal_ignoring_case(encoding, "zstd")) out = std::make_unique<ZstdDecoder>();
    else if (equal_ignoring_case(encoding, "br")) out = std::make_unique<BrotliDecoder>();
    else return Error(Code::kUnsupported, "unknown Content-Encoding; use gzip, zstd, br or none", "Content-Encoding");
    return out;
}

std::string encode_body(std::string_view encoding, std::string_view text) {
    if (encoding == "gzip") return gzip(text);
    if (encoding == "zstd") return zstd(text);
    FOOTFALL_CHECK(encoding.empty());
    return std::string(text);
}

std::string gzip(std::string_view text) {
    // zlib counts in 32 bits.
    FOOTFALL_CHECK(text.size() <= std::numeric_limits<uInt>::max());
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

std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    const std::size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), kZstdLevel);
    FOOTFALL_CHECK(!ZSTD_isError(size));
    out.resize(size);
    return out;
}

bool accepts_encoding(const Request& request, std::string_view coding) {
    std::string_view list = request.header("accept-encoding");
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        const std::string_view item = trim_blanks(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
        if (item.substr(0, item.find_first_of("; ")) == coding)
            return item.find("q=0") == std::string_view::npos || item.find("q=0.") != std::string_view::npos;
    }
    return false;
}

}  // namespace footfall::http
