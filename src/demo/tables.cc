#include "demo/tables.h"

#include <algorithm>

#include "base/result.h"

namespace footfall::demo {
namespace {

constexpr Place kPlaces[] = {
    {"DE", 24, 0, "Europe/Berlin", {"de-DE", "en-US"}, {"80.151", "2.207", "217.6"}},
    {"US", 21, -6, "America/New_York", {"en-US", "es-US"}, {"216.233", "50.78", "23.30"}},
    {"GB", 9, -1, "Europe/London", {"en-GB", "en-GB"}, {"91.125", "80.189", "87.115"}},
    {"FR", 7, 0, "Europe/Paris", {"fr-FR", "en-US"}, {"37.170", "78.243", "78.241"}},
    {"NL", 5, 0, "Europe/Amsterdam", {"nl-NL", "en-GB"}, {"77.167", "85.148", "81.207"}},
    {"IN", 4.5, 5, "Asia/Kolkata", {"en-IN", "hi-IN"}, {"117.239", "106.192", "223.228"}},
    {"CH", 3.5, 0, "Europe/Zurich", {"de-CH", "fr-CH"}, {"188.155", "178.38", "178.196"}},
    {"AT", 3.2, 0, "Europe/Vienna", {"de-AT", "en-US"}, {"194.166", "91.114", "62.46"}},
    {"CA", 3, -6, "America/Toronto", {"en-CA", "fr-CA"}, {"70.26", "76.69", "184.145"}},
    {"ES", 2.8, 0, "Europe/Madrid", {"es-ES", "ca-ES"}, {"37.158", "37.12", "79.149"}},
    {"IT", 2.6, 0, "Europe/Rome", {"it-IT", "it-IT"}, {"94.167", "79.40", "151.38"}},
    {"PL", 2.4, 0, "Europe/Warsaw", {"pl-PL", "en-US"}, {"95.51", "83.3", "79.189"}},
    {"SE", 2.1, 0, "Europe/Stockholm", {"sv-SE", "en-GB"}, {"37.250", "2.67", "78.72"}},
    {"BR", 2, -4, "America/Sao_Paulo", {"pt-BR", "en-US"}, {"177.69", "177.129", "177.86"}},
    {"JP", 1.9, 8, "Asia/Tokyo", {"ja-JP", "en-US"}, {"126.158", "126.253", "126.166"}},
    {"AU", 1.8, 10, "Australia/Sydney", {"en-AU", "en-AU"}, {"159.196", "144.6", "124.168"}},
    {"BE", 1.4, 0, "Europe/Brussels", {"nl-BE", "fr-BE"}, {"87.64", "91.181", "91.177"}},
    {"DK", 1.1, 0, "Europe/Copenhagen", {"da-DK", "en-GB"}, {"90.184", "2.128", "109.56"}},
    {"NO", 1, 0, "Europe/Oslo", {"nb-NO", "en-GB"}, {"88.93", "88.94", "88.92"}},
    {"FI", 1, 1, "Europe/Helsinki", {"fi-FI", "en-GB"}, {"37.219", "178.55", "84.231"}},
    {"CZ", 1, 0, "Europe/Prague", {"cs-CZ", "en-US"}, {"46.13", "78.80", "109.81"}},
    {"IE", 0.8, -1, "Europe/Dublin", {"en-IE", "en-IE"}, {"86.42", "93.107", "51.171"}},
    {"PT", 0.8, -1, "Europe/Lisbon", {"pt-PT", "en-US"}, {"89.181", "62.28", "188.83"}},
    {"UA", 0.8, 1, "Europe/Kyiv", {"uk-UA", "en-US"}, {"5.248", "178.137", "46.211"}},
    {"MX", 0.8, -7, "America/Mexico_City", {"es-MX", "es-MX"}, {"189.161", "189.235", "189.150"}},
    {"RO", 0.7, 1, "Europe/Bucharest", {"ro-RO", "en-US"}, {"86.122", "86.126", "79.118"}},
    {"TR", 0.7, 2, "Europe/Istanbul", {"tr-TR", "tr-TR"}, {"176.216", "31.142", "149.140"}},
    {"KR", 0.7, 8, "Asia/Seoul", {"ko-KR", "ko-KR"}, {"124.0", "211.38", "210.91"}},
    {"SG", 0.6, 7, "Asia/Singapore", {"en-SG", "zh-SG"}, {"121.6", "220.255", "118.200"}},
    {"TW", 0.6, 7, "Asia/Taipei", {"zh-TW", "en-US"}, {"220.130", "118.163", "61.218"}},
    {"ID", 0.6, 6, "Asia/Jakarta", {"id-ID", "en-US"}, {"36.75", "114.125", "125.163"}},
    {"NZ", 0.5, 12, "Pacific/Auckland", {"en-NZ", "en-NZ"}, {"49.227", "47.72", "27.252"}},
    {"ZA", 0.5, 1, "Africa/Johannesburg", {"en-ZA", "af-ZA"}, {"41.24", "105.242", "165.165"}},
    {"AR", 0.5, -4, "America/Argentina/Buenos_Aires", {"es-AR", "es-AR"}, {"181.13", "181.102", "201.251"}},
    {"HU", 0.5, 0, "Europe/Budapest", {"hu-HU", "hu-HU"}, {"81.183", "84.0", "84.3"}},
    {"GR", 0.4, 1, "Europe/Athens", {"el-GR", "en-US"}, {"178.147", "109.178", "85.73"}},
};

constexpr std::array<std::string_view, 3> kWideScreens = {"1920x1080", "2560x1440", "1536x864"};
constexpr std::array<std::string_view, 3> kWideViewports = {"1903x937", "1720x1289", "1519x703"};
constexpr std::array<std::string_view, 3> kMacScreens = {"1512x982", "1728x1117", "2560x1440"};
constexpr std::array<std::string_view, 3> kMacViewports = {"1512x823", "1440x900", "1680x1240"};
constexpr std::array<std::string_view, 3> kIphoneScreens = {"393x852", "402x874", "430x932"};
constexpr std::array<std::string_view, 3> kIphoneViewports = {"393x660", "402x682", "430x739"};
constexpr std::array<std::string_view, 3> kAndroidScreens = {"412x915", "360x800", "384x854"};
constexpr std::array<std::string_view, 3> kAndroidViewports = {"412x784", "360x668", "384x724"};
constexpr std::array<std::string_view, 3> kTabletScreens = {"820x1180", "834x1194", "1024x1366"};
constexpr std::array<std::string_view, 3> kTabletViewports = {"820x1106", "834x1120", "1024x1292"};

constexpr Device kDevices[] = {
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36",
     26, false, kWideScreens, kWideViewports},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/154.0.0.0 Safari/537.36",
     9, false, kWideScreens, kWideViewports},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 "
     "Safari/537.36",
     15, false, kMacScreens, kMacViewports},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 "
     "Safari/605.1.15",
     12, false, kMacScreens, kMacViewports},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36 "
     "Edg/155.0.0.0",
     9, false, kWideScreens, kWideViewports},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:158.0) Gecko/20100101 Firefox/158.0", 8, false, kWideScreens,
     kWideViewports},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:158.0) Gecko/20100101 Firefox/158.0", 7, false, kWideScreens, kWideViewports},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36", 6, false,
     kWideScreens, kWideViewports},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:158.0) Gecko/20100101 Firefox/158.0", 3, false, kMacScreens,
     kMacViewports},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36 "
     "OPR/138.0.0.0",
     2, false, kWideScreens, kWideViewports},
    {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/154.0.0.0 Safari/537.36",
     1, false, kWideScreens, kWideViewports},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 "
     "Mobile/15E148 Safari/604.1",
     40, true, kIphoneScreens, kIphoneViewports},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.7 "
     "Mobile/15E148 Safari/604.1",
     9, true, kIphoneScreens, kIphoneViewports},
    {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Mobile Safari/537.36",
     31, true, kAndroidScreens, kAndroidViewports},
    {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 "
     "Mobile Safari/537.36",
     7, true, kAndroidScreens, kAndroidViewports},
    {"Mozilla/5.0 (Android 16; Mobile; rv:158.0) Gecko/158.0 Firefox/158.0", 4, true, kAndroidScreens,
     kAndroidViewports},
    {"Mozilla/5.0 (iPad; CPU OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 "
     "Mobile/15E148 Safari/604.1",
     6, true, kTabletScreens, kTabletViewports},
    {"Mozilla/5.0 (Linux; Android 15; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36",
     3, true, kTabletScreens, kTabletViewports},
};

constexpr std::string_view kBots[] = {
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
};

constexpr Source kSources[] = {
    {"", "", Origin::kDirect, 27, 0.43, 0.34},
    {"https://www.google.com/", "", Origin::kSearch, 29, 0.47, 0.42},
    {"https://www.bing.com/", "", Origin::kSearch, 3.4, 0.46, 0.12},
    {"https://duckduckgo.com/", "", Origin::kSearch, 4.2, 0.45, 0.33},
    {"https://www.ecosia.org/", "", Origin::kSearch, 0.9, 0.46, 0.35},
    {"https://search.brave.com/", "", Origin::kSearch, 0.9, 0.45, 0.3},
    {"https://chatgpt.com/", "?utm_source=chatgpt.com", Origin::kSearch, 3.6, 0.41, 0.3},
    {"https://www.perplexity.ai/", "", Origin::kSearch, 1.3, 0.42, 0.25},
    {"https://github.com/", "", Origin::kDeveloper, 7.5, 0.4, 0.14},
    {"https://news.ycombinator.com/", "", Origin::kDeveloper, 1.4, 0.6, 0.4},
    {"https://lobste.rs/", "", Origin::kDeveloper, 0.5, 0.55, 0.3},
    {"https://stackoverflow.com/", "", Origin::kDeveloper, 0.9, 0.52, 0.1},
    {"https://www.reddit.com/", "", Origin::kSocial, 4, 0.6, 0.6},
    {"https://t.co/", "", Origin::kSocial, 1.4, 0.66, 0.75},
    {"https://www.linkedin.com/", "", Origin::kSocial, 2.1, 0.58, 0.55},
    {"https://mastodon.social/", "", Origin::kSocial, 1.3, 0.55, 0.55},
    {"https://bsky.app/", "", Origin::kSocial, 0.8, 0.58, 0.6},
    {"https://www.youtube.com/", "", Origin::kSocial, 1.1, 0.55, 0.62},
    {"https://selfhosted-weekly.example/", "", Origin::kDeveloper, 1.2, 0.44, 0.35},
    {"https://www.google.com/", "?utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=demo-click", Origin::kAd,
     3.6, 0.44, 0.47},
    {"https://www.bing.com/", "?utm_source=bing&utm_medium=cpc&utm_campaign=brand&msclkid=demo-click", Origin::kAd, 0.8,
     0.45, 0.1},
};
constexpr Source kLaunch = {"https://news.ycombinator.com/", "", Origin::kDeveloper, 0, 0.66, 0.45};
constexpr Source kNewsletter = {
    "", "?utm_source=newsletter&utm_medium=email&utm_campaign=weekly", Origin::kNewsletter, 0, 0.36, 0.52};
constexpr Source kCampaign[] = {
    {"https://www.linkedin.com/",
     "?utm_source=linkedin&utm_medium=paid-social&utm_campaign=team-plan&utm_content=carousel", Origin::kAd, 5, 0.52,
     0.6},
    {"https://www.facebook.com/",
     "?utm_source=facebook&utm_medium=paid-social&utm_campaign=team-plan&utm_content=video&fbclid=demo-click",
     Origin::kAd, 3, 0.6, 0.86},
    {"https://www.google.com/",
     "?utm_source=google&utm_medium=cpc&utm_campaign=team-plan&utm_term=team+plan&gclid=demo-click", Origin::kAd, 4,
     0.46, 0.4},
};

// Entry weights in the order of Origin: direct, search, social, developer, newsletter, ad.
constexpr Page kPages[] = {
    {"/",
     "Demo: your data, on your machine",
     {60, 28, 22, 24, 6, 20},
     22,
     {"/features", "/pricing", "/docs", "/download", "/blog"}},
    {"/features", "Features - Demo", {4, 6, 6, 4, 4, 18}, 38, {"/pricing", "/pricing", "/download", "/docs", "/"}},
    {"/pricing", "Pricing - Demo", {5, 8, 2, 2, 4, 40}, 42, {"/signup", "/signup", "/features", "/docs", "/contact"}},
    {"/download",
     "Download - Demo",
     {4, 4, 1, 8, 2, 6},
     30,
     {"/docs/install", "/docs/install", "/changelog", "/docs", "/pricing"}},
    {"/docs",
     "Documentation - Demo",
     {7, 5, 1, 8, 2, 1},
     16,
     {"/docs/install", "/docs/configuration", "/docs/api", "/docs/backup", "/docs/upgrade"}},
    {"/docs/install",
     "Install in five minutes - Demo",
     {4, 13, 1, 10, 2, 3},
     95,
     {"/docs/configuration", "/docs/configuration", "/download", "/docs/api", "/docs"}},
    {"/docs/configuration",
     "Configuration - Demo",
     {3, 9, 0, 4, 1, 0},
     80,
     {"/docs/api", "/docs/backup", "/docs/install", "/docs/upgrade", "/docs"}},
    {"/docs/api",
     "API reference - Demo",
     {3, 8, 0, 5, 1, 0},
     110,
     {"/docs/configuration", "/docs", "/docs/backup", "/changelog", "/signup"}},
    {"/docs/backup",
     "Back up and restore - Demo",
     {1, 5, 0, 1, 0, 0},
     70,
     {"/docs/upgrade", "/docs/configuration", "/docs", "", ""}},
    {"/docs/upgrade",
     "Upgrade - Demo",
     {2, 4, 0, 1, 1, 0},
     55,
     {"/changelog", "/docs/backup", "/docs", "/download", ""}},
    {"/blog",
     "Blog - Demo",
     {2, 2, 2, 2, 3, 0},
     18,
     {"/blog/a-billion-rows-on-one-machine", "/blog/leaving-the-cloud", "/blog/what-a-visit-is",
      "/blog/one-command-to-start", "/"}},
    {kLaunchPage,
     "A billion rows on one machine - Demo",
     {1, 5, 26, 16, 22, 0},
     130,
     {"/", "/blog", "/docs/install", "/features", "/download"}},
    {"/blog/leaving-the-cloud",
     "Leaving the cloud, with figures - Demo",
     {1, 4, 20, 8, 16, 0},
     120,
     {"/blog", "/", "/pricing", "/features", ""}},
    {"/blog/what-a-visit-is", "What is a visit? - Demo", {0, 6, 9, 4, 14, 0}, 100, {"/blog", "/", "/docs", "", ""}},
    {"/blog/one-command-to-start",
     "One command to start - Demo",
     {0, 3, 6, 4, 12, 0},
     85,
     {"/download", "/docs/install", "/blog", "/", ""}},
    {"/changelog", "Changelog - Demo", {2, 2, 1, 4, 6, 0}, 45, {"/docs/upgrade", "/download", "/docs", "", ""}},
    {"/about", "About us - Demo", {1, 2, 2, 1, 1, 1}, 32, {"/contact", "/blog", "/", "", ""}},
    {"/contact", "Contact - Demo", {1, 1, 0, 0, 0, 2}, 40, {"/", "/pricing", "", "", ""}},
    {"/signup",
     "Create your account - Demo",
     {2, 1, 0, 0, 1, 8},
     48,
     {"/welcome", "/welcome", "/welcome", "/pricing", "/legal/privacy"}},
    {"/welcome", "Welcome - Demo", {0, 0, 0, 0, 0, 0}, 35, {"/checkout", "/checkout", "/docs/install", "/docs", "/"}},
    {"/checkout",
     "Checkout - Demo",
     {0, 0, 0, 0, 0, 0},
     60,
     {"/thank-you", "/thank-you", "/thank-you", "/pricing", ""}},
    {"/thank-you", "Thank you - Demo", {0, 0, 0, 0, 0, 0}, 20, {"/docs/install", "/docs", "", "", ""}},
    {"/legal/privacy", "Privacy - Demo", {0.4, 0.6, 0, 0.3, 0, 0.4}, 28, {"/", "/signup", "", "", ""}},
    {"/old-docs/start", "Not found - Demo", {0.6, 1.6, 0.3, 0.8, 0, 0}, 9, {"/docs", "/", "", "", ""}},
};

}  // namespace

std::span<const Place> places() { return kPlaces; }
std::span<const Device> devices() { return kDevices; }
std::span<const std::string_view> bots() { return kBots; }
std::span<const Source> sources() { return kSources; }
const Source& launch_source() { return kLaunch; }
const Source& newsletter_source() { return kNewsletter; }
std::span<const Source> campaign_sources() { return kCampaign; }
std::span<const Page> pages() { return kPages; }

const Page& page(std::string_view path) {
    const auto* found =
        std::find_if(std::begin(kPages), std::end(kPages), [&](const Page& page) { return page.path == path; });
    FOOTFALL_CHECK(found != std::end(kPages));
    return *found;
}

}  // namespace footfall::demo
