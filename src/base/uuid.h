#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace footfall {

/// 128 bits in network order, as RFC 9562 prints them.
struct Uuid {
    std::array<unsigned char, 16> bytes{};

    bool operator==(const Uuid&) const = default;
    bool is_nil() const { return *this == Uuid{}; }
    int version() const { return bytes[6] >> 4; }
    /// Milliseconds since 1970 that a version 7 UUID carries; nullopt for every other version.
    std::optional<std::int64_t> time_ms() const;
    std::string text() const;
    /// Writes the 36 characters of `text()`.
    void write(char* out) const;
};

/// The 8-4-4-4-12 form in either case; also 32 digits without dashes. nullopt for anything else.
std::optional<Uuid> parse_uuid(std::string_view text);

/// A version 7 UUID: 48 bits of time, 74 random bits.
Uuid make_uuid_v7(std::int64_t wall_ms);

}  // namespace footfall
