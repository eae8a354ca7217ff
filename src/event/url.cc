#include "event/url.h"

#include <algorithm>

namespace footfall::event {
namespace {

bool is_scheme(std::string_view text) {
    if (text.empty() || !((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z')) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

enum class Slashes { kBeginHost, kBeginPath };

Url split(std::string_view text, Slashes leading) {
    Url url;
    text = text.substr(0, text.find('#'));
    if (const std::size_t question = text.find('?'); question != std::string_view::npos) {
        url.query = text.substr(question + 1);
        text = text.substr(0, question);
    }
    const std::size_t slashes = text.find("://");
    bool has_authority = false;
    if (slashes != std::string_view::npos && is_scheme(text.substr(0, slashes))) {
        url.scheme = text.substr(0, slashes);
        text.remove_prefix(slashes + 3);
        has_authority = true;
    } else if (leading == Slashes::kBeginHost && text.starts_with("//")) {
        text.remove_prefix(2);
        has_authority = true;
    }
    if (!has_authority) {
        url.path = text;
        return url;
    }
    const std::size_t path_at = std::min(text.find('/'), text.size());
    std::string_view authority = text.substr(0, path_at);
    url.path = path_at < text.size() ? text.substr(path_at) : std::string_view("/");
    if (const std::size_t user = authority.rfind('@'); user != std::string_view::npos)
        authority.remove_prefix(user + 1);
    if (authority.starts_with('[')) {
        url.host = authority.substr(1, std::min(authority.find(']'), authority.size()) - 1);
    } else {
        url.host = authority.substr(0, authority.find(':'));
    }
    return url;
}

}  // namespace

Url split_url(std::string_view text) { return split(text, Slashes::kBeginHost); }
Url split_page(std::string_view text) { return split(text, Slashes::kBeginPath); }

std::string_view lower_case(std::string_view text, Arena& arena) {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (std::none_of(text.begin(), text.end(), is_upper)) return text;
    char* out = arena.allocate(text.size());
    std::transform(text.begin(), text.end(), out,
                   [&](char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; });
    return {out, text.size()};
}

}  // namespace footfall::event
