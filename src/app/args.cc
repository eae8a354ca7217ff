#include "app/args.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "app/settings.h"
#include "base/clock.h"
#include "base/nearest.h"

namespace footfall::app {
namespace {

constexpr Flag kCommon[] = {
    {"--data", "DIR", "the installation's folder (default: data)"},
    {"--config", "FILE", "settings in TOML"},
    {"--listen", "HOST:PORT", "address of the server"},
    {"--json", "", "print data as JSON"},
    {"--help", "", "print the command's help"},
};

const Flag* find(std::span<const Flag> flags, std::string_view name) {
    const auto found = std::find_if(flags.begin(), flags.end(), [&](const Flag& flag) { return flag.name == name; });
    return found == flags.end() ? nullptr : &*found;
}

}  // namespace

std::string Args::get(std::string_view flag, std::string_view standard) const {
    const auto found = flags.find(std::string(flag));
    return found == flags.end() ? std::string(standard) : found->second;
}

Result<Args> parse_args(std::span<const std::string> argv, std::span<const Flag> flags) {
    Args args;
    bool flags_ended = false;
    for (std::size_t i = 0; i < argv.size(); ++i) {
        const std::string& word = argv[i];
        if (flags_ended || word.size() < 2 || word[0] != '-') {
            args.positional.push_back(word);
            continue;
        }
        if (word == "--") {
            flags_ended = true;
            continue;
        }
        const std::size_t equals = word.find('=');
        const std::string name = word == "-h" ? "--help" : word.substr(0, equals);
        const Flag* flag = find(flags, name);
        if (flag == nullptr) flag = find(kCommon, name);
        const bool is_key = flag == nullptr && name.starts_with("--") && is_setting(name.substr(2));
        if (flag == nullptr && !is_key) {
            std::vector<std::string_view> known;
            for (const Flag& f : flags) known.push_back(f.name);
            for (const Flag& f : kCommon) known.push_back(f.name);
            const std::string near = nearest(name, known);
            return Error(Code::kInvalidArgument,
                         fmt::format("unknown flag '{}'{}", name,
                                     near.empty() ? "; see --help" : "; did you mean " + near + "?"),
                         name);
        }
        std::string value;
        if (is_key || !flag->value.empty()) {
            if (equals != std::string::npos) value = word.substr(equals + 1);
            else if (i + 1 < argv.size()) value = argv[++i];
            else return Error(Code::kInvalidArgument, fmt::format("{} needs a value", name), name);
            if (flag != nullptr && !is_choice(value, flag->choices))
                return Error(Code::kInvalidArgument,
                             fmt::format("{} must be one of {}, not '{}'", name, flag->choices, value), name);
        } else if (equals != std::string::npos) {
            return Error(Code::kInvalidArgument, fmt::format("{} takes no value", name), name);
        }
        if (is_key) args.settings[name.substr(2)] = value;
        else if (name == "--data") args.settings["data.dir"] = value;
        else if (name == "--listen") args.settings["http.listen"] = value;
        else args.flags[name] = value;
    }
    if (args.has("--help")) return args;
    for (const Flag& flag : flags) {
        if (flag.required && !args.has(flag.name))
            return Error(Code::kInvalidArgument, fmt::format("{} {} is missing", flag.name, flag.value),
                         std::string(flag.name));
    }
    return args;
}

Result<std::int64_t> time_of(const std::string& flag, const std::string& text) {
    constexpr std::int64_t kHourMs = 3'600'000;
    constexpr std::int64_t kDayMs = 24 * kHourMs;
    const Error wrong(Code::kInvalidArgument,
                      flag + " takes hours, days or a day of UTC: 36h, 7d or 2026-11-20, not '" + text + "'", flag);
    std::int64_t amount = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, amount);
    const std::string_view unit(read.ptr, static_cast<std::size_t>(end - read.ptr));
    if (read.ec == std::errc() && amount >= 0 && amount <= 100'000 && (unit == "h" || unit == "d"))
        return system_clock().wall_ms() - amount * (unit == "h" ? kHourMs : kDayMs);
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    int size = 0;
    if (std::sscanf(text.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &size) != 3 ||
        static_cast<std::size_t>(size) != text.size())
        return wrong;
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (!date.ok()) return wrong;
    return std::chrono::sys_days(date).time_since_epoch().count() * kDayMs;
}

}  // namespace footfall::app
