#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace footfall::json {

/// Appends text with JSON's escapes, without quotes. Control characters (DEL and C1 escapes included) are written as
/// \u00XX; everything else is passed through, so valid UTF-8 stays valid.
void append_escaped(std::string& out, std::string_view text);
/// The same between quotes.
void append_string(std::string& out, std::string_view text);
/// The shortest form that reads back equal; NaN and infinity become null, since JSON has none.
void append_number(std::string& out, double value);
void append_number(std::string& out, std::int64_t value);
void append_number(std::string& out, std::uint64_t value);

/// Writes JSON into a string that the caller owns. Commas are placed by the writer.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }
    void key(std::string_view name);
    void string(std::string_view value);
    void null() { raw("null"); }
    /// Text that is JSON already.
    void raw(std::string_view text);
    void boolean(bool value) { raw(value ? "true" : "false"); }
    template <class T>
        requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
    void number(T value) {
        separate();
        if constexpr (std::is_floating_point_v<T>) append_number(out_, static_cast<double>(value));
        else if constexpr (std::is_signed_v<T>) append_number(out_, static_cast<std::int64_t>(value));
        else append_number(out_, static_cast<std::uint64_t>(value));
        pending_comma_ = true;
    }

    void member(std::string_view name, std::string_view value) {
        key(name);
        string(value);
    }
    void member(std::string_view name, const char* value) {
        key(name);
        string(value);
    }
    void member(std::string_view name, const std::string& value) {
        key(name);
        string(value);
    }
    void member(std::string_view name, bool value) {
        key(name);
        boolean(value);
    }
    template <class T>
        requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
    void member(std::string_view name, T value) {
        key(name);
        number(value);
    }

private:
    void open(char bracket);
    void close(char bracket);
    void separate();

    std::string& out_;
    bool pending_comma_ = false;
};

}  // namespace footfall::json
