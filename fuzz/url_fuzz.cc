#include <cstdint>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "enrich/language.h"
#include "enrich/screen.h"
#include "enrich/text.h"
#include "event/url.h"

// URLs, and the small texts beside them that browsers send. What is found in a URL stands in it, in that order; what is
// decoded of it may go into a record.

namespace {

using namespace footfall;

bool is_part(std::string_view text, std::string_view part) {
    return part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

void check_parts(std::string_view text, const event::Url& url) {
    FOOTFALL_CHECK(is_part(text, url.scheme) && is_part(text, url.host) && is_part(text, url.query));
    // That of a bare host is not the sender's.
    FOOTFALL_CHECK(is_part(text, url.path) || url.path == "/");
    FOOTFALL_CHECK(url.scheme.find_first_of(":/?#") == std::string_view::npos);
    FOOTFALL_CHECK(url.host.find_first_of("/\\?#@") == std::string_view::npos);
    FOOTFALL_CHECK(url.path.find_first_of("?#") == std::string_view::npos);
    FOOTFALL_CHECK(url.query.find('#') == std::string_view::npos);
    FOOTFALL_CHECK(url.scheme.empty() || text.starts_with(url.scheme));
    if (!url.scheme.empty() || !url.host.empty()) FOOTFALL_CHECK(!url.path.empty());
}

void check_text(std::string_view text, std::size_t max) {
    FOOTFALL_CHECK(text.size() <= max && simdjson::validate_utf8(text.data(), text.size()));
    for (const char c : text) FOOTFALL_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    event::Arena arena;

    const event::Url url = event::split_url(text);
    check_parts(text, url);
    const event::Url page = event::split_page(text);
    check_parts(text, page);
    // The two differ in what two slashes at the beginning are.
    if (!text.starts_with("//"))
        FOOTFALL_CHECK(url.scheme == page.scheme && url.host == page.host && url.path == page.path);
    FOOTFALL_CHECK(url.query == page.query && url.scheme == page.scheme);

    const std::string_view lower = event::lower_case(url.host, arena);
    FOOTFALL_CHECK(lower.size() == url.host.size() && event::lower_case(lower, arena).data() == lower.data());
    FOOTFALL_CHECK(event::can_be_host(url.host) == event::can_be_host(lower));

    for (const std::size_t max : {1u, 7u, 500u}) check_text(enrich::decode_form(url.query, max, arena), max);
    check_text(enrich::printable(text, arena), text.size());
    FOOTFALL_CHECK(enrich::printable(text, arena) == enrich::printable(text));
    if (simdjson::validate_utf8(text.data(), text.size()))
        for (const std::size_t max : {0u, 1u, 2u, 3u, 100u}) {
            const std::string_view cut = enrich::cut_text(text, max);
            FOOTFALL_CHECK(cut.size() <= max && simdjson::validate_utf8(cut.data(), cut.size()));
        }
    const std::string_view language = enrich::language_of(text, url.query, arena);
    FOOTFALL_CHECK(language.size() <= 35);
    for (const char c : language)
        FOOTFALL_CHECK((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-');
    (void)enrich::screen_class(text, url.path);
    return 0;
}
