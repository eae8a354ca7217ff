#include "base/json.h"

#include <charconv>
#include <cmath>

#include "base/plain_text.h"

namespace footfall::json {

void append_escaped(std::string& out, std::string_view text) {
    if (is_plain<'"', '\\'>(text)) return void(out += text);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::size_t clean_from = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
        out.append(text, clean_from, i - clean_from);
        clean_from = i + 1;
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                out += "\\u00";
                out.push_back(kDigits[c >> 4]);
                out.push_back(kDigits[c & 15]);
        }
    }
    out.append(text, clean_from, text.size() - clean_from);
}

void append_string(std::string& out, std::string_view text) {
    out.push_back('"');
    append_escaped(out, text);
    out.push_back('"');
}

namespace {
template <class T>
void append_chars(std::string& out, T value) {
    char text[32];
    const auto result = std::to_chars(text, text + sizeof text, value);
    out.append(text, result.ptr);
}
}  // namespace

void append_number(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    append_chars(out, value);
}
void append_number(std::string& out, std::int64_t value) { append_chars(out, value); }
void append_number(std::string& out, std::uint64_t value) { append_chars(out, value); }

void Writer::separate() {
    if (pending_comma_) out_.push_back(',');
    pending_comma_ = false;
}

void Writer::open(char bracket) {
    separate();
    out_.push_back(bracket);
}

void Writer::close(char bracket) {
    out_.push_back(bracket);
    pending_comma_ = true;
}

void Writer::key(std::string_view name) {
    separate();
    append_string(out_, name);
    out_.push_back(':');
}

void Writer::string(std::string_view value) {
    separate();
    append_string(out_, value);
    pending_comma_ = true;
}

void Writer::raw(std::string_view text) {
    separate();
    out_ += text;
    pending_comma_ = true;
}

}  // namespace footfall::json
