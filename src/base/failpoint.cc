#include "base/failpoint.h"

#ifdef FOOTFALL_FAILPOINTS

#include <unistd.h>
#include <csignal>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"

namespace footfall {
namespace {

struct Point {
    std::string action;
    unsigned delay_ms = 0;
    long at = 0;  // 0: every hit
    std::atomic<long> hits{0};
};

long number(std::string_view text) {
    long value = 0;
    const auto end = text.data() + text.size();
    FOOTFALL_CHECK(std::from_chars(text.data(), end, value).ptr == end);
    return value;
}

std::map<std::string, std::unique_ptr<Point>, std::less<>> parse() {
    std::map<std::string, std::unique_ptr<Point>, std::less<>> points;
    const char* env = std::getenv("FOOTFALL_FAILPOINTS");
    std::string_view rest = env != nullptr ? env : "";
    while (!rest.empty()) {
        std::string_view item = rest.substr(0, rest.find(','));
        rest.remove_prefix(item.size() + (item.size() < rest.size() ? 1 : 0));
        const auto equals = item.find('=');
        FOOTFALL_CHECK(equals != std::string_view::npos);
        auto point = std::make_unique<Point>();
        std::string_view action = item.substr(equals + 1);
        if (const auto at = action.find('@'); at != std::string_view::npos) {
            point->at = number(action.substr(at + 1));
            action = action.substr(0, at);
        }
        if (const auto colon = action.find(':'); colon != std::string_view::npos) {
            point->delay_ms = static_cast<unsigned>(number(action.substr(colon + 1)));
            action = action.substr(0, colon);
        }
        point->action = action;
        points.emplace(item.substr(0, equals), std::move(point));
    }
    return points;
}

}  // namespace

Fault failpoint(std::string_view name) {
    static const auto points = parse();
    if (points.empty()) return Fault::kNone;
    const auto found = points.find(name);
    if (found == points.end()) return Fault::kNone;
    Point& point = *found->second;
    const long hit = ++point.hits;
    if (point.at != 0 && hit != point.at) return Fault::kNone;
    if (point.action == "abort") kill(getpid(), SIGKILL);
    if (point.action == "delay") usleep(point.delay_ms * 1000);
    return point.action == "error" ? Fault::kError : Fault::kNone;
}

}  // namespace footfall

#endif
