#include "base/csv.h"

namespace footfall::csv {
namespace {

/// What a spreadsheet takes for the beginning of a formula, at once or behind what it skips.
constexpr std::string_view kFormulaOpeners("=+-@\t\r\0", 7);

void append_quoted(std::string& out, std::string_view opening, std::string_view text) {
    out += opening;
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

}  // namespace

void append_text(std::string& out, std::string_view text) {
    if (!text.empty() && kFormulaOpeners.find(text.front()) != kFormulaOpeners.npos)
        return append_quoted(out, "\"'", text);
    append_own(out, text);
}

void append_own(std::string& out, std::string_view text) {
    if (text.find_first_of("\",\r\n") == text.npos) out += text;
    else append_quoted(out, "\"", text);
}

}  // namespace footfall::csv
