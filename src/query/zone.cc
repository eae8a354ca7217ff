#include "query/zone.h"

#include <chrono>

#include <fmt/format.h>

namespace footfall::query {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
template <class D>
using Point = std::chrono::time_point<std::chrono::system_clock, D>;

constexpr std::int64_t kFirstYear = 1970;
constexpr std::int64_t kLastYear = 2105;
constexpr std::int64_t kHour = 3600;

Point<seconds> at(std::int64_t unix_seconds) { return Point<seconds>(seconds(unix_seconds)); }

std::int64_t floor_hour(std::int64_t unix_seconds, std::int64_t offset) {
    const std::int64_t past = (unix_seconds + offset) % kHour;
    return unix_seconds - (past < 0 ? past + kHour : past);
}

}  // namespace

Result<Zone> Zone::load(const std::string& name) {
    cctz::time_zone zone;
    if (name.empty() || !cctz::load_time_zone(name, &zone))
        return Error(Code::kInternal,
                     "the site's time zone '" + name + "' is not known to this machine; install its tzdata package");
    return Zone(name, zone);
}

std::int64_t Zone::day_start_ms(Day day) const {
    return std::chrono::duration_cast<milliseconds>(cctz::convert(cctz::civil_second(day), zone_).time_since_epoch())
        .count();
}

Day Zone::day_of(std::int64_t ms) const { return Day(cctz::convert(Point<milliseconds>(milliseconds(ms)), zone_)); }

std::string Zone::instant_text(std::int64_t ms) const {
    return cctz::format("%Y-%m-%dT%H:%M:%E*S%Ez", Point<milliseconds>(milliseconds(ms)), zone_);
}

std::optional<std::int64_t> Zone::parse_instant(std::string_view text) const {
    // cctz is lenient about spaces and the width of numbers; an instant is not.
    if (text.size() < 16 || text.size() > 40 || !parse_day(text.substr(0, 10)) ||
        (text[10] != 'T' && text[10] != ' ') || text[13] != ':')
        return std::nullopt;
    if (text.find_first_not_of("0123456789-+:.TZ ") != std::string_view::npos ||
        text.find(' ', 11) != std::string_view::npos)
        return std::nullopt;
    std::string normal(text);
    normal[10] = 'T';
    if (normal.back() == 'Z') normal.replace(normal.size() - 1, 1, "+00:00");
    for (const char* format :
         {"%Y-%m-%dT%H:%M:%E*S%Ez", "%Y-%m-%dT%H:%M%Ez", "%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%dT%H:%M"}) {
        Point<milliseconds> point;
        if (cctz::parse(format, normal, zone_, &point)) return point.time_since_epoch().count();
    }
    return std::nullopt;
}

std::int64_t Zone::hour_key(std::int64_t unix_seconds) const {
    return floor_hour(unix_seconds, zone_.lookup(at(unix_seconds)).offset);
}

std::int64_t Zone::hour_start(std::int64_t key) const {
    if ((key + zone_.lookup(at(key)).offset) % kHour == 0) return key;
    cctz::time_zone::civil_transition change;
    if (!zone_.next_transition(at(key), &change)) return key;
    return zone_.lookup(change.to).trans.time_since_epoch().count();
}

std::optional<Day> parse_day(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    int parts[3] = {};
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i == 4 || i == 7) continue;
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        int& part = parts[i < 4 ? 0 : i < 7 ? 1 : 2];
        part = part * 10 + (text[i] - '0');
    }
    const Day day(parts[0], parts[1], parts[2]);
    // A civil day carries 30 February over to March: then it isn't the day that was asked for.
    if (day.year() != parts[0] || day.month() != parts[1] || day.day() != parts[2]) return std::nullopt;
    if (day.year() < kFirstYear || day.year() > kLastYear) return std::nullopt;
    return day;
}

std::string day_text(Day day) { return fmt::format("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()); }

std::string utc_text(std::int64_t ms) {
    return cctz::format("%Y-%m-%d %H:%M:%E3S", Point<milliseconds>(milliseconds(ms)), cctz::utc_time_zone());
}

}  // namespace footfall::query
