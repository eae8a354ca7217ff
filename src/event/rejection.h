#pragma once

#include <string_view>

/// Why an event is refused, one constant for each reason of schema/rejections.json: kMissing is "missing".
namespace footfall::event::reason {

#define FOOTFALL_REJECTION(constant, text) inline constexpr std::string_view constant = text;
#include "event/rejections.inc"
#undef FOOTFALL_REJECTION

/// In the schema's order.
inline constexpr std::string_view kAll[] = {
#define FOOTFALL_REJECTION(constant, text) constant,
#include "event/rejections.inc"
#undef FOOTFALL_REJECTION
};

inline constexpr char kBehindBars[] =
#define FOOTFALL_REJECTION(constant, text) "|" text
#include "event/rejections.inc"
#undef FOOTFALL_REJECTION
    ;
/// All of them, separated by '|'.
inline constexpr std::string_view kChoices = std::string_view(kBehindBars).substr(1);

}  // namespace footfall::event::reason
