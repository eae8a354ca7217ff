#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace footfall {

static_assert(std::endian::native == std::endian::little, "on-disk integers are little-endian and written as they are");

/// Appends an integer or float as its little-endian bytes.
template <class T>
void put(std::string& out, T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out.append(raw, sizeof(T));
}

/// Reads a little-endian value. The caller has checked that sizeof(T) bytes are there.
template <class T>
T get(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
}

/// LEB128, as ClickHouse's Native format uses it.
void put_varint(std::string& out, std::uint64_t value);
/// Reads a LEB128 at the front of `in` and removes it; nullopt if it is cut short or longer than 10 bytes.
std::optional<std::uint64_t> take_varint(std::string_view& in);

/// CRC32C (Castagnoli), hardware where the CPU has SSE 4.2.
std::uint32_t crc32c(std::string_view data, std::uint32_t seed = 0);

std::string to_hex(std::string_view bytes);
/// nullopt where the text is not hex of even length.
std::optional<std::string> from_hex(std::string_view text);
/// 16 lower-case digits.
std::string hex64(std::uint64_t value);
std::optional<std::uint64_t> parse_hex64(std::string_view text);

/// Base64 of RFC 4648 section 4, padded.
std::string base64(std::string_view bytes);
/// The way back; nullopt where the text is anything else.
std::optional<std::string> from_base64(std::string_view text);
/// URL-safe base64 without padding.
std::string base64url(std::string_view bytes);

/// Fills from the kernel's generator; ends the process if there is none.
void random_bytes(void* out, std::size_t size);
std::string random_token(std::size_t bytes);

/// For protocols that prescribe it; it keeps nobody from forging anything.
std::array<unsigned char, 20> sha1(std::string_view data);
std::array<unsigned char, 32> sha256(std::string_view data);

/// Compares in time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace footfall
