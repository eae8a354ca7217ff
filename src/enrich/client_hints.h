#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "enrich/user_agent.h"

namespace footfall::enrich {

/// What a browser says of itself in the Sec-CH-UA headers (W3C "User-Agent Client Hints"), as sent: texts of strangers,
/// borrowed.
struct ClientHints {
    std::string_view brands{};            ///< Sec-CH-UA
    std::string_view full_brands{};       ///< Sec-CH-UA-Full-Version-List
    std::string_view mobile{};            ///< Sec-CH-UA-Mobile
    std::string_view platform{};          ///< Sec-CH-UA-Platform
    std::string_view platform_version{};  ///< Sec-CH-UA-Platform-Version
    std::string_view model{};             ///< Sec-CH-UA-Model

    bool empty() const;
    /// Without those that are longer than any browser's: 512 bytes for a list of brands, 64 for the others.
    ClientHints bounded() const;
};

struct Brand {
    std::string name;
    std::string version;  ///< major
};

/// The same, read as the structured fields (RFC 8941) that they are; what is none of them is as if it was not sent.
struct ReadHints {
    std::vector<Brand> brands;  ///< at most 16, those that browsers invent to keep readers honest (GREASE) included
    std::string platform;
    std::string platform_version;
    std::string model;
    bool is_mobile = false;

    /// Whether a Chromium speaks, the one kind of browser that sends hints.
    bool is_chromium() const;
    /// Whether it is one without a window, as programs drive it.
    bool is_headless() const;
};
ReadHints read_hints(const ClientHints& hints);

/// Whether the browser that the user agent names would send these hints: they are a Chromium's, and the text names
/// none.
bool contradicts(std::string_view user_agent, const ReadHints& hints);

/// What hints say better than a user agent whose parts browsers have frozen: browsers that call themselves Chrome there
/// (Brave, Vivaldi …), Windows 11, versions of Android and macOS, television sets. Names stay those of uap-core; what
/// the hints do not say stays as it was read, and so does everything where the two contradict each other.
void refine(std::string_view user_agent, const ReadHints& hints, UserAgent& read, std::string_view& device_type);

}  // namespace footfall::enrich
