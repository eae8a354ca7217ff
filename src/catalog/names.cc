#include "catalog/names.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/bytes.h"
#include "base/plain_text.h"

namespace footfall::catalog {

std::string random_id() {
    static constexpr char kAlphabet[] =
        "abcdefghijkmnpqrstuvwxyz23456789";  // 32 letters that are not mistaken for each other
    std::string id(kRandomIdLength, '\0');
    random_bytes(id.data(), id.size());
    for (char& c : id) c = kAlphabet[static_cast<unsigned char>(c) % 32];
    return id;
}

Status check_line(std::string_view text, std::size_t characters_max, std::string_view what, std::string_view field) {
    const auto refuse = [&](std::string message) {
        return Error(Code::kInvalidArgument, std::move(message), std::string(field));
    };
    if (!simdjson::validate_utf8(text.data(), text.size())) return refuse(fmt::format("{} must be UTF-8", what));
    // Of UTF-8 each character has one byte that does not continue another.
    const auto characters = static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    if (characters == 0 || characters > characters_max)
        return refuse(fmt::format("{} must have 1 to {} characters", what, characters_max));
    bool is_line = is_plain(text);
    for (std::size_t i = 0; i + 1 < text.size(); ++i)  // C1: U+0080 to U+009F
        is_line = is_line && !(text[i] == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0);
    if (!is_line) return refuse(fmt::format("{} must be one line, without control characters", what));
    return {};
}

Error no_site(std::string_view id) {
    return {Code::kNotFound, "there is no site '" + std::string(id) + "'; see 'footfall site list'", "id"};
}

}  // namespace footfall::catalog
