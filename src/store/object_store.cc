#include "store/object_store.h"

#include <algorithm>

namespace footfall::store {

bool is_object_key(std::string_view key) {
    constexpr std::size_t kBytesMax = 512;
    if (key.empty() || key.size() > kBytesMax) return false;
    char before = '/';
    for (const char c : key) {
        const bool begins_part = before == '/';
        if (c == '/' && begins_part) return false;
        if (c == '.' && begins_part) return false;
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                              c == '_' || c == '=' || c == '-' || c == '/';
        if (!is_plain) return false;
        before = c;
    }
    return before != '/';
}

}  // namespace footfall::store
