#pragma once

#include <string_view>

namespace footfall::enrich {

/// "mobile", "tablet", "laptop" or "desktop" by the width of the viewport, or of the screen where no viewport is given
/// ("1200x800", CSS pixels): below 576, below 992, below 1,440, and from there on. Our own thresholds: where common
/// layouts change their columns. Empty where neither is given.
std::string_view screen_class(std::string_view viewport, std::string_view screen);

}  // namespace footfall::enrich
