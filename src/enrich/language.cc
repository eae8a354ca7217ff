#include "enrich/language.h"

#include <algorithm>
#include <cstring>

#include "enrich/text.h"

namespace footfall::enrich {
namespace {

constexpr std::size_t kTagMax = 35;  // what RFC 5646, 4.4.1 asks a buffer to hold

bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_alphanumeric(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

/// A language of 2 or 3 letters (up to 8 are registered), then subtags of 1 to 8 letters or digits.
bool is_tag(std::string_view text) {
    if (text.size() < 2 || text.size() > kTagMax) return false;
    std::size_t size = 0;
    bool is_first = true;
    for (const char c : text) {
        if (c == '-' || c == '_') {
            if (size == 0 || (is_first && size < 2)) return false;
            size = 0;
            is_first = false;
        } else if (!(is_first ? is_letter(c) : is_alphanumeric(c)) || ++size > 8) {
            return false;
        }
    }
    return size > 0 && !(is_first && size < 2);
}

std::string_view normalised(std::string_view tag, event::Arena& arena) {
    char out[kTagMax];
    bool after_singleton = false;  // what follows "x" or "u" has no case of its own
    for (std::size_t at = 0; at < tag.size();) {
        const std::size_t end = std::min(tag.find_first_of("-_", at), tag.size());
        const std::size_t size = end - at;
        const bool is_first = at == 0;
        for (std::size_t i = at; i < end; ++i) {
            const bool upper = !is_first && !after_singleton && (size == 2 || (size == 4 && i == at));
            const char c = tag[i];
            out[i] = !is_letter(c) ? c : upper ? static_cast<char>(c & ~0x20) : static_cast<char>(c | 0x20);
        }
        if (size == 1) after_singleton = true;
        if (end < tag.size()) out[end] = '-';
        at = end + 1;
    }
    const std::string_view text(out, tag.size());
    return text == tag ? tag : arena.copy(text);
}

}  // namespace

std::string_view language_of(std::string_view sent, std::string_view accept_language, event::Arena& arena) {
    if (is_tag(sent)) return normalised(sent, arena);
    const std::string_view first = trim(accept_language.substr(0, accept_language.find_first_of(",;")));
    return is_tag(first) ? normalised(first, arena) : std::string_view();
}

}  // namespace footfall::enrich
