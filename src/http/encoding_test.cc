#include "http/encoding.h"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <memory>

namespace footfall::http {
namespace {

std::string brotli(std::string_view text) {
    std::size_t size = BrotliEncoderMaxCompressedSize(text.size()) + 64;
    std::string out(size, '\0');
    EXPECT_TRUE(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, text.size(),
                                      reinterpret_cast<const std::uint8_t*>(text.data()), &size,
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
    EXPECT_EQ(decode_body(name, encoded, text.size(), 100).value(), text);
    EXPECT_EQ(decode_body(name, encoded, text.size() - 1, 100).error().code, Code::kTooLarge);
    EXPECT_EQ(decode_body(name, encode(""), 0, 100).value(), "");
    EXPECT_EQ(decode_body(name, encoded + "x", 1 << 20, 100).error().code, Code::kInvalidArgument);
    EXPECT_EQ(decode_body(name, "not that", 1 << 20, 100).error().code, Code::kInvalidArgument);
    EXPECT_EQ(decode_body(name, "", 1 << 20, 100).error().code, Code::kInvalidArgument);
    for (const std::size_t cut : {std::size_t{1}, std::size_t{3}, encoded.size() / 2, encoded.size() - 1})
        EXPECT_EQ(decode_body(name, encoded.substr(0, encoded.size() - cut), 1 << 20, 100).error().code,
                  Code::kInvalidArgument)
            << cut;
}

/// Codings whose data may be several parts, one behind the other: gzip's members, zstd's frames.
class EncodingPartsTest : public testing::TestWithParam<std::pair<const char*, std::string (*)(std::string_view)>> {};

TEST_P(EncodingPartsTest, AreReadAllAndTheLimitsAreThoseOfAllTogether) {
    const auto [name, encode] = GetParam();
    const std::string text(10'000, 'x');
    const std::string two = encode(text) + encode("and more");
    EXPECT_EQ(decode_body(name, two, 1 << 20, 100).value(), text + "and more");
    EXPECT_EQ(decode_body(name, encode("") + two + encode(""), 1 << 20, 100).value(), text + "and more");
    EXPECT_EQ(decode_body(name, two, text.size() + 8, 100).value(), text + "and more");
    EXPECT_EQ(decode_body(name, two, text.size() + 7, 100).error().code, Code::kTooLarge);
    std::string dense;
    for (int i = 0; i < 10; ++i) dense += encode(text);
    EXPECT_EQ(decode_body(name, dense, 1 << 20, 100).error().code, Code::kTooLarge);
    const std::string magic = two.substr(0, 4);
    for (const std::string& rest : {std::string("x"), magic.substr(0, 1), magic.substr(0, 2), magic, two.substr(0, 15),
                                    std::string(1, '\0'), brotli(text)})
        EXPECT_EQ(decode_body(name, two + rest, 1 << 20, 100).error().code, Code::kInvalidArgument) << rest;
}

INSTANTIATE_TEST_SUITE_P(Codings, EncodingPartsTest,
                         testing::Values(std::pair{"gzip", &gzip}, std::pair{"zstd", &zstd}));

TEST(EncodingPartsTest, AreOfOneCodingAndNotOfBrotli) {
    const std::string text(10'000, 'x');
    EXPECT_EQ(decode_body("gzip", gzip(text) + zstd(text), 1 << 20, 1e9).error().code, Code::kInvalidArgument);
    EXPECT_EQ(decode_body("zstd", zstd(text) + gzip(text), 1 << 20, 1e9).error().code, Code::kInvalidArgument);
    EXPECT_EQ(decode_body("br", brotli(text) + brotli(text), 1 << 20, 1e9).error().code, Code::kInvalidArgument);
}

TEST(EncodingPartsTest, ZstdFramesThatHoldNoDataAreSkipped) {
    const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
    EXPECT_EQ(decode_body("zstd", skippable + zstd("data") + skippable, 1 << 20, 100).value(), "data");
}

// Each of them in 32 KiB of fresh room would be 3 GB of zeros.
TEST(EncodingPartsTest, AHundredThousandEmptyOnesGrowNothing) {
    std::string many;
    while (many.size() < 1 << 20) many += zstd("");
    EXPECT_EQ(decode_body("zstd", many, 0, 100).value(), "");
}

TEST_P(EncodingTest, BombsAreRefusedWhereTheyGrow) {
    const auto [name, encode] = GetParam();
    const std::string bomb = encode(std::string(64 << 20, '\0'));
    EXPECT_EQ(decode_body(name, bomb, 1 << 30, 100).error().code, Code::kTooLarge);
    EXPECT_EQ(decode_body(name, bomb, 1 << 20, 1e9).error().code, Code::kTooLarge);
    // What is small may be as dense as it likes.
    EXPECT_EQ(decode_body(name, encode(std::string(64 << 10, '\0')), 1 << 20, 100)->size(), std::size_t{64} << 10);
    EXPECT_EQ(decode_body(name, encode(std::string((64 << 10) + 1, '\0')), 1 << 20, 100).error().code, Code::kTooLarge);
}

INSTANTIATE_TEST_SUITE_P(Codings, EncodingTest,
                         testing::Values(std::pair{"gzip", &gzip}, std::pair{"zstd", &zstd}, std::pair{"BR", &brotli}));

TEST(EncodingTest, AWindowThatTheInputClaimsIsNotMade) {
    const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, 27);
    std::string encoded(1 << 20, '\0');
    const std::string text(100'000, 'x');
    // Ended in two steps, so that the frame does not know its size and must name its window.
    ZSTD_outBuffer out{encoded.data(), encoded.size(), 0};
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    ASSERT_EQ(ZSTD_compressStream2(context.get(), &out, &in, ZSTD_e_flush), 0u);
    ASSERT_EQ(ZSTD_compressStream2(context.get(), &out, &in, ZSTD_e_end), 0u);
    EXPECT_EQ(decode_body("zstd", std::string_view(encoded).substr(0, out.pos), 1 << 20, 1e9).error().code,
              Code::kInvalidArgument);
}

TEST_P(EncodingTest, ComesOutTheSameHoweverItIsCutIntoPieces) {
    const auto [name, encode] = GetParam();
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
    const std::string encoded = encode(text);
    for (const auto& [piece_bytes, room_bytes] :
         {std::pair(1, 4096), std::pair(1000, 1), std::pair(4096, 4096), std::pair(1 << 20, 1 << 20)}) {
        const auto decoder = make_decoder(name).value();
        std::string out;
        std::string room(static_cast<std::size_t>(room_bytes), '\0');
        for (std::size_t at = 0; at < encoded.size(); at += static_cast<std::size_t>(piece_bytes)) {
            EXPECT_FALSE(decoder->is_whole()) << at;
            std::string_view piece = std::string_view(encoded).substr(at, static_cast<std::size_t>(piece_bytes));
            for (std::size_t size = room.size(); size == room.size();) {
                const auto decoded = decoder->decode(piece, room);
                ASSERT_TRUE(decoded) << decoded.error().message;
                size = *decoded;
                out.append(room, 0, size);
            }
            EXPECT_TRUE(piece.empty());
        }
        EXPECT_TRUE(decoder->is_whole());
        EXPECT_TRUE(out == text) << name << " in pieces of " << piece_bytes << " into " << room_bytes;
    }
}

TEST(EncodingTest, WhatIsEncodedIsDecoded) {
    const std::string text(100'000, 'x');
    for (const char* name : {"", "gzip", "zstd"}) {
        const std::string encoded = encode_body(name, text);
        EXPECT_EQ(encoded.size() < 2'000, *name != '\0');
        EXPECT_EQ(decode_body(name, encoded, text.size(), kAnyRatio).value(), text);
    }
}

TEST(EncodingTest, UnknownCodingsAndListsAreUnsupported) {
    for (const char* name : {"deflate", "gzip, gzip", "gzip,br", "compress", "gzip "}) {
        EXPECT_FALSE(is_known_encoding(name));
        EXPECT_EQ(make_decoder(name).error().code, Code::kUnsupported);
        EXPECT_EQ(decode_body(name, "x", 100, 100).error().code, Code::kUnsupported);
    }
    for (const char* name : {"", "identity", "Identity"}) {
        EXPECT_EQ(decode_body(name, "plain", 5, 100).value(), "plain");
        EXPECT_EQ(decode_body(name, "plain", 4, 100).error().code, Code::kTooLarge);
    }
}

}  // namespace
}  // namespace footfall::http
