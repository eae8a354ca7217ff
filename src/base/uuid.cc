#include "base/uuid.h"

#include "base/bytes.h"

namespace footfall {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

constexpr std::array<signed char, 256> make_hex_table() {
    std::array<signed char, 256> table{};
    for (auto& entry : table) entry = -1;
    for (int i = 0; i < 10; ++i) table[static_cast<std::size_t>('0' + i)] = static_cast<signed char>(i);
    for (int i = 0; i < 6; ++i) {
        table[static_cast<std::size_t>('a' + i)] = static_cast<signed char>(10 + i);
        table[static_cast<std::size_t>('A' + i)] = static_cast<signed char>(10 + i);
    }
    return table;
}
constexpr auto kHex = make_hex_table();

}  // namespace

std::optional<std::int64_t> Uuid::time_ms() const {
    if (version() != 7) return std::nullopt;
    std::int64_t ms = 0;
    for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | bytes[i];
    return ms;
}

void Uuid::write(char* out) const {
    for (std::size_t i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
        *out++ = kDigits[bytes[i] >> 4];
        *out++ = kDigits[bytes[i] & 15];
    }
}

std::string Uuid::text() const {
    std::string out(36, '\0');
    write(out.data());
    return out;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
    const bool dashed = text.size() == 36;
    if (!dashed && text.size() != 32) return std::nullopt;
    Uuid uuid;
    std::size_t at = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        if (dashed && (i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') return std::nullopt;
        const int high = kHex[static_cast<unsigned char>(text[at])];
        const int low = kHex[static_cast<unsigned char>(text[at + 1])];
        if (high < 0 || low < 0) return std::nullopt;
        uuid.bytes[i] = static_cast<unsigned char>(high * 16 + low);
        at += 2;
    }
    return uuid;
}

Uuid make_uuid_v7(std::int64_t wall_ms) {
    Uuid uuid;
    random_bytes(uuid.bytes.data() + 6, 10);
    for (std::size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<unsigned char>(wall_ms >> (8 * (5 - i)));
    uuid.bytes[6] = static_cast<unsigned char>(0x70 | (uuid.bytes[6] & 0x0f));
    uuid.bytes[8] = static_cast<unsigned char>(0x80 | (uuid.bytes[8] & 0x3f));
    return uuid;
}

}  // namespace footfall
