#include "enrich/user_agent.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

#include "enrich/pattern_list.h"
#include "enrich/text.h"

namespace footfall::enrich {
namespace {

constexpr std::size_t kValueMax = 64;

/// What a matched rule gives for the family and up to two parts of the version; an empty text stands for the group of
/// that place.
struct Replacements {
    std::array<std::string, 3> values;
};

struct RuleList {
    PatternList patterns;
    std::vector<Replacements> replacements;
};

RuleList read_rules(const YAML::Node& list, std::initializer_list<const char*> replacement_names) {
    std::vector<Pattern> patterns;
    std::vector<Replacements> replacements;
    for (const YAML::Node& node : list) {
        Pattern pattern{node["regex"].as<std::string>()};
        if (const YAML::Node flag = node["regex_flag"]) pattern.ignore_case = flag.as<std::string>() == "i";
        Replacements values;
        std::size_t place = 0;
        for (const char* name : replacement_names) {
            if (const YAML::Node value = node[name]) values.values[place] = value.as<std::string>();
            ++place;
        }
        patterns.push_back(std::move(pattern));
        replacements.push_back(std::move(values));
    }
    return {PatternList(patterns), std::move(replacements)};
}

/// "$1" to "$9" in a replacement are the match's groups; without a replacement the value is the group of its own place.
std::string value_of(const RuleList& rules, const PatternList::Match& match, std::size_t place) {
    const std::string& replacement = rules.replacements[match.index].values[place];
    std::string out;
    if (replacement.empty()) {
        out = match.groups[place + 1];
    } else {
        for (std::size_t i = 0; i < replacement.size(); ++i) {
            const bool is_group = replacement[i] == '$' && i + 1 < replacement.size() && replacement[i + 1] >= '1' &&
                                  replacement[i + 1] <= '9';
            if (is_group) out += match.groups[static_cast<std::size_t>(replacement[++i] - '0')];
            else out += replacement[i];
        }
    }
    return std::string(cut_text(trim(printable(out)), kValueMax));
}

/// Systems whose releases people name with a minor number: Windows 8.1, Mac OS X 10.15 (not macOS 14), Ubuntu 22.04,
/// Android 4.4.
std::string os_version(std::string_view os, const std::string& major, const std::string& minor) {
    if (minor.empty() || major.empty()) return major;
    const bool by_minor = os == "Windows" || os == "Ubuntu" || os == "Tizen" || os == "KaiOS" ||
                          (os == "Mac OS X" && major == "10") || (os == "Android" && major.size() == 1 && major < "5");
    return by_minor ? major + "." + minor : major;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> tokens) {
    return std::any_of(tokens.begin(), tokens.end(),
                       [&](std::string_view token) { return text.find(token) != std::string_view::npos; });
}

bool is_tv(std::string_view text) {
    if (has_any(text, {"SMART-TV",      "SmartTV",  "Smart TV", "Smart-TV",  "SmartHub", "GoogleTV", "Google TV",
                       "Android TV",    "AppleTV",  "Apple TV", "tvOS",      "HbbTV",    "HBBTV",    "NetCast",
                       "Web0S",         "WebOS TV", "webOS.TV", "BRAVIA",    "Roku",     "CrKey",    "Chromecast",
                       "VIDAA",         "Viera",    "VIERA",    "MiTV",      "MIBOX",    "MiBOX",    "Opera TV",
                       "InettvBrowser", "NETTV",    "DuneHD",   "PhilipsTV", "AQUOS",    "TCL TV"}))
        return true;
    // Amazon's Fire TV devices: AFTB, AFTS, AFTMM …, as a word of their own.
    const std::size_t at = text.find(" AFT");
    if (at != std::string_view::npos && at + 4 < text.size() && text[at + 4] >= 'A' && text[at + 4] <= 'Z') return true;
    return text.find("Tizen") != std::string_view::npos && text.find(" TV") != std::string_view::npos;
}

bool is_tablet(std::string_view text) {
    if (has_any(text, {"iPad", "PlayBook", "Kindle"})) return true;
    const bool is_mobile = has_any(text, {"Mobile", "Mobi"});
    if (has_any(text, {"Tablet"}) && !has_any(text, {"Windows"})) return true;
    return has_any(text, {"Android", "Silk/", "Silk-Accelerated"}) && !is_mobile && !has_any(text, {"Opera Mini"});
}

}  // namespace

std::string_view device_type(std::string_view text) {
    if (has_any(text, {"PlayStation", "PLAYSTATION", "Xbox", "XBOX", "Nintendo"})) return "console";
    if (is_tv(text)) return "tv";
    if (is_tablet(text)) return "tablet";
    if (has_any(text, {"iPhone",   "iPod",       "Mobi",       "Android", "Windows Phone", "Windows CE", "BlackBerry",
                       "BB10",     "Opera Mini", "KAIOS",      "KaiOS",   "Symbian",       "SymbOS",     "Series60",
                       "Series40", "MIDP",       "UP.Browser", "Nokia",   "webOS/",        "hpwOS"}))
        return "mobile";
    if (has_any(text, {"Windows", "Macintosh", "Mac OS X", "X11", "Linux", "CrOS", "Win64", "Win32", "WOW64"}))
        return "desktop";
    return "other";
}

struct UserAgentRules::State {
    RuleList browsers;
    RuleList systems;
    RuleList devices;
};

UserAgentRules::UserAgentRules(std::unique_ptr<State> state) : state_(std::move(state)) {}
UserAgentRules::~UserAgentRules() = default;
UserAgentRules::UserAgentRules(UserAgentRules&&) noexcept = default;
UserAgentRules& UserAgentRules::operator=(UserAgentRules&&) noexcept = default;

Result<UserAgentRules> UserAgentRules::load(const std::string& path) {
    try {
        const YAML::Node file = YAML::LoadFile(path);
        for (const char* list : {"user_agent_parsers", "os_parsers", "device_parsers"}) {
            if (!file[list] || !file[list].IsSequence())
                return Error(Code::kCorrupt, path + ": has no list '" + list + "'; is it regexes.yaml of uap-core?");
        }
        return UserAgentRules(std::make_unique<State>(State{
            read_rules(file["user_agent_parsers"], {"family_replacement", "v1_replacement", "v2_replacement"}),
            read_rules(file["os_parsers"], {"os_replacement", "os_v1_replacement", "os_v2_replacement"}),
            read_rules(file["device_parsers"], {"device_replacement"}),
        }));
    } catch (const YAML::BadFile&) {
        return Error(Code::kIo, path + ": cannot be read");
    } catch (const YAML::Exception& e) {
        return Error(Code::kCorrupt, path + ": " + e.what());
    }
}

UserAgent UserAgentRules::parse(std::string_view text) const {
    UserAgent out;
    if (const auto match = state_->browsers.patterns.first(text)) {
        out.browser = value_of(state_->browsers, *match, 0);
        out.browser_version = value_of(state_->browsers, *match, 1);
    }
    if (const auto match = state_->systems.patterns.first(text)) {
        out.os = value_of(state_->systems, *match, 0);
        out.os_version = os_version(out.os, value_of(state_->systems, *match, 1), value_of(state_->systems, *match, 2));
    }
    if (const auto match = state_->devices.patterns.first(text))
        out.is_spider = value_of(state_->devices, *match, 0) == "Spider";
    return out;
}

std::size_t UserAgentRules::size() const {
    return state_->browsers.replacements.size() + state_->systems.replacements.size() +
           state_->devices.replacements.size();
}

std::size_t UserAgentRules::skipped() const {
    return state_->browsers.patterns.skipped() + state_->systems.patterns.skipped() +
           state_->devices.patterns.skipped();
}

}  // namespace footfall::enrich
