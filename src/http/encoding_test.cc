#include "http/encoding.h"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zstd.h>

namespace footfall::http {
namespace {

std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

std::string brotli(std::string_view text) {
    std::size_t size = BrotliEncoderMaxCompressedSize(text.size()) + 64;
    std::string out(size, '\0');
    EXPECT_TRUE(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                                      reinterpret_cast<std::uint8_t*>(out.data())));
    out.resize(size);
    return out;
}

class EncodingTest : public testing::TestWithParam<std::pair<const char*, std::string (*)(std::string_view)>> {};

TEST_P(EncodingTest, ComesBackWholeAndItsFaultsAreNamed) {
    const auto [name, encode] = GetParam();
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
    const std::string encoded = encode(text);
    EXPECT_EQ(decode_body(name, encoded, 1 << 20, 100).value(), text);
    EXPECT_EQ(decode_body(name, encoded, text.size() - 1, 100).error().code, Code::kTooLarge);
    EXPECT_EQ(decode_body(name, encoded.substr(0, encoded.size() - 3), 1 << 20, 100).error().code, Code::kInvalidArgument);
    EXPECT_EQ(decode_body(name, encoded + "x", 1 << 20, 100).error().code, Code::kInvalidArgument);
    EXPECT_EQ(decode_body(name, "not that", 1 << 20, 100).error().code, Code::kInvalidArgument);
    EXPECT_EQ(decode_body(name, "", 1 << 20, 100).error().code, Code::kInvalidArgument);
    // A bomb: 64 MiB of zeros.
    EXPECT_EQ(decode_body(name, encode(std::string(64 << 20, '\0')), 1 << 30, 100).error().code, Code::kTooLarge);
}

INSTANTIATE_TEST_SUITE_P(Codings, EncodingTest,
                         testing::Values(std::pair{"gzip", &gzip}, std::pair{"zstd", &zstd}, std::pair{"BR", &brotli}));

TEST(EncodingTest, UnknownCodingsAndListsAreUnsupported) {
    for (const char* name : {"deflate", "gzip, gzip", "compress"}) {
        EXPECT_FALSE(is_known_encoding(name));
        EXPECT_EQ(decode_body(name, "x", 100, 100).error().code, Code::kUnsupported);
    }
    EXPECT_EQ(decode_body("", "plain", 100, 100).value(), "plain");
}

}  // namespace
}  // namespace footfall::http
