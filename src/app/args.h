#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace footfall::app {

/// One flag of a command.
struct Flag {
    std::string_view name;   // "--site"
    std::string_view value;  // what stands behind it in the help; empty for a switch
    std::string_view help;
    bool required = false;
    std::string_view choices = {};  // "a|b" where only these are allowed
};

/// A command line behind the command's own words, parsed.
struct Args {
    std::vector<std::string> positional;
    std::map<std::string, std::string> flags;     // "--site" → value; "" for a switch
    std::map<std::string, std::string> settings;  // "http.listen" → value

    bool has(std::string_view flag) const { return flags.contains(std::string(flag)); }
    std::string get(std::string_view flag, std::string_view standard = {}) const;
};

/// Parses `argv` by the declared flags plus those that every command has (--data, --config, --json, --help, --listen
/// and --section.key).
/// "--flag value" and "--flag=value"; "--" ends the flags. kInvalidArgument with one sentence for an unknown flag (with
/// the nearest), a missing value, one that is no choice, or a required flag that is not there.
Result<Args> parse_args(std::span<const std::string> argv, std::span<const Flag> flags);

/// What a flag's text says of a time: "36h" or "7d" before now, or the beginning of a day "2026-11-20" of UTC; epoch
/// ms. kInvalidArgument for all else, naming the flag.
Result<std::int64_t> time_of(const std::string& flag, const std::string& text);

}  // namespace footfall::app
