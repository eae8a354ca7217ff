#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace footfall {

/// Whether no byte of `text` is a control character of ASCII (DEL is one) or one of Others, which are ASCII. Eight
/// bytes at a time, for text that is plain nearly always, so that it can be copied as a whole. (The tests of a word are
/// those of "Bit Twiddling Hacks", determine if a word has a byte less than n, and equal to n.)
template <char... Others>
[[gnu::always_inline]] inline bool is_plain(std::string_view text) {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = 0x8080808080808080;
    const auto found = [](std::uint64_t word) {
        const auto has = [word](char c) {
            const std::uint64_t different = word ^ kOnes * static_cast<unsigned char>(c);
            return (different - kOnes) & ~different;
        };
        return (((word - kOnes * 0x20) & ~word) | has(0x7f) | (std::uint64_t{0} | ... | has(Others))) & kHighs;
    };
    const char* const data = text.data();
    const std::size_t size = text.size();
    std::uint64_t hits = 0;
    if (size >= 8) {
        std::uint64_t word;
        for (std::size_t i = 0; i + 8 <= size; i += 8) {
            std::memcpy(&word, data + i, 8);
            hits |= found(word);
        }
        std::memcpy(&word, data + size - 8, 8);
        return (hits | found(word)) == 0;
    }
    if (size >= 4) {
        std::uint32_t front;
        std::uint32_t back;
        std::memcpy(&front, data, 4);
        std::memcpy(&back, data + size - 4, 4);
        return found(std::uint64_t{back} << 32 | front) == 0;
    }
    for (const char c : text) hits |= found(kOnes * static_cast<unsigned char>(c));
    return hits == 0;
}

}  // namespace footfall
