#include "base/logging.h"

#include <unistd.h>

#include <atomic>
#include <ctime>

#include "base/clock.h"
#include "base/json.h"

namespace footfall::logging {
namespace {

struct Settings {
    std::atomic<Level> level{Level::kInfo};
    std::atomic<Format> format{Format::kText};
    std::string role = "footfall";
};
Settings& settings() {
    static Settings instance;
    return instance;
}

constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};

}  // namespace

void configure(Level level, Format format, std::string_view role) {
    settings().level = level;
    settings().format = format;
    settings().role = role;
}

void write(Level level, std::string_view event, Fields fields) {
    if (level < settings().level.load(std::memory_order_relaxed)) return;
    std::string line;
    if (settings().format == Format::kJson) {
        json::Writer out(line);
        out.begin_object();
        out.member("time", iso_text(system_clock().wall_ms()));
        out.member("level", kNames[static_cast<std::size_t>(level)]);
        out.member("role", settings().role);
        out.member("event", event);
        for (const Field& field : fields) {
            if (field.quoted) {
                out.member(field.name, std::string_view(field.text));
            } else {
                out.key(field.name);
                out.raw(field.text);
            }
        }
        out.end_object();
    } else {
        line = iso_text(system_clock().wall_ms()) + " " + std::string(kNames[static_cast<std::size_t>(level)]) + " " +
               std::string(event);
        for (const Field& field : fields) {
            line += " ";
            line += field.name;
            line += "=";
            if (field.quoted && field.text.find_first_of(" \"\\=\t\r\n\x1b") != std::string::npos) {
                json::append_string(line, field.text);
            } else {
                json::append_escaped(line, field.text);
            }
        }
    }
    line += "\n";
    // One write per line: lines of several threads and of the child do not mix. A full or closed stderr is not our
    // concern.
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace footfall::logging
