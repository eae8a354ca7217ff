#include "base/json_reader.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace footfall::json {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What a number, true, false or null ends before.
constexpr bool is_delimiter(char c) { return std::string_view(" \t\n\r{}[]:,\"").find(c) != std::string_view::npos; }

enum class Number : std::uint8_t { kNone, kInteger, kReal };

// The grammar of RFC 8259, section 6.
Number number_kind(std::string_view token) {
    const auto take_digits = [&token] {
        std::size_t count = 0;
        while (count < token.size() && is_digit(token[count])) ++count;
        token.remove_prefix(count);
        return count;
    };
    if (token.starts_with('-')) token.remove_prefix(1);
    const bool has_leading_zero = token.starts_with('0');
    const std::size_t whole = take_digits();
    if (whole == 0 || (has_leading_zero && whole > 1)) return Number::kNone;
    if (token.empty()) return Number::kInteger;
    if (token.starts_with('.')) {
        token.remove_prefix(1);
        if (take_digits() == 0) return Number::kNone;
    }
    if (token.starts_with('e') || token.starts_with('E')) {
        token.remove_prefix(1);
        if (token.starts_with('+') || token.starts_with('-')) token.remove_prefix(1);
        if (take_digits() == 0) return Number::kNone;
    }
    return token.empty() ? Number::kReal : Number::kNone;
}

template <class T>
bool fits(std::string_view integer) {
    T value = 0;
    return std::from_chars(integer.data(), integer.data() + integer.size(), value).ec == std::errc();
}

// Not by from_chars: it says the same of a number that is too large and of one that is too near to 0.
bool is_infinite(std::string_view number) {
    if (number.size() <= std::numeric_limits<double>::max_exponent10 && number.find_first_of("eE") == number.npos)
        return false;
    return std::isinf(std::strtod(std::string(number).c_str(), nullptr));
}

void append_scalar(std::string& out, std::string_view token) {
    const Number kind = number_kind(token);
    if (kind == Number::kNone ||
        (kind == Number::kInteger && (fits<std::int64_t>(token) || fits<std::uint64_t>(token)))) {
        out += token;
        return;
    }
    if (is_infinite(token)) {
        out += token.starts_with('-') ? "-1.7976931348623157e308" : "1.7976931348623157e308";
        return;
    }
    out += token;
    if (kind == Number::kInteger) out += "e0";
}

/// The UTF-16 unit of an escape \uXXXX that `text` begins with.
std::optional<unsigned> escaped_unit(std::string_view text) {
    constexpr std::size_t kSize = 6;
    if (text.size() < kSize || !text.starts_with("\\u")) return std::nullopt;
    unsigned unit = 0;
    const char* const end = text.data() + kSize;
    if (std::from_chars(text.data() + 2, end, unit, 16).ptr != end) return std::nullopt;
    return unit;
}

/// Appends the string that begins at `from`, a quote; where it ends.
std::size_t append_text(std::string& out, std::string_view json, std::size_t from) {
    out += '"';
    std::size_t at = from + 1;
    while (at < json.size() && json[at] != '"') {
        std::size_t size = 1;
        std::string_view instead;
        if (json[at] == '\\') {
            size = 2;
            if (const auto unit = escaped_unit(json.substr(at))) {
                size = 6;
                if (*unit >= 0xd800 && *unit < 0xe000) {
                    const auto next = escaped_unit(json.substr(at + size));
                    if (*unit < 0xdc00 && next && *next >= 0xdc00 && *next < 0xe000) size = 12;
                    else instead = "\\ufffd";
                }
            }
        }
        out += instead.empty() ? json.substr(at, size) : instead;
        at += size;
    }
    if (at >= json.size()) return json.size();
    out += '"';
    return at + 1;
}

}  // namespace

std::string mend(std::string_view json) {
    std::string out;
    out.reserve(json.size() + json.size() / 8 + simdjson::SIMDJSON_PADDING);
    std::size_t at = 0;
    while (at < json.size()) {
        if (json[at] == '"') {
            at = append_text(out, json, at);
        } else if (is_delimiter(json[at])) {
            out += json[at++];
        } else {
            const std::size_t from = at;
            while (at < json.size() && !is_delimiter(json[at])) ++at;
            append_scalar(out, json.substr(from, at - from));
        }
    }
    return out;
}

Result<simdjson::dom::element> Reader::read(std::string_view body, Padding padding) {
    mended_parser_.reset();
    simdjson::dom::element root;
    auto error = parser_.parse(body.data(), body.size(), padding == Padding::kAbsent).get(root);
    // These two are also said of numbers and strings that are JSON. Looking for them is left to the few bodies that
    // have one. The mended text may be four times as long, so its parser is not kept.
    if (error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR)
        error = mended_parser_.emplace().parse(mend(body)).get(root);
    if (error == simdjson::SUCCESS) return root;
    if (error == simdjson::DEPTH_ERROR)
        return Error(Code::kInvalidArgument,
                     "the body is nested too deeply; at most " + std::to_string(kLevelsMax) + " levels are read");
    return Error(Code::kInvalidArgument,
                 std::string("the body is not valid UTF-8 JSON: ") + simdjson::error_message(error));
}

}  // namespace footfall::json
