#pragma once

#include <string_view>

#include "event/event.h"

namespace footfall::event {

/// Parts of a URL or of a path with query, borrowed from it. Never fails: analytics takes what browsers send.
/// "//host/p" and "scheme://host:port/p?q#f" have a host; anything else is a path. The path of a bare host is "/".
struct Url {
    std::string_view scheme;
    std::string_view host;  // without user, port, brackets and the root's dot, as sent
    std::string_view path;
    std::string_view query;  // without '?'
};

Url split_url(std::string_view text);

/// The same of a page, which is a path where no scheme stands before it: "//a//b" is what a browser's location.pathname
/// says at "https://host//a//b".
Url split_page(std::string_view text);

/// Whether it holds only what names and addresses of hosts are written with (RFC 3986, and UTF-8 as browsers show it).
bool can_be_host(std::string_view host);

/// ASCII lower case; the same view where nothing changes.
std::string_view lower_case(std::string_view text, Arena& arena);

}  // namespace footfall::event
