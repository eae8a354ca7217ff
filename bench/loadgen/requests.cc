#include "loadgen/requests.h"

#include <fmt/format.h>

#include "loadgen/traffic.h"

namespace footfall::loadgen {
namespace {

constexpr std::size_t kPages = 2'000;
constexpr std::string_view kEventIdMark = "00000000-0000-7000-8000-000000000000";
constexpr std::string_view kTimestampMark = "1000000000000";
constexpr std::string_view kAddressMark = "010.010.010.010";

}  // namespace

Requests::Requests(const RequestOptions& options, Clock& clock)
    : clock_(clock), addresses_(options.addresses), random_(options.seed), page_(zipf(kPages)), agents_(make_agents()) {
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
        options.path, options.host, agents_[random_() % agents_.size()].text, pick(random_, kLanguages), kAddressMark,
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
    const std::string path = page_path(page);
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
        pick(random_, kReferrers).url, kTimestampMark, path, query, screen, screen, pick(random_, kLanguages),
        pick(random_, kZones));
    place.event_id = static_cast<std::uint32_t>(body.find(kEventIdMark, start));
    place.timestamp = static_cast<std::uint32_t>(body.find(kTimestampMark, start));
}

std::string_view Requests::next() {
    Template& chosen = templates_[next_];
    next_ = (next_ + 1) % templates_.size();
    const std::int64_t now_ms = clock_.wall_ms();
    char* text = chosen.text.data();
    for (const Place& place : chosen.events) {
        random_uuid_v7(now_ms, random_).write(text + place.event_id);
        put_digits(text + place.timestamp, kTimestampMark.size(), static_cast<std::uint64_t>(now_ms));
    }
    std::uint64_t visitor = random_();
    // One of so many numbers that have nothing else in common.
    if (addresses_ > 0) visitor = (visitor % addresses_ + 1) * 0x9E3779B97F4A7C15ull;
    put_address(text + chosen.address, visitor);
    return chosen.text;
}

}  // namespace footfall::loadgen
