#include "enrich/text.h"

#include <simdjson.h>

#include <algorithm>

namespace footfall::enrich {
namespace {

char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char small = static_cast<char>(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

bool is_printable(std::string_view text) { return std::none_of(text.begin(), text.end(), is_control) && is_utf8(text); }

/// Writes what may stay to `out`, which may be the text itself, and gives its size.
std::size_t keep_printable(std::string_view text, char* out) {
    const bool keep_all = is_utf8(text);
    std::size_t size = 0;
    for (const char c : text)
        if (!is_control(c) && (keep_all || is_ascii(c))) out[size++] = c;
    return size;
}

}  // namespace

std::string_view cut_text(std::string_view text, std::size_t max) {
    if (text.size() <= max) return text;
    while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xc0) == 0x80) --max;
    return text.substr(0, max);
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

std::string_view printable(std::string_view text, event::Arena& arena) {
    if (is_printable(text)) return text;
    char* out = arena.allocate(text.size());
    return {out, keep_printable(text, out)};
}

std::string printable(std::string_view text) {
    std::string out(text);
    out.resize(keep_printable(text, out.data()));
    return out;
}

std::string_view decode_form(std::string_view text, std::size_t max, event::Arena& arena) {
    if (text.find_first_of("%+") == std::string_view::npos) return cut_text(trim(printable(text, arena)), max);
    char* out = arena.allocate(text.size());
    std::size_t size = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out[size++] = ' ';
            continue;
        }
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) i += 2;
        out[size++] = low >= 0 ? static_cast<char>(high * 16 + low) : text[i];
    }
    size = keep_printable({out, size}, out);
    return cut_text(trim({out, size}), max);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower_char(x) == lower_char(y); });
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower_char);
    return out;
}

}  // namespace footfall::enrich
