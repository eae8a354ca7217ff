#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace footfall::logging {

enum class Level : unsigned char { kDebug, kInfo, kWarn, kError };
enum class Format : unsigned char { kText, kJson };

/// One field of a log line. Numbers stay numbers in JSON. Secrets and full visitor addresses have no place here.
struct Field {
    std::string_view name;
    std::string text;
    bool quoted = true;

    Field(std::string_view n, std::string_view v) : name(n), text(v) {}
    Field(std::string_view n, const char* v) : name(n), text(v) {}
    Field(std::string_view n, const std::string& v) : name(n), text(v) {}
    Field(std::string_view n, bool v) : name(n), text(v ? "true" : "false"), quoted(false) {}
    template <class T>
        requires std::is_arithmetic_v<T>
    Field(std::string_view n, T v) : name(n), text(std::to_string(v)), quoted(false) {}
};
using Fields = std::initializer_list<Field>;

/// Set once at start. `role` names the process in every line ("serve", "store").
void configure(Level level, Format format, std::string_view role);

/// One line on stderr, written whole. `event` is a stable name such as "log.truncated"; control characters in fields
/// are escaped, so hostile text cannot start a line of its own. Thread-safe.
void write(Level level, std::string_view event, Fields fields);

inline void debug(std::string_view event, Fields fields = {}) { write(Level::kDebug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::kInfo, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::kWarn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::kError, event, fields); }

}  // namespace footfall::logging
