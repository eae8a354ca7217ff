#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "base/result.h"

namespace footfall::json {

/// Reads bodies that others wrote. Takes all that is JSON by RFC 8259 and valid UTF-8, also what simdjson does not:
/// an integer beyond 64 bits is read as a double, a number beyond a double as the largest one of its sign, and the
/// escape of half a surrogate pair as U+FFFD. Keep one per thread where it matters: buffers are reused.
class Reader {
public:
    /// Levels of arrays and objects in each other that are always read.
    static constexpr std::size_t kLevelsMax = simdjson::DEFAULT_MAX_DEPTH - 1;

    /// Whether simdjson's 64 readable bytes stand behind a body; without them it is copied.
    enum class Padding : std::uint8_t { kPresent, kAbsent };

    /// The element borrows from the reader until the next call. kInvalidArgument with a sentence for the sender where
    /// the body is not valid UTF-8 JSON or is nested deeper than kLevelsMax.
    Result<simdjson::dom::element> read(std::string_view body, Padding padding);

private:
    simdjson::dom::parser parser_;
    std::optional<simdjson::dom::parser> mended_parser_;
};

/// The same JSON in words that simdjson reads: what Reader says of numbers and halves of pairs is done to the text, and
/// nothing else is changed. What was no JSON is none afterwards either.
std::string mend(std::string_view json);

}  // namespace footfall::json
