#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/result.h"
#include "query/zone.h"
#include "store/client.h"

/// Cells of answers to statements of our own, whose types these know. Another type ends the process.
namespace footfall::query {

/// A count, whether the engine says it with a sign or without.
inline std::uint64_t natural_of(const store::Value& cell) {
    if (const auto* number = std::get_if<std::int64_t>(&cell)) return static_cast<std::uint64_t>(*number);
    const auto* number = std::get_if<std::uint64_t>(&cell);
    FOOTFALL_CHECK(number != nullptr);
    return *number;
}
inline const std::string& text_of(const store::Value& cell) {
    const auto* text = std::get_if<std::string>(&cell);
    FOOTFALL_CHECK(text != nullptr);
    return *text;
}
/// toString() of a Date.
inline Day day_of(const store::Value& cell) {
    const auto day = parse_day(text_of(cell));
    FOOTFALL_CHECK(day.has_value());
    return *day;
}

}  // namespace footfall::query
