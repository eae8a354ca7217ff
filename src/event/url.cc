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
    // Browsers take a backslash there for a slash.
    const std::size_t path_at = std::min(text.find_first_of("/\\"), text.size());
    std::string_view authority = text.substr(0, path_at);
    url.path = path_at < text.size() ? text.substr(path_at) : std::string_view("/");
    if (const std::size_t user = authority.rfind('@'); user != std::string_view::npos)
        authority.remove_prefix(user + 1);
    if (authority.starts_with('[')) {
        url.host = authority.substr(1, std::min(authority.find(']'), authority.size()) - 1);
    } else {
        url.host = authority.substr(0, authority.find(':'));
        // The root's dot: "a.example." is the host "a.example".
        if (url.host.size() > 1 && url.host.ends_with('.')) url.host.remove_suffix(1);
    }
    return url;
}

}  // namespace

Url split_url(std::string_view text) { return split(text, Slashes::kBeginHost); }
Url split_page(std::string_view text) { return split(text, Slashes::kBeginPath); }

bool can_be_host(std::string_view host) {
    return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        const bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        return is_letter || (c >= '0' && c <= '9') || std::string_view("-._~%:").find(c) != std::string_view::npos ||
               static_cast<unsigned char>(c) >= 0x80;
    });
}

std::string_view lower_case(std::string_view text, Arena& arena) {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (std::none_of(text.begin(), text.end(), is_upper)) return text;
    char* out = arena.allocate(text.size());
    std::transform(text.begin(), text.end(), out,
                   [&](char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; });
    return {out, text.size()};
}

}  // namespace footfall::event
