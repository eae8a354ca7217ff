#include "enrich/screen.h"

#include <charconv>

namespace footfall::enrich {
namespace {

/// 0 where the text is no size.
unsigned width_of(std::string_view size) {
    unsigned width = 0, height = 0;
    const char* end = size.data() + size.size();
    const auto first = std::from_chars(size.data(), end, width);
    if (first.ec != std::errc() || first.ptr == end || (*first.ptr | 0x20) != 'x') return 0;
    const auto second = std::from_chars(first.ptr + 1, end, height);
    return second.ec == std::errc() && second.ptr == end && height > 0 && width <= 100'000 ? width : 0;
}

}  // namespace

std::string_view screen_class(std::string_view viewport, std::string_view screen) {
    unsigned width = width_of(viewport);
    if (width == 0) width = width_of(screen);
    if (width == 0) return {};
    if (width < 576) return "mobile";
    if (width < 992) return "tablet";
    return width < 1'440 ? "laptop" : "desktop";
}

}  // namespace footfall::enrich
