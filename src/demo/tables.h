#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace footfall::demo {

/// A country of visitors. The blocks are /16 networks of which the geo database knows every address to be there.
struct Place {
    std::string_view country;  ///< ISO 3166-1 alpha-2
    double weight;
    int hours_ahead;  ///< of Central Europe
    std::string_view timezone;
    std::array<std::string_view, 2> languages;  ///< the first is spoken by most
    std::array<std::string_view, 3> blocks;     ///< "2.207"
};
std::span<const Place> places();

struct Device {
    std::string_view user_agent;
    double weight;
    bool is_mobile;
    std::array<std::string_view, 3> screens;
    std::array<std::string_view, 3> viewports;  ///< of the screen at the same place
};
std::span<const Device> devices();
/// User agents of crawlers as they name themselves.
std::span<const std::string_view> bots();

/// What brings a visit, and so decides where it begins and how long it lasts.
enum class Origin : std::uint8_t { kDirect, kSearch, kSocial, kDeveloper, kNewsletter, kAd };
inline constexpr std::size_t kOrigins = 6;

struct Source {
    std::string_view referrer;
    std::string_view query;  ///< campaign parameters and click id, with '?'
    Origin origin;
    double weight;  ///< of an ordinary visit; 0: comes in a wave only
    double bounce;  ///< share of visits of one page
    double mobile;  ///< share of visits by phone and tablet
};
std::span<const Source> sources();
/// Sources of the waves that come on top of ordinary visits.
const Source& launch_source();
const Source& newsletter_source();
std::span<const Source> campaign_sources();

struct Page {
    std::string_view path;
    std::string_view title;
    std::array<double, kOrigins> entry;    ///< weight as the first page, by origin
    double read_s;                         ///< median of the time until the next page
    std::array<std::string_view, 5> next;  ///< where readers go, each as likely; empty: nowhere
};
std::span<const Page> pages();
/// The page of a path that is in pages().
const Page& page(std::string_view path);
/// What the launch leads to.
inline constexpr std::string_view kLaunchPage = "/blog/a-billion-rows-on-one-machine";

}  // namespace footfall::demo
