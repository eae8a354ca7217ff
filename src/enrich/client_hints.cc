#include "enrich/client_hints.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "enrich/text.h"

namespace footfall::enrich {
namespace {

constexpr std::size_t kListMax = 512;
constexpr std::size_t kItemMax = 64;
constexpr std::size_t kBrandsMax = 16;
constexpr std::size_t kDigitsMax = 6;  ///< of a part of a version
/// Of Windows, from this platform version on; the user agent says 10 of both.
constexpr int kWindows11 = 13;

/// Reads a structured field from its start. Each function takes what it says, or nothing and gives false.
class FieldReader {
public:
    explicit FieldReader(std::string_view text) : rest_(text) {}

    bool at_end() {
        skip_blanks();
        return rest_.empty();
    }
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void skip_blanks() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    }
    /// A string: printable ASCII in quotes, with \" and \\ as its only escapes.
    bool take_string(std::string& out) {
        std::string text;
        if (rest_.empty() || rest_.front() != '"') return false;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            char c = rest_[i];
            if (c == '"') {
                rest_.remove_prefix(i + 1);
                out = std::move(text);
                return true;
            }
            if (c == '\\') {
                if (++i == rest_.size() || (rest_[i] != '"' && rest_[i] != '\\')) return false;
                c = rest_[i];
            }
            if (c < 0x20 || c > 0x7e) return false;
            text += c;
        }
        return false;
    }
    /// Parameters of an item; the value of `v` where it is a string.
    bool take_parameters(std::string& v) {
        for (skip_blanks(); take(';'); skip_blanks()) {
            skip_blanks();
            const std::size_t end = std::min(rest_.find_first_of("=;, \t"), rest_.size());
            const std::string_view name = rest_.substr(0, end);
            if (name.empty()) return false;
            rest_.remove_prefix(end);
            if (!take('=')) continue;
            std::string value;
            if (!take_string(value)) {
                const std::size_t bare = std::min(rest_.find_first_of(";, \t\""), rest_.size());
                if (bare == 0) return false;
                rest_.remove_prefix(bare);
            } else if (name == "v") {
                v = std::move(value);
            }
        }
        return true;
    }

private:
    std::string_view rest_;
};

std::string major_of(std::string_view version) { return std::string(version.substr(0, version.find('.'))); }

bool is_number(std::string_view text) {
    return !text.empty() && text.size() <= kDigitsMax &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A list of strings, each with its version as parameter v. Empty where it is not one.
std::vector<Brand> read_brands(std::string_view text) {
    FieldReader reader(text);
    std::vector<Brand> brands;
    while (!reader.at_end()) {
        Brand brand;
        std::string version;
        if (!reader.take_string(brand.name) || !reader.take_parameters(version)) return {};
        brand.version = major_of(version);
        if (!is_number(brand.version)) brand.version.clear();
        brands.push_back(std::move(brand));
        if (reader.at_end()) break;
        if (!reader.take(',') || reader.at_end() || brands.size() == kBrandsMax) return {};
    }
    return brands;
}

std::string read_string(std::string_view text) {
    FieldReader reader(text);
    std::string value, ignored;
    reader.skip_blanks();
    return reader.take_string(value) && reader.take_parameters(ignored) && reader.at_end() ? value : std::string();
}

/// A brand, and what uap-core calls it.
struct KnownBrand {
    std::string_view brand;
    std::string_view desktop;
    std::string_view mobile;
};

/// In this order: whoever is built on another has both brands.
constexpr KnownBrand kBrands[] = {
    {"Brave", "Brave", "Brave"},
    {"Vivaldi", "Vivaldi", "Vivaldi"},
    {"Opera", "Opera", "Opera Mobile"},
    {"Opera GX", "Opera", "Opera Mobile"},
    {"YaBrowser", "Yandex Browser", "Yandex Browser"},
    {"Yandex", "Yandex Browser", "Yandex Browser"},
    {"Samsung Internet", "Samsung Internet", "Samsung Internet"},
    {"DuckDuckGo", "DuckDuckGo", "DuckDuckGo Mobile"},
    {"Whale", "Whale", "Whale"},
    {"Microsoft Edge", "Edge", "Edge Mobile"},
    {"Android WebView", "Chrome Mobile WebView", "Chrome Mobile WebView"},
    {"Google Chrome", "Chrome", "Chrome Mobile"},
};

/// What uap-core makes of a text in which a browser calls itself Chrome. Everything else says more than a brand: an app
/// that shows a page in a web view, say.
bool is_plain_chrome(std::string_view browser) {
    return browser == "Chrome" || browser == "Chrome Mobile" || browser == "Chrome Mobile WebView";
}

void refine_browser(const ReadHints& hints, bool is_mobile, UserAgent& read) {
    for (const KnownBrand& known : kBrands) {
        const auto brand = std::find_if(hints.brands.begin(), hints.brands.end(),
                                        [&](const Brand& one) { return one.name == known.brand; });
        if (brand == hints.brands.end()) continue;
        const bool is_the_same = read.browser == known.desktop || read.browser == known.mobile;
        if (!is_the_same && !is_plain_chrome(read.browser)) return;
        if (!is_the_same) read.browser = is_mobile ? known.mobile : known.desktop;
        if (!brand->version.empty()) read.browser_version = brand->version;
        return;
    }
}

std::pair<std::string, std::string> major_and_minor(std::string_view version) {
    const std::string major = major_of(version);
    const std::string minor =
        major.size() < version.size() ? major_of(version.substr(major.size() + 1)) : std::string();
    if (!is_number(major) || (!minor.empty() && !is_number(minor))) return {};
    return {major, minor};
}

std::string windows_version(const std::string& major, const std::string& minor) {
    int number = 0;
    std::from_chars(major.data(), major.data() + major.size(), number);
    if (number >= kWindows11) return "11";
    if (number > 0) return "10";
    if (minor == "1") return "7";
    if (minor == "2") return "8";
    return minor == "3" ? "8.1" : "";
}

void refine_system(const ReadHints& hints, UserAgent& read) {
    static constexpr std::pair<std::string_view, std::string_view> kSystems[] = {
        {"Windows", "Windows"},     {"macOS", "Mac OS X"},        {"Android", "Android"},
        {"Chrome OS", "Chrome OS"}, {"Chromium OS", "Chrome OS"},
    };
    const auto system = std::find_if(std::begin(kSystems), std::end(kSystems),
                                     [&](const auto& one) { return one.first == hints.platform; });
    if (system == std::end(kSystems)) return;
    if (read.os != system->second) {
        read.os = system->second;
        read.os_version.clear();
    }
    const auto [major, minor] = major_and_minor(hints.platform_version);
    if (major.empty()) return;
    std::string version = major;
    if (read.os == "Windows") version = windows_version(major, minor);
    if (read.os == "Mac OS X" && major == "10" && !minor.empty()) version += "." + minor;
    if (!version.empty()) read.os_version = version;
}

}  // namespace

bool ClientHints::empty() const {
    return brands.empty() && full_brands.empty() && mobile.empty() && platform.empty() && platform_version.empty() &&
           model.empty();
}

ClientHints ClientHints::bounded() const {
    ClientHints out = *this;
    for (std::string_view* list : {&out.brands, &out.full_brands})
        if (list->size() > kListMax) *list = {};
    for (std::string_view* item : {&out.mobile, &out.platform, &out.platform_version, &out.model})
        if (item->size() > kItemMax) *item = {};
    return out;
}

bool ReadHints::is_chromium() const {
    return std::any_of(brands.begin(), brands.end(), [](const Brand& one) { return one.name == "Chromium"; });
}

bool ReadHints::is_headless() const {
    return std::any_of(brands.begin(), brands.end(), [](const Brand& one) { return one.name == "HeadlessChrome"; });
}

ReadHints read_hints(const ClientHints& hints) {
    const ClientHints sent = hints.bounded();
    ReadHints read;
    read.brands = read_brands(sent.full_brands);
    if (read.brands.empty()) read.brands = read_brands(sent.brands);
    read.platform = read_string(sent.platform);
    read.platform_version = read_string(sent.platform_version);
    read.model = read_string(sent.model);
    read.is_mobile = trim(sent.mobile) == "?1";
    return read;
}

bool contradicts(std::string_view user_agent, const ReadHints& hints) {
    return hints.is_chromium() && !user_agent.empty() && user_agent.find("Chrome/") == std::string_view::npos &&
           user_agent.find("Chromium/") == std::string_view::npos;
}

void refine(std::string_view user_agent, const ReadHints& hints, UserAgent& read, std::string_view& device_type) {
    if (!hints.is_chromium() || contradicts(user_agent, hints)) return;
    // "Desktop site" on a phone: the text is a desktop's, and the hints tell.
    if (hints.is_mobile && device_type == "desktop") device_type = "mobile";
    if (!hints.model.empty() && (device_type == "mobile" || device_type == "tablet") &&
        enrich::device_type("Android; " + hints.model) == "tv")
        device_type = "tv";
    refine_browser(hints, device_type == "mobile" || device_type == "tablet", read);
    refine_system(hints, read);
}

}  // namespace footfall::enrich
