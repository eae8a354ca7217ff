#include "loadgen/requests.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/result.h"
#include "base/uuid.h"

namespace footfall::loadgen {
namespace {

constexpr std::size_t kPages = 2'000;
constexpr std::size_t kAgents = 200;
constexpr std::string_view kEventIdMark = "00000000-0000-7000-8000-000000000000";
constexpr std::string_view kTimestampMark = "1000000000000";
constexpr std::string_view kAddressMark = "010.010.010.010";

constexpr std::string_view kSections[] = {"blog", "docs", "shop", "pricing", "help", "news", "about", "products"};
constexpr std::string_view kReferrers[] = {"",
                                           "",
                                           "",
                                           "https://www.google.com/",
                                           "https://www.google.com/",
                                           "https://duckduckgo.com/",
                                           "https://www.bing.com/search?q=analytics",
                                           "https://t.co/a1b2c3",
                                           "https://news.ycombinator.com/item?id=1",
                                           "https://www.linkedin.com/feed/",
                                           "https://blog.partner.example/a-post-about-analytics"};
constexpr std::string_view kLanguages[] = {"en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "ja-JP", "pt-BR"};
constexpr std::string_view kZones[] = {"America/New_York", "Europe/Berlin", "Europe/London", "Asia/Tokyo",
                                       "America/Sao_Paulo"};
constexpr std::string_view kScreens[] = {"1920x1080", "1536x864", "2560x1440", "390x844", "412x915", "820x1180"};
constexpr std::string_view kNames[] = {"signup", "download", "add_to_cart", "video_play", "outbound_link"};

template <std::size_t N>
std::string_view pick(std::mt19937_64& random, const std::string_view (&from)[N]) {
    return from[random() % N];
}

std::vector<std::string> make_agents() {
    std::vector<std::string> agents;
    for (std::size_t i = 0; i < kAgents; ++i) {
        const auto version = 100 + i / 5;
        switch (i % 5) {
            case 0:
                agents.push_back(
                    fmt::format("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                                "Chrome/{}.0.0.0 Safari/537.36",
                                version));
                break;
            case 1:
                agents.push_back(
                    fmt::format("Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0", version));
                break;
            case 2:
                agents.push_back(fmt::format(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS {0}_{1} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
                    "Gecko) Version/{0}.{1} Mobile/15E148 Safari/604.1",
                    12 + i / 30, i / 5 % 6));
                break;
            case 3:
                agents.push_back(
                    fmt::format("Mozilla/5.0 (Linux; Android 14; Pixel {}) AppleWebKit/537.36 (KHTML, like Gecko) "
                                "Chrome/{}.0.0.0 Mobile Safari/537.36",
                                4 + i / 40, version));
                break;
            default:
                agents.push_back(fmt::format(
                    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                    "Version/{}.{} Safari/605.1.15",
                    14 + i / 50, i / 5 % 6));
        }
    }
    return agents;
}

std::vector<double> zipf(std::size_t count) {
    std::vector<double> weights;
    for (std::size_t rank = 1; rank <= count; ++rank) weights.push_back(1.0 / static_cast<double>(rank));
    return weights;
}

void put_digits(char* out, std::size_t width, std::uint64_t value) {
    for (std::size_t i = width; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

Requests::Requests(const RequestOptions& options, Clock& clock)
    : clock_(clock), random_(options.seed), agents_(make_agents()) {
    const std::vector<double> weights = zipf(kPages);
    page_ = std::discrete_distribution<std::size_t>(weights.begin(), weights.end());
    templates_.reserve(options.bodies);
    for (std::size_t i = 0; i < options.bodies; ++i) templates_.push_back(make(options));
}

Requests::Template Requests::make(const RequestOptions& options) {
    Template made;
    std::string body = "[";
    for (std::size_t i = 0; i < options.events_per_body; ++i) {
        if (i > 0) body += ',';
        append_event(options, body, made.events.emplace_back());
    }
    body += ']';
    made.text = fmt::format(
        "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: */*\r\nAccept-Language: {}\r\nOrigin: "
        "https://shop.example\r\n"
        "Content-Type: text/plain;charset=UTF-8\r\nX-Forwarded-For: {}\r\nContent-Length: {}\r\n\r\n",
        options.path, options.host, agents_[random_() % agents_.size()], pick(random_, kLanguages), kAddressMark,
        body.size());
    made.address = static_cast<std::uint32_t>(made.text.find(kAddressMark));
    for (Place& place : made.events) {
        place.event_id += static_cast<std::uint32_t>(made.text.size());
        place.timestamp += static_cast<std::uint32_t>(made.text.size());
    }
    made.text += body;
    return made;
}

void Requests::append_event(const RequestOptions& options, std::string& body, Place& place) {
    const std::size_t page = page_(random_);
    const std::string path = fmt::format("/{}/page-{}", kSections[page % std::size(kSections)], page);
    const bool is_campaign = random_() % 10 == 0;
    const std::string query =
        is_campaign ? fmt::format("?utm_source=newsletter&utm_medium=email&utm_campaign=week-{}", random_() % 20) : "";
    const bool is_pageview = random_() % 5 != 0;
    const std::size_t start = body.size();
    body += fmt::format(
        R"({{"event_id":"{}","type":"{}","tracking_id":"{}","data":{{"page":"{}{}","title":"Page {} of the shop",)",
        kEventIdMark, is_pageview ? "pageview" : "event", options.site_id, path, query, page);
    if (!is_pageview)
        body += fmt::format(R"("name":"{}","properties":{{"plan":"{}","position":{}}},)", pick(random_, kNames),
                            page % 3 == 0 ? "pro" : "free", page % 10);
    const std::string_view screen = pick(random_, kScreens);
    body += fmt::format(
        R"("referrer":"{}","timestamp":{}}},"context":{{"url":"https://shop.example{}{}","screen":"{}","viewport":"{}","language":"{}",)"
        R"("timezone":"{}","sdk":"web/1.0.0"}}}})",
        pick(random_, kReferrers), kTimestampMark, path, query, screen, screen, pick(random_, kLanguages),
        pick(random_, kZones));
    place.event_id = static_cast<std::uint32_t>(body.find(kEventIdMark, start));
    place.timestamp = static_cast<std::uint32_t>(body.find(kTimestampMark, start));
}

std::string_view Requests::next() {
    Template& chosen = templates_[next_];
    next_ = (next_ + 1) % templates_.size();
    const auto now_ms = static_cast<std::uint64_t>(clock_.wall_ms());
    char* text = chosen.text.data();
    for (const Place& place : chosen.events) {
        Uuid id;
        const std::uint64_t high = now_ms << 16 | 0x7000 | (random_() & 0x0fff);
        const std::uint64_t low = (random_() & 0x3fff'ffff'ffff'ffff) | 0x8000'0000'0000'0000;
        for (unsigned i = 0; i < 8; ++i) {
            id.bytes[i] = static_cast<unsigned char>(high >> (56 - 8 * i));
            id.bytes[8 + i] = static_cast<unsigned char>(low >> (56 - 8 * i));
        }
        id.write(text + place.event_id);
        put_digits(text + place.timestamp, kTimestampMark.size(), now_ms);
    }
    // 4 x 250 x 250 visitors in networks of many countries. Leading zeros would be read as octal by some, so the width
    // is kept by the range.
    const std::uint64_t visitor = random_();
    put_digits(text + chosen.address, 3, 100 + visitor % 90);
    put_digits(text + chosen.address + 4, 3, 100 + (visitor >> 8) % 4);
    put_digits(text + chosen.address + 8, 3, 100 + (visitor >> 16) % 150);
    put_digits(text + chosen.address + 12, 3, 100 + (visitor >> 24) % 150);
    return chosen.text;
}

}  // namespace footfall::loadgen
