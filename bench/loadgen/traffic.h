#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"

namespace footfall::loadgen {

/// What the traffic of a site is made of; every stream of the generator picks from these.

inline constexpr std::string_view kLanguages[] = {"en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "ja-JP", "pt-BR"};
inline constexpr std::string_view kZones[] = {"America/New_York", "Europe/Berlin", "Europe/London", "Asia/Tokyo",
                                              "America/Sao_Paulo"};
inline constexpr std::string_view kScreens[] = {"1920x1080", "1536x864", "2560x1440", "390x844", "412x915", "820x1180"};
inline constexpr std::string_view kNames[] = {"signup", "download", "add_to_cart", "video_play", "outbound_link"};

/// A page that links to the site, and what its visitors' source is called.
struct Referrer {
    std::string_view url;
    std::string_view source;
};
inline constexpr Referrer kReferrers[] = {
    {"", ""},
    {"", ""},
    {"", ""},
    {"https://www.google.com/", "Google"},
    {"https://www.google.com/", "Google"},
    {"https://duckduckgo.com/", "DuckDuckGo"},
    {"https://www.bing.com/search?q=analytics", "Bing"},
    {"https://t.co/a1b2c3", "X"},
    {"https://news.ycombinator.com/item?id=1", "Hacker News"},
    {"https://www.linkedin.com/feed/", "LinkedIn"},
    {"https://blog.partner.example/a-post-about-analytics", "blog.partner.example"}};

template <class T, std::size_t N>
const T& pick(std::mt19937_64& random, const T (&from)[N]) {
    return from[random() % N];
}

struct Agent {
    std::string text;
    std::string_view device_type;
};

/// Some 200 browsers.
std::vector<Agent> make_agents();

/// Page `number` of the site, the most visited first.
std::string page_path(std::size_t number);

/// Numbers from 0 to `count` - 1, by Zipf's law.
std::discrete_distribution<std::size_t> zipf(std::size_t count);

/// A version 7 UUID of that time.
Uuid random_uuid_v7(std::int64_t at_ms, std::mt19937_64& random);

/// The last `width` decimal digits of a value.
void put_digits(char* out, std::size_t width, std::uint64_t value);

/// "d.d.d.d", always 15 characters: one of 13 million addresses in networks of many countries. Leading zeros would be
/// read as octal by some, so the width is kept by the range.
void put_address(char* out, std::uint64_t visitor);

}  // namespace footfall::loadgen
